package insights

import (
	"math"
	"strconv"
)

// The time series functions of stats (user guide, "Time-series functions"). By
// bin they count and sum what a bin has; rate is how much a value grew from the
// earliest to the latest row of a group, for each interval of the time between.

// buildRate compiles rate(f, interval).
func buildRate(c *compiler, n *node) (expr, func() accumulator, error) {
	per, err := c.asPeriod(n.args[1])
	if err == nil && per.months > 0 {
		err = c.errorAt(n.args[1].start, n.args[1].end, "expected an interval of a fixed length, such as 1m or 7d")
	}
	if err != nil {
		return nil, nil, err
	}
	x, err := c.expr(n.args[0])
	return x, func() accumulator { return &rate{per: float64(per.ms)} }, err
}

// rate keeps the first and the last number of a group, by @timestamp.
type rate struct {
	per         float64 // milliseconds
	first, last timed
}

func (r *rate) add(e *env, v value) {
	if _, ok := v.number(); ok {
		r.offer(timed{sign: 1, found: true, at: e.row.Time, seq: e.seq, value: v})
	}
}

func (r *rate) offer(o timed) {
	r.first.sign, r.last.sign = -1, 1
	r.first.offer(o)
	r.last.offer(o)
}

func (r *rate) merge(other accumulator) {
	if o := other.(*rate); o.first.found {
		r.offer(o.first)
		r.offer(o.last)
	}
}

// result is missing where no time lies between the rows.
func (r *rate) result(*env) value {
	if r.first.at == r.last.at {
		return value{}
	}
	from, _ := r.first.value.number()
	to, _ := r.last.value.number()
	return numberValue((to - from) / float64(r.last.at-r.first.at) * r.per)
}

// maxBuckets bounds histogram.
const maxBuckets = 1000

// buildHistogram compiles histogram(f, buckets).
func buildHistogram(c *compiler, n *node) (expr, func() accumulator, error) {
	b := n.args[1]
	if b.op != opNumber || b.num != math.Trunc(b.num) || b.num < 1 || b.num > maxBuckets {
		return nil, nil, c.errorAt(b.start, b.end, "expected a number of buckets from 1 to %d", maxBuckets)
	}
	x, err := c.expr(n.args[0])
	return x, func() accumulator { return &histogram{buckets: int(b.num)} }, err
}

// histogram keeps every number, as the ranges depend on all of them.
type histogram struct {
	buckets int
	quantile
}

func (h *histogram) merge(other accumulator) { h.quantile.merge(&other.(*histogram).quantile) }

// result is a map of ranges of the same width, from the least to the greatest
// number, to how many numbers lie in each: {"0-5":3,"5-10":1}. A number between
// two ranges counts in the upper one.
func (h *histogram) result(*env) value {
	if len(h.values) == 0 {
		return value{}
	}
	low, high := h.values[0], h.values[0]
	for _, v := range h.values {
		low, high = min(low, v), max(high, v)
	}
	n := h.buckets
	width := (high - low) / float64(n)
	if width == 0 || math.IsInf(width, 0) {
		n = 1
	}
	counts := make([]int, n)
	for _, v := range h.values {
		i := 0
		if n > 1 {
			i = min(int((v-low)/width), n-1)
		}
		counts[i]++
	}
	doc := []byte{'{'}
	for i, count := range counts {
		from, to := low+float64(i)*width, low+float64(i+1)*width
		if i == n-1 {
			to = high
		}
		if i > 0 {
			doc = append(doc, ',')
		}
		doc = appendNumber(append(doc, '"'), from)
		doc = appendNumber(append(doc, '-'), to)
		doc = strconv.AppendInt(append(doc, '"', ':'), int64(count), 10)
	}
	return value{kind: structure, b: append(doc, '}')}
}
