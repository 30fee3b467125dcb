package lower

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/internal/metricmath"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// math is the definition of a metric by an expression over other metrics.
type math struct {
	text string
	// guard is the metric that must reach atLeast for the expression to count.
	guard   string
	atLeast float64
}

// mathDef reads the definition; what it refers to is checked later, when all
// metrics are known.
func (l *lowerer) mathDef(id string, e ast.Entry, d *metricDef) {
	for _, key := range words("metric dims stat") {
		if k := e.Value.Key(key); k != nil {
			l.add("R2016", k.Range(), "%q does not go with expr", key)
		}
	}
	n := e.Value.Get("expr")
	text, ok := l.text(n, l.scope, "expr")
	if !ok {
		return
	}
	d.math = &math{text: strings.TrimSpace(text)}
	d.name = id
	parsed, err := metricmath.Parse(d.math.text)
	if err != nil {
		l.mathFault(n, err)
		return
	}
	for _, f := range words("SEARCH INSIGHT_RULE_METRIC SERVICE_QUOTA LAMBDA DB_PERF_INSIGHTS METRICS METRIC_COUNT ANOMALY_DETECTION_BAND") {
		if parsed.Calls(f) {
			l.add("R3121", n.Range(), "%s is not supported in the expression of an alarm", f)
		}
	}
	// How many points an alarm fetches is CloudWatch's choice, so that what
	// depends on their number is not defined.
	for _, f := range words("DATAPOINT_COUNT RUNNING_SUM REMOVE_EMPTY") {
		if parsed.Calls(f) {
			l.add("R3120", n.Range(), "%s depends on how many points CloudWatch fetches, which an alarm does not decide", f)
		}
	}
	if m := overTime.FindString(d.math.text); m != "" {
		p := l.add("R3120", n.Range(), "%s of one series depends on how many points CloudWatch fetches, which an alarm does not decide", m)
		p.Notes = []string{"over several series it is fine: SUM([a, b])"}
	}
	if g := e.Value.Get("guard"); g != nil {
		l.guard(g, d.math)
	}
}

// overTime finds the functions that sum up one series over time.
var overTime = lazyregexp.New(`(?i)\b(?:AVG|SUM|MIN|MAX|STDDEV)\(\s*[a-z][A-Za-z0-9_]*\s*\)`)

func (l *lowerer) mathFault(n *ast.Node, err error) {
	e, ok := err.(*metricmath.Error)
	if !ok {
		l.add("R2017", n.Range(), "%s", err)
		return
	}
	l.add("R2017", n.At(e.Offset, 1), "not metric math: %s", e.Msg)
}

func (l *lowerer) guard(g *ast.Node, m *math) {
	if !l.want(g, ast.Map, "guard") {
		return
	}
	l.checkKeys(g, "guard", keys{supported: words("metric at_least")})
	metric, atLeast := g.Get("metric"), g.Get("at_least")
	if metric == nil || atLeast == nil {
		l.add("R2008", g.Range(), "a guard has a metric and at_least")
		return
	}
	m.guard, _ = l.text(metric, l.scope, "metric")
	if r, ok := l.quantity(atLeast, l.scope, expr.Number, "at_least"); ok {
		m.atLeast, _ = r.Float64()
	}
}

// resolve follows the references of the expressions: what they name must exist,
// and none may lead back to itself.
func (l *lowerer) resolve() {
	state := map[string]int{}
	block := l.root.Get("metrics")
	for _, id := range block.Keys() {
		if d := l.metrics[id]; d != nil && d.math != nil && d.ok {
			l.follow(id, d, state)
		}
	}
}

const (
	following = 1 + iota
	followed
)

func (l *lowerer) follow(id string, d *metricDef, state map[string]int) {
	if state[id] != 0 {
		return
	}
	state[id] = following
	defer func() { state[id] = followed }()
	n := d.node.Get("expr")
	for _, ref := range d.refs() {
		at := n.At(ref.Offset, len(ref.ID))
		if ref.Offset < 0 {
			at = d.node.Get("guard").Get("metric").Range()
		}
		next, ok := l.metrics[ref.ID]
		switch {
		case !ok:
			suggest(l.add("R2201", at, "no metric %q", ref.ID), ref.ID, l.metricIDs())
			d.ok = false
		case state[ref.ID] == following:
			l.add("R2202", at, "the metric %q refers to itself", ref.ID)
			d.ok = false
		default:
			if next.math != nil && next.ok {
				l.follow(ref.ID, next, state)
			}
			d.ok = d.ok && next.ok
		}
	}
	if len(d.refs()) == 0 {
		l.add("R2017", n.Range(), "the expression uses no metric")
		d.ok = false
	}
}

