package xray_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/xray"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink keeps copies of what is pushed and tells when there is more.
type sink struct {
	mu     sync.Mutex
	docs   []string
	batch  []int
	err    error
	more   chan struct{}
	handle sidelight.DestHandle
}

func newSink() *sink { return &sink{more: make(chan struct{}, 1)} }

func (s *sink) Push(ctx context.Context, b *sidelight.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer signal(s.more)
	if s.err != nil {
		return s.err
	}
	s.handle = b.Dest
	s.batch = append(s.batch, len(b.Events))
	for _, e := range b.Events {
		s.docs = append(s.docs, string(e.Body))
	}
	return nil
}

func (s *sink) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.docs...)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// books counts losses by cause and tells when there are more.
type books struct {
	mu   sync.Mutex
	lost map[string]int
	more chan struct{}
}

func newBooks() *books { return &books{lost: map[string]int{}, more: make(chan struct{}, 1)} }

func (b *books) Lose(s sidelight.Signal, cause string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost[s.String()+" "+cause] += n
	signal(b.more)
}

func (b *books) count(key string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lost[key]
}

// until waits for cond, which can become true only when more tells.
func until(t *testing.T, more <-chan struct{}, cond func() bool) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for !cond() {
		select {
		case <-more:
		case <-limit:
			t.Fatal("waited 20 s in vain")
		}
	}
}

// start runs a receiver and returns a function that stops it and returns what
// Run did.
func start(t *testing.T, cfg xray.Config, up xray.Upstream, b *books, out sidelight.Sink) (*xray.Receiver, func() error) {
	t.Helper()
	r, err := xray.New(cfg, up, b, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, out) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { stop() })
	return r, stop
}

func dial(t *testing.T, r *xray.Receiver) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", r.UDPAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, datagram string) {
	t.Helper()
	if _, err := c.Write([]byte(datagram)); err != nil {
		t.Fatal(err)
	}
}

const header = `{"format": "json", "version": 1}` + "\n"

func TestDatagrams(t *testing.T) {
	out, b := newSink(), newBooks()
	dest := sidelight.Dest{Exporter: "xray"}
	r, stop := start(t, xray.Config{UDP: "127.0.0.1:0", Dest: dest}, nil, b, out)
	c := dial(t, r)
	long := `{"name":"` + strings.Repeat("x", 65000) + `"}`
	send(t, c, header+`{"id":"1"}`)
	send(t, c, header+long)
	send(t, c, "{\"id\":\"no header\"}")
	send(t, c, header+"not an object")
	send(t, c, "")
	send(t, c, `{"Format":"JSON","version":1,"x":2}`+"\n {\"id\":\"2\"}\n")
	until(t, out.more, func() bool { return len(out.all()) == 3 })
	if err := stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
	if got := out.all(); got[0] != `{"id":"1"}` || got[1] != long || got[2] != `{"id":"2"}` {
		t.Errorf("took %.60q", got)
	}
	if out.handle != dest.Handle() {
		t.Errorf("destination = %v", out.handle.Value())
	}
	if h, d := b.count("traces bad_header"), b.count("traces bad_document"); h != 2 || d != 1 {
		t.Errorf("lost %d by header and %d by document, want 2 and 1", h, d)
	}
	if got := r.Stats().Datagrams; got != 6 {
		t.Errorf("Datagrams = %d, want 6", got)
	}
}

