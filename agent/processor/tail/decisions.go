package tail

import (
	"maps"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/bothforms"
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

const (
	// maxDocument is what X-Ray takes.
	maxDocument = 64 << 10
	// maxEvent is more than the document and the entry of the longest span that
	// AWS's endpoint for OTLP takes.
	maxEvent = 512 << 10
	// BlockTarget is when a block is full: blocks are small, as one is held until
	// the last of its traces is decided.
	BlockTarget = 256 << 10
)

// Limits bounds blocks. Packers fill them to BlockTarget.
func (Encoder) Limits() sidelight.Limits {
	return sidelight.Limits{Events: 1024, Weight: maxDocument, Wire: maxEvent}
}

// Weigh is the length of a document alone if it is too long for X-Ray, else
// nothing: what is too long of a span in both forms is for each way to tell.
func (Encoder) Weigh(e *sidelight.Event) int {
	if len(e.Body) <= maxDocument {
		return 0
	}
	if _, entry := bothforms.Split(e.Body); entry != nil {
		return 0
	}
	return len(e.Body)
}

// Begin writes nothing.
func (Encoder) Begin(dst []byte, _ sidelight.Dest) []byte { return dst }

// Append copies the document.
func (Encoder) Append(dst []byte, e *sidelight.Event) []byte { return append(dst, e.Body...) }

// End writes nothing.
func (Encoder) End(dst []byte) []byte { return dst }
