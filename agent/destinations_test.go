package agent_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// collector reads OTLP with the generated messages.
type collector struct {
	*httptest.Server
	down atomic.Bool

	mu     sync.Mutex
	logs   []string
	spans  []*tracepb.ResourceSpans
	series []*metricspb.ResourceMetrics
	header http.Header
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(z)
		}
	}
	if err == nil {
		err = c.take(r, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (c *collector) take(r *http.Request, body []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.header = r.Header
	if r.URL.Path == "/v1/traces" {
		var in coltracepb.ExportTraceServiceRequest
		err := proto.Unmarshal(body, &in)
		c.spans = append(c.spans, in.ResourceSpans...)
		return err
	}
	if r.URL.Path == "/v1/metrics" {
		var in colmetricspb.ExportMetricsServiceRequest
		err := proto.Unmarshal(body, &in)
		c.series = append(c.series, in.ResourceMetrics...)
		return err
	}
	var in collogspb.ExportLogsServiceRequest
	err := proto.Unmarshal(body, &in)
	for _, rl := range in.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			for _, rec := range sl.LogRecords {
				c.logs = append(c.logs, rec.String())
			}
		}
	}
	return err
}

func (c *collector) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.logs)
}

// once checks that each of the events from <0> to <n-1> is in all exactly once.
func once(t *testing.T, where string, all []string, n int) {
	t.Helper()
	text := strings.Join(all, "")
	for i := range n {
		if got := strings.Count(text, fmt.Sprintf("<%d>", i)); got != 1 {
			t.Fatalf("%s: event %d arrived %d times", where, i, got)
		}
	}
}

func (r *running) destination(t *testing.T, name string) status.Destination {
	t.Helper()
	for _, d := range r.Destinations() {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no destination %q among %v", name, r.Destinations())
	return status.Destination{}
}

// A further destination that is down for a while misses nothing, across a
// restart, and the first does not wait for it.
func TestSecondDestination(t *testing.T) {
	t.Setenv("COLLECTOR_KEY", "secret")
	s, c := sandboxtest.New(t), newCollector(t)
	cfg := settings(t, s)
	cfg.Shutdown.Grace = time.Second
	cfg.Logs.Also = []config.Also{{OTLP: config.OTLPOut{
		Endpoint: config.EndpointURL(c.URL), Headers: config.Headers{{Name: "api-key", Value: "env:COLLECTOR_KEY"}},
	}}}
	c.down.Store(true)
	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 200)
	eventually(t, "the first destination", func() bool { return a.Books(sidelight.Logs).Delivered == 200 })
	a.finish(t)
	if d := a.destination(t, "logs-otlp"); d.Accepted != 200 || d.Queued != 200 || d.Lost() != 0 {
		t.Errorf("after a stop with the collector down: %+v", d)
	}
	if b := a.Books(sidelight.Logs); b.Queued() != 0 || a.LeftOnDisk() != 200 {
		t.Errorf("first destination: %+v, %d left on disk", b, a.LeftOnDisk())
	}
	c.down.Store(false)
	again := start(t, cfg)
	sendForward(t, again.address(t, "forward"), 200, 300)
	eventually(t, "the collector", func() bool { return c.count() == 300 })
	again.finish(t)
	if d := again.destination(t, "logs-otlp"); d.Recovered != 200 || d.Accepted != 100 || d.Delivered != 300 || d.Queued != 0 {
		t.Errorf("after the restart: %+v", d)
	}
	if b := again.Books(sidelight.Logs); b.Accepted != 100 || b.Recovered != 0 || b.Delivered != 100 {
		t.Errorf("first destination: %+v", b)
	}
	once(t, "collector", c.logs, 300)
	once(t, "CloudWatch Logs", messages(t, s, "/sidelight/orders"), 300)
	if c.header.Get("Api-Key") != "secret" {
		t.Errorf("headers %v", c.header)
	}
}

// Files go on while a further destination is down; their checkpoint does not wait
// for it.
func TestSecondDestinationOfFiles(t *testing.T) {
	s, c := sandboxtest.New(t), newCollector(t)
	cfg := settings(t, s)
	cfg.Shutdown.Grace = time.Second
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	cfg.Receivers.Files = []config.Files{{Include: []string{filepath.Join(dir, "*.log")}, Format: "plain", Start: "beginning"}}
	cfg.Logs.Also = []config.Also{{OTLP: config.OTLPOut{Endpoint: config.EndpointURL(c.URL)}}}
	write := func(from, to int) {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for i := from; i < to; i++ {
			fmt.Fprintf(f, "line <%d>\n", i)
		}
	}
	c.down.Store(true)
	write(0, 50)
	a := start(t, cfg)
	eventually(t, "the first destination", func() bool { return a.Books(sidelight.Logs).Delivered == 50 })
	a.finish(t)
	c.down.Store(false)
	write(50, 60)
	again := start(t, cfg)
	eventually(t, "the collector", func() bool { return c.count() == 60 })
	again.finish(t)
	once(t, "collector", c.logs, 60)
	once(t, "CloudWatch Logs", messages(t, s, "/sidelight/orders"), 60)
}

// postTraces sends a request by OTLP.
func postTraces(t *testing.T, addr string, r *coltracepb.ExportTraceServiceRequest) {
	t.Helper()
	body, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+addr+"/v1/traces", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
}

