package sdk_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/sidelight-dev/sidelight/sdk"
)

func TestDoRecords(t *testing.T) {
	boom := errors.New("boom")
	a := &agent{}
	tel := start(t, a)
	ctx, parent := tel.Tracer("test").Start(t.Context(), "parent")
	err := tel.Do(ctx, "fails", func(ctx context.Context) error {
		sdk.Annotate(ctx, attribute.String("order", "o-1"), attribute.Int("items", 2))
		sdk.Annotate(ctx, attribute.String("order", "o-2"))
		return boom
	}, attribute.Bool("retry", true))
	if err != boom {
		t.Errorf("Do() = %v", err)
	}
	func() {
		defer func() {
			if v := recover(); v != "oops" {
				t.Errorf("recovered %v", v)
			}
		}()
		_ = tel.Do(ctx, "panics", func(context.Context) error { panic("oops") })
	}()
	parent.End()
	flush(t, tel)
	failed := a.span(t, "fails")
	want := map[string]string{"retry": "true", "order": "o-2", "items": "2", "aws.xray.annotations": "[order items]"}
	if d := cmp.Diff(want, texts(failed.Attributes)); d != "" {
		t.Errorf("attributes (-want +got):\n%s", d)
	}
	if failed.Status.GetMessage() != "boom" || texts(failed.Events[0].Attributes)["exception.message"] != "boom" {
		t.Errorf("span is %v", failed)
	}
	if p := a.span(t, "panics"); p.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || texts(p.Events[0].Attributes)["exception.message"] != "oops" {
		t.Errorf("span is %v", p)
	}
	if parent := a.span(t, "parent"); string(failed.ParentSpanId) != string(parent.SpanId) {
		t.Error("the span is not a child of its context's")
	}
}

func TestAnnotateFromManyGoroutines(t *testing.T) {
	a := &agent{}
	tel := start(t, a)
	ctx, span := tel.Tracer("test").Start(t.Context(), "work")
	var wg sync.WaitGroup
	keys := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, k := range keys {
		wg.Go(func() { sdk.Annotate(ctx, attribute.Bool(k, true)) })
	}
	wg.Wait()
	span.End()
	flush(t, tel)
	got := strings.Fields(strings.Trim(texts(a.span(t, "work").Attributes)["aws.xray.annotations"], "[]"))
	slices.Sort(got)
	if d := cmp.Diff(keys, got); d != "" {
		t.Errorf("annotations (-want +got):\n%s", d)
	}
}

func TestMetricsAreDifferences(t *testing.T) {
	a := &agent{}
	tel := start(t, a)
	c, err := tel.Meter("shop").Int64Counter("orders", metric.WithUnit("{order}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{3, 4} {
		a.mu.Lock()
		a.metrics = nil
		a.mu.Unlock()
		c.Add(t.Context(), n, metric.WithAttributes(attribute.String("kind", "web")))
		flush(t, tel)
		if p := a.metric("orders").GetSum().DataPoints[0]; p.GetAsInt() != n || p.StartTimeUnixNano == 0 {
			t.Errorf("point is %v, want %d", p, n)
		}
	}
	if a.metric("go.goroutine.count") == nil {
		t.Error("no runtime metrics")
	}
}

func TestSeriesLimit(t *testing.T) {
	a := &agent{}
	tel := start(t, a, func(c *sdk.Config) { c.Metrics.SeriesLimit = 4 })
	c, err := tel.Meter("shop").Int64Counter("orders")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		c.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("user", i)))
	}
	flush(t, tel)
	if n := len(a.metric("orders").GetSum().DataPoints); n != 4 {
		t.Errorf("%d series, want 4", n)
	}
}

func TestCallbackPanicIsContained(t *testing.T) {
	a := &agent{}
	tel := start(t, a)
	_, err := tel.Meter("shop").Int64ObservableGauge("bad", metric.WithInt64Callback(func(context.Context, metric.Int64Observer) error { panic("oops") }))
	if err != nil {
		t.Fatal(err)
	}
	if err := tel.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "oops") {
		t.Errorf("Flush() = %v, want it to tell of the panic", err)
	}
}

func TestSpanLimits(t *testing.T) {
	a := &agent{}
	tel := start(t, a, func(c *sdk.Config) { c.Limits.AttributesPerSpan, c.Limits.ValueBytes = 3, 5 })
	_, span := tel.Tracer("x").Start(t.Context(), "work")
	for _, k := range []string{"a", "b", "c", "d"} {
		span.SetAttributes(attribute.String(k, "0123456789"))
	}
	span.End()
	flush(t, tel)
	got := a.span(t, "work")
	if d := cmp.Diff(map[string]string{"a": "01234", "b": "01234", "c": "01234"}, texts(got.Attributes)); d != "" || got.DroppedAttributesCount != 1 {
		t.Errorf("attributes (-want +got):\n%s\n%d dropped", d, got.DroppedAttributesCount)
	}
}

func unsampledContext(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}}))
}

func TestDoUnsampledAllocatesNothing(t *testing.T) {
	tel := start(t, &agent{})
	ctx := unsampledContext(t.Context())
	fn := func(context.Context) error { return nil }
	n := testing.AllocsPerRun(1000, func() {
		_ = tel.Do(ctx, "work", fn, attribute.String("a", "b"), attribute.Int("n", 1))
	})
	if n != 0 {
		t.Errorf("Do allocates %v times", n)
	}
}

