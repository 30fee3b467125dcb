// Package deliver takes blocks off a queue and exports them: it classifies each
// attempt's outcome, backs off, slows down under throttling, rests destinations
// that are denied, divides what is too large, and commits.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/spare"
)

// Books is where a Delivery counts what became of events.
type Books interface {
	Deliver(s sidelight.Signal, n int)
	Refuse(s sidelight.Signal, reason string, n int)
	Drop(s sidelight.Signal, cause string, n int)
}

// Aside keeps events that were refused for good where a person can read them.
type Aside interface {
	// Keep copies the events of b at the given positions. cause is what the
	// service said beyond reason, or nil. What it cannot keep it counts itself.
	Keep(b *sidelight.Block, at []int, reason string, cause error)
	// Miss is told of events of b that the service refused without saying which.
	Miss(b *sidelight.Block, events int, reason string, cause error)
}

// Routes counts by where events go. It is called once for each request.
type Routes interface {
	// Deliver books events, the bytes of the body that brought them, and what
	// the service charges for: their weight where it is known.
	Deliver(d sidelight.Dest, events, bytes, weight int)
	Refuse(d sidelight.Dest, reason string, events int)
}

// Config shapes a Delivery. Zero fields take the defaults.
type Config struct {
	// Workers is how many exports run at the same time. Default 4.
	Workers int
	// Timeout bounds one attempt. Default 30 s.
	Timeout time.Duration
	// MinBackoff and MaxBackoff bound the wait after a failure. Defaults
	// 100 ms and 10 s.
	MinBackoff, MaxBackoff time.Duration
	// DeniedBackoff is the longest rest of a destination that is denied.
	// Default 60 s.
	DeniedBackoff time.Duration
	// Aside takes what is refused for good. Nil: it is only counted.
	Aside Aside
	// Routes may be nil.
	Routes Routes
	// Spare takes the memory of blocks that are done with. May be nil.
	Spare *spare.Memory
}

