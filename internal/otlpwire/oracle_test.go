package otlpwire_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// item is one span, record or point with what it belongs to, as messages.
type item struct {
	Resource []*commonpb.KeyValue
	Scope    *commonpb.InstrumentationScope
	Metric   *metricspb.Metric // without points
	Item     proto.Message
}

func anyOf(v otlpwire.Value) *commonpb.AnyValue {
	switch v.Kind {
	case otlpwire.String:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: string(v.Raw)}}
	case otlpwire.Bool:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v.Bool()}}
	case otlpwire.Int:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v.Int()}}
	case otlpwire.Double:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v.Double()}}
	case otlpwire.Bytes:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: v.Raw}}
	case otlpwire.Array:
		a := &commonpb.ArrayValue{}
		v.Each(func(e otlpwire.Attr) bool { a.Values = append(a.Values, anyOf(e.Value)); return true })
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: a}}
	case otlpwire.Map:
		a := &commonpb.KeyValueList{}
		v.Each(func(e otlpwire.Attr) bool { a.Values = append(a.Values, attrOf(e)); return true })
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: a}}
	}
	return &commonpb.AnyValue{}
}

func attrOf(a otlpwire.Attr) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: string(a.Key), Value: anyOf(a.Value)}
}

func attrsOf(list []otlpwire.Attr) (out []*commonpb.KeyValue) {
	for _, a := range list {
		out = append(out, attrOf(a))
	}
	return out
}

func scopeOf(s otlpwire.Scope) *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: string(s.Name), Version: string(s.Version), Attributes: attrsOf(s.Attrs)}
}

func nothing() error { return nil }

func decodeTraces(body []byte) (out []item, err error) {
	var d otlpwire.Traces
	err = d.Decode(body, nothing, func() error {
		s := &d.Span
		m := &tracepb.Span{
			TraceId: s.TraceID, SpanId: s.SpanID, ParentSpanId: s.ParentID, TraceState: string(s.TraceState), Name: string(s.Name),
			Kind: tracepb.Span_SpanKind(s.Kind), StartTimeUnixNano: s.Start, EndTimeUnixNano: s.End, Attributes: attrsOf(s.Attrs), Flags: s.Flags,
			DroppedAttributesCount: s.DroppedAttrs, DroppedEventsCount: s.DroppedEvents, DroppedLinksCount: s.DroppedLinks,
			Status: &tracepb.Status{Code: tracepb.Status_StatusCode(s.Status), Message: string(s.Message)},
		}
		for _, e := range s.Events {
			m.Events = append(m.Events, &tracepb.Span_Event{TimeUnixNano: e.Time, Name: string(e.Name), Attributes: attrsOf(e.Attrs)})
		}
		for _, l := range s.Links {
			m.Links = append(m.Links, &tracepb.Span_Link{TraceId: l.TraceID, SpanId: l.SpanID, Attributes: attrsOf(l.Attrs)})
		}
		out = append(out, item{Resource: attrsOf(d.Resource.Attrs), Scope: scopeOf(d.Scope), Item: proto.Clone(m)})
		return nil
	})
	return out, err
}

func decodeLogs(body []byte) (out []item, err error) {
	var d otlpwire.Logs
	err = d.Decode(body, nothing, func() error {
		r := &d.Record
		m := &logspb.LogRecord{
			TimeUnixNano: r.Time, ObservedTimeUnixNano: r.Observed, SeverityNumber: logspb.SeverityNumber(r.Severity),
			SeverityText: string(r.SeverityText), Body: anyOf(r.Body), Attributes: attrsOf(r.Attrs), DroppedAttributesCount: r.DroppedAttrs,
			TraceId: r.TraceID, SpanId: r.SpanID, EventName: string(r.EventName),
		}
		out = append(out, item{Resource: attrsOf(d.Resource.Attrs), Scope: scopeOf(d.Scope), Item: proto.Clone(m)})
		return nil
	})
	return out, err
}

func decodeMetrics(body []byte) (out []item, err error) {
	var d otlpwire.Metrics
	err = d.Decode(body, nothing, func() error {
		metric := &metricspb.Metric{Name: string(d.Metric.Name), Unit: string(d.Metric.Unit)}
		out = append(out, item{Resource: attrsOf(d.Resource.Attrs), Scope: scopeOf(d.Scope), Metric: metric, Item: proto.Clone(pointOf(&d.Metric, &d.Point))})
		return nil
	})
	return out, err
}

