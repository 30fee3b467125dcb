package spanmetrics

import (
	"hash/maphash"

	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

// The window of what was counted lately has seenSets sets of seenWays marks,
// 512 KiB in all: the last 131,072 requests and calls, which is a second at 60,000
// segments a second with a call each, and minutes at usual rates. A set is a line
// of the processor's cache, and all of them fit into its second level: at such
// rates most of what a look costs is to wait for memory.
const (
	seenSets = 1 << 13
	seenWays = 16
)

// seen tells what was counted lately. A set forgets its oldest mark for a new
// one, so that what is forgotten is counted again. The other way round, a mark of
// 32 bits takes one request in 270 million for another, which is then not counted.
type seen struct {
	seed maphash.Seed
	sets [][seenWays]uint32
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
		s.seed, s.sets = maphash.MakeSeed(), make([][seenWays]uint32, seenSets)
	}
	var key [33]byte
	copy(key[:16], f.TraceID)
	copy(key[16:32], f.ID)
	key[32] = byte(f.Role)
	hash := maphash.Bytes(s.seed, key[:])
	set, mark := &s.sets[hash%seenSets], max(1, uint32(hash>>32)) // zero is an empty place
	for _, old := range set {
		if old == mark {
			return true
		}
	}
	copy(set[1:], set[:])
	set[0] = mark
	return false
}
