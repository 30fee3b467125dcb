package otlp_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/otlp"
)

const (
	delta      = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
)

func str(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

func metricsRequest(service string, metrics ...*metricspb.Metric) *colmetricspb.ExportMetricsServiceRequest {
	return &colmetricspb.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource:     &resourcepb.Resource{Attributes: []*commonpb.KeyValue{str("service.name", service)}},
		ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: metrics}},
	}}}
}

// sendMetrics posts a request and returns what was recorded of it.
func (x *running) sendMetrics(t *testing.T, m proto.Message) ([]sidelight.Measurement, *colmetricspb.ExportMetricsPartialSuccess) {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	x.rec.got = nil
	a := post(t, client(t, ""), "http://"+x.HTTPAddr().String()+"/v1/metrics", "application/x-protobuf", body)
	var answer colmetricspb.ExportMetricsServiceResponse
	if err := proto.Unmarshal([]byte(a.body), &answer); err != nil || a.code != 200 {
		t.Fatalf("answer = %+v: %v", a, err)
	}
	return x.rec.got, answer.PartialSuccess
}

func number(value float64, attrs ...*commonpb.KeyValue) []*metricspb.NumberDataPoint {
	return []*metricspb.NumberDataPoint{{
		TimeUnixNano: 5e9, Attributes: attrs, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: value},
	}}
}

func histogram(p *metricspb.HistogramDataPoint) *metricspb.Metric {
	return &metricspb.Metric{Name: "h", Unit: "s", Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
		AggregationTemporality: delta, DataPoints: []*metricspb.HistogramDataPoint{p},
	}}}
}

func gauge(unit string, points []*metricspb.NumberDataPoint) *metricspb.Metric {
	return &metricspb.Metric{Name: "g", Unit: unit, Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: points}}}
}