func (c Config) withDefaults() Config {
	if c.Workers <= 0 {
		c.Workers = 4
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MinBackoff <= 0 {
		c.MinBackoff = 100 * time.Millisecond
	}
	if c.MaxBackoff < c.MinBackoff {
		c.MaxBackoff = max(10*time.Second, c.MinBackoff)
	}
	if c.DeniedBackoff <= 0 {
		c.DeniedBackoff = time.Minute
	}
	return c
}

// Delivery drains one queue into one exporter.
type Delivery struct {
	cfg   Config
	name  string
	queue sidelight.Queue
	exp   sidelight.Exporter
	books Books
	log   *slog.Logger
	pace  *pace
	rests *rests
	share share

	mu    sync.Mutex
	stats Stats
}

// Stats counts attempts by outcome.
type Stats struct {
	Attempts, Succeeded                             uint64
	Transient, Throttled, Denied, Rejected, Divided uint64
	// Failing is since when no attempt has succeeded; zero while all is well.
	Failing time.Time
	LastErr string
}

// New returns a Delivery. name is the exporter's, for log lines.
func New(cfg Config, name string, q sidelight.Queue, exp sidelight.Exporter, books Books, log *slog.Logger) *Delivery {
	cfg = cfg.withDefaults()
	return &Delivery{
		cfg: cfg, name: name, queue: q, exp: exp, books: books, log: log.With("exporter", name),
		pace: newPace(cfg.MinBackoff, cfg.MaxBackoff), rests: newRests(cfg.DeniedBackoff), share: newShare(q),
	}
}

// Run delivers until the queue is closed and empty, and returns nil, or until
// ctx ends. What is then still leased is returned to the queue.
func (d *Delivery) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, d.cfg.Workers)
	for i := range errs {
		wg.Go(func() { errs[i] = d.work(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (d *Delivery) work(ctx context.Context) error {
	for {
		if err := d.pace.wait(ctx); err != nil {
			return err
		}
		l, err := d.take(ctx)
		if errors.Is(err, sidelight.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.deliver(ctx, l); err != nil {
			return err
		}
	}
}

// deliver makes one attempt for a leased block.
func (d *Delivery) deliver(ctx context.Context, l sidelight.Lease) error {
	b := l.Block()
	if rest := d.rests.left(b.Dest); rest > 0 {
		return l.Return(rest)
	}
	actx, cancel := context.WithTimeoutCause(ctx, d.cfg.Timeout, errors.New("the attempt took too long"))
	defer cancel()
	r, err := d.export(actx, b)
	if err == nil {
		d.succeeded(b)
		return d.settle(l, r)
	}
	if ctx.Err() != nil {
		return errors.Join(l.Return(0), context.Cause(ctx))
	}
	return d.failed(l, fault(err))
}

// export makes the attempt and contains a panic of the exporter: the block is
// tried again, later, as after any failure that may pass.
func (d *Delivery) export(ctx context.Context, b *sidelight.Block) (r sidelight.Receipt, err error) {
	defer func() {
		if v := recover(); v != nil {
			d.log.Error("the exporter panicked", "dest", destText(b), "panic", v, "stack", string(debug.Stack()))
			err = &sidelight.Fault{Kind: sidelight.Transient, Op: "export", Err: fmt.Errorf("panic: %v", v)}
		}
	}()
	return d.exp.Export(ctx, b)
}

// fault returns err as a *Fault; what an exporter did not classify is worth
// another try.
func fault(err error) *sidelight.Fault {
	if f, ok := errors.AsType[*sidelight.Fault](err); ok {
		return f
	}
	return &sidelight.Fault{Kind: sidelight.Transient, Op: "export", Err: err}
}

// settle books a receipt and commits, leaving what should be sent again.
func (d *Delivery) settle(l sidelight.Lease, r sidelight.Receipt) error {
	b := l.Block()
	var left []*sidelight.Block
	if len(r.Retry) > 0 {
		part, err := pack.Divide(d.exp, b, r.Retry)
		if err != nil {
			return d.reject(l, &sidelight.Fault{Kind: sidelight.Rejected, Op: "divide a block", Err: err})
		}
		left = append(left, part)
		// What the service left over says that it is short of breath.
		d.pace.throttled(0)
	}
	d.books.Deliver(b.Signal, r.Accepted)
	if d.cfg.Routes != nil {
		d.cfg.Routes.Deliver(b.Dest.Value(), r.Accepted, len(b.Body), weight(b, r.Accepted))
	}
	for _, f := range r.Refused {
		d.refuse(b, f.Reason, f.Events)
		at := f.At
		if f.Events == b.Events {
			at = positions(0, b.Events)
		}
		var cause error
		if f.Why != "" {
			cause = errors.New(f.Why)
		}
		d.keep(b, at, f.Reason, cause)
		if n := f.Events - len(at); n > 0 && d.cfg.Aside != nil {
			d.cfg.Aside.Miss(b, n, f.Reason, cause)
		}
		d.log.Error("events refused for good", "dest", destText(b), "reason", f.Reason, "events", f.Events)
	}
	return d.commit(l, left...)
}

// weight is that of so many of b's events.
func weight(b *sidelight.Block, accepted int) int {
	w := b.Weight
	if w == 0 {
		w = len(b.Body)
	}
	if accepted == b.Events {
		return w
	}
	return int(int64(w) * int64(accepted) / int64(max(1, b.Events)))
}

func (d *Delivery) failed(l sidelight.Lease, f *sidelight.Fault) error {
	b := l.Block()
	d.count(f)
	rest := d.rests.note(b.Dest, f)
	switch f.Kind {
	case sidelight.Throttled:
		return l.Return(d.pace.throttled(f.After))
	case sidelight.Denied:
		if d.mustShed(b.Dest) {
			return d.shed(l)
		}
		d.log.Error("denied; this destination rests, others go on", "dest", destText(b), "rest", rest.Round(time.Second), "err", f)
		return l.Return(rest)
	case sidelight.TooLarge:
		return d.divide(l, f)
	case sidelight.Rejected:
		return d.reject(l, f)
	}
	return l.Return(d.pace.failed(f.After))
}

// divide replaces a block that the service finds too large by its halves.
func (d *Delivery) divide(l sidelight.Lease, f *sidelight.Fault) error {
	b := l.Block()
	if b.Events < 2 {
		return d.reject(l, f)
	}
	d.rests.clear(b.Dest)
	var halves []*sidelight.Block
	for _, span := range [][2]int{{0, b.Events / 2}, {b.Events / 2, b.Events}} {
		part, err := pack.Divide(d.exp, b, positions(span[0], span[1]))
		if err != nil {
			return d.reject(l, &sidelight.Fault{Kind: sidelight.Rejected, Op: "divide a block", Err: err})
		}
		halves = append(halves, part)
	}
	return d.commit(l, halves...)
}

// positions returns from, from+1, … to-1.
func positions(from, to int) []int {
	out := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func (d *Delivery) reject(l sidelight.Lease, f *sidelight.Fault) error {
	b := l.Block()
	d.rests.clear(b.Dest)
	d.log.Error("block refused for good", "dest", destText(b), "events", b.Events, "err", f)
	d.keep(b, positions(0, b.Events), f.Kind.String(), f)
	d.refuse(b, f.Kind.String(), b.Events)
	return d.commit(l)
}

// commit ends the lease. The block's memory is then nobody's: an exporter that
// has returned does not look at it any more.
func (d *Delivery) commit(l sidelight.Lease, left ...*sidelight.Block) error {
	b := l.Block()
	if err := l.Commit(left...); err != nil {
		return err
	}
	d.cfg.Spare.Keep(b)
	return nil
}

func (d *Delivery) refuse(b *sidelight.Block, reason string, events int) {
	d.books.Refuse(b.Signal, reason, events)
	if d.cfg.Routes != nil {
		d.cfg.Routes.Refuse(b.Dest.Value(), reason, events)
	}
}

// keep sets events aside, before the block is committed: a crash in between has
// them refused, and kept, again.
func (d *Delivery) keep(b *sidelight.Block, at []int, reason string, cause error) {
	if d.cfg.Aside != nil && len(at) > 0 {
		d.cfg.Aside.Keep(b, at, reason, cause)
	}
}

func (d *Delivery) succeeded(b *sidelight.Block) {
	d.pace.succeeded()
	d.rests.clear(b.Dest)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.Attempts++
	d.stats.Succeeded++
	if !d.stats.Failing.IsZero() {
		d.log.Info("delivering again", "after", time.Since(d.stats.Failing).Round(time.Millisecond))
		d.stats.Failing, d.stats.LastErr = time.Time{}, ""
	}
}

// count books a failed attempt and logs the first of a series.
func (d *Delivery) count(f *sidelight.Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.stats
	s.Attempts++
	switch f.Kind {
	case sidelight.Transient:
		s.Transient++
	case sidelight.Throttled:
		s.Throttled++
	case sidelight.Denied:
		s.Denied++
	case sidelight.Rejected:
		s.Rejected++
	case sidelight.TooLarge:
		s.Divided++
	}
	if s.Failing.IsZero() && f.Kind != sidelight.Denied {
		s.Failing = time.Now()
		d.log.Warn("delivery is failing; data waits in the queue", "kind", f.Kind.String(), "err", f)
	}
	s.LastErr = f.Error()
}

// Stats returns a copy of the counters.
func (d *Delivery) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats
}

func destText(b *sidelight.Block) string {
	d := b.Dest.Value()
	if d.Stream == "" {
		return d.Group
	}
	return d.Group + ":" + d.Stream
}

// jitter returns a random duration between half of d and d.
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d/2 + rand.N(d/2+1)
}
