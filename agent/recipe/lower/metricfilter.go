package lower

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/internal/filterpattern"
)

// metricFilter resolves one metric filter: CloudWatch Logs API reference,
// PutMetricFilter.
func (l *lowerer) metricFilter(it *item) {
	body := &ir.MetricFilter{FilterName: strings.Join([]string{l.stack.Recipe, l.stack.Env, it.out.ID}, "--")}
	it.out.Body = body
	it.protect()
	if utf8.RuneCountInString(body.FilterName) > 512 {
		l.add("R5006", it.key.Range(), "the filter's name %q has more than 512 characters", body.FilterName)
	}
	it.filterGroup(body)
	it.filterPattern(body)
	it.filterMetric(body)
	if n := it.get("transformed"); n != nil {
		body.ApplyOnTransformedLogs, _ = l.truth(n, it.sc, "transformed")
		it.origin(n, "ApplyOnTransformedLogs")
	}
	it.out.Name = body.LogGroupName + ":" + body.FilterName
	it.out.Words = ir.Words{Condition: body.FilterPattern, Cadence: "→ " + body.MetricNamespace + ":" + body.MetricName}
}

func (it *item) filterGroup(body *ir.MetricFilter) {
	n := it.get("group")
	if n == nil {
		it.l.add("R2018", it.key.Range(), "the metric filter %q has no group", it.key.Text)
		return
	}
	name, group, ok := it.groupRef(n)
	if !ok {
		return
	}
	body.LogGroupName = name
	if group == nil {
		return
	}
	it.out.Needs = append(it.out.Needs, group.Key())
	if g, ok := group.Body.(*ir.LogGroup); ok && g.LogGroupClass != "" && g.LogGroupClass != "STANDARD" {
		it.l.add("R5032", n.Range(), "the log group %q is of the class %s, which has no metric filters", group.ID, g.LogGroupClass)
	}
}

func (it *item) filterPattern(body *ir.MetricFilter) {
	n := it.get("pattern")
	if n == nil {
		it.l.add("R2018", it.key.Range(), "the metric filter %q has no pattern", it.key.Text).Hint = `write pattern: '{ $.level = "ERROR" }'`
		return
	}
	it.origin(n, "FilterPattern")
	text, ok := it.l.text(n, it.sc, "pattern")
	if !ok {
		return
	}
	body.FilterPattern = text
	if _, err := filterpattern.Compile(text); err != nil {
		it.l.add("R3010", n.Range(), "pattern: %s", err)
	}
}

func (it *item) filterMetric(body *ir.MetricFilter) {
	m := it.get("metric")
	if m == nil {
		it.l.add("R2018", it.key.Range(), "the metric filter %q has no metric", it.key.Text).Hint = `write metric: {name: Namespace:Name, value: "1", default: 0}`
		return
	}
	if !it.l.want(m, ast.Map, "metric") {
		return
	}
	it.l.checkKeys(m, "metric", filterMetricKeys())
	it.filterName(body, m)
	it.filterValue(body, m)
	it.filterDims(body, m)
	if n := m.Get("default"); n != nil {
		if r, ok := it.l.quantity(n, it.sc, expr.Number, "default"); ok {
			v, _ := r.Float64()
			body.DefaultValue = &v
		}
		it.origin(n, "DefaultValue")
		if body.Dimensions != nil {
			it.l.add("R5033", n.Range(), "default does not go with dims: Logs would not know of which dimensions to say it")
		}
	}
	if n := m.Get("unit"); n != nil {
		it.origin(n, "Unit")
		text, ok := it.l.text(n, it.sc, "unit")
		if unit, known := standardUnit(text); ok && known {
			body.Unit = unit
		} else if ok {
			suggest(it.l.add("R2013", n.Range(), "unit: %q is not a unit of CloudWatch", text), text, standardUnits())
		}
	}
}

