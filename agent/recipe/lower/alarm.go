package lower

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// alarm is one alarm on its way to a resource.
type alarm struct {
	*item
	body *ir.MetricAlarm
}

// alarms resolves the block alarms.
func (l *lowerer) alarms() {
	defaults := l.root.Get("defaults")
	if defaults != nil && l.want(defaults, ast.Map, "defaults") {
		l.checkKeys(defaults, "defaults", defaultsKeys())
	} else {
		defaults = nil
	}
	l.part(l.root, "alarms", block{kind: ir.MetricAlarmKind, word: "alarm", defaults: defaults, keys: alarmKeys(), resolve: l.alarm})
}

// alarm resolves one alarm.
func (l *lowerer) alarm(it *item) {
	a := &alarm{it, &ir.MetricAlarm{}}
	it.out.Body = a.body
	a.name()
	a.tags()
	a.protect()
	switch raw, absent := a.own.Get("raw"), a.own.Get("absent"); {
	case raw != nil && absent != nil:
		l.add("R2016", a.own.Key("absent").Range(), "an alarm is raw or absent, not both")
	case raw != nil:
		a.raw(raw)
	case absent != nil:
		a.heartbeat(absent)
	default:
		a.concise()
	}
	a.limits()
	if raw := a.own.Get("raw"); raw == nil && len(a.body.Metrics) > 0 {
		// The metrics have the period each; beside them it is refused.
		a.body.Period = 0
	}
}

// name: AlarmName is 1 to 255 characters without ASCII control characters.
func (a *alarm) name() {
	a.out.Name = a.l.stack.Prefix() + a.out.ID
	at := a.key.Range()
	if n := a.own.Get("name"); n != nil {
		at = n.Range()
		s, ok := a.l.text(n, a.sc, "name")
		if !ok {
			return
		}
		a.out.Name = s
		a.origin(n, "AlarmName")
		if !strings.HasPrefix(s, a.l.stack.Prefix()) {
			p := a.l.warn("L210", at, "the name %q does not begin with %q", s, a.l.stack.Prefix())
			p.Notes = []string{"a plan finds what was removed from a recipe by that prefix, or by its tags; without tag:GetResources destroy this one before you remove it"}
		}
	}
	if n := utf8.RuneCountInString(a.out.Name); n == 0 || n > 255 {
		a.l.add("R5006", at, "the alarm name has %d characters; CloudWatch wants 1 to 255", n)
	}
	if strings.ContainsFunc(a.out.Name, unicode.IsControl) {
		a.l.add("R5006", at, "the alarm name has control characters")
	}
}

// concise resolves an alarm in the plain form.
func (a *alarm) concise() {
	out := a.body
	a.evaluation()
	cond, metric, threshold := a.condition()
	a.words(cond, metric, threshold)
	a.routing()
	a.description()
	a.missing(metric)
	a.lowSamples(metric)
	a.window()
	a.warmUp()
	a.notifyTags()
	if metric != nil && out.Period > 0 && out.Period < 60 {
		a.resolution(a.l.sources(*metric))
	}
}

// resolution checks that no metric is published less often than it is looked at.
func (a *alarm) resolution(sources []metricDef) {
	for _, m := range sources {
		if strings.HasPrefix(m.namespace, "AWS/") {
			p := a.l.add("R4005", a.get("every").Range(), "%s is published once a minute, and the alarm looks every %ds", m.namespace, a.body.Period)
			p.Notes = []string{"the alarm would stay in INSUFFICIENT_DATA for ever"}
			return
		}
	}
}

// heartbeat resolves an alarm on silence.
func (a *alarm) heartbeat(n *ast.Node) {
	a.absent(n)
	a.routing()
	a.description()
	a.window()
	a.warmUp()
	a.notifyTags()
}

