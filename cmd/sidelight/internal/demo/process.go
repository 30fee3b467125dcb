package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a child whose standard output goes to a log file and whose standard
// error is kept beside it.
type process struct {
	name   string
	cmd    *exec.Cmd
	errLog string
	done   chan struct{}
	err    error
}

// spawn starts a child. Its standard output is its log, as in a container. It is
// in a process group of its own: a Ctrl-C ends the demo, which ends its children
// in order.
func (d *Demo) spawn(ctx context.Context, name string, command, env []string) (*process, error) {
	logs := filepath.Join(d.o.Dir, "logs")
	if name == "agent" || name == "load" {
		// The agent does not follow its own log, and the driver has none.
		logs = d.o.Dir
	}
	if err := os.MkdirAll(logs, 0o700); err != nil {
		return nil, err
	}
	out, err := os.Create(filepath.Join(logs, name+".log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{name: name, errLog: filepath.Join(d.o.Dir, name+".stderr"), done: make(chan struct{})}
	talk, err := os.Create(p.errLog)
	if err != nil {
		return nil, err
	}
	defer talk.Close()
	// The child outlives ctx on purpose: Stop ends it.
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = out, talk
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	d.procs = append(d.procs, p)
	return p, nil
}

// wait polls until ready holds, the child ends, or ten seconds have passed.
func (p *process) wait(ctx context.Context, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for !ready() {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended at once: %w\n%s", p.name, p.err, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after 10 s\n%s", p.name, p.lastWords())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// lastWords returns the end of what the child said on standard error.
func (p *process) lastWords() []byte {
	text, err := os.ReadFile(p.errLog)
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(text[max(0, len(text)-2000):])
}

// stop asks the child to end and waits for it; after patience it is killed.
func (p *process) stop(patience time.Duration) error {
	select {
	case <-p.done:
		return nil // it was stopped before, or its end was reported
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end in %v and was killed", p.name, patience)
	}
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		return fmt.Errorf("%s: %w\n%s", p.name, exit, p.lastWords())
	}
	return p.err
}
