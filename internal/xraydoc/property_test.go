package xraydoc_test

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/segment"
	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

// knownNames are attributes that translation treats in some way of its own.
var knownNames = strings.Fields(`aws.local.service aws.remote.service aws.span.kind peer.service aws.service db.name
	db.connection_string db.user db.statement db.system db.system.name db.query.text db.namespace rpc.service rpc.system
	rpc.method enduser.id aws.xray.inprogress aws.xray.annotations aws.operation aws.account_id aws.region aws.request_id
	aws.queue_url aws.table_name aws.dynamodb.table_names messaging.url message.type messaging.message_payload_size_bytes
	http.method http.request.method http.client_ip client.address http.user_agent http.status_code http.status_text
	http.response.status_code http.url url.full http.scheme http.host http.target http.server_name net.host.port host.name
	net.peer.name net.peer.port net.peer.ip network.peer.address server.address server.port url.path url.query
	aws.xray.metadata.cart aws.xray.metadata.default plain other cloud.provider cloud.platform service.name
	service.version telemetry.sdk.language aws.log.group.names aws.log.group.arns host.id k8s.cluster.name
	exception.type exception.message exception.stacktrace http.response.status_code aws.http.error_message`)

var texts = []string{
	"", "a", "aws-api", "LOCAL_ROOT", "mysql", "RECEIVED", "go", "aws", "aws_ecs", "10.0.0.1", "::1", "GET", "/p?q",
	"https://u:p@h:1/x?y#z", "jdbc:mysql://h/d", `{"k":[1,{"l":null}]}`, `{"broken":`, "\"\\\x00\x1f", "\xff\xfe", "漢字é",
	"goroutine 1 [running]:\nmain.f(0x1)\n\t/a.go:1 +0x1\n)\n\t:2\n\t:\n(\n\tx:3", "java", "python", "nodejs", "dotnet",
	"Traceback (\nFile \"a\", line 1, in f\nFile \"\", line x\nFile \"b\", line 2\nat (:)\nat f(x.js:1:2)\nat  in :line \n--- End of inner exception",
	"A: b\n\tat a.b(c.java:1)\n\tSuppressed: S\nCaused by: X\nCaused by: \nCaused by: Y: z\nw\n\tat a.b(c.java:1)\nCaused by: V: u",
	strings.Repeat("A: b\n ---> C: d\n at x\n--- End of inner exception stack trace ---\nCaused by: Traceback (\nFile \"a\", line 1, in f\n", 20),
	"AWS.SDK.S3", "arn:aws:logs:r:1:log-group:/g",
	strings.Repeat("漢\"", 40_000), strings.Repeat("x", 1500), strings.Repeat("f()\n\t/a.go:1\n", 3000),
}

type generator struct{ *rand.Rand }

func (g generator) value(depth int) *commonpb.AnyValue {
	switch g.IntN(9) {
	case 0:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(g.IntN(700))}}
	case 1:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}
	case 2:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: g.NormFloat64() / float64(g.IntN(2))}}
	case 3:
		if depth > 0 {
			values := []*commonpb.AnyValue{g.value(depth - 1), g.value(depth - 1)}
			return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: values[:g.IntN(3)]}}}
		}
	case 4:
		if depth > 0 {
			return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: g.attrs(2, depth-1)}}}
		}
	case 5:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte(texts[g.IntN(len(texts))])}}
	}
	return g.text()
}

func (g generator) text() *commonpb.AnyValue {
	n := len(texts)
	if g.IntN(20) > 0 {
		n -= 3 // the long ones are rare
	}
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: strings.ToValidUTF8(texts[g.IntN(n)], "?")}}
}

func (g generator) attrs(n, depth int) []*commonpb.KeyValue {
	var out []*commonpb.KeyValue
	for _, i := range g.Perm(len(knownNames))[:g.IntN(n+1)] {
		kv := &commonpb.KeyValue{Key: knownNames[i], Value: g.value(depth)}
		if g.IntN(2) == 0 {
			kv.Value = g.text()
		}
		out = append(out, kv)
	}
	return out
}

func (g generator) request() *coltracepb.ExportTraceServiceRequest {
	id := binary.BigEndian.AppendUint64(nil, g.Uint64()|1)
	span := &tracepb.Span{
		TraceId: append(id, id...), SpanId: id, Name: texts[g.IntN(len(texts)-10)], Kind: tracepb.Span_SpanKind(g.IntN(6)),
		StartTimeUnixNano: 1000 + g.Uint64N(2e18), Attributes: g.attrs(len(knownNames), 2),
		Status: &tracepb.Status{Code: tracepb.Status_StatusCode(g.IntN(3)), Message: "m"},
	}
	span.Name = strings.ToValidUTF8(span.Name, "?")
	span.EndTimeUnixNano = span.StartTimeUnixNano + g.Uint64N(1e10)
	if g.IntN(3) > 0 {
		span.ParentSpanId = binary.BigEndian.AppendUint64(nil, g.Uint64()|1)
	}
	for range g.IntN(4) {
		name := []string{"exception", "HTTP request failure", "other"}[g.IntN(3)]
		span.Events = append(span.Events, &tracepb.Span_Event{Name: name, TimeUnixNano: 5, Attributes: g.attrs(30, 1)})
	}
	for range g.IntN(4) * 12 {
		span.Links = append(span.Links, &tracepb.Span_Link{TraceId: span.TraceId, SpanId: id, Attributes: g.attrs(2, 1)})
	}
	return &coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: g.attrs(30, 1)}, ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{span}}},
	}}}
}

