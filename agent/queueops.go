package agent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/agent/status"
)

// refusedDir is where refused events are kept, in the queue's directory.
const refusedDir = "refused"

// openRefused opens the store of what AWS refuses for good, if there is a
// directory for it.
func (a *Agent) openRefused(dir string) error {
	if dir == "" {
		return nil
	}
	s, err := refused.Open(refused.Config{
		Dir: filepath.Join(dir, refusedDir), Limit: int64(a.cfg.Queue.SetAside), Fsync: a.cfg.Queue.Fsync,
	}, a.log)
	if err != nil {
		return wrap("queue", err)
	}
	a.refused = s
	return nil
}

func (a *Agent) refusedStats() *refused.Stats {
	if a.refused == nil {
		return nil
	}
	s := a.refused.Stats()
	return &s
}

var _ status.Control = (*Agent)(nil)

// Queues tells what waits and what was set aside.
func (a *Agent) Queues(f refused.Filter) (status.Queues, error) {
	q := status.Queues{Format: status.QueueFormat, Dir: a.queueDir(), Live: true, Store: a.refusedStats()}
	for _, l := range a.lanes {
		if f.Queue == "" || f.Queue == l.name {
			q.Waiting = append(q.Waiting, l.destinations(f.Destination)...)
		}
	}
	if a.refused == nil {
		return q, nil
	}
	var err error
	q.SetAside, err = refused.Summarize(a.refused, f)
	return q, err
}

// destinations tells what waits for each destination, and how its delivery goes.
func (l *lane) destinations(only string) []status.Waiting {
	failing := map[sidelight.Dest]int{}
	all := l.delivery.Failing()
	for i, f := range all {
		failing[f.Dest] = i
	}
	held, limit := l.delivery.Parked()
	var out []status.Waiting
	for _, w := range l.waiting() {
		if !named(w.Dest, only) {
			continue
		}
		x := status.Waiting{
			Queue: l.name, Signal: w.Signal.String(), Destination: destination(w.Dest),
			Blocks: w.Blocks, Events: w.Events, Bytes: w.Bytes, Oldest: w.Oldest,
		}
		if i, ok := failing[w.Dest]; ok {
			f := all[i]
			x.Attempts, x.Since, x.Error, x.Denied, x.Again = f.Attempts, f.Since, f.Err, f.Denied, f.Until
			x.Full = f.Denied && limit > 0 && held >= limit
		}
		out = append(out, x)
	}
	return out
}

// destination is how a person names d.
func destination(d sidelight.Dest) string {
	if d.Stream == "" {
		return d.Group
	}
	return d.Group + ":" + d.Stream
}

var errNotKept = errors.New("nothing is set aside: the agent has no queue directory")

// Refused calls f for each event that was set aside.
func (a *Agent) Refused(filter refused.Filter, f func(*refused.Record) bool) error {
	if a.refused == nil {
		return nil
	}
	return a.refused.Each(filter, f)
}

// Drop deletes events that were set aside.
func (a *Agent) Drop(f refused.Filter) (int, error) {
	if a.refused == nil {
		return 0, errNotKept
	}
	return a.refused.Remove(f)
}

// Requeue puts events that were set aside back into the queue that they came
// from. They are counted as accepted anew.
func (a *Agent) Requeue(ctx context.Context, f refused.Filter) (int, error) {
	if a.refused == nil {
		return 0, errNotKept
	}
	if !a.requeuing.TryLock() {
		return 0, errors.New("events are being put back already")
	}
	defer a.requeuing.Unlock()
	return requeue(ctx, a.refused, f, func(queue string) (sidelight.Sink, error) {
		for _, l := range a.lanes {
			if l.name == queue || queue == logsLane && l.first && l.signal == sidelight.Logs && l.name != filesLane {
				return l.packer, nil
			}
		}
		return nil, fmt.Errorf("there is no queue %q", queue)
	})
}

// durableLane is where events of a queue are put back. What was read from a file
// is in no file's checkpoint any more: it goes the way of what cannot be read
// again.
func durableLane(queue string) string {
	if queue == filesLane {
		return logsLane
	}
	return queue
}

// requeueBatch bounds the events that are put back at a time.
const requeueBatch = 1000

// requeueBytes bounds their bytes, as receivers bound their batches.
const requeueBytes = 1 << 20

// requeue pushes what f chooses to the queues' packers, in batches of one
// destination, and removes each batch from s once it is safe in the queue.
func requeue(ctx context.Context, s *refused.Store, f refused.Filter, sink func(queue string) (sidelight.Sink, error)) (int, error) {
	moved := 0
	// What is refused anew meanwhile is not for this time.
	if next := s.Next(); f.Before == 0 || f.Before > next {
		f.Before = next
	}
	for {
		batch, err := nextBatch(s, f)
		if err != nil || len(batch) == 0 {
			return moved, err
		}
		to, err := sink(durableLane(batch[0].Queue))
		if err != nil {
			return moved, err
		}
		if err := pushBack(ctx, to, batch); err != nil {
			return moved, err
		}
		ids := make([]uint64, len(batch))
		for i := range batch {
			ids[i] = batch[i].ID
		}
		n, err := s.Remove(refused.Filter{IDs: ids})
		moved += n
		if err == nil && n == 0 {
			err = errors.New("events were put back and cannot be taken out of what is set aside")
		}
		if err != nil {
			return moved, err
		}
	}
}

// nextBatch returns the first of the records that f chooses, as many as go one
// way. What was perhaps delivered is sent again only for who asks for it.
func nextBatch(s *refused.Store, f refused.Filter) ([]refused.Record, error) {
	var batch []refused.Record
	size := 0
	err := s.Each(f, func(r *refused.Record) bool {
		if r.Maybe != "" && f.Reason == "" && len(f.IDs) == 0 {
			return true
		}
		if len(batch) > 0 && (r.Dest() != batch[0].Dest() || r.Signal != batch[0].Signal) {
			return true
		}
		batch = append(batch, *r)
		size += len(r.Event) + len(r.Data)
		return len(batch) < requeueBatch && size < requeueBytes
	})
	return batch, err
}

// pushBack pushes records of one destination and waits until they are safe.
func pushBack(ctx context.Context, to sidelight.Sink, records []refused.Record) error {
	d := records[0].Dest()
	d.Exporter = durableLane(d.Exporter)
	b := sidelight.Batch{Dest: d.Handle()}
	for s := range sidelight.Signal(sidelight.NumSignals) {
		if s.String() == records[0].Signal {
			b.Signal = s
		}
	}
	for i := range records {
		b.Events = append(b.Events, sidelight.Event{Time: records[i].At, Body: records[i].Body()})
	}
	safe := make(chan error, 1)
	b.Ticket = sidelight.NewTicket(func(err error) { safe <- err })
	err := to.Push(ctx, &b)
	b.Ticket.Release(err)
	if err != nil {
		return fmt.Errorf("put events back: %w", err)
	}
	select {
	case err = <-safe:
	case <-ctx.Done():
		err = errors.New("they are not yet safe; they stay set aside too")
	}
	if err != nil {
		return fmt.Errorf("put events back: %w", err)
	}
	return nil
}
