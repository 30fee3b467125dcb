package otlp_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight/agent/receiver/otlp"
)

// traceExporters are OpenTelemetry's own, pointed at the receiver in all the
// ways that it is reached.
func traceExporters(t *testing.T, x *running) map[string]sdktrace.SpanExporter {
	t.Helper()
	const soon, late = 20 * time.Millisecond, 20 * time.Second
	overGRPC := otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: true, InitialInterval: soon, MaxInterval: soon, MaxElapsedTime: late})
	overHTTP := otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: soon, MaxInterval: soon, MaxElapsedTime: late})
	all := map[string]func() (sdktrace.SpanExporter, error){
		"grpc": func() (sdktrace.SpanExporter, error) {
			return otlptracegrpc.New(t.Context(), overGRPC, otlptracegrpc.WithInsecure(), otlptracegrpc.WithEndpoint(x.GRPCAddr().String()))
		},
		"grpc gzip": func() (sdktrace.SpanExporter, error) {
			return otlptracegrpc.New(t.Context(), overGRPC, otlptracegrpc.WithInsecure(), otlptracegrpc.WithEndpoint(x.GRPCAddr().String()), otlptracegrpc.WithCompressor("gzip"))
		},
		"grpc unix": func() (sdktrace.SpanExporter, error) {
			return otlptracegrpc.New(t.Context(), overGRPC, otlptracegrpc.WithInsecure(), otlptracegrpc.WithEndpoint("unix://"+x.unix))
		},
		"http": func() (sdktrace.SpanExporter, error) {
			return otlptracehttp.New(t.Context(), overHTTP, otlptracehttp.WithInsecure(), otlptracehttp.WithEndpoint(x.HTTPAddr().String()), otlptracehttp.WithHTTPClient(client(t, "")))
		},
		"http gzip": func() (sdktrace.SpanExporter, error) {
			return otlptracehttp.New(t.Context(), overHTTP, otlptracehttp.WithInsecure(), otlptracehttp.WithEndpoint(x.HTTPAddr().String()), otlptracehttp.WithHTTPClient(client(t, "")), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		},
	}
	made := map[string]sdktrace.SpanExporter{}
	for name, make := range all {
		e, err := make()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		made[name] = e
	}
	return made
}

func TestTraceClients(t *testing.T) {
	x := start(t, nil)
	for name, exporter := range traceExporters(t, x) {
		t.Run(name, func(t *testing.T) {
			x.out.set(func() { clear(x.out.docs) })
			provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
				sdktrace.WithResource(resource.NewSchemaless(
					attribute.String("service.name", "checkout"), attribute.String("telemetry.sdk.language", "go"))))
			tracer := provider.Tracer("test")
			ctx, root := tracer.Start(t.Context(), "GET /", trace.WithSpanKind(trace.SpanKindServer))
			_, child := tracer.Start(ctx, "SELECT 1", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
				attribute.String("db.system.name", "postgresql"), attribute.Int("rows", 3)))
			child.RecordError(errors.New("no rows"), trace.WithStackTrace(true))
			child.SetStatus(codes.Error, "no rows")
			child.End()
			root.End()
			if err := provider.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			checkTrace(t, x.out.get("traces xray "), root.SpanContext(), child.SpanContext())
		})
	}
}

type segment struct {
	Name, ID, Type string
	TraceID        string `json:"trace_id"`
	ParentID       string `json:"parent_id"`
	Fault          bool
	SQL            map[string]string
	Cause          struct {
		Exceptions []struct {
			Message string
			Stack   []struct{ Path, Label string }
		}
	}
}

func checkTrace(t *testing.T, docs []string, root, child trace.SpanContext) {
	t.Helper()
	if len(docs) != 2 {
		t.Fatalf("%d documents: %s", len(docs), docs)
	}
	segs := map[string]segment{}
	for _, d := range docs {
		var s segment
		if err := json.Unmarshal([]byte(d), &s); err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		segs[s.ID] = s
		if id := root.TraceID().String(); s.TraceID != "1-"+id[:8]+"-"+id[8:] {
			t.Errorf("trace id %s of %s", s.TraceID, id)
		}
	}
	if s := segs[root.SpanID().String()]; s.Name != "checkout" || s.Type != "" || s.Fault {
		t.Errorf("root = %+v", s)
	}
	s := segs[child.SpanID().String()]
	if s.Type != "subsegment" || s.ParentID != root.SpanID().String() || !s.Fault || s.SQL["database_type"] != "postgresql" {
		t.Errorf("child = %+v", s)
	}
	if len(s.Cause.Exceptions) != 1 || s.Cause.Exceptions[0].Message != "no rows" {
		t.Fatalf("cause = %+v", s.Cause)
	}
	if !slices.ContainsFunc(s.Cause.Exceptions[0].Stack, func(f struct{ Path, Label string }) bool {
		return strings.HasSuffix(f.Path, "client_test.go") && strings.Contains(f.Label, "TestTraceClients")
	}) {
		t.Errorf("stack = %+v", s.Cause.Exceptions[0].Stack)
	}
}

