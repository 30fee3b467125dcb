package otlp_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/exporters/exportertest"
	"github.com/sidelight-dev/sidelight/exporters/otlp"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/pack"
)

func exporter(t testing.TB, cfg otlp.Config) *otlp.Exporter {
	t.Helper()
	if cfg.Resource == nil {
		cfg.Resource = map[string]string{"service.name": "orders", "host.name": "h1"}
	}
	x, err := otlp.New(t.Context(), cfg, aws.Config{Region: "us-east-1"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// logs returns what a receiver reads of the documents.
func logs(t *testing.T, docs ...string) *collogspb.ExportLogsServiceRequest {
	t.Helper()
	x := exporter(t, otlp.Config{Signal: sidelight.Logs, Endpoint: "http://127.0.0.1:1"})
	var events []sidelight.Event
	for _, d := range docs {
		events = append(events, sidelight.Event{Time: 1772358002113, Body: []byte(d)})
	}
	blocks := exportertest.Pack(t, x, sidelight.Dest{Exporter: "otlp", Group: "/g", Stream: "s"}, events, false)
	if len(blocks) != 1 {
		t.Fatalf("%d blocks, want 1", len(blocks))
	}
	var out collogspb.ExportLogsServiceRequest
	if err := proto.Unmarshal(blocks[0].Body, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

func attr(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: text(value)}
}

func text(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func list(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{text(s)}}}}
}

// own is the resource of documents that do not say where they come from.
func own() *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
		attr("host.name", "h1"), attr("service.name", "orders"),
		{Key: "aws.log.group.names", Value: list("/g")},
		{Key: "aws.log.stream.names", Value: list("s")},
	}}
}

