package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/otlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink keeps what is pushed, by destination, and does with tickets as told.
type sink struct {
	mu   sync.Mutex
	docs map[string][]string
	err  error
	full int // pushes to refuse
	// panic panics on a push.
	panic bool
	// keep holds tickets, and hands them out at held, instead of letting go of
	// them.
	keep bool
	held chan *sidelight.Ticket
}

func newSink() *sink {
	return &sink{docs: map[string][]string{}, held: make(chan *sidelight.Ticket, 4)}
}

func (s *sink) Push(_ context.Context, b *sidelight.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.panic {
		panic("sink")
	}
	if s.full > 0 {
		s.full--
		return sidelight.ErrFull
	}
	d := b.Dest.Value()
	key := b.Signal.String() + " " + d.Exporter + " " + d.Group
	for _, e := range b.Events {
		s.docs[key] = append(s.docs[key], string(e.Body))
	}
	if s.keep {
		b.Ticket.Hold()
		s.held <- b.Ticket
	}
	return nil
}

func (s *sink) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *sink) get(key string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.docs[key]...)
}

type books struct {
	mu   sync.Mutex
	lost map[string]int
}

func (b *books) Lose(s sidelight.Signal, cause string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost == nil {
		b.lost = map[string]int{}
	}
	b.lost[s.String()+" "+cause] += n
}

// recorder keeps measurements.
type recorder struct {
	mu  sync.Mutex
	got []sidelight.Measurement
}

func (r *recorder) Record(m *sidelight.Measurement) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := *m
	c.Dimensions = append([]sidelight.Dimension(nil), m.Dimensions...)
	r.got = append(r.got, c)
}

// running is a receiver under test and what it is connected to.
type running struct {
	*otlp.Receiver
	out   *sink
	books *books
	rec   *recorder
	unix  string
	stop  func() error
}

func start(t testing.TB, edit func(*otlp.Config)) *running {
	t.Helper()
	x := &running{out: newSink(), books: &books{}, rec: &recorder{}, unix: filepath.Join(t.TempDir(), "agent.sock")}
	cfg := otlp.Config{
		GRPC: "127.0.0.1:0", HTTP: "127.0.0.1:0", Unix: x.unix,
		Traces: sidelight.Dest{Exporter: "xray"},
		Logs: func(service string) sidelight.Dest {
			return sidelight.Dest{Exporter: "cloudwatchlogs", Group: "/sidelight/" + service}
		},
		ResourceDefaults: map[string]string{"service.name": "unnamed", "deployment.environment.name": "test"},
	}
	if edit != nil {
		edit(&cfg)
	}
	r, err := otlp.New(cfg, x.rec, x.books, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	x.Receiver = r
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, x.out) }()
	x.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := x.stop(); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return x
}

// client speaks HTTP to address, or to the socket if address is a path.
func client(t testing.TB, socket string) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	if socket != "" {
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

type answer struct {
	code   int
	header http.Header
	body   string
}

func post(t testing.TB, c *http.Client, url, kind string, body []byte, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func zipped(b []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(b)
	z.Close()
	return buf.Bytes()
}

// TestPanic expects one request to end, its memory to come back, and the next
// one to be answered.
func TestPanic(t *testing.T) {
	x := start(t, func(c *otlp.Config) { c.MaxBody, c.Memory = 8192, 8192 })
	c, url := client(t, ""), "http://"+x.HTTPAddr().String()+"/v1/logs"
	for range 10 {
		x.out.set(func() { x.out.panic = true })
		resp, err := c.Post(url, "application/json", strings.NewReader(logsJSON))
		if err == nil {
			resp.Body.Close()
			t.Errorf("answer = %d", resp.StatusCode)
		}
		x.out.set(func() { x.out.panic = false })
		if a := post(t, c, url, "application/json", []byte(logsJSON)); a.code != 200 {
			t.Fatalf("after a panic: %+v", a)
		}
	}
}

// TestMemory expects a request to be sent away while another one occupies all
// memory.
func TestMemory(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	out := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error {
		close(entered)
		<-leave
		return nil
	})
	cfg := otlp.Config{HTTP: "127.0.0.1:0", MaxBody: 6000, Memory: 6500, Logs: func(string) sidelight.Dest { return sidelight.Dest{} }}
	r, err := otlp.New(cfg, nil, &books{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, out) }()
	c, url := client(t, ""), "http://"+r.HTTPAddr().String()+"/v1/logs"
	first := make(chan answer, 1)
	go func() { first <- post(t, c, url, "application/json", []byte(logsJSON)) }()
	<-entered
	if a := post(t, c, url, "application/json", []byte(logsJSON)); a.code != 429 || !strings.Contains(a.body, "too many requests") {
		t.Errorf("second: %+v", a)
	}
	close(leave)
	if a := <-first; a.code != 200 {
		t.Errorf("first: %+v", a)
	}
	c.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}

// TestUnknownService expects the configured name in place of the one that
// libraries make up.
func TestUnknownService(t *testing.T) {
	x := start(t, nil)
	body := strings.Replace(logsJSON, `"orders"`, `"unknown_service:java"`, 1)
	if a := post(t, client(t, ""), "http://"+x.HTTPAddr().String()+"/v1/logs", "application/json", []byte(body)); a.code != 200 {
		t.Errorf("answer = %+v", a)
	}
	if got := x.out.get("logs cloudwatchlogs /sidelight/unnamed"); len(got) != 2 {
		t.Errorf("documents = %s", got)
	}
}

func TestNewFails(t *testing.T) {
	x := start(t, nil)
	dest := func(string) sidelight.Dest { return sidelight.Dest{} }
	for name, cfg := range map[string]otlp.Config{
		"no address":    {Logs: dest},
		"no logs":       {GRPC: "127.0.0.1:0"},
		"little memory": {GRPC: "127.0.0.1:0", Logs: dest, Memory: 1, MaxBody: 2},
		"grpc in use":   {GRPC: x.GRPCAddr().String(), Logs: dest},
		"http in use":   {HTTP: x.HTTPAddr().String(), Logs: dest},
		"unix in use":   {Unix: x.unix, Logs: dest},
	} {
		if r, err := otlp.New(cfg, nil, &books{}, slog.New(slog.DiscardHandler)); err == nil {
			r.Close()
			t.Errorf("%s: New succeeded", name)
		}
	}
}

// TestStaleSocket opens a socket where a dead process left one.
func TestStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.sock")
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	r, err := otlp.New(otlp.Config{Unix: path, Logs: func(string) sidelight.Dest { return sidelight.Dest{} }}, nil, &books{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}
