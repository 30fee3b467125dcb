package cloudwatch

import (
	"cmp"
	"iter"
	"slices"
	"unsafe"
)

// maxExact is how many distinct values a distribution keeps exactly; it is also
// the most that one datum of PutMetricData can carry. Beyond it the values go
// into a sketch.
const maxExact = 150

// weighted is a value and how often it was seen.
type weighted struct{ value, weight float64 }

// distribution is what was observed in one bucket of time. Its zero value is
// empty. Count, sum, minimum and maximum are always exact.
type distribution struct {
	count, sum, min, max float64
	// values are sorted; nil once sketch holds them.
	values []weighted
	sketch *sketch
}

// add observes v, weight times.
func (d *distribution) add(v, weight float64) {
	if weight <= 0 {
		return
	}
	d.widen(weight, v*weight, v, v)
	d.place(v, weight)
}

// addSet observes a statistic set, whose raw values are not known. It can feed
// percentiles only if all its samples are equal: AWS's rule is that SampleCount
// is 1 with Minimum = Maximum = Sum, or Minimum = Maximum with Sum = Minimum
// times SampleCount, and the second covers the first.
func (d *distribution) addSet(count, sum, least, most float64) {
	if count <= 0 {
		return
	}
	d.widen(count, sum, least, most)
	if least == most && sum == least*count {
		d.place(least, count)
	}
}

func (d *distribution) widen(count, sum, least, most float64) {
	if d.count == 0 {
		d.min, d.max = least, most
	}
	d.count += count
	d.sum += sum
	d.min, d.max = min(d.min, least), max(d.max, most)
}

// place puts v where percentiles will find it.
func (d *distribution) place(v, weight float64) {
	if d.sketch != nil {
		d.sketch.add(v, weight)
		return
	}
	i, found := slices.BinarySearchFunc(d.values, v, func(w weighted, v float64) int { return cmp.Compare(w.value, v) })
	if found {
		d.values[i].weight += weight
		return
	}
	if len(d.values) == maxExact {
		d.toSketch()
		d.sketch.add(v, weight)
		return
	}
	d.values = slices.Insert(d.values, i, weighted{v, weight})
}

// grow makes room for n more distinct values, as far as they stay exact.
func (d *distribution) grow(n int) {
	if d.sketch == nil {
		d.values = slices.Grow(d.values, min(n, maxExact-len(d.values)))
	}
}

func (d *distribution) toSketch() {
	d.sketch = newSketch()
	for _, w := range d.values {
		d.sketch.add(w.value, w.weight)
	}
	d.values = nil
}

// merge adds what o observed to d and leaves o alone.
func (d *distribution) merge(o *distribution) {
	if o.count == 0 {
		return
	}
	d.widen(o.count, o.sum, o.min, o.max)
	if o.sketch == nil {
		for _, w := range o.values {
			d.place(w.value, w.weight)
		}
		return
	}
	if d.sketch == nil {
		d.toSketch()
	}
	d.sketch.merge(o.sketch)
}

// ascending yields the values in order; from a sketch they are approximate, but
// never outside the observed range.
func (d *distribution) ascending() iter.Seq[weighted] {
	return func(yield func(weighted) bool) {
		if d.sketch == nil {
			for _, w := range d.values {
				if !yield(w) {
					return
				}
			}
			return
		}
		for w := range d.sketch.ascending() {
			w.value = min(max(w.value, d.min), d.max)
			if !yield(w) {
				return
			}
		}
	}
}

// known is the weight of the samples whose values are known.
func (d *distribution) known() float64 {
	var n float64
	for w := range d.ascending() {
		n += w.weight
	}
	return n
}

// size is about how many bytes d takes.
func (d *distribution) size() int {
	n := int(unsafe.Sizeof(*d)) + cap(d.values)*int(unsafe.Sizeof(weighted{}))
	if d.sketch != nil {
		n += d.sketch.size()
	}
	return n
}
