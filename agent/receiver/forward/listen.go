package forward

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// listen opens the listeners of cfg, TCP first.
func listen(cfg Config) ([]net.Listener, error) {
	var all []net.Listener
	if cfg.TCP != "" {
		l, err := net.Listen("tcp", cfg.TCP)
		if err != nil {
			return nil, fmt.Errorf("listen for forward on %s: %w", cfg.TCP, err)
		}
		all = append(all, l)
	}
	if cfg.Unix == "" {
		return all, nil
	}
	l, err := listenUnix(cfg.Unix, cfg.UnixMode)
	if err != nil {
		for _, l := range all {
			l.Close()
		}
		return nil, fmt.Errorf("listen for forward on %s: %w", cfg.Unix, err)
	}
	return append(all, l), nil
}

func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if err := removeStale(path); err != nil {
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

// removeStale removes the socket at path if nobody listens on it any more: a
// process that was killed leaves its socket behind.
func removeStale(path string) error {
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
	c, err := net.Dial("unix", path)
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
