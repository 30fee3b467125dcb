package sdk_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sidelight-dev/sidelight/sdk"
)

var errRefused = errors.New("connection refused")

func refuse(*http.Request) (*http.Response, error)  { return nil, errRefused }
func silence(*http.Request) (*http.Response, error) { return nil, nil }

func answer(code int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		res := response(code)
		for i := 0; i < len(header); i += 2 {
			res.Header.Set(header[i], header[i+1])
		}
		return res, nil
	}
}

// TestDeadAgentMatrix is the table of what happens when the agent is not
// there: in every row the program gets its Shutdown in time, with an exact
// account, and callers never wait.
func TestDeadAgentMatrix(t *testing.T) {
	tests := map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		most   time.Duration
		agent  string
		cause  string // "" if nothing is lost
		reason string // of what is dropped
	}{
		"healthy":                {nil, 0, "connected", "", ""},
		"not listening":          {refuse, time.Second, "unreachable", "connection refused", "shutdown"},
		"accepts, never answers": {silence, 3 * time.Second, "unreachable", "context deadline exceeded", "shutdown"},
		"busy":                   {answer(503, "Retry-After", "60"), time.Second, "connected", "503", "shutdown"},
		"throttles":              {answer(429), time.Second, "connected", "429", "shutdown"},
		"refuses":                {answer(400), time.Second, "connected", "", "rejected"},
		"too large":              {answer(413), time.Second, "connected", "", "rejected"},
		"is something else":      {answer(404), time.Second, "connected", "", "rejected"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &agent{answer: tc.answer}
				tel := start(t, a, func(c *sdk.Config) { c.Log.ToAgent, c.Metrics.NoRuntime = true, true })
				counter, err := tel.Meter("test").Int64Counter("orders")
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				counter.Add(t.Context(), 1)
				for range 3 {
					_, span := tel.Tracer("test").Start(t.Context(), "work")
					span.End()
				}
				tel.Logger().Error("help")
				if took := time.Since(began); took != 0 {
					t.Errorf("callers waited %v", took)
				}
				began = time.Now()
				err = tel.Shutdown(t.Context())
				if took := time.Since(began); took > tc.most {
					t.Errorf("Shutdown took %v, want at most %v", took, tc.most)
				}
				checkLoss(t, err, tc.cause)
				s := tel.Status()
				if s.Agent != tc.agent && tc.agent != "unreachable" || tc.agent == "unreachable" && s.Agent == "connected" {
					t.Errorf("agent is %q, want %q", s.Agent, tc.agent)
				}
				for kind, c := range map[string]sdk.Counts{"spans": s.Spans, "logs": s.Logs, "points": s.Points} {
					checkCounts(t, kind, c, tc.reason)
				}
				if again := tel.Shutdown(t.Context()); again != err {
					t.Errorf("second Shutdown returned %v, the first %v", again, err)
				}
			})
		})
	}
}

func checkLoss(t *testing.T, err error, cause string) {
	t.Helper()
	if cause == "" {
		if err != nil {
			t.Errorf("Shutdown() = %v", err)
		}
		return
	}
	loss, ok := errors.AsType[*sdk.LossError](err)
	if !ok || loss.Spans != 3 || loss.Logs != 1 || loss.Points != 1 {
		t.Errorf("Shutdown() = %#v, want a loss of 3 spans, 1 record and 1 point", err)
		return
	}
	if !strings.Contains(loss.Cause.Error(), cause) {
		t.Errorf("cause is %q, want %q in it", loss.Cause, cause)
	}
}

func checkCounts(t *testing.T, kind string, c sdk.Counts, reason string) {
	t.Helper()
	want := sdk.Counts{Accepted: 1, Delivered: 1}
	if kind == "spans" {
		want = sdk.Counts{Accepted: 3, Delivered: 3}
	}
	if reason != "" {
		want.Delivered, want.Dropped = 0, map[string]uint64{reason: want.Accepted}
	}
	if d := cmp.Diff(want, c); d != "" {
		t.Errorf("%s (-want +got):\n%s", kind, d)
	}
}

func TestShutdownObeysNearerDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tel := start(t, &agent{answer: silence})
		_, span := tel.Tracer("test").Start(t.Context(), "work")
		span.End()
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := tel.Shutdown(ctx); err == nil {
			t.Error("Shutdown succeeded against a silent agent")
		}
		if took := time.Since(began); took > 700*time.Millisecond {
			t.Errorf("Shutdown took %v, beyond its context", took)
		}
	})
}