// TestGathers holds the sink back until many datagrams wait and expects them in
// few batches; then it stops the receiver and expects what the socket still
// held.
func TestGathers(t *testing.T) {
	const n = 500
	out, b := newSink(), newBooks()
	r, err := xray.New(xray.Config{UDP: "127.0.0.1:0"}, nil, b, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, r)
	for i := range n {
		send(t, c, header+fmt.Sprintf(`{"id":"%d"}`, i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx, out); err != nil {
		t.Fatal(err)
	}
	lost := int(r.Stats().Overflow)
	if got := len(out.all()); got+lost != n {
		t.Errorf("took %d and lost %d of %d", got, lost, n)
	}
	if len(out.batch) > n/50 {
		t.Errorf("%d batches for %d datagrams", len(out.batch), n)
	}
	if got := b.count("traces socket_overflow"); got != lost {
		t.Errorf("booked %d lost by the kernel, the receiver counted %d", got, lost)
	}
}

// TestFull expects what the sink refuses to be counted as lost, and the
// receiver to go on.
func TestFull(t *testing.T) {
	out, b := newSink(), newBooks()
	out.err = sidelight.ErrFull
	r, _ := start(t, xray.Config{UDP: "127.0.0.1:0"}, nil, b, out)
	c := dial(t, r)
	send(t, c, header+`{"id":"1"}`)
	until(t, b.more, func() bool { return b.count("traces full") == 1 })
	out.mu.Lock()
	out.err = nil
	out.mu.Unlock()
	send(t, c, header+`{"id":"2"}`)
	until(t, out.more, func() bool { return len(out.all()) == 1 })
}

// TestOverflow fills a small socket buffer that nobody reads.
func TestOverflow(t *testing.T) {
	out, b := newSink(), newBooks()
	var said bytes.Buffer
	r, err := xray.New(xray.Config{UDP: "127.0.0.1:0", ReadBuffer: 4096}, nil, b, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, r)
	const n = 200
	for range n {
		send(t, c, header+`{"id":"`+strings.Repeat("a", 1000)+`"}`)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx, out); err != nil {
		t.Fatal(err)
	}
	took, lost := len(out.all()), b.count("traces socket_overflow")
	if lost == 0 || took+lost != n {
		t.Errorf("took %d, counted %d lost of %d", took, lost, n)
	}
	if want := fmt.Sprintf("datagrams=%d buffer_bytes=4096 asked_bytes=4096", lost); !strings.Contains(said.String(), want) {
		t.Errorf("it said %q, want %s", said.String(), want)
	}
}

// TestPanic ends a run by a panic in the sink, as a supervisor may see one, and
// expects a new receiver to find the addresses free.
func TestPanic(t *testing.T) {
	r, err := xray.New(xray.Config{UDP: "127.0.0.1:0", TCP: "127.0.0.1:0"}, nil, newBooks(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	send(t, dial(t, r), header+`{"id":"1"}`)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_ = r.Run(t.Context(), sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { panic("sink") }))
	}()
	out := newSink()
	again, _ := start(t, xray.Config{UDP: r.UDPAddr().String(), TCP: r.TCPAddr().String()}, nil, newBooks(), out)
	send(t, dial(t, again), header+`{"id":"2"}`)
	until(t, out.more, func() bool { return len(out.all()) == 1 })
}

func TestPortInUse(t *testing.T) {
	cfg := xray.Config{UDP: "127.0.0.1:0", TCP: "127.0.0.1:0"}
	r, err := xray.New(cfg, nil, newBooks(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, cfg := range []xray.Config{{UDP: r.UDPAddr().String()}, {TCP: r.TCPAddr().String()}, {}, {UDP: "nonsense"}} {
		if second, err := xray.New(cfg, nil, newBooks(), slog.New(slog.DiscardHandler)); err == nil {
			second.Close()
			t.Errorf("New(%+v) succeeded", cfg)
		}
	}
}

func BenchmarkDatagrams(b *testing.B) {
	taken := make(chan int, 1<<16)
	out := sidelight.SinkFunc(func(_ context.Context, b *sidelight.Batch) error {
		taken <- len(b.Events)
		return nil
	})
	bk := newBooks()
	r, err := xray.New(xray.Config{UDP: "127.0.0.1:0"}, nil, bk, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, out) }()
	c, err := net.Dial("udp", r.UDPAddr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	datagram := []byte(header + `{"id":"` + strings.Repeat("a", 1000) + `"}`)
	b.SetBytes(int64(len(datagram)))
	b.ReportAllocs()
	// A window keeps the sender from running ahead of the receiver.
	ahead := 0
	for b.Loop() {
		for ahead >= 256 {
			ahead -= <-taken
		}
		if _, err := c.Write(datagram); err != nil {
			b.Fatal(err)
		}
		ahead++
	}
	for ahead > 0 {
		ahead -= <-taken
	}
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
