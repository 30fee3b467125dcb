package scraper

import (
	"hash/maphash"

	"github.com/sidelight-dev/sidelight"
)

// DefaultMax is how many things of a kind are measured, unless Things.Max says so:
// far more than there are, and few enough for their memory to be bounded.
const DefaultMax = 10_000

// Things are those of one kind that come and go, such as disks.
type Things struct {
	// Max bounds how many are measured; zero means DefaultMax. More are left out
	// and counted.
	Max int

	kind    string
	numbers int
	list    []*Thing
	byKey   map[string]*Thing
	next    int
	over    Over
}

// NewThings returns an empty set of things of n numbers each. kind is what they
// are, in the plural, such as "disks".
func NewThings(kind string, n int) *Things {
	return &Things{kind: kind, numbers: n, byKey: map[string]*Thing{}}
}

// Find returns the thing that is known by key, a new one with the ID key if
// there is none, and nil if there are too many. It looks first behind the last
// one found: they mostly come in the same order.
func (s *Things) Find(key []byte) *Thing {
	if s.next < len(s.list) && s.list[s.next].key == string(key) {
		return s.found(s.list[s.next])
	}
	if t := s.byKey[string(key)]; t != nil {
		return s.found(t)
	}
	if len(s.list) >= s.most() {
		s.over.Add(key)
		return nil
	}
	t := NewThing(s.numbers, string(key))
	t.key, t.at = t.IDs[0], len(s.list)
	s.list = append(s.list, t)
	s.byKey[t.key] = t
	return s.found(t)
}

func (s *Things) found(t *Thing) *Thing {
	s.next, t.seen = t.at+1, true
	return t
}

func (s *Things) most() int {
	if s.Max > 0 {
		return s.Max
	}
	return DefaultMax
}

// Seen calls yield with those that were found since the last Sweep.
func (s *Things) Seen(yield func(*Thing) bool) {
	for _, t := range s.list {
		if t.seen && !yield(t) {
			return
		}
	}
}

// Len returns how many there are.
func (s *Things) Len() int { return len(s.list) }

// Write records by table all that were found since the last Sweep.
func (s *Things) Write(w *Writer, to sidelight.Recorder, table *Table, seconds float64) {
	for _, t := range s.list {
		if t.seen {
			w.Write(to, table, t, seconds)
		}
	}
}

// Sweep ends a scrape: it keeps what was found and forgets the rest.
func (s *Things) Sweep() {
	n := 0
	for _, t := range s.list {
		if !t.seen {
			delete(s.byKey, t.key)
			continue
		}
		t.Keep()
		t.seen, t.at = false, n
		s.list[n] = t
		n++
	}
	clear(s.list[n:])
	s.list, s.next = s.list[:n], 0
	s.over.End()
}

// Excess tells of the last scrape.
func (s *Things) Excess() Excess { return Excess{Kind: s.kind, Count: s.over.Count(), Bound: s.most()} }

// Excess are things that a scrape found and did not measure, since there were too
// many.
type Excess struct {
	// Kind is what they are, in the plural, such as "disks".
	Kind string
	// Count is how many were left out, and Bound how many are measured at most.
	Count, Bound int
}

// Bounded is a Scraper that measures only so many things of a kind. Excess is
// called after Scrape, from the same goroutine; a Count of zero says nothing.
type Bounded interface {
	Excess() []Excess
}

// maxOver bounds the things that Over tells apart.
const maxOver = 1 << 16

// Over counts the distinct things that a scrape left out, up to 65,536 exactly
// but for a collision of 64 bits. The zero Over is empty and takes no memory.
type Over struct {
	seed  maphash.Seed
	keys  map[uint64]struct{}
	count int
}

// Add counts the thing called key, unless it was counted since the last End.
func (o *Over) Add(key []byte) {
	if o.keys == nil {
		o.seed, o.keys = maphash.MakeSeed(), map[uint64]struct{}{}
	}
	if len(o.keys) < maxOver {
		o.keys[maphash.Bytes(o.seed, key)] = struct{}{}
	}
}

// End ends a scrape.
func (o *Over) End() {
	if o.count = len(o.keys); o.count == 0 {
		o.keys = nil
	}
	clear(o.keys)
}

// Count returns how many there were in the last scrape.
func (o *Over) Count() int { return o.count }
