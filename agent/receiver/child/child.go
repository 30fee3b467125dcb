// Package child runs a command as the agent's child, for platforms where a
// service cannot have a sidecar, and receives what it writes: each line on its
// standard output or error becomes an event. The same bytes go on, untouched
// and at once, to the agent's own output.
//
// The child comes first. Its exit status, its signals and its output are what
// they would be without the agent in between; and where lines cannot be shipped
// as fast as they are written they are dropped and counted rather than make the
// child wait, unless the configuration wants it otherwise.
//
// The child and the copying of its output belong to the Receiver, not to Run:
// they go on while Run is not running, until the child has ended.
package child

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// Config says what to run. Zero fields take the defaults.
type Config struct {
	// Command is the program, looked up in PATH unless it has a slash, and its
	// arguments.
	Command []string
	// Env are additions to the environment, as "name=value". They override
	// what the agent itself was given.
	Env []string
	// Dir is the child's working directory. Default: the agent's.
	Dir string
	// Stdin is given to the child as it is. Default os.Stdin.
	Stdin *os.File
	// Stdout and Stderr are where its output goes. Default those of the agent.
	Stdout, Stderr io.Writer
	// Buffer is the most bytes of each stream that wait to be shipped. Default
	// 2 MiB.
	Buffer int
	// Block makes the child wait when a buffer is full, instead of dropping.
	Block bool
	// MaxLine is the most bytes an event may have; what is longer becomes
	// several. Default 1,000,000, a little less than CloudWatch Logs takes.
	MaxLine int
	// Quiet is how long a line without a newline is waited for. Default 1 s.
	Quiet time.Duration
	// Linger is how long Run ships at most, once its context has ended.
	// Default 1 s.
	Linger time.Duration
	// Leftover is how long the output is read after the child has ended while
	// processes that it left behind keep it open. Default 1 s.
	Leftover time.Duration
	// Reap makes the agent the parent of processes whose own has ended, and
	// takes note of their end, so that they do not stay as zombies. It is
	// always so if the agent is process 1. Linux only.
	Reap bool
	// Dest returns where the lines of a stream, "stdout" or "stderr", go.
	Dest func(stream string) sidelight.DestHandle
}

func (c Config) withDefaults() Config {
	if c.Stdin == nil {
		c.Stdin = os.Stdin
	}
	if c.Stdout == nil {
		c.Stdout = os.Stdout
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	if c.Buffer == 0 {
		c.Buffer = 2 << 20
	}
	if c.MaxLine == 0 {
		c.MaxLine = 1_000_000
	}
	for _, d := range []*time.Duration{&c.Quiet, &c.Linger, &c.Leftover} {
		if *d == 0 {
			*d = time.Second
		}
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Command) == 0 || c.Command[0] == "" {
		bad("command: none is given")
	}
	if c.MaxLine < 16 {
		bad("max_line: %d is less than 16", c.MaxLine)
	}
	if c.Buffer < c.MaxLine+chunkBytes {
		bad("buffer: %d bytes do not hold a line of max_line and what is read at once, %d", c.Buffer, c.MaxLine+chunkBytes)
	}
	if c.Quiet < 0 || c.Linger < 0 || c.Leftover < 0 {
		bad("times: none may be negative")
	}
	if c.Dest == nil {
		bad("dest: a function is needed")
	}
	return errors.Join(errs...)
}

// Books is where a Receiver counts what it had to give up.
type Books interface {
	// Lose counts n lines that were written and could not be taken in.
	Lose(s sidelight.Signal, cause string, n int)
}

// Receiver runs one child.
type Receiver struct {
	cfg     Config
	log     *slog.Logger
	warn    *receiver.Warner
	streams [2]*stream
	wake    chan struct{}
	reads   [2]*os.File
	term    *terminal
	ships   *shipper

	begin sync.Once
	ended chan struct{} // closed when code and err are final

	mu      sync.Mutex
	process *os.Process // nil before the start and after the end
	early   []os.Signal
	over    bool
	code    int
	err     error
}

var _ sidelight.Receiver = (*Receiver)(nil)

// New returns a Receiver for the command in cfg, which is not started yet.
func New(cfg Config, books Books, log *slog.Logger) (*Receiver, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the child: %w", err)
	}
	r := &Receiver{
		cfg: cfg, log: log, warn: receiver.NewWarner(log), wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	for i, name := range []string{"stdout", "stderr"} {
		r.streams[i] = &stream{
			name: name, dest: cfg.Dest(name), limit: cfg.Buffer, block: cfg.Block, wake: r.notify,
			lost: func(cause string, n int) {
				books.Lose(sidelight.Logs, cause, n)
				r.warn.Warn("lines of the child were dropped", slog.String("source", name), slog.String("reason", cause), slog.Int("events", n))
			},
		}
		r.streams[i].room.L = &r.streams[i].mu
	}
	return r, nil
}

// notify tells Run that there is something to ship.
func (r *Receiver) notify() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// The exit codes that shells give to commands that cannot be run.
const (
	notExecutable = 126
	notFound      = 127
)

// Start starts the child, unless that was done. Run does so too. If the child
// cannot be started, Wait returns the error at once.
func (r *Receiver) Start() error {
	r.begin.Do(func() {
		if err := r.start(); err != nil {
			r.end(startCode(err), fmt.Errorf("start %q: %w", r.cfg.Command[0], err))
		}
	})
	select {
	case <-r.ended:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.err
	default:
		return nil
	}
}

func startCode(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return notFound
	}
	return notExecutable
}

