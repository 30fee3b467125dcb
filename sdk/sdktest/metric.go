package sdktest

import (
	"maps"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Point is what was measured of one series, or of several together, since the
// recorder was made or Reset.
type Point struct {
	attrs attribute.Set
	sum   float64
	count uint64
}

// Sum is the sum of a counter or of a histogram's values, or a gauge's last
// value.
func (p Point) Sum() float64 { return p.sum }

// Count is the number of values of a histogram; of counters and gauges it is
// the number of collections that saw the series.
func (p Point) Count() uint64 { return p.count }

// Metric returns the sum of all series of a metric that have the attributes
// attrs among theirs. It fails the test if the metric was never recorded so.
func (r *Recorder) Metric(name string, attrs ...attribute.KeyValue) Point {
	r.tb.Helper()
	r.collect()
	r.mu.Lock()
	defer r.mu.Unlock()
	var total Point
	for _, p := range r.points[name] {
		if p.has(attrs) {
			total.sum += p.sum
			total.count += p.count
		}
	}
	if total.count == 0 {
		r.tb.Fatalf("no such metric %q with %v; recorded are %q", name, attrs, slices.Sorted(maps.Keys(r.points)))
	}
	return total
}

func (p *Point) has(attrs []attribute.KeyValue) bool {
	for _, kv := range attrs {
		if v, ok := p.attrs.Value(kv.Key); !ok || v.String() != kv.Value.String() {
			return false
		}
	}
	return true
}

// pointLocked returns the series with attrs, new if need be.
func (r *Recorder) pointLocked(name string, attrs attribute.Set) *Point {
	for _, p := range r.points[name] {
		if p.attrs.Equals(&attrs) {
			return p
		}
	}
	p := &Point{attrs: attrs}
	r.points[name] = append(r.points[name], p)
	return p
}

func (r *Recorder) addLocked(m *metricdata.Metrics) {
	switch d := m.Data.(type) {
	case metricdata.Gauge[int64]:
		addNumbers(r, m.Name, d.DataPoints, true)
	case metricdata.Gauge[float64]:
		addNumbers(r, m.Name, d.DataPoints, true)
	case metricdata.Sum[int64]:
		addNumbers(r, m.Name, d.DataPoints, d.Temporality == metricdata.CumulativeTemporality)
	case metricdata.Sum[float64]:
		addNumbers(r, m.Name, d.DataPoints, d.Temporality == metricdata.CumulativeTemporality)
	case metricdata.Histogram[int64]:
		for _, p := range d.DataPoints {
			r.pointLocked(m.Name, p.Attributes).add(float64(p.Sum), p.Count)
		}
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			r.pointLocked(m.Name, p.Attributes).add(p.Sum, p.Count)
		}
	}
}

func (p *Point) add(sum float64, count uint64) {
	p.sum += sum
	p.count += count
}

// addNumbers adds differences, and replaces by values that are whole.
func addNumbers[N int64 | float64](r *Recorder, name string, points []metricdata.DataPoint[N], whole bool) {
	for _, dp := range points {
		p := r.pointLocked(name, dp.Attributes)
		if whole {
			p.sum = 0
		}
		p.add(float64(dp.Value), 1)
	}
}