func (l *lowerer) metricIDs() []string {
	var ids []string
	for id := range l.metrics {
		ids = append(ids, id)
	}
	return ids
}

// refs lists what the definition uses, the guard first, with an offset of -1.
func (d *metricDef) refs() []metricmath.Ref {
	var refs []metricmath.Ref
	if d.math.guard != "" {
		refs = append(refs, metricmath.Ref{ID: d.math.guard, Offset: -1})
	}
	if parsed, err := metricmath.Parse(d.math.text); err == nil {
		refs = append(refs, parsed.Refs()...)
	}
	return refs
}

// expression is the text that CloudWatch gets. Below the guard the value is a
// good one, not a missing one: for a missing newest point CloudWatch would look
// at older ones, and recover late.
func (m *math) expression(good float64) string {
	if m.guard == "" {
		return m.text
	}
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	return fmt.Sprintf("IF(%s >= %s, %s, %s)", m.guard, number(m.atLeast), m.text, number(good))
}

// goodValue is one that does not breach: 0 if it can be.
func goodValue(cmp string, threshold float64) float64 {
	switch {
	case cmp == ">" && threshold < 0, cmp == "<" && threshold > 0:
		return threshold
	case cmp == ">=" && threshold <= 0:
		return threshold - 1
	case cmp == "<=" && threshold >= 0:
		return threshold + 1
	}
	return 0
}

// queries lists the metrics that an alarm on an expression fetches and computes,
// what is used before what uses it.
func (l *lowerer) queries(id string, d metricDef, period int32, good float64) []ir.MetricQuery {
	var out []ir.MetricQuery
	seen := map[string]bool{}
	var visit func(id string, d *metricDef, good float64)
	visit = func(id string, d *metricDef, good float64) {
		if seen[id] {
			return
		}
		seen[id] = true
		no := false
		q := ir.MetricQuery{Id: id, ReturnData: &no}
		if d.math == nil {
			stat := d.stat.plain + d.stat.extended
			q.MetricStat = &ir.MetricStat{Metric: ir.Metric{Namespace: d.namespace, MetricName: d.name, Dimensions: sortedDims(d.dims)}, Period: period, Stat: stat}
		} else {
			for _, ref := range d.refs() {
				visit(ref.ID, l.metrics[ref.ID], 0)
			}
			q.Expression = d.math.expression(good)
		}
		out = append(out, q)
	}
	visit(id, &d, good)
	yes := true
	out[len(out)-1].ReturnData, out[len(out)-1].Label = &yes, id
	return out
}

// sources returns the metrics at the bottom of an expression, or d itself.
func (l *lowerer) sources(d metricDef) []metricDef {
	if d.math == nil {
		return []metricDef{d}
	}
	var out []metricDef
	seen := map[string]bool{}
	var visit func(d *metricDef)
	visit = func(d *metricDef) {
		for _, ref := range d.refs() {
			next := l.metrics[ref.ID]
			if seen[ref.ID] {
				continue
			}
			seen[ref.ID] = true
			if next.math != nil {
				visit(next)
			} else {
				out = append(out, *next)
			}
		}
	}
	visit(&d)
	return out
}

// computed puts a condition on an expression into the alarm.
func (a *alarm) computed(c *Condition, d metricDef, n *ast.Node, threshold float64) {
	out := a.body
	out.Metrics = a.l.queries(c.Ident, d, out.Period, goodValue(c.Cmp, threshold))
	a.origin(d.node, "Metrics")
	// PutMetricAlarm: at most ten metrics in one alarm.
	if k := len(a.l.sources(d)); k > 10 {
		p := a.l.add("R5013", n.Range(), "the alarm uses %d metrics; CloudWatch allows 10", k)
		p.Notes = []string{"split it into several alarms"}
	}
}
