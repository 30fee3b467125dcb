package expr

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Scope is what an expression can see.
type Scope struct {
	// Roots are the names that an expression may begin with: env, id, param,
	// map, ctx, recipe, each.
	Roots map[string]Value
	// ARN makes the ARN of a resource of a service in the stack's account and
	// region.
	ARN func(service, resource string) (string, error)
	// Nearest returns the candidate nearest to a misspelt word.
	Nearest func(word string, candidates []string) (string, bool)
}

func (x *Expr) fault(format string, args ...any) *Error {
	return &Error{Offset: x.at, Width: x.end - x.at, Msg: fmt.Sprintf(format, args...), Type: true}
}

// unknown is the fault of a name that is not there.
func (x *Expr) unknown(sc Scope, width int, what, name string, known []string) *Error {
	e := &Error{Offset: x.end - width, Width: width, Msg: fmt.Sprintf("no %s %q", what, name), Missing: true}
	if sc.Nearest != nil {
		if best, ok := sc.Nearest(name, known); ok {
			e.Hint, e.Fix = fmt.Sprintf("did you mean %q?", best), best
			return e
		}
	}
	if len(known) > 0 && len(known) <= 12 {
		e.Hint = "there are: " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
	}
	return e
}

// Eval computes the expression. Errors are of type *Error.
func (x *Expr) Eval(sc Scope) (Value, error) {
	switch x.op {
	case "":
		return x.val, nil
	case "ref":
		if v, ok := sc.Roots[x.name]; ok {
			return v, nil
		}
		e := x.unknown(sc, len(x.name), "name", x.name, keysOf(sc.Roots))
		e.Missing = x.name == "each"
		return Value{}, e
	case "field", "index":
		return x.access(sc)
	case "if":
		c, err := x.args[0].Eval(sc)
		if err != nil {
			return Value{}, err
		}
		if c.Kind != Bool {
			return Value{}, x.args[0].fault("the condition is a %s, not true or false", c.Kind)
		}
		if c.Bool {
			return x.args[1].Eval(sc)
		}
		return x.args[2].Eval(sc)
	case "??":
		v, err := x.args[0].Eval(sc)
		if e, ok := err.(*Error); ok && e.Missing || err == nil && v.Kind == Null {
			return x.args[1].Eval(sc)
		}
		return v, err
	case "and", "or":
		return x.logic(sc)
	}
	args := make([]Value, len(x.args))
	for i, a := range x.args {
		v, err := a.Eval(sc)
		if err != nil {
			return Value{}, err
		}
		args[i] = v
	}
	v, err := x.apply(sc, args)
	if err == nil && v.Rat != nil && v.Rat.Num().BitLen()+v.Rat.Denom().BitLen() > maxBits {
		return Value{}, x.fault("the result has too many digits")
	}
	return v, err
}

func keysOf(m map[string]Value) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

func (x *Expr) logic(sc Scope) (Value, error) {
	for i, a := range x.args {
		v, err := a.Eval(sc)
		if err != nil {
			return Value{}, err
		}
		if v.Kind != Bool {
			return Value{}, a.fault("%q needs true or false, and this is a %s", x.op, v.Kind)
		}
		if i == 1 || v.Bool == (x.op == "or") {
			return v, nil
		}
	}
	return Value{}, nil
}

func (x *Expr) access(sc Scope) (Value, error) {
	m, err := x.args[0].Eval(sc)
	if err != nil {
		return Value{}, err
	}
	name, width := x.name, len(x.name)
	if x.op == "index" {
		k, err := x.args[1].Eval(sc)
		if err != nil {
			return Value{}, err
		}
		name, width = k.String(), x.end-x.args[1].at
	}
	what := "entry"
	if r := x.args[0]; r.op == "ref" {
		what = map[string]string{"param": "parameter", "map": "mapping", "ctx": "context value", "recipe": "recipe field"}[r.name]
		what = cmp.Or(what, "entry")
	}
	if m.Kind == Null {
		return Value{}, x.unknown(sc, width, what, name, nil)
	}
	if m.Kind != Map {
		return Value{}, x.fault("a %s has no entries", m.Kind)
	}
	if !slices.Contains(m.Keys, name) {
		return Value{}, x.unknown(sc, width, what, name, m.Keys)
	}
	v, err := m.Get(name)
	if err != nil {
		// What went wrong lies in another text; only the message is of use here.
		e, _ := err.(*Error)
		out := x.fault("%s", err)
		if e != nil {
			out.Missing, out.Reported, out.Code, out.Hint, out.Type = e.Missing, e.Reported, e.Code, e.Hint, e.Type
		}
		return Value{}, out
	}
	return v, nil
}

