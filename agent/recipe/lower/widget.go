package lower

import (
	"math/big"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// widgetKinds are the keys that say what a widget is.
func widgetKinds() []string { return words("text graph alarms log raw") }

// list resolves the widgets that the recipe spells out.
func (b *board) list() {
	n := b.get("widgets")
	if n == nil || !b.l.want(n, ast.List, "widgets") {
		return
	}
	b.origin(n, "DashboardBody")
	for _, item := range n.Items {
		if !b.l.want(item, ast.Map, "a widget") {
			continue
		}
		b.l.checkKeys(item, "a widget", keys{supported: append(widgetKinds(), words("title stat period view stacked groups width height")...)})
		var kinds []string
		for _, kind := range widgetKinds() {
			if item.Get(kind) != nil {
				kinds = append(kinds, kind)
			}
		}
		if len(kinds) != 1 {
			p := b.l.add("R2016", item.Range(), "a widget is exactly one of %s", strings.Join(widgetKinds(), ", "))
			p.Hint = "as in {graph: [errors], title: Errors}"
			continue
		}
		b.widget(kinds[0], item)
	}
}

func (b *board) widget(kind string, w *ast.Node) {
	n, title := w.Get(kind), b.optional(w, "title")
	b.wide, b.high = b.size(w)
	switch kind {
	case "text":
		if text, ok := b.l.text(n, b.sc, "text"); ok {
			b.place("text", columns, 2, map[string]any{"markdown": text})
		}
	case "graph":
		b.graph(n, w, title)
	case "alarms":
		b.chosenAlarms(n, title)
	case "log":
		b.logWidget(n, w, title)
	case "raw":
		if v, ok := b.plain(n).(map[string]any); ok {
			b.widgets = append(b.widgets, v)
		} else {
			b.l.add("R2001", n.Range(), "raw is %s, not a map", n.Kind)
		}
	}
	b.wide, b.high = 0, 0
}

// size is that of a widget, as far as it says one; 0 is the usual.
func (b *board) size(w *ast.Node) (width, height int) {
	if n := w.Get("width"); n != nil {
		width = b.l.whole(n, 1, columns, "width")
	}
	if n := w.Get("height"); n != nil {
		height = b.l.whole(n, 1, 1000, "height")
	}
	return width, height
}

func (b *board) optional(w *ast.Node, key string) string {
	if w.Get(key) == nil {
		return ""
	}
	text, _ := b.l.text(w.Get(key), b.sc, key)
	return text
}

// graph draws metrics and alarms by their ids. An alarm alone is drawn with its
// threshold.
func (b *board) graph(n, w *ast.Node, title string) {
	items := n.Items
	if n.Kind == ast.String {
		items = []*ast.Node{n}
	} else if !b.l.want(n, ast.List, "graph") {
		return
	}
	rows, alarms := []any{}, []any{}
	used := map[string]map[string]any{}
	for _, item := range items {
		text, ok := b.l.text(item, b.sc, "graph")
		if !ok {
			continue
		}
		if d := b.l.metrics[text]; d != nil {
			rows = b.metricRows(rows, text, d, used)
			continue
		}
		found := b.alarms(text)
		for _, r := range found {
			alarms = append(alarms, b.alarmARN(r))
			b.out.Needs = append(b.out.Needs, r.Key())
		}
		if len(found) == 0 {
			b.unknown(item, text)
		}
	}
	p := map[string]any{"region": b.l.stack.Region, "view": "timeSeries"}
	b.graphOptions(w, p, title)
	if len(rows) > 0 {
		p["metrics"] = rows
	}
	// CloudWatch draws the threshold of one alarm.
	if len(alarms) > 0 {
		p["annotations"] = map[string]any{"alarms": alarms[:1]}
	}
	if len(alarms) > 1 {
		b.l.add("R5037", n.Range(), "a graph shows the threshold of one alarm, and these are %d", len(alarms)).Hint = "use {alarms: [...]}, or a graph for each"
	}
	b.place("metric", columns/2, 6, p)
}

func (b *board) unknown(item *ast.Node, text string) {
	var ids []string
	for id := range b.l.metrics {
		ids = append(ids, id)
	}
	for _, r := range b.alarms("*") {
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	suggest(b.l.add("R2209", item.Range(), "%q is neither a metric nor an alarm of the recipe", text), text, ids)
}

func (b *board) graphOptions(w *ast.Node, p map[string]any, title string) {
	if title != "" {
		p["title"] = title
	}
	if v := b.optional(w, "view"); v != "" {
		valid := words("timeSeries singleValue gauge bar pie table")
		if !slices.Contains(valid, v) {
			suggest(b.l.add("R2013", w.Get("view").Range(), "view: %q is none of %s", v, strings.Join(valid, ", ")), v, valid)
		}
		p["view"] = v
	}
	if n := w.Get("stacked"); n != nil {
		p["stacked"], _ = b.l.truth(n, b.sc, "stacked")
	}
	if v := b.optional(w, "stat"); v != "" {
		p["stat"] = v
	}
	if n := w.Get("period"); n != nil {
		if r, ok := b.l.quantity(n, b.sc, expr.Duration, "period"); ok {
			if minutes := new(big.Rat).Quo(r, big.NewRat(60, 1)); !minutes.IsInt() || minutes.Sign() <= 0 {
				b.l.add("R3001", n.Range(), "period is a number of whole minutes")
			}
			seconds, _ := r.Float64()
			p["period"] = int(seconds)
		}
	}
}

// metricRows adds the rows of a metric: for an expression also those, hidden, of
// what it is made of. The index of each id's row is in used.
func (b *board) metricRows(rows []any, id string, d *metricDef, used map[string]map[string]any) []any {
	if !d.ok {
		return rows
	}
	const anyPeriod = 60 // a dashboard chooses its own
	for _, q := range b.l.queries(id, *d, anyPeriod, 0) {
		visible := q.Id == id
		if options := used[q.Id]; options != nil {
			if visible {
				delete(options, "visible")
			}
			continue
		}
		options := map[string]any{"id": q.Id, "label": q.Id}
		used[q.Id] = options
		if !visible {
			options["visible"] = false
		}
		if q.MetricStat == nil {
			options["expression"] = q.Expression
			rows = append(rows, []any{options})
			continue
		}
		options["stat"] = q.MetricStat.Stat
		row := []any{q.MetricStat.Metric.Namespace, q.MetricStat.Metric.MetricName}
		for _, dim := range q.MetricStat.Metric.Dimensions {
			row = append(row, dim.Name, dim.Value)
		}
		rows = append(rows, append(row, options))
	}
	return rows
}

func (b *board) chosenAlarms(n *ast.Node, title string) {
	if !b.l.want(n, ast.List, "alarms") {
		return
	}
	var chosen []*ir.Resource
	for _, item := range n.Items {
		text, ok := b.l.text(item, b.sc, "alarms")
		found := b.alarms(text)
		if ok && len(found) == 0 {
			b.unknown(item, text)
		}
		for _, r := range found {
			if !slices.Contains(chosen, r) {
				chosen = append(chosen, r)
			}
		}
	}
	if title == "" {
		title = "Alarms"
	}
	b.alarmStates(chosen, title)
}

// logWidget shows a query of the recipe by its id, or one that is spelt out.
func (b *board) logWidget(n, w *ast.Node, title string) {
	text, ok := b.l.text(n, b.sc, "log")
	if !ok {
		return
	}
	view := b.optional(w, "view")
	if view == "" {
		view = "table"
	}
	for i := range b.l.stack.Resources {
		r := &b.l.stack.Resources[i]
		if q, ok := r.Body.(*ir.Query); ok && r.ID == text {
			if title == "" {
				title = text
			}
			b.log(title, q, view)
			return
		}
	}
	q := &ir.Query{QueryString: strings.TrimSpace(text)}
	b.checkQuery(n, q.QueryString)
	groups := w.Get("groups")
	if groups == nil {
		b.l.add("R2209", n.Range(), "%q is no query of the recipe, and a query that is spelt out names its groups", text).Hint = "write groups: [...]"
		return
	}
	if b.l.want(groups, ast.List, "groups") {
		for _, g := range groups.Items {
			if name, _, ok := b.groupRef(g); ok {
				q.LogGroupNames = append(q.LogGroupNames, name)
			}
		}
	}
	b.log(title, q, view)
}
