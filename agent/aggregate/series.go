package aggregate

import (
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/dist"
)

const (
	// second is the step of series of one second's resolution, in milliseconds.
	second = 1000
	hour   = 3600 * second
	// lateWindows is for how many intervals beside the running one a series takes
	// measurements.
	lateWindows = 30
	// past and future bound what CloudWatch takes, from its API reference: two
	// weeks and two hours. A quarter of an hour of the former is left for the way.
	past   = int64((14*24*time.Hour - 15*time.Minute) / time.Millisecond)
	future = int64(2 * time.Hour / time.Millisecond)
)

// series is one metric with one set of dimensions on its way to CloudWatch.
type series struct {
	identity
	via      string
	metric   *metric
	overflow bool
	step     int64 // of windows, in milliseconds
	next     *series
	refs     int // entries that lead here; guarded by Aggregate.mu

	mu      sync.Mutex
	used    uint32 // the epoch
	gone    bool
	last    int // the window that was found last
	windows []*window
}

// window is what a series saw in one interval.
type window struct {
	at   int64
	sum  float64
	dist dist.Dist
}

// add adds m. It reports false if x is gone.
func (x *series) add(a *Aggregate, m *sidelight.Measurement) bool {
	n := m.Count
	if !(n > 0) {
		n = 1
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gone {
		return false
	}
	w, why := x.window(a, m.Time)
	if w == nil {
		a.lose(why)
		return true
	}
	if x.kind == sidelight.Sum {
		w.sum += m.Value * n
	} else {
		w.dist.Add(m.Value, n)
	}
	x.used = a.epoch.Load()
	return true
}

// window returns the window of t, a time in Unix milliseconds, zero being the present,
// or why there is none.
func (x *series) window(a *Aggregate, t int64) (*window, cause) {
	began := a.began.Load()
	at := began
	switch {
	case t == 0 && x.step == second:
		at = floor(time.Now().UnixMilli(), second)
	case t == 0:
	case t > began+future && t > time.Now().UnixMilli()+future:
		return nil, causeFuture
	default:
		// CloudWatch is told the window's time, when the running interval is over.
		if at = floor(t, x.step); at < began+a.step-past {
			return nil, causeTooOld
		}
	}
	if x.last < len(x.windows) && x.windows[x.last].at == at {
		return x.windows[x.last], 0
	}
	for i, w := range x.windows {
		if w.at == at {
			x.last = i
			return w, 0
		}
	}
	return x.open(a, at)
}

// open begins the window at.
func (x *series) open(a *Aggregate, at int64) (*window, cause) {
	n := len(x.windows)
	if n > 0 {
		most := lateWindows
		if x.step == second {
			most += int(min(a.step, 60*second) / second)
		}
		if n > most || a.extra.Load() >= a.maxExtra() {
			return nil, causeLate
		}
		a.extra.Add(1)
	}
	if n < cap(x.windows) {
		x.windows = x.windows[:n+1]
	} else {
		x.windows = append(x.windows, nil)
	}
	w := x.windows[n]
	if w == nil {
		w = new(window)
		x.windows[n] = w
	}
	w.at, w.dist.Narrow, x.last = at, n > 0 || x.step < a.step, n
	return w, 0
}

// maxExtra bounds the windows beside the first of each series, for all series.
func (a *Aggregate) maxExtra() int64 { return max(4096, 4*int64(a.cfg.MaxSeries)) }

// take appends a point for each window before until, which it empties.
func (x *series) take(a *Aggregate, until int64, points []sidelight.Point) []sidelight.Point {
	x.mu.Lock()
	defer x.mu.Unlock()
	n, left := len(x.windows), 0
	for i, w := range x.windows {
		if w.at >= until {
			// Behind left lies an emptied one.
			x.windows[i], x.windows[left] = x.windows[left], w
			left++
			continue
		}
		points = append(points, x.point(a, w))
		w.sum = 0
		w.dist.Reset()
	}
	if n > 0 {
		a.extra.Add(int64(max(left-1, 0) - (n - 1)))
	}
	x.forget(max(n, 1))
	x.windows, x.last = x.windows[:left], 0
	return points
}

// forget frees windows that were not needed, those behind n.
func (x *series) forget(n int) {
	rest := x.windows[:cap(x.windows)]
	if n < len(rest) {
		clear(rest[n:])
	}
}

// point makes w a point. Its dimensions are the series'.
func (x *series) point(a *Aggregate, w *window) sidelight.Point {
	p := sidelight.Point{
		Time: w.at, Namespace: x.namespace, Name: x.name, Unit: x.unit, Dimensions: x.dims, Resolution: 60, Kind: x.kind, Via: x.via,
	}
	if x.step < time.Minute.Milliseconds() {
		p.Resolution = 1
	}
	if x.kind == sidelight.Sum {
		p.Values, p.Counts = []float64{w.sum}, []float64{1}
		return p
	}
	n := w.dist.Len()
	both := make([]float64, 2*n)
	p.Values, p.Counts = w.dist.Append(both[:0:n], both[n:n])
	return p
}
