package aggregate

import (
	"math"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// until is what is taken out of series: what is before.
type until struct{ interval, second int64 }

// of returns what holds for x.
func (u until) of(a *Aggregate, x *series) int64 {
	if x.step < a.step {
		return u.second
	}
	return u.interval
}

// cut takes what is over at now, in Unix milliseconds, out of the series. The
// greatest number ends the running interval too.
func (a *Aggregate) cut(now int64) []sidelight.Point {
	a.flushing.Lock()
	defer a.flushing.Unlock()
	u := until{floor(now, a.step), floor(now, second)}
	full := u.interval != a.began.Load() // also when the clock was set back
	if now == math.MaxInt64 {
		u, full = until{math.MaxInt64, math.MaxInt64}, true
	}
	if full && a.cfg.Collect != nil {
		a.cfg.Collect(a)
	}
	if full {
		a.began.Store(floor(min(now, time.Now().UnixMilli()), a.step))
		now := a.epoch.Add(1)
		if clock := floor(a.began.Load(), hour); clock != a.clock {
			a.clock, a.hourFrom = clock, now
		}
	}
	var points []sidelight.Point
	for _, x := range a.snapshot() {
		if full || x.step < a.step {
			points = x.take(a, u.of(a, x), points)
		}
	}
	if full {
		points = a.finish(points, u)
	}
	order.By(points, func(a, b sidelight.Point) int {
		if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
			return c
		}
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return int(max(-1, min(1, a.Time-b.Time)))
	})
	return points
}

// snapshot lists the series, so that taking needs no lock on all of them.
func (a *Aggregate) snapshot() []*series {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]*series, 0, a.table.count+a.table.overflow)
	for _, x := range a.table.series {
		for ; x != nil; x = x.next {
			out = append(out, x)
		}
	}
	return out
}

// finish adds what is computed from points, and ends the interval for the table.
func (a *Aggregate) finish(points []sidelight.Point, u until) []sidelight.Point {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.cfg.Derived {
		points = a.derive(&a.cfg.Derived[i], points, u)
	}
	a.report()
	a.sweep()
	return points
}

// Stats is a copy of the state.
type Stats struct {
	// Series and Metrics are how many there are now; overflow series count.
	Series, Metrics int
	// Lost counts measurements that were lost, by cause, and derived metrics that
	// could not be computed.
	Lost map[string]uint64
	// Overflow counts, by metric, the measurements that were summed into the
	// overflow series; those of the metrics beyond a thousand as OtherTotals.
	Overflow map[string]uint64
	// Cut counts series that had more dimensions than CloudWatch takes.
	Cut uint64
	// Offenders are the metrics that have too many series, the worst first, at most
	// ten.
	Offenders []Offender
}

// Stats returns a copy of the state.
func (a *Aggregate) Stats() Stats {
	st := Stats{Overflow: map[string]uint64{}, Lost: map[string]uint64{}}
	for c := range numCauses {
		if n := a.lost[c].Load(); n > 0 {
			st.Lost[c.String()] = n
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	st.Cut = a.table.cut
	st.Series, st.Metrics = a.table.count+a.table.overflow, len(a.table.metrics)
	for k, v := range a.table.totals {
		st.Overflow[k] = v
	}
	st.Offenders = together(a.found(), a.offender)
	return st
}
