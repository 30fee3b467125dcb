//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// agent is one run of the agent's process.
type agent struct {
	cmd    *exec.Cmd
	key    string // that it signs with
	status string // URL
	said   *os.File
	exited chan struct{}

	mu   sync.Mutex
	err  error // of Wait, once exited
	peak int64 // bytes of resident memory
}

// launch says how to start an agent.
type launch struct {
	binary, config, log, status, key string
	env                              []string
	uid                              int // 0: as ourselves
	fileLimit                        int // bytes of any file; 0: none
}

// startAgent starts the agent and returns when it is ready.
func startAgent(ctx context.Context, l launch) (*agent, error) {
	said, err := os.OpenFile(l.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(l.binary, "run", "--config", l.config)
	cmd.Stderr = said
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "AWS_EC2_METADATA_DISABLED=true"}
	if l.key != "" {
		cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+l.key, "AWS_SECRET_ACCESS_KEY=secret")
	}
	cmd.Env = append(cmd.Env, l.env...)
	if l.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(l.uid), Gid: uint32(l.uid)}}
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, said.Close())
	}
	if l.fileLimit > 0 {
		limit := unix.Rlimit{Cur: uint64(l.fileLimit), Max: unix.RLIM_INFINITY}
		if err := unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
			return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait(), said.Close())
		}
	}
	a := &agent{cmd: cmd, key: l.key, status: "http://" + l.status, said: said, exited: make(chan struct{})}
	go a.watch()
	for {
		if _, err := a.report(ctx); err == nil {
			return a, nil
		}
		if ctx.Err() != nil {
			return nil, errors.Join(context.Cause(ctx), a.kill())
		}
		select {
		case <-a.exited:
			text, _ := os.ReadFile(l.log)
			return nil, fmt.Errorf("the agent ended at its start: %w: %s", a.ended(), bytes.TrimSpace(text[max(0, len(text)-300):]))
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// watch waits for the end of the process and samples its memory until then.
func (a *agent) watch() {
	sampled := make(chan struct{})
	go func() {
		defer close(sampled)
		for {
			a.sample()
			select {
			case <-a.exited:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	err := a.cmd.Wait()
	a.mu.Lock()
	a.err = err
	a.mu.Unlock()
	close(a.exited)
	<-sampled
	_ = a.said.Close()
}

// sample notes the peak of the resident memory, as the kernel has it.
func (a *agent) sample() {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			a.mu.Lock()
			a.peak = max(a.peak, n<<10)
			a.mu.Unlock()
		}
	}
}

func (a *agent) ended() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

func (a *agent) peakRSS() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.peak
}

// report asks the agent for its status.
func (a *agent) report(ctx context.Context) (status.Report, error) {
	var r status.Report
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.status+"/status", http.NoBody)
	if err != nil {
		return r, err
	}
	req.Close = true // another process may listen there next
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	return r, json.NewDecoder(resp.Body).Decode(&r)
}

// kill ends the process at once, and returns when it is gone.
func (a *agent) kill() error {
	a.sample()
	if err := a.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-a.exited
	return nil
}

// account is what an agent prints at its end, by signal.
type account struct {
	books [sidelight.NumSignals]meter.Totals
	left  int // events on disk
}

// stop ends the agent by SIGTERM and returns the account that it prints.
func (a *agent) stop(within time.Duration) (account, error) {
	a.sample()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return account{}, err
	}
	select {
	case <-a.exited:
	case <-time.After(within):
		return account{}, errors.Join(fmt.Errorf("the agent runs %v after SIGTERM", within), a.kill())
	}
	if err := a.ended(); err != nil {
		return account{}, fmt.Errorf("the agent ended with %w", err)
	}
	said, err := os.ReadFile(a.said.Name())
	if err != nil {
		return account{}, err
	}
	return readAccount(said)
}

// line is a line of the agent's log, as far as it matters here.
type line struct {
	Msg, Signal string
	meter.Totals
	Queued int64
	Events int
}

// readAccount reads the account of the last run in a log. A signal that had
// nothing has no line.
func readAccount(log []byte) (account, error) {
	var acc account
	for sc := bufio.NewScanner(bytes.NewReader(log)); sc.Scan(); {
		var l line
		if json.Unmarshal(sc.Bytes(), &l) != nil {
			continue
		}
		switch l.Msg {
		case "ready":
			acc = account{} // of an earlier run
		case "account":
			if q := l.Totals.Queued(); q != l.Queued {
				return acc, fmt.Errorf("the account of %s says %d queued, its other numbers say %d", l.Signal, l.Queued, q)
			}
			for s := range sidelight.Signal(sidelight.NumSignals) {
				if s.String() == l.Signal {
					acc.books[s] = l.Totals
				}
			}
		case "left on disk for the next start":
			acc.left = l.Events
		}
	}
	return acc, nil
}
