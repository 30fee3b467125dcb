package otlp

import (
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// AppendMetric appends the content of a Metric message and tells how many
// points it holds. An aggregation unknown to this package has none.
func AppendMetric(b []byte, m *metricdata.Metrics) (_ []byte, points int) {
	b = appendString(b, 1, m.Name)
	b = appendString(b, 2, m.Description)
	b = appendString(b, 3, m.Unit)
	switch d := m.Data.(type) {
	case metricdata.Gauge[int64]:
		return appendGauge(b, d.DataPoints), len(d.DataPoints)
	case metricdata.Gauge[float64]:
		return appendGauge(b, d.DataPoints), len(d.DataPoints)
	case metricdata.Sum[int64]:
		return appendSum(b, &d), len(d.DataPoints)
	case metricdata.Sum[float64]:
		return appendSum(b, &d), len(d.DataPoints)
	case metricdata.Histogram[int64]:
		return appendHistogram(b, &d), len(d.DataPoints)
	case metricdata.Histogram[float64]:
		return appendHistogram(b, &d), len(d.DataPoints)
	case metricdata.ExponentialHistogram[int64]:
		return appendExponential(b, &d), len(d.DataPoints)
	case metricdata.ExponentialHistogram[float64]:
		return appendExponential(b, &d), len(d.DataPoints)
	case metricdata.Summary:
		return appendSummary(b, &d), len(d.DataPoints)
	}
	return b, 0
}

func appendGauge[N int64 | float64](b []byte, points []metricdata.DataPoint[N]) []byte {
	b, m := open(b, 5)
	return shut(appendNumbers(b, points), m)
}

func appendSum[N int64 | float64](b []byte, d *metricdata.Sum[N]) []byte {
	b, m := open(b, 7)
	b = appendNumbers(b, d.DataPoints)
	b = appendUint(b, 2, temporality(d.Temporality))
	b = appendBool(b, 3, d.IsMonotonic)
	return shut(b, m)
}

func appendNumbers[N int64 | float64](b []byte, points []metricdata.DataPoint[N]) []byte {
	for i := range points {
		p := &points[i]
		var m int
		b, m = open(b, 1)
		b = appendTime(b, 2, p.StartTime)
		b = appendTime(b, 3, p.Time)
		b = appendNumber(b, p.Value, 4, 6)
		for j := range p.Exemplars {
			b = appendExemplar(b, 5, &p.Exemplars[j])
		}
		b = appendSet(b, 7, &p.Attributes)
		b = shut(b, m)
	}
	return b
}

// appendNumber writes v into the member of a oneof that fits its type.
func appendNumber[N int64 | float64](b []byte, v N, double, integer int) []byte {
	switch v := any(v).(type) {
	case int64:
		return appendFixed64(b, integer, uint64(v))
	case float64:
		return appendDouble(b, double, v)
	}
	return b
}

func appendHistogram[N int64 | float64](b []byte, d *metricdata.Histogram[N]) []byte {
	b, m := open(b, 9)
	for i := range d.DataPoints {
		p := &d.DataPoints[i]
		var pm int
		b, pm = open(b, 1)
		b = appendTime(b, 2, p.StartTime)
		b = appendTime(b, 3, p.Time)
		b = appendCount(b, 4, p.Count)
		b = appendDouble(b, 5, float64(p.Sum))
		b = appendPackedCounts(b, 6, p.BucketCounts)
		b = appendPackedDoubles(b, 7, p.Bounds)
		for j := range p.Exemplars {
			b = appendExemplar(b, 8, &p.Exemplars[j])
		}
		b = appendSet(b, 9, &p.Attributes)
		b = appendExtrema(b, 11, p.Min)
		b = appendExtrema(b, 12, p.Max)
		b = shut(b, pm)
	}
	b = appendUint(b, 2, temporality(d.Temporality))
	return shut(b, m)
}

func appendExponential[N int64 | float64](b []byte, d *metricdata.ExponentialHistogram[N]) []byte {
	b, m := open(b, 10)
	for i := range d.DataPoints {
		p := &d.DataPoints[i]
		var pm int
		b, pm = open(b, 1)
		b = appendSet(b, 1, &p.Attributes)
		b = appendTime(b, 2, p.StartTime)
		b = appendTime(b, 3, p.Time)
		b = appendCount(b, 4, p.Count)
		b = appendDouble(b, 5, float64(p.Sum))
		b = appendSint32(b, 6, p.Scale)
		b = appendCount(b, 7, p.ZeroCount)
		b = appendBuckets(b, 8, &p.PositiveBucket)
		b = appendBuckets(b, 9, &p.NegativeBucket)
		for j := range p.Exemplars {
			b = appendExemplar(b, 11, &p.Exemplars[j])
		}
		b = appendExtrema(b, 12, p.Min)
		b = appendExtrema(b, 13, p.Max)
		if p.ZeroThreshold != 0 {
			b = appendDouble(b, 14, p.ZeroThreshold)
		}
		b = shut(b, pm)
	}
	b = appendUint(b, 2, temporality(d.Temporality))
	return shut(b, m)
}

func appendBuckets(b []byte, field int, e *metricdata.ExponentialBucket) []byte {
	if len(e.Counts) == 0 {
		return b
	}
	b, m := open(b, field)
	b = appendSint32(b, 1, e.Offset)
	b = appendPackedVarints(b, 2, e.Counts)
	return shut(b, m)
}

func appendSummary(b []byte, d *metricdata.Summary) []byte {
	b, m := open(b, 11)
	for i := range d.DataPoints {
		p := &d.DataPoints[i]
		var pm int
		b, pm = open(b, 1)
		b = appendTime(b, 2, p.StartTime)
		b = appendTime(b, 3, p.Time)
		b = appendCount(b, 4, p.Count)
		b = appendDouble(b, 5, p.Sum)
		for _, q := range p.QuantileValues {
			var qm int
			b, qm = open(b, 6)
			b = appendDouble(b, 1, q.Quantile)
			b = appendDouble(b, 2, q.Value)
			b = shut(b, qm)
		}
		b = appendSet(b, 7, &p.Attributes)
		b = shut(b, pm)
	}
	return shut(b, m)
}

func appendExemplar[N int64 | float64](b []byte, field int, e *metricdata.Exemplar[N]) []byte {
	b, m := open(b, field)
	b = appendTime(b, 2, e.Time)
	b = appendNumber(b, e.Value, 3, 6)
	b = appendBytes(b, 4, e.SpanID)
	b = appendBytes(b, 5, e.TraceID)
	b = AppendAttrs(b, 7, e.FilteredAttributes)
	return shut(b, m)
}

func appendExtrema[N int64 | float64](b []byte, field int, e metricdata.Extrema[N]) []byte {
	v, ok := e.Value()
	if !ok {
		return b
	}
	return appendDouble(b, field, float64(v))
}

// temporality maps to AggregationTemporality: 1 is delta, 2 is cumulative.
func temporality(t metricdata.Temporality) uint64 {
	switch t {
	case metricdata.DeltaTemporality:
		return 1
	case metricdata.CumulativeTemporality:
		return 2
	}
	return 0
}