// condition resolves `when`. What it returns is nil after a problem.
func (a *alarm) condition() (*Condition, *metricDef, float64) {
	n := a.get("when")
	if n == nil {
		for _, other := range alarmKeys().unsupported {
			if a.own.Get(other) != nil {
				return nil, nil, 0 // reported as not supported
			}
		}
		a.l.add("R2011", a.key.Range(), "the alarm %q has no condition", a.key.Text).Hint = "write when: avg(Namespace:Metric{Dimension=value}) > 80, or raw:"
		return nil, nil, 0
	}
	if n.Kind != ast.String {
		a.l.add("R2012", n.Range(), "when is %s, not a condition such as avg(Namespace:Metric) > 80", n.Kind)
		return nil, nil, 0
	}
	c, err := ParseWhen(n.Text, func(x *expr.Expr) (expr.Value, error) { return x.Eval(a.sc) })
	if err != nil {
		if e, ok := err.(*expr.Error); ok && e.Code == "" && !e.Missing && !e.Type {
			e.Code = "R2012"
		}
		a.l.fault(n, err)
		return nil, nil, 0
	}
	m, ok := a.l.operand(c, n)
	if !ok {
		return nil, nil, 0
	}
	threshold, ok := a.l.threshold(c, m, n)
	if !ok {
		return nil, nil, 0
	}
	out := a.body
	out.Threshold, out.ComparisonOperator = &threshold, comparison(c.Cmp)
	if m.math != nil {
		a.computed(c, m, n, threshold)
		a.origin(n, "Threshold", "ComparisonOperator")
		return c, &m, threshold
	}
	out.Namespace, out.MetricName, out.Dimensions = m.namespace, m.name, m.dims
	out.Statistic, out.ExtendedStatistic = m.stat.plain, m.stat.extended
	a.origin(n, "Threshold", "ComparisonOperator", "Statistic", "ExtendedStatistic")
	a.origin(m.node, "Namespace", "MetricName", "Dimensions")
	if c.Stat == "" {
		a.origin(m.node, "Statistic", "ExtendedStatistic")
	}
	return c, &m, threshold
}

func comparison(cmp string) string {
	switch cmp {
	case ">":
		return "GreaterThanThreshold"
	case ">=":
		return "GreaterThanOrEqualToThreshold"
	case "<":
		return "LessThanThreshold"
	}
	return "LessThanOrEqualToThreshold"
}

func (a *alarm) routing() {
	out := a.body
	enabled := true
	if n := a.get("notify"); n != nil {
		enabled, _ = a.l.truth(n, a.sc, "notify")
		a.origin(n, "ActionsEnabled")
	}
	out.ActionsEnabled = &enabled
	r, from := a.route()
	if r == nil {
		return
	}
	out.AlarmActions, out.OKActions, out.InsufficientDataActions = r.alarm, r.ok, r.insufficient
	a.origin(from, "AlarmActions", "OKActions", "InsufficientDataActions")
}

// route returns what the alarm notifies and the node that said so. The alarm's
// actions, by name or spelt out, win over its severity.
func (a *alarm) route() (*route, *ast.Node) {
	if n := a.get("actions"); n != nil {
		if n.Kind == ast.Map {
			return a.l.route(n, "actions", a.sc), n
		}
		name, ok := a.l.text(n, a.sc, "actions")
		if !ok {
			return nil, nil
		}
		a.out.Words.Route = name
		return a.named(name, n, "actions"), n
	}
	n := a.get("severity")
	if n == nil {
		return nil, nil
	}
	name, ok := a.l.text(n, a.sc, "severity")
	if !ok || name == "info" && a.l.actions["info"] == nil {
		return nil, nil
	}
	a.out.Words.Route = name
	return a.named(name, n, "severity"), n
}

func (a *alarm) named(name string, n *ast.Node, what string) *route {
	r, ok := a.l.actions[name]
	if ok {
		return r
	}
	p := a.l.add("R2207", n.Range(), "%s %q: the block actions has no route of that name", what, name)
	valid := slices.Collect(maps.Keys(a.l.actions))
	if what == "severity" {
		valid = append(valid, "info")
	}
	suggest(p, name, valid)
	return nil
}
