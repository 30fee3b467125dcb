package lower

import (
	"fmt"
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
	l *lowerer
	// key is the node of its id, node its fields over the defaults, own only
	// what it says itself.
	key  *ast.Node
	node *ast.Node
	own  *ast.Node
	sc   expr.Scope
	out  *ir.Resource
}

// alarms resolves the block alarms.
func (l *lowerer) alarms() {
	defaults := l.root.Get("defaults")
	if defaults != nil && l.want(defaults, ast.Map, "defaults") {
		l.checkKeys(defaults, "defaults", defaultsKeys())
	} else {
		defaults = nil
	}
	block := l.root.Get("alarms")
	if block == nil || !l.want(block, ast.Map, "alarms") {
		return
	}
	for _, e := range block.Entries {
		if ast.Ignored(e.Key.Text) {
			continue
		}
		if !alarmID.MatchString(e.Key.Text) {
			l.add("R2004", e.Key.Range(), "the id %q is not a letter followed by letters, digits, dots, hyphens and underscores", e.Key.Text)
			continue
		}
		if l.want(e.Value, ast.Map, fmt.Sprintf("alarm %q", e.Key.Text)) {
			l.checkKeys(e.Value, fmt.Sprintf("alarm %q", e.Key.Text), alarmKeys())
			l.oneAlarm(e, defaults)
		}
	}
}

func (l *lowerer) oneAlarm(e ast.Entry, defaults *ast.Node) {
	if d := e.Value.Get("disable"); d != nil {
		if d.Kind != ast.String || strings.TrimSpace(d.Text) == "" {
			l.add("R2010", d.Range(), "disable needs a reason").Hint = `as in disable: "replaced by the SLO"`
			return
		}
		reason, _ := l.text(d, l.scope, "disable")
		l.stack.Disabled = append(l.stack.Disabled, ir.Disabled{ID: e.Key.Text, Kind: ir.MetricAlarmKind, Reason: reason, Pos: e.Key.Pos})
		return
	}
	merged := e.Value
	if defaults != nil {
		merged = ast.Merge(defaults, e.Value)
	}
	each := e.Value.Get("for_each")
	if each == nil {
		l.instance(e, merged, e.Key.Text, nil)
		return
	}
	v, ok := l.value(each, l.scope)
	if !ok {
		return
	}
	if v.Kind != expr.List && v.Kind != expr.Map {
		l.add("R3001", each.Range(), "for_each is a list or a map, not a %s", v.Kind)
		return
	}
	if len(v.List)+len(v.Keys) == 0 && l.discovered(each) {
		l.stack.Keep = append(l.stack.Keep, e.Key.Text+"/")
	}
	l.eachItem(e, merged, each, v)
}

func (l *lowerer) eachItem(e ast.Entry, merged, each *ast.Node, v expr.Value) {
	type item struct{ key, value expr.Value }
	var items []item
	for _, k := range v.Keys {
		value, err := v.Get(k)
		if err != nil {
			l.fault(each, err)
			return
		}
		items = append(items, item{expr.Text(k), value})
	}
	for _, value := range v.List {
		if value.Kind == expr.List || value.Kind == expr.Map || value.Kind == expr.Null {
			l.add("R3001", each.Range(), "for_each over a list needs texts or numbers, and one item is a %s", value.Kind)
			return
		}
		items = append(items, item{expr.Text(value.String()), value})
	}
	for _, it := range items {
		roots := expr.Table([]string{"key", "value"}, map[string]expr.Value{"key": it.key, "value": it.value})
		l.instance(e, merged, e.Key.Text+"/"+it.key.Str, &roots)
	}
}

// discovered reports whether a list comes from the context, directly or through
// a parameter.
func (l *lowerer) discovered(n *ast.Node) bool {
	t, err := expr.Parse(n.Text)
	if n.Kind != ast.String || err != nil {
		return false
	}
	if !t.Refers("param") {
		return t.Refers("ctx")
	}
	for _, nodes := range []*ast.Node{l.env.Get("set"), l.root.Get("parameters")} {
		if nodes != nil && mentions(nodes, "ctx.") {
			return true
		}
	}
	return t.Refers("ctx")
}

