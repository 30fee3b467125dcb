package otlp_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
)

func str(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func integer(v int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}
}

func boolean(v bool) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v}}
}

func double(v float64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v}}
}

func array(v ...*commonpb.AnyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: v}}}
}

func kv(key string, v *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: v}
}

func decode[M proto.Message](t *testing.T, b []byte, m M) M {
	t.Helper()
	if err := proto.Unmarshal(b, m); err != nil {
		t.Fatalf("unmarshal %T: %v", m, err)
	}
	return m
}

func same(t *testing.T, got, want proto.Message) {
	t.Helper()
	if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
		t.Errorf("decoded %T differs (-want +got):\n%s", got, d)
	}
	if u := got.ProtoReflect().GetUnknown(); len(u) > 0 {
		t.Errorf("%T has unknown fields: %x", got, u)
	}
}

var (
	traceID = trace.TraceID{0x57, 0x59, 0xe9, 0x88, 0xbd, 0x86, 0x2e, 0x3f, 0xe1, 0xbe, 0x46, 0xa9, 0x94, 0x27, 0x27, 0x93}
	spanID  = trace.SpanID{0x53, 0x99, 0x5c, 0x3f, 0x42, 0xcd, 0x8a, 0xd8}
	start   = time.Unix(1_700_000_000, 123_456_789)
	finish  = start.Add(1500 * time.Millisecond)
)

func spanContext(tid trace.TraceID, sid trace.SpanID, remote bool, state string) trace.SpanContext {
	ts, err := trace.ParseTraceState(state)
	if err != nil {
		panic(err)
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: tid, SpanID: sid, TraceFlags: trace.FlagsSampled, TraceState: ts, Remote: remote,
	})
}

func TestSpanHasEveryField(t *testing.T) {
	parent, linked := trace.SpanID{1}, trace.SpanID{2}
	stub := tracetest.SpanStub{
		Name:        "GET /orders/{id}",
		SpanContext: spanContext(traceID, spanID, false, "a=b,c=d"),
		Parent:      spanContext(traceID, parent, true, ""),
		SpanKind:    trace.SpanKindServer,
		StartTime:   start,
		EndTime:     finish,
		Attributes:  []attribute.KeyValue{attribute.String("k", "v"), attribute.Int("n", 0)},
		Events: []sdktrace.Event{{
			Name: "exception", Time: start.Add(time.Second),
			Attributes:            []attribute.KeyValue{attribute.String("exception.message", strings.Repeat("long ", 100))},
			DroppedAttributeCount: 3,
		}},
		Links: []sdktrace.Link{{
			SpanContext:           spanContext(traceID, linked, false, "l=1"),
			Attributes:            []attribute.KeyValue{attribute.Bool("linked", true)},
			DroppedAttributeCount: 4,
		}},
		Status:            sdktrace.Status{Code: codes.Error, Description: "boom"},
		DroppedAttributes: 5,
		DroppedEvents:     6,
		DroppedLinks:      7,
	}
	want := &tracepb.Span{
		TraceId:                traceID[:],
		SpanId:                 spanID[:],
		TraceState:             "a=b,c=d",
		ParentSpanId:           parent[:],
		Name:                   "GET /orders/{id}",
		Kind:                   tracepb.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano:      uint64(start.UnixNano()),
		EndTimeUnixNano:        uint64(finish.UnixNano()),
		Attributes:             []*commonpb.KeyValue{kv("k", str("v")), kv("n", integer(0))},
		DroppedAttributesCount: 5,
		Events: []*tracepb.Span_Event{{
			TimeUnixNano:           uint64(start.Add(time.Second).UnixNano()),
			Name:                   "exception",
			Attributes:             []*commonpb.KeyValue{kv("exception.message", str(strings.Repeat("long ", 100)))},
			DroppedAttributesCount: 3,
		}},
		DroppedEventsCount: 6,
		Links: []*tracepb.Span_Link{{
			TraceId: traceID[:], SpanId: linked[:], TraceState: "l=1",
			Attributes:             []*commonpb.KeyValue{kv("linked", boolean(true))},
			DroppedAttributesCount: 4,
			Flags:                  0x101,
		}},
		DroppedLinksCount: 7,
		Status:            &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: "boom"},
		Flags:             0x301,
	}
	same(t, decode(t, otlp.AppendSpan(nil, stub.Snapshot()), &tracepb.Span{}), want)
}

