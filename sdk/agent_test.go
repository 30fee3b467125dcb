package sdk_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logpb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight/sdk"
)

// agent decodes what it is sent with the generated messages.
type agent struct {
	// answer makes the answer; nil accepts everything. A nil response without
	// an error never comes.
	answer func(*http.Request) (*http.Response, error)

	mu       sync.Mutex
	resource map[string]string
	spans    []*tracepb.Span
	metrics  []*metricpb.Metric
	logs     []*logpb.LogRecord
}

func (a *agent) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	res := response(http.StatusOK)
	if a.answer != nil {
		if res, err = a.answer(r); err != nil {
			return nil, err
		}
	}
	if res == nil {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if res.StatusCode == http.StatusOK {
		if err := a.take(r.URL.Path, body); err != nil {
			return nil, err
		}
	}
	return res, nil
}

func readBody(r *http.Request) ([]byte, error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		body = zr
	}
	return io.ReadAll(body)
}

func (a *agent) take(path string, body []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch path {
	case "/v1/traces":
		var m collectortrace.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &m); err != nil {
			return err
		}
		for _, rs := range m.ResourceSpans {
			a.resource = texts(rs.Resource.Attributes)
			for _, ss := range rs.ScopeSpans {
				a.spans = append(a.spans, ss.Spans...)
			}
		}
	case "/v1/metrics":
		var m collectormetrics.ExportMetricsServiceRequest
		if err := proto.Unmarshal(body, &m); err != nil {
			return err
		}
		for _, rs := range m.ResourceMetrics {
			for _, ss := range rs.ScopeMetrics {
				a.metrics = append(a.metrics, ss.Metrics...)
			}
		}
	case "/v1/logs":
		var m collectorlogs.ExportLogsServiceRequest
		if err := proto.Unmarshal(body, &m); err != nil {
			return err
		}
		for _, rs := range m.ResourceLogs {
			for _, ss := range rs.ScopeLogs {
				a.logs = append(a.logs, ss.LogRecords...)
			}
		}
	default:
		return fmt.Errorf("unknown path %q", path)
	}
	return nil
}

func response(code int) *http.Response {
	return &http.Response{StatusCode: code, Header: make(http.Header), Body: http.NoBody}
}

// texts shows attributes as strings, lists in brackets.
func texts(attrs []*commonpb.KeyValue) map[string]string {
	out := make(map[string]string)
	for _, kv := range attrs {
		out[kv.Key] = text(kv.Value)
	}
	return out
}

func text(v *commonpb.AnyValue) string {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_IntValue:
		return fmt.Sprint(v.IntValue)
	case *commonpb.AnyValue_BoolValue:
		return fmt.Sprint(v.BoolValue)
	case *commonpb.AnyValue_DoubleValue:
		return fmt.Sprint(v.DoubleValue)
	case *commonpb.AnyValue_ArrayValue:
		var parts []string
		for _, e := range v.ArrayValue.Values {
			parts = append(parts, text(e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprint(v)
}

func (a *agent) span(t *testing.T, name string) *tracepb.Span {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for _, s := range a.spans {
		if s.Name == name {
			return s
		}
		names = append(names, s.Name)
	}
	t.Fatalf("no span %q among %q", name, names)
	return nil
}

func (a *agent) metric(name string) *metricpb.Metric {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.metrics, func(m *metricpb.Metric) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return a.metrics[i]
}

// lockedBuffer is a log output.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start makes a Telemetry that samples everything and reports to a, and ends
// it with the test.
func start(t testing.TB, a *agent, change ...func(*sdk.Config)) *sdk.Telemetry {
	t.Helper()
	cfg := sdk.Config{
		Service: "orders", Version: "1.14.2", Environment: "prod",
		Endpoint: "http://127.0.0.1:4318", Transport: a, KeepGlobals: true,
		Sampler:   sdktrace.AlwaysSample(),
		Log:       sdk.LogConfig{Output: io.Discard},
		OnProblem: func(sdk.Problem) {},
	}
	for _, f := range change {
		f(&cfg)
	}
	tel, err := sdk.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(t.Context()) })
	return tel
}

func flush(t *testing.T, tel *sdk.Telemetry) {
	t.Helper()
	if err := tel.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}
