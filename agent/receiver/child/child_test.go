package child_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/agent/receiver/child"
)

// running is a receiver at work and what it passes through.
type running struct {
	*child.Receiver
	sink           *sink
	books          *books
	stdout, stderr *output
	stop           func()
	done           chan struct{}
}

// start runs one of the programs of TestMain.
func start(t *testing.T, cfg child.Config, s *sink, program string, args ...string) *running {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Command == nil {
		cfg.Command = append([]string{self}, args...)
	}
	run := &running{sink: s, books: new(books), stdout: new(output), stderr: new(output), done: make(chan struct{})}
	cfg.Env = append(cfg.Env, "CHILD_PROGRAM="+program, "GORACE=atexit_sleep_ms=0")
	cfg.Stdout, cfg.Stderr, cfg.Dest = run.stdout, run.stderr, dest
	run.Receiver, err = child.New(cfg, run.books, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(run.done)
		if err := run.Run(ctx, s); err != nil {
			t.Errorf("Run = %v", err)
		}
	}()
	run.stop = func() {
		cancel()
		<-run.done
	}
	t.Cleanup(func() {
		run.Signal(os.Kill)
		run.stop()
	})
	return run
}

func (r *running) exit(t *testing.T, want int) {
	t.Helper()
	if code, err := r.Wait(); code != want || err != nil {
		t.Errorf("Wait = %d, %v; want %d", code, err, want)
	}
}

func TestExitCode(t *testing.T) {
	for _, code := range []int{0, 1, 42, 255} {
		start(t, child.Config{}, newSink(), "exit", strconv.Itoa(code)).exit(t, code)
	}
	start(t, child.Config{}, newSink(), "die").exit(t, 128+int(syscall.SIGTERM))
}

func TestCannotStart(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	noise := filepath.Join(dir, "noise")
	if err := os.WriteFile(noise, []byte("\x01\x02"), 0o700); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]int{
		"no-such-command-here": 127, filepath.Join(dir, "missing"): 127, plain: 126, noise: 126, dir: 126,
	} {
		r := start(t, child.Config{Command: []string{command}}, newSink(), "")
		if code, err := r.Wait(); code != want || err == nil {
			t.Errorf("%s: Wait = %d, %v; want %d", command, code, err, want)
		}
		if err := r.Start(); err == nil {
			t.Errorf("%s: Start does not tell", command)
		}
		<-r.done
	}
}

func TestOutputIsPassedThroughAndShipped(t *testing.T) {
	out, errs := "one\r\n\ntwo\x1b[0m\xff\nlast, without an end", "oops\n"
	r := start(t, child.Config{}, newSink(), "print", out, errs)
	r.exit(t, 0)
	<-r.done
	if r.stdout.String() != out || r.stderr.String() != errs {
		t.Errorf("passed through %q and %q", r.stdout, r.stderr)
	}
	if got := r.sink.streams["stdout"].String(); got != "one\ntwo\x1b[0m\xff\nlast, without an end\n" {
		t.Errorf("shipped %q", got)
	}
	if got := r.sink.streams["stderr"].String(); got != "oops\n" {
		t.Errorf("shipped %q", got)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("GREETING", "hi")
	dir := t.TempDir()
	r := start(t, child.Config{Env: []string{"GREETING=hello"}, Dir: dir}, newSink(), "where")
	r.exit(t, 0)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintln("hello", dir, true, self); r.stdout.String() != want {
		t.Errorf("%q, want %q", r.stdout, want)
	}
}

func TestSignals(t *testing.T) {
	r := start(t, child.Config{}, newSink(), "signals")
	r.stdout.wait(t, "ready")
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGQUIT, syscall.SIGWINCH} {
		r.Signal(sig)
		r.stdout.wait(t, "got "+sig.String()+"\n")
	}
	r.Signal(syscall.SIGTERM)
	r.exit(t, 9)
	r.Signal(syscall.SIGTERM) // of no use, and no harm
}

func TestSignalBeforeTheStart(t *testing.T) {
	r, err := child.New(child.Config{Command: []string{"/bin/sleep", "30"}, Dest: dest}, new(books), discard)
	if err != nil {
		t.Fatal(err)
	}
	r.Signal(syscall.SIGTERM)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	if code, err := r.Wait(); code != 143 || err != nil {
		t.Errorf("Wait = %d, %v", code, err)
	}
}

func TestUnfinishedLineIsShippedAfterAWhile(t *testing.T) {
	in, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	r := start(t, child.Config{Stdin: in, Quiet: 50 * time.Millisecond}, newSink(), "cat")
	if _, err := write.WriteString("first\nprompt: "); err != nil {
		t.Fatal(err)
	}
	r.sink.streams["stdout"].wait(t, "prompt: \n")
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	r.exit(t, 0)
}

// wide is what a line of the program "lines" is long, at least.
const wide = 97

