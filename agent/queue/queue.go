// Package queue is the durable queue: a log of segment files that holds
// finished bodies. It writes ahead: what a packer adds to a growing block is in
// the operating system's cache, safe from the death of the process, before the
// sender is answered. What it costs is one write per batch.
//
// A block waits in memory as long as the memory budget allows, so that in
// steady state nothing is read back; beyond it only the place of its bytes is
// remembered. The format of the files is in docs/format/queue.md.
package queue

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/dirlock"
	"github.com/sidelight-dev/sidelight/internal/line"
	"github.com/sidelight-dev/sidelight/internal/spare"
)

// Config bounds a Queue. Zero fields take the defaults.
type Config struct {
	// Dir is made if it is missing. One process at a time may use it.
	Dir string
	// Disk is the bytes of files at which Room begins to wait. Default 512 MiB.
	Disk int64
	// Memory is the bytes of bodies that are kept in memory too. Default 8 MiB.
	Memory int64
	// Segment is the size at which a new file is begun. Default 8 MiB.
	Segment int64
	// Fsync waits, at each write, until the bytes are on the disk: slower, but
	// safe from power loss.
	Fsync bool
	// Finish completes a block that was read back from its pieces: the encoder's
	// end, order and compression. The queue hashes it.
	Finish func(*sidelight.Block)
	// Spare is where the memory of blocks that are read back comes from, and
	// where that of blocks goes that wait on disk alone. May be nil.
	Spare *spare.Memory
	// Damaged is told of blocks that could not be read back. May be nil.
	Damaged func(s sidelight.Signal, events int)
	// Spill holds blocks in memory first: senders are answered when their data
	// is in memory, and it is written when delivery lags, when the memory budget
	// is spent, and by Abandon. Most blocks then never touch the disk; a process
	// that is killed loses those that did not.
	Spill bool

	open opener
}

func (c Config) withDefaults() Config {
	if c.Disk <= 0 {
		c.Disk = 512 << 20
	}
	if c.Memory <= 0 {
		c.Memory = 8 << 20
	}
	if c.Segment <= 0 {
		c.Segment = min(8<<20, max(c.Disk/8, 64<<10))
	}
	if c.open == nil {
		c.open = openFile
	}
	return c
}

// Queue implements sidelight.Queue and sidelight.Journal.
type Queue struct {
	cfg  Config
	log  *slog.Logger
	root *os.Root
	lock *os.File
	line line.Line[*entry]

	mu       sync.Mutex
	nextID   uint64
	growing  map[uint64]*entry
	segments []*segment                     // oldest first; the last is written to
	spares   []*segment                     // files that are done with; the last is used next
	disk     int64                          // bytes of the segments
	idle     int64                          // bytes of the spares
	live     int64                          // bytes of files that belong to blocks that are not done
	held     map[sidelight.DestHandle]int64 // live, by destination
	memory   int64
	bytes    int64
	events   int
	scratch  []byte
	failing  bool
	trouble  Trouble
	owed     []uint64   // blocks that are done and not marked so
	movedTo  []*segment // that moved frames are not yet synced in
	progress time.Time  // when delivery last committed, or had nothing to do
}

// entry is a block and where its bytes are.
type entry struct {
	id     uint64
	dest   sidelight.DestHandle
	signal sidelight.Signal
	events int
	bytes  int
	put    time.Time
	refs   []ref
	// safe is how many of the events are in refs. It is less than events while
	// the disk refuses writes.
	safe  int
	block *sidelight.Block // nil: read it back
	// origin is the block that this one was a part of, if it could not be
	// written itself: the origin stays on disk until its last part is done.
	origin *entry
	parts  int
	// sum is the hash of the sealed body, if hashed: what is read back need not
	// be hashed again.
	sum    [32]byte
	hashed bool
}

// ref is a frame of a block.
type ref struct {
	seg *segment
	off int64
	n   int
}

var (
	_ sidelight.Queue   = (*Queue)(nil)
	_ sidelight.Journal = (*Queue)(nil)
	_ sidelight.Parker  = (*Queue)(nil)
	_ sidelight.Holder  = (*Queue)(nil)
)

// Open opens the queue in cfg.Dir and reads back what an earlier process left
// there.
func Open(cfg Config, log *slog.Logger) (*Queue, error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the queue's directory: %w", err)
	}
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the queue's directory: %w", err)
	}
	q := &Queue{cfg: cfg, log: log, root: root, growing: map[uint64]*entry{}, held: map[sidelight.DestHandle]int64{}, nextID: 1}
	if q.lock, err = dirlock.Lock(root); err != nil {
		root.Close()
		return nil, fmt.Errorf("lock the queue's directory %q: %w", cfg.Dir, err)
	}
	if err := q.recover(); err != nil {
		q.closeFiles()
		return nil, err
	}
	return q, nil
}

// Room waits until the files are below the limit.
func (q *Queue) Room(ctx context.Context) error {
	for {
		if q.line.Closed() {
			return sidelight.ErrClosed
		}
		changed := q.line.Changed()
		if q.hasRoom() {
			return nil
		}
		select {
		case <-ctx.Done():
			return sidelight.ErrFull
		case <-changed:
		}
	}
}

// hasRoom: while the disk refuses writes, blocks are held in memory alone, and
// the memory budget is the limit.
func (q *Queue) hasRoom() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failing && q.memory >= q.cfg.Memory {
		return false
	}
	return q.disk+q.idle < q.cfg.Disk || q.events == 0
}

