package lower

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/internal/problem"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// params evaluates parameters when they are first used.
type params struct {
	l     *lowerer
	names []string
	decl  map[string]*ast.Node
	set   map[string]*ast.Node
	done  map[string]expr.Value
	state map[string]int
}

const (
	computing = 1 + iota
	computed
	broken
	without
)

func newParams(l *lowerer) *params {
	p := &params{l: l, decl: map[string]*ast.Node{}, set: map[string]*ast.Node{}, done: map[string]expr.Value{}, state: map[string]int{}}
	block := l.root.Get("parameters")
	if block != nil && l.want(block, ast.Map, "parameters") {
		for _, e := range block.Entries {
			p.declare(e)
		}
	}
	if set := l.env.Get("set"); set != nil && l.want(set, ast.Map, "set") {
		for _, e := range set.Entries {
			if !slices.Contains(p.names, e.Key.Text) {
				suggest(l.add("R2201", e.Key.Range(), "no parameter %q", e.Key.Text), e.Key.Text, p.names)
				continue
			}
			p.set[e.Key.Text] = e.Value
		}
	}
	for name := range l.opts.Params {
		if !slices.Contains(p.names, name) {
			suggest(l.add("R2201", problem.Range{Pos: l.root.Pos, Width: 1, Source: l.root.Range().Source}, "no parameter %q, which --param gives", name), name, p.names)
		}
	}
	return p
}

func (p *params) declare(e ast.Entry) {
	if ast.Ignored(e.Key.Text) {
		return
	}
	l := p.l
	if !paramName.MatchString(e.Key.Text) {
		l.add("R2004", e.Key.Range(), "the parameter name %q is not a lower-case letter followed by letters, digits and underscores", e.Key.Text)
	}
	p.names = append(p.names, e.Key.Text)
	p.decl[e.Key.Text] = e.Value
	if !l.want(e.Value, ast.Map, "a parameter") {
		p.state[e.Key.Text] = broken
		return
	}
	l.checkKeys(e.Value, fmt.Sprintf("parameter %q", e.Key.Text), paramKeys())
	switch t := e.Value.Get("type"); {
	case t == nil:
		l.add("R2007", e.Key.Range(), "the parameter %q has no type", e.Key.Text).Notes = []string{typesNote}
		p.state[e.Key.Text] = broken
	case !validType(t.Text):
		q := l.add("R2007", t.Range(), "unknown type %q", t.Text)
		suggest(q, t.Text, scalarTypes())
		if q.Hint == "" {
			q.Notes = []string{typesNote}
		}
		p.state[e.Key.Text] = broken
	}
}

const typesNote = "types: string, int, number, percent, duration, bytes, bool, arn, list<T>, map<T>"

func scalarTypes() []string {
	return words("string int number percent duration bytes bool arn")
}

func validType(t string) bool {
	for _, outer := range []string{"list<", "map<"} {
		if inner, ok := strings.CutPrefix(t, outer); ok && strings.HasSuffix(inner, ">") {
			t = strings.TrimSuffix(inner, ">")
			break
		}
	}
	return slices.Contains(scalarTypes(), t)
}

// all evaluates every parameter, and reports those that must have a value here.
func (p *params) all() {
	for _, name := range p.names {
		p.get(name)
		if p.state[name] != without {
			continue
		}
		if req := p.decl[name].Get("required_in"); req != nil && req.Kind == ast.List {
			if slices.ContainsFunc(req.Items, func(n *ast.Node) bool { return n.Text == p.l.stack.Env }) {
				p.l.add("R2203", p.decl[name].Range(), "the parameter %q must have a value in environment %q", name, p.l.stack.Env)
			}
		}
	}
}

func (p *params) get(name string) (expr.Value, error) {
	switch p.state[name] {
	case computed:
		return p.done[name], nil
	case computing:
		return expr.Value{}, &expr.Error{Msg: fmt.Sprintf("the parameter %q refers to itself", name)}
	case broken:
		return expr.Value{}, &expr.Error{Reported: true}
	case without:
		return expr.Value{}, p.missing(name)
	}
	p.state[name] = computing
	v, state := p.compute(name)
	p.state[name], p.done[name] = state, v
	return p.get(name)
}

