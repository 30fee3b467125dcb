package receiver

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// MaxUnixPath is the most bytes that the path of a unix socket may have: the
// length of sun_path in Linux' sockaddr_un less its zero.
const MaxUnixPath = 107

// ListenUnix listens on a stream socket at path with the permissions mode. A
// socket that a process left there which is gone is removed.
func ListenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if err := removeStale("unix", path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// ListenUnixgram is ListenUnix for datagrams. Unlike a listener's Close, that of
// the connection leaves the socket's file where it is.
func ListenUnixgram(path string, mode fs.FileMode) (*net.UnixConn, error) {
	if err := removeStale("unixgram", path); err != nil {
		return nil, err
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// removeStale removes the socket at path if nobody listens on it any more: a
// process that was killed leaves its socket behind.
func removeStale(network, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("a file that is not a socket is in the way")
	}
	c, err := net.Dial(network, path)
	if err == nil {
		c.Close()
		return errors.New("another process listens there")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("ask whether somebody listens: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a stale socket: %w", err)
	}
	return nil
}