// Write makes the new part of a growing block durable.
func (q *Queue) Write(b *sidelight.Block) error {
	if b.Ahead >= len(b.Body) || q.cfg.Spill {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if b.ID == 0 {
		b.ID = q.nextID
		q.nextID++
	}
	was := q.failing
	r, err := q.writeLocked(appendPiece, b)
	if err != nil {
		return err
	}
	q.relievedLocked(was)
	e := q.growing[b.ID]
	if e == nil {
		e = &entry{id: b.ID, dest: b.Dest, signal: b.Signal}
		q.growing[b.ID] = e
	}
	q.addRefLocked(e, r)
	e.safe = b.Events
	b.Ahead = len(b.Body)
	return nil
}

// Put takes a sealed block. One that was written ahead whole, or can be written
// now, is durable: its tickets are released. Otherwise, the disk being full or
// broken, it waits in memory with its tickets.
func (q *Queue) Put(b *sidelight.Block) error {
	if q.line.Closed() {
		return sidelight.ErrClosed
	}
	e, durable := q.admit(b)
	if durable || q.cfg.Spill {
		// Before the block is in line: from then on it is the taker's.
		b.Release(nil)
	}
	if e.block == nil {
		q.cfg.Spare.Keep(b)
	}
	if !q.line.Put(e) {
		return sidelight.ErrClosed
	}
	return nil
}

func (q *Queue) admit(b *sidelight.Block) (*entry, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.growing[b.ID]
	delete(q.growing, b.ID)
	if q.holdsLocked(b) {
		e = q.newEntryLocked(b)
	} else if e != nil && e.safe == b.Events {
		// Without its seal the block is sealed at the next start.
		_ = q.markLocked(seal, b.ID)
	} else {
		e = q.writeWholeLocked(b, e)
	}
	e.events, e.bytes, e.put, e.block = b.Events, len(b.Body), time.Now(), b
	q.bytes += int64(e.bytes)
	q.events += e.events
	q.memory += int64(e.bytes)
	durable := e.safe == e.events
	if durable && q.memory > q.cfg.Memory {
		q.memory -= int64(e.bytes)
		e.block, e.sum, e.hashed = nil, b.Sum, true
	}
	return e, durable
}

// newEntryLocked begins the entry of a block that has no bytes on disk.
func (q *Queue) newEntryLocked(b *sidelight.Block) *entry {
	b.ID = q.nextID
	q.nextID++
	return &entry{id: b.ID, dest: b.Dest, signal: b.Signal}
}

// writeWholeLocked writes a sealed block. Of ahead, if not nil, a part was
// written ahead, and acknowledged: that part stays on disk unless the whole
// takes its place.
func (q *Queue) writeWholeLocked(b *sidelight.Block, ahead *entry) *entry {
	e := q.newEntryLocked(b)
	r, err := q.writeLocked(appendWhole, b)
	if err == nil {
		q.addRefLocked(e, r)
		e.safe = b.Events
	}
	switch {
	case ahead == nil:
	case err != nil:
		b.ID = ahead.id
		return ahead
	default:
		q.doneLocked(ahead)
	}
	return e
}

// Take leases the oldest block. One that cannot be read back is counted out by
// the error's text and forgotten.
func (q *Queue) Take(ctx context.Context) (sidelight.Lease, error) {
	return q.TakeUnless(ctx, nil)
}

// TakeUnless leases the oldest block whose destination need not rest.
func (q *Queue) TakeUnless(ctx context.Context, rest func(sidelight.DestHandle) time.Duration) (sidelight.Lease, error) {
	var must func(*entry) time.Duration
	if rest != nil {
		must = func(e *entry) time.Duration { return rest(e.dest) }
	}
	for {
		it, err := q.line.Take(ctx, must)
		if err != nil {
			return nil, err
		}
		b, err := q.load(it.Value)
		if err == nil {
			return &lease{q: q, item: it, block: b}, nil
		}
		q.log.Error("a queued block cannot be read back", "id", it.Value.id, "events", it.Value.events, "err", err)
		q.damaged(it)
	}
}

// Close refuses further blocks. The files are closed by Release, once nobody
// leases.
func (q *Queue) Close() error {
	q.line.Close()
	return nil
}

// Stats tells what the queue holds.
func (q *Queue) Stats() sidelight.QueueStats {
	q.mu.Lock()
	s := sidelight.QueueStats{Events: q.events, Bytes: q.bytes, Memory: q.memory, Disk: q.disk + q.idle, Limit: q.cfg.Disk}
	q.mu.Unlock()
	s.Blocks = q.line.Len()
	q.line.Each(func(e *entry, _ bool) bool {
		s.Oldest = e.put
		return false
	})
	return s
}

// Waiting tells what the queue holds for each destination, but for blocks that
// still grow.
func (q *Queue) Waiting() []line.Waiting {
	var t line.Tally
	q.line.Each(func(e *entry, _ bool) bool {
		t.Add(e.dest, e.signal, e.events, e.bytes, e.put)
		return true
	})
	return t.Sum()
}

type lease struct {
	q     *Queue
	item  *line.Item[*entry]
	block *sidelight.Block
}

func (l *lease) Block() *sidelight.Block { return l.block }

func (l *lease) Commit(left ...*sidelight.Block) error {
	entries := make([]*entry, len(left))
	for i, b := range left {
		var durable bool
		if entries[i], durable = l.q.admit(b); !durable {
			b.Share(l.block)
			l.q.lean(entries[i], l.item.Value)
		}
		entries[i].put = l.item.Value.put
	}
	l.q.forget(l.item.Value)
	l.item.Done(entries...)
	l.block.Release(nil)
	return nil
}

func (l *lease) Return(rest time.Duration) error {
	// Should the service have found the hash wrong, the next attempt has a new
	// one.
	l.item.Value.hashed = false
	if rest > 0 {
		l.q.lag(l)
	}
	l.item.Return(rest)
	return nil
}
