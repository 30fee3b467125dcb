package lower

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/catalogue"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/problem"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// metricDef is an entry of the block metrics.
type metricDef struct {
	node *ast.Node
	// ok is false if the definition has a problem; what uses it says nothing more.
	ok        bool
	namespace string
	name      string
	dims      []ir.Dimension
	stat      statistic
	unit      string
	// math is set for an expression; the fields above but unit are empty then.
	math *math
}

var metricID = lazyregexp.New(`^[a-z][a-zA-Z0-9_]{0,63}$`)

func (l *lowerer) metricDefs() {
	l.metrics = map[string]*metricDef{}
	block := l.root.Get("metrics")
	if block == nil || !l.want(block, ast.Map, "metrics") {
		return
	}
	for _, e := range block.Entries {
		id := e.Key.Text
		if ast.Ignored(id) {
			continue
		}
		d := &metricDef{node: e.Value}
		l.metrics[id] = d
		if !metricID.MatchString(id) {
			l.add("R2004", e.Key.Range(), "the metric id %q is not a lower-case letter followed by letters, digits and underscores", id)
		}
		if l.want(e.Value, ast.Map, "a metric") {
			before := l.ps.Errors()
			l.metricDef(id, e, d)
			d.ok = l.ps.Errors() == before
		}
	}
	l.resolve()
}

func (l *lowerer) metricDef(id string, e ast.Entry, d *metricDef) {
	l.checkKeys(e.Value, fmt.Sprintf("metric %q", id), metricKeys())
	if u := e.Value.Get("unit"); u != nil {
		if text, ok := l.text(u, l.scope, "unit"); ok {
			if d.unit, ok = catalogue.Unit(text); !ok {
				suggest(l.add("R3004", u.Range(), "unknown unit %q", text), text, catalogue.UnitNames())
			}
		}
	}
	if e.Value.Get("expr") != nil {
		l.mathDef(id, e, d)
		return
	}
	if k := e.Value.Key("guard"); k != nil {
		l.add("R2016", k.Range(), "\"guard\" goes with expr only")
	}
	m := e.Value.Get("metric")
	if m == nil {
		l.add("R2008", e.Key.Range(), "the metric %q does not say which: metric: Namespace:Name", id)
		return
	}
	full, ok := l.text(m, l.scope, "metric")
	if !ok {
		return
	}
	d.namespace, d.name, ok = strings.Cut(full, ":")
	if !ok || d.namespace == "" || d.name == "" {
		l.add("R2008", m.Range(), "%q is not written Namespace:Name", full)
		return
	}
	if dims := e.Value.Get("dims"); dims != nil && l.want(dims, ast.Map, "dims") {
		for _, dim := range dims.Entries {
			if v, ok := l.text(dim.Value, l.scope, "a dimension"); ok {
				d.dims = append(d.dims, ir.Dimension{Name: dim.Key.Text, Value: v})
			}
		}
	}
	if s := e.Value.Get("stat"); s == nil {
		l.add("R2008", e.Key.Range(), "the metric %q has no stat", id).Hint = "such as stat: avg, sum, max or p99"
	} else if text, ok := l.text(s, l.scope, "stat"); ok {
		d.stat = l.statistic(text, s.Range())
	}
	where := e.Value.Range()
	if dims := e.Value.Key("dims"); dims != nil {
		where = dims.Range()
	}
	l.checkMetric(d.namespace, d.name, d.dims, m.Range(), where)
}

// statistic is Statistic or ExtendedStatistic.
type statistic struct {
	plain    string
	extended string
}

func plainStats() map[string]string {
	return map[string]string{"avg": "Average", "sum": "Sum", "min": "Minimum", "max": "Maximum", "count": "SampleCount"}
}

// The forms of extended statistics: CloudWatch user guide, "Statistics
// definitions".
var (
	percentStat = lazyregexp.New(`^(p|tm|tc|ts|wm)(100|[0-9]{1,2}(?:\.[0-9]{1,10})?)$`)
	percentPair = lazyregexp.New(`^(tm|tc|ts|wm)\((?:[0-9.]+%)?:(?:[0-9.]+%)?\)$`)
	valuePair   = lazyregexp.New(`^(pr|tm|tc|ts|wm)\((?:-?[0-9.]+)?:(?:-?[0-9.]+)?\)$`)
)

