// Package pack turns batches into blocks. Each destination has one open block,
// a request body that grows by the exporter's Encoder; it is sealed when the
// next event would break a limit of the service, when it is old enough, or when
// too many bytes stand open. Each event is copied once, on its way in.
//
// With a queue that is a Journal, what a Push added is made durable before the
// Push returns, and its ticket is released: the sender need not wait until the
// block is full. Otherwise the block holds the ticket until it is delivered.
package pack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/spare"
)

// Books is where a Packer counts what it takes in and what it cannot take.
type Books interface {
	Accept(s sidelight.Signal, n int)
	Drop(s sidelight.Signal, cause string, n int)
}

// Config bounds a Packer. Zero fields take the defaults.
type Config struct {
	// Age is how long a block may stay open. Default 1 s.
	Age time.Duration
	// Target is the body length at which a block is sealed though the service
	// would take more. Default: the service's limit.
	Target int
	// Open bounds the bytes of all open blocks. Default 8 MiB.
	Open int64
	// Gzip compresses sealed bodies.
	Gzip bool
	// Spare is where the memory of new blocks comes from. May be nil.
	Spare *spare.Memory
	// Crowded reports whether nothing more may be queued for a destination that
	// is denied. May be nil. It must not block.
	Crowded func(sidelight.DestHandle) bool
}

func (c Config) withDefaults(l sidelight.Limits) Config {
	if c.Age <= 0 {
		c.Age = time.Second
	}
	if c.Target <= 0 || c.Target > l.Wire {
		c.Target = l.Wire
	}
	if c.Open <= 0 {
		c.Open = 8 << 20
	}
	return c
}

// Packer is a sidelight.Sink for the batches of one exporter.
type Packer struct {
	cfg     Config
	enc     sidelight.Encoder
	limits  sidelight.Limits
	queue   sidelight.Queue
	journal sidelight.Journal // nil if queue is not one
	books   Books
	log     *slog.Logger

	open   atomic.Int64 // bytes of open blocks
	events atomic.Int64 // events in open blocks
	stop   chan struct{}
	begun  chan struct{} // of one: a block was begun since Run slept last
	warn   sync.Once

	mu     sync.Mutex
	slots  map[sidelight.DestHandle]*slot
	closed bool
}

// slot is a destination and its open block.
type slot struct {
	mu    sync.Mutex
	dest  sidelight.DestHandle
	block *sidelight.Block // nil: none open
	// The capacities to begin with: what the last block needed.
	size, events int
	opened       time.Time
	used         time.Time
	gone         bool // removed from the map; look the destination up again
}

var _ sidelight.Sink = (*Packer)(nil)

// New returns a Packer that fills blocks by enc and puts them to q. Run must
// be called for blocks to be sealed by age.
func New(cfg Config, enc sidelight.Encoder, q sidelight.Queue, books Books, log *slog.Logger) *Packer {
	limits := enc.Limits()
	p := &Packer{
		cfg: cfg.withDefaults(limits), enc: enc, limits: limits, queue: q, books: books, log: log,
		stop: make(chan struct{}), begun: make(chan struct{}, 1), slots: map[sidelight.DestHandle]*slot{},
	}
	p.journal, _ = q.(sidelight.Journal)
	return p
}

// Push packs b. It waits while the queue is full, before anything of b is
// taken; the error is then the queue's.
func (p *Packer) Push(ctx context.Context, b *sidelight.Batch) error {
	if err := p.queue.Room(ctx); err != nil {
		return err
	}
	return p.Add(b)
}

// Room waits as Push does, for those who then call Add.
func (p *Packer) Room(ctx context.Context) error { return p.queue.Room(ctx) }

// Add packs b without waiting for room; the caller has been let through by Room.
// What comes for a crowded destination is refused with sidelight.ErrParked if it
// can wait, and counted as dropped, cause "denied", if it cannot.
func (p *Packer) Add(b *sidelight.Batch) error {
	if p.cfg.Crowded != nil && p.cfg.Crowded(b.Dest) {
		if b.Waits {
			return sidelight.ErrParked
		}
		p.books.Accept(b.Signal, len(b.Events))
		p.books.Drop(b.Signal, "denied", len(b.Events))
		return nil
	}
	s, err := p.lock(b.Dest)
	if err != nil {
		return err
	}
	full := p.fill(s, b)
	if over := p.seal(s, p.open.Load() > p.cfg.Open); over != nil {
		full = append(full, over)
	}
	s.mu.Unlock()
	return p.putAll(full)
}

// lock returns the locked slot of d.
func (p *Packer) lock(d sidelight.DestHandle) (*slot, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, sidelight.ErrClosed
		}
		s := p.slots[d]
		if s == nil {
			s = &slot{dest: d, size: 16 << 10}
			p.slots[d] = s
		}
		p.mu.Unlock()
		s.mu.Lock()
		if !s.gone {
			return s, nil
		}
		s.mu.Unlock()
	}
}

// fill appends b's events to s's block and returns the blocks that this filled,
// not yet finished. s.mu is held.
func (p *Packer) fill(s *slot, b *sidelight.Batch) (full []*sidelight.Block) {
	p.books.Accept(b.Signal, len(b.Events))
	s.used = time.Now()
	if s.block != nil {
		p.open.Add(-int64(len(s.block.Body)))
	}
	added := 0
	for i := range b.Events {
		e := &b.Events[i]
		w := p.enc.Weigh(e)
		if w > p.limits.Weight || len(e.Body) == 0 {
			p.books.Drop(b.Signal, unfit(e), 1)
			continue
		}
		if s.block != nil && !p.fits(s, e, w) {
			full = append(full, p.detach(s))
		}
		p.add(s, b.Signal, e, w)
		if over := len(s.block.Body) > p.limits.Wire; over && s.block.Events > 1 {
			p.undo(s, w)
			full = append(full, p.detach(s))
			p.add(s, b.Signal, e, w)
		}
		if len(s.block.Body) > p.limits.Wire {
			p.undo(s, w)
			p.books.Drop(b.Signal, "oversize", 1)
			continue
		}
		added++
		s.block.Attach(b.Ticket)
	}
	p.events.Add(int64(added))
	if s.block != nil {
		p.open.Add(int64(len(s.block.Body)))
		p.ahead(s.block)
	}
	return full
}

