package stdout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// open returns an Output for f that never blocks longer than it is allowed to.
func open(f *os.File) (Output, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("standard output: %w", err)
	}
	if info.Mode().IsRegular() {
		return file{f}, nil // does not block
	}
	if info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice) != 0 {
		// To be opened anew is not to be shared: whether writing blocks is a
		// property that a command which inherited f would see, too.
		again, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), os.O_WRONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
		if err == nil && again.SetWriteDeadline(time.Time{}) == nil {
			return &pollable{f: again}, nil
		}
		if err == nil {
			again.Close()
		}
	}
	return polled{f}, nil
}

// file is written to directly.
type file struct{ f *os.File }

func (w file) Write(_ context.Context, p []byte) (int, error) { return w.f.Write(p) }

// pollable is a file that knows deadlines.
type pollable struct{ f *os.File }

func (w *pollable) Write(ctx context.Context, p []byte) (int, error) {
	if err := w.f.SetWriteDeadline(time.Time{}); err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = w.f.SetWriteDeadline(time.Unix(1, 0))
	})
	n, err := w.f.Write(p)
	if !stop() {
		<-ended // or it would end the next write
	}
	return n, err
}

// polled is asked whether it takes a little before it gets a little: a pipe or
// socket that is ready takes as much as a page at once.
type polled struct{ f *os.File }

// slice is how long one look takes, page how much is written after it.
const (
	slice = 50 * time.Millisecond
	page  = 4096
)

func (w polled) Write(ctx context.Context, p []byte) (int, error) {
	done := 0
	for done < len(p) {
		if err := context.Cause(ctx); err != nil {
			return done, err
		}
		fds := []unix.PollFd{{Fd: int32(w.f.Fd()), Events: unix.POLLOUT}}
		n, err := unix.Poll(fds, int(slice.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return done, fmt.Errorf("poll standard output: %w", err)
		}
		if n <= 0 {
			continue
		}
		// To write where nobody reads would end the process by a signal.
		if fds[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
			return done, errors.New("nobody reads standard output")
		}
		m, err := w.f.Write(p[done:min(len(p), done+page)])
		done += m
		if err != nil {
			return done, err
		}
	}
	return done, nil
}
