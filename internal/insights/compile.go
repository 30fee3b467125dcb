package insights

import (
	"bytes"
	"math"
	"strings"
)

// compiler turns the commands of one query into a plan. It parses and compiles
// command by command, as the meaning of a name depends on the commands before.
type compiler struct {
	parser
	plan
	scope *scope
	// agg is set inside stats, where aggregates are allowed.
	agg *aggregation
}

// expr compiles n.
func (c *compiler) expr(n *node) (expr, error) {
	switch n.op {
	case opField:
		return c.field(n)
	case opNumber:
		return constant(numberValue(n.num)), nil
	case opString:
		return constant(textValue([]byte(n.name))), nil
	case opBool:
		return constant(boolValue(n.num != 0)), nil
	case opNull:
		return constant(value{}), nil
	case opCall:
		return c.call(n)
	case opArith:
		return c.arith(n)
	case opNegate:
		return c.negate(n)
	case opPeriod:
		return nil, c.errorAt(n.start, n.end, "a period is only understood by functions of time")
	case opRegex:
		return nil, c.errorAt(n.start, n.end, "a regular expression is only understood after like and =~ and by parse and regexReplace")
	case opStar:
		return nil, c.errorAt(n.start, n.end, "* is only understood by count")
	}
	test, err := c.cond(n)
	if err != nil {
		return nil, err
	}
	return func(e *env) value { return boolValue(test(e)) }, nil
}

func constant(v value) expr { return func(*env) value { return v } }

func (c *compiler) exprs(nodes []*node) ([]expr, error) {
	out := make([]expr, len(nodes))
	for i, n := range nodes {
		x, err := c.expr(n)
		if err != nil {
			return nil, err
		}
		out[i] = x
	}
	return out, nil
}

func (c *compiler) field(n *node) (expr, error) {
	if x := c.scope.resolve(n.name); x != nil {
		return x, nil
	}
	hint := suggestion(n.name, c.scope.known())
	if c.scope.events {
		return nil, c.errorAt(n.start, n.end, "unknown field %q%s", n.name, hint)
	}
	return nil, c.errorAt(n.start, n.end, "no column %q after stats%s", n.name, hint)
}

// call compiles a function or, inside stats, an aggregate.
func (c *compiler) call(n *node) (expr, error) {
	// After stats, the text of an aggregate or a bin is the name of its column.
	if x := c.scope.names[c.text[n.start:n.end]]; x != nil && !c.scope.events {
		return x, nil
	}
	f, ok := c.functions[n.name]
	if !ok {
		return c.aggregate(n)
	}
	if err := c.check(n, f.least, f.most); err != nil {
		return nil, err
	}
	if n.name == "unmask" {
		c.standardOnly("unmask is")
	}
	if f.build != nil {
		return f.build(c, n)
	}
	args, err := c.exprs(n.args)
	if err != nil {
		return nil, err
	}
	eval := f.eval
	return func(e *env) value { return eval(e, args) }, nil
}

func (c *compiler) arith(n *node) (expr, error) {
	args, err := c.exprs(n.args)
	if err != nil {
		return nil, err
	}
	a, b := args[0], args[1]
	compute := operation(n.name)
	return func(e *env) value {
		x, ok := a(e).number()
		if !ok {
			return value{}
		}
		y, ok := b(e).number()
		if !ok {
			return value{}
		}
		return numberValue(compute(x, y))
	}, nil
}

func operation(name string) func(x, y float64) float64 {
	switch name {
	case "+":
		return func(x, y float64) float64 { return x + y }
	case "-":
		return func(x, y float64) float64 { return x - y }
	case "*":
		return func(x, y float64) float64 { return x * y }
	case "/":
		return func(x, y float64) float64 { return x / y }
	case "%":
		return math.Mod
	}
	return math.Pow
}

func (c *compiler) negate(n *node) (expr, error) {
	x, err := c.expr(n.args[0])
	if err != nil {
		return nil, err
	}
	return func(e *env) value {
		v, ok := x(e).number()
		if !ok {
			return value{}
		}
		return numberValue(-v)
	}, nil
}

