package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is the unit of times in /proc, a hundredth of a second on every Linux.
const ticks = 100

// agent is the process that is measured.
type agent struct {
	cmd *exec.Cmd
	log *os.File
}

// startAgent starts the agent with the configuration in dir.
func startAgent(ctx context.Context, o options, dir, config string) (*agent, error) {
	file := filepath.Join(dir, "sidelight.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	args := []string{o.agent, "run", "--config", file}
	if o.profile != "" {
		args = append(args, "--cpu-profile", filepath.Join(o.profile, "cpu.pprof"), "--mem-profile", filepath.Join(o.profile, "mem.pprof"))
	}
	if o.cpu != "" {
		args = append([]string{"taskset", "-c", o.cpu}, args...)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = log
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_EC2_METADATA_DISABLED=true")
	cmd.Env = append(cmd.Env, strings.Fields(o.env)...)
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, err
	}
	return &agent{cmd, log}, nil
}

// stop ends the agent and returns an error, with what it said, if it did not end
// well.
func (a *agent) stop() error {
	defer a.log.Close()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := a.cmd.Wait(); err != nil {
		said, readErr := os.ReadFile(a.log.Name())
		return errors.Join(fmt.Errorf("the agent ended with %w:\n%s", err, said), readErr)
	}
	return nil
}

// cpu returns the processor time that the agent has used.
func (a *agent) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// Fields 14 and 15 of proc(5), counted after the name in parentheses.
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	user, err := strconv.Atoi(f[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(f[12])
	return time.Duration(user+system) * time.Second / ticks, err
}

// memory returns a line of /proc/PID/status, VmRSS or VmHWM, in bytes.
func (a *agent) memory(name string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == name+":" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in the process's status", name)
}

// ready waits until the agent listens.
func ready(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			return c.Close()
		}
		if ctx.Err() != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// freePort returns an address that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
