package forward

import (
	"fmt"
	"net"

	"github.com/sidelight-dev/sidelight/agent/receiver"
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
	l, err := receiver.ListenUnix(cfg.Unix, cfg.UnixMode)
	if err != nil {
		for _, l := range all {
			l.Close()
		}
		return nil, fmt.Errorf("listen for forward on %s: %w", cfg.Unix, err)
	}
	return append(all, l), nil
}
