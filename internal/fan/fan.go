// Package fan gives every batch to several destinations. Each has a packer, a
// queue, a delivery and books of its own; a batch is acknowledged when all that
// took it have it safe.
//
// A destination that pushes back when its queue is full makes all wait: nobody
// takes anything until it has room. The others miss, and count, what comes while
// their queue is full, so that one that is dead costs the rest nothing but its
// queue's share.
package fan

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Packer takes batches for one destination.
type Packer interface {
	// Room waits until there is room, or returns what a queue's Room returns.
	Room(ctx context.Context) error
	// Add packs b without waiting. It fails only when the packer is closed.
	Add(b *sidelight.Batch) error
}

// Books is where a destination counts what it does not take.
type Books interface {
	Lose(s sidelight.Signal, cause string, n int)
}

// Way leads to one destination.
type Way struct {
	// Name is the destination's, as batches name it in Dest.Exporter.
	Name   string
	Packer Packer
	Books  Books
	// Drop says that what comes while the queue is full is missed and counted as
	// "full". Otherwise all wait.
	Drop bool
	// Admit, if not nil, tells what of a batch's events the destination never
	// takes, by their time in Unix milliseconds, and why.
	Admit func(ms int64, now time.Time) (why string, ok bool)
}

// Fan is a sidelight.Sink for several destinations. It is safe for concurrent
// use.
type Fan struct {
	ways  []*way
	waits []Packer
	log   *slog.Logger
	now   context.Context // ended: for asking without waiting
}

type way struct {
	Way
	full atomic.Bool // the last batch was missed
}

var _ sidelight.Sink = (*Fan)(nil)

// New returns a Fan that gives batches to all ways, after those in waits have
// room; see [PushBack].
func New(ways []Way, waits []Packer, log *slog.Logger) *Fan {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	f := &Fan{waits: waits, log: log, now: ended}
	for _, w := range ways {
		f.ways = append(f.ways, &way{Way: w})
	}
	return f
}

// PushBack returns the packers of the ways that wait for room.
func PushBack(ways []Way) []Packer {
	var out []Packer
	for _, w := range ways {
		if !w.Drop {
			out = append(out, w.Packer)
		}
	}
	return out
}

// Push gives b to every destination. If one of those that push back has no room
// before ctx ends, nobody has taken anything.
func (f *Fan) Push(ctx context.Context, b *sidelight.Batch) error {
	for _, p := range f.waits {
		if err := p.Room(ctx); err != nil {
			return err
		}
	}
	// What others have taken is not offered anew.
	waits := b.Waits && len(f.ways) == 1
	for _, w := range f.ways {
		if err := w.take(b, waits, f.now, f.log); err != nil {
			return err
		}
	}
	return nil
}

// take gives the destination its copy of b, or counts what it misses.
func (w *way) take(b *sidelight.Batch, waits bool, now context.Context, log *slog.Logger) error {
	if w.Drop && errors.Is(w.Packer.Room(now), sidelight.ErrFull) {
		w.Books.Lose(b.Signal, "full", len(b.Events))
		if !w.full.Swap(true) {
			log.Error("a destination misses data: its queue is full", "exporter", w.Name, "signal", b.Signal.String())
		}
		return nil
	}
	if w.full.Swap(false) {
		log.Info("a destination has room again", "exporter", w.Name, "signal", b.Signal.String())
	}
	d := b.Dest.Value()
	d.Exporter = w.Name
	own := *b
	own.Dest = d.Handle()
	own.Waits = waits
	own.Events = w.admitted(b)
	if len(own.Events) == 0 {
		return nil
	}
	return w.Packer.Add(&own)
}

// admitted returns the events that the destination may take, and counts the
// others.
func (w *way) admitted(b *sidelight.Batch) []sidelight.Event {
	if w.Admit == nil {
		return b.Events
	}
	now := time.Now()
	var kept []sidelight.Event // nil: all of them, so far
	for i := range b.Events {
		why, ok := w.Admit(b.Events[i].Time, now)
		switch {
		case ok && kept != nil:
			kept = append(kept, b.Events[i])
		case !ok:
			if kept == nil {
				kept = append(make([]sidelight.Event, 0, len(b.Events)), b.Events[:i]...)
			}
			w.Books.Lose(b.Signal, why, 1)
		}
	}
	if kept == nil {
		return b.Events
	}
	return kept
}
