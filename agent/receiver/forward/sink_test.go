package forward_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/forward"
)

// sink keeps what is pushed. Its gate, if there is one, must be received from
// before a Push goes on; hold keeps the tickets.
type sink struct {
	gate chan struct{}
	hold bool

	mu      sync.Mutex
	events  []got
	tickets []*sidelight.Ticket
	pushes  int
	changed chan struct{}
}

type got struct {
	Group string
	Time  int64
	Body  string
}

func (s *sink) Push(ctx context.Context, b *sidelight.Batch) error {
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return sidelight.ErrFull
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushes++
	for _, e := range b.Events {
		s.events = append(s.events, got{b.Dest.Value().Group, e.Time, string(e.Body)})
	}
	if s.hold && b.Ticket != nil {
		b.Ticket.Hold()
		s.tickets = append(s.tickets, b.Ticket)
	}
	s.wakeLocked()
	return nil
}

func (s *sink) wakeLocked() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// wait returns the events once there are n.
func (s *sink) wait(t *testing.T, n int) []got {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		s.mu.Lock()
		if len(s.events) >= n {
			defer s.mu.Unlock()
			return append([]got(nil), s.events...)
		}
		have := len(s.events)
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%d events arrived, want %d", have, n)
		}
	}
}

// release lets go of the tickets that were held.
func (s *sink) release(err error) int {
	s.mu.Lock()
	tickets := s.tickets
	s.tickets = nil
	s.mu.Unlock()
	for _, t := range tickets {
		t.Release(err)
	}
	return len(tickets)
}

// books counts what is lost.
type books struct {
	mu   sync.Mutex
	lost map[string]int
}

func (b *books) Lose(_ sidelight.Signal, cause string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost == nil {
		b.lost = map[string]int{}
	}
	b.lost[cause] += n
}

func (b *books) count(cause string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost[cause]
}

type server struct {
	*forward.Receiver
	sink  *sink
	books *books
	stop  func() error
}

func dest(tag string) sidelight.DestHandle { return sidelight.Dest{Group: tag}.Handle() }

// start runs a receiver until the test ends.
func start(t *testing.T, cfg forward.Config, s *sink) *server {
	t.Helper()
	if cfg.TCP == "" && cfg.Unix == "" {
		cfg.TCP = "127.0.0.1:0"
	}
	cfg.Dest = dest
	b := new(books)
	r, err := forward.New(cfg, b, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, s) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return &server{r, s, b, stop}
}

func (s *server) dial(t *testing.T) net.Conn {
	t.Helper()
	a := s.Addrs()[0]
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// expect reads len(want) bytes from c and compares them.
func expect(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != string(want) {
		t.Fatalf("read %x, %v; want %x", got, err, want)
	}
}

// expectClosed waits until the other side has closed c.
func expectClosed(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); len(b) > 0 || err != nil && isTimeout(err) {
		t.Fatalf("read %x, %v; want the end", b, err)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

func socket(t *testing.T) string { return filepath.Join(t.TempDir(), "fluent.sock") }
