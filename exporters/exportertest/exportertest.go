// Package exportertest holds the contract of sidelight.Exporter as tests. Every
// exporter's own tests call Run.
package exportertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
)

// Suite is an exporter under test.
type Suite struct {
	// New returns an exporter that delivers by cfg.
	New func(t *testing.T, cfg aws.Config) sidelight.Exporter
	// Event returns the n-th event, valid for the exporter; size is about how
	// many bytes it should have.
	Event func(n, size int) sidelight.Event
	Dest  sidelight.Dest
	// Success is a server's answer to a request that was taken whole.
	Success string
}

// Run checks that the exporter keeps the contract.
func Run(t *testing.T, s Suite) {
	t.Run("limits hold for every body", s.testLimits)
	t.Run("events can change places", s.testOrder)
	t.Run("events can be read back", s.testRead)
	t.Run("faults", s.testFaults)
	t.Run("signature", s.testSignature)
	t.Run("context ends the attempt", s.testContext)
	t.Run("appending does not allocate", s.testAllocs)
	t.Run("the block is let go", s.testLetsGo)
}

// Config returns a configuration for a server at url.
func Config(url string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(url), HTTPClient: http.DefaultClient,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: "token"}, nil
		}),
	}
}

// Pack returns the sealed blocks that a packer makes of the events.
func Pack(t *testing.T, exp sidelight.Exporter, dest sidelight.Dest, events []sidelight.Event, gzip bool) []*sidelight.Block {
	t.Helper()
	q := memq.New(memq.Config{Limit: 1 << 40})
	p := pack.New(pack.Config{Gzip: gzip, Open: 1 << 40}, exp, q, &meter.Account{}, slog.New(slog.DiscardHandler))
	if err := p.Push(t.Context(), &sidelight.Batch{Dest: dest.Handle(), Events: events}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Close(), q.Close()); err != nil {
		t.Fatal(err)
	}
	var out []*sidelight.Block
	for {
		l, err := q.Take(t.Context())
		if err != nil {
			return out
		}
		out = append(out, l.Block())
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

// testRead holds for exporters that are a sidelight.Reader.
func (s Suite) testRead(t *testing.T) {
	exp := s.New(t, Config("http://127.0.0.1:1"))
	if _, rearranged := exp.(sidelight.Picker); rearranged {
		s.testPick(t, exp)
		return
	}
	reader, ok := exp.(sidelight.Reader)
	if !ok {
		t.Fatal("events that are refused for good cannot be shown: the exporter is no sidelight.Reader")
	}
	for _, gzip := range []bool{false, true} {
		b := Pack(t, exp, s.Dest, s.events(3, 50), gzip)[0]
		raw, err := pack.Raw(b)
		if err != nil || len(raw) != 3 {
			t.Fatalf("%d events, %v", len(raw), err)
		}
		for i := range raw {
			got, err := reader.Read(raw[i])
			if want := s.Event(i, 50).Body; err != nil || string(got) != string(want) {
				t.Errorf("read %q, %v, want %q", got, err, want)
			}
		}
	}
	for _, bad := range []string{"", ",", "x,", `{"message":,`} {
		_, _ = reader.Read([]byte(bad)) // must not panic
	}
}

// testPick holds for exporters that are a sidelight.Picker: of a finished body
// each event can be taken, and none from what is no body.
func (s Suite) testPick(t *testing.T, exp sidelight.Exporter) {
	t.Helper()
	b := Pack(t, exp, s.Dest, s.events(3, 50), false)[0]
	picker := exp.(sidelight.Picker)
	if got := picker.Pick(b.Body, []int{0, 1, 2}); string(got) != string(b.Body) {
		t.Errorf("all events picked: %q of %q", got, b.Body)
	}
	for i := range 3 {
		alone := Pack(t, exp, s.Dest, []sidelight.Event{s.Event(i, 50)}, false)[0]
		if got := picker.Pick(b.Body, []int{i}); string(got) != string(alone.Body) {
			t.Errorf("event %d picked: %q, alone %q", i, got, alone.Body)
		}
	}
	for _, bad := range []string{"", "\x0a", "\x0a\x05x", "{}"} {
		_ = picker.Pick([]byte(bad), []int{0}) // must not panic
	}
}

func (s Suite) events(n, size int) []sidelight.Event {
	out := make([]sidelight.Event, n)
	for i := range out {
		out[i] = s.Event(i, size)
	}
	return out
}

func (s Suite) testLimits(t *testing.T) {
	exp := s.New(t, Config("http://127.0.0.1:1"))
	limits := exp.Limits()
	for _, size := range []int{1, 100, 5000, 60_000} {
		n := min(limits.Events*2+1, 4<<20/(size+100))
		blocks := Pack(t, exp, s.Dest, s.events(n, size), false)
		total := 0
		for _, b := range blocks {
			total += b.Events
			if b.Events > limits.Events || len(b.Body) > limits.Wire+64 {
				t.Errorf("size %d: a block of %d events, %d bytes; limits %+v", size, b.Events, len(b.Body), limits)
			}
		}
		if total != n {
			t.Errorf("size %d: %d events in blocks, want %d", size, total, n)
		}
	}
}

// A block's events can be divided and put in another order by moving bytes: the
// body of one event alone is the same wherever it was.
func (s Suite) testOrder(t *testing.T) {
	exp := s.New(t, Config("http://127.0.0.1:1"))
	for _, gzip := range []bool{false, true} {
		all := Pack(t, exp, s.Dest, s.events(5, 50), gzip)[0]
		for i := range 5 {
			part, err := pack.Divide(exp, all, []int{i})
			if err != nil {
				t.Fatal(err)
			}
			alone := Pack(t, exp, s.Dest, []sidelight.Event{s.Event(i, 50)}, gzip)[0]
			if string(part.Body) != string(alone.Body) || part.Sum != alone.Sum {
				t.Errorf("event %d, divided from a block: %q, alone %q", i, part.Body, alone.Body)
			}
		}
	}
}

func (s Suite) one(t *testing.T, exp sidelight.Exporter) *sidelight.Block {
	t.Helper()
	return Pack(t, exp, s.Dest, s.events(3, 50), false)[0]
}

func (s Suite) testFaults(t *testing.T) {
	cases := map[string]struct {
		status int
		header http.Header
		body   string
		want   sidelight.FaultKind
		after  time.Duration
	}{
		"500":               {500, nil, "oops", sidelight.Transient, 0},
		"503 of a proxy":    {503, nil, "<html>", sidelight.Transient, 0},
		"429":               {429, http.Header{"Retry-After": {"3"}}, "", sidelight.Throttled, 3 * time.Second},
		"throttling by 400": {400, nil, `{"__type":"com.amazonaws#ThrottlingException","message":"slow"}`, sidelight.Throttled, 0},
		"by header":         {400, http.Header{"X-Amzn-Errortype": {"ThrottledException:http://x"}}, "", sidelight.Throttled, 0},
		"denied":            {400, nil, `{"__type":"AccessDeniedException","Message":"no"}`, sidelight.Denied, 0},
		"unknown key":       {403, nil, `{"__type":"UnrecognizedClientException","message":"?"}`, sidelight.Denied, 0},
		"too large":         {413, nil, "", sidelight.TooLarge, 0},
		"rejected":          {400, nil, `{"__type":"InvalidParameterException","message":"bad"}`, sidelight.Rejected, 0},
		"redirect":          {302, nil, "", sidelight.Transient, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range c.header {
					w.Header()[k] = v
				}
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			}))
			defer srv.Close()
			exp := s.New(t, Config(srv.URL))
			_, err := exp.Export(t.Context(), s.one(t, exp))
			f, ok := errors.AsType[*sidelight.Fault](err)
			if !ok || f.Kind != c.want || f.After != c.after || f.Op == "" {
				t.Errorf("Export = %v (%+v), want a fault of kind %v", err, f, c.want)
			}
		})
	}
	t.Run("refused connection", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		exp := s.New(t, Config("http://"+l.Addr().String()))
		_, err = exp.Export(t.Context(), s.one(t, exp))
		if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Transient {
			t.Errorf("Export = %v, want a transient fault", err)
		}
	})
	t.Run("no credentials", func(t *testing.T) {
		cfg := Config("http://127.0.0.1:1")
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("the role is gone")
		})
		exp := s.New(t, cfg)
		_, err := exp.Export(t.Context(), s.one(t, exp))
		if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Denied {
			t.Errorf("Export = %v, want a denied fault", err)
		}
	})
}

