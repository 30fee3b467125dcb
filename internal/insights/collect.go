package insights

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// collector is the sink of a query that shows events: it keeps those that come
// first in its order, at most a number of them.
type collector struct {
	order []orderKey // none: newest first
	most  int        // 0: all
	any   bool
	rows  []*record // a heap with the last in order on top, once it is full
	spare *record
	heap  bool
}

func (c *collector) full() bool { return c.any && len(c.rows) >= c.most }

func (c *collector) add(e *env) {
	if c.full() {
		return
	}
	if c.heap && len(c.order) == 0 && newest(e.row.Time, e.seq, c.rows[0]) >= 0 {
		return
	}
	r := c.spare
	c.spare = nil
	if r == nil {
		r = &record{}
	}
	r.keys = r.keys[:0]
	for _, k := range c.order {
		r.keys = append(r.keys, newSortKey(k.x(e)))
	}
	if c.heap {
		// Only the order counts so far; the row is copied if it stays.
		r.row.Time, r.seq = e.row.Time, e.seq
		if c.compare(r, c.rows[0]) >= 0 {
			c.spare = r
			return
		}
	}
	e.keep(r)
	c.put(r)
}

// put takes in a record that belongs among the first.
func (c *collector) put(r *record) {
	if c.most == 0 || len(c.rows) < c.most {
		c.rows = append(c.rows, r)
		if len(c.rows) == c.most {
			c.heap = true
			heap.Init(c)
		}
		return
	}
	c.spare, c.rows[0] = c.rows[0], r
	heap.Fix(c, 0)
}

func (c *collector) merge(other sink) {
	for _, r := range other.(*collector).rows {
		if c.full() {
			return
		}
		if c.heap && c.compare(r, c.rows[0]) >= 0 {
			continue
		}
		c.put(r)
	}
}

func (c *collector) records(*Options) []*record {
	rows := slices.Clone(c.rows)
	order.By(rows, c.compare)
	return rows
}

func (c *collector) compare(a, b *record) int { return compareRecords(c.order, a, b) }

// compareRecords goes by the keys, then newest first, then last stored first.
func compareRecords(order []orderKey, a, b *record) int {
	for i, k := range order {
		if c := compareOrdered(a.keys[i], b.keys[i], k.descending); c != 0 {
			return c
		}
	}
	return newest(a.row.Time, a.seq, b)
}

func newest(at int64, seq uint64, b *record) int {
	return cmp.Or(cmp.Compare(b.row.Time, at), cmp.Compare(b.seq, seq))
}

// Len, Less, Swap, Push and Pop are heap.Interface.
func (c *collector) Len() int           { return len(c.rows) }
func (c *collector) Less(i, j int) bool { return c.compare(c.rows[i], c.rows[j]) > 0 }
func (c *collector) Swap(i, j int)      { c.rows[i], c.rows[j] = c.rows[j], c.rows[i] }
func (c *collector) Push(x any)         { c.rows = append(c.rows, x.(*record)) }
func (c *collector) Pop() any {
	last := len(c.rows) - 1
	r := c.rows[last]
	c.rows = c.rows[:last]
	return r
}
