// Package bucket makes values of the buckets of a histogram.
package bucket

// Histogram is how many values fell into each bucket. Bucket i goes from
// Bounds[i-1] to Bounds[i]; the first and the last are open.
type Histogram struct {
	// Bounds ascend. Counts has one more.
	Bounds, Counts []float64
	// Sum is that of the values, if HasSum.
	Sum    float64
	HasSum bool
	// Min and Max are the least and the greatest value, if known.
	Min, Max       float64
	HasMin, HasMax bool
}

// Values calls emit with one value for each bucket that is not empty, and how
// often it occurred. All values lie equally far inside their buckets: so far that
// their sum is right, if that can be, or else in the middle. An open bucket ends
// at the least or the greatest value if that is known. Otherwise the first begins
// at zero, or at its bound if that is negative, and the last stands for whatever
// the sum leaves it, or for its bound. Without bounds there is the mean. It stops
// if emit returns false.
func (h *Histogram) Values(emit func(value, count float64) bool) {
	at := h.part()
	last := len(h.Counts) - 1
	for i, n := range h.Counts {
		if n <= 0 {
			continue
		}
		low, high := h.edges(i)
		v := low + at.part*(high-low)
		if i == last && at.beyond {
			v = at.last
		}
		if !emit(min(max(v, low), max(high, v)), n) {
			return
		}
	}
}

// place is where values lie in their buckets.
type place struct {
	part   float64 // of the way from the lower to the upper bound
	last   float64 // the value of the last bucket, if beyond
	beyond bool
}

// edges returns where bucket i begins and ends.
func (h *Histogram) edges(i int) (low, high float64) {
	switch last := len(h.Bounds) - 1; {
	case last < 0:
		switch {
		case h.HasSum:
			low = h.Sum / h.Counts[0]
			return low, low
		case h.HasMin && h.HasMax:
			return h.Min, h.Max
		}
		return 0, 0
	case i == 0:
		low, high = min(0, h.Bounds[0]), h.Bounds[0]
	case i > last:
		low, high = h.Bounds[last], h.Bounds[last]
		if h.HasMax {
			high = max(low, h.Max)
		}
	default:
		low, high = h.Bounds[i-1], h.Bounds[i]
	}
	if h.HasMin && i == 0 {
		low = min(h.Min, high)
	}
	if h.HasMin && h.Min > low {
		low = min(h.Min, high)
	}
	if h.HasMax && h.Max < high {
		high = max(h.Max, low)
	}
	return low, high
}

// part finds out where the values must lie for their sum to be right.
func (h *Histogram) part() place {
	middle := place{part: 0.5}
	if !h.HasSum {
		return middle
	}
	last := len(h.Counts) - 1
	open := last >= 0 && h.Counts[last] > 0 && len(h.Bounds) > 0 && !h.HasMax
	var low, width float64 // of all values together, but those of an open last bucket
	for i, n := range h.Counts {
		if n <= 0 || open && i == last {
			continue
		}
		from, to := h.edges(i)
		low += n * from
		width += n * (to - from)
	}
	rest := h.Sum
	if open {
		n, bound := h.Counts[last], h.Bounds[len(h.Bounds)-1]
		if v := (h.Sum - low - width/2) / n; v >= bound {
			return place{part: 0.5, last: v, beyond: true}
		}
		rest -= n * bound
	}
	if part := (rest - low) / width; width > 0 && part >= 0 && part <= 1 {
		return place{part: part}
	}
	return middle
}
