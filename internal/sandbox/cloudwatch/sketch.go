package cloudwatch

import (
	"iter"
	"maps"
	"math"
	"slices"
)

const (
	// sketchError is the greatest relative error of a value read back from a
	// fresh sketch: half a percent.
	sketchError = 0.005
	// sketchBins bounds a sketch's memory. At half a percent, so many bins span
	// values from 1 to 10^17 of either sign, so widening, which doubles the
	// error, is for data that does not occur outside tests.
	sketchBins = 4096
)

// sketch is a histogram whose bins grow geometrically, so that every value read
// back is within a relative error of the one put in. Any two sketches merge.
type sketch struct {
	logGamma         float64 // the logarithm of the ratio of two bin borders
	positive         map[int]float64
	negative         map[int]float64
	zero             float64
	widened, maxBins int
}

func newSketch() *sketch {
	return &sketch{
		logGamma: math.Log((1 + sketchError) / (1 - sketchError)),
		positive: make(map[int]float64),
		negative: make(map[int]float64),
		maxBins:  sketchBins,
	}
}

func (s *sketch) add(v, weight float64) {
	switch {
	case v > 0:
		s.positive[s.bin(v)] += weight
	case v < 0:
		s.negative[s.bin(-v)] += weight
	default:
		s.zero += weight
	}
	s.shrink()
}

func (s *sketch) shrink() {
	for len(s.positive)+len(s.negative) > s.maxBins {
		s.widen()
	}
}

// bin is the number of the bin of v > 0, whose borders are gamma^(bin-1)
// (exclusive) and gamma^bin.
func (s *sketch) bin(v float64) int { return int(math.Ceil(math.Log(v) / s.logGamma)) }

// widen merges neighbouring bins. The borders of the new bins are every second
// of the old ones, so nothing is placed wrongly.
func (s *sketch) widen() {
	s.logGamma *= 2
	s.widened++
	s.positive = widenBins(s.positive)
	s.negative = widenBins(s.negative)
}

func widenBins(bins map[int]float64) map[int]float64 {
	out := make(map[int]float64, len(bins)/2+1)
	for i, w := range bins {
		// Half of i, rounded up also for negative i.
		out[-(-i >> 1)] += w
	}
	return out
}

func (s *sketch) merge(o *sketch) {
	for s.widened < o.widened {
		s.widen()
	}
	if o.widened < s.widened {
		o = o.clone()
		for o.widened < s.widened {
			o.widen()
		}
	}
	for i, w := range o.positive {
		s.positive[i] += w
	}
	for i, w := range o.negative {
		s.negative[i] += w
	}
	s.zero += o.zero
	s.shrink()
}

func (s *sketch) clone() *sketch {
	c := *s
	c.positive, c.negative = maps.Clone(s.positive), maps.Clone(s.negative)
	return &c
}

// value is the point of bin i whose relative error is the same at both borders.
func (s *sketch) value(i int) float64 {
	return 2 * math.Exp(float64(i)*s.logGamma) / (math.Exp(s.logGamma) + 1)
}

// ascending yields the bins by value.
func (s *sketch) ascending() iter.Seq[weighted] {
	return func(yield func(weighted) bool) {
		for _, i := range slices.Backward(slices.Sorted(maps.Keys(s.negative))) {
			if !yield(weighted{-s.value(i), s.negative[i]}) {
				return
			}
		}
		if s.zero > 0 && !yield(weighted{0, s.zero}) {
			return
		}
		for _, i := range slices.Sorted(maps.Keys(s.positive)) {
			if !yield(weighted{s.value(i), s.positive[i]}) {
				return
			}
		}
	}
}

// size is about how many bytes s takes: a map entry of 16 bytes costs about 40.
func (s *sketch) size() int { return 96 + 40*(len(s.positive)+len(s.negative)) }
