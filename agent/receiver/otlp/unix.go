package otlp

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
)

// listenUnix opens a unix socket, in place of one that a process left behind
// when it died.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	l, err := net.Listen("unix", path)
	if err != nil && isStale(path) {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the old socket: %w", err)
		}
		l, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("open the socket to others: %w", err), l.Close())
	}
	return l, nil
}

// isStale reports whether path is a socket that nobody listens on.
func isStale(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&fs.ModeSocket == 0 {
		return false
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
	}
	return err != nil
}
