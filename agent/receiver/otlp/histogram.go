package otlp

import (
	"math"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// distribution records a histogram as the middles of its buckets with their
// counts, within the least and the greatest value where those are known.
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
	if metric.Kind == otlpwire.Exponential {
		return v.exponential()
	}
	return v.explicit()
}

func hasBuckets(p *otlpwire.Point) bool {
	return len(p.Bounds) > 0 || p.ZeroCount > 0 || len(p.Positive.Counts) > 0 || len(p.Negative.Counts) > 0
}

// within returns x, moved to the nearest value that can have been seen.
func within(p *otlpwire.Point, x float64) float64 {
	if p.HasMin {
		x = max(x, p.Min)
	}
	if p.HasMax {
		x = min(x, p.Max)
	}
	return x
}

func (v *conversion) explicit() error {
	p := &v.in.Point
	for i, n := range p.Counts {
		if n == 0 {
			continue
		}
		if err := v.emit(sidelight.Sample, middle(p, i), float64(n)); err != nil {
			return err
		}
	}
	return nil
}

// middle returns the value that stands for bucket i. The first and the last
// bucket are open: they end at the least and the greatest value, or else at zero
// and at their one bound.
func middle(p *otlpwire.Point, i int) float64 {
	last := len(p.Bounds) - 1
	switch {
	case len(p.Bounds) == 0:
		return within(p, 0)
	case i == 0:
		low := min(0, p.Bounds[0])
		if p.HasMin {
			low = min(p.Min, p.Bounds[0])
		}
		return within(p, low+(p.Bounds[0]-low)/2)
	case i > last:
		high := p.Bounds[last]
		if p.HasMax {
			high = max(p.Max, high)
		}
		return within(p, p.Bounds[last]+(high-p.Bounds[last])/2)
	}
	return within(p, p.Bounds[i-1]+(p.Bounds[i]-p.Bounds[i-1])/2)
}

func (v *conversion) exponential() error {
	p := &v.in.Point
	if p.ZeroCount > 0 {
		if err := v.emit(sidelight.Sample, within(p, 0), float64(p.ZeroCount)); err != nil {
			return err
		}
	}
	if err := v.side(p.Positive, 1); err != nil {
		return err
	}
	return v.side(p.Negative, -1)
}

// side records the buckets on one side of zero.
func (v *conversion) side(b otlpwire.Buckets, sign float64) error {
	p := &v.in.Point
	for i, n := range b.Counts {
		if n == 0 {
			continue
		}
		at := float64(b.Offset) + float64(i)
		step := math.Exp2(-float64(p.Scale)) // base is 2^step
		low, high := math.Exp2(at*step), math.Exp2((at+1)*step)
		if err := v.emit(sidelight.Sample, within(p, sign*(low+(high-low)/2)), float64(n)); err != nil {
			return err
		}
	}
	return nil
}
