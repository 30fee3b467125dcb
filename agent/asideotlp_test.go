package agent_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// choosy is a collector that refuses what it is told to.
type choosy struct {
	*collector
	refuse, partly atomic.Bool
}

func newChoosy(t *testing.T) *choosy {
	t.Helper()
	c := &choosy{collector: &collector{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *choosy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.refuse.Load() {
		http.Error(w, "a field has another type here", http.StatusBadRequest)
		return
	}
	c.collector.ServeHTTP(w, r)
	if !c.partly.Load() {
		return
	}
	answer, _ := proto.Marshal(&collogspb.ExportLogsServiceResponse{PartialSuccess: &collogspb.ExportLogsPartialSuccess{
		RejectedLogRecords: 1, ErrorMessage: "one is too old",
	}})
	_, _ = w.Write(answer)
}

// records returns what is set aside for f.
func records(t *testing.T, a *running, f refused.Filter) (out []refused.Record) {
	t.Helper()
	if err := a.Refused(f, func(r *refused.Record) bool { out = append(out, *r); return true }); err != nil {
		t.Fatal(err)
	}
	return out
}

// What an OTLP endpoint refuses is set aside, can be read, and arrives once its
// cause is mended, the same as if it had not been refused: logs and spans, put
// back by an agent that runs and for one that does not.
func TestRefusedByOTLPIsSetAside(t *testing.T) {
	s, c := sandboxtest.New(t), newChoosy(t)
	cfg := settings(t, s)
	cfg.Traces.Via = "otlp"
	cfg.OTLP = config.OTLPOut{Endpoint: config.EndpointURL(c.URL), Compression: "gzip"}
	cfg.Logs.Also = []config.Also{{OTLP: config.OTLPOut{Endpoint: config.EndpointURL(c.URL)}}}
	c.refuse.Store(true)
	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 50)
	postSpan(t, a.address(t, "otlp http"))
	eventually(t, "the refusals", func() bool {
		return a.destination(t, "logs-otlp").Refused["rejected"] == 50 && a.Books(sidelight.Traces).Refused["rejected"] == 1
	})
	logs, spans := records(t, a, refused.Filter{Queue: "logs-otlp"}), records(t, a, refused.Filter{Queue: "traces-otlp"})
	if len(logs) != 50 || !strings.Contains(logs[0].Event, "<0>") || !strings.Contains(logs[0].Error, "another type") {
		t.Fatalf("%d logs set aside, the first %+v", len(logs), logs)
	}
	if len(spans) != 1 || !strings.Contains(spans[0].Text, `"name":"GET /orders"`) || !strings.Contains(spans[0].Text, `"trace_id":"0102030405060708090a0b0c0d0e0f10"`) {
		t.Fatalf("spans set aside: %+v", spans)
	}
	c.refuse.Store(false)
	if n, err := a.Requeue(t.Context(), refused.Filter{Queue: "traces-otlp"}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	eventually(t, "the span", func() bool { return a.Books(sidelight.Traces).Delivered == 1 })
	a.finish(t)
	if n, err := agent.RequeueStopped(t.Context(), cfg.Queue.Dir, refused.Filter{}, slog.New(slog.DiscardHandler)); n != 50 || err != nil {
		t.Fatal(n, err)
	}
	b := start(t, cfg)
	eventually(t, "the logs", func() bool { return c.count() == 50 })
	b.finish(t)
	once(t, "collector", c.logs, 50)
	if got := c.spans[0].ScopeSpans[0].Spans[0].Name; len(c.spans) != 1 || got != "GET /orders" || serviceOf(c.spans[0]) != "orders" {
		t.Errorf("%d spans, the first %s of %s", len(c.spans), got, serviceOf(c.spans[0]))
	}
}

func serviceOf(r *tracepb.ResourceSpans) string {
	for _, a := range r.Resource.Attributes {
		if a.Key == "service.name" {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

func postSpan(t *testing.T, addr string) {
	t.Helper()
	now := uint64(time.Now().UnixNano())
	postTraces(t, addr, &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{textAttr("service.name", "orders")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, SpanId: []byte{1, 2, 3, 4, 5, 6, 7, 8},
			Name: "GET /orders", StartTimeUnixNano: now - 1e9, EndTimeUnixNano: now,
		}}}},
	}}})
}

// Where the endpoint says how many it refused and not which, all of the request
// are kept, marked, and sent again only for who asks for them.
func TestPartialSuccessIsSetAside(t *testing.T) {
	s, c := sandboxtest.New(t), newChoosy(t)
	cfg := settings(t, s)
	cfg.Logs.Also = []config.Also{{OTLP: config.OTLPOut{Endpoint: config.EndpointURL(c.URL)}}}
	c.partly.Store(true)
	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 30)
	eventually(t, "the answers", func() bool { return c.count() == 30 && a.destination(t, "logs-otlp").Queued == 0 })
	d := a.destination(t, "logs-otlp")
	n := d.Refused["partial_success"]
	if n == 0 || d.Delivered+n != 30 {
		t.Fatalf("books %+v", d)
	}
	kept := records(t, a, refused.Filter{})
	if len(kept) != 30 || kept[0].Reason != "partial_success" || !strings.HasPrefix(kept[0].Maybe, "1 of ") || kept[0].Error != "one is too old" {
		t.Fatalf("%d set aside, %+v", len(kept), kept[0])
	}
	if n, err := a.Requeue(t.Context(), refused.Filter{}); n != 0 || err != nil {
		t.Errorf("put back %d without being asked, %v", n, err)
	}
	c.partly.Store(false)
	if n, err := a.Requeue(t.Context(), refused.Filter{IDs: []uint64{kept[3].ID}}); n != 1 || err != nil {
		t.Errorf("put back %d, %v", n, err)
	}
	eventually(t, "the one", func() bool { return c.count() == 31 })
	a.finish(t)
}
