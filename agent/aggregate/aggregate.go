// Package aggregate sums measurements in memory, per series and interval, and
// hands out points at each interval's end. The number of series is bounded: what
// exceeds the bound is summed, per metric, into one series that says so.
package aggregate

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/dist"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// Config shapes an Aggregate. Zero fields take the defaults.
type Config struct {
	// Interval is how often points leave. Default 60 s. Below 60 s they are
	// stored at 1 s resolution, which CloudWatch bills higher.
	Interval time.Duration
	// Namespace is that of measurements that name none. Default "Sidelight".
	Namespace string
	// Dimensions are put on every point that has no dimension of that name.
	Dimensions []sidelight.Dimension
	// Exact are namespaces whose points get no Dimensions: others know their
	// series by the dimensions they have.
	Exact []string
	// MaxSeries bounds the series of one interval. Default 2000.
	MaxSeries int
	// Collect is called at each interval's end, before its points are made, for
	// those who sum by themselves. It must not call the Aggregate but by Record.
	// Nil: nobody does.
	Collect func(sidelight.Recorder)
}

func (c Config) withDefaults() Config {
	if c.Interval <= 0 {
		c.Interval = time.Minute
	}
	if c.Namespace == "" {
		c.Namespace = "Sidelight"
	}
	if c.MaxSeries <= 0 {
		c.MaxSeries = 2000
	}
	return c
}

// OverflowDimension marks the series that took what the bound on series turned
// away; its value is "true".
const OverflowDimension = "sidelight.overflow"

const shards = 16

// Aggregate implements sidelight.Recorder.
type Aggregate struct {
	cfg  Config
	log  *slog.Logger
	out  func(context.Context, []sidelight.Point) error
	seed maphash.Seed
	stop chan struct{}
	once sync.Once

	shards [shards]shard

	mu       sync.Mutex
	began    time.Time
	overflow map[string]uint64 // measurements turned away, by metric
	invalid  uint64
}

type shard struct {
	mu     sync.Mutex
	series map[string]*series
	key    []byte
}

type series struct {
	namespace, name, unit string
	dims                  []sidelight.Dimension
	kind                  sidelight.MeasurementKind
	resolution            int
	dist                  dist.Dist
	sum                   float64
}

var _ sidelight.Recorder = (*Aggregate)(nil)

// New returns an Aggregate whose points go to out. Run must be called.
func New(cfg Config, out func(context.Context, []sidelight.Point) error, log *slog.Logger) *Aggregate {
	a := &Aggregate{
		cfg: cfg.withDefaults(), log: log, out: out, seed: maphash.MakeSeed(), stop: make(chan struct{}),
		overflow: map[string]uint64{},
	}
	for i := range a.shards {
		a.shards[i].series = map[string]*series{}
	}
	a.began = a.start(time.Now())
	return a
}

func (a *Aggregate) start(t time.Time) time.Time { return t.Truncate(a.cfg.Interval) }

