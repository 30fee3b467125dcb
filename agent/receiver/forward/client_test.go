package forward_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/fluent/fluent-logger-golang/fluent"

	"github.com/sidelight-dev/sidelight/agent/receiver/forward"
)

// client returns fluentd's own Go client, connected to s.
func client(t *testing.T, s *server, cfg fluent.Config) *fluent.Fluent {
	t.Helper()
	switch a := s.Addrs()[0].(type) {
	case *net.TCPAddr:
		cfg.FluentHost, cfg.FluentPort = a.IP.String(), a.Port
	case *net.UnixAddr:
		cfg.FluentNetwork, cfg.FluentSocketPath = "unix", a.Name
	}
	cfg.ReadTimeout = 20 * time.Second
	c, err := fluent.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFluentClient(t *testing.T) {
	for name, cfg := range map[string]fluent.Config{
		"sync":       {},
		"sync, acks": {RequestAck: true},
		"async":      {Async: true},
		"async acks": {Async: true, RequestAck: true},
		"sub-second": {SubSecondPrecision: true, RequestAck: true},
	} {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(name+" "+network, func(t *testing.T) {
				var listen forward.Config
				if network == "unix" {
					listen.Unix = socket(t)
				}
				s := start(t, listen, new(sink))
				post(t, client(t, s, cfg), s, cfg.SubSecondPrecision)
			})
		}
	}
}

func post(t *testing.T, c *fluent.Fluent, s *server, fine bool) {
	t.Helper()
	const count = 200
	at := time.UnixMilli(1600000000_123)
	for i := range count {
		record := map[string]any{"n": i, "who": map[string]string{"name": "Zoë"}}
		if err := c.PostWithTime(fmt.Sprintf("t%d", i/100), at, record); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	ms := int64(1600000000_000)
	if fine {
		ms += 123
	}
	seen := map[string]bool{}
	for _, e := range s.sink.wait(t, count) {
		seen[e.Group+e.Body] = true
		if e.Time != ms {
			t.Fatalf("time %d, want %d", e.Time, ms)
		}
	}
	for i := range count {
		a := fmt.Sprintf(`t%d{"n":%d,"who":{"name":"Zoë"}}`, i/100, i)
		b := fmt.Sprintf(`t%d{"who":{"name":"Zoë"},"n":%d}`, i/100, i)
		if !seen[a] && !seen[b] {
			t.Fatalf("%s is missing; %d are there", a, len(seen))
		}
	}
}

func TestClientResendsWhatWasNotKept(t *testing.T) {
	s := start(t, forward.Config{}, &sink{hold: true})
	c := client(t, s, fluent.Config{RequestAck: true})
	defer c.Close()
	posted := make(chan error, 1)
	go func() { posted <- c.Post("app", map[string]string{"a": "b"}) }()
	s.sink.wait(t, 1)
	s.sink.release(net.ErrClosed)
	s.sink.wait(t, 2)
	s.sink.release(nil)
	if err := <-posted; err != nil {
		t.Error(err)
	}
}
