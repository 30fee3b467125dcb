// Package filelog reads log files as they grow, through rotation, one event a
// line. A file is its own buffer: lines are read when there is room for them,
// and a checkpoint, in bytes from the file's start, moves only over what was
// delivered. After a crash what lies behind it is read again.
//
// A file is known by its device and inode and by its first bytes. So it is read
// on when a rotation renames it, to its end and past it while it still grows;
// it is read from the start when it was truncated, after the rest of the copy
// that was made of it; and a file that got the inode of another is not mistaken
// for it.
//
// One goroutine reads all files in turn into one buffer. Lines are not copied:
// events borrow the buffer, and a line that is not complete is read again when
// it is.
package filelog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// readBytes is the most that is read at a time, and so the size of a batch.
const readBytes = 512 << 10

// retryAfter is how long a range that failed rests before it is offered again.
const retryAfter = time.Second

// Receiver reads the files that its Config names.
type Receiver struct {
	cfg   Config
	store *receiver.Checkpoints
	log   *slog.Logger
	warn  *receiver.Warner
	dests *receiver.Dests

	buf    []byte
	head   [headBytes]byte
	lines  receiver.Splitter
	batch  sidelight.Batch
	tails  map[key]*tail
	order  []*tail // as they were found
	copies map[key]bool
	last   map[string]sighting
	hunts  map[string]quarry
	done   map[key]finished

	files, cuts, truncations atomic.Int64
}

var _ sidelight.Receiver = (*Receiver)(nil)

// Stats is what a Receiver has to tell of itself.
type Stats struct {
	// Files is how many are open.
	Files int64
	// Cuts counts how often a line was cut because it was too long, and
	// Truncations how often a file was begun again.
	Cuts, Truncations int64
}

// New returns a Receiver that remembers in store how far it came. With a nil
// store it begins anew at each Run. The caller runs the store: it has to outlive
// the delivery of what was read.
func New(cfg Config, store *receiver.Checkpoints, log *slog.Logger) (*Receiver, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("configure the file receiver: %w", err)
	}
	return &Receiver{
		cfg: cfg, store: store, log: log, warn: receiver.NewWarner(log), dests: receiver.NewDests(cfg.Dest),
		buf: make([]byte, max(readBytes, cfg.MaxLine+readBytes/8)), lines: receiver.Splitter{Max: cfg.MaxLine, Stamp: cfg.Timestamp},
		tails: map[key]*tail{}, copies: map[key]bool{}, last: map[string]sighting{},
		hunts: map[string]quarry{}, done: map[key]finished{},
	}, nil
}

// Stats returns the receiver's counts. It is safe for concurrent use.
func (r *Receiver) Stats() Stats {
	return Stats{Files: r.files.Load(), Cuts: r.cuts.Load(), Truncations: r.truncations.Load()}
}

// Run reads until ctx ends, then once more what is there, and returns nil. If
// the sink fails otherwise it returns that error. It may be called again, here
// or on another Receiver with the same store: what was not delivered by then is
// read once more.
func (r *Receiver) Run(ctx context.Context, out sidelight.Sink) (err error) {
	defer func() { err = errors.Join(err, r.closeAll()) }()
	fresh := r.store.Fresh()
	r.restore()
	r.discover(fresh)
	if err := r.follow(ctx, out); err != nil {
		return err
	}
	return r.finish(ctx, out)
}

// follow reads until ctx ends.
func (r *Receiver) follow(ctx context.Context, out sidelight.Sink) error {
	var discovered time.Time
	for ctx.Err() == nil {
		if time.Since(discovered) >= r.cfg.Discover {
			r.discover(false)
			discovered = time.Now()
		}
		busy, err := r.pass(ctx, out, false)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if !busy {
			r.rest(ctx)
		}
	}
	return nil
}

func (r *Receiver) rest(ctx context.Context) {
	t := time.NewTimer(min(r.cfg.Poll, r.cfg.Discover))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// finish reads what is there at the stop. Without a store that lasts nobody will
// read the rest of an unfinished line, so that it is taken as it is.
func (r *Receiver) finish(ctx context.Context, out sidelight.Sink) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.Linger)
	defer cancel()
	for _, t := range r.order {
		t.next, t.retry = time.Time{}, time.Time{}
	}
	for {
		busy, err := r.pass(ctx, out, !r.store.Lasting())
		switch {
		case errors.Is(err, sidelight.ErrFull) || errors.Is(err, sidelight.ErrClosed) || ctx.Err() != nil:
			return nil // the checkpoint stays before it
		case err != nil || !busy:
			return err
		}
		for _, t := range r.order {
			t.next = time.Time{}
		}
	}
}

func (r *Receiver) closeAll() error {
	var errs []error
	for _, t := range r.order {
		// The checkpoint goes on to be tracked: delivery has not ended.
		errs = append(errs, t.f.Close())
	}
	r.order, r.tails = nil, map[key]*tail{}
	r.files.Store(0)
	return errors.Join(errs...)
}

