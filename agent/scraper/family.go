package scraper

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Family is a set of metric names, units, dimensions and formulas that people
// know. A scraper that has no names in a family uses Sidelight.
type Family string

// The families.
const (
	// Sidelight is our own, the default.
	Sidelight Family = "sidelight"
	// CWAgent is that of the CloudWatch agent, for the machine.
	CWAgent Family = "cwagent"
	// Insights is that of CloudWatch Container Insights, for ECS tasks and for
	// the nodes and pods of Kubernetes.
	Insights Family = "container-insights"
	// OTel is that of OpenTelemetry's semantic conventions.
	OTel Family = "otel"
)

// Families returns all of them.
func Families() []Family { return []Family{Sidelight, CWAgent, Insights, OTel} }

// Or returns the family, or Sidelight for "".
func (f Family) Or() (Family, error) {
	if f == "" {
		return Sidelight, nil
	}
	for _, known := range Families() {
		if f == known {
			return f, nil
		}
	}
	return "", fmt.Errorf("unknown family of names %q", string(f))
}

// Namespaces that are not one scraper's.
const (
	// CWAgentNamespace is where the CloudWatch agent writes.
	CWAgentNamespace = "CWAgent"
	// InsightsNamespace has what Container Insights would write into
	// ECS/ContainerInsights or ContainerInsights. It is another one since both
	// would write the same series in a cluster that has Container Insights
	// switched on, and every Sum and SampleCount would be double.
	InsightsNamespace = "Sidelight/ContainerInsights"
)

// Form says how a number that was read becomes a measurement.
type Form uint8

// The forms.
const (
	// Level is the number itself, a gauge.
	Level Form = iota
	// Amount is the number itself, already an increase: a sum.
	Amount
	// Growth is by how much a counter grew since the scrape before, a sum. One
	// that fell was reset: the interval is left out.
	Growth
	// Rate is Growth in a second, a gauge.
	Rate
	// Share is a counter's growth as a part of that of another, a gauge. It is
	// never negative.
	Share
	// Part is a level as a part of another, a gauge.
	Part
)

// String describes the form in a few words.
func (f Form) String() string {
	switch f {
	case Amount, Growth:
		return "increase in the interval"
	case Rate:
		return "increase per second"
	case Share:
		return "share of the increase"
	case Part:
		return "share"
	}
	return "level"
}

// Kind returns what the measurements of the form are.
func (f Form) Kind() sidelight.MeasurementKind {
	if f == Amount || f == Growth {
		return sidelight.Sum
	}
	return sidelight.Gauge
}

// Row maps one number to one metric.
type Row struct {
	// Name and Unit are CloudWatch's.
	Name, Unit string
	// From is the number's place in Thing.Now.
	From int
	Form Form
	// Of is the place of the whole, for Share and Part.
	Of int
	// Scale multiplies the result; zero means 1.
	Scale float64
	// Most bounds the result; zero means nothing does.
	Most float64
	// With are dimensions that every series of the row has.
	With []sidelight.Dimension
}

// Table maps the numbers of one kind of thing, such as disks, to the metrics of
// a family.
type Table struct {
	Namespace string
	// Labels are the names of the dimensions whose values are Thing.IDs, in the
	// same order. One without a name, or without a value, makes no dimension.
	Labels []string
	// With are dimensions that every series has.
	With []sidelight.Dimension
	Rows []Row
}

// Pick returns the rows that are called by the names: what of Sidelight's own
// family is told beside a family that has no name for it.
func Pick(rows []Row, names ...string) []Row {
	var out []Row
	for _, r := range rows {
		for _, name := range names {
			if r.Name == name {
				out = append(out, r)
			}
		}
	}
	return out
}

// Thing is what is measured: the machine's memory, a disk, a container.
type Thing struct {
	// IDs tell it from others of its kind.
	IDs []string
	// Now are the numbers that were just read. NaN stands for what was not said.
	Now []float64

	key    string
	at     int // in its Things
	before []float64
	begun  bool
	seen   bool
}

