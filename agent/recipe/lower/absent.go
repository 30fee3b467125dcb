package lower

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// absent resolves a heartbeat. CloudWatch looks back two periods further than an
// alarm says, so that an alarm on N missing periods fires after N + 2.
func (a *alarm) absent(n *ast.Node) {
	l, out := a.l, a.body
	for _, key := range words("when every for missing low_samples") {
		if k := a.own.Key(key); k != nil {
			l.add("R2016", k.Range(), "%q does not go with absent", key)
		}
	}
	if !l.want(n, ast.Map, "absent") {
		return
	}
	l.checkKeys(n, "absent", keys{supported: words("metric dims every for")})
	every, length := n.Get("every"), n.Get("for")
	if n.Get("metric") == nil || every == nil || length == nil {
		l.add("R2011", n.Range(), "absent has a metric, every (how often it is published) and for (how long it may be away)")
		return
	}
	before := l.ps.Errors()
	d := a.beat(n)
	p, okEvery := l.quantity(every, a.sc, expr.Duration, "every")
	t, okFor := l.quantity(length, a.sc, expr.Duration, "for")
	if !okEvery || !okFor || l.ps.Errors() > before {
		return
	}
	if out.Period = a.period(every, p); out.Period == 0 {
		return
	}
	periods := new(big.Rat).Quo(t, p)
	if !periods.IsInt() || periods.Cmp(big.NewRat(3, 1)) < 0 || periods.Cmp(big.NewRat(100000, 1)) > 0 {
		least := expr.Value{Kind: expr.Duration, Rat: new(big.Rat).Mul(p, big.NewRat(3, 1))}
		l.add("R5015", length.Range(), "for is a multiple of every, and at least three times as long: %s", least)
		return
	}
	one := 1.0
	out.EvaluationPeriods = int32(periods.Num().Int64()) - 2
	out.DatapointsToAlarm = out.EvaluationPeriods
	out.Namespace, out.MetricName, out.Dimensions, out.Statistic = d.namespace, d.name, sortedDims(d.dims), "SampleCount"
	out.Threshold, out.ComparisonOperator, out.TreatMissingData = &one, "LessThanThreshold", "breaching"
	a.origin(n, "Namespace", "MetricName", "Dimensions", "Statistic", "Threshold", "ComparisonOperator", "TreatMissingData")
	a.origin(every, "Period")
	a.origin(length, "EvaluationPeriods", "DatapointsToAlarm")
	a.out.Words = ir.Words{Condition: fmt.Sprintf("no %s for %s", d.name, expr.Value{Kind: expr.Duration, Rat: t}), Cadence: cadence(out)}
}

// beat returns the metric of a heartbeat: an entry of metrics, or a metric with
// its dimensions.
func (a *alarm) beat(n *ast.Node) metricDef {
	l, m := a.l, n.Get("metric")
	text, ok := l.text(m, a.sc, "metric")
	if !ok {
		return metricDef{}
	}
	if d := l.metrics[text]; d != nil {
		if d.math != nil {
			l.add("R2014", m.Range(), "a heartbeat is a metric, and %q is an expression", text)
		} else if !d.ok {
			l.add("R2201", m.Range(), "the metric %q is not usable", text)
		}
		return *d
	}
	d := metricDef{node: n}
	if d.namespace, d.name, ok = strings.Cut(text, ":"); !ok || d.namespace == "" || d.name == "" {
		suggest(l.add("R2201", m.Range(), "%q is neither Namespace:Name nor the id of a metric", text), text, l.metricIDs())
		return d
	}
	at := m.Range()
	if dims := n.Get("dims"); dims != nil && l.want(dims, ast.Map, "dims") {
		at = n.Key("dims").Range()
		for _, e := range dims.Entries {
			if v, ok := l.text(e.Value, a.sc, "a dimension"); ok {
				d.dims = append(d.dims, ir.Dimension{Name: e.Key.Text, Value: v})
			}
		}
	}
	l.checkMetric(d.namespace, d.name, d.dims, m.Range(), at)
	return d
}