func textAttr(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// Spans reach an OTLP endpoint as they were sent, with what the agent knows
// better of their origin, and X-Ray as segments.
func TestSpansBothWays(t *testing.T) {
	for name, c := range map[string]struct {
		via      config.TracesVia
		segments uint64 // that are delivered
	}{"otlp": {"otlp", 0}, "both": {"both", 2}} {
		t.Run(name, func(t *testing.T) {
			s, to := sandboxtest.New(t), newCollector(t)
			cfg := settings(t, s)
			cfg.Traces.Via = c.via
			cfg.OTLP = config.OTLPOut{Endpoint: config.EndpointURL(to.URL), Compression: "gzip"}
			now := uint64(time.Now().UnixNano())
			span := func(id byte) *tracepb.Span {
				return &tracepb.Span{
					TraceId: append(make([]byte, 15), id), SpanId: append(make([]byte, 7), id), Name: "GET /", Kind: tracepb.Span_SPAN_KIND_SERVER,
					StartTimeUnixNano: now - 1e9, EndTimeUnixNano: now, TraceState: "a=b", Flags: 257,
					Attributes: []*commonpb.KeyValue{textAttr("http.route", "/")}, Events: []*tracepb.Span_Event{{TimeUnixNano: now, Name: "e"}},
				}
			}
			sent := &tracepb.ResourceSpans{
				Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{textAttr("service.name", "unknown_service:node"), textAttr("host.name", "theirs")}},
				SchemaUrl:  "https://opentelemetry.io/schemas/1.30.0",
				ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: "lib"}, Spans: []*tracepb.Span{span(1), span(2)}}},
			}
			a := start(t, cfg)
			postTraces(t, a.address(t, "otlp http"), &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{sent}})
			eventually(t, "the spans", func() bool { to.mu.Lock(); defer to.mu.Unlock(); return len(to.spans) == 1 })
			a.finish(t)
			want := proto.CloneOf(sent)
			want.Resource.Attributes = []*commonpb.KeyValue{
				textAttr("host.name", "theirs"), textAttr("cloud.region", "us-east-1"),
				textAttr("deployment.environment.name", "test"), textAttr("service.name", "orders"),
			}
			if d := cmp.Diff(want, to.spans[0], protocmp.Transform()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			b := a.Books(sidelight.Traces)
			if c.via == "otlp" {
				if b.Accepted != 2 || b.Delivered != 2 || len(a.Destinations()) != 0 {
					t.Errorf("books %+v, %v", b, a.Destinations())
				}
				return
			}
			if d := a.destination(t, "traces-otlp"); b.Delivered != c.segments || d.Delivered != 2 || d.Accepted != 2 {
				t.Errorf("books %+v, %+v", b, d)
			}
		})
	}
}

// One agent sends to another, which has the account: everything arrives once,
// though the gateway is restarted.
func TestGateway(t *testing.T) {
	s := sandboxtest.New(t)
	central := settings(t, s)
	b := start(t, central)
	cfg := settings(t, s)
	cfg.AWS.Endpoint = "http://127.0.0.1:1" // this one has no account
	cfg.Shutdown.Grace = time.Second        // nor will its metrics be delivered
	cfg.OTLP = config.OTLPOut{Endpoint: config.EndpointURL("http://" + b.address(t, "otlp http")), Compression: "gzip"}
	cfg.Logs.Via, cfg.Traces.Via = "otlp", "otlp"
	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 300)
	eventually(t, "the logs", func() bool { return b.Books(sidelight.Logs).Delivered == 300 })
	// The gateway is away, and comes back at the same address.
	central.Receivers.OTLP.HTTP = config.Address(b.address(t, "otlp http"))
	b.finish(t)
	sendForward(t, a.address(t, "forward"), 300, 400)
	again := start(t, central)
	eventually(t, "the logs after the restart", func() bool { return again.Books(sidelight.Logs).Delivered == 100 })
	a.finish(t)
	again.finish(t)
	all := messages(t, s, "/sidelight/orders")
	once(t, "behind the gateway", all, 400)
	if len(all) != 400 || !strings.Contains(all[0], `"level":"INFO"`) {
		t.Errorf("%d messages, the first %s", len(all), all[0])
	}
	for _, x := range []*running{a, again} {
		if t0 := x.Books(sidelight.Logs); t0.Queued() != 0 || t0.Lost() != 0 {
			t.Errorf("books %+v", t0)
		}
	}
}

// AWS's own endpoints take what leaves by OTLP, and what is missing is made.
func TestNativeEndpoints(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Logs.Via, cfg.Traces.Via = "otlp", "both"
	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 100)
	old := uint64(time.Now().Add(-20 * 24 * time.Hour).UnixNano())
	now := uint64(time.Now().UnixNano())
	span := func(id byte, at uint64) *tracepb.Span {
		return &tracepb.Span{TraceId: append(make([]byte, 15), id), SpanId: append(make([]byte, 7), id), Name: "n", StartTimeUnixNano: at, EndTimeUnixNano: at + 1e6}
	}
	postTraces(t, a.address(t, "otlp http"), &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{span(1, now), span(2, old)}}},
	}}})
	eventually(t, "the logs", func() bool { return a.Books(sidelight.Logs).Delivered == 100 })
	eventually(t, "the spans", func() bool { return a.destination(t, "traces-otlp").Delivered == 1 })
	a.finish(t)
	all := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(strings.Join(messages(t, s, "/sidelight/orders"), ""))
	once(t, "CloudWatch Logs", []string{all}, 100)
	if b := a.Books(sidelight.Logs); b.Queued() != 0 || b.Lost() != 0 {
		t.Errorf("logs: %+v", b)
	}
	if d := a.destination(t, "traces-otlp"); d.Dropped["too_old"] != 1 || d.Queued != 0 {
		t.Errorf("spans: %+v", d)
	}
}