// standardUnits are the units of CloudWatch API reference, MetricDatum.
func standardUnits() []string {
	return words("Seconds Microseconds Milliseconds Bytes Kilobytes Megabytes Gigabytes Terabytes Bits Kilobits Megabits Gigabits Terabits Percent Count " +
		"Bytes/Second Kilobytes/Second Megabytes/Second Gigabytes/Second Terabytes/Second Bits/Second Kilobits/Second Megabits/Second Gigabits/Second Terabits/Second Count/Second None")
}

func standardUnit(text string) (string, bool) {
	for _, u := range standardUnits() {
		if strings.EqualFold(u, text) {
			return u, true
		}
	}
	return "", false
}

func (it *item) filterName(body *ir.MetricFilter, m *ast.Node) {
	n := m.Get("name")
	if n == nil {
		it.l.add("R2018", m.Range(), "the metric has no name").Hint = "write name: Namespace:Name"
		return
	}
	it.origin(n, "MetricNamespace", "MetricName")
	text, ok := it.l.text(n, it.sc, "name")
	if !ok {
		return
	}
	namespace, name, ok := strings.Cut(text, ":")
	bad := func(s string) bool {
		return s == "" || utf8.RuneCountInString(s) > 255 || strings.ContainsAny(s, ":*$")
	}
	switch {
	case !ok || bad(namespace) || bad(name):
		it.l.add("R3011", n.Range(), "%q is not Namespace:Name, each of 1 to 255 characters without : * $", text)
	case strings.HasPrefix(namespace, "AWS/"):
		it.l.add("R3011", n.Range(), "the namespace %q: AWS keeps those that begin with AWS/", namespace)
	}
	body.MetricNamespace, body.MetricName = namespace, name
}

// filterValue: a number, or the field of an event that has one.
func (it *item) filterValue(body *ir.MetricFilter, m *ast.Node) {
	body.MetricValue = "1"
	n := m.Get("value")
	if n == nil {
		return
	}
	it.origin(n, "MetricValue")
	text, ok := it.l.text(n, it.sc, "value")
	if !ok {
		return
	}
	if _, err := strconv.ParseFloat(text, 64); (err != nil && !strings.HasPrefix(text, "$")) || text == "$" || len(text) > 100 {
		it.l.add("R3011", n.Range(), "value %q is neither a number nor a field of the event, such as $.latency, of up to 100 characters", text)
	}
	body.MetricValue = text
}

func (it *item) filterDims(body *ir.MetricFilter, m *ast.Node) {
	n := m.Get("dims")
	if n == nil || !it.l.want(n, ast.Map, "dims") {
		return
	}
	it.origin(n, "Dimensions")
	body.Dimensions = map[string]string{}
	for _, e := range n.Entries {
		if ast.Ignored(e.Key.Text) {
			continue
		}
		text, ok := it.l.text(e.Value, it.sc, "a dimension")
		if ok && !strings.HasPrefix(text, "$") {
			p := it.l.add("R3011", e.Value.Range(), "the dimension %q is not a field of the event", e.Key.Text)
			p.Hint = fmt.Sprintf("such as $.%s", e.Key.Text)
		}
		body.Dimensions[e.Key.Text] = text
	}
	if len(body.Dimensions) > 3 {
		it.l.add("R5033", n.Range(), "%d dimensions; a metric filter has at most 3", len(body.Dimensions))
	}
	if p := strings.TrimSpace(body.FilterPattern); body.FilterPattern != "" && !strings.HasPrefix(p, "{") && !strings.HasPrefix(p, "[") {
		it.l.add("R5033", n.Range(), "dims needs a pattern for JSON or for fields parted by spaces, as only these have fields")
	}
}

// maxFilters is how many metric filters a log group may have.
const maxFilters = 100

func (l *lowerer) filtersPerGroup() {
	count := map[string]int{}
	for i := range l.stack.Resources {
		if f, ok := l.stack.Resources[i].Body.(*ir.MetricFilter); ok {
			if count[f.LogGroupName]++; count[f.LogGroupName] == maxFilters+1 {
				l.add("R5033", l.declared[i].Range(), "the log group %q has more than %d metric filters", f.LogGroupName, maxFilters)
			}
		}
	}
}
