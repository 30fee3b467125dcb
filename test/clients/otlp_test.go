//go:build clients

package clients_test

import (
	"context"
	"errors"
	"strings"
	"testing"

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
	"go.opentelemetry.io/otel/trace"
)

// TestOpenTelemetryGo sends a trace of two services and a log record within it
// by each of the transports.
func TestOpenTelemetryGo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spans   func(ctx context.Context, a *agent) (sdktrace.SpanExporter, error)
		records func(ctx context.Context, a *agent) (sdklog.Exporter, error)
	}{
		"grpc": {
			func(ctx context.Context, a *agent) (sdktrace.SpanExporter, error) {
				return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(a.address(t, "otlp grpc")), otlptracegrpc.WithInsecure(), otlptracegrpc.WithCompressor("gzip"))
			},
			func(ctx context.Context, a *agent) (sdklog.Exporter, error) {
				return otlploggrpc.New(ctx, otlploggrpc.WithEndpoint(a.address(t, "otlp grpc")), otlploggrpc.WithInsecure())
			},
		},
		"http": {
			func(ctx context.Context, a *agent) (sdktrace.SpanExporter, error) {
				return otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(a.address(t, "otlp http")), otlptracehttp.WithInsecure())
			},
			func(ctx context.Context, a *agent) (sdklog.Exporter, error) {
				return otlploghttp.New(ctx, otlploghttp.WithEndpoint(a.address(t, "otlp http")), otlploghttp.WithInsecure(), otlploghttp.WithCompression(otlploghttp.GzipCompression))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSandbox(t)
			a := startAgent(t, s)
			spans, err := c.spans(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			records, err := c.records(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			id := emitOpenTelemetry(t, spans, records)
			checkOpenTelemetry(t, s, id)
		})
	}
}

// emitOpenTelemetry sends what checkOpenTelemetry looks for and returns the
// trace's ID.
func emitOpenTelemetry(t *testing.T, spans sdktrace.SpanExporter, records sdklog.Exporter) string {
	t.Helper()
	tracer := func(service string) (trace.Tracer, *sdktrace.TracerProvider) {
		tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
		return tp.Tracer("test"), tp
	}
	web, webProvider := tracer("web")
	db, dbProvider := tracer("stock")
	ctx, server := web.Start(t.Context(), "GET /checkout", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", "GET"), attribute.String("url.scheme", "http"), attribute.String("url.path", "/checkout"),
		attribute.String("server.address", "shop.example"), attribute.Int("http.response.status_code", 500)))
	callCtx, call := web.Start(ctx, "POST stock", trace.WithSpanKind(trace.SpanKindClient))
	_, remote := db.Start(callCtx, "POST /reserve", trace.WithSpanKind(trace.SpanKindServer))
	remote.End()
	call.RecordError(errors.New("sold out"))
	call.SetStatus(codes.Error, "sold out")
	call.End()
	server.SetStatus(codes.Error, "sold out")

	lp := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(records)),
		sdklog.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"))))
	var r log.Record
	r.SetBody(attribute.StringValue("sold out: gnocchi"))
	r.SetSeverity(log.SeverityError)
	r.SetSeverityText("ERROR")
	r.AddAttributes(attribute.Int64("left", 0), attribute.String("sku", "g-1"))
	lp.Logger("test").Emit(ctx, r)
	server.End()
	for _, end := range []func(context.Context) error{webProvider.ForceFlush, dbProvider.ForceFlush, lp.Shutdown, webProvider.Shutdown} {
		if err := end(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return server.SpanContext().TraceID().String()
}

// checkOpenTelemetry waits for the trace and the record, however they were sent.
func checkOpenTelemetry(t *testing.T, s *sandbox, id string) {
	t.Helper()
	amazon := "1-" + id[:8] + "-" + id[8:]
	var docs map[string]string
	eventually(t, "two segments", func() bool { docs = s.segments(t, amazon); return len(docs) == 2 })
	web, stock := docs["web"], docs["stock"]
	if web == "" || stock == "" {
		t.Fatalf("segments: %v", docs)
	}
	if got := field(t, web, "http/response/status"); got != "500" || field(t, web, "fault") != "true" {
		t.Errorf("web has status %q: %s", got, web)
	}
	for _, want := range []string{`"sold out"`, "/checkout"} {
		if !strings.Contains(web, want) {
			t.Errorf("web has no %s: %s", want, web)
		}
	}
	if field(t, stock, "parent_id") == "" || !strings.Contains(web, field(t, stock, "parent_id")) {
		t.Errorf("stock hangs on nothing in web:\n%s\n%s", stock, web)
	}
	faults := s.traces(t, `service("web") { fault = true }`)
	if len(faults) != 1 || *faults[0].Id != amazon {
		t.Errorf("traces with a fault: %v", faults)
	}
	eventually(t, "the record", func() bool { return len(s.messages(t, group, "gnocchi")) == 1 })
	record := s.messages(t, group, "gnocchi")[0]
	if !strings.Contains(record, id) && !strings.Contains(record, amazon) {
		t.Errorf("the record does not name the trace %s: %s", id, record)
	}
	for _, want := range []string{"sold out: gnocchi", "ERROR", "g-1"} {
		if !strings.Contains(record, want) {
			t.Errorf("the record has no %s: %s", want, record)
		}
	}
}

// TestOpenTelemetryJS sends the same by the exporters for JavaScript.
func TestOpenTelemetryJS(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"proto", "grpc", "json"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			s := startSandbox(t)
			a := startAgent(t, s)
			out := run(t, nil, "node", "send.js", "otlp", a.address(t, "otlp http"), a.address(t, "otlp grpc"), transport)
			checkOpenTelemetry(t, s, strings.TrimSpace(string(out)))
		})
	}
}