func TestSpanKindAndStatus(t *testing.T) {
	tests := map[string]struct {
		kind   trace.SpanKind
		status codes.Code
		want   *tracepb.Span
	}{
		"internal unset": {trace.SpanKindInternal, codes.Unset, &tracepb.Span{Kind: 1}},
		"client ok":      {trace.SpanKindClient, codes.Ok, &tracepb.Span{Kind: 3, Status: &tracepb.Status{Code: 1}}},
		"producer error": {trace.SpanKindProducer, codes.Error, &tracepb.Span{Kind: 4, Status: &tracepb.Status{Code: 2}}},
		"consumer":       {trace.SpanKindConsumer, codes.Unset, &tracepb.Span{Kind: 5}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			stub := tracetest.SpanStub{
				SpanContext: spanContext(traceID, spanID, false, ""),
				SpanKind:    tc.kind, Status: sdktrace.Status{Code: tc.status},
			}
			tc.want.TraceId, tc.want.SpanId, tc.want.Flags = traceID[:], spanID[:], 0x101
			same(t, decode(t, otlp.AppendSpan(nil, stub.Snapshot()), &tracepb.Span{}), tc.want)
		})
	}
}

func TestAttributeTypes(t *testing.T) {
	tests := map[string]struct {
		in   attribute.Value
		want *commonpb.AnyValue
	}{
		"empty":        {attribute.Value{}, &commonpb.AnyValue{}},
		"false":        {attribute.BoolValue(false), boolean(false)},
		"negative":     {attribute.Int64Value(math.MinInt64), integer(math.MinInt64)},
		"double":       {attribute.Float64Value(math.Inf(-1)), double(math.Inf(-1))},
		"empty string": {attribute.StringValue(""), str("")},
		"broken UTF-8": {attribute.StringValue("a\xffb"), str("a\uFFFDb")},
		"long string":  {attribute.StringValue(strings.Repeat("x", 20_000)), str(strings.Repeat("x", 20_000))},
		"bytes":        {attribute.ByteSliceValue([]byte{0, 0xff}), &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0, 0xff}}}},
		"bools":        {attribute.BoolSliceValue([]bool{true, false}), array(boolean(true), boolean(false))},
		"ints":         {attribute.Int64SliceValue([]int64{-1, 0, 1 << 40}), array(integer(-1), integer(0), integer(1<<40))},
		"doubles":      {attribute.Float64SliceValue([]float64{0, 1.5}), array(double(0), double(1.5))},
		"strings":      {attribute.StringSliceValue([]string{"", "b"}), array(str(""), str("b"))},
		"no strings":   {attribute.StringSliceValue(nil), array()},
		"mixed":        {attribute.SliceValue(attribute.IntValue(1), attribute.StringValue("x")), array(integer(1), str("x"))},
		"map": {attribute.MapValue(attribute.String("a", "b")), &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{
			KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{kv("a", str("b"))}},
		}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b := otlp.AppendAttr(nil, 1, attribute.KeyValue{Key: "key", Value: tc.in})
			got := decode(t, b, &commonpb.KeyValueList{})
			same(t, got, &commonpb.KeyValueList{Values: []*commonpb.KeyValue{kv("key", tc.want)}})
		})
	}
}

