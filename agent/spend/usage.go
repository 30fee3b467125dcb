// Package spend counts what an agent sends in the units in which AWS charges for
// it: series by the hour, bytes of log events, requests.
package spend

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// Format names the form of a Report.
const Format = "sidelight.spend/1"

// Bounds of a Report. What is beyond them is counted together, as Others.
const (
	maxMetrics = 1000
	maxLabels  = 1000
	// maxSeries bounds the series of an hour that are told apart, 8 bytes each.
	// Those beyond it are counted again in every interval.
	maxSeries = 100_000
)

// Others is the name of what is beyond the bounds.
const Others = "(others)"

// Metric is how many series of one metric an hour had.
type Metric struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Via is how they were sent: api, emf or otlp.
	Via    string `json:"via"`
	Series int    `json:"series"`
}

// Label is how many series of an hour had one value of a dimension.
type Label struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Series int    `json:"series"`
}

// Hour is what was sent in one hour of the clock. CloudWatch charges for a series
// in each hour in which it gets data.
type Hour struct {
	Began time.Time `json:"began"`
	// Whole says that the hour is over and that the agent ran through all of it.
	Whole   bool     `json:"whole"`
	Series  int      `json:"series"`
	Metrics []Metric `json:"metrics"`
	Labels  []Label  `json:"labels"`
}

// Ledger counts series. Its methods are safe for concurrent use.
type Ledger struct {
	seed maphash.Seed
	via  string

	mu   sync.Mutex
	now  *count
	last *Hour
}

// count is of an hour that is not over.
type count struct {
	began   time.Time
	whole   bool
	series  int
	seen    map[uint64]struct{}
	metrics map[metricKey]int
	labels  map[sidelight.Dimension]int
}

type metricKey struct{ namespace, name, via string }

// New returns a Ledger of an agent that begins now and sends points by via
// unless they say otherwise.
func New(now time.Time, via string) *Ledger {
	return &Ledger{seed: maphash.MakeSeed(), via: via, now: newCount(now, false)}
}

func newCount(now time.Time, whole bool) *count {
	return &count{
		began: now.Truncate(time.Hour), whole: whole, seen: map[uint64]struct{}{},
		metrics: map[metricKey]int{}, labels: map[sidelight.Dimension]int{},
	}
}

// Points counts the points of an interval that is sent now. It keeps nothing of
// them but the names of metrics and dimensions.
func (l *Ledger) Points(now time.Time, points []sidelight.Point) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	for i := range points {
		via := points[i].Via
		if via == "" {
			via = l.via
		}
		if via == "none" {
			continue
		}
		h := l.hash(&points[i])
		if _, ok := l.now.seen[h]; ok {
			continue
		}
		if len(l.now.seen) < maxSeries {
			l.now.seen[h] = struct{}{}
		}
		l.now.add(&points[i], via)
	}
}

// turn ends the running hour if now is beyond it.
func (l *Ledger) turn(now time.Time) {
	hours := now.Truncate(time.Hour).Sub(l.now.began) / time.Hour
	if hours <= 0 {
		return
	}
	h := l.now.hour()
	h.Whole = l.now.whole && hours == 1
	l.last, l.now = h, newCount(now, true)
}

func (l *Ledger) hash(p *sidelight.Point) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	str := func(s string) {
		h.WriteString(s)
		h.WriteByte(0)
	}
	str(p.Namespace)
	str(p.Name)
	for _, d := range p.Dimensions {
		str(d.Name)
		str(d.Value)
	}
	return h.Sum64()
}

func (c *count) add(p *sidelight.Point, via string) {
	c.series++
	k := metricKey{p.Namespace, p.Name, via}
	if _, ok := c.metrics[k]; !ok && len(c.metrics) >= maxMetrics {
		k.name = Others
	}
	c.metrics[k]++
	for _, d := range p.Dimensions {
		if _, ok := c.labels[d]; !ok && len(c.labels) >= maxLabels {
			d.Value = Others
		}
		c.labels[d]++
	}
}

func (c *count) hour() *Hour {
	h := &Hour{Began: c.began, Series: c.series}
	for k, n := range c.metrics {
		h.Metrics = append(h.Metrics, Metric{Namespace: k.namespace, Name: k.name, Via: k.via, Series: n})
	}
	for d, n := range c.labels {
		h.Labels = append(h.Labels, Label{Name: d.Name, Value: d.Value, Series: n})
	}
	order.By(h.Metrics, func(a, b Metric) int {
		if a.Series != b.Series {
			return b.Series - a.Series
		}
		return strings.Compare(a.Namespace+"\x00"+a.Name+"\x00"+a.Via, b.Namespace+"\x00"+b.Name+"\x00"+b.Via)
	})
	order.By(h.Labels, func(a, b Label) int {
		if a.Series != b.Series {
			return b.Series - a.Series
		}
		return strings.Compare(a.Name+"\x00"+a.Value, b.Name+"\x00"+b.Value)
	})
	return h
}

// Hour returns the last hour that was whole or, if there is none, the running
// one.
func (l *Ledger) Hour(now time.Time) Hour {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	if l.last != nil && l.last.Whole {
		return *l.last
	}
	return *l.now.hour()
}
