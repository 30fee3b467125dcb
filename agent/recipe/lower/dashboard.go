package lower

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// dashboards resolves the block dashboards. Dashboards are global to an account:
// of an environment with several regions, one has them.
func (l *lowerer) dashboards() {
	if l.home != "" && l.stack.Region != "" && l.home != l.stack.Region {
		return
	}
	l.part(l.root, "dashboards", block{kind: ir.DashboardKind, word: "dashboard", keys: dashboardKeys(), resolve: l.dashboard})
}

// Limits of CloudWatch API reference, "Dashboard Body Structure and Syntax".
const (
	maxDashboardName = 255
	maxWidgets       = 500
	// columns is how wide a dashboard is.
	columns = 24
)

// board is a dashboard on its way: widgets flow from left to right, and a row is
// as high as the highest widget in it.
type board struct {
	*item
	widgets []any
	x, y    int
	row     int
	// wide and high are the size that the widget at hand asks for, or 0.
	wide, high int
}

// dashboard resolves one dashboard.
func (l *lowerer) dashboard(it *item) {
	it.tags()
	it.protect()
	it.adopt()
	it.shortName(maxDashboardName)
	b := &board{item: it, widgets: []any{}}
	doc := map[string]any{}
	if n := it.get("start"); n != nil {
		doc["start"] = "-P" + strings.ToUpper(strings.TrimPrefix(b.span(n), "-"))
	}
	raw := it.get("body")
	switch {
	case raw == nil:
		b.title()
		b.auto()
		b.list()
		doc["widgets"] = b.widgets
	default:
		doc = b.raw(raw)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		l.add("R3014", it.key.Range(), "the dashboard cannot be written: %s", err)
	}
	count := len(b.widgets)
	if list, ok := doc["widgets"].([]any); ok {
		count = len(list)
	}
	if count > maxWidgets {
		l.add("R5036", it.key.Range(), "%d widgets; a dashboard has at most %d", count, maxWidgets)
	}
	it.out.Body = &ir.Dashboard{DashboardBody: bytes.TrimSpace(text.Bytes())}
	it.out.Words = ir.Words{Condition: "1 widget"}
	if count != 1 {
		it.out.Words.Condition = fmt.Sprintf("%d widgets", count)
	}
}

// span returns a duration as ISO 8601 has it after the P.
func (b *board) span(n *ast.Node) string {
	r, ok := b.l.quantity(n, b.sc, expr.Duration, "start")
	if !ok {
		return "T3H"
	}
	seconds, _ := r.Float64()
	if minutes := int(seconds) / 60; minutes%(24*60) != 0 {
		return fmt.Sprintf("T%dM", minutes)
	}
	return fmt.Sprintf("%dD", int(seconds)/day)
}

// raw is a body in the API's own form, as a map or as the text of one.
func (b *board) raw(n *ast.Node) map[string]any {
	for _, key := range words("title auto widgets start") {
		if k := b.own.Key(key); k != nil {
			b.l.add("R2016", k.Range(), "%q does not go with body, which is the whole dashboard", key)
		}
	}
	b.origin(n, "DashboardBody")
	doc := map[string]any{}
	if n.Kind == ast.String {
		text, ok := b.l.text(n, b.sc, "body")
		if err := json.Unmarshal([]byte(text), &doc); ok && err != nil {
			b.l.add("R3014", n.Range(), "body is not the JSON of a dashboard: %s", err)
		}
		return doc
	}
	if !b.l.want(n, ast.Map, "body") {
		return doc
	}
	if v, ok := b.plain(n).(map[string]any); ok {
		doc = v
	}
	if _, ok := doc["widgets"].([]any); !ok {
		b.l.add("R3014", n.Range(), "body has no list of widgets")
	}
	return doc
}

// plain returns a node as JSON has it.
func (b *board) plain(n *ast.Node) any {
	switch n.Kind {
	case ast.List:
		out := []any{}
		for _, item := range n.Items {
			out = append(out, b.plain(item))
		}
		return out
	case ast.Map:
		out := map[string]any{}
		for _, e := range n.Entries {
			if !ast.Ignored(e.Key.Text) {
				out[e.Key.Text] = b.plain(e.Value)
			}
		}
		return out
	case ast.Null:
		return nil
	case ast.Bool:
		return n.IsTrue()
	case ast.Number:
		return json.Number(n.Text)
	}
	v, ok := b.l.scalar(n, b.sc)
	if !ok {
		return ""
	}
	switch v.Kind {
	case expr.Number:
		if n.Plain || strings.Contains(n.Text, "$(") {
			return json.Number(v.String())
		}
	case expr.Bool:
		return v.Bool
	}
	return v.String()
}

