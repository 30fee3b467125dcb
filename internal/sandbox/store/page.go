package store

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"sort"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// Position is a place between events in order of time: before the event of
// this time and sequence number, and after all that are less.
type Position struct {
	Time int64
	Seq  uint64
}

// Query asks for a page.
type Query struct {
	// Start and End bound the event times, both inclusive.
	Start, End int64
	// Match, if not nil, chooses among the streams; Filter among the messages,
	// whose bytes it must not keep.
	Match  func(*Stream) bool
	Filter func(message []byte) bool
	// From is where to begin; Backward reads towards the past from there.
	From     *Position
	Backward bool
	// Limit bounds the events and MaxBytes their messages, but for the first.
	Limit, MaxBytes int
	// MaxScan bounds the bytes to look at, about. 0: no bound. A page may then
	// be short or empty though there is more.
	MaxScan int
}

// Page is part of an answer.
type Page struct {
	// Events are in order of reading. Their messages are the page's own.
	Events []Event
	// Next is where the next page begins.
	Next Position
	// More says that the next page may have events.
	More bool
}

// pager reads one page. Times are turned round (negated) for reading backward,
// so that there is one order to think in.
type pager struct {
	q       *Query
	from    Position
	blocks  []*Block
	found   []Event
	cut     bool   // events beyond the last of found were let go
	bound   *Event // with found full: nothing beyond it counts
	scanned int
}

// Page reads the events that q asks for in order of time, and of arrival within
// one millisecond. It returns ctx's cause if that ends.
func (g *Group) Page(ctx context.Context, q *Query) (*Page, error) {
	p := &pager{q: q}
	p.from = Position{Time: q.Start}
	if q.Backward {
		p.from = Position{Time: q.End, Seq: math.MaxUint64}
	}
	if q.From != nil {
		p.from = *q.From
	}
	p.choose(g.Blocks())
	for i, b := range p.blocks {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if p.full() && p.edge(b) > p.time(p.bound.Time) {
			p.cut = true
			break
		}
		if q.MaxScan > 0 && p.scanned >= q.MaxScan && p.past(b) {
			return p.partial(b), nil
		}
		if err := b.Scan(p.look); err != nil {
			return nil, err
		}
		p.scanned += p.blocks[i].raw
	}
	p.trim(q.Limit)
	return p.finish(), nil
}

// time is t in the order of reading, which seq does not need: it is compared
// by order.
func (p *pager) time(t int64) int64 {
	if p.q.Backward {
		return -t
	}
	return t
}

// edge is the earliest time of a block in the order of reading.
func (p *pager) edge(b *Block) int64 {
	if p.q.Backward {
		return -b.max
	}
	return b.min
}

// order compares events in the order of reading.
func (p *pager) order(a, b *Event) int {
	c := cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq))
	if p.q.Backward {
		return -c
	}
	return c
}

// choose keeps the blocks that can hold events of the answer, in the order of
// their edges.
func (p *pager) choose(blocks []*Block) {
	for _, b := range blocks {
		if b.max < p.q.Start || b.min > p.q.End {
			continue
		}
		if p.q.Backward && b.min > p.from.Time || !p.q.Backward && b.max < p.from.Time {
			continue
		}
		if p.q.Match == nil || b.hasAny(p.q.Match) {
			p.blocks = append(p.blocks, b)
		}
	}
	order.Stable(p.blocks, func(a, b *Block) int { return cmp.Compare(p.edge(a), p.edge(b)) })
}

func (b *Block) hasAny(match func(*Stream) bool) bool {
	if b.in == nil {
		return true
	}
	return slices.ContainsFunc(b.in, func(id uint32) bool { return match(b.streams[id]) })
}

// inside says whether an event lies in the bounds and ahead of the position.
func (p *pager) inside(e *Event) bool {
	if e.Time < p.q.Start || e.Time > p.q.End {
		return false
	}
	c := cmp.Or(cmp.Compare(e.Time, p.from.Time), cmp.Compare(e.Seq, p.from.Seq))
	return c < 0 == p.q.Backward
}

func (p *pager) look(e *Event) bool {
	if !p.inside(e) {
		return true
	}
	if p.q.Match != nil && !p.q.Match(e.Stream) || p.q.Filter != nil && !p.q.Filter(e.Message) {
		return true
	}
	if p.bound != nil && p.order(e, p.bound) > 0 {
		p.cut = true
		return true
	}
	kept := *e
	kept.Message = bytes.Clone(e.Message)
	p.found = append(p.found, kept)
	if len(p.found) >= 2*p.q.Limit {
		p.trim(p.q.Limit)
	}
	return true
}

// trim keeps the n first events in the order of reading.
func (p *pager) trim(n int) {
	sort.Slice(p.found, func(i, j int) bool { return p.order(&p.found[i], &p.found[j]) < 0 })
	if len(p.found) > n {
		clear(p.found[n:])
		p.found, p.cut = p.found[:n], true
	}
	if n > 0 && len(p.found) == n {
		last := p.found[n-1]
		p.bound = &last
	}
}

// full says whether the page has all the events it may.
func (p *pager) full() bool {
	if len(p.found) >= p.q.Limit {
		p.trim(p.q.Limit)
	}
	return p.bound != nil && len(p.found) == p.q.Limit
}

// past says whether b begins beyond the position, so that stopping before it
// gets the reader on.
func (p *pager) past(b *Block) bool { return p.edge(b) > p.time(p.from.Time) }

// partial ends the page before b: what lies beyond b's edge is left for later,
// as b may have events in between.
func (p *pager) partial(b *Block) *Page {
	edge := p.edge(b)
	p.trim(p.q.Limit)
	p.found = slices.DeleteFunc(p.found, func(e Event) bool { return p.time(e.Time) >= edge })
	before := p.cut
	page := p.finish()
	if len(page.Events) == len(p.found) && (!before || len(p.found) == 0) {
		page.Next = Position{Time: edge}
		if p.q.Backward {
			page.Next = Position{Time: -edge, Seq: math.MaxUint64}
		}
	}
	page.More = true
	return page
}

// finish applies the bound on bytes and says where to go on.
func (p *pager) finish() *Page {
	n, size := 0, 0
	for n < len(p.found) {
		size += len(p.found[n].Message)
		if n > 0 && p.q.MaxBytes > 0 && size > p.q.MaxBytes {
			p.cut = true
			break
		}
		n++
	}
	page := &Page{Events: p.found[:n], Next: p.from, More: p.cut}
	if n > 0 {
		last := &p.found[n-1]
		page.Next = Position{Time: last.Time, Seq: last.Seq}
		if !p.q.Backward {
			page.Next.Seq++
		}
	}
	return page
}
