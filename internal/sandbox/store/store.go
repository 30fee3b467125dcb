package store

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// DefaultMaxBytes bounds a store whose Options set nothing: 256 MiB.
const DefaultMaxBytes = 256 << 20

// blockSize is how many bytes of records fill a block: large enough to
// compress well, small enough that a look into one costs little.
const blockSize = 256 << 10

// Options configure a Store.
type Options struct {
	// MaxBytes bounds what blocks take, as kept. 0 means DefaultMaxBytes.
	MaxBytes int64
	// Dir is a folder to keep the events in too, so that they outlive the
	// process. What is in it is read; see Store.Claim. Empty: memory only.
	Dir string
}

// Stats tell what a store holds and what it gave up.
type Stats struct {
	Bytes, MaxBytes              int64 // of blocks, as kept
	Blocks                       int   // that are full
	DroppedBlocks, DroppedEvents int64 // that went because of MaxBytes
}

// Store is a set of groups under one bound. It is safe for concurrent use.
type Store struct {
	max     int64
	dir     string
	buffers sync.Pool // *[]byte, for decompressed blocks
	sealer  *sealer
	packer  *packer

	mu     sync.Mutex
	groups map[uint32]*Group
	nextID uint32
	sealed []*Block // oldest first; some may have gone with their group
	stats  Stats
}

// New returns an empty store.
func New(o Options) (*Store, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	s := &Store{max: o.MaxBytes, dir: o.Dir, groups: make(map[uint32]*Group), stats: Stats{MaxBytes: o.MaxBytes}}
	s.sealer, s.packer = newSealer(s), newPacker()
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Claim returns a group that was read from the store's folder by its ID, or nil.
func (s *Store) Claim(id uint32) *Group {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[id]
	if g == nil || !g.unclaimed {
		return nil
	}
	g.unclaimed = false
	return g
}

// Sweep drops the groups that were read and not claimed.
func (s *Store) Sweep() error {
	s.mu.Lock()
	var left []*Group
	for _, g := range s.groups {
		if g.unclaimed {
			left = append(left, g)
		}
	}
	s.mu.Unlock()
	var err error
	for _, g := range left {
		err = errors.Join(err, g.Drop())
	}
	return err
}

// Close closes the files. The store must not be used after it.
func (s *Store) Close() error {
	s.sealer.wait()
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.groups))
	s.groups = make(map[uint32]*Group)
	s.mu.Unlock()
	var err error
	for _, g := range all {
		g.mu.Lock()
		err = errors.Join(err, g.files.close())
		g.files, g.dropped = nil, true
		g.mu.Unlock()
	}
	return err
}

// Clear drops all groups.
func (s *Store) Clear() error {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.groups))
	s.mu.Unlock()
	var err error
	for _, g := range all {
		err = errors.Join(err, g.Drop())
	}
	return err
}

// Stats returns what the store holds at the moment.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// NewGroup adds an empty group. It fails if its folder cannot be made.
func (s *Store) NewGroup() (*Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	g := &Group{store: s, id: s.nextID}
	var err error
	if g.files, err = s.make(g.id, func([]byte) error { return errCorrupt }); err != nil {
		return nil, err
	}
	s.groups[g.id] = g
	return g, nil
}

// Event calls f with the event that r names, and says whether it is still
// there. The event is valid during the call.
func (s *Store) Event(r Ref, f func(*Event)) (bool, error) {
	s.mu.Lock()
	g := s.groups[r.Group()]
	s.mu.Unlock()
	if g == nil {
		return false, nil
	}
	return g.event(r.seq(), f)
}

// account takes note of bytes and full blocks that came and of a block that was
// sealed, and makes room. It must not be called with a group's lock held.
func (s *Store) account(delta int64, blocks int, sealed *Block) {
	for _, b := range s.admit(delta, blocks, sealed) {
		freed := b.group.forget(b)
		s.mu.Lock()
		if freed > 0 {
			s.stats.Bytes -= freed
			s.stats.Blocks--
			s.stats.DroppedBlocks++
			s.stats.DroppedEvents += int64(b.n)
		}
		s.mu.Unlock()
	}
}

// admit returns the blocks that must go.
func (s *Store) admit(delta int64, blocks int, sealed *Block) (victims []*Block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Bytes += delta
	s.stats.Blocks += blocks
	if sealed != nil {
		s.sealed = append(s.sealed, sealed)
	}
	excess := s.stats.Bytes - s.max
	for excess > 0 && len(s.sealed) > 0 {
		b := s.sealed[0]
		s.sealed[0] = nil
		s.sealed = s.sealed[1:]
		if b.gone.Load() {
			continue
		}
		excess -= b.kept()
		victims = append(victims, b)
	}
	return victims
}

// release takes note of bytes and blocks that went for another reason than
// room.
func (s *Store) release(bytes int64, blocks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Bytes -= bytes
	s.stats.Blocks -= blocks
}

// borrow lends a buffer for a decompressed block.
func (s *Store) borrow() *[]byte {
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, blockSize+blockSize/4)
	return &b
}

// Ref names an event in a store for as long as it is kept.
type Ref uint64

// seqBits is the share of the sequence number in a Ref.
const seqBits = 40

// Group is the [Group.ID] of the event's group.
func (r Ref) Group() uint32 { return uint32(r >> seqBits) }

func (r Ref) seq() uint64 { return uint64(r) & (1<<seqBits - 1) }

// Stream is a log stream of a group.
type Stream struct {
	id      uint32
	name    string
	created int64
	group   *Group
	deleted atomic.Bool
	// read is what was read of the stream from files.
	read streamSum
}

// Created is when the stream was created, in milliseconds since 1970.
func (s *Stream) Created() int64 { return s.created }

// Read returns the least and greatest event time and the latest time of
// ingestion of what was read from files; the latter is 0 if that is nothing.
func (s *Stream) Read() (first, last, ingested int64) {
	return s.read.first, s.read.last, s.read.ingested
}

// note takes a summary into what was read.
func (s *Stream) note(sum *streamSum) {
	if s.read.ingested == 0 {
		s.read = *sum
		return
	}
	s.read.first, s.read.last = min(s.read.first, sum.first), max(s.read.last, sum.last)
	s.read.ingested = max(s.read.ingested, sum.ingested)
}

// Name is the stream's name.
func (s *Stream) Name() string { return s.name }

// Delete makes the stream's events invisible. A stream made later under the
// same name is another one.
func (s *Stream) Delete() error {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	s.deleted.Store(true)
	return s.group.files.noteStream(streamDeleted, s)
}