// TestShutdownWithTransportThatIgnoresContext is the worst a foreign transport
// can do.
func TestShutdownWithTransportThatIgnoresContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		tel := start(t, &agent{}, func(c *sdk.Config) {
			c.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
				<-release
				return nil, errRefused
			})
		})
		_, span := tel.Tracer("test").Start(t.Context(), "work")
		span.End()
		began := time.Now()
		_, ok := errors.AsType[*sdk.LossError](tel.Shutdown(t.Context()))
		if took := time.Since(began); !ok || took > 3*time.Second {
			t.Errorf("Shutdown took %v, loss %v", took, ok)
		}
	})
}

// TestShutdownWithHangingCallback is the worst an application's own metrics
// can do; its spans still arrive.
func TestShutdownWithHangingCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agent{}
		tel := start(t, a)
		release := make(chan struct{})
		defer close(release)
		_, err := tel.Meter("shop").Int64ObservableGauge("bad", metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error {
			<-release
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		_, span := tel.Tracer("test").Start(t.Context(), "work")
		span.End()
		time.Sleep(2 * time.Minute) // the periodic collection hangs, too
		began := time.Now()
		err = tel.Shutdown(t.Context())
		if took := time.Since(began); took > 3*time.Second || err == nil || !strings.Contains(err.Error(), "a callback hangs") {
			t.Errorf("Shutdown took %v and returned %v", took, err)
		}
		a.span(t, "work")
	})
}

func TestProblemsAreReportedOnChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []string
		down := true
		a := &agent{answer: func(*http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if down {
				return nil, errRefused
			}
			return response(200), nil
		}}
		tel := start(t, a, func(c *sdk.Config) {
			c.Metrics.Interval = time.Second
			c.OnProblem = func(p sdk.Problem) {
				mu.Lock()
				defer mu.Unlock()
				if p.Cause == nil {
					got = append(got, "recovered")
					return
				}
				got = append(got, p.Cause.Error())
			}
		})
		for range 120 {
			_, span := tel.Tracer("test").Start(t.Context(), "work")
			span.End()
			time.Sleep(time.Second)
		}
		if s := tel.Status(); s.Agent != "unreachable" || s.LastErr != "connection refused" || s.Spans.Queued != 120 {
			t.Errorf("status in the outage: %+v", s)
		}
		mu.Lock()
		down = false
		mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if d := cmp.Diff([]string{"connection refused", "recovered"}, got); d != "" {
			t.Errorf("reports (-want +got):\n%s", d)
		}
		if s := tel.Status(); s.Agent != "connected" || s.Spans.Delivered != 120 {
			t.Errorf("status after it: %+v", s)
		}
	})
}

func TestLossesAreAMetric(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &agent{}
		tel := start(t, a, func(c *sdk.Config) { c.Limits.SpanBytes = 4096 })
		_, span := tel.Tracer("test").Start(t.Context(), strings.Repeat("x", 3000))
		span.End()
		flush(t, tel)
		p := a.metric("sidelight.sdk.dropped").GetSum().GetDataPoints()
		if len(p) != 1 || p[0].GetAsInt() != 1 {
			t.Fatalf("sidelight.sdk.dropped is %v, want one point of 1", p)
		}
		if d := cmp.Diff(map[string]string{"signal": "traces", "cause": "oversize"}, texts(p[0].Attributes)); d != "" {
			t.Errorf("attributes (-want +got):\n%s", d)
		}
	})
}

func TestNilTelemetry(t *testing.T) {
	var tel *sdk.Telemetry
	if h := http.NewServeMux(); tel.Handler(h) != http.Handler(h) {
		t.Error("Handler does not return its argument")
	}
	if tel.RoundTripper(nil) != http.DefaultTransport {
		t.Error("RoundTripper does not return the default transport")
	}
	tel.Logger().Error("nowhere")
	_, span := tel.Tracer("x").Start(t.Context(), "y")
	span.End()
	if _, err := tel.Meter("x").Int64Counter("n"); err != nil {
		t.Error(err)
	}
	called := false
	err := tel.Do(t.Context(), "x", func(context.Context) error { called = true; return errRefused }, attribute.Bool("a", true))
	if err != errRefused || !called {
		t.Errorf("Do() = %v, called %v", err, called)
	}
	if err := errors.Join(tel.Flush(t.Context()), tel.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
	if s := tel.Status(); s.Agent != "off" {
		t.Errorf("status is %+v", s)
	}
	if tel.Sampler() == nil {
		t.Error("Sampler is nil")
	}
}
