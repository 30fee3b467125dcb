package otlp

import (
	"math"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// distribution records a histogram as values in its buckets with their counts,
// within the least and the greatest value where those are known, and so that
// their sum is that of the histogram (see package bucket).
func (v *conversion) distribution() error {
	p, metric := &v.in.Point, &v.in.Metric
	if metric.Kind == otlpwire.Histogram && len(p.Counts) > 0 && len(p.Counts) != len(p.Bounds)+1 {
		return errBuckets
	}
	if metric.Cumulative {
		v.mu.Lock()
		known, err := v.past.advanceDistribution(v.identity(), p, v.since)
		v.mu.Unlock()
		if err != nil || !known {
			return err
		}
	}
	if p.Count == 0 {
		return nil
	}
	if p.HasSum && (p.Count == 1 || !hasBuckets(p)) {
		return v.emit(sidelight.Sample, p.Sum/float64(p.Count), float64(p.Count))
	}
	h := &v.hist
	h.Sum, h.HasSum = p.Sum, p.HasSum
	h.Min, h.HasMin, h.Max, h.HasMax = p.Min, p.HasMin, p.Max, p.HasMax
	h.Bounds, h.Counts = h.Bounds[:0], h.Counts[:0]
	if metric.Kind == otlpwire.Exponential {
		v.exponential()
	} else {
		h.Bounds = append(h.Bounds, p.Bounds...)
		for _, n := range p.Counts {
			h.Counts = append(h.Counts, float64(n))
		}
	}
	var err error
	h.Values(func(value, n float64) bool {
		err = v.emit(sidelight.Sample, value, n)
		return err == nil
	})
	return err
}

func hasBuckets(p *otlpwire.Point) bool {
	return len(p.Bounds) > 0 || p.ZeroCount > 0 || len(p.Positive.Counts) > 0 || len(p.Negative.Counts) > 0
}

// exponential makes bounds of the exponents: from the least negative value to the
// greatest positive one, with the values that count as zero in between.
func (v *conversion) exponential() {
	p, h := &v.in.Point, &v.hist
	step := math.Exp2(-float64(p.Scale)) // base is 2^step
	bound := func(exponent int64) float64 { return math.Exp2(float64(exponent) * step) }
	up := func(to float64, n uint64) { // a bucket that ends at to
		h.Bounds, h.Counts = append(h.Bounds, to), append(h.Counts, float64(n))
	}
	first := int64(p.Negative.Offset)
	if n := len(p.Negative.Counts); n > 0 {
		up(-bound(first+int64(n)), 0)
		for i := n - 1; i >= 0; i-- {
			up(-bound(first+int64(i)), p.Negative.Counts[i])
		}
	}
	if p.ZeroCount > 0 || len(h.Bounds) == 0 {
		up(-p.ZeroThreshold, 0)
		up(p.ZeroThreshold, p.ZeroCount)
	}
	if n := len(p.Positive.Counts); n > 0 {
		first = int64(p.Positive.Offset)
		up(bound(first), 0)
		for i, count := range p.Positive.Counts {
			up(bound(first+int64(i)+1), count)
		}
	}
	h.Counts = append(h.Counts, 0)
}
