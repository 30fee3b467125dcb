package forward_test

import (
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/receiver/forward"
)

func open(t *testing.T, cfg forward.Config) (*forward.Receiver, error) {
	t.Helper()
	cfg.Dest = dest
	r, err := forward.New(cfg, new(books), slog.New(slog.DiscardHandler))
	if err == nil {
		t.Cleanup(func() { r.Close() })
	}
	return r, err
}

func TestUnixSocket(t *testing.T) {
	path := socket(t)
	if _, err := open(t, forward.Config{Unix: path, UnixMode: 0o622}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o622 {
		t.Errorf("Stat = %v, %v; want mode 0622", info.Mode(), err)
	}
	if _, err := open(t, forward.Config{Unix: path}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second receiver on the same socket: %v", err)
	}
}

func TestStaleSocketIsRemoved(t *testing.T) {
	path := socket(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := open(t, forward.Config{Unix: path})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket outlived its listener: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, forward.Config{Unix: path}); err == nil {
		t.Error("a file was removed that is not a socket")
	}
}

func TestConfigRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  forward.Config
		want string
	}{
		"nothing":    {forward.Config{}, "tcp or unix"},
		"shared key": {forward.Config{Unix: "/x", SharedKey: "secret"}, "shared_key"},
		"tls":        {forward.Config{Unix: "/x", TLS: &tls.Config{}}, "tls"},
		"users":      {forward.Config{TCP: "127.0.0.1:0", Users: map[string]string{"a": "b"}}, "shared key"},
		"long path":  {forward.Config{Unix: "/" + strings.Repeat("x", 107)}, "107 bytes"},
		"mode":       {forward.Config{Unix: "/x", UnixMode: os.ModeSetuid | 0o600}, "unix mode"},
		"memory":     {forward.Config{TCP: "127.0.0.1:0", Memory: 1}, "memory"},
		"negative":   {forward.Config{TCP: "127.0.0.1:0", Stall: -1}, "negative"},
		"address":    {forward.Config{TCP: "nonsense", Unix: "/x"}, "nonsense"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := open(t, tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("New = %v, want an error that names %q", err, tc.want)
			}
		})
	}
	r, err := open(t, forward.Config{TCP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, forward.Config{TCP: r.Addrs()[0].String()}); err == nil {
		t.Error("a port in use was accepted")
	}
}