// cond compiles n as a condition.
func (c *compiler) cond(n *node) (cond, error) {
	switch n.op {
	case opOr, opAnd:
		return c.junction(n)
	case opNot:
		test, err := c.cond(n.args[0])
		return func(e *env) bool { return !test(e) }, err
	case opCompare:
		return c.compare(n)
	case opIn:
		return c.in(n)
	case opLike:
		return c.likeCond(n)
	case opInQuery:
		return c.inQuery(n)
	}
	x, err := c.expr(n)
	return func(e *env) bool { return x(e).truth() }, err
}

func (c *compiler) junction(n *node) (cond, error) {
	a, err := c.cond(n.args[0])
	if err != nil {
		return nil, err
	}
	b, err := c.cond(n.args[1])
	if err != nil {
		return nil, err
	}
	if n.op == opOr {
		return func(e *env) bool { return a(e) || b(e) }, nil
	}
	return func(e *env) bool { return a(e) && b(e) }, nil
}

func (c *compiler) compare(n *node) (cond, error) {
	args, err := c.exprs(n.args)
	if err != nil {
		return nil, err
	}
	a, b, name := args[0], args[1], n.name
	if name == "=" {
		if lit := c.literal(n.args[0], n.args[1]); lit != nil {
			return func(e *env) bool {
				return mayContain(e.row.Message, lit) && equal(a(e), b(e))
			}, nil
		}
		return func(e *env) bool { return equal(a(e), b(e)) }, nil
	}
	return func(e *env) bool {
		order, ok := compareValues(a(e), b(e))
		return ok && holds(name, order)
	}, nil
}

func equal(a, b value) bool {
	order, ok := compareValues(a, b)
	return ok && order == 0
}

// leastLiteral is the shortest text worth a search before a field is looked
// for.
const leastLiteral = 3

// literal returns the text that a message must contain if the discovered field
// f can be equal to the constant n, or nil. Numbers can be spelled in several
// ways and give none.
func (c *compiler) literal(f, n *node) []byte {
	if n.op != opString || len(n.name) < leastLiteral || !c.isDiscovered(f) {
		return nil
	}
	if _, isNumber := parseNumber([]byte(n.name)); isNumber {
		return nil
	}
	return []byte(n.name)
}

// isDiscovered reports whether n is a field whose text stands in the message.
// Lambda's sizes do not: they are shown in bytes.
func (c *compiler) isDiscovered(n *node) bool {
	return n.op == opField && c.scope.events && c.scope.names[n.name] == nil && !c.scope.aliased(n.name) &&
		systemField(n.name) == nil && lambdaLabels[n.name].scale == 0
}

// aliased reports whether name lies below a name that the query gave.
func (s *scope) aliased(name string) bool {
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		if s.names[name[:i]] != nil {
			return true
		}
	}
	return false
}

// mayContain is false if no field of the message can be text: escapes can hide
// it, so a message with a backslash always may.
func mayContain(message, text []byte) bool {
	return bytes.Contains(message, text) || bytes.IndexByte(message, '\\') >= 0
}

func (c *compiler) in(n *node) (cond, error) {
	args, err := c.exprs(n.args)
	if err != nil {
		return nil, err
	}
	x, items, negated := args[0], args[1:], n.num != 0
	return func(e *env) bool {
		v := x(e)
		if !v.isPlain() {
			return false
		}
		for _, item := range items {
			if equal(v, item(e)) {
				return !negated
			}
		}
		return negated
	}, nil
}

func (c *compiler) likeCond(n *node) (cond, error) {
	m, negated := n.re, n.num != 0
	if n.args[0].op == opField && n.args[0].name == "@message" && c.scope.events && c.scope.names["@message"] == nil {
		return func(e *env) bool { return m.match(e.row.Message) != negated }, nil
	}
	x, err := c.expr(n.args[0])
	if err != nil {
		return nil, err
	}
	test := func(e *env) bool {
		b, ok := e.text(x(e))
		return ok && m.match(b) != negated
	}
	lit := m.literal()
	if negated || len(lit) < leastLiteral || !c.isDiscovered(n.args[0]) {
		return test, nil
	}
	return func(e *env) bool { return mayContain(e.row.Message, lit) && test(e) }, nil
}
