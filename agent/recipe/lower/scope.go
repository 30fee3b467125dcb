package lower

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ast"
	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/internal/problem"
)

// scopes builds what expressions can see and evaluates parameters and mappings,
// so that their problems are found even where nothing uses them.
func (l *lowerer) scopes() {
	l.scope = expr.Scope{Roots: map[string]expr.Value{}, ARN: l.arn, Nearest: problem.Nearest}
	l.scope.Roots["env"] = expr.Text(l.stack.Env)
	l.scope.Roots["recipe"] = expr.Table([]string{"name", "owner"}, map[string]expr.Value{"name": expr.Text(l.stack.Recipe), "owner": expr.Text(l.stack.Owner)})
	l.scope.Roots["ctx"] = l.context()
	params := newParams(l)
	l.scope.Roots["param"] = expr.Value{Kind: expr.Map, Keys: params.names, Get: params.get}
	l.scope.Roots["map"] = l.mappings()
	params.all()
	l.tags = l.tagMap(l.root.Get("tags"), l.scope)
}

func (l *lowerer) arn(service, resource string) (string, error) {
	s := l.stack
	region, account := s.Region, s.Account
	switch service {
	case "iam":
		region = ""
	case "s3":
		region, account = "", ""
	}
	if (region == "" && service != "iam" && service != "s3") || (account == "" && service != "s3") {
		return "", fmt.Errorf("the ARN needs the account and the region, which neither the environment nor the context gives")
	}
	return strings.Join([]string{"arn", s.Partition, service, region, account, resource}, ":"), nil
}

// perReplica are context values that differ between the copies of a service: an
// alarm that depends on one would exist once per copy.
func perReplica(path string) bool {
	switch path {
	case "host.instance_id", "host.name", "host.ip", "ecs.task", "ecs.task_arn", "ecs.task_id", "ecs.container_id", "eks.pod", "eks.node", "az":
		return true
	}
	return false
}

func (l *lowerer) context() expr.Value {
	block := l.root.Get("context")
	if block != nil && !l.want(block, ast.Map, "context") {
		block = nil
	}
	if block != nil {
		l.checkKeys(block, "context", keys{supported: words("require offline")})
	}
	known := map[string]any{}
	if l.opts.Context != nil {
		maps.Copy(known, l.opts.Context)
	} else if off := block.Get("offline"); off != nil && l.want(off, ast.Map, "offline") {
		for _, e := range off.Entries {
			known[e.Key.Text] = e.Value
		}
	}
	for key, v := range map[string]string{"account": l.stack.Account, "region": l.stack.Region, "partition": l.stack.Partition} {
		if v != "" {
			known[key] = v
		}
	}
	v := l.contextMap("", known)
	if req := block.Get("require"); req != nil && l.want(req, ast.List, "require") {
		for _, item := range req.Items {
			if !has(v, strings.Split(item.Text, ".")) {
				l.add("R2206", item.Range(), "the context has no %q, which the recipe requires", item.Text).Notes = []string{"it is found by the agent, or given with --context"}
			}
		}
	}
	return v
}

func has(v expr.Value, path []string) bool {
	for _, key := range path {
		if v.Kind != expr.Map || !slices.Contains(v.Keys, key) {
			return false
		}
		next, err := v.Get(key)
		if e, ok := err.(*expr.Error); ok && e.Code == "R2204" {
			return true
		}
		v = next
	}
	return true
}

func (l *lowerer) contextMap(path string, known map[string]any) expr.Value {
	names := slices.Sorted(maps.Keys(known))
	values := map[string]expr.Value{}
	for _, k := range names {
		values[k] = l.contextValue(path+k, known[k])
	}
	return expr.Value{Kind: expr.Map, Keys: names, Get: func(key string) (expr.Value, error) {
		if perReplica(path + key) {
			return expr.Value{}, &expr.Error{Code: "R2204", Msg: "ctx." + path + key + " differs between the copies of a service, so each would have its own alarms"}
		}
		return values[key], nil
	}}
}

func (l *lowerer) contextValue(path string, v any) expr.Value {
	switch v := v.(type) {
	case *ast.Node:
		if v.Kind == ast.Map {
			m := map[string]any{}
			for _, e := range v.Entries {
				m[e.Key.Text] = e.Value
			}
			return l.contextMap(path+".", m)
		}
		out, _ := l.value(v, expr.Scope{Nearest: problem.Nearest})
		return out
	case map[string]any:
		return l.contextMap(path+".", v)
	case []any:
		out := expr.Value{Kind: expr.List}
		for _, e := range v {
			out.List = append(out.List, l.contextValue(path, e))
		}
		return out
	case bool:
		return expr.Truth(v)
	case float64:
		return expr.Value{Kind: expr.Number, Rat: new(big.Rat).SetFloat64(v)}
	case string:
		return expr.Text(v)
	case nil:
		return expr.Value{}
	}
	return expr.Text(fmt.Sprint(v))
}

func (l *lowerer) mappings() expr.Value {
	block := l.root.Get("mappings")
	if block == nil || !l.want(block, ast.Map, "mappings") {
		return expr.Value{Kind: expr.Map}
	}
	for _, e := range block.Entries {
		if !ast.Ignored(e.Key.Text) && l.want(e.Value, ast.Map, "a mapping") {
			for _, row := range e.Value.Entries {
				l.want(row.Value, ast.Map, "an entry of a mapping")
			}
		}
	}
	// Mappings are pure tables: expressions in them see nothing.
	v, _ := l.value(block, expr.Scope{Nearest: problem.Nearest})
	return v
}

