package child

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// settle is how long a zombie must have been one before it is reaped: the
// parent of a process is given time to do so itself, and within the agent that
// is whoever started it.
const settle = 2 * time.Second

// reaper takes note of the end of processes that became the agent's children
// because their own parent ended first.
type reaper struct {
	log    *slog.Logger
	quit   chan struct{}
	wg     sync.WaitGroup
	mu     sync.Mutex
	spared int
}

// newReaper starts a reaper if the agent is process 1 or always is set, and
// else returns nil.
func newReaper(always bool, log *slog.Logger) (*reaper, error) {
	if os.Getpid() != 1 {
		if !always {
			return nil, nil
		}
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return nil, fmt.Errorf("become the parent of orphans: %w", err)
		}
	}
	r := &reaper{log: log, quit: make(chan struct{})}
	r.wg.Go(r.run)
	return r, nil
}

// spare exempts the child itself, whose end exec.Cmd notes.
func (r *reaper) spare(pid int) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spared = pid
}

func (r *reaper) stop() {
	if r == nil {
		return
	}
	close(r.quit)
	r.wg.Wait()
}

func (r *reaper) run() {
	died := make(chan os.Signal, 1)
	signal.Notify(died, syscall.SIGCHLD)
	defer signal.Stop(died)
	since := map[int]time.Time{}
	for {
		var again <-chan time.Time
		if len(since) > 0 {
			again = time.After(settle / 2)
		}
		select {
		case <-r.quit:
			return
		case <-died:
		case <-again:
		}
		r.sweep(since)
	}
}

// sweep reaps the zombies that have been there for long enough. since is when
// each was seen first.
func (r *reaper) sweep(since map[int]time.Time) {
	r.mu.Lock()
	spared := r.spared
	r.mu.Unlock()
	now := time.Now()
	seen := map[int]bool{}
	for _, pid := range zombies() {
		if pid == spared {
			continue
		}
		first, ok := since[pid]
		switch {
		case !ok:
			since[pid] = now
		case now.Sub(first) >= settle:
			if _, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); err != nil {
				r.log.Debug("an orphan could not be reaped", slog.Int("pid", pid), slog.Any("err", err))
			}
			continue
		}
		seen[pid] = true
	}
	for pid := range since {
		if !seen[pid] {
			delete(since, pid)
		}
	}
}

// zombies returns the children of this process that have ended and were not
// waited for.
func zombies() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	var pids []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err == nil && isZombieOf(stat, os.Getpid()) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isZombieOf reads a line of /proc/<pid>/stat: number, name in parentheses,
// which may hold any byte, state, parent (proc(5)).
func isZombieOf(stat []byte, parent int) bool {
	i := bytes.LastIndexByte(stat, ')')
	if i < 0 {
		return false
	}
	fields := bytes.Fields(stat[i+1:])
	return len(fields) > 1 && string(fields[0]) == "Z" && string(fields[1]) == strconv.Itoa(parent)
}
