// Package aggregate sums measurements in memory, per series and interval, and
// hands out points at each interval's end. The number of series is bounded, for
// all metrics together and for each: what exceeds a bound is summed, per metric,
// into one series that says so, and the dimension that has too many values is
// named.
//
// # Time
//
// A measurement without a time belongs to the running interval, one with a time
// to the interval, or of a series of one second's resolution the second, that it
// says. What belongs to an interval that is over leaves with the running one,
// under its own time: CloudWatch adds it up with what it has. It takes times from
// two weeks ago to two hours ahead; measurements beyond, or for more than 30
// other intervals of one series at once, are lost and counted.
package aggregate

import (
	"context"
	"hash/maphash"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Config shapes an Aggregate. Zero fields take the defaults.
type Config struct {
	// Interval is how often points leave, whole seconds. Default 60 s. Below 60 s
	// they are stored at 1 s resolution, which CloudWatch bills higher.
	Interval time.Duration
	// Jitter bounds the random time, the same for all intervals, that points wait
	// after their interval's end, so that a fleet does not call at once. Default a
	// tenth of Interval, 5 s at most; negative: none.
	Jitter time.Duration
	// Namespace is that of measurements that name none. Default "Sidelight".
	Namespace string
	// Dimensions are put on every point that has no dimension of that name.
	Dimensions []sidelight.Dimension
	// Exact are namespaces whose points get no Dimensions: others know their
	// series by the dimensions they have.
	Exact []string
	// MaxSeries bounds the series. Default 2000.
	MaxSeries int
	// MaxOverflow bounds the overflow series, which come on top. What finds no room
	// even there is dropped and counted. Default MaxSeries.
	MaxOverflow int
	// Hourly keeps the place of a series for the rest of the hour of the clock in
	// which it was measured last, so that the bounds hold for all series of an hour:
	// CloudWatch charges for each that got data within it.
	Hourly bool
	// MaxPerMetric bounds the series of one metric. Default 500.
	MaxPerMetric int
	// Rules change metrics, first to last.
	Rules []Rule
	// Derived are metrics that are computed from others.
	Derived []Derived
	// Collect is called at each interval's end, before its points are made, for
	// those who sum by themselves. It must not call the Aggregate but by Record.
	// Nil: nobody does.
	Collect func(sidelight.Recorder)
	// Lose is told of measurements that are lost, by cause. Nil: nobody is. It
	// must not call the Aggregate.
	Lose func(cause string, n int)
}

func (c Config) withDefaults() Config {
	if c.Interval < time.Second {
		c.Interval = time.Minute
	}
	if c.Jitter == 0 {
		c.Jitter = min(c.Interval/10, 5*time.Second)
	}
	if c.Namespace == "" {
		c.Namespace = "Sidelight"
	}
	if c.MaxSeries <= 0 {
		c.MaxSeries = 2000
	}
	if c.MaxOverflow <= 0 {
		c.MaxOverflow = c.MaxSeries
	}
	if c.MaxPerMetric <= 0 {
		c.MaxPerMetric = 500
	}
	if c.Lose == nil {
		c.Lose = func(string, int) {}
	}
	return c
}

const shards = 16

// Aggregate implements sidelight.Recorder. What was seen before costs two
// uncontended locks and no allocation.
type Aggregate struct {
	cfg   Config
	step  int64 // Interval in milliseconds
	log   *slog.Logger
	out   func(context.Context, []sidelight.Point) error
	seed  maphash.Seed
	stop  chan struct{}
	once  sync.Once
	delay time.Duration // of all intervals' points

	began atomic.Int64  // the running interval, Unix milliseconds
	epoch atomic.Uint32 // counts intervals
	// clock is the beginning of the running interval's hour, Unix milliseconds, and
	// hourFrom the epoch of its first interval. Both belong to who has flushing.
	clock    int64
	hourFrom uint32
	lost     [numCauses]atomic.Uint64
	extra    atomic.Int64 // windows beside the first of each series

	// shards know by what was measured where it goes.
	shards [shards]shard

	flushing sync.Mutex // one at a time
	mu       sync.Mutex // guards all below; taken before any other lock
	table    table
	resolver resolver
	targets  []*series // scratch of place
	offender []Offender
}

// shard holds entries by their hash.
type shard struct {
	mu      sync.Mutex
	entries map[uint64]*entry
}

// entry says where measurements of one kind go.
type entry struct {
	identity
	to   []*series // empty: a rule drops them
	next *entry    // of the same hash
	used uint32    // the epoch
}

var _ sidelight.Recorder = (*Aggregate)(nil)

// New returns an Aggregate whose points go to out, which may keep them. Run must
// be called.
func New(cfg Config, out func(context.Context, []sidelight.Point) error, log *slog.Logger) *Aggregate {
	cfg = cfg.withDefaults()
	a := &Aggregate{
		cfg: cfg, step: cfg.Interval.Milliseconds(), log: log, out: out, seed: maphash.MakeSeed(), stop: make(chan struct{}),
		table: newTable(), resolver: resolver{cfg: &cfg},
	}
	if cfg.Jitter > 0 {
		a.delay = rand.N(cfg.Jitter)
	}
	for i := range a.shards {
		a.shards[i].entries = map[uint64]*entry{}
	}
	a.began.Store(floor(time.Now().UnixMilli(), a.step))
	a.clock = floor(a.began.Load(), hour)
	return a
}

// Record adds m to its series. It never blocks; numbers that CloudWatch does not
// take (NaN, infinities, beyond 2^360) are counted and lost.
func (a *Aggregate) Record(m *sidelight.Measurement) {
	if !(math.Abs(m.Value) <= 0x1p360) || !(m.Count <= 0x1p360) || m.Name == "" {
		a.lose(causeInvalid)
		return
	}
	h := hashOf(a.seed, m)
	s := &a.shards[h%shards]
	s.mu.Lock()
	e := s.entries[h]
	for e != nil && !e.is(m) {
		e = e.next
	}
	if e != nil {
		e.used = a.epoch.Load()
	}
	s.mu.Unlock()
	if e == nil {
		a.admit(m, h)
		return
	}
	for _, x := range e.to {
		if !x.add(a, m) {
			a.revive(x, m)
		}
	}
}

// Run hands out points after each interval's end until Close, and then the
// running interval's. An interval's last points, after Close, wait for nothing.
func (a *Aggregate) Run(ctx context.Context) error {
	// Series of one second's resolution leave each minute at least.
	step := min(a.step, time.Minute.Milliseconds())
	for {
		next := time.UnixMilli(floor(time.Now().UnixMilli(), step) + step)
		if stopped, err := a.wait(ctx, time.Until(next)); err != nil || stopped {
			return a.last(ctx, err)
		}
		points := a.cut(time.Now().UnixMilli())
		stopped, err := a.wait(ctx, a.delay)
		if err != nil {
			return err
		}
		if err := a.hand(ctx, points); err != nil {
			a.log.Warn("cannot hand out metrics", "err", err)
		}
		if stopped {
			return a.last(ctx, nil)
		}
	}
}

func (a *Aggregate) last(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return a.Flush(ctx)
}

// wait waits for d, and reports whether Close ended it.
func (a *Aggregate) wait(ctx context.Context, d time.Duration) (stopped bool, err error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-a.stop:
		return true, nil
	case <-t.C:
		return false, nil
	}
}

// Close makes Run hand out the running interval and return.
func (a *Aggregate) Close() { a.once.Do(func() { close(a.stop) }) }

// Flush hands out what there is of the running interval too, at once.
func (a *Aggregate) Flush(ctx context.Context) error { return a.hand(ctx, a.cut(math.MaxInt64)) }

func (a *Aggregate) hand(ctx context.Context, points []sidelight.Point) error {
	if len(points) == 0 {
		return nil
	}
	return a.out(ctx, points)
}

// floor returns the start of what t is in, of steps of a length.
func floor(t, step int64) int64 { return t - (t%step+step)%step }