func TestMetrics(t *testing.T) {
	f := func(v float64) *float64 { return &v }
	dims := func(kv ...string) (d []sidelight.Dimension) {
		for i := 0; i < len(kv); i += 2 {
			d = append(d, sidelight.Dimension{Name: kv[i], Value: kv[i+1]})
		}
		return d
	}
	service := dims("service", "s")
	sample := func(value, count float64) sidelight.Measurement {
		return sidelight.Measurement{Name: "h", Unit: "Seconds", Dimensions: service, Kind: sidelight.Sample, Value: value, Count: count, Time: 5000}
	}
	tests := map[string]struct {
		metric *metricspb.Metric
		want   []sidelight.Measurement
	}{
		"gauge": {gauge("ns", number(1500, str("zone", "b"), str("az", "a"), str("empty", ""))), []sidelight.Measurement{{
			Name: "g", Unit: "Microseconds", Dimensions: dims("az", "a", "service", "s", "zone", "b"), Value: 1.5, Count: 1, Time: 5000,
		}}},
		"integer": {gauge("{request}", []*metricspb.NumberDataPoint{{Value: &metricspb.NumberDataPoint_AsInt{AsInt: -3}}}), []sidelight.Measurement{{
			Name: "g", Unit: "Count", Dimensions: service, Value: -3, Count: 1,
		}}},
		"own service": {gauge("", number(1, str("service", "mine"))), []sidelight.Measurement{{
			Name: "g", Dimensions: dims("service", "mine"), Value: 1, Count: 1, Time: 5000,
		}}},
		"delta sum": {&metricspb.Metric{Name: "c", Unit: "By", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
			AggregationTemporality: delta, IsMonotonic: true, DataPoints: number(7),
		}}}, []sidelight.Measurement{{Name: "c", Unit: "Bytes", Dimensions: service, Kind: sidelight.Sum, Value: 7, Count: 1, Time: 5000}}},
		"up and down": {&metricspb.Metric{Name: "c", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
			AggregationTemporality: cumulative, DataPoints: number(7),
		}}}, []sidelight.Measurement{{Name: "c", Dimensions: service, Kind: sidelight.Gauge, Value: 7, Count: 1, Time: 5000}}},
		"no value": {gauge("", []*metricspb.NumberDataPoint{{Flags: 1}}), nil},
		"buckets": {histogram(&metricspb.HistogramDataPoint{
			TimeUnixNano: 5e9, Count: 10, Sum: f(30), ExplicitBounds: []float64{1, 2, 4}, BucketCounts: []uint64{1, 2, 3, 4},
		}), []sidelight.Measurement{sample(0.5, 1), sample(1.5, 2), sample(3, 3), sample(4.375, 4)}},
		"buckets within": {histogram(&metricspb.HistogramDataPoint{
			TimeUnixNano: 5e9, Count: 4, Min: f(0.8), Max: f(10), ExplicitBounds: []float64{1, 2, 4}, BucketCounts: []uint64{1, 0, 1, 2},
		}), []sidelight.Measurement{sample(0.9, 1), sample(3, 1), sample(7, 2)}},
		"buckets clamped": {histogram(&metricspb.HistogramDataPoint{
			TimeUnixNano: 5e9, Count: 3, Min: f(3.5), Max: f(3.6), ExplicitBounds: []float64{1, 4}, BucketCounts: []uint64{0, 3, 0},
		}), []sidelight.Measurement{sample(3.55, 3)}},
		"one observation": {histogram(&metricspb.HistogramDataPoint{
			TimeUnixNano: 5e9, Count: 1, Sum: f(1.7), ExplicitBounds: []float64{1, 2}, BucketCounts: []uint64{0, 1, 0},
		}), []sidelight.Measurement{sample(1.7, 1)}},
		"no buckets": {
			histogram(&metricspb.HistogramDataPoint{TimeUnixNano: 5e9, Count: 4, Sum: f(8), BucketCounts: []uint64{4}}),
			[]sidelight.Measurement{sample(2, 4)},
		},
		"empty": {histogram(&metricspb.HistogramDataPoint{TimeUnixNano: 5e9, ExplicitBounds: []float64{1}, BucketCounts: []uint64{0, 0}}), nil},
		"exponential": {&metricspb.Metric{Name: "h", Unit: "s", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
			AggregationTemporality: delta, DataPoints: []*metricspb.ExponentialHistogramDataPoint{{
				TimeUnixNano: 5e9, Count: 7, Scale: 0, ZeroCount: 1,
				Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 1, BucketCounts: []uint64{2, 0, 3}},
				Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: -1, BucketCounts: []uint64{1}},
			}},
		}}}, []sidelight.Measurement{sample(-0.75, 1), sample(0, 1), sample(3, 2), sample(12, 3)}},
		"summary": {&metricspb.Metric{Name: "q", Unit: "ms", Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{
			DataPoints: []*metricspb.SummaryDataPoint{{
				StartTimeUnixNano: uint64(time.Now().Add(time.Hour).UnixNano()), TimeUnixNano: 5e9, Count: 4, Sum: 12,
				QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{{Quantile: 0.99, Value: 7}},
			}},
		}}}, []sidelight.Measurement{
			{Name: "q", Unit: "Milliseconds", Dimensions: dims("quantile", "0.99", "service", "s"), Value: 7, Count: 1, Time: 5000},
			{Name: "q_sum", Unit: "Milliseconds", Dimensions: service, Kind: sidelight.Sum, Value: 12, Count: 1, Time: 5000},
			{Name: "q_count", Unit: "Count", Dimensions: service, Kind: sidelight.Sum, Value: 4, Count: 1, Time: 5000},
		}},
		"exponential, by its sum": {&metricspb.Metric{Name: "h", Unit: "s", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
			AggregationTemporality: delta, DataPoints: []*metricspb.ExponentialHistogramDataPoint{{
				TimeUnixNano: 5e9, Count: 5, Scale: -1, ZeroCount: 1, ZeroThreshold: 0.001, Sum: f(26),
				Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 0, BucketCounts: []uint64{2, 2}},
				Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: 0, BucketCounts: []uint64{0}},
			}},
		}}}, []sidelight.Measurement{sample(0, 1), sample(2.6, 2), sample(10.4, 2)}},
	}
	x := start(t, nil)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, partial := x.sendMetrics(t, metricsRequest("s", tc.metric))
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateApprox(1e-5, 0.0001)); diff != "" || partial != nil {
				t.Errorf("measurements (-want +got):\n%s\n%v", diff, partial)
			}
		})
	}
}

