// Package memq is the queue in memory. What it holds is lost with the process,
// so a block's tickets are released only when its lease commits: an input that
// can be read again, a file, needs no more than this.
package memq

import (
	"context"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/line"
)

// Config bounds a Queue.
type Config struct {
	// Limit is the bytes of bodies at which Room begins to wait. Zero means
	// 8 MiB.
	Limit int64
}

func (c Config) withDefaults() Config {
	if c.Limit <= 0 {
		c.Limit = 8 << 20
	}
	return c
}

// Queue implements sidelight.Queue.
type Queue struct {
	limit int64
	line  line.Line[*entry]

	mu     sync.Mutex
	bytes  int64
	events int
	held   map[sidelight.DestHandle]int64 // bytes, of those that have any
}

type entry struct {
	block *sidelight.Block
	put   time.Time
}

var (
	_ sidelight.Queue  = (*Queue)(nil)
	_ sidelight.Parker = (*Queue)(nil)
	_ sidelight.Holder = (*Queue)(nil)
)

// New returns an empty queue.
func New(cfg Config) *Queue {
	return &Queue{limit: cfg.withDefaults().Limit, held: map[sidelight.DestHandle]int64{}}
}

// Room waits until fewer bytes than the limit are held.
func (q *Queue) Room(ctx context.Context) error {
	for {
		if q.line.Closed() {
			return sidelight.ErrClosed
		}
		changed := q.line.Changed()
		q.mu.Lock()
		room := q.bytes < q.limit
		q.mu.Unlock()
		if room {
			return nil
		}
		select {
		case <-ctx.Done():
			return sidelight.ErrFull
		case <-changed:
		}
	}
}

// Put takes b. It keeps b's tickets.
func (q *Queue) Put(b *sidelight.Block) error {
	q.account(b, 1)
	if !q.line.Put(&entry{block: b, put: time.Now()}) {
		q.account(b, -1)
		return sidelight.ErrClosed
	}
	return nil
}

func (q *Queue) account(b *sidelight.Block, sign int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := int64(sign * len(b.Body))
	q.bytes += n
	q.events += sign * b.Events
	if q.held[b.Dest] += n; q.held[b.Dest] == 0 {
		delete(q.held, b.Dest)
	}
}

// Held returns the bytes of bodies for d.
func (q *Queue) Held(d sidelight.DestHandle) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held[d]
}

// Take leases the oldest block.
func (q *Queue) Take(ctx context.Context) (sidelight.Lease, error) {
	return q.TakeUnless(ctx, nil)
}

// TakeUnless leases the oldest block whose destination need not rest.
func (q *Queue) TakeUnless(ctx context.Context, rest func(sidelight.DestHandle) time.Duration) (sidelight.Lease, error) {
	var must func(*entry) time.Duration
	if rest != nil {
		must = func(e *entry) time.Duration { return rest(e.block.Dest) }
	}
	it, err := q.line.Take(ctx, must)
	if err != nil {
		return nil, err
	}
	return &lease{q: q, item: it}, nil
}

// Close refuses further blocks.
func (q *Queue) Close() error {
	q.line.Close()
	return nil
}

// Abandon gives up every block that is not leased and releases its tickets
// with sidelight.ErrClosed. It returns how many events that were. Call it at
// the end of a stop that ran out of time.
func (q *Queue) Abandon() map[sidelight.Signal]int {
	lost := map[sidelight.Signal]int{}
	for _, e := range q.line.Abandon() {
		q.account(e.block, -1)
		lost[e.block.Signal] += e.block.Events
		e.block.Release(sidelight.ErrClosed)
	}
	return lost
}

// Stats tells what the queue holds.
func (q *Queue) Stats() sidelight.QueueStats {
	q.mu.Lock()
	s := sidelight.QueueStats{Events: q.events, Bytes: q.bytes, Memory: q.bytes, Limit: q.limit}
	q.mu.Unlock()
	s.Blocks = q.line.Len()
	q.line.Each(func(e *entry, _ bool) bool {
		s.Oldest = e.put
		return false
	})
	return s
}

// Waiting tells what the queue holds for each destination.
func (q *Queue) Waiting() []line.Waiting {
	var t line.Tally
	q.line.Each(func(e *entry, _ bool) bool {
		t.Add(e.block.Dest, e.block.Signal, e.block.Events, len(e.block.Body), e.put)
		return true
	})
	return t.Sum()
}

type lease struct {
	q    *Queue
	item *line.Item[*entry]
}

func (l *lease) Block() *sidelight.Block { return l.item.Value.block }

func (l *lease) Commit(left ...*sidelight.Block) error {
	b := l.Block()
	entries := make([]*entry, len(left))
	for i, part := range left {
		part.Share(b)
		l.q.account(part, 1)
		entries[i] = &entry{block: part, put: l.item.Value.put}
	}
	l.q.account(b, -1)
	l.item.Done(entries...)
	b.Release(nil)
	return nil
}

func (l *lease) Return(rest time.Duration) error {
	l.item.Return(rest)
	return nil
}