func TestSlowShippingDoesNotStopTheChild(t *testing.T) {
	s := newSink()
	s.gate = make(chan struct{})
	const count = 50_000
	r := start(t, child.Config{Buffer: 200_000, MaxLine: 1000}, s, "lines", strconv.Itoa(count))
	r.exit(t, 0)
	close(s.gate)
	<-r.done
	if n := strings.Count(r.stdout.String(), "\n"); n != count {
		t.Errorf("%d lines were passed through, want %d", n, count)
	}
	shipped := strings.Count(s.streams["stdout"].String(), "\n")
	if lost := r.books.count("child_buffer_full"); shipped+lost != count || shipped < 100_000/wide/2 {
		t.Errorf("%d shipped and %d lost, of %d", shipped, lost, count)
	}
	intact(t, s.streams["stdout"].String())
}

// intact checks that no line of the program "lines" is torn, doubled or out of
// order.
func intact(t *testing.T, text string) {
	t.Helper()
	last := -1
	for line := range strings.Lines(text) {
		var n int
		var x string
		if _, err := fmt.Sscanf(line, "line %d %s\n", &n, &x); err != nil || n <= last || x != strings.Repeat("x", 90) {
			t.Fatalf("after line %d: %q, %v", last, line, err)
		}
		last = n
	}
}

func TestBlock(t *testing.T) {
	s := newSink()
	s.gate = make(chan struct{})
	const count = 20_000
	r := start(t, child.Config{Buffer: 200_000, MaxLine: 1000, Block: true}, s, "lines", strconv.Itoa(count))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.exit(t, 0)
	}()
	select {
	case <-ended:
		t.Fatal("the child was not stopped by a full buffer")
	case <-time.After(200 * time.Millisecond):
	}
	close(s.gate)
	<-ended
	<-r.done
	if n := strings.Count(s.streams["stdout"].String(), "\n"); n != count || r.books.count("child_buffer_full") != 0 {
		t.Errorf("%d lines were shipped, want %d", n, count)
	}
	intact(t, s.streams["stdout"].String())
}

func TestTheChildOutlivesRun(t *testing.T) {
	for name, block := range map[string]bool{"drop": false, "block": true} {
		t.Run(name, func(t *testing.T) {
			in, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			r := start(t, child.Config{Stdin: in, Block: block}, newSink(), "cat")
			if _, err := write.WriteString("one\ntwo"); err != nil {
				t.Fatal(err)
			}
			r.stdout.wait(t, "two")
			r.stop()
			if got := r.sink.streams["stdout"].String(); got != "one\ntwo\n" {
				t.Errorf("shipped %q", got)
			}
			if _, err := io.WriteString(write, strings.Repeat("three\n", 600_000)); err != nil {
				t.Fatal(err)
			}
			if err := write.Close(); err != nil {
				t.Fatal(err)
			}
			r.exit(t, 0)
			if n := len(r.stdout.String()); n != 7+6*600_000 {
				t.Errorf("%d bytes were passed through", n)
			}
			if n := r.books.count("shutdown"); n != 600_000 {
				t.Errorf("%d lines lost, want 600,000", n)
			}
		})
	}
}

func TestStopWithoutRoomCountsTheRest(t *testing.T) {
	s := newSink()
	s.gate = make(chan struct{})
	r := start(t, child.Config{Linger: 50 * time.Millisecond}, s, "lines", "100")
	r.exit(t, 0)
	r.stop()
	if n := r.books.count("shutdown"); n != 100 {
		t.Errorf("%d lines lost, want 100", n)
	}
}

func TestBrokenSink(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := child.New(child.Config{
		Command: []string{self, "500"}, Env: []string{"CHILD_PROGRAM=lines"}, Stdout: io.Discard, Dest: dest,
	}, new(books), discard)
	if err != nil {
		t.Fatal(err)
	}
	s, broken := newSink(), errors.New("broken")
	for range 2 {
		s.broken <- broken
		if err := r.Run(t.Context(), s); !errors.Is(err, broken) {
			t.Fatalf("Run = %v, want %v", err, broken)
		}
	}
	if err := r.Run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(s.streams["stdout"].String(), "\n"); n != 500 {
		t.Errorf("%d lines, want 500", n)
	}
	intact(t, s.streams["stdout"].String())
}

func TestLeftoverProcessDoesNotHoldTheEnd(t *testing.T) {
	r := start(t, child.Config{Leftover: 50 * time.Millisecond}, newSink(), "holder")
	r.exit(t, 0)
	<-r.done
	pid, err := strconv.Atoi(strings.TrimSpace(r.stdout.String()))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the process that was left behind: %v", err)
	}
}

func TestConfigRefused(t *testing.T) {
	for want, cfg := range map[string]child.Config{
		"command":  {Dest: dest},
		"max_line": {Command: []string{"x"}, MaxLine: 1, Dest: dest},
		"buffer":   {Command: []string{"x"}, Buffer: 1000, Dest: dest},
		"times":    {Command: []string{"x"}, Quiet: -1, Dest: dest},
		"dest":     {Command: []string{"x"}},
	} {
		_, err := child.New(cfg, new(books), discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want an error that names %q", err, want)
		}
	}
}
