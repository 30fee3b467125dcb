package aggregate

import (
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight"
)

// OverflowDimension marks the series that took what a bound on series turned
// away; its value is "true".
const OverflowDimension = "sidelight.overflow"

const (
	// idle is after how many intervals without a measurement a series is forgotten.
	idle = 5
	// sticky is the same while its metric is in overflow: if room were free sooner,
	// names that never come back would each become a metric that is billed.
	sticky = 60
)

// table holds the series that leave.
type table struct {
	series   map[uint64]*series
	metrics  map[metricName]*metric
	count    int // series without overflow
	overflow int // series of overflow
	entries  int
	// estimators counts those of all metrics, to bound them.
	estimators int
	// totals counts measurements in overflow, by the metric's name.
	totals map[string]uint64
	// cut counts series that were made without some of their dimensions.
	cut uint64
}

type metricName struct{ namespace, name string }

// metric is all series of one name.
type metric struct {
	metricName
	series, overflow int
	limit            int
	// over counts measurements that were turned away in the running interval,
	// overAt is the epoch of the last one, if ever.
	over   uint64
	overAt uint32
	ever   bool
	dims   []*estimator
}

func newTable() table {
	return table{series: map[uint64]*series{}, metrics: map[metricName]*metric{}, totals: map[string]uint64{}}
}

// find returns the series of id, or nil.
func (t *table) find(h uint64, id *identity, via string) *series {
	x := t.series[h]
	for x != nil && !(x.same(id) && x.via == via) {
		x = x.next
	}
	return x
}

// lookup returns the series of o, made if there is room. If not, the second
// result is true and the first the overflow series of o's metric, or nil if there
// is no room even for that. a.mu is held.
func (a *Aggregate) lookup(o *output) (x *series, over bool) {
	t := &a.table
	h := hashParts(a.seed, o.name, o.dims)
	if x := t.find(h, &o.identity, o.via); x != nil {
		return x, x.overflow
	}
	m := a.metric(o)
	if m == nil {
		return nil, true
	}
	m.limit = o.maxSeries
	if m.limit <= 0 {
		m.limit = a.cfg.MaxPerMetric
	}
	if m.series < m.limit && t.count < a.cfg.MaxSeries {
		m.series++
		t.count++
		return a.insert(h, o, m), false
	}
	m.over++
	m.overAt, m.ever = a.epoch.Load(), true
	t.total(m.name)
	id := o.identity
	id.dims = a.resolver.overflow(o.namespace)
	all := output{identity: id, via: o.via}
	h = hashParts(a.seed, id.name, id.dims)
	if x := t.find(h, &id, o.via); x != nil {
		return x, true
	}
	if t.overflow >= a.cfg.MaxOverflow {
		return nil, true
	}
	m.overflow++
	t.overflow++
	x = a.insert(h, &all, m)
	x.overflow = true
	return x, true
}

const (
	// maxTotals bounds the metrics whose overflow is counted by name, and OtherTotals
	// is the name of all further ones together.
	maxTotals   = 1000
	OtherTotals = "sidelight.other"
)

// total counts a measurement of the metric name that was turned away.
func (t *table) total(name string) {
	if _, known := t.totals[name]; !known && len(t.totals) >= maxTotals {
		name = OtherTotals
	}
	t.totals[name]++
}

// metric returns the metric of o, or nil if there are too many names.
func (a *Aggregate) metric(o *output) *metric {
	t := &a.table
	m := t.metrics[metricName{o.namespace, o.name}]
	if m == nil {
		if len(t.metrics) >= 2*a.cfg.MaxSeries {
			return nil
		}
		m = &metric{metricName: metricName{strings.Clone(o.namespace), strings.Clone(o.name)}}
		t.metrics[m.metricName] = m
	}
	return m
}

// insert makes a series.
func (a *Aggregate) insert(h uint64, o *output, m *metric) *series {
	x := &series{identity: o.clone(), via: o.via, metric: m, step: a.step, used: a.epoch.Load(), next: a.table.series[h]}
	if o.resolution == 1 {
		x.step = second
	}
	if o.cut {
		if a.table.cut++; a.table.cut == 1 {
			a.log.Warn("a metric has more dimensions than CloudWatch takes: the last by name are left out, and series that differ in those only are summed",
				"namespace", o.namespace, "metric", o.name, "dimensions", MaxDimensions)
		}
	}
	a.table.series[h] = x
	return x
}