// The mapping of docs/format/otlp-log-record.md.
func TestLogRecord(t *testing.T) {
	cases := map[string]struct {
		doc  string
		want string // a LogRecord but for its time, as text
	}{
		"line":              {"hello", `body {string_value: "hello"}`},
		"line with a level": {"2026 ERROR it broke", `severity_number: 17 body {string_value: "2026 ERROR it broke"}`},
		"line of bytes":     {"a\xffb", `body {string_value: "a\uFFFDb"}`},
		"message":           {`{"message":"a \"b\"\n","n":1}`, `body {string_value: "a \"b\"\n"} attributes {key: "n" value {int_value: 1}}`},
		"level and text":    {`{"level":"warn","msg":"m"}`, `severity_number: 13 severity_text: "warn" body {string_value: "m"}`},
		"level in numbers":  {`{"level":30,"msg":"m"}`, `severity_number: 9 body {string_value: "m"} attributes {key: "level" value {int_value: 30}}`},
		"no message":        {`{"a":true,"b":null}`, `attributes {key: "a" value {bool_value: true}} attributes {key: "b" value {}}`},
		"two messages": {
			`{"log":"first","message":"second"}`,
			`body {string_value: "first"} attributes {key: "message" value {string_value: "second"}}`,
		},
		"a body of values": {`{"body":{"a":[1,2.5]}}`, `body {kvlist_value {values {key: "a" value {array_value {values {int_value: 1} values {double_value: 2.5}}}}}}`},
		"numbers": {
			`{"i":-5,"big":12345678901234567890,"e":1e3,"huge":1e999}`,
			`attributes {key: "i" value {int_value: -5}} attributes {key: "big" value {double_value: 12345678901234567890}}
			 attributes {key: "e" value {double_value: 1000}} attributes {key: "huge" value {string_value: "1e999"}}`,
		},
		"trace ids": {
			`{"trace_id":"1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37","span_id":"53995c3f42cd8ad8"}`,
			fmt.Sprintf("trace_id: %q span_id: %q", octal(t, "69a4b2c27f3d0e61a0b94c5d8e2f1a37"), octal(t, "53995c3f42cd8ad8")),
		},
		"trace id in W3C's form": {`{"traceId":"69A4B2C27f3d0e61a0b94c5d8e2f1a37"}`, fmt.Sprintf("trace_id: %q", octal(t, "69a4b2c27f3d0e61a0b94c5d8e2f1a37"))},
		"no ids":                 {`{"trace_id":"00000000000000000000000000000000","span_id":"x"}`, `attributes {key: "trace_id" value {string_value: "00000000000000000000000000000000"}} attributes {key: "span_id" value {string_value: "x"}}`},
		"another time":           {`{"time":"2020-01-01T00:00:00.000Z"}`, `attributes {key: "time" value {string_value: "2020-01-01T00:00:00.000Z"}}`},
		"words of a log record":  {`{"version":3,"resource":{"a":1},"scope":"x"}`, `attributes {key: "version" value {int_value: 3}} attributes {key: "resource" value {kvlist_value {values {key: "a" value {int_value: 1}}}}} attributes {key: "scope" value {string_value: "x"}}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := &logspb.LogRecord{}
			if err := prototext.Unmarshal([]byte(c.want), want); err != nil {
				t.Fatal(err)
			}
			want.TimeUnixNano = 1772358002113e6
			got := logs(t, c.doc)
			full := &collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{
				Resource: own(), ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{want}}},
			}}}
			if d := cmp.Diff(full, got, protocmp.Transform()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// octal returns the bytes of an id for a text message.
func octal(t *testing.T, id string) string {
	t.Helper()
	b, err := hex.DecodeString(id)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A document with a service is what an agent makes of a log record: it becomes
// that record again.
func TestLogRecordWithOrigin(t *testing.T) {
	const doc = `{"time":"2026-03-01T09:40:02.113Z","level":"ERROR","msg":"refused","trace_id":"1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37",` +
		`"service":"pay","environment":"prod","version":"7","scope":"lib","event_name":"ev","severity_text":"SEVERE",` +
		`"took_ms":12,"attributes":{"level":"x"},"dropped_attributes":2,"resource":{"host.name":"h9"}}`
	want := &logspb.ResourceLogs{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
			attr("service.name", "pay"), attr("service.version", "7"), attr("deployment.environment.name", "prod"), attr("host.name", "h9"),
		}},
		ScopeLogs: []*logspb.ScopeLogs{{Scope: &commonpb.InstrumentationScope{Name: "lib"}, LogRecords: []*logspb.LogRecord{{
			TimeUnixNano: 1772358002113e6, SeverityNumber: 17, SeverityText: "SEVERE", Body: text("refused"),
			Attributes: []*commonpb.KeyValue{
				{Key: "took_ms", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 12}}}, attr("level", "x"),
			},
			DroppedAttributesCount: 2, EventName: "ev", TraceId: []byte(octal(t, "69a4b2c27f3d0e61a0b94c5d8e2f1a37")),
		}}}},
	}
	got := logs(t, doc, doc, "a line")
	if n := len(got.ResourceLogs); n != 2 {
		t.Fatalf("%d resources, want the document's and our own", n)
	}
	want.ScopeLogs[0].LogRecords = append(want.ScopeLogs[0].LogRecords, proto.CloneOf(want.ScopeLogs[0].LogRecords[0]))
	if d := cmp.Diff(want, got.ResourceLogs[0], protocmp.Transform()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff(own(), got.ResourceLogs[1].Resource, protocmp.Transform()); d != "" {
		t.Errorf("own resource (-want +got):\n%s", d)
	}
}

// Values that nest deeper than receivers take stay text.
func TestDeepDocument(t *testing.T) {
	got := logs(t, `{"a":`+strings.Repeat(`{"b":`, 100)+"1"+strings.Repeat("}", 100)+"}")
	depth, v := 0, got.ResourceLogs[0].ScopeLogs[0].LogRecords[0].Attributes[0].Value
	for v.GetKvlistValue() != nil {
		v = v.GetKvlistValue().Values[0].Value
		depth++
	}
	if depth < 10 || depth > 30 || !strings.HasPrefix(v.GetStringValue(), `{"b":`) {
		t.Errorf("nested %d deep, then %v", depth, v)
	}
}

// request is a request of many spans in few groups.
func request(groups, each int) *coltracepb.ExportTraceServiceRequest {
	r := &coltracepb.ExportTraceServiceRequest{}
	id := byte(0)
	for g := range groups {
		rs := &tracepb.ResourceSpans{Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{attr("service.name", fmt.Sprint("s", g))}}, SchemaUrl: "https://schema"}
		for s := range 2 {
			ss := &tracepb.ScopeSpans{Scope: &commonpb.InstrumentationScope{Name: fmt.Sprint("lib", s), Version: "1"}}
			for range each {
				id++
				ss.Spans = append(ss.Spans, &tracepb.Span{TraceId: append(make([]byte, 15), id), SpanId: append(make([]byte, 7), id), Name: fmt.Sprint("span ", id), StartTimeUnixNano: 1, EndTimeUnixNano: 2})
			}
			rs.ScopeSpans = append(rs.ScopeSpans, ss)
		}
		r.ResourceSpans = append(r.ResourceSpans, rs)
	}
	return r
}

// entries returns a request's spans as events.
func entries(t *testing.T, r *coltracepb.ExportTraceServiceRequest) (out []sidelight.Event) {
	t.Helper()
	body, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var d otlpwire.Traces
	err = d.Decode(body, func() error { return nil }, func() error {
		out = append(out, sidelight.Event{Time: 1000, Body: otlpwire.AppendEntry(nil, &d.Group, d.Raw)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Spans leave as they came, grouped as they were.
func TestSpansStayWhatTheyAre(t *testing.T) {
	x := exporter(t, otlp.Config{Signal: sidelight.Traces, Endpoint: "http://127.0.0.1:1"})
	sent := request(3, 4)
	blocks := exportertest.Pack(t, x, sidelight.Dest{}, entries(t, sent), true)
	if len(blocks) != 1 || blocks[0].Events != 24 {
		t.Fatalf("blocks %v", blocks)
	}
	whole, err := pack.Divide(x, blocks[0], positions(0, 24))
	if err != nil {
		t.Fatal(err)
	}
	if whole.Sum != blocks[0].Sum {
		t.Error("a block of all the events is another block")
	}
	part, err := pack.Divide(x, blocks[0], positions(5, 9))
	if err != nil {
		t.Fatal(err)
	}
	if part.Events != 4 || len(part.Marks) != 4 {
		t.Errorf("a part of %d events, %d marks", part.Events, len(part.Marks))
	}
	// Uncompressed, to be read.
	plain := exportertest.Pack(t, x, sidelight.Dest{}, entries(t, sent), false)[0]
	var got coltracepb.ExportTraceServiceRequest
	if err := proto.Unmarshal(plain.Body, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sent, &got, protocmp.Transform()); d != "" {
		t.Errorf("(-sent +got):\n%s", d)
	}
	want, err := proto.Marshal(sent)
	if err != nil {
		t.Fatal(err)
	}
	if len(plain.Body) != len(want) {
		t.Errorf("%d bytes, and the sender's were %d", len(plain.Body), len(want))
	}
	if last := int(plain.Marks[len(plain.Marks)-1].End); last > len(plain.Body) {
		t.Errorf("marks end at %d of %d bytes: a queue could not read the block back", last, len(plain.Body))
	}
}

func positions(from, to int) (out []int) {
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// The limits of AWS's endpoint hold for each span.
func TestAWSSpanLimits(t *testing.T) {
	x := exporter(t, otlp.Config{Signal: sidelight.Traces})
	l := x.Limits()
	if l.Events != 10_000 || l.Wire != 5_000_000 || l.Span.Hours() != 24 {
		t.Errorf("limits %+v", l)
	}
	for name, c := range map[string]struct {
		resource, span int
		fits           bool
	}{
		"both at their limit": {15_900, 199_000, true},
		"a long resource":     {16_100, 10, false},
		"a long span":         {200, 201_000, false},
	} {
		r := request(1, 1)
		r.ResourceSpans[0].ScopeSpans = r.ResourceSpans[0].ScopeSpans[:1]
		r.ResourceSpans[0].Resource.Attributes = append(r.ResourceSpans[0].Resource.Attributes, attr("x", strings.Repeat("x", c.resource-100)))
		r.ResourceSpans[0].ScopeSpans[0].Spans[0].Name = strings.Repeat("n", c.span)
		e := entries(t, r)[0]
		if fits := x.Weigh(&e) <= l.Weight; fits != c.fits {
			t.Errorf("%s: fits %v, want %v", name, fits, c.fits)
		}
	}
}

// Documents of any bytes give requests that can be read.
func FuzzLogRecord(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, "line", `{"service":"x","attributes":{"a":{"b":[1]}}}`, `{"msg":"\ud800"}`, "{\"\xff\":\"\xff\"}", `{"time":"x","level":1,`} {
		f.Add([]byte(seed))
	}
	x := exporter(f, otlp.Config{Signal: sidelight.Logs, Endpoint: "http://127.0.0.1:1"})
	f.Fuzz(func(t *testing.T, doc []byte) {
		e := sidelight.Event{Time: 1, Body: doc}
		body := x.End(x.Append(x.Begin(nil, sidelight.Dest{Group: "g"}), &e))
		var r collogspb.ExportLogsServiceRequest
		if err := proto.Unmarshal(body, &r); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		if len(r.ResourceLogs) != 1 || len(r.ResourceLogs[0].ScopeLogs[0].LogRecords) != 1 {
			t.Fatalf("%q: %v", doc, &r)
		}
		var d otlpwire.Logs
		if err := d.Decode(body, func() error { return nil }, func() error { return nil }); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
	})
}

// Bodies of any bytes are regrouped without a panic.
func FuzzRegroup(f *testing.F) {
	body, err := proto.Marshal(request(2, 2))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte{1<<3 | 2, 0, 2<<3 | 2, 1, 7})
	f.Fuzz(func(t *testing.T, body []byte) {
		once := otlpwire.Regroup(body, nil)
		if string(otlpwire.Regroup(once, nil)) != string(once) {
			t.Fatalf("regrouping %x again changes it", body)
		}
		_, _ = otlpwire.PartialSuccess(body)
		_ = otlpwire.StatusMessage(body)
		_, _ = otlpwire.EntrySize(body)
		_ = otlpwire.AppendResource(nil, body, []byte("a"))
	})
}

func BenchmarkAppendLog(b *testing.B) {
	x := exporter(b, otlp.Config{Signal: sidelight.Logs, Endpoint: "http://127.0.0.1:1"})
	for name, doc := range map[string]string{
		"line":     strings.Repeat("GET /orders 200 ", 10),
		"document": `{"time":"2026-03-01T09:40:02.113Z","level":"info","msg":"order taken","order":"o-12345","took_ms":12.5,"ok":true,"user":{"id":7,"plan":"pro"}}`,
		"origin":   `{"time":"2026-03-01T09:40:02.113Z","level":"INFO","msg":"order taken","trace_id":"1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37","span_id":"53995c3f42cd8ad8","service":"orders","scope":"lib","took_ms":12,"resource":{"host.name":"h1"}}`,
	} {
		b.Run(name, func(b *testing.B) {
			e := sidelight.Event{Time: 1772358002113, Body: []byte(doc)}
			dst := make([]byte, 0, 4096)
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				dst = x.Append(dst[:0], &e)
			}
		})
	}
}

func BenchmarkSpans(b *testing.B) {
	x := exporter(b, otlp.Config{Signal: sidelight.Traces, Endpoint: "http://127.0.0.1:1"})
	var body []byte
	r := request(1, 100)
	for _, s := range r.ResourceSpans[0].ScopeSpans[0].Spans {
		for i := range 8 {
			s.Attributes = append(s.Attributes, attr(fmt.Sprint("http.request.header.", i), "some value of it"))
		}
		binary.BigEndian.PutUint64(s.SpanId, 1)
	}
	body, err := proto.Marshal(r)
	if err != nil {
		b.Fatal(err)
	}
	var d otlpwire.Traces
	var entry, dst []byte
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		dst = dst[:0]
		_ = d.Decode(body, func() error { return nil }, func() error {
			entry = otlpwire.AppendEntry(entry[:0], &d.Group, d.Raw)
			e := sidelight.Event{Body: entry}
			dst = x.Append(dst, &e)
			return nil
		})
		_ = x.End(dst)
	}
}
