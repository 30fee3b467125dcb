package child

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// follow watches for the child being stopped, as Ctrl-Z does, until the
// returned function is called. A shell that started the agent waits for the
// agent, so the agent stops as well and gives it the terminal; when the shell
// lets it go on, so does the child.
func (t *terminal) follow(pid int) (stop func()) {
	if t == nil {
		return func() {}
	}
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGCHLD)
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-quit:
				return
			case <-changed:
				if stopped(pid) {
					t.suspend(pid)
				}
			}
		}
	})
	return func() {
		signal.Stop(changed)
		close(quit)
		wg.Wait()
	}
}

// stopped reports, once for each time, that the child was stopped.
func stopped(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WNOHANG, nil)
	return err == nil && info.Signo != 0
}

// suspend stops the agent until somebody continues it, and continues the child.
func (t *terminal) suspend(pid int) {
	if sid, err := unix.Getsid(0); err == nil && sid != os.Getpid() {
		t.takeBack()
		// It returns when the agent was continued.
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		if group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP); err == nil && group == unix.Getpgrp() {
			t.give(pid)
		}
	}
	// A process that leads its session has no shell to continue it: the child
	// just goes on.
	_ = syscall.Kill(-pid, syscall.SIGCONT)
}
