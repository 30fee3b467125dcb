package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/sidelight-dev/sidelight/sdk"
	"github.com/sidelight-dev/sidelight/sdk/internal/tap"
)

// flushTimeout bounds a collection when the agent does not answer.
const flushTimeout = 100 * time.Millisecond

// Option changes what [New] makes.
type Option func(*Recorder, *sdk.Config)

// WithGlobals sets otel's global providers and slog.Default, for code that
// uses those. Such tests must not run in parallel.
func WithGlobals() Option {
	return func(_ *Recorder, c *sdk.Config) { c.KeepGlobals = false }
}

// WithConfig changes the configuration, but for Transport and Log.Output,
// which are the recorder's.
func WithConfig(f func(*sdk.Config)) Option {
	return func(_ *Recorder, c *sdk.Config) { f(c) }
}

var errGone = errors.New("connection refused")

// AgentGone refuses every connection.
func AgentGone() Option { return behave(errGone, 0) }

// AgentHangs accepts every request and answers none.
func AgentHangs() Option { return behave(nil, 0) }

// AgentRefuses answers every request with an HTTP status.
func AgentRefuses(status int) Option { return behave(nil, status) }

func behave(err error, status int) Option {
	return func(r *Recorder, _ *sdk.Config) { r.agentErr, r.agentStatus = err, status }
}

// Recorder holds what a Telemetry recorded. Its methods may be called from any
// goroutine; those that fail the test only from the test's own.
type Recorder struct {
	tb          testing.TB
	tel         *sdk.Telemetry
	agentErr    error
	agentStatus int // 0 never answers

	mu     sync.Mutex
	spans  []sdktrace.ReadOnlySpan
	logs   []Record
	points map[string][]*Point
}

// recording is the side of a Recorder that package sdk sees.
type recording struct{ r *Recorder }

var _ tap.Tap = recording{}

// New starts a Telemetry that delivers nothing and samples everything, and
// ends it with the test. If the test fails, what was recorded is printed as a
// tree. Several recorders may live at once; none touches otel's globals unless
// WithGlobals is given.
func New(tb testing.TB, opts ...Option) *Recorder {
	tb.Helper()
	r := &Recorder{tb: tb, agentStatus: http.StatusOK, points: make(map[string][]*Point)}
	level := new(slog.LevelVar)
	level.Set(slog.LevelDebug)
	cfg := sdk.Config{
		Service: "test", Version: "test", Endpoint: "http://127.0.0.1:4318",
		Sampler: sdktrace.AlwaysSample(), KeepGlobals: true,
		Log:       sdk.LogConfig{Level: level},
		Metrics:   sdk.MetricConfig{NoRuntime: true, Interval: time.Hour},
		OnProblem: func(sdk.Problem) {},
	}
	for _, o := range opts {
		o(r, &cfg)
	}
	cfg.Transport, cfg.Log.Output = recording{r}, logWriter{r}
	tel, err := sdk.Start(tb.Context(), cfg)
	if err != nil {
		tb.Fatalf("start telemetry: %v", err)
	}
	r.tel = tel
	tb.Cleanup(func() {
		_ = tel.Shutdown(context.Background()) // that data is lost is what some tests want
		if tb.Failed() {
			tb.Logf("recorded spans:\n%s", r.Tree())
		}
	})
	return r
}

// Telemetry returns what the code under test uses.
func (r *Recorder) Telemetry() *sdk.Telemetry { return r.tel }

// RoundTrip plays the agent.
func (t recording) RoundTrip(req *http.Request) (*http.Response, error) {
	r := t.r
	_, _ = io.Copy(io.Discard, req.Body)
	if r.agentErr != nil {
		return nil, r.agentErr
	}
	if r.agentStatus == 0 {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return &http.Response{StatusCode: r.agentStatus, Header: make(http.Header), Body: http.NoBody, Request: req}, nil
}

// Reset forgets everything that was recorded.
func (r *Recorder) Reset() {
	r.collect() // what was measured so far belongs to the past, too
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spans, r.logs = nil, nil
	clear(r.points)
}

// collect brings the points up to date.
func (r *Recorder) collect() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	_ = r.tel.Flush(ctx) // points are recorded before they are sent
}

// Record is one log record.
type Record struct {
	Level   slog.Level
	Message string
	// TraceID, in X-Ray's form, and SpanID are empty outside a span.
	TraceID, SpanID string
	// Attrs is the whole line, decoded from JSON.
	Attrs map[string]any
}

// Logs returns the records of level and above, in order.
func (r *Recorder) Logs(level slog.Level) []Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Record
	for _, rec := range r.logs {
		if rec.Level >= level {
			out = append(out, rec)
		}
	}
	return out
}

type logWriter struct{ r *Recorder }

// Write takes one line.
func (w logWriter) Write(line []byte) (int, error) {
	var rec Record
	if err := json.Unmarshal(line, &rec.Attrs); err != nil {
		return 0, fmt.Errorf("decode log line: %w", err)
	}
	text := func(key string) string {
		s, _ := rec.Attrs[key].(string)
		return s
	}
	if err := rec.Level.UnmarshalText([]byte(text("level"))); err != nil {
		return 0, fmt.Errorf("decode log line: %w", err)
	}
	rec.Message, rec.TraceID, rec.SpanID = text("msg"), text("trace_id"), text("span_id")
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	w.r.logs = append(w.r.logs, rec)
	return len(line), nil
}

// Span implements [tap.Tap].
func (t recording) Span(s sdktrace.ReadOnlySpan) {
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	t.r.spans = append(t.r.spans, s)
}

// Metrics implements [tap.Tap].
func (t recording) Metrics(m *metricdata.ResourceMetrics) {
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	for _, scope := range m.ScopeMetrics {
		for i := range scope.Metrics {
			t.r.addLocked(&scope.Metrics[i])
		}
	}
}

// Spans returns the ended spans in the order they started.
func (r *Recorder) Spans() iter.Seq[Span] {
	return func(yield func(Span) bool) {
		for _, s := range r.sorted() {
			if !yield(Span{r, s}) {
				return
			}
		}
	}
}

func (r *Recorder) sorted() []sdktrace.ReadOnlySpan {
	r.mu.Lock()
	spans := slices.Clone(r.spans)
	r.mu.Unlock()
	slices.SortStableFunc(spans, func(a, b sdktrace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	return spans
}