// A request is signed over what it carries, and a clock that is off is
// corrected by the server's date after one failure.
func (s Suite) testSignature(t *testing.T) {
	var requests atomic.Int32
	ahead := time.Now().Add(30 * time.Minute)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", ahead.UTC().Format(http.TimeFormat))
		requests.Add(1)
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || r.Header.Get("Authorization") == "" || r.Header.Get("X-Amz-Security-Token") != "token" {
			t.Errorf("request is not signed: %v", r.Header)
		}
		if ahead.Sub(at).Abs() > 5*time.Minute {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"__type":"InvalidSignatureException","message":"Signature expired"}`)
			return
		}
		fmt.Fprint(w, s.Success)
	}))
	defer srv.Close()
	exp := s.New(t, Config(srv.URL))
	b := s.one(t, exp)
	_, err := exp.Export(t.Context(), b)
	if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Transient {
		t.Fatalf("first attempt = %v, want a transient fault", err)
	}
	r, err := exp.Export(t.Context(), b)
	if err != nil || r.Accepted != b.Events {
		t.Errorf("second attempt = %+v, %v; want all %d events", r, err, b.Events)
	}
}

func (s Suite) testContext(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer srv.Close()
	defer close(release)
	exp := s.New(t, Config(srv.URL))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := exp.Export(ctx, s.one(t, exp))
	if f, ok := errors.AsType[*sidelight.Fault](err); !ok || f.Kind != sidelight.Transient || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Export = %v, want a transient fault by the deadline", err)
	}
}

// Once Export has returned, the block's memory is the next block's, though the
// server has not read it all: the race detector sees who looks too late.
func (s Suite) testLetsGo(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer srv.Close()
	exp := s.New(t, Config(srv.URL))
	events := s.events(min(exp.Limits().Events, 300), 1000)
	for range 2 {
		b := Pack(t, exp, s.Dest, events, false)[0]
		if _, err := exp.Export(t.Context(), b); err == nil {
			t.Error("no error of a server that fails")
		}
		clear(b.Body)
	}
}

func (s Suite) testAllocs(t *testing.T) {
	exp := s.New(t, Config("http://127.0.0.1:1"))
	e := s.Event(1, 200)
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { exp.Append(buf, &e) }); n != 0 {
		t.Errorf("Append allocates %v times", n)
	}
}