func (x *Expr) apply(sc Scope, a []Value) (Value, error) {
	switch x.op {
	case "call":
		return x.function(sc, a)
	case "index":
		return x.access(sc)
	case "not":
		if a[0].Kind != Bool {
			return Value{}, x.fault("\"not\" needs true or false, and this is a %s", a[0].Kind)
		}
		return Truth(!a[0].Bool), nil
	case "neg":
		if a[0].Rat == nil {
			return Value{}, x.fault("a %s has no sign", a[0].Kind)
		}
		return Value{Kind: a[0].Kind, Rat: new(big.Rat).Neg(a[0].Rat)}, nil
	case "==", "!=", "<", "<=", ">", ">=":
		return x.compare(a[0], a[1])
	}
	return x.arithmetic(a[0], a[1])
}

func (x *Expr) compare(a, b Value) (Value, error) {
	if a.Kind != b.Kind || a.Kind == List || a.Kind == Map {
		return Value{}, x.fault("cannot compare a %s with a %s", a.Kind, b.Kind)
	}
	var c int
	switch {
	case a.Rat != nil:
		c = a.Rat.Cmp(b.Rat)
	case a.Kind == Bool || a.Kind == Null:
		if x.op != "==" && x.op != "!=" {
			return Value{}, x.fault("a %s has no order", a.Kind)
		}
		if a.Bool != b.Bool {
			c = 1
		}
	default:
		c = strings.Compare(a.Str, b.Str)
	}
	switch x.op {
	case "==":
		return Truth(c == 0), nil
	case "!=":
		return Truth(c != 0), nil
	case "<":
		return Truth(c < 0), nil
	case "<=":
		return Truth(c <= 0), nil
	case ">":
		return Truth(c > 0), nil
	}
	return Truth(c >= 0), nil
}

func (x *Expr) arithmetic(a, b Value) (Value, error) {
	if a.Rat == nil || b.Rat == nil {
		e := x.fault("cannot compute %s %s %s", a.Kind, x.op, b.Kind)
		if a.Kind == String || b.Kind == String {
			e.Hint = "texts are put together by writing $(a)$(b)"
		}
		return Value{}, e
	}
	r := new(big.Rat)
	switch {
	case (x.op == "+" || x.op == "-") && a.Kind == b.Kind:
		if x.op == "-" {
			return Value{Kind: a.Kind, Rat: r.Sub(a.Rat, b.Rat)}, nil
		}
		return Value{Kind: a.Kind, Rat: r.Add(a.Rat, b.Rat)}, nil
	case x.op == "*" && a.Kind == Number:
		return Value{Kind: b.Kind, Rat: r.Mul(a.Rat, b.Rat)}, nil
	case x.op == "*" && b.Kind == Number:
		return Value{Kind: a.Kind, Rat: r.Mul(a.Rat, b.Rat)}, nil
	case x.op == "/" && b.Rat.Sign() == 0:
		return Value{}, x.fault("division by zero")
	case x.op == "/" && b.Kind == Number:
		return Value{Kind: a.Kind, Rat: r.Quo(a.Rat, b.Rat)}, nil
	case x.op == "/" && a.Kind == b.Kind:
		return Value{Kind: Number, Rat: r.Quo(a.Rat, b.Rat)}, nil
	}
	return Value{}, x.fault("cannot compute %s %s %s", a.Kind, x.op, b.Kind)
}
