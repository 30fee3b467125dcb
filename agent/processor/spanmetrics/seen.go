package spanmetrics

import (
	"hash/maphash"

	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

// The window of what was counted lately has seenSets sets of seenWays marks,
// 1 MiB in all: the last 131,072 requests and calls, which is a second at 60,000
// segments a second with a call each, and minutes at usual rates.
const (
	seenSets = 1 << 14
	seenWays = 8
)

// seen tells what was counted lately. A set forgets its oldest mark for a new
// one, so that what is forgotten is counted again and never the other way round.
type seen struct {
	seed maphash.Seed
	sets [][seenWays]uint64
}

// again reports whether f, which a document gave, is in the window, and puts it
// there. AWS's SDK for Go 1.8.5 can send a segment twice, with every subsegment
// in it twice, and subsegments on their own whose parent holds them too. What
// has no valid trace ID or no ID cannot be told from others.
func (s *seen) again(f *spanfact.Fact) bool {
	if f.TraceID == nil || len(f.ID) != 16 {
		return false
	}
	if s.sets == nil {
		s.seed, s.sets = maphash.MakeSeed(), make([][seenWays]uint64, seenSets)
	}
	var key [33]byte
	copy(key[:16], f.TraceID)
	copy(key[16:32], f.ID)
	key[32] = byte(f.Role)
	// Zero is an empty place.
	mark := maphash.Bytes(s.seed, key[:]) | 1<<63
	set := &s.sets[mark%seenSets]
	for _, old := range set {
		if old == mark {
			return true
		}
	}
	copy(set[1:], set[:])
	set[0] = mark
	return false
}
