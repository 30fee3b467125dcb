package child

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminal is the controlling terminal, if the agent is in its foreground.
//
// The child has a process group of its own, so that what is meant for it
// reaches it once: a signal sent to the agent's group would otherwise come to
// it from the kernel and again from the agent. A terminal sends Ctrl-C to the
// group in its foreground, so that is made the child's.
type terminal struct{ fd int }

// controlling returns the terminal behind in, or nil if it is none or another
// process group has its foreground.
func controlling(in *os.File) *terminal {
	fd := int(in.Fd())
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	if err != nil || group != unix.Getpgrp() {
		return nil
	}
	return &terminal{fd}
}

// attr returns what the child is started with.
func (t *terminal) attr() *syscall.SysProcAttr {
	if t == nil {
		return &syscall.SysProcAttr{Setpgid: true}
	}
	return &syscall.SysProcAttr{Foreground: true, Ctty: t.fd}
}

// takeBack makes the agent's group the foreground again, for the shell that
// started it.
func (t *terminal) takeBack() {
	if t != nil {
		t.give(unix.Getpgrp())
	}
}

// give makes group the foreground.
func (t *terminal) give(group int) {
	// A process in the background is stopped for what follows unless it
	// ignores this signal.
	signal.Ignore(syscall.SIGTTOU)
	defer signal.Reset(syscall.SIGTTOU)
	// It fails if the terminal is gone, and then nobody needs it.
	_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group)
}
