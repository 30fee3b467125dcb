package xraydoc_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
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

// noTwice reads one JSON value and returns an error if an object of the first
// levels has a member twice.
func noTwice(dec *json.Decoder, levels int) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			if key := fmt.Sprint(name); levels > 0 && seen[key] {
				return fmt.Errorf("member %q comes twice", key)
			} else {
				seen[key] = true
			}
		}
		if err := noTwice(dec, levels-1); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

func textAttr(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func nested(depth int, list bool) *commonpb.AnyValue {
	v := textAttr("", "leaf").Value
	for range depth {
		if list {
			v = &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{v}}}}
			continue
		}
		v = &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{{Key: "k", Value: v}}}}}
	}
	return v
}

// oddSpan is one that is fine but for what change does.
func oddSpan(change func(*tracepb.Span)) *tracepb.Span {
	id := binary.BigEndian.AppendUint64(nil, 0xfedcba9876543210)
	s := &tracepb.Span{
		TraceId: append(id, id...), SpanId: id, Name: "op", Kind: tracepb.Span_SPAN_KIND_SERVER,
		StartTimeUnixNano: 1478293361271000500, EndTimeUnixNano: 1478293361449123456,
	}
	change(s)
	return s
}

// Whatever a sender writes, a document is valid, or the span is refused with a
// reason.
func TestOdd(t *testing.T) {
	many := func(n int, key func(int) string) (list []*commonpb.KeyValue) {
		for i := range n {
			list = append(list, textAttr(key(i), strings.Repeat("v", i%200)))
		}
		return list
	}
	set := func(kvs ...*commonpb.KeyValue) func(*tracepb.Span) {
		return func(s *tracepb.Span) { s.Attributes = kvs }
	}
	value := func(v *commonpb.AnyValue) func(*tracepb.Span) { return set(&commonpb.KeyValue{Key: "k", Value: v}) }
	for name, c := range map[string]struct {
		change func(*tracepb.Span)
		err    error
		has    string
	}{
		"no name":                     {func(s *tracepb.Span) { s.Name = "" }, nil, `{"name":"span",`},
		"name of spaces":              {func(s *tracepb.Span) { s.Name = " \t\u2003" }, nil, `{"name":"span",`},
		"name of signs":               {func(s *tracepb.Span) { s.Name = `<>{}"'*?\` }, nil, `{"name":"span",`},
		"name with next line":         {func(s *tracepb.Span) { s.Name = "a\u0085b\\c\u200bd\u0301" }, nil, `{"name":"a bcd",`},
		"name beyond the basic plane": {func(s *tracepb.Span) { s.Name = "𠮷😀𝒳" }, nil, `{"name":"𠮷𝒳",`},
		"long name of three bytes":    {func(s *tracepb.Span) { s.Name = strings.Repeat("漢", 300) }, nil, `漢","id"`},
		"no start":                    {func(s *tracepb.Span) { s.StartTimeUnixNano = 0 }, xraydoc.ErrStart, ""},
		"no end":                      {func(s *tracepb.Span) { s.EndTimeUnixNano = 0 }, nil, `"end_time":1478293361.271000`},
		"end before start":            {func(s *tracepb.Span) { s.EndTimeUnixNano = s.StartTimeUnixNano - 5e9 }, nil, `"end_time":1478293361.271000`},
		"far future":                  {func(s *tracepb.Span) { s.StartTimeUnixNano, s.EndTimeUnixNano = math.MaxUint64-1, math.MaxUint64 }, nil, `"end_time":18446744073.709551`},
		"zero span id":                {func(s *tracepb.Span) { s.SpanId = make([]byte, 8) }, xraydoc.ErrSpanID, ""},
		"zero trace id":               {func(s *tracepb.Span) { s.TraceId = make([]byte, 16) }, xraydoc.ErrTraceID, ""},
		"zero parent id":              {func(s *tracepb.Span) { s.ParentSpanId = make([]byte, 8) }, nil, `"throttle":false`},
		"short parent id":             {func(s *tracepb.Span) { s.ParentSpanId = []byte{1, 2} }, nil, `"throttle":false`},
		"time not in the id":          {func(s *tracepb.Span) { s.TraceId = bytes.Repeat([]byte{0xff}, 16) }, nil, `"trace_id":"1-ffffffff-ffffffffffffffffffffffff"`},
		"kind of the future":          {func(s *tracepb.Span) { s.Kind, s.Status = 77, &tracepb.Status{Code: 9} }, nil, `"fault":false`},
		"lists 60 deep":               {value(nested(60, true)), nil, `"k":[[[[`},
		"maps 60 deep":                {value(nested(60, false)), nil, `"k":{"k":{"k"`},
		"bytes":                       {value(&commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0, 255}}}), nil, `"k":"AP8="`},
		"bytes of 100 KB":             {value(&commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: make([]byte, 100<<10)}}), nil, `"trimmed":true`},
		"int64":                       {value(&commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: math.MinInt64}}), nil, `"k":-9223372036854775808`},
		"beyond 2 to the 53":          {value(&commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 1<<53 + 1}}), nil, `"k":9007199254740993`},
		"nan":                         {value(&commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: math.NaN()}}), nil, `"k":"NaN"`},
		"infinity":                    {value(&commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: math.Inf(1)}}), nil, `"k":"Infinity"`},
		"no value":                    {value(nil), nil, `"k":null`},
		"no key":                      {set(textAttr("", "v")), nil, `"":"v"`},
		"key of signs":                {set(textAttr("\x00\"\\\n", "v")), nil, `"\u0000\"\\\n":"v"`},
		"10,000 attributes":           {set(many(10_000, func(i int) string { return fmt.Sprint("key", i) })...), nil, `"left_out":`},
		"10,000 of one name":          {set(many(10_000, func(int) string { return "same" })...), nil, `"same":"`},
		"a name three times":          {set(textAttr("a", "1"), textAttr("b", "x"), textAttr("a", "2"), textAttr("a", "3")), nil, `"b":"x","a":"3"}`},
		"a known name twice":          {set(textAttr("http.url", "http://a/"), textAttr("http.url", "http://b/")), nil, `"url":"http://b/"`},
		"a status beyond":             {set(&commonpb.KeyValue{Key: "http.status_code", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: math.MaxInt64}}}), nil, `"status":9223372036854775807`},
		"10,000 events": {func(s *tracepb.Span) {
			for i := range 10_000 {
				s.Events = append(s.Events, &tracepb.Span_Event{Name: []string{"exception", "retry"}[i%2], TimeUnixNano: uint64(i), Attributes: many(3, func(j int) string { return fmt.Sprint("e", j) })})
			}
		}, nil, `"left_out":`},
		"5,000 links": {func(s *tracepb.Span) {
			for range 5_000 {
				s.Links = append(s.Links, &tracepb.Span_Link{TraceId: s.TraceId, SpanId: s.SpanId})
			}
		}, nil, `"left_out":`},
		"metadata of a name twice":      {set(textAttr("aws.xray.metadata.a", `{"x":1}`), textAttr("aws.xray.metadata.a", `{"x":2}`)), nil, `"a":{"x":2}`},
		"metadata in the place of ours": {set(textAttr("aws.xray.metadata.otel", `{"events":0}`), textAttr("aws.xray.metadata.sidelight", `{"trimmed":false}`)), nil, `"aws.xray.metadata.otel":"{`},
	} {
		t.Run(name, func(t *testing.T) {
			span := oddSpan(c.change)
			for _, cfg := range []xraydoc.Config{{}, {IndexAll: true}} {
				docs, err := translateOne(t, xraydoc.New(cfg), span)
				if err != c.err {
					t.Fatalf("refused: %v, want %v", err, c.err)
				}
				for i, doc := range docs {
					checkValid(t, doc)
					if i == 0 && !cfg.IndexAll && !strings.Contains(doc, c.has) {
						t.Errorf("no %s in %.2000s", c.has, doc)
					}
				}
			}
		})
	}
}

