// Package dirlock makes a directory one process's: the queue's files and those
// beside them have one writer. The kernel lets go of a lock when its holder dies.
package dirlock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// name is the file that is locked. It stays when the lock is gone.
const name = "lock"

// ErrHeld says that another process holds the lock.
var ErrHeld = errors.New("another process uses it")

// Lock takes the directory for this process, or returns ErrHeld at once. Closing
// the file lets go.
func Lock(root *os.Root) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Held reports whether a process has the directory. It changes nothing, so that
// a directory can be looked at that cannot be written to.
func Held(root *os.Root) (bool, error) {
	f, err := root.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open lock: %w", err)
	}
	defer f.Close()
	err = flock(f, syscall.LOCK_SH)
	if errors.Is(err, ErrHeld) {
		return true, nil
	}
	return false, err
}

func flock(f *os.File, how int) error {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrHeld
	}
	return err
}
