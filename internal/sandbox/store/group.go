package store

import (
	"errors"
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
	files   *files
	// unclaimed: it was read from files, and nobody has asked for it yet.
	unclaimed bool
}

// ID tells the groups of a store apart. It is not used again.
func (g *Group) ID() uint32 { return g.id }

// Input is an event on its way into a group.
type Input struct {
	Time    int64 // milliseconds since 1970
	Message string
}

// NewStream adds a stream, created at a time in milliseconds since 1970. The
// names are the caller's to keep apart. It fails if the stream cannot be written.
func (g *Group) NewStream(name string, created int64) (*Stream, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &Stream{id: uint32(len(g.streams)), name: name, created: created, group: g}
	if err := g.files.noteStream(streamMade, s); err != nil {
		return nil, err
	}
	g.streams = append(g.streams, s)
	return s, nil
}

// Streams returns the streams that are not deleted.
func (g *Group) Streams() []*Stream {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []*Stream
	for _, s := range g.streams {
		if !s.deleted.Load() {
			out = append(out, s)
		}
	}
	return out
}

// Append adds events to a stream of the group, which arrived at ingested. It
// copies the messages. In a store with a folder they are written when it
// returns nil; if it fails, some of them may be. It also fails, once, if a block that
// was filled earlier could not be written, which stays in its log.
func (g *Group) Append(s *Stream, ingested int64, events []Input) error {
	delta, full, err := g.append(s, ingested, events)
	g.store.account(delta, len(full), nil)
	return errors.Join(err, g.store.sealer.take(full))
}

// append returns the blocks that it filled.
func (g *Group) append(s *Stream, ingested int64, events []Input) (delta int64, full []*Block, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dropped {
		return 0, nil, nil
	}
	before := g.keptOpenLocked()
	written, count := 0, 0 // of the open block's records, what is in its log
	if g.open != nil {
		written, count = len(g.open.data), g.open.n
	}
	for i := range events {
		e := &events[i]
		if g.open == nil {
			g.openLocked(events[i:])
			written, count = 0, 0
		}
		b := g.open
		b.data = appendRecord(b.data, s.id, e.Time-g.last.Time, ingested-g.last.Ingested, e.Message)
		g.last.Time, g.last.Ingested = e.Time, ingested
		b.note(e.Time, ingested, s.id, len(e.Message))
		g.seq++
		g.payload += int64(len(e.Message)) + eventOverhead
		if len(b.data) >= blockSize {
			err = errors.Join(err, g.files.appendOpen(b.first, b.n-count, b.data[written:]))
			g.shutLocked()
			full = append(full, b)
			delta += b.kept()
		}
	}
	if b := g.open; b != nil {
		err = errors.Join(err, g.files.appendOpen(b.first, b.n-count, b.data[written:]))
	}
	return delta + g.keptOpenLocked() - before, full, err
}

// shutLocked puts the open block, which is full, in the row as it is. Its log is
// kept until it is sealed.
func (g *Group) shutLocked() {
	b := g.open
	b.streams = g.streams[:len(g.streams):len(g.streams)]
	b.raw, b.log = len(b.data), g.files.takeLog()
	g.sealed, g.open = append(g.sealed, b), nil
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

// seal compresses a full block, writes it and puts it in its place. The sealed
// block is nil if the full one has gone meanwhile. What cannot be written stays in
// the block's log.
func (g *Group) seal(full *Block) (sealed *Block, err error) {
	sealed, err = full.compress()
	if sealed == nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.sealed, full)
	if i < 0 {
		return nil, errors.Join(err, full.log.close())
	}
	g.sealed[i] = sealed
	g.store.release(full.kept()-sealed.kept(), 0)
	return sealed, errors.Join(err, g.files.seal(sealed, full.log))
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
	// The open block's data only grows, so its present part may be read on.
	return append(out, g.openAsItIsLocked())
}

func (g *Group) openAsItIsLocked() *Block {
	o := g.open
	return &Block{
		group: g, streams: g.streams[:len(g.streams):len(g.streams)], first: o.first, n: o.n,
		min: o.min, max: o.max, in: o.in, payload: o.payload, raw: len(o.data), data: o.data[:len(o.data):len(o.data)],
	}
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
	g.files.remove(b)
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
		g.files.remove(b)
		freed += b.kept()
		return true
	})
	n -= len(g.sealed)
	g.mu.Unlock()
	if n > 0 {
		g.store.release(freed, n)
	}
}

// Drop removes the group from its store. Snapshots stay readable. It fails if
// files of the group are left.
func (g *Group) Drop() error {
	g.mu.Lock()
	freed, n := g.keptOpenLocked(), len(g.sealed)
	for _, b := range g.sealed {
		b.gone.Store(true)
		freed += b.kept()
	}
	g.sealed, g.open, g.payload, g.dropped = nil, nil, 0, true
	err := g.files.removeAll()
	g.files = nil
	g.mu.Unlock()
	g.store.release(freed, n)
	g.store.mu.Lock()
	delete(g.store.groups, g.id)
	g.store.mu.Unlock()
	return err
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
