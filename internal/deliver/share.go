package deliver

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// shedAfter is how long a destination must have been denied before blocks that
// were queued for it are given up.
const shedAfter = time.Minute

// share is the part of a queue that all destinations which are denied may hold
// together: half of it, so that they never stop the others.
type share struct {
	holder sidelight.Holder // nil: the queue cannot tell
	bytes  int64
	full   atomic.Bool     // it was said so
	now    context.Context // ended: for asking without waiting
}

func newShare(q sidelight.Queue) share {
	h, _ := q.(sidelight.Holder)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	return share{holder: h, bytes: q.Stats().Limit / 2, now: ended}
}

// Parked returns the bytes that the queue holds for destinations that are denied,
// and how many these may be. Destinations that are denied because the credentials
// are not taken do not count: that concerns all, and is an outage.
func (d *Delivery) Parked() (held, limit int64) {
	if d.share.holder == nil {
		return 0, d.share.bytes
	}
	for _, dest := range d.parked() {
		held += d.share.holder.Held(dest)
	}
	return held, d.share.bytes
}

func (d *Delivery) parked() []sidelight.DestHandle {
	if p := d.rests.parked.Load(); p != nil {
		return *p
	}
	return nil
}

// Crowded reports whether dest is denied and such destinations have their share of
// the queue. It does not block.
func (d *Delivery) Crowded(dest sidelight.DestHandle) bool {
	denied := d.parked()
	if len(denied) == 0 || !slices.Contains(denied, dest) {
		return false
	}
	held, limit := d.Parked()
	full := held >= limit
	if d.share.full.Swap(full) != full {
		if full {
			d.log.Error("denied destinations have their share of the queue; what comes for them waits in its file, or is dropped and counted as denied", "bytes", held)
		} else {
			d.log.Info("denied destinations are below their share of the queue again", "bytes", held)
		}
	}
	return full
}

// mustShed reports whether a block of dest has to go, for the sake of the others:
// the queue is full, half of it with what is denied. That takes an outage before
// the denial, or more destinations than could be tried.
func (d *Delivery) mustShed(dest sidelight.DestHandle) bool {
	if !slices.Contains(d.parked(), dest) || d.rests.deniedFor(dest) < shedAfter {
		return false
	}
	held, limit := d.Parked()
	return held > limit && errors.Is(d.queue.Room(d.share.now), sidelight.ErrFull)
}

// shed gives up a block whose destination is denied.
func (d *Delivery) shed(l sidelight.Lease) error {
	b := l.Block()
	d.log.Error("gave up a block of a denied destination: it fills the queue of all", "dest", destText(b), "events", b.Events)
	d.books.Drop(b.Signal, "denied", b.Events)
	d.rests.hurry(b.Dest)
	return d.commit(l)
}
