package spend

import (
	"cmp"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/price"
)

// Line is one position of a projected bill.
type Line struct {
	// Kind is metrics, requests, logs, traces or otlp.
	Kind string `json:"kind"`
	// Name is a namespace, a log group, or what else is charged for.
	Name string `json:"name"`
	// Quantity is a month's, in Unit.
	Quantity float64 `json:"quantity"`
	Unit     string  `json:"unit"`
	// Monthly is in US dollars; nil where the price is not known.
	Monthly *float64 `json:"monthly_usd"`
}

// By says what the metrics of a bill are told apart by: ByNamespace, ByMetric, or
// the name of a dimension.
const (
	ByNamespace = "namespace"
	ByMetric    = "metric"
)

const (
	gigabyte     = 1 << 30
	monthSeconds = price.HoursPerMonth * 3600
)

// Bill projects what a month costs at the pace so far, at the prices of t: the
// series of an hour in every hour, everything else as since the agent began. It
// is of this agent alone, without free tiers and without discounts for volume,
// which hold for whole accounts. Lines that cost most come first.
func (r Report) Bill(t price.Table, by string) []Line {
	lines := r.metricLines(t, by)
	pace := 0.0
	if r.Seconds > 0 {
		pace = monthSeconds / r.Seconds
	}
	add := func(kind, name string, n float64, unit string, price float64) {
		if n > 0 {
			lines = append(lines, line(kind, name, n*pace, unit, price))
		}
	}
	add("requests", "PutMetricData", float64(r.MetricRequests)/1000, "thousand", t.Requests)
	for _, l := range r.Logs {
		add("logs", l.Group, float64(l.Bytes)/gigabyte, "GB", t.Logs[l.Class])
	}
	add("traces", "X-Ray", float64(r.Traces)/1e6, "million", t.Traces)
	for _, o := range r.OTLP {
		add("otlp", o.Signal, float64(o.Bytes)/gigabyte, "GB", t.OTLP[o.Signal])
	}
	order.Stable(lines, func(a, b Line) int { return cmp.Compare(b.cost(), a.cost()) })
	return lines
}

func line(kind, name string, quantity float64, unit string, price float64) Line {
	l := Line{Kind: kind, Name: name, Quantity: quantity, Unit: unit}
	if price > 0 {
		usd := quantity * price
		l.Monthly = &usd
	}
	return l
}

func (l Line) cost() float64 {
	if l.Monthly == nil {
		return 0
	}
	return *l.Monthly
}

// metricLines counts the series of an hour. What goes out by OTLP is charged by
// its bytes.
func (r Report) metricLines(t price.Table, by string) []Line {
	if by != ByNamespace && by != ByMetric {
		return r.labelLines(t, by)
	}
	sums, names := map[string]int{}, []string(nil)
	for _, m := range r.Hour.Metrics {
		if m.Via == "otlp" {
			continue
		}
		name := m.Namespace
		if by == ByMetric {
			name += " " + m.Name
		}
		if _, ok := sums[name]; !ok {
			names = append(names, name)
		}
		sums[name] += m.Series
	}
	var lines []Line
	for _, name := range names {
		lines = append(lines, line("metrics", name, float64(sums[name]), "series", t.Metric))
	}
	return lines
}

// labelLines has a line for each value of a dimension, and one for the series
// without it.
func (r Report) labelLines(t price.Table, name string) []Line {
	var lines []Line
	rest := r.Hour.Series
	for _, l := range r.Hour.Labels {
		if strings.EqualFold(l.Name, name) {
			lines = append(lines, line("metrics", l.Name+"="+l.Value, float64(l.Series), "series", t.Metric))
			rest -= l.Series
		}
	}
	if rest > 0 {
		lines = append(lines, line("metrics", "without "+name, float64(rest), "series", t.Metric))
	}
	return lines
}

// Dimensions returns the names of all dimensions, the most frequent first.
func (r Report) Dimensions() []string {
	var names []string
	seen := map[string]bool{}
	for _, l := range r.Hour.Labels {
		if !seen[l.Name] {
			seen[l.Name] = true
			names = append(names, l.Name)
		}
	}
	return names
}

// Total is the sum of the known prices, and says whether all are known.
func Total(lines []Line) (usd float64, all bool) {
	all = true
	for _, l := range lines {
		usd += l.cost()
		all = all && l.Monthly != nil
	}
	return usd, all
}
