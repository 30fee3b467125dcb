package agent_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// traces returns how many spans the collector has of each trace. It fails for one
// that came twice.
func (c *collector) traces(t *testing.T) map[string]int {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	out, seen := map[string]int{}, map[string]bool{}
	for _, rs := range c.spans {
		for _, ss := range rs.ScopeSpans {
			for _, span := range ss.Spans {
				out[hex.EncodeToString(span.TraceId)]++
				if id := hex.EncodeToString(span.SpanId); seen[id] {
					t.Errorf("span %s came twice", id)
				} else {
					seen[id] = true
				}
			}
		}
	}
	return out
}

// overOTLP is a configuration that samples and sends spans to the collector.
func overOTLP(cfg config.Config, to *collector, via config.TracesVia) config.Config {
	cfg.Traces.Via = via
	cfg.OTLP = config.OTLPOut{Endpoint: config.EndpointURL(to.URL), Compression: "gzip"}
	return cfg
}

// Whatever decides, X-Ray and the collector have the same traces, and each of them
// whole; the metrics count those that were left out too.
func TestSamplingBothWays(t *testing.T) {
	const traces = 40
	for name, sample := range map[string]config.TraceSample{
		"rate":                  {Rate: 50},
		"errors and a rate":     {Rate: 30, KeepErrors: true},
		"a bound on a second":   {Rate: 90, PerSecond: 3},
		"rare ones":             {KeepRare: 2},
		"of a service":          {Services: config.Percents{{Name: "orders", Value: "40%"}}},
		"rules out of reach":    {Rate: 100, Rules: true},
		"an early end by force": {Rate: 50, KeepErrors: true, Wait: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, to := sandboxtest.New(t), newCollector(t)
			sample.Memory = 4 << 20
			if sample.Wait == 0 {
				sample.Wait = 200 * time.Millisecond
			}
			cfg := overOTLP(sampled(t, s, sample), to, "both")
			a := start(t, cfg)
			svc := newService(t, a.address(t, "otlp http"), "orders")
			rng := rand.New(rand.NewPCG(1, uint64(len(name))))
			var sent []string
			for range traces {
				sent = append(sent, svc.request(t, fmt.Sprintf("/r%d", rng.IntN(3)), rng.IntN(4) == 0))
			}
			svc.flush(t)
			if sample.Wait < time.Hour {
				eventually(t, "the decisions", func() bool {
					b := a.Books(sidelight.Traces)
					return b.Accepted == 3*traces && b.Queued() == 0
				})
			}
			a.finish(t)
			native, documents := to.traces(t), map[string]int{}
			for _, id := range sent {
				if spansOf(t, s, id) > 0 {
					documents[id] = 3
				}
			}
			if d := cmp.Diff(documents, native); d != "" {
				t.Errorf("X-Ray and the collector differ (-X-Ray +collector):\n%s", d)
			}
			b, o := a.Books(sidelight.Traces), a.destination(t, "traces-otlp")
			if b.Accepted != 3*traces || b.Delivered+b.Dropped["sampled"] != 3*traces || b.Delivered != uint64(3*len(native)) || o.Accepted != b.Delivered || o.Delivered != o.Accepted {
				t.Errorf("%d traces; books %+v, of the collector %+v", len(native), b, o)
			}
			var requests float64
			for i := range 3 {
				requests += metricSum(t, s, spanmetrics.Namespace, "Requests", dim("Environment", "test"), dim("Operation", fmt.Sprintf("GET /r%d", i)), dim("Service", "orders"))
			}
			if requests != traces {
				t.Errorf("%v requests in the metrics, want %d", requests, traces)
			}
		})
	}
}

// Where spans leave by OTLP alone the decision is the same, also about segments of
// X-Ray's SDKs, which go to X-Ray: one failed segment keeps all of its trace.
func TestSamplingOfSpans(t *testing.T) {
	s, to := sandboxtest.New(t), newCollector(t)
	cfg := overOTLP(sampled(t, s, config.TraceSample{KeepErrors: true, Wait: time.Second, Memory: 4 << 20}), to, "otlp")
	a := start(t, cfg)
	svc := newService(t, a.address(t, "otlp http"), "orders")
	daemon, err := net.Dial("udp", a.address(t, "xray udp"))
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	want := map[string]int{}
	var kept []string
	for i := range 30 {
		id := svc.request(t, "/orders", i%10 == 0)
		if i%5 != 0 {
			continue
		}
		want[id] = 3
		if i%10 != 0 {
			kept = append(kept, id)
			fmt.Fprintf(daemon, "{\"format\": \"json\", \"version\": 1}\n"+
				`{"name":"cart","id":"%016x","trace_id":"1-%s-%s","start_time":%[4]d.1,"end_time":%[4]d.2,"fault":true}`, 1+i, id[:8], id[8:], time.Now().Unix()-1)
		}
	}
	svc.flush(t)
	eventually(t, "the decisions", func() bool {
		b := a.Books(sidelight.Traces)
		return b.Accepted == uint64(90+len(kept)) && b.Queued() == 0
	})
	a.finish(t)
	if d := cmp.Diff(want, to.traces(t)); d != "" {
		t.Errorf("traces (-want +got):\n%s", d)
	}
	for _, id := range kept {
		if spansOf(t, s, id) != 1 {
			t.Errorf("the segment of trace %s is not at X-Ray", id)
		}
	}
	if b := a.Books(sidelight.Traces); b.Delivered != uint64(18+len(kept)) || b.Dropped["sampled"] != 72 || b.Lost() != 72 || len(a.Destinations()) != 0 {
		t.Errorf("books %+v, destinations %v", b, a.Destinations())
	}
}