type document struct {
	ID, Name   string
	TraceID    string      `json:"trace_id"`
	ParentID   string      `json:"parent_id"`
	StartTime  json.Number `json:"start_time"`
	EndTime    json.Number `json:"end_time"`
	InProgress bool        `json:"in_progress"`
	Links      []any
	Metadata   map[string]any
	Subsegment string `json:"type"`
}

func FuzzSpan(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed, seed%3 == 0)
	}
	f.Fuzz(func(t *testing.T, seed uint64, all bool) {
		g := generator{rand.New(rand.NewPCG(seed, 2))}
		request := g.request()
		span := request.ResourceSpans[0].ScopeSpans[0].Spans[0]
		body, err := proto.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		tr := xraydoc.New(xraydoc.Config{IndexAll: all, Indexed: []string{"plain", "otel.resource.service.name"}})
		docs := translate(t, tr, body)
		if again := translate(t, tr, body); strings.Join(again, "") != strings.Join(docs, "") {
			t.Fatalf("translated twice:\n%s\n%s", docs, again)
		}
		for i, text := range docs {
			if len(text) > xraydoc.MaxDocument {
				t.Fatalf("%d bytes", len(text))
			}
			if err := checkSchema(text); err != nil {
				t.Fatalf("not valid by the schema: %v: %.2000s", err, text)
			}
			if _, err := segment.Parse([]byte(text)); err != nil {
				t.Fatalf("X-Ray would refuse %.2000s: %v", text, err)
			}
			var d document
			if err := json.Unmarshal([]byte(text), &d); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			checkDocument(t, d, span, i, len(docs))
		}
	})
}

func checkDocument(t *testing.T, d document, span *tracepb.Span, i, n int) {
	t.Helper()
	id := hex.EncodeToString(span.TraceId)
	if d.TraceID != "1-"+id[:8]+"-"+id[8:] {
		t.Errorf("trace id %s", d.TraceID)
	}
	if i == 0 && d.ID != hex.EncodeToString(span.SpanId) {
		t.Errorf("id %s", d.ID)
	}
	if parent := hex.EncodeToString(span.ParentSpanId); i == n-1 && d.ParentID != parent {
		t.Errorf("parent %s, want %s", d.ParentID, parent)
	}
	if n == 2 && i == 0 && (d.ParentID == "" || d.Subsegment != "subsegment") {
		t.Errorf("the call of a service: %+v", d)
	}
	if d.Name == "" || len(d.Name) > 200 {
		t.Errorf("name %q", d.Name)
	}
	if len(d.Links) > 20 {
		t.Errorf("%d links", len(d.Links))
	}
	seconds := func(ns uint64) string { return fmt.Sprintf("%d.%06d", ns/1e9, ns%1e9/1e3) }
	if d.StartTime.String() != seconds(span.StartTimeUnixNano) {
		t.Errorf("start %s", d.StartTime)
	}
	if !d.InProgress && d.EndTime.String() != seconds(span.EndTimeUnixNano) {
		t.Errorf("end %s", d.EndTime)
	}
}

