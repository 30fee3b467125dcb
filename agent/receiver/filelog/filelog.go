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
	"log/slog"
	"slices"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// readBytes is the most that is read at a time, and so the size of a batch.
const readBytes = 512 << 10

// rarely is how many times Discover goes by between looks at what the kernel
// would have told of.
const rarely = 30

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
	wide   []byte // what is to be decoded, made when it is needed
	head   [headBytes]byte
	lines  receiver.Splitter
	batch  sidelight.Batch
	tails  map[key]*tail
	order  []*tail // as they were found
	copies map[key]bool
	last   map[string]sighting
	hunts  map[string]quarry
	done   map[key]finished
	watch  *watch
	opened int       // how many files are open
	sweep  time.Time // when files that sleep are looked at in any case

	current    *tail // whose turn it is
	discovered time.Time
	stale      bool // names have changed since

	counts
}

var _ sidelight.Receiver = (*Receiver)(nil)

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

// Run reads until ctx ends, then once more what is there, and returns nil. If
// the sink fails otherwise it returns that error. It may be called again, here
// or on another Receiver with the same store: what was not delivered by then is
// read once more.
func (r *Receiver) Run(ctx context.Context, out sidelight.Sink) (err error) {
	defer func() { err = errors.Join(err, r.closeAll()) }()
	fresh := r.store.Fresh()
	if r.watch = newWatch(&r.cfg, &r.waiting, r.log, r.warn); r.watch != nil {
		go r.watch.run()
	}
	r.restore()
	r.discover(fresh)
	r.discovered = time.Now()
	if err := r.follow(ctx, out); err != nil {
		return err
	}
	return r.finish(ctx, out)
}

// follow reads until ctx ends.
func (r *Receiver) follow(ctx context.Context, out sidelight.Sink) error {
	for ctx.Err() == nil {
		r.take()
		if now := time.Now(); !now.Before(r.due()) {
			r.discovered, r.stale = now, false
			r.discover(false)
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

// due returns when files are looked for next.
func (r *Receiver) due() time.Time {
	if r.stale || !r.watch.complete() || len(r.hunts) > 0 {
		return r.discovered.Add(r.cfg.Discover)
	}
	return r.discovered.Add(rarely * r.cfg.Discover)
}

// rest waits until a file is to be looked at, or the watch has news.
func (r *Receiver) rest(ctx context.Context) {
	next := r.due()
	for _, t := range r.order {
		if t.next.Before(next) {
			next = t.next
		}
	}
	t := time.NewTimer(time.Until(next))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-r.watch.awake():
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
		r.take()
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
	r.watch.close()
	var errs []error
	for _, t := range r.order {
		// The checkpoint goes on to be tracked: delivery has not ended.
		errs = append(errs, t.rest())
	}
	r.order, r.tails, r.opened = nil, map[key]*tail{}, 0
	r.count()
	return errors.Join(errs...)
}

// pass gives each file a turn and reports whether there may be more to read.
func (r *Receiver) pass(ctx context.Context, out sidelight.Sink, final bool) (bool, error) {
	busy := false
	if now := time.Now(); !now.Before(r.sweep) {
		r.sweep = now.Add(rarely * r.cfg.Discover)
	}
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
		if !more && r.ended(t, now) {
			r.drop(t)
			continue
		}
		t.next = r.next(t, more, now)
	}
	r.measureLag()
	return busy, nil
}

// next returns when to look at t again.
func (r *Receiver) next(t *tail, more bool, now time.Time) time.Time {
	switch {
	case more:
		return now
	case now.Sub(t.grown) < max(r.cfg.Quiet, r.cfg.Poll)+r.cfg.Poll || t.offset < t.size:
		return now.Add(min(r.cfg.Poll, r.cfg.Discover))
	case !t.gone.IsZero() || t.ledger.Pending() > 0:
		return now.Add(r.cfg.Discover)
	case t.asleep != 0:
		return r.sweep
	}
	if t.asleep = r.watch.sleep(t); t.asleep != 0 {
		return now // it may have grown just before
	}
	return now.Add(r.cfg.Discover)
}

// ended reports whether t was renamed or deleted, read to its end, and
// delivered.
func (r *Receiver) ended(t *tail, now time.Time) bool {
	return !t.gone.IsZero() && t.offset >= t.size && t.ledger.Pending() == 0 &&
		now.Sub(t.gone) >= r.cfg.RotateWait && now.Sub(t.grown) >= r.cfg.RotateWait
}

// turn reads one buffer of t and reports whether it was of use.
func (r *Receiver) turn(ctx context.Context, t *tail, out sidelight.Sink, final bool) (bool, error) {
	r.current = t
	if !r.ready(t) {
		return false, nil
	}
	if !time.Now().Before(t.retry) {
		if err := r.again(ctx, t, out); err != nil {
			return false, err
		}
	}
	if t.parked {
		return false, nil // other files go on; this one keeps its lines
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
	c, err := r.read(t, t.offset, t.size, final || r.quiet(t))
	if err != nil {
		r.warn.Warn("cannot read a log file", slog.String("path", t.path), slog.Any("err", err))
		return false, nil
	}
	used := c.raw(r.lines.Split(c.text, c.final, time.Now().UnixMilli()))
	if used == 0 {
		return false, nil
	}
	t.offset += int64(used)
	r.bytes.Add(uint64(used))
	r.linesRead.Add(uint64(len(r.lines.Events)))
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
		r.cuts.Add(uint64(r.lines.Cuts))
		r.warn.Warn("log lines are cut: they are longer than the limit", slog.String("path", t.path), slog.Int("max_line", r.cfg.MaxLine))
		r.lines.Cuts = 0
	}
	if len(r.lines.Events) == 0 {
		ticket.Release(nil)
		return nil
	}
	r.batch = sidelight.Batch{
		Signal: sidelight.Logs, Dest: r.dests.Get([]byte(t.source)), Source: t.source, Events: r.lines.Events, Ticket: ticket, Waits: true,
	}
	err := out.Push(ctx, &r.batch)
	ticket.Release(err)
	t.parked = errors.Is(err, sidelight.ErrParked)
	if t.parked {
		t.retry = time.Now().Add(retryAfter)
		return nil
	}
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
			t.parked = false
			return nil
		}
		t.retry = time.Now().Add(retryAfter)
		c, err := r.read(t, rg.Start, rg.End, true)
		if err != nil {
			ticket.Release(err)
			r.warn.Warn("cannot read a log file again", slog.String("path", t.path), slog.Any("err", err))
			return nil
		}
		r.lines.Split(c.text, true, time.Now().UnixMilli())
		if err := r.push(ctx, t, out, ticket); err != nil || t.parked {
			return err
		}
	}
}