// Attributes of the resource become dimensions if they are asked for, and
// exemplars are counted.
func TestResourceDimensions(t *testing.T) {
	x := start(t, func(c *otlp.Config) { c.Dimensions = []string{"zone", "host.name"} })
	req := metricsRequest("s", gauge("", number(1, str("zone", "own"))))
	req.ResourceMetrics[0].Resource.Attributes = append(req.ResourceMetrics[0].Resource.Attributes, str("host.name", "h"), str("zone", "z"), str("other", "o"))
	req.ResourceMetrics[0].ScopeMetrics[0].Metrics[0].GetGauge().DataPoints[0].Exemplars = []*metricspb.Exemplar{{}, {}}
	got, _ := x.sendMetrics(t, req)
	want := []sidelight.Dimension{{Name: "host.name", Value: "h"}, {Name: "service", Value: "s"}, {Name: "zone", Value: "own"}}
	if len(got) != 1 || !slices.Equal(got[0].Dimensions, want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
	if n := x.Exemplars(); n != 2 {
		t.Errorf("%d exemplars, want 2", n)
	}
}

func TestMetricsRefused(t *testing.T) {
	x := start(t, nil)
	got, partial := x.sendMetrics(t, metricsRequest("s",
		gauge("", number(math.NaN())), gauge("", number(math.Inf(1))), gauge("", number(math.Exp2(361))), gauge("", number(1)),
		&metricspb.Metric{Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: number(1)}}},
		histogram(&metricspb.HistogramDataPoint{Count: 1, ExplicitBounds: []float64{1}, BucketCounts: []uint64{1}}),
	))
	if len(got) != 1 || partial.GetRejectedDataPoints() != 5 {
		t.Errorf("recorded %v, rejected %v", got, partial)
	}
	if n := x.books.lost["metrics invalid"]; n != 5 {
		t.Errorf("booked %d lost", n)
	}
}

// Attributes are all dimensions, in order: rules may choose among them, and what is
// beyond CloudWatch's bound is left out, and counted, behind them.
func TestManyDimensions(t *testing.T) {
	var attrs []*commonpb.KeyValue
	for i := range 40 {
		attrs = append(attrs, str(fmt.Sprintf("k%02d", i), "v"))
	}
	x := start(t, nil)
	got, _ := x.sendMetrics(t, metricsRequest("s", gauge("", number(1, attrs...))))
	if len(got) != 1 || len(got[0].Dimensions) != 41 {
		t.Fatalf("recorded %v", got)
	}
	if !slices.IsSortedFunc(got[0].Dimensions, func(a, b sidelight.Dimension) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("dimensions = %v", got[0].Dimensions)
	}
}

// counter is a cumulative sum.
func counter(start, at time.Time, value float64, attrs ...*commonpb.KeyValue) *metricspb.Metric {
	return &metricspb.Metric{Name: "c", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
		AggregationTemporality: cumulative, IsMonotonic: true, DataPoints: []*metricspb.NumberDataPoint{{
			StartTimeUnixNano: uint64(start.UnixNano()), TimeUnixNano: uint64(at.UnixNano()), Attributes: attrs,
			Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: value},
		}},
	}}}
}

func TestCumulativeSum(t *testing.T) {
	x := start(t, nil)
	now := time.Now().Add(time.Second)
	old := now.Add(-time.Hour)
	at := func(s int) time.Time { return now.Add(time.Duration(s) * time.Second) }
	steps := []struct {
		name    string
		service string
		metric  *metricspb.Metric
		want    []float64
	}{
		{"began before us", "a", counter(old, at(0), 100), nil},
		{"grew", "a", counter(old, at(10), 105), []float64{5}},
		{"same again", "a", counter(old, at(10), 105), nil},
		{"older", "a", counter(old, at(5), 101), nil},
		{"did not grow", "a", counter(old, at(20), 105), []float64{0}},
		{"fell: began again unannounced", "a", counter(old, at(30), 3), []float64{3}},
		{"began again", "a", counter(at(35), at(40), 50), []float64{50}},
		{"other series", "a", counter(at(1), at(40), 7, str("k", "v")), []float64{7}},
		{"other sender", "b", counter(at(1), at(40), 9), []float64{9}},
		{"and goes on", "b", counter(at(1), at(50), 10), []float64{1}},
	}
	for _, s := range steps {
		got, partial := x.sendMetrics(t, metricsRequest(s.service, s.metric))
		var values []float64
		for _, m := range got {
			values = append(values, m.Value)
		}
		if diff := cmp.Diff(s.want, values); diff != "" || partial != nil {
			t.Errorf("%s (-want +got):\n%s %v", s.name, diff, partial)
		}
	}
}

