package cloudwatch

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// scope is where a resource lives.
type scope struct{ account, region string }

func scopeOf(c api.Caller) scope { return scope{c.Account, c.Region} }

// dimension is one name and value of a metric's identity.
type dimension struct{ name, value string }

// identity is a metric: namespace, name and the exact set of dimensions. Its
// dimensions are sorted by name.
type identity struct {
	namespace, name string
	dims            []dimension
}

func newIdentity(namespace, name string, dims []dimension) identity {
	dims = slices.Clone(dims)
	order.By(dims, func(a, b dimension) int { return cmp.Compare(a.name, b.name) })
	return identity{namespace, name, dims}
}

// key is unique for an identity: no part of one may hold a NUL.
func (id identity) key() string {
	var b strings.Builder
	b.WriteString(id.namespace)
	b.WriteByte(0)
	b.WriteString(id.name)
	for _, d := range id.dims {
		b.WriteByte(0)
		b.WriteString(d.name)
		b.WriteByte(0)
		b.WriteString(d.value)
	}
	return b.String()
}

// metric is an identity and its data, kept apart by unit.
type metric struct {
	identity
	units   map[string]*series
	written time.Time // when data was last received
	size    int       // of all series, as last measured
}

// observation is one accepted datum.
type observation struct {
	identity
	unit       string
	at         time.Time
	resolution time.Duration
	values     []weighted
	// set is used instead of values if the sender summed up itself.
	set *statisticSet
}

type statisticSet struct{ count, sum, min, max float64 }

func (o *observation) apply(d *distribution) {
	if o.set != nil {
		d.addSet(o.set.count, o.set.sum, o.set.min, o.set.max)
		return
	}
	if len(o.values) > 1 {
		d.grow(len(o.values))
	}
	for _, w := range o.values {
		d.add(w.value, w.weight)
	}
}

// empty reports whether o holds no samples, as a datum whose counts are all 0.
func (o *observation) empty() bool {
	if o.set != nil {
		return o.set.count <= 0
	}
	for _, w := range o.values {
		if w.weight > 0 {
			return false
		}
	}
	return true
}

// store keeps metrics of any number of accounts and regions in bounded memory.
// When it is full it forgets the metrics that have been silent for longest. It
// is safe for concurrent use.
type store struct {
	maxMetrics, maxBytes int

	mu     sync.Mutex
	scopes map[scope]map[string]*metric
	count  int // metrics in all scopes
	bytes  int // of all metrics, about
}

func newStore(maxMetrics, maxBytes int) *store {
	return &store{maxMetrics: maxMetrics, maxBytes: maxBytes, scopes: make(map[scope]map[string]*metric)}
}

func (st *store) reset() {
	st.mu.Lock()
	defer st.mu.Unlock()
	clear(st.scopes)
	st.count, st.bytes = 0, 0
}

// add records observations, received at now, and returns how many metrics it
// had to forget.
func (st *store) add(sc scope, now time.Time, obs []observation) (forgotten int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for i := range obs {
		if obs[i].empty() {
			continue
		}
		m := st.metricLocked(sc, obs[i].identity)
		m.written = now
		before := m.size
		m.observe(&obs[i], now)
		st.bytes += m.size - before
	}
	if st.count > st.maxMetrics || st.bytes > st.maxBytes {
		return st.shrinkLocked()
	}
	return 0
}

func (st *store) metricLocked(sc scope, id identity) *metric {
	metrics := st.scopes[sc]
	if metrics == nil {
		metrics = make(map[string]*metric)
		st.scopes[sc] = metrics
	}
	k := id.key()
	m := metrics[k]
	if m == nil {
		m = &metric{identity: id, units: make(map[string]*series)}
		metrics[k] = m
		st.count++
	}
	return m
}

func (m *metric) series(unit string) *series {
	s := m.units[unit]
	if s == nil {
		s = &series{}
		m.units[unit] = s
	}
	return s
}

// observe adds o to its bucket, if data of its age is kept at all.
func (m *metric) observe(o *observation, now time.Time) {
	s := m.series(o.unit)
	m.rollUp(now)
	d := s.at(o.at, now, o.resolution)
	if d == nil {
		return
	}
	if d.count > 0 {
		m.size -= bucketOverhead + d.size()
	}
	o.apply(d)
	m.size += bucketOverhead + d.size()
}

// rollUp moves old data to coarser levels and measures m anew if any moved.
func (m *metric) rollUp(now time.Time) {
	moved := m.size == 0
	for _, s := range m.units {
		moved = s.rollUp(now) || moved
	}
	if !moved {
		return
	}
	m.size = 256 + len(m.namespace) + len(m.name) + 64*len(m.dims)
	for _, s := range m.units {
		m.size += s.size()
	}
}

// shrinkLocked forgets the longest silent metrics until a tenth of the room is
// free, and returns how many.
func (st *store) shrinkLocked() int {
	type entry struct {
		sc  scope
		key string
		m   *metric
	}
	var all []entry
	for sc, metrics := range st.scopes {
		for k, m := range metrics {
			all = append(all, entry{sc, k, m})
		}
	}
	order.By(all, func(a, b entry) int {
		return cmp.Or(a.m.written.Compare(b.m.written), cmp.Compare(a.key, b.key))
	})
	var n int
	for _, e := range all {
		if st.count <= st.maxMetrics*9/10 && st.bytes <= st.maxBytes*9/10 {
			break
		}
		delete(st.scopes[e.sc], e.key)
		st.count--
		st.bytes -= e.m.size
		n++
	}
	return n
}

// span is a list of windows of one period; the last may be cut short.
type span struct {
	period  time.Duration
	windows []alarm.Window
}

// read returns one distribution for each window, of the metric in one unit, or
// in all units if unit is empty.
func (st *store) read(sc scope, id identity, unit string, now time.Time, sp span) []distribution {
	out := make([]distribution, len(sp.windows))
	st.mu.Lock()
	defer st.mu.Unlock()
	m := st.scopes[sc][id.key()]
	if m == nil {
		return out
	}
	before := m.size
	m.rollUp(now)
	st.bytes += m.size - before
	for u, s := range m.units {
		if unit != "" && u != unit {
			continue
		}
		for i, w := range sp.windows {
			s.collect(w, sp.period, &out[i])
		}
	}
	return out
}

// units returns the units that the metric was published in, sorted.
func (st *store) units(sc scope, id identity) []string {
	st.mu.Lock()
	defer st.mu.Unlock()
	m := st.scopes[sc][id.key()]
	if m == nil {
		return nil
	}
	var out []string
	for u, s := range m.units {
		if !s.empty() {
			out = append(out, u)
		}
	}
	slices.Sort(out)
	return out
}

// listing is a metric as ListMetrics sees it.
type listing struct {
	identity
	key     string
	written time.Time
	newest  time.Time // of the datapoints
}

// list returns the metrics of sc that match, sorted by key.
func (st *store) list(sc scope, match func(identity) bool) []listing {
	st.mu.Lock()
	defer st.mu.Unlock()
	var out []listing
	for k, m := range st.scopes[sc] {
		if !match(m.identity) {
			continue
		}
		l := listing{identity: m.identity, key: k, written: m.written}
		for _, s := range m.units {
			if t := time.Unix(s.newest(), 0); t.After(l.newest) {
				l.newest = t
			}
		}
		out = append(out, l)
	}
	order.By(out, func(a, b listing) int { return cmp.Compare(a.key, b.key) })
	return out
}
