package ship_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
	"github.com/sidelight-dev/sidelight/sdk/internal/ship"
)

// agent is a receiver whose behaviour is a function. It keeps the names of the
// spans it accepted and the times of all attempts.
type agent struct {
	answer func(n int, names []string) (*http.Response, error)

	mu       sync.Mutex
	attempts []time.Time
	names    []string
}

func (a *agent) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	names := spanNames(body)
	a.mu.Lock()
	n := len(a.attempts)
	a.attempts = append(a.attempts, time.Now())
	a.mu.Unlock()
	res, err := a.answer(n, names)
	if res == nil && err == nil { // hang
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if err == nil && res.StatusCode == http.StatusOK {
		a.mu.Lock()
		a.names = append(a.names, names...)
		a.mu.Unlock()
	}
	return res, err
}

func spanNames(body []byte) []string {
	var req collectorpb.ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &req); err != nil {
		return []string{"undecodable: " + err.Error()}
	}
	var names []string
	for _, rs := range req.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				names = append(names, s.Name)
			}
		}
	}
	return names
}

func status(code int, header ...string) *http.Response {
	h := make(http.Header)
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: code, Header: h, Body: http.NoBody}
}

func okay(int, []string) (*http.Response, error) { return status(200), nil }

var errRefused = errors.New("connection refused")

type fixture struct {
	*ship.Pipe
	agent *agent

	mu       sync.Mutex
	problems []ship.Problem
}

func (f *fixture) add(names ...string) {
	for _, name := range names {
		f.Add(instrumentation.Scope{Name: "test"}, 0, 1, otlp.AppendSpan(nil, tracetest.SpanStub{Name: name}.Snapshot()))
	}
}

func (f *fixture) reports() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, p := range f.problems {
		out = append(out, fmt.Sprintf("%s: %v, lost %d", p.Signal, p.Cause, p.Lost))
	}
	return out
}

// start runs a pipe until the test ends; call it inside a bubble.
func start(t *testing.T, limit int, a *agent) *fixture {
	t.Helper()
	return startAt(t, "http://127.0.0.1:4318", limit, a)
}

func startAt(t *testing.T, endpoint string, limit int, a *agent) *fixture {
	t.Helper()
	f := &fixture{agent: a}
	client, err := ship.NewClient(endpoint, a)
	if err != nil {
		t.Fatal(err)
	}
	h := ship.NewHealth(func(p ship.Problem) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.problems = append(f.problems, p)
	})
	f.Pipe = ship.NewPipe(ship.Config{Signal: "traces", Limit: limit, Classes: 2, Delay: time.Second}, client, h)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { f.Run(ctx) })
	t.Cleanup(func() {
		h.Close()
		cancel()
		wg.Wait()
	})
	return f
}

// check holds the accounts: every item is in exactly one place.
func (f *fixture) check(t *testing.T, delivered uint64, queued int, dropped map[ship.Cause]uint64) {
	t.Helper()
	c := f.Counts()
	got := make(map[ship.Cause]uint64)
	sum := c.Delivered + uint64(c.Queued)
	for cause, n := range c.Dropped {
		sum += n
		if n > 0 {
			got[ship.Cause(cause)] = n
		}
	}
	if sum != c.Accepted {
		t.Errorf("accepted %d, but %d are accounted for: %+v", c.Accepted, sum, c)
	}
	if c.Delivered != delivered || c.Queued != queued || !cmp.Equal(got, dropped) && len(got)+len(dropped) > 0 {
		t.Errorf("delivered %d, queued %d, dropped %v; want %d, %d, %v", c.Delivered, c.Queued, got, delivered, queued, dropped)
	}
}

func TestPipeSendsAfterDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 1<<20, &agent{answer: okay})
		f.add("a", "b")
		synctest.Wait()
		f.check(t, 0, 2, nil)
		time.Sleep(time.Second)
		synctest.Wait()
		f.check(t, 2, 0, nil)
		if len(f.agent.attempts) != 1 {
			t.Errorf("%d requests, want 1", len(f.agent.attempts))
		}
	})
}

func TestPipeSendsEarlyWhenFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 64<<10, &agent{answer: okay})
		for range 20 {
			f.add(strings.Repeat("x", 2000))
		}
		synctest.Wait()
		if c := f.Counts(); c.Delivered == 0 {
			t.Errorf("nothing was delivered before the delay: %+v", c)
		}
	})
}

func TestPipeBacksOffAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 1<<20, &agent{answer: func(n int, _ []string) (*http.Response, error) {
			if n < 7 {
				return nil, errRefused
			}
			return status(200), nil
		}})
		f.add("a")
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		f.check(t, 1, 0, nil)
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			want *= time.Second
			got := f.agent.attempts[i+1].Sub(f.agent.attempts[i])
			if got < want*4/5 || got > want*6/5 {
				t.Errorf("wait %d is %v, want %v and a fifth either way", i, got, want)
			}
		}
		want := []string{"traces: connection refused, lost 0", "traces: <nil>, lost 0"}
		if d := cmp.Diff(want, f.reports()); d != "" {
			t.Errorf("reports (-want +got):\n%s", d)
		}
	})
}

func TestPipeDropsOldestInOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := make(chan struct{})
		f := start(t, 4096, &agent{answer: func(int, []string) (*http.Response, error) {
			select {
			case <-up:
				return status(200), nil
			default:
				return nil, errRefused
			}
		}})
		for i := range 200 {
			f.add(fmt.Sprintf("span %03d", i))
			time.Sleep(100 * time.Millisecond)
		}
		c := f.Counts()
		if c.Dropped[ship.Full] == 0 || c.Queued < 40 {
			t.Fatalf("counts in the outage: %+v", c)
		}
		close(up)
		time.Sleep(time.Minute)
		synctest.Wait()
		lost := c.Dropped[ship.Full]
		f.check(t, 200-lost, 0, map[ship.Cause]uint64{ship.Full: lost})
		if first, want := f.agent.names[0], fmt.Sprintf("span %03d", lost); first != want {
			t.Errorf("the first span delivered is %q, want %q: the oldest go first", first, want)
		}
		want := []string{"traces: connection refused, lost 0", fmt.Sprintf("traces: <nil>, lost %d", lost)}
		if d := cmp.Diff(want, f.reports()); d != "" {
			t.Errorf("reports (-want +got):\n%s", d)
		}
	})
}

func TestPipeBoundsASilentAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 1<<20, &agent{answer: func(n int, _ []string) (*http.Response, error) {
			if n == 0 {
				return nil, nil
			}
			return status(200), nil
		}})
		f.add("a")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		f.check(t, 1, 0, nil)
		if gap := f.agent.attempts[1].Sub(f.agent.attempts[0]); gap < 5*time.Second || gap > 7*time.Second {
			t.Errorf("second attempt after %v, want 5 s and a backoff of about 1 s", gap)
		}
		if r := f.reports(); len(r) == 0 || !strings.Contains(r[0], "no answer within 5s") {
			t.Errorf("reports %q do not tell of a missing answer", r)
		}
	})
}

func TestPipeObeysRetryAfter(t *testing.T) {
	tests := map[string]struct {
		code  int
		after string
		want  time.Duration
	}{
		"seconds":    {429, "17", 17 * time.Second},
		"date":       {503, "Sat, 01 Jan 2000 00:00:41 GMT", 40 * time.Second}, // a bubble begins at midnight; the attempt is at 1 s
		"far future": {503, "100000", 5 * time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, 1<<20, &agent{answer: func(n int, _ []string) (*http.Response, error) {
					if n == 0 {
						return status(tc.code, "Retry-After", tc.after), nil
					}
					return status(200), nil
				}})
				f.add("a")
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				f.check(t, 1, 0, nil)
				if gap := f.agent.attempts[1].Sub(f.agent.attempts[0]); gap != tc.want {
					t.Errorf("second attempt after %v, want %v", gap, tc.want)
				}
			})
		})
	}
}

func TestPipeDividesOnce(t *testing.T) {
	tests := map[string]struct {
		code      int
		bad       string
		requests  int
		delivered uint64
		rejected  uint64
	}{
		"bad request": {400, "b", 3, 2, 2},
		"too large":   {413, "b", 3, 2, 2},
		"not found":   {404, "b", 1, 0, 4},
		"broken":      {500, "b", 1, 0, 4},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, 1<<20, &agent{answer: func(_ int, names []string) (*http.Response, error) {
					for _, n := range names {
						if n == tc.bad {
							return status(tc.code), nil
						}
					}
					return status(200), nil
				}})
				f.add("a", "b", "c", "d")
				time.Sleep(time.Minute)
				synctest.Wait()
				f.check(t, tc.delivered, 0, map[ship.Cause]uint64{ship.Rejected: tc.rejected})
				if n := len(f.agent.attempts); n != tc.requests {
					t.Errorf("%d requests, want %d", n, tc.requests)
				}
			})
		})
	}
}

func TestPipePutsHalvesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 1<<20, &agent{answer: func(n int, _ []string) (*http.Response, error) {
			switch n {
			case 0:
				return status(413), nil
			case 1:
				return nil, errRefused
			}
			return status(200), nil
		}})
		f.add("a", "b", "c")
		time.Sleep(time.Minute)
		synctest.Wait()
		f.check(t, 3, 0, nil)
	})
}

func TestPipeCountsPartialSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 1<<20, &agent{answer: func(int, []string) (*http.Response, error) {
			answer, err := proto.Marshal(&collectorpb.ExportTraceServiceResponse{
				PartialSuccess: &collectorpb.ExportTracePartialSuccess{RejectedSpans: 2, ErrorMessage: "too old"},
			})
			res := status(200)
			res.Body = io.NopCloser(bytes.NewReader(answer))
			return res, err
		}})
		f.add("a", "b", "c")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		f.check(t, 1, 0, map[ship.Cause]uint64{ship.Rejected: 2})
		want := []string{"traces: agent refused 2 of 3: too old, lost 2"}
		if d := cmp.Diff(want, f.reports()); d != "" {
			t.Errorf("reports (-want +got):\n%s", d)
		}
	})
}

func TestPipeDropsOversizeItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, 4096, &agent{answer: okay})
		f.add(strings.Repeat("x", 2000))
		f.check(t, 0, 0, map[ship.Cause]uint64{ship.Oversize: 1})
	})
}

func TestPipeRetriesWhenSocketAppears(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "agent.sock")
	synctest.Test(t, func(t *testing.T) {
		f := startAt(t, "unix://"+socket, 1<<20, &agent{answer: func(int, []string) (*http.Response, error) {
			if _, err := os.Stat(socket); err != nil {
				return nil, err
			}
			return status(200), nil
		}})
		f.add("a")
		time.Sleep(40 * time.Second) // the backoff is at its longest
		if err := os.WriteFile(socket, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()
		f.check(t, 1, 0, nil)
	})
}

func TestDrain(t *testing.T) {
	tests := map[string]struct {
		answer func(int, []string) (*http.Response, error)
		least  time.Duration
		most   time.Duration
		left   int
	}{
		"healthy":     {answer: okay},
		"gone":        {answer: func(int, []string) (*http.Response, error) { return nil, errRefused }, most: time.Second, left: 2},
		"hangs":       {answer: func(int, []string) (*http.Response, error) { return nil, nil }, least: 3 * time.Second, most: 3 * time.Second, left: 2},
		"comes back":  {answer: afterTwo, most: time.Second},
		"asks for 1s": {answer: retryIn("1"), least: time.Second, most: time.Second},
		"asks for 9s": {answer: retryIn("9"), left: 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, 1<<20, &agent{answer: tc.answer})
				f.add("a", "b")
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				began := time.Now()
				err := f.Drain(ctx)
				if took := time.Since(began); took < tc.least || took > tc.most {
					t.Errorf("Drain took %v, want %v to %v", took, tc.least, tc.most)
				}
				if left := f.Abandon(); left != tc.left || (err != nil) != (tc.left > 0) {
					t.Errorf("Drain() = %v with %d left, want %d left", err, left, tc.left)
				}
				dropped := map[ship.Cause]uint64{}
				if tc.left > 0 {
					dropped[ship.AtShutdown] = uint64(tc.left)
				}
				f.check(t, uint64(2-tc.left), 0, dropped)
				f.add("late")
				dropped[ship.AtShutdown]++
				f.check(t, uint64(2-tc.left), 0, dropped)
			})
		})
	}
}

func afterTwo(n int, _ []string) (*http.Response, error) {
	if n < 2 {
		return nil, errRefused
	}
	return status(200), nil
}

func retryIn(seconds string) func(int, []string) (*http.Response, error) {
	return func(n int, _ []string) (*http.Response, error) {
		if n == 0 {
			return status(503, "Retry-After", seconds), nil
		}
		return status(200), nil
	}
}
