package aggregate

import (
	"context"
	"hash/maphash"
	"log/slog"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// Offender is a metric that had more series than it may, in the last interval or
// the running one.
type Offender struct {
	Namespace string `json:"namespace"`
	Metric    string `json:"metric"`
	// Dimension is the one with the most values, and Values how many of them were
	// turned away, to some 7 %.
	Dimension string `json:"dimension,omitempty"`
	Values    int    `json:"values,omitempty"`
	// Measurements counts those that were summed into the overflow series.
	Measurements uint64 `json:"measurements"`
	// Series is how many series the metric has, and Limit how many it may have. If
	// Series is less, all metrics together have too many.
	Series int `json:"series"`
	Limit  int `json:"limit"`
}

const (
	// offenders is how many are reported, and logged how many of them are logged.
	offenders, logged = 10, 3
	// estimatedDims and maxEstimators bound the memory of estimates: 16 dimensions
	// of a metric, 128 KB in all.
	estimatedDims, maxEstimators = 16, 512
)

// estimator counts distinct values of a dimension in little memory: it is a
// HyperLogLog of 256 registers, whose standard error is 6.5 %.
type estimator struct {
	name      string
	registers [256]uint8
}

func (e *estimator) add(h uint64) {
	r := &e.registers[h>>56]
	*r = max(*r, uint8(bits.LeadingZeros64(h<<8|1<<7))+1)
}

func (e *estimator) estimate() int {
	const m = float64(len(e.registers))
	sum, zeros := 0.0, 0.0
	for _, r := range e.registers {
		sum += math.Ldexp(1, -int(r))
		if r == 0 {
			zeros++
		}
	}
	n := 0.7213 / (1 + 1.079/m) * m * m / sum
	if n < 2.5*m && zeros > 0 {
		n = m * math.Log(m/zeros)
	}
	return int(n + 0.5)
}

// note remembers the values of o's dimensions, which was turned away. a.mu is
// held.
func (a *Aggregate) note(o *output) {
	m := a.table.metrics[metricName{o.namespace, o.name}]
	if m == nil {
		return
	}
	for _, d := range o.dims {
		var e *estimator
		for _, x := range m.dims {
			if x.name == d.Name {
				e = x
			}
		}
		if e == nil {
			if len(m.dims) >= estimatedDims || a.table.estimators >= maxEstimators {
				continue
			}
			e = &estimator{name: strings.Clone(d.Name)}
			m.dims = append(m.dims, e)
			a.table.estimators++
		}
		e.add(maphash.String(a.seed, d.Value))
	}
}

// found returns the metrics that are in overflow, the worst first. a.mu is held.
func (a *Aggregate) found() []Offender {
	var out []Offender
	for _, m := range a.table.metrics {
		if m.over == 0 {
			continue
		}
		o := Offender{Namespace: m.namespace, Metric: m.name, Measurements: m.over, Series: m.series, Limit: m.limit}
		for _, e := range m.dims {
			if n := e.estimate(); n > o.Values {
				o.Dimension, o.Values = e.name, n
			}
		}
		out = append(out, o)
	}
	return worst(out)
}

// worst sorts all and returns the first.
func worst(all []Offender) []Offender {
	order.By(all, func(x, y Offender) int {
		if x.Values != y.Values {
			return y.Values - x.Values
		}
		if x.Metric < y.Metric {
			return -1
		}
		return 1
	})
	return all[:min(len(all), offenders)]
}

// together returns the offenders of the running interval and the last one, each
// metric as it was in the worse of them: an interval that has just begun knows
// little.
func together(running, last []Offender) []Offender {
	all := append([]Offender(nil), running...)
	for _, o := range last {
		same := func(x Offender) bool { return x.Namespace == o.Namespace && x.Metric == o.Metric }
		switch i := slices.IndexFunc(all, same); {
		case i < 0:
			all = append(all, o)
		case o.Values > all[i].Values:
			all[i] = o
		}
	}
	return worst(all)
}

// report logs who was in overflow in the interval that ends, and begins anew.
// a.mu is held.
func (a *Aggregate) report() {
	a.offender = a.found()
	for _, o := range a.offender[:min(len(a.offender), logged)] {
		a.log.LogAttrs(context.Background(), slog.LevelWarn, "a metric has more series than it may; the rest is summed into one",
			slog.String("metric", o.Metric), slog.String("namespace", o.Namespace), slog.String("dimension", o.Dimension),
			slog.Int("values", o.Values), slog.Uint64("measurements", o.Measurements), slog.Int("series", o.Series),
			slog.Int("limit", o.Limit), slog.Int("all_series", a.table.count), slog.Int("max_series", a.cfg.MaxSeries))
	}
	for _, m := range a.table.metrics {
		if m.over == 0 {
			a.table.estimators -= len(m.dims)
			m.dims = nil
		}
		for _, e := range m.dims {
			clear(e.registers[:])
		}
		m.over = 0
	}
}
