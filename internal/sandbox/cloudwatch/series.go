package cloudwatch

import (
	"slices"
	"sort"
	"time"
	"unsafe"

	"github.com/sidelight-dev/sidelight/internal/alarm"
)

// level is one resolution at which data is kept, and for how long.
type level struct{ period, retention time.Duration }

// levels are CloudWatch's: seconds for 3 hours, minutes for 15 days, five
// minutes for 63 days, hours for 455 days. Data that outlives one is rolled up
// into the next. An array that nobody writes to.
var levels = [...]level{
	{time.Second, 3 * time.Hour},
	{time.Minute, 15 * 24 * time.Hour},
	{5 * time.Minute, 63 * 24 * time.Hour},
	{time.Hour, 455 * 24 * time.Hour},
}

// bucket is what was observed from start on, for its level's period.
type bucket struct {
	start int64 // Unix seconds
	dist  distribution
}

// series is the data of one metric in one unit: a list of buckets for each
// level, sorted by start. Empty stretches take no memory.
type series struct{ rings [len(levels)][]bucket }

// at returns the distribution of the bucket that holds t, at the finest level
// that is no finer than resolution and still keeps data of that age, or nil if
// t is older than anything kept.
func (s *series) at(t, now time.Time, resolution time.Duration) *distribution {
	for i, l := range levels {
		if l.period >= resolution && now.Sub(t) < l.retention {
			return s.bucketAt(i, t)
		}
	}
	return nil
}

func (s *series) bucketAt(i int, t time.Time) *distribution {
	start := t.Truncate(levels[i].period).Unix()
	ring := s.rings[i]
	if n := len(ring); n > 0 && ring[n-1].start == start {
		return &ring[n-1].dist
	}
	at := lowerBound(ring, start)
	if at == len(ring) || ring[at].start != start {
		s.rings[i] = slices.Insert(ring, at, bucket{start: start})
	}
	return &s.rings[i][at].dist
}

// lowerBound is the index of the first bucket at start or later.
func lowerBound(ring []bucket, start int64) int {
	return sort.Search(len(ring), func(i int) bool { return ring[i].start >= start })
}

// rollUp moves what has outlived its level into the next, forgets what has
// outlived them all, and reports whether it did anything.
func (s *series) rollUp(now time.Time) bool {
	moved := false
	for i, l := range levels {
		expired := lowerBound(s.rings[i], now.Add(-l.retention).Unix())
		if expired == 0 {
			continue
		}
		moved = true
		if i+1 < len(levels) {
			for j := range s.rings[i][:expired] {
				b := &s.rings[i][j]
				s.bucketAt(i+1, time.Unix(b.start, 0)).merge(&b.dist)
			}
		}
		s.rings[i] = slices.Clone(s.rings[i][expired:])
	}
	return moved
}

// collect adds to into what s observed from w.Start to w.End. Data kept at a
// coarser resolution than the period cannot be told apart inside it and is left
// out, as CloudWatch returns nothing for a period that is too fine for the age.
func (s *series) collect(w alarm.Window, period time.Duration, into *distribution) {
	from, to := w.Start.Unix(), w.End.Unix()
	for i, l := range levels {
		if l.period > period {
			return
		}
		ring := s.rings[i]
		for j := lowerBound(ring, from); j < len(ring) && ring[j].start < to; j++ {
			into.merge(&ring[j].dist)
		}
	}
}

// newest is the start of the newest bucket, in Unix seconds, or 0.
func (s *series) newest() int64 {
	var n int64
	for _, ring := range s.rings {
		if len(ring) > 0 {
			n = max(n, ring[len(ring)-1].start)
		}
	}
	return n
}

func (s *series) empty() bool {
	for _, ring := range s.rings {
		if len(ring) > 0 {
			return false
		}
	}
	return true
}

// bucketOverhead is what a bucket takes beside its distribution: its start, and
// its share of the spare room of a growing list.
const bucketOverhead = 16

// size is about how many bytes s takes.
func (s *series) size() int {
	n := int(unsafe.Sizeof(*s))
	for _, ring := range s.rings {
		for i := range ring {
			n += bucketOverhead + ring[i].dist.size()
		}
	}
	return n
}