func (p *params) missing(name string) error {
	return &expr.Error{
		Missing: true, Code: "R2203", Msg: fmt.Sprintf("the parameter %q has no value in environment %q", name, p.l.stack.Env),
		Hint: fmt.Sprintf("set it in environments.%s.set, or with --param %s=...", p.l.stack.Env, name),
	}
}

func (p *params) compute(name string) (expr.Value, int) {
	l, decl := p.l, p.decl[name]
	kind := decl.Get("type").Text
	node := decl.Get("default")
	if n, ok := p.set[name]; ok {
		node = n
	}
	if text, ok := l.opts.Params[name]; ok {
		node = fromText(decl, kind, text)
	}
	if node == nil || node.Kind == ast.Null {
		return expr.Value{}, without
	}
	v, ok := l.value(node, l.scope)
	if !ok {
		return expr.Value{}, broken
	}
	v, reason := coerce(v, kind)
	if reason == "" {
		reason = p.constraints(decl, v)
	}
	if reason != "" {
		q := l.add("R3002", node.Range(), "the parameter %q: %s", name, reason)
		if node.Kind == ast.Number && kind == "string" {
			q.Hint, q.Fix = fmt.Sprintf("quote it: %q", node.Text), fmt.Sprintf("%q", node.Text)
		}
		return expr.Value{}, broken
	}
	return v, computed
}

// fromText makes a node of a value from the command line. A list is separated
// by commas.
func fromText(at *ast.Node, kind, text string) *ast.Node {
	if !strings.HasPrefix(kind, "list<") {
		n := ast.NewString(at, text)
		n.Plain = kind != "string"
		return n
	}
	out := *ast.NewString(at, "")
	out.Kind = ast.List
	if text == "" {
		return &out
	}
	for _, s := range strings.Split(text, ",") {
		n := ast.NewString(at, strings.TrimSpace(s))
		n.Plain = kind != "list<string>"
		out.Items = append(out.Items, n)
	}
	return &out
}

// coerce returns a value as one of a parameter's type, or why it is none.
func coerce(v expr.Value, kind string) (expr.Value, string) {
	if inner, ok := strings.CutPrefix(kind, "list<"); ok {
		return coerceList(v, strings.TrimSuffix(inner, ">"))
	}
	if inner, ok := strings.CutPrefix(kind, "map<"); ok {
		return coerceMap(v, strings.TrimSuffix(inner, ">"))
	}
	if v.Kind == expr.String && kind != "string" && kind != "arn" {
		if q, ok := expr.Quantity(v.Str); ok {
			v = q
		} else if kind == "bool" && (v.Str == "true" || v.Str == "false") {
			v = expr.Truth(v.Str == "true")
		}
	}
	not := fmt.Sprintf("%q is a %s, not of type %s", v.String(), v.Kind, kind)
	want := map[string]expr.Kind{"number": expr.Number, "int": expr.Number, "percent": expr.Percent, "duration": expr.Duration, "bytes": expr.Bytes, "bool": expr.Bool}
	switch kind {
	case "string":
		if v.Kind == expr.Number || v.Kind == expr.Bool || v.Kind >= expr.List || v.Kind == expr.Null {
			return v, not
		}
		return expr.Text(v.String()), ""
	case "arn":
		if v.Kind != expr.String || !arnForm.MatchString(v.Str) {
			return v, fmt.Sprintf("%q is not an ARN", v.String())
		}
		return v, ""
	case "int":
		if v.Kind == expr.Number && !v.Rat.IsInt() {
			return v, not
		}
	}
	if v.Kind != want[kind] {
		return v, not
	}
	return v, ""
}

var arnForm = lazyregexp.New(`^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:(?:[0-9]{12})?:[^\s]+$`)