func TestLogClients(t *testing.T) {
	x := start(t, nil)
	grpc, err := otlploggrpc.New(t.Context(), otlploggrpc.WithInsecure(), otlploggrpc.WithEndpoint(x.GRPCAddr().String()), otlploggrpc.WithCompressor("gzip"))
	if err != nil {
		t.Fatal(err)
	}
	http, err := otlploghttp.New(t.Context(), otlploghttp.WithInsecure(), otlploghttp.WithEndpoint(x.HTTPAddr().String()))
	if err != nil {
		t.Fatal(err)
	}
	for name, exporter := range map[string]sdklog.Exporter{"grpc": grpc, "http": http} {
		t.Run(name, func(t *testing.T) {
			x.out.set(func() { clear(x.out.docs) })
			provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)),
				sdklog.WithResource(resource.NewSchemaless(attribute.String("service.name", name))))
			var r log.Record
			r.SetTimestamp(time.Date(2026, 3, 1, 9, 40, 2, 113e6, time.UTC))
			r.SetSeverity(log.SeverityWarn2)
			r.SetSeverityText("WARN")
			r.SetBody(attribute.StringValue("disk is \"full\""))
			r.AddAttributes(attribute.Float64("used", 0.97), attribute.StringSlice("disks", []string{"a"}))
			provider.Logger("test").Emit(t.Context(), r)
			if err := provider.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := `{"time":"2026-03-01T09:40:02.113Z","level":"WARN","msg":"disk is \"full\"","service":"` + name +
				`","environment":"test","scope":"test","used":0.97,"disks":["a"]}`
			if got := x.out.get("logs cloudwatchlogs /sidelight/" + name); len(got) != 1 || got[0] != want {
				t.Errorf("documents = %s\nwant        %s", got, want)
			}
		})
	}
}

// TestClientsComeBack refuses a real client twice and expects it to come back,
// as it was told to, until it is taken.
func TestClientsComeBack(t *testing.T) {
	x := start(t, func(c *otlp.Config) { c.RetryAfter = 50 * time.Millisecond })
	for name, exporter := range traceExporters(t, x) {
		t.Run(name, func(t *testing.T) {
			x.out.set(func() { clear(x.out.docs); x.out.full = 2 })
			provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
			_, span := provider.Tracer("test").Start(t.Context(), "op")
			span.End()
			if got := x.out.get("traces xray "); len(got) != 1 || x.out.full != 0 {
				t.Errorf("documents = %s with %d refusals to come", got, x.out.full)
			}
			if err := provider.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// A real client is told which of its spans were not taken, and has the others
// delivered: partial success is no failure to be tried again.
func TestClientsHearOfRejectedSpans(t *testing.T) {
	x := start(t, nil)
	for name, exporter := range traceExporters(t, x) {
		t.Run(name, func(t *testing.T) {
			x.out.set(func() { clear(x.out.docs) })
			defer exporter.Shutdown(t.Context())
			var told []string
			otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { told = append(told, err.Error()) }))
			at := time.Now()
			good := tracetest.SpanStub{Name: "good", SpanContext: spanContext(1), StartTime: at, EndTime: at}
			bad := tracetest.SpanStub{Name: "bad", SpanContext: spanContext(2)} // it has no start
			err := exporter.ExportSpans(t.Context(), tracetest.SpanStubs{good, bad}.Snapshots())
			if err != nil {
				told = append(told, err.Error())
			}
			if len(told) != 1 || !strings.Contains(told[0], "1 span") || !strings.Contains(told[0], "no start time") {
				t.Errorf("the client was told %q", told)
			}
			if got := x.out.get("traces xray "); len(got) != 1 || !strings.Contains(got[0], `"good"`) {
				t.Errorf("documents = %s", got)
			}
		})
	}
}

// A request that is too long is refused for good: a real client gives it up at
// once, and what it sends next is taken.
func TestClientsGiveUpWhatIsTooLong(t *testing.T) {
	x := start(t, func(c *otlp.Config) { c.MaxBody = 4096 })
	for name, exporter := range traceExporters(t, x) {
		t.Run(name, func(t *testing.T) {
			x.out.set(func() { clear(x.out.docs) })
			at := time.Now()
			defer exporter.Shutdown(t.Context())
			long := tracetest.SpanStub{Name: strings.Repeat("x", 10_000), SpanContext: spanContext(1), StartTime: at, EndTime: at}
			// A client that comes back does so for a minute, which this context ends.
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := exporter.ExportSpans(ctx, tracetest.SpanStubs{long}.Snapshots()); err == nil || ctx.Err() != nil {
				t.Errorf("exported with %v, context %v", err, ctx.Err())
			}
			short := tracetest.SpanStub{Name: "short", SpanContext: spanContext(2), StartTime: at, EndTime: at}
			if err := exporter.ExportSpans(t.Context(), tracetest.SpanStubs{short}.Snapshots()); err != nil {
				t.Error(err)
			}
			if got := x.out.get("traces xray "); len(got) != 1 || !strings.Contains(got[0], `"short"`) {
				t.Errorf("documents = %s", got)
			}
		})
	}
}

func spanContext(n byte) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: n}, SpanID: trace.SpanID{7: n}, TraceFlags: trace.FlagsSampled})
}