// place gives a widget its room: w columns and h rows, unless it asks for others.
func (b *board) place(kind string, w, h int, properties map[string]any) {
	w, h = cmp.Or(b.wide, w), cmp.Or(b.high, h)
	if b.x+w > columns {
		b.x, b.y, b.row = 0, b.y+b.row, 0
	}
	b.widgets = append(b.widgets, map[string]any{"type": kind, "x": b.x, "y": b.y, "width": w, "height": h, "properties": properties})
	b.x, b.row = b.x+w, max(b.row, h)
}

func (b *board) title() {
	if n := b.get("title"); n != nil {
		if text, ok := b.l.text(n, b.sc, "title"); ok {
			b.origin(n, "DashboardBody")
			b.place("text", columns, 1, map[string]any{"markdown": "# " + text})
		}
	}
}

// auto makes widgets of what else the recipe declares.
func (b *board) auto() {
	n := b.get("auto")
	if n == nil || !b.l.want(n, ast.List, "auto") {
		return
	}
	b.origin(n, "DashboardBody")
	for _, item := range n.Items {
		switch text, ok := b.l.text(item, b.sc, "auto"); {
		case !ok:
		case text == "alarms":
			b.alarmStates(b.alarms("*"), "Alarms")
			for _, r := range b.alarms("*") {
				b.alarmGraph(r)
			}
		case text == "queries":
			for i := range b.l.stack.Resources {
				if q, ok := b.l.stack.Resources[i].Body.(*ir.Query); ok && len(q.LogGroupNames) > 0 {
					b.log(b.l.stack.Resources[i].ID, q, "table")
				}
			}
		default:
			suggest(b.l.add("R2013", item.Range(), "auto: %q is neither alarms nor queries", text), text, words("alarms queries"))
		}
	}
}

// alarms are the stack's alarms whose ids match a glob.
func (b *board) alarms(glob string) []*ir.Resource {
	var out []*ir.Resource
	for i := range b.l.stack.Resources {
		r := &b.l.stack.Resources[i]
		if ok, _ := path.Match(glob, strings.ReplaceAll(r.ID, "/", ".")); r.Kind() == ir.MetricAlarmKind && (ok || glob == r.ID) {
			out = append(out, r)
		}
	}
	return out
}

func (b *board) alarmARN(r *ir.Resource) string {
	s := b.l.stack
	return strings.Join([]string{"arn", s.Partition, "cloudwatch", s.Region, s.Account, "alarm", r.Name}, ":")
}

// alarmStates is a widget of the states of alarms, at most 100 in one.
func (b *board) alarmStates(rs []*ir.Resource, title string) {
	const most = 100
	for len(rs) > 0 {
		part := rs[:min(len(rs), most)]
		rs = rs[len(part):]
		arns := make([]any, len(part))
		for i, r := range part {
			arns[i] = b.alarmARN(r)
			b.out.Needs = append(b.out.Needs, r.Key())
		}
		b.place("alarm", columns, min(2+(len(part)+5)/6, 8), map[string]any{"title": title, "alarms": arns})
	}
}

// alarmGraph is a graph of what an alarm looks at, with its threshold.
func (b *board) alarmGraph(r *ir.Resource) {
	b.out.Needs = append(b.out.Needs, r.Key())
	b.place("metric", columns/2, 6, map[string]any{
		"title": r.ID, "region": b.l.stack.Region, "view": "timeSeries",
		"annotations": map[string]any{"alarms": []any{b.alarmARN(r)}},
	})
}

func (b *board) log(title string, q *ir.Query, view string) {
	var text strings.Builder
	for _, g := range q.LogGroupNames {
		fmt.Fprintf(&text, "SOURCE '%s' | ", g)
	}
	text.WriteString(q.QueryString)
	b.place("log", columns, 6, map[string]any{"title": title, "region": b.l.stack.Region, "view": view, "query": text.String()})
}