func mentions(n *ast.Node, text string) bool {
	if strings.Contains(n.Text, text) {
		return true
	}
	return slices.ContainsFunc(n.Items, func(c *ast.Node) bool { return mentions(c, text) }) ||
		slices.ContainsFunc(n.Entries, func(c ast.Entry) bool { return mentions(c.Value, text) })
}

// instance resolves one alarm. Its resource joins the stack only if nothing is
// wrong with it.
func (l *lowerer) instance(e ast.Entry, merged *ast.Node, id string, each *expr.Value) {
	sc := l.scope
	sc.Roots = maps.Clone(sc.Roots)
	sc.Roots["id"] = expr.Text(id)
	if each != nil {
		sc.Roots["each"] = *each
	}
	a := &alarm{
		l: l, key: e.Key, node: merged, own: e.Value, sc: sc,
		out: &ir.Resource{Kind: ir.MetricAlarmKind, ID: id, Pos: e.Key.Pos, Origins: map[string]ir.Pos{}},
	}
	before := l.ps.Errors()
	a.name()
	a.tags()
	a.protect()
	switch raw, absent := e.Value.Get("raw"), e.Value.Get("absent"); {
	case raw != nil && absent != nil:
		l.add("R2016", e.Value.Key("absent").Range(), "an alarm is raw or absent, not both")
	case raw != nil:
		a.raw(raw)
	case absent != nil:
		a.heartbeat(absent)
	default:
		a.concise()
	}
	a.limits()
	if raw := e.Value.Get("raw"); raw == nil && len(a.out.Alarm.Metrics) > 0 {
		// The metrics have the period each; beside them it is refused.
		a.out.Alarm.Period = 0
	}
	if l.ps.Errors() == before {
		l.stack.Resources = append(l.stack.Resources, *a.out)
	}
}

func (a *alarm) get(key string) *ast.Node { return a.node.Get(key) }

func (a *alarm) origin(n *ast.Node, fields ...string) {
	if n == nil {
		return
	}
	for _, f := range fields {
		a.out.Origins[f] = n.Pos
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
			p.Notes = []string{"a plan finds the alarms that were removed from a recipe by that prefix; destroy this one before you remove it"}
		}
	}
	if n := utf8.RuneCountInString(a.out.Name); n == 0 || n > 255 {
		a.l.add("R5006", at, "the alarm name has %d characters; CloudWatch wants 1 to 255", n)
	}
	if strings.ContainsFunc(a.out.Name, unicode.IsControl) {
		a.l.add("R5006", at, "the alarm name has control characters")
	}
}

func (a *alarm) tags() {
	tags := maps.Clone(a.l.tags)
	if tags == nil {
		tags = map[string]string{}
	}
	a.origin(a.l.root.Get("tags"), "Tags")
	if n := a.get("tags"); n != nil {
		maps.Copy(tags, a.l.tagMap(n, a.sc))
		a.origin(n, "Tags")
	}
	if len(tags) > maxUserTags {
		a.l.add("R5007", a.key.Range(), "%d tags; a resource has room for %d beside those that mark its owner", len(tags), maxUserTags)
	}
	if len(tags) > 0 {
		a.out.Tags = tags
	}
}

func (a *alarm) protect() {
	if n := a.get("protect"); n != nil {
		a.out.Protect, _ = a.l.truth(n, a.sc, "protect")
	}
	if slices.Contains(a.l.stack.Protect, ir.MetricAlarmKind) {
		a.out.Protect = true
	}
}

// concise resolves an alarm in the plain form.
func (a *alarm) concise() {
	out := &a.out.Alarm
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
			p := a.l.add("R4005", a.get("every").Range(), "%s is published once a minute, and the alarm looks every %ds", m.namespace, a.out.Alarm.Period)
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
	out := &a.out.Alarm
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
	out := &a.out.Alarm
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
