package queue

import (
	"time"

	"github.com/sidelight-dev/sidelight"
)

// lagAfter is how long nothing may be delivered, while something waits, before a
// spilling queue writes all that waits.
const lagAfter = 2 * time.Second

// holdsLocked reports whether b stays in memory alone: the queue spills, b fits
// the memory, and delivery keeps up.
func (q *Queue) holdsLocked(b *sidelight.Block) bool {
	if !q.cfg.Spill {
		return false
	}
	if q.events == 0 {
		q.progress = time.Now()
	}
	if q.laggingLocked() {
		q.saveAllLocked()
		return false
	}
	return q.memory+int64(len(b.Body)) <= q.cfg.Memory
}

func (q *Queue) laggingLocked() bool {
	return q.events > 0 && time.Since(q.progress) > lagAfter
}

// lag is told that a block could not be delivered and goes back to its place. It
// is written if memory alone held it: because the queue spills, or because the
// disk refused and may have room again.
func (q *Queue) lag(l *lease) {
	if q.save(l.item.Value) {
		// The block is still the lessee's, so nobody else releases it now.
		l.block.Release(nil)
	}
}

// save reports whether e was in memory alone and is now on disk.
func (q *Queue) save(e *entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	saved := e.alone() && q.saveLocked(e) == nil
	if saved && !q.cfg.Spill || q.cfg.Spill && q.laggingLocked() {
		q.saveAllLocked()
	}
	return saved
}

// alone reports whether memory alone holds some of the block's events.
func (e *entry) alone() bool { return e.block != nil && e.safe < e.events }

// keptLocked returns the blocks that memory alone holds.
func (q *Queue) keptLocked() []*entry {
	var out []*entry
	q.line.Each(func(e *entry, _ bool) bool {
		if e.alone() {
			out = append(out, e)
		}
		return true
	})
	return out
}

// saveAllLocked writes what memory alone holds, until the disk refuses. The
// blocks keep their tickets: others may have leased them.
func (q *Queue) saveAllLocked() {
	q.markOwedLocked()
	for _, e := range q.keptLocked() {
		if q.saveLocked(e) != nil {
			return
		}
	}
}

// relievedLocked writes what memory alone holds once the disk, which refused,
// writes again.
func (q *Queue) relievedLocked(was bool) {
	if was && !q.failing {
		q.saveAllLocked()
	}
}

// saveLocked writes the block of e whole. It takes the place of the part of it
// that is on disk, and of the block that it was a part of.
func (q *Queue) saveLocked(e *entry) error {
	r, err := q.writeLocked(appendWhole, e.block)
	if err != nil {
		return err
	}
	q.dropRefsLocked(e)
	q.addRefLocked(e, r)
	e.safe = e.events
	if o := e.origin; o != nil {
		e.origin = nil
		if o.parts--; o.parts == 0 {
			q.doneLocked(o)
		}
	}
	return nil
}

// Abandon gives up what the disk would not take and memory alone holds, and
// returns how many events of each signal that were. It tries to write once more.
// Nothing may be leased or put any more.
func (q *Queue) Abandon() map[sidelight.Signal]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	lost := map[sidelight.Signal]int{}
	for _, e := range q.keptLocked() {
		if q.saveLocked(e) == nil {
			e.block.Release(nil)
			continue
		}
		if e.origin != nil && len(e.origin.refs) > 0 {
			continue // the block that it was a part of is on disk
		}
		n := e.events - e.safe
		lost[e.signal] += n
		q.events -= n
		e.events -= n
		e.block.Release(sidelight.ErrClosed)
	}
	return lost
}
