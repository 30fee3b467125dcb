package child

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// keepBytes is how large a buffer is kept for the next text.
const keepBytes = 256 << 10

// shipment is what Run has taken of a stream and not pushed yet. It survives a
// Run that ends with an error.
type shipment struct {
	stream *stream
	text   text
	at     int // text.bytes[:at] is pushed
}

// Run starts the child if Start was not called, and ships its lines until it
// has ended and all are shipped, or ctx ends; it then returns nil. So a stop
// that is to lose nothing lets the child end before it ends ctx. After ctx has
// ended the child goes on, but its lines are passed through only and counted as
// lost. If the sink fails, Run returns that error and may be called again.
//
// That the child cannot be started is no error of Run; Wait tells it.
func (r *Receiver) Run(ctx context.Context, out sidelight.Sink) error {
	if err := r.Start(); err != nil {
		return nil
	}
	s := r.shipper()
	for _, st := range r.streams {
		st.deafen(false)
	}
	for ctx.Err() == nil {
		if r.allDone() {
			return nil
		}
		if err := s.ship(ctx, out, false); err != nil && ctx.Err() == nil {
			return err
		}
		if err := r.idle(ctx); err != nil {
			break
		}
	}
	return r.stop(ctx, s, out)
}

// stop ships what is there and gives up the rest.
func (r *Receiver) stop(ctx context.Context, s *shipper, out sidelight.Sink) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Linger)
	defer cancel()
	err := s.ship(ctx, out, true)
	for _, st := range r.streams {
		st.deafen(true)
	}
	lost := s.abandon()
	if errors.Is(err, sidelight.ErrFull) || errors.Is(err, sidelight.ErrClosed) || ctx.Err() != nil {
		err = nil
	}
	if lost > 0 {
		r.log.Error("lines of the child were not shipped before the stop", slog.Int("events", lost))
	}
	return err
}

func (r *Receiver) allDone() bool { return r.streams[0].done() && r.streams[1].done() }

// idle waits until something was written, or until a line that is not complete
// has waited long enough.
func (r *Receiver) idle(ctx context.Context) error {
	if r.allDone() {
		return nil
	}
	var quiet <-chan time.Time
	if r.streams[0].partial() || r.streams[1].partial() {
		t := time.NewTimer(r.cfg.Quiet)
		defer t.Stop()
		quiet = t.C
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.wake:
	case <-quiet:
	}
	return nil
}

// shipper turns text into batches.
type shipper struct {
	r     *Receiver
	lines receiver.Splitter
	batch sidelight.Batch
	loads [2]shipment
}

// shipper returns the receiver's shipper, which only one Run at a time uses.
func (r *Receiver) shipper() *shipper {
	if r.ships == nil {
		r.ships = &shipper{r: r, lines: receiver.Splitter{Max: r.cfg.MaxLine}}
		for i, st := range r.streams {
			r.ships.loads[i].stream = st
		}
	}
	return r.ships
}

// ship pushes what is in the buffers, with all set including lines that are not
// complete.
func (s *shipper) ship(ctx context.Context, out sidelight.Sink, all bool) error {
	for i := range s.loads {
		l := &s.loads[i]
		for l.at < len(l.text.bytes) || l.stream.take(&l.text, all, s.r.cfg.Quiet, s.r.cfg.MaxLine) {
			if err := s.push(ctx, out, l); err != nil {
				return fmt.Errorf("push lines of %s: %w", l.stream.name, err)
			}
		}
	}
	return nil
}

// push sends the text of l, in as many batches as it takes.
func (s *shipper) push(ctx context.Context, out sidelight.Sink, l *shipment) error {
	for l.at < len(l.text.bytes) {
		used := s.next(l)
		if len(s.lines.Events) > 0 {
			s.batch = sidelight.Batch{Signal: sidelight.Logs, Dest: l.stream.dest, Source: l.stream.name, Events: s.lines.Events}
			if err := out.Push(ctx, &s.batch); err != nil {
				return err
			}
		}
		l.at += used
	}
	l.clear()
	return nil
}

// next splits what follows of l and returns the length of it. What was taken is
// to go, whether its last line is complete or not.
func (s *shipper) next(l *shipment) int {
	used := s.lines.Split(l.text.bytes[l.at:], true, 0)
	i := 0
	for j := range s.lines.Events {
		for i < len(l.text.marks)-1 && l.text.marks[i].end < l.at+s.lines.Ends[j] {
			i++
		}
		s.lines.Events[j].Time = l.text.marks[i].ms
	}
	return used
}

func (l *shipment) clear() {
	l.text.bytes, l.at = l.text.bytes[:0], 0
	if cap(l.text.bytes) > keepBytes {
		l.text.bytes = nil
	}
	l.stream.shipped()
}

// abandon drops what was not pushed, and returns how many lines that is.
func (s *shipper) abandon() int {
	total := 0
	for i := range s.loads {
		l := &s.loads[i]
		n := 0
		for l.at < len(l.text.bytes) || l.stream.take(&l.text, true, 0, 0) {
			for l.at < len(l.text.bytes) {
				l.at += s.next(l)
				n += len(s.lines.Events)
			}
			l.clear()
		}
		if n > 0 {
			l.stream.lost("shutdown", n)
		}
		total += n
	}
	return total
}
