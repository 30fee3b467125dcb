// Package dist keeps a distribution in the form that PutMetricData takes: values
// and how often each occurred.
package dist

import (
	"cmp"
	"math"
	"slices"
)

// MaxValues is how many distinct values PutMetricData takes in one datum.
const MaxValues = 150

// Dist is what was observed of one series in one interval: values and how often
// each occurred, exactly as long as no more than MaxValues differ. Beyond that
// values are rounded to powers of a growth factor, which bounds the relative
// error: 1 % for a spread of 20:1 between the least and the greatest value, 2 %
// for 400:1, doubling with each squaring. Count is always exact. The zero Dist is empty.
type Dist struct {
	values []weighted // sorted by value
	growth float64    // zero: exact
}

type weighted struct{ value, count float64 }

// firstGrowth is the growth factor of an error of 1 %.
const firstGrowth = 1.02

// Reset empties d and keeps its memory.
func (d *Dist) Reset() { d.values, d.growth = d.values[:0], 0 }

// Len is how many values differ.
func (d *Dist) Len() int { return len(d.values) }

// At returns value i, counted from 0 in ascending order, and how often it
// occurred.
func (d *Dist) At(i int) (value, count float64) { return d.values[i].value, d.values[i].count }

// Add notes that v was observed n times.
func (d *Dist) Add(v, n float64) {
	if d.growth > 0 {
		v = round(v, d.growth)
	}
	at, found := slices.BinarySearchFunc(d.values, v, func(w weighted, v float64) int { return cmp.Compare(w.value, v) })
	if found {
		d.values[at].count += n
		return
	}
	d.values = slices.Insert(d.values, at, weighted{v, n})
	for len(d.values) > MaxValues {
		d.coarsen()
	}
}

// coarsen rounds every value, more than before if it was rounded already.
func (d *Dist) coarsen() {
	if d.growth == 0 {
		d.growth = firstGrowth
	} else {
		d.growth *= d.growth
	}
	out := d.values[:0]
	for _, w := range d.values {
		v := round(w.value, d.growth)
		if n := len(out); n > 0 && out[n-1].value == v {
			out[n-1].count += w.count
			continue
		}
		out = append(out, weighted{v, w.count})
	}
	d.values = out
}

// round returns the middle of the bucket (growth^(i-1), growth^i] that v is in,
// mirrored for negative values. The middle is off by at most half the growth.
func round(v, growth float64) float64 {
	if v == 0 {
		return 0
	}
	i := math.Ceil(math.Log(math.Abs(v)) / math.Log(growth))
	return math.Copysign(2*math.Pow(growth, i)/(growth+1), v)
}