func unfit(e *sidelight.Event) string {
	if len(e.Body) == 0 {
		return "empty"
	}
	return "oversize"
}

// fits reports whether e may join s's block by count, weight and time span. Its
// escaped length is known only once it is written: an event that then breaks
// the wire limit is moved to a block of its own.
func (p *Packer) fits(s *slot, e *sidelight.Event, w int) bool {
	b := s.block
	if b.Events >= p.limits.Events || b.Weight+w > p.limits.Weight || len(b.Body)+len(e.Body) > p.cfg.Target {
		return false
	}
	if p.limits.Span == 0 || b.Events == 0 {
		return true
	}
	return max(b.Last, e.Time)-min(b.First, e.Time) <= p.limits.Span.Milliseconds()
}

func (p *Packer) begin(s *slot, sig sidelight.Signal) {
	body := p.enc.Begin(p.cfg.Spare.Body(s.size), s.dest.Value())
	s.block = &sidelight.Block{Dest: s.dest, Signal: sig, Body: body, Head: len(body), Marks: p.cfg.Spare.Marks(s.events)}
	s.opened = time.Now()
	select {
	case p.begun <- struct{}{}:
	default:
	}
}

// add appends e to s's block, beginning one if there is none.
func (p *Packer) add(s *slot, sig sidelight.Signal, e *sidelight.Event, w int) {
	if s.block == nil {
		p.begin(s, sig)
	}
	b := s.block
	p.makeRoom(b, len(e.Body))
	b.Body = p.enc.Append(b.Body, e)
	b.Marks = append(b.Marks, sidelight.Mark{End: uint32(len(b.Body)), Time: e.Time})
	if b.Events == 0 {
		b.First, b.Last = e.Time, e.Time
	}
	b.First, b.Last = min(b.First, e.Time), max(b.Last, e.Time)
	b.Events++
	b.Weight += w
}

// makeRoom sees to it that an event of n bytes is unlikely to make b's body grow
// by itself: it would do so in steps of a quarter, and leave behind garbage of
// several times the body's size.
func (p *Packer) makeRoom(b *sidelight.Block, n int) {
	need := len(b.Body) + n + n/4 + 128
	if need <= cap(b.Body) {
		return
	}
	most := p.limits.Weight + p.limits.Weight/4
	if need > most { // the weight is not that of the bytes
		most = p.limits.Wire
	}
	size := min(2*cap(b.Body), most)
	b.Body = append(p.cfg.Spare.Body(max(size, need)), b.Body...)
}

// undo takes the last event out again. First and Last may stay too wide, which
// only seals the block earlier.
func (p *Packer) undo(s *slot, w int) {
	b := s.block
	b.Marks = b.Marks[:len(b.Marks)-1]
	end := b.Head
	if n := len(b.Marks); n > 0 {
		end = int(b.Marks[n-1].End)
	}
	b.Body = b.Body[:end]
	b.Events--
	b.Weight -= w
}

// ahead makes what was appended durable, if the queue can, and lets go of the
// tickets.
func (p *Packer) ahead(b *sidelight.Block) {
	if p.journal == nil || b.Events == 0 {
		return
	}
	if err := p.journal.Write(b); err != nil {
		p.warn.Do(func() {
			p.log.Error("cannot write ahead; acknowledging on delivery instead", "err", err)
		})
		return
	}
	b.Release(nil)
}

// seal detaches s's block, whose bytes are counted as open, if it should go:
// now, or because it has reached the target. s.mu is held.
func (p *Packer) seal(s *slot, now bool) *sidelight.Block {
	if s.block == nil || s.block.Events == 0 {
		return nil
	}
	if !now && len(s.block.Body) < p.cfg.Target && s.block.Events < p.limits.Events {
		return nil
	}
	p.open.Add(-int64(len(s.block.Body)))
	return p.detach(s)
}

func (p *Packer) detach(s *slot) *sidelight.Block {
	b := s.block
	s.block = nil
	s.events = min(len(b.Marks)+len(b.Marks)/8, p.limits.Events)
	s.size = min(len(b.Body)+len(b.Body)/8+512, p.cfg.Target+p.cfg.Target/8)
	return b
}

// putAll finishes blocks and puts them. A block that cannot be put releases
// its tickets with the error.
func (p *Packer) putAll(blocks []*sidelight.Block) error {
	var errs []error
	for _, b := range blocks {
		n := b.Events
		p.ahead(b)
		grown := b.Body
		Seal(p.enc, b, p.cfg.Gzip)
		if &grown[0] != &b.Body[0] {
			p.cfg.Spare.KeepBody(grown)
		}
		if err := p.queue.Put(b); err != nil {
			p.books.Drop(b.Signal, "shutdown", n)
			b.Release(err)
			errs = append(errs, fmt.Errorf("put a block of %d events: %w", n, err))
		}
		p.events.Add(-int64(n))
	}
	return errors.Join(errs...)
}

// Stats returns the bytes and events of open blocks.
func (p *Packer) Stats() (bytes, events int64) {
	return p.open.Load(), p.events.Load()
}