func TestSeriesAreBounded(t *testing.T) {
	x := start(t, func(c *otlp.Config) { c.MaxSeries = 2 })
	now := time.Now().Add(time.Second)
	late := now.Add(time.Hour)
	for i, service := range []string{"a", "b"} {
		if got, partial := x.sendMetrics(t, metricsRequest(service, counter(now, now.Add(time.Second), 1))); len(got) != 1 || partial != nil {
			t.Errorf("%d: %v, %v", i, got, partial)
		}
	}
	if got, partial := x.sendMetrics(t, metricsRequest("c", counter(now, now.Add(time.Second), 1))); len(got) != 0 || !strings.Contains(partial.GetErrorMessage(), "too many series") {
		t.Errorf("one too many: %v, %v", got, partial)
	}
	if got, partial := x.sendMetrics(t, metricsRequest("c", counter(now, late, 1))); len(got) != 1 || partial != nil {
		t.Errorf("when the others have ended: %v, %v", got, partial)
	}
}

func TestCumulativeHistograms(t *testing.T) {
	x := start(t, nil)
	now := time.Now().Add(time.Second)
	at := func(s int) uint64 { return uint64(now.Add(time.Duration(s) * time.Second).UnixNano()) }
	explicit := func(s int, counts ...uint64) *metricspb.Metric {
		p := &metricspb.HistogramDataPoint{StartTimeUnixNano: at(0), TimeUnixNano: at(s), ExplicitBounds: []float64{2, 4}, BucketCounts: counts}
		for _, n := range counts {
			p.Count += n
		}
		m := histogram(p)
		m.GetHistogram().AggregationTemporality = cumulative
		return m
	}
	exponential := func(s int, scale, offset int32, counts ...uint64) *metricspb.Metric {
		p := &metricspb.ExponentialHistogramDataPoint{
			StartTimeUnixNano: at(0), TimeUnixNano: at(s), Scale: scale,
			Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: offset, BucketCounts: counts},
		}
		for _, n := range counts {
			p.Count += n
		}
		return &metricspb.Metric{Name: "e", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
			AggregationTemporality: cumulative, DataPoints: []*metricspb.ExponentialHistogramDataPoint{p},
		}}}
	}
	type seen struct{ Value, Count float64 }
	steps := []struct {
		name   string
		metric *metricspb.Metric
		want   []seen
	}{
		{"first", explicit(1, 1, 2, 0), []seen{{1, 1}, {3, 2}}},
		{"grew", explicit(2, 1, 5, 1), []seen{{3, 3}, {4, 1}}},
		{"fell", explicit(3, 0, 1, 0), []seen{{3, 1}}},
		{"exponential", exponential(1, 1, 2, 1, 1), []seen{{(2 + math.Exp2(1.5)) / 2, 1}, {(math.Exp2(1.5) + 4) / 2, 1}}},
		{"coarser: both of before lie in the first bucket", exponential(2, 0, 1, 3, 1), []seen{{3, 1}, {6, 1}}},
		{"finer again: began anew", exponential(3, 1, 2, 1), []seen{{(2 + math.Exp2(1.5)) / 2, 1}}},
	}
	for _, s := range steps {
		got, partial := x.sendMetrics(t, metricsRequest("s", s.metric))
		var values []seen
		for _, m := range got {
			values = append(values, seen{m.Value, m.Count})
		}
		if diff := cmp.Diff(s.want, values, cmpopts.EquateApprox(1e-12, 0)); diff != "" || partial != nil {
			t.Errorf("%s (-want +got):\n%s %v", s.name, diff, partial)
		}
	}
}

func TestMetricsOverGRPC(t *testing.T) {
	x := start(t, nil)
	cc, err := grpc.NewClient(x.GRPCAddr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	answer, err := colmetricspb.NewMetricsServiceClient(cc).Export(t.Context(), metricsRequest("s", gauge("", number(1)), gauge("", number(math.NaN()))))
	if err != nil {
		t.Fatal(err)
	}
	if answer.PartialSuccess.GetRejectedDataPoints() != 1 || len(x.rec.got) != 1 {
		t.Errorf("answer = %v, recorded %v", answer, x.rec.got)
	}
}

// BenchmarkMetrics is an export of 1,000 points by HTTP, both ends of the request.
func BenchmarkMetrics(b *testing.B) {
	var points []*metricspb.NumberDataPoint
	for i := range 1000 {
		points = append(points, number(float64(i), str("route", fmt.Sprint("/orders/", i)), str("status", "200"), str("method", "GET"))...)
	}
	body, err := proto.Marshal(metricsRequest("shop", gauge("By", points)))
	if err != nil {
		b.Fatal(err)
	}
	x := start(b, func(*otlp.Config) {})
	url := "http://" + x.HTTPAddr().String() + "/v1/metrics"
	c := client(b, "")
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		x.rec.got = x.rec.got[:0]
		if a := post(b, c, url, "application/x-protobuf", body); a.code != 200 {
			b.Fatal(a)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/point")
}