func ifHas(has bool, f float64) *float64 {
	if !has {
		return nil
	}
	return &f
}

func flags(missing bool) uint32 {
	if missing {
		return 1
	}
	return 0
}

func pointOf(m *otlpwire.Metric, p *otlpwire.Point) proto.Message {
	switch m.Kind {
	case otlpwire.Histogram:
		return &metricspb.HistogramDataPoint{
			StartTimeUnixNano: p.Start, TimeUnixNano: p.Time, Attributes: attrsOf(p.Attrs), Flags: flags(p.Missing), Count: p.Count,
			Sum: ifHas(p.HasSum, p.Sum), Min: ifHas(p.HasMin, p.Min), Max: ifHas(p.HasMax, p.Max), BucketCounts: p.Counts, ExplicitBounds: p.Bounds,
		}
	case otlpwire.Exponential:
		return &metricspb.ExponentialHistogramDataPoint{
			StartTimeUnixNano: p.Start, TimeUnixNano: p.Time, Attributes: attrsOf(p.Attrs), Flags: flags(p.Missing), Count: p.Count,
			Sum: ifHas(p.HasSum, p.Sum), Min: ifHas(p.HasMin, p.Min), Max: ifHas(p.HasMax, p.Max), Scale: p.Scale, ZeroCount: p.ZeroCount, ZeroThreshold: p.ZeroThreshold,
			Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: p.Positive.Offset, BucketCounts: p.Positive.Counts},
			Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: p.Negative.Offset, BucketCounts: p.Negative.Counts},
		}
	case otlpwire.Summary:
		m := &metricspb.SummaryDataPoint{StartTimeUnixNano: p.Start, TimeUnixNano: p.Time, Attributes: attrsOf(p.Attrs), Count: p.Count, Sum: p.Sum}
		for _, q := range p.Quantiles {
			m.QuantileValues = append(m.QuantileValues, &metricspb.SummaryDataPoint_ValueAtQuantile{Quantile: q.Part, Value: q.Value})
		}
		return m
	}
	return &metricspb.NumberDataPoint{
		StartTimeUnixNano: p.Start, TimeUnixNano: p.Time, Attributes: attrsOf(p.Attrs), Flags: flags(p.Missing),
		Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: p.Value},
	}
}

// points lists a metric's points as the decoder shows them.
func points(m *metricspb.Metric) (out []proto.Message) {
	numbers := append(m.GetGauge().GetDataPoints(), m.GetSum().GetDataPoints()...)
	for _, p := range numbers {
		if i, ok := p.Value.(*metricspb.NumberDataPoint_AsInt); ok {
			p = proto.Clone(p).(*metricspb.NumberDataPoint)
			p.Value = &metricspb.NumberDataPoint_AsDouble{AsDouble: float64(i.AsInt)}
		}
		out = append(out, p)
	}
	for _, p := range m.GetHistogram().GetDataPoints() {
		out = append(out, p)
	}
	for _, p := range m.GetExponentialHistogram().GetDataPoints() {
		out = append(out, p)
	}
	for _, p := range m.GetSummary().GetDataPoints() {
		out = append(out, p)
	}
	return out
}