// Record adds m to its series. It never blocks; numbers that CloudWatch does not
// take (NaN, infinities, beyond 2^360) are counted and dropped.
func (a *Aggregate) Record(m *sidelight.Measurement) {
	if math.IsNaN(m.Value) || math.Abs(m.Value) > math.Ldexp(1, 360) || m.Name == "" {
		a.mu.Lock()
		a.invalid++
		a.mu.Unlock()
		return
	}
	n := m.Count
	if n <= 0 {
		n = 1
	}
	h := maphash.String(a.seed, m.Name)
	for i := range m.Dimensions {
		h = h*31 + maphash.String(a.seed, m.Dimensions[i].Value)
	}
	s := &a.shards[h%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = appendKey(s.key[:0], m)
	x := s.series[string(s.key)]
	if x == nil {
		if len(s.series) >= max(1, a.cfg.MaxSeries/shards) {
			x = a.overflowSeries(s, m)
		} else {
			x = newSeries(m, m.Dimensions)
			s.series[string(s.key)] = x
		}
	}
	x.add(m.Value, n)
}

func (x *series) add(v, n float64) {
	if x.kind == sidelight.Sum {
		x.sum += v * n
		return
	}
	x.dist.Add(v, n)
}

// overflowSeries returns the one series of m's metric that takes what there is
// no room for. s.mu is held.
func (a *Aggregate) overflowSeries(s *shard, m *sidelight.Measurement) *series {
	a.mu.Lock()
	a.overflow[m.Name]++
	a.mu.Unlock()
	marked := *m
	marked.Dimensions = []sidelight.Dimension{{Name: OverflowDimension, Value: "true"}}
	s.key = appendKey(s.key[:0], &marked)
	x := s.series[string(s.key)]
	if x == nil {
		x = newSeries(m, marked.Dimensions)
		s.series[string(s.key)] = x
	}
	return x
}

// newSeries copies what it keeps: m is borrowed.
func newSeries(m *sidelight.Measurement, dims []sidelight.Dimension) *series {
	x := &series{
		namespace: strings.Clone(m.Namespace), name: strings.Clone(m.Name), unit: strings.Clone(m.Unit),
		kind: m.Kind, resolution: m.Resolution, dims: make([]sidelight.Dimension, len(dims)),
	}
	for i, d := range dims {
		x.dims[i] = sidelight.Dimension{Name: strings.Clone(d.Name), Value: strings.Clone(d.Value)}
	}
	return x
}

func appendKey(dst []byte, m *sidelight.Measurement) []byte {
	str := func(s string) {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	dst = append(dst, byte(m.Kind), byte(m.Resolution))
	str(m.Namespace)
	str(m.Name)
	str(m.Unit)
	for i := range m.Dimensions {
		str(m.Dimensions[i].Name)
		str(m.Dimensions[i].Value)
	}
	return dst
}

// Run hands out points at each interval's end until Close, and then the running
// interval's.
func (a *Aggregate) Run(ctx context.Context) error {
	for {
		next := a.start(time.Now()).Add(a.cfg.Interval)
		t := time.NewTimer(time.Until(next))
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-a.stop:
			t.Stop()
			return a.Flush(ctx)
		case <-t.C:
		}
		if err := a.Flush(ctx); err != nil {
			a.log.Warn("cannot hand out metrics", "err", err)
		}
	}
}

// Close makes Run hand out the running interval and return.
func (a *Aggregate) Close() { a.once.Do(func() { close(a.stop) }) }

// Flush closes the running interval and hands out its points.
func (a *Aggregate) Flush(ctx context.Context) error {
	points := a.cut()
	if len(points) == 0 {
		return nil
	}
	return a.out(ctx, points)
}

// cut empties every series into points.
func (a *Aggregate) cut() []sidelight.Point {
	if a.cfg.Collect != nil {
		a.cfg.Collect(a)
	}
	a.mu.Lock()
	at := a.began
	a.began = a.start(time.Now())
	a.mu.Unlock()
	var points []sidelight.Point
	for i := range a.shards {
		s := &a.shards[i]
		s.mu.Lock()
		taken := s.series
		s.series = make(map[string]*series, len(taken))
		s.mu.Unlock()
		for _, x := range taken {
			points = append(points, a.point(x, at))
		}
	}
	order.By(points, func(a, b sidelight.Point) int {
		if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return points
}

func (a *Aggregate) point(x *series, at time.Time) sidelight.Point {
	p := sidelight.Point{
		Time: at.UnixMilli(), Namespace: x.namespace, Name: x.name, Unit: x.unit,
		Dimensions: a.dimensions(x), Resolution: 60, Kind: x.kind,
	}
	if p.Namespace == "" {
		p.Namespace = a.cfg.Namespace
	}
	if x.resolution == 1 || a.cfg.Interval < time.Minute {
		p.Resolution = 1
	}
	if x.kind == sidelight.Sum {
		p.Values, p.Counts = []float64{x.sum}, []float64{1}
		return p
	}
	n := x.dist.Len()
	p.Values, p.Counts = x.dist.Append(make([]float64, 0, n), make([]float64, 0, n))
	return p
}

// maxDimensions is CloudWatch's limit.
const maxDimensions = 30

// dimensions merges the configured dimensions under a series' own ones, sorted
// by name.
func (a *Aggregate) dimensions(x *series) []sidelight.Dimension {
	own, more := x.dims, a.cfg.Dimensions
	if slices.Contains(a.cfg.Exact, x.namespace) {
		more = nil
	}
	out := slices.Clone(own)
	for _, d := range more {
		if d.Value != "" && !slices.ContainsFunc(own, func(o sidelight.Dimension) bool { return o.Name == d.Name }) {
			out = append(out, d)
		}
	}
	for i := range out {
		out[i] = sidelight.Dimension{Name: clean(out[i].Name, 255), Value: clean(out[i].Value, 1024)}
	}
	order.By(out, func(a, b sidelight.Dimension) int { return strings.Compare(a.Name, b.Name) })
	return out[:min(len(out), maxDimensions)]
}

// clean makes s what PutMetricData takes: ASCII without control characters, not
// beginning with a colon, not blank, at most n bytes.
func clean(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
	s = strings.TrimLeft(s[:min(len(s), n)], ":")
	if strings.TrimSpace(s) == "" {
		return "none"
	}
	return s
}

// Stats is a copy of the counters.
type Stats struct {
	Series  int
	Invalid uint64
	// Overflow counts, by metric, the measurements that were summed into the
	// overflow series.
	Overflow map[string]uint64
}

// Stats returns a copy of the counters.
func (a *Aggregate) Stats() Stats {
	st := Stats{Overflow: map[string]uint64{}}
	for i := range a.shards {
		s := &a.shards[i]
		s.mu.Lock()
		st.Series += len(s.series)
		s.mu.Unlock()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	st.Invalid = a.invalid
	for k, v := range a.overflow {
		st.Overflow[k] = v
	}
	return st
}
