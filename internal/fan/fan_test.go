package fan_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/fan"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// end is a destination under test.
type end struct {
	books meter.Account
	queue *memq.Queue
	pack  *pack.Packer
}

func newEnd(limit int64) *end {
	e := &end{queue: memq.New(memq.Config{Limit: limit})}
	e.pack = pack.New(pack.Config{Target: 20}, queuetest.Encoder{}, e.queue, &e.books, slog.New(slog.DiscardHandler))
	return e
}

func (e *end) way(name string, drop bool) fan.Way {
	return fan.Way{Name: name, Packer: e.pack, Books: &e.books, Drop: drop}
}

// drain delivers everything and returns the exporters that the blocks name.
func (e *end) drain(t *testing.T) (names []string) {
	t.Helper()
	if err := errors.Join(e.pack.Close(), e.queue.Close()); err != nil {
		t.Fatal(err)
	}
	for {
		l, err := e.queue.Take(t.Context())
		if err != nil {
			return names
		}
		names = append(names, l.Block().Dest.Value().Exporter)
		e.books.Deliver(l.Block().Signal, l.Block().Events)
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

func batch(t *sidelight.Ticket) *sidelight.Batch {
	return &sidelight.Batch{
		Dest: sidelight.Dest{Exporter: "first", Group: "g"}.Handle(), Ticket: t,
		Events: []sidelight.Event{{Time: 1, Body: []byte("0123456789012345")}, {Time: 2, Body: []byte("0123456789012345")}},
	}
}

func newFan(ways ...fan.Way) *fan.Fan {
	return fan.New(ways, fan.PushBack(ways), slog.New(slog.DiscardHandler))
}

// A batch is acknowledged when every destination has it.
func TestAcknowledgement(t *testing.T) {
	a, b := newEnd(1<<20), newEnd(1<<20)
	f := newFan(a.way("first", false), b.way("second", true))
	done := make(chan error, 1)
	ticket := sidelight.NewTicket(func(err error) { done <- err })
	if err := f.Push(t.Context(), batch(ticket)); err != nil {
		t.Fatal(err)
	}
	ticket.Release(nil)
	if names := a.drain(t); names[0] != "first" {
		t.Errorf("blocks of the first destination name %v", names)
	}
	select {
	case <-done:
		t.Fatal("acknowledged before the second destination had it")
	default:
	}
	if names := b.drain(t); names[0] != "second" {
		t.Errorf("blocks of the second destination name %v", names)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A dead destination costs the first nothing, and what it misses is counted.
func TestDeadDestination(t *testing.T) {
	a, b := newEnd(1<<20), newEnd(100)
	f := newFan(a.way("first", false), b.way("second", true))
	released := 0
	const n = 50
	for range n {
		ticket := sidelight.NewTicket(func(err error) {
			if err == nil {
				released++
			}
		})
		if err := f.Push(t.Context(), batch(ticket)); err != nil {
			t.Fatal(err)
		}
		ticket.Release(nil)
	}
	a.drain(t)
	if got := a.books.Totals(sidelight.Logs); got.Delivered != 2*n || got.Lost() != 0 {
		t.Errorf("first: %+v", got)
	}
	got := b.books.Totals(sidelight.Logs)
	if got.Accepted != 2*n || got.Dropped["full"] == 0 || got.Queued() != int64(2*n-got.Dropped["full"]) {
		t.Errorf("second, before it delivers: %+v", got)
	}
	if held := n - released; held != int(got.Queued())/2 {
		t.Errorf("%d batches are held, and %d events are queued", held, got.Queued())
	}
	b.drain(t)
	if got := b.books.Totals(sidelight.Logs); got.Queued() != 0 || got.Delivered+got.Dropped["full"] != 2*n {
		t.Errorf("second, after it delivered: %+v", got)
	}
	if released != n {
		t.Errorf("%d of %d batches were acknowledged", released, n)
	}
}

// A destination that pushes back makes all wait, and nobody takes half.
func TestPushBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newEnd(1<<20), newEnd(30)
		f := newFan(a.way("first", false), b.way("second", false))
		for range 2 {
			if err := f.Push(t.Context(), batch(nil)); err != nil {
				t.Fatal(err)
			}
		}
		before := a.books.Totals(sidelight.Logs)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Push(ctx, batch(nil)); !errors.Is(err, sidelight.ErrFull) {
			t.Errorf("Push = %v, want ErrFull", err)
		}
		if d := cmp.Diff(before, a.books.Totals(sidelight.Logs)); d != "" {
			t.Errorf("the first took something:\n%s", d)
		}
		if b.books.Totals(sidelight.Logs).Dropped != nil {
			t.Error("something was dropped")
		}
	})
}

// What a destination never takes is counted and does not hold the batch.
func TestAdmit(t *testing.T) {
	a, b := newEnd(1<<20), newEnd(1<<20)
	w := b.way("second", true)
	w.Admit = func(ms int64, _ time.Time) (string, bool) { return "too_old", ms > 1 }
	f := newFan(a.way("first", false), w)
	for range 3 {
		if err := f.Push(t.Context(), batch(nil)); err != nil {
			t.Fatal(err)
		}
	}
	a.drain(t)
	b.drain(t)
	if got := a.books.Totals(sidelight.Logs); got.Delivered != 6 {
		t.Errorf("first: %+v", got)
	}
	if got := b.books.Totals(sidelight.Logs); got.Delivered != 3 || got.Dropped["too_old"] != 3 || got.Accepted != 6 {
		t.Errorf("second: %+v", got)
	}
}