// NewThing returns a thing of n numbers, none of them said.
func NewThing(n int, ids ...string) *Thing {
	t := &Thing{IDs: ids, Now: make([]float64, n), before: make([]float64, n)}
	t.unsay()
	return t
}

func (t *Thing) unsay() {
	for i := range t.Now {
		t.Now[i] = math.NaN()
	}
}

// Fell reports whether counter i is less than it was: its thing began anew.
func (t *Thing) Fell(i int) bool { return t.begun && t.Now[i] < t.before[i] }

// Before returns number i as it was at the scrape before, NaN if there was none.
func (t *Thing) Before(i int) float64 {
	if !t.begun {
		return math.NaN()
	}
	return t.before[i]
}

// Forget makes the next Write tell of levels only: what was counted before has
// nothing to do with what is counted now.
func (t *Thing) Forget() { t.begun = false }

// Keep ends a scrape of the thing: what is now will be what was before.
func (t *Thing) Keep() {
	t.Now, t.before, t.begun = t.before, t.Now, true
	t.unsay()
}

// value returns what row makes of the numbers, NaN for nothing.
func (t *Thing) value(r *Row, seconds float64) float64 {
	v := t.Now[r.From]
	switch r.Form {
	case Part:
		v = ratio(v, t.Now[r.Of])
	case Growth, Rate, Share:
		if !t.begun {
			return math.NaN()
		}
		v -= t.before[r.From]
		switch {
		case r.Form == Share:
			v = ratio(max(0, v), t.Now[r.Of]-t.before[r.Of])
		case v < 0:
			return math.NaN()
		case r.Form == Rate:
			v = ratio(v, seconds)
		}
	}
	if r.Scale != 0 {
		v *= r.Scale
	}
	if r.Most != 0 && v > r.Most {
		return r.Most
	}
	return v
}

func ratio(v, whole float64) float64 {
	if !(whole > 0) {
		return math.NaN()
	}
	return v / whole
}

// Writer records things by tables. It is used by one goroutine and allocates
// nothing once it has been used.
type Writer struct {
	m    sidelight.Measurement
	dims []sidelight.Dimension
}

// Write records what table makes of t. seconds is how long ago t was measured
// before. t stays as it is: Keep ends its scrape.
func (w *Writer) Write(to sidelight.Recorder, table *Table, t *Thing, seconds float64) {
	for i := range table.Rows {
		r := &table.Rows[i]
		v := t.value(r, seconds)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		w.m = sidelight.Measurement{
			Namespace: table.Namespace, Name: r.Name, Unit: r.Unit, Kind: r.Form.Kind(), Value: v,
			Dimensions: w.dimensions(table, t.IDs, r.With),
		}
		to.Record(&w.m)
	}
}

// dimensions returns them sorted by name.
func (w *Writer) dimensions(table *Table, ids []string, with []sidelight.Dimension) []sidelight.Dimension {
	w.dims = w.dims[:0]
	for i, id := range ids {
		if i < len(table.Labels) && table.Labels[i] != "" && id != "" {
			w.put(sidelight.Dimension{Name: table.Labels[i], Value: id})
		}
	}
	for _, d := range table.With {
		w.put(d)
	}
	for _, d := range with {
		w.put(d)
	}
	return w.dims
}

func (w *Writer) put(d sidelight.Dimension) {
	w.dims = append(w.dims, d)
	for i := len(w.dims) - 1; i > 0 && strings.Compare(w.dims[i].Name, w.dims[i-1].Name) < 0; i-- {
		w.dims[i], w.dims[i-1] = w.dims[i-1], w.dims[i]
	}
}

// Clock tells how long ago the scrape before was.
type Clock struct{ last time.Time }

// Tick returns the seconds since the call before, 0 at the first.
func (c *Clock) Tick() float64 {
	now := time.Now()
	var s float64
	if !c.last.IsZero() {
		s = now.Sub(c.last).Seconds()
	}
	c.last = now
	return s
}
