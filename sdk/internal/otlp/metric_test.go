package otlp_test

import (
	"math"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
)

var (
	set      = attribute.NewSet(attribute.String("route", "/a"))
	wantSet  = []*commonpb.KeyValue{kv("route", str("/a"))}
	startNs  = uint64(start.UnixNano())
	finishNs = uint64(finish.UnixNano())
)

func exemplar[N int64 | float64](v N) []metricdata.Exemplar[N] {
	return []metricdata.Exemplar[N]{{
		FilteredAttributes: []attribute.KeyValue{attribute.Int("user", 7)},
		Time:               start, Value: v, SpanID: spanID[:], TraceID: traceID[:],
	}}
}

func wantExemplar(e *metricpb.Exemplar) []*metricpb.Exemplar {
	e.FilteredAttributes = []*commonpb.KeyValue{kv("user", integer(7))}
	e.TimeUnixNano, e.SpanId, e.TraceId = startNs, spanID[:], traceID[:]
	return []*metricpb.Exemplar{e}
}

func TestMetricHasEveryField(t *testing.T) {
	tests := map[string]struct {
		in     metricdata.Aggregation
		points int
		want   *metricpb.Metric
	}{
		"gauge of integers": {
			in: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{
				{Attributes: set, StartTime: start, Time: finish, Value: -3, Exemplars: exemplar[int64](-9)}, {},
			}},
			points: 2,
			want: &metricpb.Metric{Data: &metricpb.Metric_Gauge{Gauge: &metricpb.Gauge{DataPoints: []*metricpb.NumberDataPoint{
				{
					Attributes: wantSet, StartTimeUnixNano: startNs, TimeUnixNano: finishNs,
					Value:     &metricpb.NumberDataPoint_AsInt{AsInt: -3},
					Exemplars: wantExemplar(&metricpb.Exemplar{Value: &metricpb.Exemplar_AsInt{AsInt: -9}}),
				},
				{Value: &metricpb.NumberDataPoint_AsInt{}},
			}}}},
		},
		"gauge of doubles": {
			in:     metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{{Time: finish, Value: math.MaxFloat64}}},
			points: 1,
			want: &metricpb.Metric{Data: &metricpb.Metric_Gauge{Gauge: &metricpb.Gauge{DataPoints: []*metricpb.NumberDataPoint{
				{TimeUnixNano: finishNs, Value: &metricpb.NumberDataPoint_AsDouble{AsDouble: math.MaxFloat64}},
			}}}},
		},
		"sum": {
			in: metricdata.Sum[float64]{Temporality: metricdata.DeltaTemporality, IsMonotonic: true, DataPoints: []metricdata.DataPoint[float64]{
				{Attributes: set, StartTime: start, Time: finish, Exemplars: exemplar(2.5)},
			}},
			points: 1,
			want: &metricpb.Metric{Data: &metricpb.Metric_Sum{Sum: &metricpb.Sum{
				AggregationTemporality: metricpb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA, IsMonotonic: true,
				DataPoints: []*metricpb.NumberDataPoint{{
					Attributes: wantSet, StartTimeUnixNano: startNs, TimeUnixNano: finishNs,
					Value:     &metricpb.NumberDataPoint_AsDouble{},
					Exemplars: wantExemplar(&metricpb.Exemplar{Value: &metricpb.Exemplar_AsDouble{AsDouble: 2.5}}),
				}},
			}}},
		},
		"sum of integers": {
			in:   metricdata.Sum[int64]{Temporality: metricdata.CumulativeTemporality},
			want: &metricpb.Metric{Data: &metricpb.Metric_Sum{Sum: &metricpb.Sum{AggregationTemporality: 2}}},
		},
		"histogram": {
			in: metricdata.Histogram[int64]{Temporality: metricdata.DeltaTemporality, DataPoints: []metricdata.HistogramDataPoint[int64]{{
				Attributes: set, StartTime: start, Time: finish, Count: 3, Sum: 30, Bounds: []float64{1, 10}, BucketCounts: []uint64{0, 1, 2},
				Min: metricdata.NewExtrema[int64](0), Max: metricdata.NewExtrema[int64](20), Exemplars: exemplar[int64](4),
			}}},
			points: 1,
			want: &metricpb.Metric{Data: &metricpb.Metric_Histogram{Histogram: &metricpb.Histogram{
				AggregationTemporality: 1,
				DataPoints: []*metricpb.HistogramDataPoint{{
					Attributes: wantSet, StartTimeUnixNano: startNs, TimeUnixNano: finishNs, Count: 3, Sum: new(30.0),
					ExplicitBounds: []float64{1, 10}, BucketCounts: []uint64{0, 1, 2}, Min: new(0.0), Max: new(20.0),
					Exemplars: wantExemplar(&metricpb.Exemplar{Value: &metricpb.Exemplar_AsInt{AsInt: 4}}),
				}},
			}}},
		},
		"histogram without extrema": {
			in:     metricdata.Histogram[float64]{DataPoints: []metricdata.HistogramDataPoint[float64]{{}}},
			points: 1,
			want: &metricpb.Metric{Data: &metricpb.Metric_Histogram{Histogram: &metricpb.Histogram{
				DataPoints: []*metricpb.HistogramDataPoint{{Sum: new(0.0)}},
			}}},
		},
		"exponential histogram": {
			in: metricdata.ExponentialHistogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: []metricdata.ExponentialHistogramDataPoint[float64]{{
				Attributes: set, StartTime: start, Time: finish, Count: 6, Sum: 1.5, Scale: -3, ZeroCount: 2, ZeroThreshold: 1e-9,
				Min: metricdata.NewExtrema(-1.0), Max: metricdata.NewExtrema(4.0), Exemplars: exemplar(0.5),
				PositiveBucket: metricdata.ExponentialBucket{Offset: -5, Counts: []uint64{1, 0, 300}},
				NegativeBucket: metricdata.ExponentialBucket{Offset: 5, Counts: []uint64{1}},
			}}},
			points: 1,
			want: &metricpb.Metric{Data: &metricpb.Metric_ExponentialHistogram{ExponentialHistogram: &metricpb.ExponentialHistogram{
				AggregationTemporality: 2,
				DataPoints: []*metricpb.ExponentialHistogramDataPoint{{
					Attributes: wantSet, StartTimeUnixNano: startNs, TimeUnixNano: finishNs, Count: 6, Sum: new(1.5),
					Scale: -3, ZeroCount: 2, ZeroThreshold: 1e-9, Min: new(-1.0), Max: new(4.0),
					Positive:  &metricpb.ExponentialHistogramDataPoint_Buckets{Offset: -5, BucketCounts: []uint64{1, 0, 300}},
					Negative:  &metricpb.ExponentialHistogramDataPoint_Buckets{Offset: 5, BucketCounts: []uint64{1}},
					Exemplars: wantExemplar(&metricpb.Exemplar{Value: &metricpb.Exemplar_AsDouble{AsDouble: 0.5}}),
				}},
			}}},
		},
		"exponential histogram of integers": {
			in:   metricdata.ExponentialHistogram[int64]{},
			want: &metricpb.Metric{Data: &metricpb.Metric_ExponentialHistogram{ExponentialHistogram: &metricpb.ExponentialHistogram{}}},
		},
		"summary": {
			in: metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{{
				Attributes: set, StartTime: start, Time: finish, Count: 2, Sum: 3,
				QuantileValues: []metricdata.QuantileValue{{Quantile: 0, Value: 1}, {Quantile: 1, Value: 2}},
			}}},
			points: 1,
			want: &metricpb.Metric{Data: &metricpb.Metric_Summary{Summary: &metricpb.Summary{DataPoints: []*metricpb.SummaryDataPoint{{
				Attributes: wantSet, StartTimeUnixNano: startNs, TimeUnixNano: finishNs, Count: 2, Sum: 3,
				QuantileValues: []*metricpb.SummaryDataPoint_ValueAtQuantile{{Value: 1}, {Quantile: 1, Value: 2}},
			}}}}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			m := metricdata.Metrics{Name: "n", Description: "d", Unit: "s", Data: tc.in}
			b, points := otlp.AppendMetric(nil, &m)
			if points != tc.points {
				t.Errorf("AppendMetric counts %d points, want %d", points, tc.points)
			}
			tc.want.Name, tc.want.Description, tc.want.Unit = "n", "d", "s"
			same(t, decode(t, b, &metricpb.Metric{}), tc.want)
		})
	}
}
