package sandbox_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// postOTLP sends OTLP/JSON and returns the status and the answer.
func postOTLP(t *testing.T, url, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestOTLPTraces(t *testing.T) {
	s := sandboxtest.New(t)
	body := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[{"spans":[
{"traceId":"5759e988bd862e3fe1be46a994272793","spanId":"53995c3f42cd8ad8","name":"GET /a","kind":2,"startTimeUnixNano":"1772359200000000000","endTimeUnixNano":"1772359200000000000"},
{"traceId":"00","spanId":"53995c3f42cd8ad8","name":"bad","startTimeUnixNano":"1772359200000000000","endTimeUnixNano":"1772359200000000000"}]}]}]}`
	status, text := postOTLP(t, s.URL()+"/v1/traces", body)
	if status != http.StatusOK || !strings.Contains(text, `"rejectedSpans":"1"`) {
		t.Errorf("answer is %d %s", status, text)
	}
	// The same in the wire form: the answer is an ExportTraceServiceResponse
	// whose partial_success counts one span.
	j := otlpwire.NewJSON()
	wire := good(j.Append(nil, j.Traces, []byte(body)))(t)
	if status, text := postOTLP(t, s.URL()+"/v1/traces", string(wire), "Content-Type", "application/x-protobuf"); status != http.StatusOK || !strings.HasPrefix(text[2:], "\x08\x01\x12") {
		t.Errorf("in the wire form the answer is %d %q", status, text)
	}
	traces := xray.NewFromConfig(sandboxtest.Config(s))
	out := good(traces.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{"1-5759e988-bd862e3fe1be46a994272793"}}))(t)
	if len(out.Traces) != 1 || !strings.Contains(*out.Traces[0].Segments[0].Document, `"web"`) {
		t.Errorf("the trace is %+v", out.Traces)
	}
	if status, text := postOTLP(t, s.URL()+"/v1/traces", "{"); status != http.StatusBadRequest || !strings.Contains(text, "message") {
		t.Errorf("a malformed request is answered %d %s", status, text)
	}
	if status, text := postOTLP(t, s.URL()+"/v1/metrics", "{}"); status != http.StatusNotImplemented || !strings.Contains(text, "metrics") {
		t.Errorf("metrics are answered %d %s", status, text)
	}
}

func TestOTLPLogs(t *testing.T) {
	s := sandboxtest.New(t)
	logs, g := cwl.NewFromConfig(sandboxtest.Config(s)), aws.String("/app")
	good(logs.CreateLogGroup(t.Context(), &cwl.CreateLogGroupInput{LogGroupName: g}))(t)
	good(logs.CreateLogStream(t.Context(), &cwl.CreateLogStreamInput{LogGroupName: g, LogStreamName: aws.String("s")}))(t)
	body := `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeLogs":[{"logRecords":[
{"severityText":"ERROR","severityNumber":17,"body":{"stringValue":"boom"},"attributes":[{"key":"n","value":{"intValue":"3"}}],"traceId":"5759e988bd862e3fe1be46a994272793"}]}]}]}`
	if status, text := postOTLP(t, s.URL()+"/v1/logs", body); status != http.StatusBadRequest || !strings.Contains(text, "x-aws-log-group") {
		t.Errorf("without headers the answer is %d %s", status, text)
	}
	if status, text := postOTLP(t, s.URL()+"/v1/logs", body, "x-aws-log-group", "/none", "x-aws-log-stream", "s"); status != http.StatusBadRequest || !strings.Contains(text, "does not exist") {
		t.Errorf("for a group that is not there the answer is %d %s", status, text)
	}
	elsewhere := "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/logs/aws4_request, SignedHeaders=host, Signature=0"
	if status, text := postOTLP(t, s.URL()+"/v1/logs", body, "x-aws-log-group", "/app", "x-aws-log-stream", "s", "Authorization", elsewhere); status != http.StatusBadRequest || !strings.Contains(text, "does not exist") {
		t.Errorf("for a group of another region the answer is %d %s", status, text)
	}
	if status, text := postOTLP(t, s.URL()+"/v1/logs", body, "x-aws-log-group", "/app", "x-aws-log-stream", "s"); status != http.StatusOK {
		t.Errorf("the answer is %d %s", status, text)
	}
	out := good(logs.FilterLogEvents(t.Context(), &cwl.FilterLogEventsInput{LogGroupName: g, FilterPattern: aws.String(`{ $.severityText = "ERROR" && $.body = "boom" && $.attributes.n = 3 }`)}))(t)
	if len(out.Events) != 1 || !strings.Contains(*out.Events[0].Message, `"service.name":"web"`) {
		t.Errorf("events are %+v", out.Events)
	}
}

// otel-go's exporters, as a program would set them up for AWS but for the
// signature.
func TestOTLPExporters(t *testing.T) {
	s := sandboxtest.New(t)
	logs, g := cwl.NewFromConfig(sandboxtest.Config(s)), aws.String("/app")
	good(logs.CreateLogGroup(t.Context(), &cwl.CreateLogGroupInput{LogGroupName: g}))(t)
	good(logs.CreateLogStream(t.Context(), &cwl.CreateLogStreamInput{LogGroupName: g, LogStreamName: aws.String("s")}))(t)

	spans := good(otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(s.URL()+"/v1/traces"), otlptracehttp.WithCompression(otlptracehttp.GzipCompression)))(t)
	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "web"))))
	ctx, outer := traces.Tracer("test").Start(t.Context(), "GET /a", trace.WithSpanKind(trace.SpanKindServer))
	_, inner := traces.Tracer("test").Start(ctx, "query", trace.WithSpanKind(trace.SpanKindClient))

	records := good(otlploghttp.New(t.Context(), otlploghttp.WithEndpointURL(s.URL()+"/v1/logs"),
		otlploghttp.WithHeaders(map[string]string{"x-aws-log-group": "/app", "x-aws-log-stream": "s"})))(t)
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(records)))
	var rec log.Record
	rec.SetTimestamp(time.Now())
	rec.SetBody(attribute.StringValue("boom"))
	rec.AddAttributes(attribute.Int("n", 3))
	provider.Logger("test").Emit(ctx, rec)
	inner.End()
	outer.End()
	for name, stop := range map[string]func(context.Context) error{"traces": traces.Shutdown, "logs": provider.Shutdown} {
		if err := stop(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	id := outer.SpanContext().TraceID().String()
	got := good(xray.NewFromConfig(sandboxtest.Config(s)).BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{"1-" + id[:8] + "-" + id[8:]}}))(t)
	if len(got.Traces) != 1 || len(got.Traces[0].Segments) != 2 {
		t.Errorf("traces are %+v, want one of two documents", got.Traces)
	}
	out := good(logs.FilterLogEvents(t.Context(), &cwl.FilterLogEventsInput{LogGroupName: g, FilterPattern: aws.String(`{ $.body = "boom" && $.traceId = "` + id + `" && $.attributes.n = 3 }`)}))(t)
	if len(out.Events) != 1 {
		t.Errorf("events are %+v, want the one record", out.Events)
	}
}

func TestOTLPRefuses(t *testing.T) {
	url := sandboxtest.New(t).URL() + "/v1/traces"
	span := `{"traceId":"5759e988bd862e3fe1be46a994272793","spanId":"53995c3f42cd8ad8","name":"a","startTimeUnixNano":"1","endTimeUnixNano":"1"}`
	many := `{"resourceSpans":[{"scopeSpans":[{"spans":[` + strings.Repeat(span+",", 10_000) + span + `]}]}]}`
	for name, c := range map[string]struct {
		body, want string
		header     []string
	}{
		"too many spans": {many, "10000 spans", nil},
		"too large":      {strings.Repeat(" ", 5<<20+1), "larger", nil},
		"another type":   {"{}", "text/plain", []string{"Content-Type", "text/plain"}},
		"another coding": {"{}", "zstd", []string{"Content-Encoding", "zstd"}},
		"not gzip":       {"{}", "inflate", []string{"Content-Encoding", "gzip"}},
	} {
		t.Run(name, func(t *testing.T) {
			if status, text := postOTLP(t, url, c.body, c.header...); status != http.StatusBadRequest || !strings.Contains(text, c.want) {
				t.Errorf("the answer is %d %s, want 400 with %q", status, text, c.want)
			}
		})
	}
}