func (l *lowerer) statistic(text string, r problem.Range) statistic {
	lower := strings.ToLower(text)
	if s, ok := plainStats()[lower]; ok {
		return statistic{plain: s}
	}
	switch {
	case percentStat.MatchString(lower):
		return statistic{extended: lower}
	case lower == "iqm":
		return statistic{extended: "IQM"}
	case (percentPair.MatchString(lower) || valuePair.MatchString(lower)) && !strings.HasSuffix(lower, "(:)"):
		return statistic{extended: strings.ToUpper(lower)}
	}
	p := l.add("R3005", r, "unknown statistic %q", text)
	p.Hint, p.Fix = problem.DidYouMean(text, append(words("average iqm"), "avg", "sum", "min", "max", "count", "p50", "p90", "p95", "p99", "p99.9"))
	if p.Fix == "average" {
		p.Hint, p.Fix = `did you mean "avg"?`, "avg"
	}
	p.Notes = []string{"statistics: avg sum min max count, p0 to p100, tm tc ts wm with a percentage, iqm, pr(a:b)"}
	return statistic{}
}

func (s statistic) valid() bool { return s.plain != "" || s.extended != "" }

// String returns the statistic as a recipe writes it.
func (s statistic) String() string {
	for short, long := range plainStats() {
		if long == s.plain {
			return short
		}
	}
	return strings.ToLower(s.extended)
}

// checkMetric compares a metric with the catalogue and with the limits of
// names and dimensions.
func (l *lowerer) checkMetric(namespace, name string, dims []ir.Dimension, at, dimsAt problem.Range) {
	l.metricLimits(namespace, name, dims, at, dimsAt)
	ns, known := l.cat.Namespace(namespace)
	if !known {
		if best, ok := problem.Nearest(namespace, l.cat.Names()); ok && strings.HasPrefix(namespace, "AWS/") {
			p := l.warn("L401", at, "the namespace %q is not in the metric catalogue", namespace)
			p.Hint, p.Fix = fmt.Sprintf("did you mean %q?", best), ""
		}
		return
	}
	if _, ok := ns.Metrics[name]; !ok {
		if ns.Open {
			return
		}
		var names []string
		for n := range ns.Metrics {
			names = append(names, n)
		}
		if best, ok := problem.Nearest(name, names); ok {
			p := l.add("R4001", at, "no metric %q in %s", name, namespace)
			p.Hint, p.Fix = fmt.Sprintf("did you mean %q?", best), namespace+":"+best
			return
		}
		l.warn("L402", at, "%s has no metric %q in the metric catalogue", namespace, name)
		return
	}
	var names []string
	for _, d := range dims {
		names = append(names, d.Name)
	}
	if !ns.HasDimensions(names) {
		p := l.add("R4003", dimsAt, "%s has no dimension set {%s}", namespace, strings.Join(names, ", "))
		if len(names) == 0 {
			p.Message = namespace + " has no metrics without dimensions"
		}
		p.Notes = []string{"known sets: " + ns.Sets() + ".  The alarm would stay in INSUFFICIENT_DATA for ever."}
	}
}

// metricLimits: CloudWatch API reference, Metric and Dimension.
func (l *lowerer) metricLimits(namespace, name string, dims []ir.Dimension, at, dimsAt problem.Range) {
	for what, s := range map[string]string{"namespace": namespace, "metric name": name} {
		if n := utf8.RuneCountInString(s); n > 255 {
			l.add("R5001", at, "the %s has %d characters; CloudWatch allows 255", what, n)
		}
	}
	if len(dims) > 30 {
		l.add("R5002", dimsAt, "%d dimensions; CloudWatch allows 30", len(dims))
	}
	seen := map[string]bool{}
	for _, d := range dims {
		if seen[d.Name] {
			l.add("R2009", dimsAt, "the dimension %q is given twice", d.Name)
		}
		seen[d.Name] = true
		if n := utf8.RuneCountInString(d.Name); n == 0 || n > 255 || strings.HasPrefix(d.Name, ":") {
			l.add("R5002", dimsAt, "the dimension name %q is not 1 to 255 characters without a colon in front", d.Name)
		}
		if n := utf8.RuneCountInString(d.Value); n == 0 || n > 1024 {
			l.add("R5002", dimsAt, "the value of the dimension %q has %d characters; CloudWatch wants 1 to 1024", d.Name, n)
		}
	}
}