func coerceList(v expr.Value, inner string) (expr.Value, string) {
	if v.Kind != expr.List {
		return v, fmt.Sprintf("it is a %s, not a list", v.Kind)
	}
	out := expr.Value{Kind: expr.List}
	for i, e := range v.List {
		c, reason := coerce(e, inner)
		if reason != "" {
			return v, fmt.Sprintf("item %d: %s", i+1, reason)
		}
		out.List = append(out.List, c)
	}
	return out, ""
}

func coerceMap(v expr.Value, inner string) (expr.Value, string) {
	if v.Kind != expr.Map {
		return v, fmt.Sprintf("it is a %s, not a map", v.Kind)
	}
	values := map[string]expr.Value{}
	for _, k := range v.Keys {
		e, err := v.Get(k)
		if err != nil {
			return v, err.Error()
		}
		c, reason := coerce(e, inner)
		if reason != "" {
			return v, fmt.Sprintf("%s: %s", k, reason)
		}
		values[k] = c
	}
	return expr.Table(v.Keys, values), ""
}

// constraints returns which of the declaration's constraints a value breaks.
func (p *params) constraints(decl *ast.Node, v expr.Value) string {
	l := p.l
	for _, b := range []struct {
		key  string
		sign int
	}{{"min", -1}, {"max", 1}} {
		n := decl.Get(b.key)
		if n == nil || v.Rat == nil {
			continue
		}
		limit, ok := l.value(n, l.scope)
		if ok && limit.Kind == v.Kind && v.Rat.Cmp(limit.Rat) == b.sign {
			return fmt.Sprintf("%s is beyond the %s of %s", v, b.key, limit)
		}
		if ok && limit.Kind != v.Kind {
			l.add("R3002", n.Range(), "%s is a %s, and the parameter is a %s", b.key, limit.Kind, v.Kind)
		}
	}
	if n := decl.Get("pattern"); n != nil && v.Kind == expr.String {
		re, err := regexp.Compile(n.Text)
		if err != nil {
			l.add("R3002", n.Range(), "not a regular expression: %s", err)
		} else if !re.MatchString(v.Str) {
			return fmt.Sprintf("%q does not match %s", v.Str, n.Text)
		}
	}
	if n := decl.Get("service"); n != nil && v.Kind == expr.String {
		if got := strings.SplitN(v.Str, ":", 4); len(got) < 4 || got[2] != n.Text {
			return fmt.Sprintf("%q is not an ARN of the service %s", v.Str, n.Text)
		}
	}
	return p.enumLength(decl, v)
}

func (p *params) enumLength(decl *ast.Node, v expr.Value) string {
	if n := decl.Get("enum"); n != nil && p.l.want(n, ast.List, "enum") {
		var valid []string
		for _, item := range n.Items {
			valid = append(valid, item.Text)
		}
		if !slices.Contains(valid, v.String()) {
			reason := fmt.Sprintf("%q is none of %s", v.String(), strings.Join(valid, ", "))
			if best, ok := problem.Nearest(v.String(), valid); ok {
				reason += fmt.Sprintf("; did you mean %q?", best)
			}
			return reason
		}
	}
	n := decl.Get("length")
	if n == nil {
		return ""
	}
	size := len(v.List) + len(v.Keys)
	if v.Kind == expr.String {
		size = utf8.RuneCountInString(v.Str)
	}
	low, high, err := lengthRange(n.Text)
	if err != nil {
		p.l.add("R3002", n.Range(), "%s", err)
		return ""
	}
	if r := new(big.Rat).SetInt64(int64(size)); r.Cmp(low) < 0 || r.Cmp(high) > 0 {
		return fmt.Sprintf("the length %d is not in %s", size, n.Text)
	}
	return ""
}

// lengthRange reads "5" or "1-40".
func lengthRange(text string) (low, high *big.Rat, err error) {
	a, b, ok := strings.Cut(text, "-")
	if !ok {
		b = a
	}
	low, okLow := numberOf(strings.TrimSpace(a))
	high, okHigh := numberOf(strings.TrimSpace(b))
	if !okLow || !okHigh {
		return nil, nil, fmt.Errorf("length is a number or a range such as 1-40")
	}
	return low, high, nil
}
