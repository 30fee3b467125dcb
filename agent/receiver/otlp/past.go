package otlp

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// forgetAfter is how long a series is remembered that no longer comes.
const forgetAfter = uint64(15 * time.Minute)

// past remembers the last points of cumulative series, a bounded number of
// them.
type past struct {
	seed   maphash.Seed
	max    int
	series map[uint64]*last // by hash of identity
	newest uint64           // the latest time of any point
	swept  uint64           // newest at the last sweep
}

// last is the last point of a series.
type last struct {
	start, time        uint64
	value              float64
	count, zero        uint64
	sum                float64
	scale              int32
	counts             []uint64
	bounds             []float64
	positive, negative otlpwire.Buckets
}

func newPast(limit int) past {
	return past{seed: maphash.MakeSeed(), max: limit, series: map[uint64]*last{}}
}

// find returns what is remembered of a series, and whether it is new.
func (h *past) find(identity []byte, at uint64) (l *last, isNew bool, err error) {
	h.newest = max(h.newest, at)
	key := maphash.Bytes(h.seed, identity)
	if l = h.series[key]; l != nil {
		return l, false, nil
	}
	if len(h.series) >= h.max {
		h.sweep()
	}
	if len(h.series) >= h.max {
		return nil, false, errTooMany
	}
	l = &last{}
	h.series[key] = l
	return l, true, nil
}

// sweep forgets series that have not come for long, at most once a minute.
func (h *past) sweep() {
	if h.newest < h.swept+uint64(time.Minute) {
		return
	}
	h.swept = h.newest
	for key, l := range h.series {
		if l.time+forgetAfter < h.newest {
			delete(h.series, key)
		}
	}
}

// relation is how a point stands to the one before.
type relation uint8

const (
	follows relation = iota // its increase is the difference
	fresh                   // it began after we did: its increase is its value
	unclear                 // it began before we did: its increase is not known
	stale                   // it is not newer than the one before
)

func (l *last) relate(p *otlpwire.Point, isNew bool, since uint64) relation {
	switch {
	case isNew && p.Start >= since && p.Start > 0:
		return fresh
	case isNew:
		return unclear
	case p.Time <= l.time:
		return stale
	case p.Start > l.start && p.Start >= l.time:
		return fresh // the sender began again
	}
	return follows
}

// advance returns the increase of a cumulative sum since the point before, and
// whether it is known.
func (h *past) advance(identity []byte, p *otlpwire.Point, since uint64) (delta float64, known bool, err error) {
	l, isNew, err := h.find(identity, p.Time)
	if err != nil {
		return 0, false, err
	}
	rel := l.relate(p, isNew, since)
	if rel == stale {
		return 0, false, nil
	}
	delta = p.Value
	if rel == follows && p.Value >= l.value {
		delta = p.Value - l.value
	}
	l.start, l.time, l.value = p.Start, p.Time, p.Value
	return delta, rel != unclear, nil
}

// advanceDistribution makes of p, a cumulative histogram, the one of what came
// since the point before, and reports whether that is known.
func (h *past) advanceDistribution(identity []byte, p *otlpwire.Point, since uint64) (known bool, err error) {
	l, isNew, err := h.find(identity, p.Time)
	if err != nil {
		return false, err
	}
	rel := l.relate(p, isNew, since)
	if rel == stale {
		return false, nil
	}
	before := *l
	l.remember(p)
	if rel == follows {
		subtract(p, &before)
	}
	return rel != unclear, nil
}

func (l *last) remember(p *otlpwire.Point) {
	*l = last{
		start: p.Start, time: p.Time, count: p.Count, zero: p.ZeroCount, sum: p.Sum, scale: p.Scale,
		counts: slices.Clone(p.Counts), bounds: slices.Clone(p.Bounds),
		positive: otlpwire.Buckets{Offset: p.Positive.Offset, Counts: slices.Clone(p.Positive.Counts)},
		negative: otlpwire.Buckets{Offset: p.Negative.Offset, Counts: slices.Clone(p.Negative.Counts)},
	}
}

// subtract takes what was counted before off p. If p counts less anywhere, or
// by other bounds, the sender began again and p stays whole.
func subtract(p *otlpwire.Point, before *last) {
	if p.Count < before.count || p.ZeroCount < before.zero || p.Scale > before.scale {
		return
	}
	if !slices.Equal(p.Bounds, before.bounds) || len(p.Counts) != len(before.counts) {
		return
	}
	shift := min(before.scale-p.Scale, 63)
	if !holds(p.Positive, before.positive, shift) || !holds(p.Negative, before.negative, shift) || !atLeast(p.Counts, before.counts) {
		return
	}
	for i, n := range before.counts {
		p.Counts[i] -= n
	}
	take(&p.Positive, before.positive, shift)
	take(&p.Negative, before.negative, shift)
	p.Count -= before.count
	p.ZeroCount -= before.zero
	p.Sum -= before.sum
}

func atLeast(a, b []uint64) bool {
	for i := range a {
		if a[i] < b[i] {
			return false
		}
	}
	return true
}

// holds reports whether b has a bucket, with at least its count, for every
// bucket of old, whose scale was greater by shift.
func holds(b, old otlpwire.Buckets, shift int32) bool {
	trial := otlpwire.Buckets{Offset: b.Offset, Counts: slices.Clone(b.Counts)}
	return take(&trial, old, shift)
}

// take takes the counts of old off b and reports whether they were all there.
func take(b *otlpwire.Buckets, old otlpwire.Buckets, shift int32) bool {
	for i, n := range old.Counts {
		if n == 0 {
			continue
		}
		at := (int64(old.Offset)+int64(i))>>shift - int64(b.Offset)
		if at < 0 || at >= int64(len(b.Counts)) || b.Counts[at] < n {
			return false
		}
		b.Counts[at] -= n
	}
	return true
}