// operand resolves the left side of a condition.
func (l *lowerer) operand(c *Condition, n *ast.Node) (d metricDef, ok bool) {
	selector := n.At(c.SelectorAt.Offset, c.SelectorAt.Width)
	if c.Ident != "" {
		def, found := l.metrics[c.Ident]
		if !found {
			p := l.add("R2201", selector, "no metric %q", c.Ident)
			ids := l.metricIDs()
			if len(ids) == 0 {
				p.Hint = "a metric is written Namespace:Name{Dimension=value}, or defined in the block metrics"
			}
			suggest(p, c.Ident, ids)
			return d, false
		}
		if !def.ok {
			return d, false
		}
		d = *def
	} else {
		d = metricDef{node: n, namespace: c.Namespace, name: c.Name}
		for _, dim := range c.Dims {
			d.dims = append(d.dims, ir.Dimension{Name: dim.Name, Value: dim.Value})
		}
		before := l.ps.Errors()
		at := selector
		if c.DimsAt.Width > 0 {
			at = n.At(c.DimsAt.Offset, c.DimsAt.Width)
		}
		l.checkMetric(d.namespace, d.name, d.dims, selector, at)
		if l.ps.Errors() > before {
			return d, false
		}
	}
	if c.Stat != "" {
		at := n.At(c.StatAt.Offset, c.StatAt.Width)
		if d.math != nil {
			l.add("R2014", at, "%q is an expression, and has no statistic of its own", c.Ident)
			return d, false
		}
		d.stat = l.statistic(c.Stat, at)
	}
	d.dims = sortedDims(d.dims)
	return d, d.math != nil || d.stat.valid()
}

func sortedDims(dims []ir.Dimension) []ir.Dimension {
	return order.Sorted(slices.Values(dims), func(a, b ir.Dimension) int { return strings.Compare(a.Name, b.Name) })
}

// unitOf returns the unit that a statistic of the metric has, or "".
func (l *lowerer) unitOf(d metricDef) string {
	switch {
	case d.stat.plain == "SampleCount" || strings.HasPrefix(d.stat.extended, "TC") || strings.HasPrefix(d.stat.extended, "tc"):
		return "Count"
	case strings.HasPrefix(d.stat.extended, "PR"):
		return "Percent"
	case d.unit != "":
		return d.unit
	}
	m, _ := l.cat.Metric(d.namespace, d.name)
	return m.Unit
}

// threshold returns the condition's quantity in the metric's unit.
func (l *lowerer) threshold(c *Condition, d metricDef, n *ast.Node) (float64, bool) {
	at := n.At(c.QuantityAt.Offset, c.QuantityAt.Width)
	unit := l.unitOf(d)
	r, ok := catalogue.Convert(c.Quantity, unit)
	if !ok {
		full := d.namespace + ":" + d.name
		if d.math != nil {
			full = d.name
		}
		if unit == "" {
			p := l.add("R3101", at, "the unit of %s is not known, so %s cannot be converted", full, c.Quantity)
			p.Notes = []string{"write a bare number in the metric's own unit, or define it in the block metrics with unit:"}
			return 0, false
		}
		l.add("R3102", at, "%s is a %s, and %s is in %s", c.Quantity, c.Quantity.Kind, full, strings.ToLower(unit))
		return 0, false
	}
	f, finite := expr.Value{Kind: expr.Number, Rat: r}.Float()
	if !finite {
		l.add("R3001", at, "the threshold is beyond what a float64 can hold")
	}
	return f, finite
}
