package store

import (
	"slices"
	"sort"
	"sync"
)

// Group is the events of one log group. It is safe for concurrent use.
type Group struct {
	store *Store
	id    uint32

	mu      sync.Mutex
	streams []*Stream
	sealed  []*Block
	open    *Block
	last    Event  // the differences of the open block's next record refer to it
	seq     uint64 // of the latest event
	payload int64
	dropped bool
}

// ID tells the groups of a store apart. It is not used again.
func (g *Group) ID() uint32 { return g.id }

// Input is an event on its way into a group.
type Input struct {
	Time    int64 // milliseconds since 1970
	Message string
}

// NewStream adds a stream. The names are the caller's to keep apart.
func (g *Group) NewStream(name string) *Stream {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &Stream{id: uint32(len(g.streams)), name: name}
	g.streams = append(g.streams, s)
	return s
}

// Append adds events to a stream of the group, which arrived at ingested. It
// copies the messages.
func (g *Group) Append(s *Stream, ingested int64, events []Input) {
	g.store.account(g.append(s, ingested, events))
}

func (g *Group) append(s *Stream, ingested int64, events []Input) (delta int64, sealed []*Block) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dropped {
		return 0, nil
	}
	before := g.keptOpenLocked()
	for i := range events {
		e := &events[i]
		if g.open == nil {
			g.openLocked(events[i:])
		}
		b := g.open
		b.data = appendRecord(b.data, s.id, e.Time-g.last.Time, ingested-g.last.Ingested, e.Message)
		g.last.Time, g.last.Ingested = e.Time, ingested
		b.note(e.Time, s.id, len(e.Message))
		g.seq++
		g.payload += int64(len(e.Message)) + eventOverhead
		if len(b.data) >= blockSize {
			full := g.sealLocked()
			sealed = append(sealed, full)
			delta += full.kept()
		}
	}
	return delta + g.keptOpenLocked() - before, sealed
}

func (g *Group) keptOpenLocked() int64 {
	if g.open == nil {
		return 0
	}
	return g.open.kept()
}

// openLocked begins a block, with room for the events at hand.
func (g *Group) openLocked(events []Input) {
	size := 0
	for i := range events {
		if size += len(events[i].Message) + 16; size >= blockSize {
			size = blockSize + blockSize/16
			break
		}
	}
	g.open = &Block{group: g, first: g.seq + 1, data: make([]byte, 0, size)}
	g.last = Event{}
}

// sealLocked compresses the open block and puts it in the row.
func (g *Group) sealLocked() *Block {
	o := g.open
	buf := g.store.borrow()
	defer g.store.buffers.Put(buf)
	*buf = g.store.enc.EncodeAll(o.data, (*buf)[:0])
	b := &Block{
		group: g, streams: g.streams[:len(g.streams):len(g.streams)], first: o.first, n: o.n,
		min: o.min, max: o.max, in: o.in, payload: o.payload, raw: len(o.data), sealed: true,
		data: append(make([]byte, 0, len(*buf)), *buf...),
	}
	g.sealed = append(g.sealed, b)
	g.open = nil
	return b
}

// Blocks returns a snapshot of the group's blocks in order of arrival.
func (g *Group) Blocks() []*Block {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]*Block, len(g.sealed), len(g.sealed)+1)
	copy(out, g.sealed)
	if g.open == nil {
		return out
	}
	o := g.open
	// The open block's data only grows, so its present part may be read on.
	return append(out, &Block{
		group: g, streams: g.streams[:len(g.streams):len(g.streams)], first: o.first, n: o.n,
		min: o.min, max: o.max, in: o.in, payload: o.payload, raw: len(o.data), data: o.data[:len(o.data):len(o.data)],
	})
}

// Size is the size of the events that are kept, as CloudWatch Logs counts it:
// message bytes and 26 for each.
func (g *Group) Size() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.payload
}

// forget removes a block and returns the bytes that it kept, 0 if it had gone.
func (g *Group) forget(b *Block) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.sealed, b)
	if i < 0 {
		return 0
	}
	// Snapshots hold their own slices.
	g.sealed = slices.Delete(g.sealed, i, i+1)
	g.payload -= b.payload
	b.gone.Store(true)
	return b.kept()
}

// Expire removes the blocks all of whose events are older than t, in
// milliseconds since 1970.
func (g *Group) Expire(t int64) {
	g.mu.Lock()
	var freed int64
	n := len(g.sealed)
	g.sealed = slices.DeleteFunc(g.sealed, func(b *Block) bool {
		if b.max >= t {
			return false
		}
		g.payload -= b.payload
		b.gone.Store(true)
		freed += b.kept()
		return true
	})
	n -= len(g.sealed)
	g.mu.Unlock()
	if n > 0 {
		g.store.release(freed, n)
	}
}

// Drop removes the group from its store. Snapshots stay readable.
func (g *Group) Drop() {
	g.mu.Lock()
	freed, n := g.keptOpenLocked(), len(g.sealed)
	for _, b := range g.sealed {
		b.gone.Store(true)
		freed += b.kept()
	}
	g.sealed, g.open, g.payload, g.dropped = nil, nil, 0, true
	g.mu.Unlock()
	g.store.release(freed, n)
	g.store.mu.Lock()
	delete(g.store.groups, g.id)
	g.store.mu.Unlock()
}

// event finds the event numbered seq.
func (g *Group) event(seq uint64, f func(*Event)) (found bool, err error) {
	blocks := g.Blocks()
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].first > seq }) - 1
	if i < 0 || seq >= blocks[i].first+uint64(blocks[i].n) {
		return false, nil
	}
	err = blocks[i].Scan(func(e *Event) bool {
		if e.Seq == seq {
			found = true
			f(e)
		}
		return e.Seq < seq
	})
	return found, err
}