func TestRequestGroupsByScope(t *testing.T) {
	span := func(name string) []byte {
		return otlp.AppendSpan(nil, tracetest.SpanStub{
			Name: name, SpanContext: spanContext(traceID, spanID, false, ""), SpanKind: trace.SpanKindInternal,
		}.Snapshot())
	}
	res := resource.NewWithAttributes("https://example.test/schema", attribute.String("service.name", "orders"))
	full := instrumentation.Scope{
		Name: "lib", Version: "1.2", SchemaURL: "https://example.test/lib",
		Attributes: attribute.NewSet(attribute.String("x", "y")),
	}
	body := otlp.AppendRequest(nil, otlp.NewResource(res), []otlp.Group{
		{Scope: otlp.NewScope(full), Items: [][]byte{span("a"), span(strings.Repeat("b", 300))}},
		{Scope: otlp.NewScope(instrumentation.Scope{}), Items: [][]byte{span("c")}},
	})
	want := func(name string) *tracepb.Span {
		return &tracepb.Span{Name: name, TraceId: traceID[:], SpanId: spanID[:], Kind: 1, Flags: 0x101}
	}
	same(t, decode(t, body, &collectorpb.ExportTraceServiceRequest{}), &collectorpb.ExportTraceServiceRequest{
		ResourceSpans: []*tracepb.ResourceSpans{{
			Resource:  &resourcepb.Resource{Attributes: []*commonpb.KeyValue{kv("service.name", str("orders"))}},
			SchemaUrl: "https://example.test/schema",
			ScopeSpans: []*tracepb.ScopeSpans{
				{
					Scope:     &commonpb.InstrumentationScope{Name: "lib", Version: "1.2", Attributes: []*commonpb.KeyValue{kv("x", str("y"))}},
					Spans:     []*tracepb.Span{want("a"), want(strings.Repeat("b", 300))},
					SchemaUrl: "https://example.test/lib",
				},
				{Scope: &commonpb.InstrumentationScope{}, Spans: []*tracepb.Span{want("c")}},
			},
		}},
	})
}

func TestPartial(t *testing.T) {
	answer, err := proto.Marshal(&collectorpb.ExportTraceServiceResponse{
		PartialSuccess: &collectorpb.ExportTracePartialSuccess{RejectedSpans: 7, ErrorMessage: "too old"},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		body     []byte
		rejected int64
		message  string
		fails    bool
	}{
		"empty":         {},
		"seven":         {body: answer, rejected: 7, message: "too old"},
		"cut":           {body: answer[:len(answer)-3], fails: true},
		"empty partial": {body: []byte{0x0a, 0}},
		"other field":   {body: append([]byte{0x12, 1, 'x', 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4}, answer...), rejected: 7, message: "too old"},
		"negative":      {body: []byte{0x0a, 11, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, rejected: -1, fails: true},
		"group":         {body: []byte{0x0b}, fails: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			rejected, message, err := otlp.Partial(tc.body)
			if (err != nil) != tc.fails {
				t.Fatalf("Partial(%x) error = %v, want failure %v", tc.body, err, tc.fails)
			}
			if err == nil && (rejected != tc.rejected || message != tc.message) {
				t.Errorf("Partial(%x) = %d, %q, want %d, %q", tc.body, rejected, message, tc.rejected, tc.message)
			}
		})
	}
}

// FuzzPartial checks against the generated messages: what they read, Partial
// reads alike, and nothing panics.
func FuzzPartial(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		rejected, message, err := otlp.Partial(body)
		var m collectorpb.ExportTraceServiceResponse
		if proto.Unmarshal(body, &m) != nil || err != nil {
			return
		}
		p := m.GetPartialSuccess()
		if p.GetRejectedSpans() != rejected || p.GetErrorMessage() != message {
			t.Errorf("Partial(%x) = %d, %q, want %d, %q", body, rejected, message, p.GetRejectedSpans(), p.GetErrorMessage())
		}
	})
}

func BenchmarkAppendSpan(b *testing.B) {
	span := tracetest.SpanStub{
		Name: "GET /orders/{id}", SpanContext: spanContext(traceID, spanID, false, ""), SpanKind: trace.SpanKindServer,
		StartTime: start, EndTime: finish,
		Attributes: []attribute.KeyValue{
			attribute.String("http.request.method", "GET"), attribute.String("url.path", "/orders/1"),
			attribute.Int("http.response.status_code", 200), attribute.String("http.route", "/orders/{id}"),
		},
	}.Snapshot()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = otlp.AppendSpan(buf[:0], span)
	}
	b.SetBytes(int64(len(buf)))
}