func checkValid(t *testing.T, doc string) {
	t.Helper()
	if len(doc) > xraydoc.MaxDocument {
		t.Errorf("%d bytes", len(doc))
	}
	if err := checkSchema(doc); err != nil {
		t.Errorf("not valid by the schema: %v: %.3000s", err, doc)
	}
}

func translateOne(t *testing.T, tr *xraydoc.Translator, span *tracepb.Span) ([]string, error) {
	t.Helper()
	body, err := proto.Marshal(&coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{textAttr("team", "red"), textAttr("team", "blue"), textAttr("te-am", "x"), textAttr("te.am", "y")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{span}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	var refused error
	var docs xraydoc.Docs
	var res xraydoc.Resource
	var in otlpwire.Traces
	err = in.Decode(body, func() error { tr.Prepare(&res, in.Resource.Attrs); return nil }, func() error {
		refused = tr.Append(&docs, &res, &in.Span)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range docs.Ends {
		out = append(out, string(docs.Doc(i)))
	}
	return out, refused
}

// FuzzWire translates what looks like a request: a document is valid whatever
// the bytes are.
func FuzzWire(f *testing.F) {
	f.Add(typical(f, 2))
	for _, change := range []func(*tracepb.Span){
		func(s *tracepb.Span) {
			s.Attributes = []*commonpb.KeyValue{{Key: "k", Value: nested(20, true)}, textAttr("user_agent.original", strings.Repeat("é", 200))}
		},
		func(s *tracepb.Span) {
			s.Events = []*tracepb.Span_Event{{Name: "exception", Attributes: []*commonpb.KeyValue{textAttr("exception.message", "m")}}}
		},
		func(s *tracepb.Span) { s.Links = []*tracepb.Span_Link{{TraceId: s.TraceId, SpanId: []byte{1}}} },
	} {
		body, err := proto.Marshal(&coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{oddSpan(change)}}}}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var docs xraydoc.Docs
		var res xraydoc.Resource
		var in otlpwire.Traces
		tr := xraydoc.New(xraydoc.Config{IndexAll: len(body)%2 == 0})
		_ = in.Decode(body, func() error { tr.Prepare(&res, in.Resource.Attrs); return nil }, func() error {
			_ = tr.Append(&docs, &res, &in.Span)
			return nil
		})
		for i := range docs.Ends {
			checkValid(t, string(docs.Doc(i)))
			if _, err := segment.Parse(docs.Doc(i)); err != nil {
				t.Errorf("%v: %s", err, docs.Doc(i))
			}
		}
	})
}
