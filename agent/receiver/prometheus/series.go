package prometheus

import (
	"math"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/bucket"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// series is what is known of the text before a value.
type series struct {
	seen   uint64 // number of the scrape
	kind   kind   // of the family when this was found out
	role   role
	m      sidelight.Measurement
	factor float64

	before float64 // of a counter
	known  bool    // before is set

	of *distribution // of a part of a histogram
	le float64       // which bucket
}

// distribution is a histogram.
type distribution struct {
	seen    uint64
	m       sidelight.Measurement
	factor  float64
	buckets []bucketState
	sum     state
	count   state
}

type bucketState struct {
	le float64
	state
}

// state is a cumulative number, now and at the scrape before.
type state struct {
	now, before float64
	seen        uint64 // number of the scrape that now is of
	known       bool   // before is set
}

func (s *state) set(v float64, scrape uint64) { s.now, s.seen = v, scrape }

// settle makes now before.
func (s *state) settle() { s.before, s.known = s.now, true }

// finish records what d grew by, and makes its numbers those of the scrape
// before. Buckets that come or go make it begin anew. fromZero says that what was
// not there in the scrape before was zero. h is memory that is used again.
func (d *distribution) finish(scrape uint64, fromZero bool, to sidelight.Recorder, h *bucket.Histogram) {
	d.buckets = slices.DeleteFunc(d.buckets, func(b bucketState) bool { return b.seen != scrape })
	if !slices.IsSortedFunc(d.buckets, byBound) {
		order.By(d.buckets, byBound)
	}
	fresh, old, fell := 0, 0, false
	for i := range d.buckets {
		b := &d.buckets[i]
		if !b.known {
			fresh++
		} else {
			old++
			fell = fell || b.now < b.before
		}
	}
	if len(d.buckets) == 0 { // the count alone
		if d.count.known {
			old, fell = 1, d.count.now < d.count.before
		} else {
			fresh = 1
		}
	}
	// All are new, of a target that was there before; or all are known.
	if old == 0 && fromZero || fresh == 0 {
		d.record(fell, to, h)
	}
	for i := range d.buckets {
		d.buckets[i].settle()
	}
	d.sum.settle()
	d.count.settle()
}

func byBound(a, b bucketState) int {
	switch {
	case a.le < b.le:
		return -1
	case a.le > b.le:
		return 1
	}
	return 0
}

// record records the difference to the scrape before, or the whole if the
// counting began anew in between.
func (d *distribution) record(fell bool, to sidelight.Recorder, h *bucket.Histogram) {
	*h = bucket.Histogram{Counts: h.Counts[:0], Bounds: h.Bounds[:0], HasSum: d.sum.seen > 0}
	lower := 0.0
	for i := range d.buckets {
		b := &d.buckets[i]
		n := b.now
		if !fell {
			n -= b.before
		}
		h.Counts = append(h.Counts, max(0, n-lower))
		lower = max(lower, n)
		if !math.IsInf(b.le, 1) {
			h.Bounds = append(h.Bounds, b.le)
		}
	}
	if len(h.Counts) == len(h.Bounds) { // without a last bucket, which is a mistake
		n := d.count.now
		if !fell {
			n -= d.count.before
		}
		h.Counts = append(h.Counts, max(0, n-lower))
	}
	h.Sum = d.sum.now
	if !fell {
		h.Sum -= d.sum.before
	}
	h.HasSum = h.HasSum && !math.IsNaN(h.Sum) && !math.IsInf(h.Sum, 0)
	h.Values(func(v, n float64) bool {
		d.m.Value, d.m.Count = v*d.factor, n
		to.Record(&d.m)
		return true
	})
}

// bucket returns the bucket up to le.
func (d *distribution) bucket(le float64) *bucketState {
	for i := range d.buckets {
		if d.buckets[i].le == le {
			return &d.buckets[i]
		}
	}
	d.buckets = append(d.buckets, bucketState{le: le})
	return &d.buckets[len(d.buckets)-1]
}

// describe returns the JSON document that keep and drop are asked about.
func describe(name string, labels, target []sidelight.Dimension) []byte {
	b := append([]byte(`{"name":`), wire.AppendString(nil, []byte(name))...)
	for _, d := range target {
		b = append(wire.AppendString(append(b, ','), []byte(d.Name)), ':')
		b = wire.AppendString(b, []byte(d.Value))
	}
	b = append(b, `,"labels":{`...)
	for i, d := range labels {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(wire.AppendString(b, []byte(d.Name)), ':')
		b = wire.AppendString(b, []byte(d.Value))
	}
	return append(b, "}}"...)
}

// dimensions merges a series' labels with its target's and keeps those that are
// wanted; none named means all. A label that the target has too gets the prefix
// exported_. A quantile always stays.
func dimensions(labels, target []sidelight.Dimension, wanted []string) []sidelight.Dimension {
	var out []sidelight.Dimension
	for _, d := range labels {
		if slices.ContainsFunc(target, func(t sidelight.Dimension) bool { return t.Name == d.Name }) {
			d.Name = "exported_" + d.Name
		}
		if len(wanted) == 0 || d.Name == "quantile" || slices.Contains(wanted, d.Name) {
			out = append(out, d)
		}
	}
	for _, d := range target {
		if len(wanted) == 0 || slices.Contains(wanted, d.Name) {
			out = append(out, d)
		}
	}
	order.By(out, func(a, b sidelight.Dimension) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(out, func(a, b sidelight.Dimension) bool { return a.Name == b.Name })
}

// without returns labels but the one called name, and its value.
func without(labels []sidelight.Dimension, name string) ([]sidelight.Dimension, string) {
	value := ""
	return slices.DeleteFunc(slices.Clone(labels), func(d sidelight.Dimension) bool {
		if d.Name == name {
			value = d.Value
		}
		return d.Name == name
	}), value
}