// pass gives each file a turn and reports whether there may be more to read.
func (r *Receiver) pass(ctx context.Context, out sidelight.Sink, final bool) (bool, error) {
	busy := false
	for _, t := range slices.Clone(r.order) {
		now := time.Now()
		if now.Before(t.next) {
			continue
		}
		more, err := r.turn(ctx, t, out, final)
		if err != nil {
			return false, err
		}
		busy = busy || more
		t.next = now
		if !more && now.Sub(t.grown) > 10*time.Second {
			t.next = now.Add(r.cfg.Discover)
		}
		if !more && r.ended(t, now) {
			r.drop(t)
		}
	}
	return busy, nil
}

// ended reports whether t was renamed or deleted, read to its end, and
// delivered.
func (r *Receiver) ended(t *tail, now time.Time) bool {
	return !t.gone.IsZero() && t.offset >= t.size && t.ledger.Pending() == 0 &&
		now.Sub(t.gone) >= r.cfg.RotateWait && now.Sub(t.grown) >= r.cfg.RotateWait
}

func (r *Receiver) drop(t *tail) {
	if err := t.close(); err != nil {
		r.warn.Warn("cannot close a log file", slog.String("path", t.path), slog.Any("err", err))
	}
	delete(r.tails, t.key)
	r.done[t.key] = finished{len(t.head), sum(t.head), t.offset, time.Now()}
	r.order = slices.DeleteFunc(r.order, func(o *tail) bool { return o == t })
	r.files.Store(int64(len(r.order)))
	r.log.Info("a log file is read to its end", slog.String("path", t.path), slog.Int64("offset", t.offset))
}

// turn reads one buffer of t and reports whether it was of use.
func (r *Receiver) turn(ctx context.Context, t *tail, out sidelight.Sink, final bool) (bool, error) {
	if !time.Now().Before(t.retry) {
		if err := r.again(ctx, t, out); err != nil {
			return false, err
		}
	}
	truncated, err := t.look(r.head[:])
	if err != nil {
		r.warn.Warn("cannot read a log file", slog.String("path", t.path), slog.Any("err", err))
		return false, nil
	}
	if truncated {
		r.truncated(t)
	}
	if t.size <= t.offset {
		return false, nil
	}
	n, err := t.f.ReadAt(r.buf, t.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		r.warn.Warn("cannot read a log file", slog.String("path", t.path), slog.Any("err", err))
		return false, nil
	}
	last := t.offset+int64(n) == t.size // and not grown since it was looked at
	used := r.lines.Split(r.buf[:n], last && (final || r.quiet(t)), time.Now().UnixMilli())
	if used == 0 {
		return false, nil
	}
	t.offset += int64(used)
	if err := t.learn(); err != nil {
		r.warn.Warn("cannot read a log file", slog.String("path", t.path), slog.Any("err", err))
	}
	return true, r.push(ctx, t, out, t.ledger.Open(t.offset))
}

// quiet reports whether t's last line will not be completed any more.
func (r *Receiver) quiet(t *tail) bool {
	wait := r.cfg.Quiet
	if !t.gone.IsZero() {
		wait = min(wait, r.cfg.RotateWait)
	}
	return time.Since(t.grown) >= wait
}

// push sends the events of the last split. If that fails, ticket's range is
// offered again later.
func (r *Receiver) push(ctx context.Context, t *tail, out sidelight.Sink, ticket *sidelight.Ticket) error {
	if r.lines.Cuts > 0 {
		r.cuts.Add(int64(r.lines.Cuts))
		r.warn.Warn("log lines are cut: they are longer than the limit", slog.String("path", t.path), slog.Int("max_line", r.cfg.MaxLine))
		r.lines.Cuts = 0
	}
	if len(r.lines.Events) == 0 {
		ticket.Release(nil)
		return nil
	}
	r.batch = sidelight.Batch{
		Signal: sidelight.Logs, Dest: r.dests.Get([]byte(t.source)), Source: t.source, Events: r.lines.Events, Ticket: ticket,
	}
	err := out.Push(ctx, &r.batch)
	ticket.Release(err)
	if err != nil {
		t.retry = time.Now().Add(retryAfter)
		return fmt.Errorf("push lines of %q: %w", t.path, err)
	}
	return nil
}

// again reads ranges once more that were pushed and then not delivered.
func (r *Receiver) again(ctx context.Context, t *tail, out sidelight.Sink) error {
	for {
		rg, ticket, ok := t.ledger.Again()
		if !ok {
			return nil
		}
		t.retry = time.Now().Add(retryAfter)
		b := r.buf[:rg.End-rg.Start]
		if _, err := t.f.ReadAt(b, rg.Start); err != nil {
			ticket.Release(err)
			r.warn.Warn("cannot read a log file again", slog.String("path", t.path), slog.Any("err", err))
			return nil
		}
		r.lines.Split(b, true, time.Now().UnixMilli())
		if err := r.push(ctx, t, out, ticket); err != nil {
			return err
		}
	}
}
