package statsd

import (
	"hash/maphash"
	"sync"

	"github.com/sidelight-dev/sidelight"
)

// members are what was seen of one set within an interval.
type members struct {
	m    sidelight.Measurement
	seen distinct
	gone bool // forgotten; ask again
}

// sets count the distinct members of sets.
type sets struct {
	most int
	seed maphash.Seed

	mu  sync.Mutex
	all map[string]*members
	key []byte
}

func newSets(most int) *sets {
	return &sets{most: most, seed: maphash.MakeSeed(), all: map[string]*members{}}
}

// add notes a member that came at now, in Unix milliseconds. It reports false if
// there are too many sets.
func (x *sets) add(s *series, member []byte, now int64) bool {
	hash := maphash.Bytes(x.seed, member)
	x.mu.Lock()
	defer x.mu.Unlock()
	set := s.members
	if set == nil || set.gone {
		if set = x.find(s); set == nil {
			return false
		}
		s.members = set
	}
	if set.m.Time == 0 {
		set.m.Time = now // what is collected belongs to the interval that it came in
	}
	set.seen.add(hash)
	return true
}

func (x *sets) find(s *series) *members {
	x.key = appendKey(x.key[:0], &s.m)
	set := x.all[string(x.key)]
	if set == nil && len(x.all) < x.most {
		set = &members{m: own(&s.m)}
		set.m.Count, set.m.Time = 0, 0
		x.all[string(x.key)] = set
	}
	return set
}

// collect records how many members each set had, and begins anew. A set that had
// none is forgotten.
func (x *sets) collect(to sidelight.Recorder) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key, set := range x.all {
		n := set.seen.count()
		if n == 0 {
			set.gone = true
			delete(x.all, key)
			continue
		}
		set.m.Value = n
		to.Record(&set.m)
		set.seen.reset()
		set.m.Time = 0
	}
}
