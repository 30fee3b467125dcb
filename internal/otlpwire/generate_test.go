package otlpwire_test

import (
	"math/rand/v2"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// generator makes messages at random that use every field the decoder reads.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 1))} }

func (g generator) text() string {
	all := []string{"", "a", "http.method", "GET", "é", "漢字", "\"q\"\\\n", "service.name", "a longer text, such as a message has"}
	return all[g.IntN(len(all))]
}

func (g generator) bytes(n int) []byte {
	if n < 0 {
		n = g.IntN(-n)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

func list[T any](g generator, n int, make func() T) []T {
	var out []T
	for range g.IntN(n + 1) {
		out = append(out, make())
	}
	return out
}

func (g generator) value(depth int) *commonpb.AnyValue {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch g.IntN(kinds + 1) {
	case 0:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: g.text()}}
	case 1:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: g.IntN(2) == 0}}
	case 2:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: int64(g.Uint64()) >> g.IntN(64)}}
	case 3:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: g.NormFloat64()}}
	case 4:
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: g.bytes(-5)}}
	case 5:
		return &commonpb.AnyValue{}
	case 6:
		values := list(g, 3, func() *commonpb.AnyValue { return g.value(depth - 1) })
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: values}}}
	}
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: g.attrs(depth - 1)}}}
}

func (g generator) attrs(depth int) []*commonpb.KeyValue {
	return list(g, 4, func() *commonpb.KeyValue { return &commonpb.KeyValue{Key: g.text(), Value: g.value(depth)} })
}

func (g generator) resource() *resourcepb.Resource {
	return &resourcepb.Resource{Attributes: g.attrs(2)}
}

func (g generator) scope() *commonpb.InstrumentationScope {
	return &commonpb.InstrumentationScope{Name: g.text(), Version: g.text(), Attributes: g.attrs(1)}
}

func (g generator) span() *tracepb.Span {
	return &tracepb.Span{
		TraceId: g.bytes(16), SpanId: g.bytes(8), ParentSpanId: g.bytes(-9), TraceState: g.text(), Name: g.text(),
		Kind: tracepb.Span_SpanKind(g.IntN(6)), Flags: g.Uint32(), StartTimeUnixNano: g.Uint64(), EndTimeUnixNano: g.Uint64(),
		Attributes: g.attrs(3), DroppedAttributesCount: g.Uint32N(3), DroppedEventsCount: g.Uint32N(3), DroppedLinksCount: g.Uint32N(3),
		Events: list(g, 3, func() *tracepb.Span_Event {
			return &tracepb.Span_Event{TimeUnixNano: g.Uint64(), Name: g.text(), Attributes: g.attrs(1)}
		}),
		Links: list(g, 3, func() *tracepb.Span_Link {
			return &tracepb.Span_Link{TraceId: g.bytes(16), SpanId: g.bytes(8), Attributes: g.attrs(1)}
		}),
		Status: &tracepb.Status{Code: tracepb.Status_StatusCode(g.IntN(3)), Message: g.text()},
	}
}

func (g generator) record() *logspb.LogRecord {
	return &logspb.LogRecord{
		TimeUnixNano: g.Uint64(), ObservedTimeUnixNano: g.Uint64(), SeverityNumber: logspb.SeverityNumber(g.IntN(25)),
		SeverityText: g.text(), Body: g.value(3), Attributes: g.attrs(2), DroppedAttributesCount: g.Uint32N(2),
		TraceId: g.bytes(16), SpanId: g.bytes(8), EventName: g.text(),
	}
}

func (g generator) metric() *metricspb.Metric {
	m := &metricspb.Metric{Name: g.text(), Unit: g.text()}
	temporality := metricspb.AggregationTemporality(g.IntN(3))
	switch g.IntN(5) {
	case 0:
		m.Data = &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: list(g, 3, g.number)}}
	case 1:
		m.Data = &metricspb.Metric_Sum{Sum: &metricspb.Sum{DataPoints: list(g, 3, g.number), AggregationTemporality: temporality, IsMonotonic: g.IntN(2) == 0}}
	case 2:
		m.Data = &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{DataPoints: list(g, 3, g.histogram), AggregationTemporality: temporality}}
	case 3:
		m.Data = &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{DataPoints: list(g, 3, g.exponential), AggregationTemporality: temporality}}
	case 4:
		m.Data = &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: list(g, 3, func() *metricspb.SummaryDataPoint {
			return &metricspb.SummaryDataPoint{StartTimeUnixNano: g.Uint64(), TimeUnixNano: g.Uint64(), Attributes: g.attrs(1), Count: g.Uint64(), Sum: g.Float64(), QuantileValues: list(g, 2, func() *metricspb.SummaryDataPoint_ValueAtQuantile {
				return &metricspb.SummaryDataPoint_ValueAtQuantile{Quantile: g.Float64(), Value: g.Float64()}
			})}
		})}}
	}
	return m
}

func (g generator) number() *metricspb.NumberDataPoint {
	p := &metricspb.NumberDataPoint{StartTimeUnixNano: g.Uint64(), TimeUnixNano: g.Uint64(), Attributes: g.attrs(1), Flags: g.Uint32N(2)}
	if g.IntN(2) == 0 {
		p.Value = &metricspb.NumberDataPoint_AsDouble{AsDouble: g.NormFloat64()}
	} else {
		p.Value = &metricspb.NumberDataPoint_AsInt{AsInt: int64(g.Uint64()) >> 20}
	}
	return p
}

func (g generator) maybe() *float64 {
	if g.IntN(2) == 0 {
		return nil
	}
	f := g.NormFloat64()
	return &f
}

func (g generator) histogram() *metricspb.HistogramDataPoint {
	return &metricspb.HistogramDataPoint{
		StartTimeUnixNano: g.Uint64(), TimeUnixNano: g.Uint64(), Attributes: g.attrs(1), Flags: g.Uint32N(2), Count: g.Uint64(),
		Sum: g.maybe(), Min: g.maybe(), Max: g.maybe(), BucketCounts: list(g, 5, g.Uint64), ExplicitBounds: list(g, 4, g.NormFloat64),
	}
}

func (g generator) exponential() *metricspb.ExponentialHistogramDataPoint {
	buckets := func() *metricspb.ExponentialHistogramDataPoint_Buckets {
		return &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: int32(g.Uint32()), BucketCounts: list(g, 5, g.Uint64)}
	}
	return &metricspb.ExponentialHistogramDataPoint{
		StartTimeUnixNano: g.Uint64(), TimeUnixNano: g.Uint64(), Attributes: g.attrs(1), Flags: g.Uint32N(2), Count: g.Uint64(),
		Sum: g.maybe(), Min: g.maybe(), Max: g.maybe(), Scale: int32(g.Uint32()), ZeroCount: g.Uint64(), ZeroThreshold: g.Float64(), Positive: buckets(), Negative: buckets(),
	}
}