func (r *Receiver) start() error {
	path, err := exec.LookPath(r.cfg.Command[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return err
	}
	cmd := exec.Command(path, r.cfg.Command[1:]...)
	cmd.Args[0] = r.cfg.Command[0]
	cmd.Env = slices.Concat(os.Environ(), r.cfg.Env)
	cmd.Dir, cmd.Stdin = r.cfg.Dir, r.cfg.Stdin
	var writes [2]*os.File
	for i := range writes {
		if r.reads[i], writes[i], err = os.Pipe(); err != nil {
			return err
		}
		defer writes[i].Close()
	}
	cmd.Stdout, cmd.Stderr = writes[0], writes[1]
	r.term = controlling(r.cfg.Stdin)
	cmd.SysProcAttr = r.term.attr()
	reaper, err := newReaper(r.cfg.Reap, r.log)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		reaper.stop()
		return errors.Join(err, r.reads[0].Close(), r.reads[1].Close())
	}
	r.started(cmd.Process)
	reaper.spare(cmd.Process.Pid)
	go r.supervise(cmd, reaper)
	return nil
}

// started makes p the target of signals, first of those that came too early.
func (r *Receiver) started(p *os.Process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.process = p
	for _, sig := range r.early {
		r.deliverLocked(sig)
	}
	r.early = nil
}

// supervise copies the child's output until the child has ended and its output
// too.
func (r *Receiver) supervise(cmd *exec.Cmd, reaper *reaper) {
	var wg sync.WaitGroup
	for i, out := range []io.Writer{r.cfg.Stdout, r.cfg.Stderr} {
		wg.Go(func() { r.copy(r.streams[i], r.reads[i], out) })
	}
	unfollow := r.term.follow(cmd.Process.Pid)
	code, err := exitCode(cmd.Wait())
	unfollow()
	r.mu.Lock()
	r.process = nil
	r.mu.Unlock()
	r.term.takeBack()
	deadline := time.Now().Add(r.cfg.Leftover)
	for _, f := range r.reads {
		// A pipe that cannot have a deadline ends with its last writer.
		_ = f.SetReadDeadline(deadline)
	}
	wg.Wait()
	reaper.stop()
	r.end(code, err)
}

func exitCode(err error) (int, error) {
	if err == nil {
		return 0, nil
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return 1, fmt.Errorf("wait for the child: %w", err)
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return exit.ExitCode(), nil
}

func (r *Receiver) end(code int, err error) {
	r.mu.Lock()
	r.code, r.err, r.over = code, err, true
	r.mu.Unlock()
	for _, s := range r.streams {
		s.finish()
	}
	close(r.ended)
	r.notify()
}

// Wait blocks until the child was started and has ended, and its output has
// been passed through. It returns the code to exit with: the child's own, 128
// and its number if a signal ended it, and with an error 127 if the command was
// not found, or 126 if it cannot be run.
func (r *Receiver) Wait() (exitCode int, err error) {
	<-r.ended
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.code, r.err
}

// Signal passes sig on to the child. Before the start it is kept until then;
// after the end it does nothing.
func (r *Receiver) Signal(sig os.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.process != nil:
		r.deliverLocked(sig)
	case !r.over:
		r.early = append(r.early, sig)
	}
}

func (r *Receiver) deliverLocked(sig os.Signal) {
	if err := r.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		r.warn.Warn("a signal could not be passed on", slog.Any("signal", sig), slog.Any("err", err))
	}
}
