package tail

import (
	"maps"

	"github.com/sidelight-dev/sidelight"
)

// decisions remembers what became of traces. It holds the last size of them, at
// most twice as many; one that is asked for counts as new.
type decisions struct {
	size       int
	young, old map[[16]byte]decision
}

// decision is a set of bits, zero for none.
type decision uint8

const (
	made decision = 1 << iota
	kept
	// noted: the sender decided.
	noted
)

func (d *decisions) put(id [16]byte, keep, bySender bool) {
	v := made
	if keep {
		v |= kept
	}
	if bySender {
		v |= noted
	}
	d.set(id, v)
}

func (d *decisions) set(id [16]byte, v decision) {
	if d.young == nil || len(d.young) >= d.size {
		d.old, d.young = d.young, map[[16]byte]decision{}
	}
	d.young[id] = v
}

func (d *decisions) get(id [16]byte) decision {
	if v := d.young[id]; v != 0 {
		return v
	}
	v := d.old[id]
	if v != 0 {
		d.set(id, v)
	}
	return v
}

// Stats returns a copy of the counters.
func (s *Sampler) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Kept, st.LeftOut, st.Early = maps.Clone(st.Kept), maps.Clone(st.LeftOut), maps.Clone(st.Early)
	return st
}

// Encoder writes documents one behind the other. It is for blocks that are read
// by a Sampler; the ends of documents are those that blocks remember.
type Encoder struct{}

var _ sidelight.Encoder = Encoder{}

// maxDocument is what X-Ray takes.
const maxDocument = 64 << 10

// Limits keeps blocks small, as a block is held until the last of its traces is
// decided.
func (Encoder) Limits() sidelight.Limits {
	return sidelight.Limits{Events: 1024, Weight: maxDocument, Wire: 256 << 10}
}

// Weigh is the document's length if it is too long for X-Ray, else nothing.
func (Encoder) Weigh(e *sidelight.Event) int {
	if len(e.Body) > maxDocument {
		return len(e.Body)
	}
	return 0
}

// Begin writes nothing.
func (Encoder) Begin(dst []byte, _ sidelight.Dest) []byte { return dst }

// Append copies the document.
func (Encoder) Append(dst []byte, e *sidelight.Event) []byte { return append(dst, e.Body...) }

// End writes nothing.
func (Encoder) End(dst []byte) []byte { return dst }