// fault turns an error of an expression in n into a problem.
func (l *lowerer) fault(n *ast.Node, err error) {
	e, ok := err.(*expr.Error)
	if !ok {
		l.add("R2202", n.Range(), "%s", err)
		return
	}
	if e.Reported {
		return
	}
	code := "R2202"
	switch {
	case e.Code != "":
		code = e.Code
	case e.Missing:
		code = "R2201"
	case e.Type:
		code = "R3001"
	}
	p := l.add(code, n.At(e.Offset, e.Width), "%s", e.Msg)
	p.Hint, p.Fix = e.Hint, e.Fix
}

// value returns what a node stands for. It reports false after a problem.
func (l *lowerer) value(n *ast.Node, sc expr.Scope) (expr.Value, bool) {
	switch n.Kind {
	case ast.Bool:
		return expr.Truth(n.IsTrue()), true
	case ast.Number:
		r, ok := numberOf(n.Text)
		if !ok {
			l.add("R3001", n.Range(), "the number %s is beyond what can be computed with", n.Text)
		}
		return expr.Value{Kind: expr.Number, Rat: r}, ok
	case ast.String:
		return l.scalar(n, sc)
	case ast.List:
		out, ok := expr.Value{Kind: expr.List}, true
		for _, item := range n.Items {
			v, good := l.value(item, sc)
			out.List, ok = append(out.List, v), ok && good
		}
		return out, ok
	case ast.Map:
		names, values, ok := []string{}, map[string]expr.Value{}, true
		for _, e := range n.Entries {
			if ast.Ignored(e.Key.Text) {
				continue
			}
			v, good := l.value(e.Value, sc)
			names, ok = append(names, e.Key.Text), ok && good
			values[e.Key.Text] = v
		}
		return expr.Table(names, values), ok
	}
	return expr.Value{}, true
}

func (l *lowerer) scalar(n *ast.Node, sc expr.Scope) (expr.Value, bool) {
	if !strings.Contains(n.Text, "$(") {
		if q, ok := expr.Quantity(n.Text); ok && n.Plain {
			return q, true
		}
		return expr.Text(n.Text), true
	}
	t, err := expr.Parse(n.Text)
	if err != nil {
		l.fault(n, err)
		return expr.Value{}, false
	}
	v, err := t.Eval(sc)
	if err != nil {
		l.fault(n, err)
		return expr.Value{}, false
	}
	return v, true
}

// numberOf reads a number of YAML's core schema.
func numberOf(text string) (*big.Rat, bool) {
	if strings.HasPrefix(text, "0o") || strings.HasPrefix(text, "0x") {
		i, ok := new(big.Int).SetString(text, 0)
		if !ok || len(text) > 64 {
			return new(big.Rat), false
		}
		return new(big.Rat).SetInt(i), true
	}
	if mantissa, exp, ok := strings.Cut(strings.ToLower(text), "e"); len(mantissa) > 64 || ok && len(strings.TrimLeft(exp, "+-")) > 2 {
		return new(big.Rat), false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		r = new(big.Rat)
	}
	return r, ok
}

// text returns a node's value as text.
func (l *lowerer) text(n *ast.Node, sc expr.Scope, what string) (string, bool) {
	if n == nil {
		return "", false
	}
	if !n.Scalar() {
		l.add("R2001", n.Range(), "%s is %s, not a string", what, n.Kind)
		return "", false
	}
	if n.Kind == ast.Null {
		l.add("R2001", n.Range(), "%s has no value", what)
		return "", false
	}
	if n.Kind != ast.String {
		return n.Text, true
	}
	v, ok := l.scalar(n, sc)
	if ok && (v.Kind == expr.List || v.Kind == expr.Map) {
		l.add("R3001", n.Range(), "%s is a %s, not a text", what, v.Kind)
		return "", false
	}
	return v.String(), ok
}

func (l *lowerer) truth(n *ast.Node, sc expr.Scope, what string) (bool, bool) {
	if n == nil {
		return false, false
	}
	v, ok := l.value(n, sc)
	if ok && v.Kind != expr.Bool {
		l.add("R3001", n.Range(), "%s is true or false, not a %s", what, v.Kind)
		return false, false
	}
	return v.Bool, ok
}

func (l *lowerer) quantity(n *ast.Node, sc expr.Scope, kind expr.Kind, what string) (*big.Rat, bool) {
	v, ok := l.value(n, sc)
	if !ok {
		return nil, false
	}
	if v.Kind == expr.String {
		if q, good := expr.Quantity(v.Str); good {
			v = q
		}
	}
	if v.Kind != kind {
		p := l.add("R3001", n.Range(), "%s is a %s, not a %s", what, v.Kind, kind)
		if kind == expr.Duration && v.Kind == expr.Number {
			p.Hint = "say the unit, as in " + v.String() + "m"
		}
		if kind == expr.Percent && v.Kind == expr.Number {
			p.Hint = "say the unit, as in " + v.String() + "%"
		}
		return nil, false
	}
	return v.Rat, true
}

// whole returns a whole number, or 0 after a problem.
func (l *lowerer) whole(n *ast.Node, low, high int64, what string) int {
	r, ok := l.quantity(n, l.scope, expr.Number, what)
	if !ok {
		return 0
	}
	if !r.IsInt() || r.Cmp(new(big.Rat).SetInt64(low)) < 0 || r.Cmp(new(big.Rat).SetInt64(high)) > 0 {
		l.add("R3001", n.Range(), "%s is a whole number from %d to %d", what, low, high)
		return 0
	}
	return int(r.Num().Int64())
}