// Spans leave as they came, also after they have waited for a decision.
func TestSampledSpansStayWhatTheyAre(t *testing.T) {
	s := sandboxtest.New(t)
	got := map[string][]*tracepb.ResourceSpans{}
	for name, sample := range map[string]config.TraceSample{"all": {Rate: 100}, "sampled": {Rate: 100, PerSecond: 1e6, Wait: 100 * time.Millisecond, Memory: 4 << 20}} {
		to := newCollector(t)
		cfg := overOTLP(settings(t, s), to, "otlp")
		cfg.Traces.Sample = sample
		a := start(t, cfg)
		postSpan(t, a.address(t, "otlp http"))
		eventually(t, "the span", func() bool { return len(to.traces(t)) == 1 })
		a.finish(t)
		got[name] = to.spans
	}
	// Times and IDs are those of each request.
	for _, list := range got {
		for _, rs := range list {
			for _, ss := range rs.ScopeSpans {
				for _, span := range ss.Spans {
					span.TraceId, span.SpanId, span.StartTimeUnixNano, span.EndTimeUnixNano = nil, nil, 0, 0
				}
			}
		}
	}
	if fmt.Sprint(got["all"]) != fmt.Sprint(got["sampled"]) {
		t.Errorf("sampled:\n%v\nnot sampled:\n%v", got["sampled"], got["all"])
	}
}

// Spans in both forms that were acknowledged and not decided survive the end of the
// process, whichever way the next one sends them.
func TestUndecidedSpansSurviveARestart(t *testing.T) {
	s := sandboxtest.New(t)
	const killed = 60
	dir := t.TempDir()
	addr, kill := startProcess(t, s.URL(), dir, "both")
	svc := newService(t, addr, "orders")
	var sent []string
	for range 20 {
		sent = append(sent, svc.request(t, "/orders", false))
	}
	svc.flush(t) // until the agent has acknowledged
	kill()
	half := config.TraceSample{Rate: 50, KeepErrors: true, Wait: 200 * time.Millisecond, Memory: 4 << 20}
	all := config.TraceSample{Rate: 100, Wait: time.Second, Memory: 4 << 20}
	for name, c := range map[string]struct {
		via    config.TracesVia
		sample config.TraceSample
	}{
		"both": {"both", half}, "otlp": {"otlp", half}, "segments": {"segments", half},
		"both, all": {"both", all}, "otlp, all": {"otlp", all}, "segments, all": {"segments", all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, to := sandboxtest.New(t), newCollector(t)
			cfg := overOTLP(sampled(t, s, c.sample), to, c.via)
			cfg.Receivers.XRay = config.XRay{}
			if err := os.CopyFS(filepath.Join(cfg.Queue.Dir, "traces-undecided"), os.DirFS(filepath.Join(dir, "traces-undecided"))); err != nil {
				t.Fatal(err)
			}
			a := start(t, cfg)
			eventually(t, "the decisions", func() bool {
				b := a.Books(sidelight.Traces)
				return b.Recovered == killed && b.Queued() == 0
			})
			a.finish(t)
			b := a.Books(sidelight.Traces)
			if b.Delivered+b.Dropped["sampled"] != killed || b.Delivered == 0 || c.sample.Rate == 100 && b.Delivered != killed {
				t.Errorf("books %+v", b)
			}
			documents, native := 0, 0
			for _, id := range sent {
				if spansOf(t, s, id) > 0 {
					documents += 3
				}
			}
			for _, n := range to.traces(t) {
				native += n
			}
			n := int(b.Delivered)
			want := map[config.TracesVia][2]int{"both": {n, n}, "otlp": {0, n}, "segments": {n, 0}}[c.via]
			if documents != want[0] || native != want[1] {
				t.Errorf("%d documents and %d spans, want %v", documents, native, want)
			}
		})
	}
}

// While the collector takes nothing, spans wait for it and X-Ray has its own; a
// restart in between loses nothing and sends nothing twice.
func TestSamplingBothWaysInAnOutage(t *testing.T) {
	s, to := sandboxtest.New(t), newCollector(t)
	cfg := overOTLP(sampled(t, s, config.TraceSample{Rate: 50, Wait: 100 * time.Millisecond, Memory: 4 << 20}), to, "both")
	cfg.Shutdown.Grace = time.Second
	to.down.Store(true)
	a := start(t, cfg)
	svc := newService(t, a.address(t, "otlp http"), "orders")
	var sent []string
	for range 20 {
		sent = append(sent, svc.request(t, "/orders", false))
	}
	svc.flush(t)
	eventually(t, "what X-Ray gets", func() bool {
		b := a.Books(sidelight.Traces)
		return b.Accepted == 60 && b.Queued() == 0
	})
	a.finish(t)
	if o := a.destination(t, "traces-otlp"); o.Queued != int64(a.Books(sidelight.Traces).Delivered) {
		t.Errorf("for the collector wait %+v", o)
	}
	to.down.Store(false)
	again := start(t, cfg)
	eventually(t, "what the collector gets", func() bool { return again.destination(t, "traces-otlp").Queued == 0 })
	again.finish(t)
	native := to.traces(t)
	for _, id := range sent {
		if (spansOf(t, s, id) > 0) != (native[id] == 3) {
			t.Errorf("trace %s: %d documents, %d spans", id, spansOf(t, s, id), native[id])
		}
	}
}
