package agent

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/deliver"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// denier denies the group "denied" until it is granted.
type denier struct {
	queuetest.Encoder
	granted      atomic.Bool
	open, parked atomic.Int64
}

func (x *denier) Export(_ context.Context, b *sidelight.Block) (sidelight.Receipt, error) {
	if b.Dest.Value().Group != "denied" {
		x.open.Add(int64(b.Events))
		return sidelight.Receipt{Accepted: b.Events}, nil
	}
	if !x.granted.Load() {
		return sidelight.Receipt{}, &sidelight.Fault{Kind: sidelight.Denied, Op: "put", Err: errors.New("no")}
	}
	x.parked.Add(int64(b.Events))
	return sidelight.Receipt{Accepted: b.Events}, nil
}

// laneRun is a lane with what runs it.
type laneRun struct {
	*lane
	end  context.CancelFunc
	done []chan error
}

func runLane(t *testing.T, dir string, x sidelight.Exporter, books *meter.Account) *laneRun {
	t.Helper()
	l, err := newLane(laneConfig{
		name: "logs", signal: sidelight.Logs, dir: dir, memory: 256 << 10, disk: 2 << 20,
		pack: pack.Config{Target: 32 << 10}, deliver: deliver.Config{Workers: 2},
	}, x, books, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	r := &laneRun{lane: l, end: end}
	for _, f := range []func(context.Context) error{l.packer.Run, l.runDelivery} {
		c := make(chan error, 1)
		r.done = append(r.done, c)
		go func() { c <- f(ctx) }()
	}
	return r
}

// stop ends the lane within a moment, as a grace that is over.
func (r *laneRun) stop(t *testing.T) left {
	t.Helper()
	if err := errors.Join(r.packer.Close(), r.queue.Close()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	r.end()
	for _, c := range r.done {
		<-c
	}
	rest, err := r.release()
	if err != nil {
		t.Fatal(err)
	}
	return rest
}

// push sends 16 events of half a kilobyte and fails if there is no room within a
// minute.
func (r *laneRun) push(t *testing.T, group string, waits bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := sidelight.Batch{Signal: sidelight.Logs, Dest: sidelight.Dest{Exporter: "logs", Group: group}.Handle(), Waits: waits}
	for range 16 {
		b.Events = append(b.Events, sidelight.Event{Time: time.Now().UnixMilli(), Body: []byte(strings.Repeat("x", 512))})
	}
	err := r.packer.Push(ctx, &b)
	if err != nil && !errors.Is(err, sidelight.ErrParked) {
		t.Fatalf("push for %s: %v", group, err)
	}
	return err
}

// A group that is denied has its share of the queue and no more: the other goes on
// and loses nothing, and what is parked arrives after a restart and a grant.
func TestDeniedShare(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const batches, events = 1000, 16_000
		var x denier
		var books, again meter.Account
		r := runLane(t, dir, &x, &books)
		for range batches {
			r.push(t, "denied", false)
			r.push(t, "open", false)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		held, limit := r.delivery.Parked()
		if limit != 1<<20 || held < limit || held > limit+128<<10 {
			t.Errorf("%d bytes are parked, with a share of %d", held, limit)
		}
		if err := r.push(t, "denied", true); !errors.Is(err, sidelight.ErrParked) {
			t.Errorf("a batch that can wait: %v, want ErrParked", err)
		}
		parked := r.stop(t).disk
		b := books.Totals(sidelight.Logs)
		if b.Accepted != 2*events || b.Delivered != events || b.Lost() != b.Dropped["denied"] || b.Queued() != int64(parked) {
			t.Errorf("books %+v, %d on disk", b, parked)
		}
		if x.open.Load() != events || parked == 0 || b.Dropped["denied"] == 0 {
			t.Errorf("%d of the other group arrived, %d are parked", x.open.Load(), parked)
		}

		r = runLane(t, dir, &x, &again)
		time.Sleep(time.Second)
		if err := r.push(t, "denied", true); !errors.Is(err, sidelight.ErrParked) {
			t.Errorf("after a restart: %v, want ErrParked", err)
		}
		r.push(t, "open", false)
		x.granted.Store(true)
		time.Sleep(2 * time.Minute)
		if err := r.push(t, "denied", true); err != nil {
			t.Errorf("after access was granted: %v", err)
		}
		if rest := r.stop(t); rest.disk != 0 || x.parked.Load() != int64(parked)+16 {
			t.Errorf("%d events of %d arrived after access was granted, %d are left", x.parked.Load(), parked+16, rest.disk)
		}
		b = again.Totals(sidelight.Logs)
		if b.Recovered != uint64(parked) || b.Accepted != 32 || b.Delivered != b.Recovered+32 || b.Lost() != 0 {
			t.Errorf("books after the restart %+v", b)
		}
	})
}

// The same in memory.
func TestDeniedShareInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var x denier
		var books meter.Account
		r := runLane(t, "", &x, &books)
		for range 200 {
			r.push(t, "denied", false)
			r.push(t, "open", false)
			time.Sleep(50 * time.Millisecond)
		}
		if held, limit := r.delivery.Parked(); limit != 128<<10 || held < limit || held > limit+64<<10 {
			t.Errorf("%d bytes are parked, with a share of %d", held, limit)
		}
		x.granted.Store(true)
		time.Sleep(2 * time.Minute)
		r.stop(t)
		b := books.Totals(sidelight.Logs)
		if b.Queued() != 0 || b.Lost() != b.Dropped["denied"] || x.open.Load() != 3200 || b.Accepted != 6400 || b.Dropped["denied"] == 0 {
			t.Errorf("books %+v, %d of the other group", b, x.open.Load())
		}
	})
}
