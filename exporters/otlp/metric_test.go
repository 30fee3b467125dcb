package otlp

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/pack"
)

func metric(t *testing.T, p sidelight.Point) *metricspb.Metric {
	t.Helper()
	var m metricspb.Metric
	if err := proto.Unmarshal(AppendMetric(nil, &p, time.Minute), &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

const at = 1_795_348_800_000

func TestMetricLevel(t *testing.T) {
	m := metric(t, sidelight.Point{
		Name: "heap", Unit: "Bytes", Time: at, Dimensions: []sidelight.Dimension{{Name: "service", Value: "a"}},
		Values: []float64{10, 40}, Counts: []float64{2, 1},
	})
	p := m.GetGauge().GetDataPoints()[0]
	if m.Name != "heap" || m.Unit != "By" || p.GetAsDouble() != 20 || p.StartTimeUnixNano != at*1e6 || p.TimeUnixNano != (at+60_000)*1e6 {
		t.Errorf("%v", m)
	}
	if a := p.Attributes; len(a) != 1 || a[0].Key != "service" || a[0].Value.GetStringValue() != "a" {
		t.Errorf("attributes %v", a)
	}
}

func TestMetricIncrease(t *testing.T) {
	m := metric(t, sidelight.Point{Name: "hits", Unit: "Count", Kind: sidelight.Sum, Time: at, Values: []float64{7}, Counts: []float64{1}})
	s := m.GetSum()
	if s.AggregationTemporality != metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA || !s.IsMonotonic || s.DataPoints[0].GetAsDouble() != 7 {
		t.Errorf("%v", m)
	}
	m = metric(t, sidelight.Point{Name: "hits", Kind: sidelight.Sum, Time: at, Values: []float64{-7}, Counts: []float64{1}})
	if s := m.GetSum(); s.IsMonotonic || s.DataPoints[0].GetAsDouble() != -7 {
		t.Errorf("a decrease: %v", m)
	}
}

// Buckets hold the values they should, whatever their spread and sign; sums and
// counts are exact.
func TestMetricDistribution(t *testing.T) {
	for name, values := range map[string][]float64{
		"one":        {3},
		"powers":     {1, 2, 4, 8, 1024},
		"wide":       {1e-300, 1, 1e300},
		"both signs": {-1e6, -3, -2.5, 0, 1e-9, 4},
		"close":      {1000, 1000.5, 1001},
		"zero":       {0},
	} {
		t.Run(name, func(t *testing.T) {
			p := sidelight.Point{Name: "took", Kind: sidelight.Sample, Time: at, Values: values}
			var sum float64
			for i, v := range values {
				p.Counts = append(p.Counts, float64(i+1))
				sum += v * float64(i+1)
			}
			h := metric(t, p).GetExponentialHistogram()
			d := h.DataPoints[0]
			n := uint64(len(values) * (len(values) + 1) / 2)
			if d.Count != n || d.GetSum() != sum || d.GetMin() != values[0] || d.GetMax() != values[len(values)-1] {
				t.Errorf("%v, want count %d and sum %v", d, n, sum)
			}
			want, got := map[[2]int]uint64{}, map[[2]int]uint64{}
			for i, v := range values {
				if v != 0 {
					want[[2]int{int(math.Copysign(1, v)), bucketOf(math.Abs(v), int(d.Scale))}] += uint64(i + 1)
				} else if d.ZeroCount != uint64(i+1) {
					t.Errorf("%d zeros", d.ZeroCount)
				}
			}
			for sign, b := range map[int]*metricspb.ExponentialHistogramDataPoint_Buckets{1: d.Positive, -1: d.Negative} {
				if len(b.GetBucketCounts()) > maxBuckets {
					t.Errorf("%d buckets", len(b.BucketCounts))
				}
				for i, c := range b.GetBucketCounts() {
					if c > 0 {
						got[[2]int{sign, int(b.Offset) + i}] = c
					}
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("buckets (-want +got):\n%s", d)
			}
		})
	}
}

// bucketOf finds the bucket by its bounds, as the data model defines them.
func bucketOf(v float64, scale int) int {
	base := math.Exp2(math.Exp2(float64(-scale)))
	i := int(math.Log(v) / math.Log(base))
	for math.Pow(base, float64(i)) >= v*(1+1e-12) {
		i--
	}
	for math.Pow(base, float64(i+1)) < v*(1-1e-12) {
		i++
	}
	// A bound itself belongs to the bucket below it.
	if math.Abs(math.Pow(base, float64(i))-v) <= v*1e-12 {
		i--
	}
	return i
}

// Fractions of counts, as samples leave them, add up.
func TestMetricFractions(t *testing.T) {
	p := sidelight.Point{Name: "took", Kind: sidelight.Sample, Time: at}
	for i := range 10 {
		p.Values, p.Counts = append(p.Values, float64(i+1)), append(p.Counts, 3.3)
	}
	if d := metric(t, p).GetExponentialHistogram().DataPoints[0]; d.Count != 33 {
		t.Errorf("count %d of 33", d.Count)
	}
}

// A request has the agent's resource and, as its scope, the namespace.
func TestMetricRequest(t *testing.T) {
	enc := &encoder{signal: sidelight.Metrics, resource: resource(map[string]string{"service.name": "orders"})}
	body := enc.Begin(nil, sidelight.Dest{Group: "Sidelight/Host"})
	b := sidelight.Block{Head: len(body)}
	for _, name := range []string{"a", "b"} {
		p := sidelight.Point{Name: name, Time: at, Values: []float64{1}, Counts: []float64{1}}
		body = enc.Append(body, &sidelight.Event{Body: AppendMetric(nil, &p, time.Minute)})
		b.Marks = append(b.Marks, sidelight.Mark{End: uint32(len(body))})
		b.Events++
	}
	b.Body = body
	pack.Complete(enc, &b, false)
	var req collector.ExportMetricsServiceRequest
	if err := proto.Unmarshal(b.Body, &req); err != nil {
		t.Fatal(err)
	}
	r := req.ResourceMetrics
	if len(r) != 1 || len(r[0].ScopeMetrics) != 1 || len(r[0].ScopeMetrics[0].Metrics) != 2 || r[0].ScopeMetrics[0].Scope.Name != "Sidelight/Host" ||
		r[0].Resource.Attributes[0].Value.GetStringValue() != "orders" {
		t.Errorf("%v", &req)
	}
}