// check compares what a decoder makes of a message's two forms with want.
func check(t *testing.T, m proto.Message, want []item, kind func(*otlpwire.JSON) otlpwire.Request, decode func([]byte) ([]item, error)) {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if text, err = json.Marshal(hexIDs("", doc)); err != nil {
		t.Fatal(err)
	}
	j := otlpwire.NewJSON()
	rewritten, err := j.Append(nil, kind(j), text)
	if err != nil {
		t.Fatalf("Append(%s): %v", text, err)
	}
	for name, body := range map[string][]byte{"protobuf": body, "JSON": rewritten} {
		got, err := decode(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreDefaultScalars(), protocmp.IgnoreEmptyMessages()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// hexIDs rewrites ids from protobuf's JSON mapping to OTLP's, and enumerations
// to numbers.
func hexIDs(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = hexIDs(k, e)
		}
		return v
	case []any:
		for i, e := range v {
			v[i] = hexIDs(key, e)
		}
		return v
	case string:
		switch key {
		case "traceId", "spanId", "parentSpanId":
			b, _ := base64.StdEncoding.DecodeString(v)
			return hex.EncodeToString(b)
		case "kind":
			return tracepb.Span_SpanKind_value[v]
		case "code":
			return tracepb.Status_StatusCode_value[v]
		case "severityNumber":
			return logspb.SeverityNumber_value[v]
		case "aggregationTemporality":
			return metricspb.AggregationTemporality_value[v]
		}
	}
	return v
}

func FuzzGenerated(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := newGenerator(seed)
		var want []item
		traces := &coltracepb.ExportTraceServiceRequest{ResourceSpans: list(g, 3, func() *tracepb.ResourceSpans {
			r := &tracepb.ResourceSpans{Resource: g.resource(), SchemaUrl: "ignored"}
			r.ScopeSpans = list(g, 2, func() *tracepb.ScopeSpans {
				s := &tracepb.ScopeSpans{Scope: g.scope(), SchemaUrl: "ignored", Spans: list(g, 4, g.span)}
				for _, m := range s.Spans {
					want = append(want, item{Resource: r.Resource.Attributes, Scope: s.Scope, Item: m})
				}
				return s
			})
			return r
		})}
		check(t, traces, want, func(j *otlpwire.JSON) otlpwire.Request { return j.Traces }, decodeTraces)
		want = nil
		logs := &collogspb.ExportLogsServiceRequest{ResourceLogs: list(g, 3, func() *logspb.ResourceLogs {
			r := &logspb.ResourceLogs{Resource: g.resource()}
			r.ScopeLogs = list(g, 2, func() *logspb.ScopeLogs {
				s := &logspb.ScopeLogs{Scope: g.scope(), LogRecords: list(g, 4, g.record)}
				for _, m := range s.LogRecords {
					want = append(want, item{Resource: r.Resource.Attributes, Scope: s.Scope, Item: m})
				}
				return s
			})
			return r
		})}
		check(t, logs, want, func(j *otlpwire.JSON) otlpwire.Request { return j.Logs }, decodeLogs)
		want = nil
		metrics := &colmetricspb.ExportMetricsServiceRequest{ResourceMetrics: list(g, 3, func() *metricspb.ResourceMetrics {
			r := &metricspb.ResourceMetrics{Resource: g.resource()}
			r.ScopeMetrics = list(g, 2, func() *metricspb.ScopeMetrics {
				s := &metricspb.ScopeMetrics{Scope: g.scope(), Metrics: list(g, 4, g.metric)}
				for _, m := range s.Metrics {
					for _, p := range points(m) {
						metric := &metricspb.Metric{Name: m.Name, Unit: m.Unit}
						want = append(want, item{Resource: r.Resource.Attributes, Scope: s.Scope, Metric: metric, Item: p})
					}
				}
				return s
			})
			return r
		})}
		check(t, metrics, want, func(j *otlpwire.JSON) otlpwire.Request { return j.Metrics }, decodeMetrics)
	})
}

// FuzzBytes decodes arbitrary bytes. Where the generated code takes them, ours
// must too, unless values nest deeper than we allow.
func FuzzBytes(f *testing.F) {
	g := newGenerator(7)
	for range 5 {
		body, err := proto.Marshal(&coltracepb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{
			{Resource: g.resource(), ScopeSpans: []*tracepb.ScopeSpans{{Scope: g.scope(), Spans: []*tracepb.Span{g.span()}}}},
		}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		traces, err := decodeTraces(body)
		if err == nil {
			checkJSON(t, body)
		}
		var m coltracepb.ExportTraceServiceRequest
		if proto.Unmarshal(body, &m) == nil && err == nil {
			n := 0
			for _, r := range m.ResourceSpans {
				for _, s := range r.ScopeSpans {
					n += len(s.Spans)
				}
			}
			if n != len(traces) {
				t.Fatalf("%d spans, want %d", len(traces), n)
			}
		}
		decodeLogs(body)
		decodeMetrics(body)
		j := otlpwire.NewJSON()
		for _, r := range []otlpwire.Request{j.Traces, j.Logs, j.Metrics} {
			if wire, err := j.Append(nil, r, body); err == nil {
				if _, err := decodeTraces(wire); err != nil && r == j.Traces {
					t.Fatalf("the wire form of %q: %v", body, err)
				}
			}
		}
	})
}

// checkJSON writes every value of a request as JSON.
func checkJSON(t *testing.T, body []byte) {
	var d otlpwire.Traces
	err := d.Decode(body, nothing, func() error {
		for _, a := range d.Span.Attrs {
			for _, limit := range []int{0, 3} {
				if b := otlpwire.AppendJSON(nil, a.Value, limit); !json.Valid(b) {
					t.Fatalf("AppendJSON = %q", b)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
