package aggregate

import (
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/expr"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Rule changes the metrics that Match means. Rules apply first to last; each sees
// what those before it made. They are asked once for each series.
type Rule struct {
	// Match is asked about a document with the members namespace, name, unit, kind
	// (gauge, sum or sample), every dimension by its name, and dimensions, which has
	// them all. Nil: all metrics.
	Match *expr.Expr
	// Drop leaves the metric out; that is no loss.
	Drop bool
	// Namespace, Rename and Unit replace what the metric has; in Rename {name}
	// stands for the name until now. Empty: no change.
	Namespace, Rename, Unit string
	// Resolution is 1 or 60 seconds. Zero: no change.
	Resolution int
	// MaxSeries replaces Config.MaxPerMetric, if it is not zero.
	MaxSeries int
	// Keep are the names of the dimensions that stay, if KeepOnly; Remove of those
	// that go; Add is then added, or replaces what has the name.
	Keep, Remove []string
	KeepOnly     bool
	Add          []sidelight.Dimension
	// Rollup are sets of names of dimensions. For each the metric is published once
	// more with these dimensions only, if it has them all.
	Rollup [][]string
	// Via becomes the points' Via. Empty: no change.
	Via string
}

// output is what a measurement becomes.
type output struct {
	identity
	via       string
	maxSeries int
	cut       bool // there were too many dimensions
}

// resolver finds out what measurements become. It is used under a lock; its
// results hold until the next call.
type resolver struct {
	cfg     *Config
	dims    []sidelight.Dimension
	outs    []output
	rollup  [][]string
	doc     []byte
	subject expr.Subject
}

// resolve returns what m becomes: nothing, or itself and its roll-ups. derived
// says that it has the configured dimensions already. The result borrows m's
// strings.
func (r *resolver) resolve(m *sidelight.Measurement, derived bool) []output {
	r.outs, r.rollup = r.outs[:0], r.rollup[:0]
	o := output{identity: identityOf(m)}
	if o.namespace == "" {
		o.namespace = r.cfg.Namespace
	}
	if o.resolution != 1 {
		o.resolution = 60
	}
	r.dims = append(r.dims[:0], m.Dimensions...)
	if !derived && !slices.Contains(r.cfg.Exact, m.Namespace) {
		r.dims = addMissing(r.dims, r.cfg.Dimensions)
	}
	o.dims = r.dims
	seen := false // the document is that of o
	for i := range r.cfg.Rules {
		rule := &r.cfg.Rules[i]
		if rule.Match != nil && !seen {
			r.describe(&o)
			seen = true
		}
		if rule.Match != nil && !rule.Match.Match(&r.subject) {
			continue
		}
		if rule.Drop {
			return nil
		}
		rule.apply(&o)
		r.rollup = append(r.rollup, rule.Rollup...)
		seen = false
	}
	o.tidy()
	r.dims = o.dims // roll-ups stand behind
	r.outs = append(r.outs, o)
	for _, set := range r.rollup {
		r.roll(&o, set)
	}
	return r.outs
}

// describe makes o the subject of expressions.
func (r *resolver) describe(o *output) {
	b := wire.AppendString(append(r.doc[:0], `{"namespace":`...), []byte(o.namespace))
	b = wire.AppendString(append(b, `,"name":`...), []byte(o.name))
	b = wire.AppendString(append(b, `,"unit":`...), []byte(o.unit))
	b = append(b, `,"kind":"`+[...]string{"gauge", "sum", "sample"}[o.kind%3]+`"`...)
	for _, d := range o.dims {
		b = wire.AppendString(append(b, ','), []byte(d.Name))
		b = wire.AppendString(append(b, ':'), []byte(d.Value))
	}
	b = append(b, `,"dimensions":{`...)
	for i, d := range o.dims {
		if i > 0 {
			b = append(b, ',')
		}
		b = wire.AppendString(b, []byte(d.Name))
		b = wire.AppendString(append(b, ':'), []byte(d.Value))
	}
	r.doc = append(b, "}}"...)
	r.subject.Reset("", r.doc)
}

// apply changes o as r says.
func (r *Rule) apply(o *output) {
	if r.Namespace != "" {
		o.namespace = r.Namespace
	}
	if r.Rename != "" {
		o.name = strings.ReplaceAll(r.Rename, "{name}", o.name)
	}
	if r.Unit != "" {
		o.unit = r.Unit
	}
	if r.Resolution != 0 {
		o.resolution = r.Resolution
	}
	if r.MaxSeries != 0 {
		o.maxSeries = r.MaxSeries
	}
	if r.Via != "" {
		o.via = r.Via
	}
	if r.KeepOnly || len(r.Remove) > 0 {
		kept := o.dims[:0]
		for _, d := range o.dims {
			if (!r.KeepOnly || slices.Contains(r.Keep, d.Name)) && !slices.Contains(r.Remove, d.Name) {
				kept = append(kept, d)
			}
		}
		o.dims = kept
	}
	for _, add := range r.Add {
		if i := find(o.dims, add.Name); i >= 0 {
			o.dims[i] = add
		} else if add.Value != "" {
			o.dims = append(o.dims, add)
		}
	}
}

// roll adds o with the dimensions of set, if o has them and others.
func (r *resolver) roll(o *output, set []string) {
	rolled, from := *o, len(r.dims)
	for _, d := range o.dims {
		if slices.Contains(set, d.Name) {
			r.dims = append(r.dims, d)
		}
	}
	rolled.dims = r.dims[from:len(r.dims):len(r.dims)]
	if len(rolled.dims) != len(set) || len(set) == len(o.dims) {
		return
	}
	for i := range r.outs {
		if equalDims(r.outs[i].dims, rolled.dims) {
			return
		}
	}
	r.outs = append(r.outs, rolled)
}

// overflow returns the dimensions of overflow series of a namespace.
func (r *resolver) overflow(namespace string) []sidelight.Dimension {
	o := output{identity: identity{dims: []sidelight.Dimension{{Name: OverflowDimension, Value: "true"}}}}
	if !slices.Contains(r.cfg.Exact, namespace) {
		o.dims = addMissing(o.dims, r.cfg.Dimensions)
	}
	o.tidy()
	return o.dims
}

func find(dims []sidelight.Dimension, name string) int {
	for i := range dims {
		if dims[i].Name == name {
			return i
		}
	}
	return -1
}

// addMissing appends those of more that have a value and whose names dims lacks.
func addMissing(dims, more []sidelight.Dimension) []sidelight.Dimension {
	n := len(dims)
	for _, d := range more {
		if d.Value != "" && find(dims[:n], d.Name) < 0 {
			dims = append(dims, d)
		}
	}
	return dims
}

// MaxDimensions is how many dimensions PutMetricData takes. Of more, the last by
// name are left out.
const MaxDimensions = 30

// CloudWatch's limits on names, from PutMetricData's reference.
const (
	maxName  = 255
	maxValue = 1024
	// maxKey is for names of dimensions, of which PutMetricData takes 255 characters
	// and the embedded metric format 250: they are the same on every way out.
	maxKey = 250
)

// tidy makes o what PutMetricData takes: one bad name would refuse a thousand
// others.
func (o *output) tidy() {
	o.namespace, o.name = clean(o.namespace, maxName), clean(o.name, maxName)
	if !KnownUnit(o.unit) {
		o.unit = ""
	}
	for i := range o.dims {
		d := sidelight.Dimension{Name: clean(o.dims[i].Name, maxKey), Value: clean(o.dims[i].Value, maxValue)}
		at := i
		for ; at > 0 && o.dims[at-1].Name > d.Name; at-- {
			o.dims[at] = o.dims[at-1]
		}
		o.dims[at] = d
	}
	kept := o.dims[:0]
	for _, d := range o.dims {
		switch n := len(kept); {
		case n > 0 && kept[n-1].Name == d.Name:
		case n == MaxDimensions:
			o.cut = true
		default:
			kept = append(kept, d)
		}
	}
	o.dims = kept
}

// Units returns CloudWatch's StandardUnit names.
func Units() []string {
	return []string{
		"Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
		"Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count",
		"Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
		"Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second", "Count/Second", "None",
	}
}

// KnownUnit reports whether PutMetricData takes unit as more than none.
func KnownUnit(unit string) bool {
	switch unit {
	case "Count", "Bytes", "Percent", "Milliseconds", "Seconds", "Microseconds":
		return true // the common ones
	case "", "None":
		return false
	}
	return slices.Contains(Units(), unit)
}