// TestTrim makes documents longer than X-Ray takes, in ways that one step or
// another of trimming helps against.
func TestTrim(t *testing.T) {
	attr := func(name, value string) string {
		b, _ := json.Marshal(object{"key": name, "value": object{"stringValue": value}})
		return string(b)
	}
	long := strings.Repeat("x", 70_000)
	var many, indexed []string
	for i := range 600 {
		many = append(many, attr(fmt.Sprint("k", i), long[:150]))
		indexed = append(indexed, attr(fmt.Sprint("i", i), strings.Repeat("\x01", 900)))
	}
	tests := map[string]struct{ attrs, has string }{
		"one long text":    {attr("k", long), strings.Repeat("x", 2048) + `"`},
		"many attributes":  {strings.Join(many, ","), `"k300":"xxx`},
		"long name":        {attr("peer.service", long), strings.Repeat("x", 200) + `","id"`},
		"long url":         {attr("url.full", long), `"url.full":"` + strings.Repeat("x", 2048) + `"`},
		"long annotations": {strings.Join(indexed, ","), `"metadata":{"sidelight":{`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			body := wireForm(t, []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"`+traceID+`","spanId":"`+spanID+`","startTimeUnixNano":"1478293361271000500","attributes":[`+tc.attrs+`]}]}]}]}`))
			docs := translate(t, xraydoc.New(xraydoc.Config{IndexAll: strings.HasPrefix(name, "long a")}), body)
			if len(docs) != 1 || len(docs[0]) > xraydoc.MaxDocument || !json.Valid([]byte(docs[0])) {
				t.Fatalf("documents: %.300s", docs)
			}
			if !strings.Contains(docs[0], tc.has) {
				t.Errorf("document: %.3000s", docs[0])
			}
			if name != "long name" && !strings.Contains(docs[0], `"sidelight":{"trimmed":true,"bytes":`) {
				t.Errorf("no mark: %.300s", docs[0])
			}
		})
	}
}

func TestInvalidIDs(t *testing.T) {
	tr := xraydoc.New(xraydoc.Config{})
	good, zero := make([]byte, 16), make([]byte, 16)
	good[15], good[7] = 1, 1
	const now = 1478293361271000500
	tests := map[string]struct {
		trace, span []byte
		start       uint64
		want        error
	}{
		"good":       {good, good[:8], now, nil},
		"no start":   {good, good[:8], 0, xraydoc.ErrStart},
		"no trace":   {nil, good[:8], now, xraydoc.ErrTraceID},
		"short":      {good[:15], good[:8], now, xraydoc.ErrTraceID},
		"zero trace": {zero, good[:8], now, xraydoc.ErrTraceID},
		"no span":    {good, nil, now, xraydoc.ErrSpanID},
		"zero span":  {good, zero[:8], now, xraydoc.ErrSpanID},
		"long span":  {good, good[:9], now, xraydoc.ErrSpanID},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var docs xraydoc.Docs
			err := tr.Append(&docs, &xraydoc.Resource{}, &otlpwire.Span{TraceID: tc.trace, SpanID: tc.span, Start: tc.start})
			if !errors.Is(err, tc.want) || (err == nil) != (len(docs.Ends) == 1) {
				t.Errorf("Append = %v with %d documents, want %v", err, len(docs.Ends), tc.want)
			}
		})
	}
}

// typical is a request as an HTTP service with a database makes it.
func typical(t testing.TB, spans int) []byte {
	str := func(key, value string) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
	}
	num := func(key string, value int64) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: value}}}
	}
	var list []*tracepb.Span
	for i := range spans {
		id := binary.BigEndian.AppendUint64(nil, uint64(i+1))
		s := &tracepb.Span{
			TraceId: append(id, id...), SpanId: id, StartTimeUnixNano: 1478293361271000500, EndTimeUnixNano: 1478293361449123456,
		}
		if i%2 == 0 {
			s.Name, s.Kind = "GET /orders/{id}", tracepb.Span_SPAN_KIND_SERVER
			s.Attributes = []*commonpb.KeyValue{
				str("http.request.method", "GET"), str("url.scheme", "https"), str("server.address", "shop.example.com"),
				str("url.path", "/orders/17"), num("http.response.status_code", 200), str("user_agent.original", "curl/8"),
				str("client.address", "203.0.113.9"), str("tenant", "acme"), str("http.route", "/orders/{id}"),
			}
		} else {
			s.Name, s.Kind, s.ParentSpanId = "SELECT orders", tracepb.Span_SPAN_KIND_CLIENT, id
			s.Attributes = []*commonpb.KeyValue{
				str("db.system.name", "postgresql"), str("db.namespace", "orders"), str("server.address", "db"),
				str("db.query.text", "SELECT * FROM orders WHERE id = $1"), num("rows", 1),
			}
		}
		list = append(list, s)
	}
	body, err := proto.Marshal(&coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
			str("service.name", "checkout"), str("service.version", "1.4.2"), str("cloud.provider", "aws"),
			str("cloud.platform", "aws_ecs"), str("aws.ecs.launchtype", "fargate"), str("telemetry.sdk.language", "go"),
		}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: list}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// translator is everything that one connection needs again and again.
type translator struct {
	*xraydoc.Translator
	in   otlpwire.Traces
	res  xraydoc.Resource
	docs xraydoc.Docs
}

func (x *translator) run(body []byte) error {
	x.docs.Reset()
	return x.in.Decode(body, func() error { x.Prepare(&x.res, x.in.Resource.Attrs); return nil }, func() error {
		return x.Append(&x.docs, &x.res, &x.in.Span)
	})
}

func TestAllocations(t *testing.T) {
	const spans = 100
	body := typical(t, spans)
	x := &translator{Translator: xraydoc.New(xraydoc.Config{Indexed: []string{"tenant"}})}
	if err := x.run(body); err != nil {
		t.Fatal(err)
	}
	per := testing.AllocsPerRun(20, func() {
		if err := x.run(body); err != nil {
			t.Fatal(err)
		}
	}) / spans
	if per > 0.05 {
		t.Errorf("%.2f allocations a span", per)
	}
}

func BenchmarkTranslate(b *testing.B) {
	const spans = 100
	body := typical(b, spans)
	x := &translator{Translator: xraydoc.New(xraydoc.Config{Indexed: []string{"tenant"}})}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := x.run(body); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(spans*b.N)/b.Elapsed().Seconds(), "spans/s")
}