// TestHandlerUnsampledAllocations pins the cost of a request that is not
// traced, RED metrics included: six allocations more than without the sdk.
func TestHandlerUnsampledAllocations(t *testing.T) {
	m := mux("GET /orders/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	for name, req := range map[string]*http.Request{
		"new trace":  request("GET", "http://shop.test/orders/7", "User-Agent", "curl/8"),
		"parent: no": request("GET", "http://shop.test/orders/7", "X-Amzn-Trace-Id", "Root="+xroot+";Parent=53995c3f42cd8ad8;Sampled=0"),
	} {
		t.Run(name, func(t *testing.T) {
			tel := start(t, &agent{}, func(c *sdk.Config) { c.Sampler = sdktrace.NeverSample() })
			count := func(h http.Handler) float64 {
				w := &discard{h: make(http.Header)}
				return testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, req) })
			}
			bare, wrapped := count(m), count(tel.Handler(m))
			if wrapped-bare > 6 {
				t.Errorf("an unsampled request allocates %v times, %v without the sdk", wrapped, bare)
			}
		})
	}
}

// TestHandlerSampledAllocations pins the cost of a traced request: sixteen
// allocations more than without the sdk, most of them OpenTelemetry's.
func TestHandlerSampledAllocations(t *testing.T) {
	m := mux("GET /orders/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	tel := start(t, &agent{answer: silence})
	req := request("GET", "http://shop.test/orders/7", "User-Agent", "curl/8")
	count := func(h http.Handler) float64 {
		w := &discard{h: make(http.Header)}
		return testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, req) })
	}
	bare, wrapped := count(m), count(tel.Handler(m))
	if wrapped-bare > 16+poolMisses {
		t.Errorf("a sampled request allocates %v times, %v without the sdk", wrapped, bare)
	}
}

// TestNewRootInsideRequest holds that a trace begun inside a request is one of
// its own.
func TestNewRootInsideRequest(t *testing.T) {
	for name, header := range map[string]string{"new trace": "", "load balancer": "Root=" + xroot} {
		t.Run(name, func(t *testing.T) {
			a := &agent{}
			tel := start(t, a)
			req := request("GET", "http://shop.test/")
			if header != "" {
				req.Header.Set("X-Amzn-Trace-Id", header)
			}
			tel.Handler(mux("/", func(_ http.ResponseWriter, r *http.Request) {
				_, span := tel.Tracer("test").Start(r.Context(), "apart", trace.WithNewRoot())
				span.End()
				_, span = tel.Tracer("test").Start(r.Context(), "inside")
				span.End()
			})).ServeHTTP(httptest.NewRecorder(), req)
			flush(t, tel)
			server, apart, inside := a.span(t, "GET /"), a.span(t, "apart"), a.span(t, "inside")
			if string(apart.TraceId) == string(server.TraceId) || string(inside.TraceId) != string(server.TraceId) {
				t.Errorf("traces are %x (server), %x (apart), %x (inside)", server.TraceId, apart.TraceId, inside.TraceId)
			}
		})
	}
}

type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func benchmarkHandler(b *testing.B, s sdktrace.Sampler) {
	tel := start(b, &agent{}, func(c *sdk.Config) {
		c.Sampler, c.Transport = s, roundTrip(func(*http.Request) (*http.Response, error) { return response(200), nil })
	})
	h := tel.Handler(mux("GET /orders/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
	w, req := &discard{h: make(http.Header)}, request("GET", "http://shop.test/orders/7", "User-Agent", "curl/8")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, req)
	}
}

func BenchmarkHandlerUnsampled(b *testing.B) { benchmarkHandler(b, sdktrace.NeverSample()) }
func BenchmarkHandlerSampled(b *testing.B)   { benchmarkHandler(b, sdktrace.AlwaysSample()) }

func BenchmarkDoUnsampled(b *testing.B) {
	tel := start(b, &agent{})
	ctx := unsampledContext(b.Context())
	fn := func(context.Context) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		_ = tel.Do(ctx, "work", fn)
	}
}

// TestDependencies pins what a service takes in with the sdk: no gRPC, no
// protobuf, nothing of the agent, and no module that is not on this list.
func TestDependencies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}} {{if .Module}}{{.Module.Path}}{{end}}{{end}}", ".", "./sampler", "./sdktest").Output()
	if err != nil {
		t.Fatalf("list dependencies: %v", err)
	}
	allowed := []string{
		"github.com/cespare/xxhash/v2", "github.com/go-logr/logr", "github.com/go-logr/stdr", "github.com/google/uuid",
		"github.com/sidelight-dev/sidelight",
		"go.opentelemetry.io/auto/sdk", "go.opentelemetry.io/contrib/propagators/aws", "go.opentelemetry.io/otel", "go.opentelemetry.io/otel/log", "go.opentelemetry.io/otel/metric",
		"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/sdk/metric", "go.opentelemetry.io/otel/trace", "golang.org/x/sys",
	}
	for line := range strings.Lines(string(out)) {
		path, module, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !slices.Contains(allowed, module) {
			t.Errorf("the sdk imports %s of module %q", path, module)
		}
		// X-Ray's rules are one logic for the sdk and the agent: a leaf that
		// imports the standard library alone.
		shared := path == module+"/internal/xraysample"
		if module == "github.com/sidelight-dev/sidelight" && !strings.HasPrefix(path, module+"/sdk") && !shared {
			t.Errorf("the sdk imports %s", path)
		}
	}
}

func TestServerWithRealRequests(t *testing.T) {
	a := &agent{}
	tel := start(t, a)
	srv := httptest.NewServer(tel.Handler(mux("GET /{$}", func(http.ResponseWriter, *http.Request) {})))
	defer srv.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				res, err := http.Get(srv.URL)
				if err != nil {
					t.Error(err)
					return
				}
				res.Body.Close()
			}
		})
	}
	wg.Wait()
	srv.Close()
	flush(t, tel)
	if s := tel.Status().Spans; s.Accepted != 200 || s.Delivered != 200 {
		t.Errorf("counts are %+v, want 200 spans", s)
	}
}
