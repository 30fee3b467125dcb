package lower

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// item is one entry of a block on its way to a resource, or to several.
type item struct {
	l *lowerer
	// key is the node of its id, node its fields over the defaults, own only
	// what it says itself.
	key  *ast.Node
	node *ast.Node
	own  *ast.Node
	sc   expr.Scope
	out  *ir.Resource
}

// block is a part of the recipe whose entries become resources of one kind.
type block struct {
	kind ir.Kind
	// word is what one entry is called, as in "log group".
	word string
	node *ast.Node
	// defaults lie below each entry; they may be nil.
	defaults *ast.Node
	keys     keys
	// resolve fills in the resource of one item. What is wrong it reports.
	resolve func(*item)
}

// part resolves the block that is under a key of n, if there is one. It reports
// whether there is.
func (l *lowerer) part(n *ast.Node, key string, b block) bool {
	b.node = n.Get(key)
	if b.node == nil || !l.want(b.node, ast.Map, key) {
		return false
	}
	l.items(b)
	return true
}

// items resolves the entries of a block. A resource joins the stack only if
// nothing is wrong with it.
func (l *lowerer) items(b block) {
	for _, e := range b.node.Entries {
		if ast.Ignored(e.Key.Text) {
			continue
		}
		if !itemID.MatchString(e.Key.Text) {
			l.add("R2004", e.Key.Range(), "the id %q is not a letter followed by letters, digits, dots, hyphens and underscores", e.Key.Text)
			continue
		}
		what := fmt.Sprintf("%s %q", b.word, e.Key.Text)
		if l.want(e.Value, ast.Map, what) {
			l.checkKeys(e.Value, what, b.keys)
			l.entry(b, e)
		}
	}
}

func (l *lowerer) entry(b block, e ast.Entry) {
	if d := e.Value.Get("disable"); d != nil {
		if d.Kind != ast.String || strings.TrimSpace(d.Text) == "" {
			l.add("R2010", d.Range(), "disable needs a reason").Hint = `as in disable: "replaced by the SLO"`
			return
		}
		reason, _ := l.text(d, l.scope, "disable")
		l.stack.Disabled = append(l.stack.Disabled, ir.Disabled{ID: e.Key.Text, Kind: b.kind, Reason: reason, Pos: e.Key.Pos})
		return
	}
	merged := e.Value
	if b.defaults != nil {
		merged = ast.Merge(b.defaults, e.Value)
	}
	each := e.Value.Get("for_each")
	if each == nil {
		l.instance(b, e, merged, e.Key.Text, nil)
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
	l.eachItem(b, e, merged, each, v)
}

func (l *lowerer) eachItem(b block, e ast.Entry, merged, each *ast.Node, v expr.Value) {
	type pair struct{ key, value expr.Value }
	var items []pair
	for _, k := range v.Keys {
		value, err := v.Get(k)
		if err != nil {
			l.fault(each, err)
			return
		}
		items = append(items, pair{expr.Text(k), value})
	}
	for _, value := range v.List {
		if value.Kind == expr.List || value.Kind == expr.Map || value.Kind == expr.Null {
			l.add("R3001", each.Range(), "for_each over a list needs texts or numbers, and one item is a %s", value.Kind)
			return
		}
		items = append(items, pair{expr.Text(value.String()), value})
	}
	for _, it := range items {
		roots := expr.Table([]string{"key", "value"}, map[string]expr.Value{"key": it.key, "value": it.value})
		l.instance(b, e, merged, e.Key.Text+"/"+it.key.Str, &roots)
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

// instance resolves one item.
func (l *lowerer) instance(b block, e ast.Entry, merged *ast.Node, id string, each *expr.Value) {
	sc := l.scope
	sc.Roots = maps.Clone(sc.Roots)
	sc.Roots["id"] = expr.Text(id)
	if each != nil {
		sc.Roots["each"] = *each
	}
	it := &item{
		l: l, key: e.Key, node: merged, own: e.Value, sc: sc,
		out: &ir.Resource{ID: id, Body: ir.NewBody(b.kind), Pos: e.Key.Pos, Origins: map[string]ir.Pos{}},
	}
	before := l.ps.Errors()
	b.resolve(it)
	if l.ps.Errors() == before {
		l.stack.Resources = append(l.stack.Resources, *it.out)
		l.declared = append(l.declared, e.Key)
	}
}

func (a *item) get(key string) *ast.Node { return a.node.Get(key) }

func (a *item) origin(n *ast.Node, fields ...string) {
	if n == nil {
		return
	}
	for _, f := range fields {
		a.out.Origins[f] = n.Pos
	}
}

func (a *item) tags() {
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

func (a *item) protect() {
	if n := a.get("protect"); n != nil {
		a.out.Protect, _ = a.l.truth(n, a.sc, "protect")
	}
	if slices.Contains(a.l.stack.Protect, a.out.Kind()) {
		a.out.Protect = true
	}
}

func (a *item) adopt() {
	if n := a.get("adopt"); n != nil {
		a.out.Adopt, _ = a.l.truth(n, a.sc, "adopt")
	}
}