// admit adds m, of which no shard knows where it goes, and makes an entry of what
// it finds out, if that holds for more measurements.
func (a *Aggregate) admit(m *sidelight.Measurement, h uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.place(m, h, false)
}

// place is admit; derived measurements have their dimensions already, and are not
// remembered. It returns the series, until the next call. a.mu is held.
func (a *Aggregate) place(m *sidelight.Measurement, h uint64, derived bool) []*series {
	outs := a.resolver.resolve(m, derived)
	to := a.targets[:0]
	stable, offended := true, false
	for i := range outs {
		x, over := a.lookup(&outs[i])
		stable = stable && !over
		if over && !offended {
			offended = true
			a.note(&outs[i])
		}
		if x == nil {
			a.lose(causeSeries)
			continue
		}
		to = append(to, x)
	}
	a.targets = to
	for _, x := range to {
		x.add(a, m)
	}
	if stable && !derived {
		a.remember(m, h, to)
	}
	return to
}

// remember makes the entry of m.
func (a *Aggregate) remember(m *sidelight.Measurement, h uint64, to []*series) {
	if a.table.entries >= 2*a.cfg.MaxSeries+1000 {
		return
	}
	s := &a.shards[h%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.entries[h]; e != nil; e = e.next {
		if e.is(m) {
			return // another was faster
		}
	}
	id := identityOf(m)
	s.entries[h] = &entry{identity: id.clone(), to: slices.Clone(to), next: s.entries[h], used: a.epoch.Load()}
	a.table.entries++
	for _, x := range to {
		x.refs++
	}
}

// revive adds m to the series that has taken the place of x, which was forgotten
// between its being found and being added to.
func (a *Aggregate) revive(x *series, m *sidelight.Measurement) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := output{identity: x.identity, via: x.via, maxSeries: x.metric.limit}
	if y, _ := a.lookup(&o); y != nil {
		y.add(a, m)
		return
	}
	a.lose(causeSeries)
}

// sweep forgets entries and series that have been idle for long. a.mu is held.
func (a *Aggregate) sweep() {
	now := a.epoch.Load()
	for i := range a.shards {
		s := &a.shards[i]
		s.mu.Lock()
		for h, e := range s.entries {
			if kept := a.sweepEntries(e, now); kept == nil {
				delete(s.entries, h)
			} else if kept != e {
				s.entries[h] = kept
			}
		}
		s.mu.Unlock()
	}
	for h, x := range a.table.series {
		if kept := a.sweepSeries(x, now); kept == nil {
			delete(a.table.series, h)
		} else if kept != x {
			a.table.series[h] = kept
		}
	}
	for name, m := range a.table.metrics {
		if m.series+m.overflow == 0 {
			a.table.estimators -= len(m.dims)
			delete(a.table.metrics, name)
		}
	}
}

// patience is for how many epochs an idle series of m is kept.
func (m *metric) patience(now uint32) uint32 {
	if m.ever && now-m.overAt <= idle {
		return sticky
	}
	return idle
}

func (a *Aggregate) sweepEntries(e *entry, now uint32) *entry {
	if e == nil {
		return nil
	}
	e.next = a.sweepEntries(e.next, now)
	patience := uint32(idle)
	for _, x := range e.to {
		patience = max(patience, x.metric.patience(now))
	}
	if now-e.used <= patience {
		return e
	}
	a.table.entries--
	for _, x := range e.to {
		x.refs--
	}
	return e.next
}

func (a *Aggregate) sweepSeries(x *series, now uint32) *series {
	if x == nil {
		return nil
	}
	x.next = a.sweepSeries(x.next, now)
	x.mu.Lock()
	defer x.mu.Unlock()
	patience := x.metric.patience(now)
	if x.overflow {
		patience = idle
	}
	thisHour := a.cfg.Hourly && x.used-a.hourFrom <= now-a.hourFrom
	if x.refs > 0 || len(x.windows) > 0 || now-x.used <= patience || thisHour {
		return x
	}
	x.gone = true
	if x.overflow {
		x.metric.overflow--
		a.table.overflow--
	} else {
		x.metric.series--
		a.table.count--
	}
	return x.next
}
