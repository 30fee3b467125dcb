package metricmath

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// Error is a problem with an expression.
type Error struct {
	// Offset is where in the expression it is, in bytes from 0.
	Offset int
	Msg    string
}

// Error implements error; it counts columns from 1.
func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Offset+1, e.Msg) }

func errorAt(offset int, format string, args ...any) *Error {
	return &Error{Offset: offset, Msg: fmt.Sprintf(format, args...)}
}

// maxDepth bounds nesting, so that hostile input cannot exhaust the stack.
const maxDepth = 100

// node is a part of an expression.
type node struct {
	op     string // "number", "text", "name", "call", "list", "neg", or an operator
	offset int
	number float64
	text   string // of text, name and call
	args   []*node
}

// Expr is a parsed expression. It is immutable and safe for concurrent use.
type Expr struct{ root *node }

// Ref is the use of a query's ID in an expression.
type Ref struct {
	ID     string
	Offset int
}

// Refs lists the IDs that e uses, in the order of the text.
func (e *Expr) Refs() []Ref {
	var refs []Ref
	e.root.walk(func(n *node) {
		if n.op == "name" && !keywords[n.text] {
			refs = append(refs, Ref{n.text, n.offset})
		}
	})
	order.By(refs, func(a, b Ref) int { return a.Offset - b.Offset })
	return refs
}

// Calls reports whether e uses the function, whose name is in upper case.
func (e *Expr) Calls(function string) bool {
	found := false
	e.root.walk(func(n *node) { found = found || n.op == "call" && n.text == function })
	return found
}

func (n *node) walk(f func(*node)) {
	f(n)
	for _, a := range n.args {
		a.walk(f)
	}
}

// keywords are bare words that are arguments of functions, not IDs; IDs start
// with a lower-case letter.
var keywords = map[string]bool{
	"REPEAT": true, "LINEAR": true, "ASC": true, "DESC": true,
	"AVG": true, "MIN": true, "MAX": true, "SUM": true,
}

type parser struct {
	tokens []token
	depth  int
}

// Parse reads an expression. Its error is an *Error.
func Parse(text string) (*Expr, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	root, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != endToken {
		return nil, errorAt(t.offset, "unexpected %s", t)
	}
	return &Expr{root}, nil
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != endToken {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) expect(symbol string) error {
	if t := p.next(); !t.is(symbol) {
		return errorAt(t.offset, "expected %q, found %s", symbol, t)
	}
	return nil
}

// precedences lists the binary operators, loosest first.
var precedences = [][]string{
	{"OR", "||"},
	{"AND", "&&"},
	{"==", "!=", "<", ">", "<=", ">="},
	{"+", "-"},
	{"*", "/"},
}

// binary parses operators of the given precedence and tighter, which group to
// the left.
func (p *parser) binary(level int) (*node, error) {
	if level == len(precedences) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	if err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		if t.kind == textToken || t.kind == numberToken || !slices.Contains(precedences[level], t.text) {
			return left, nil
		}
		p.next()
		right, err := p.binary(level + 1)
		if err != nil {
			return nil, err
		}
		left = &node{op: canonical(t.text), offset: t.offset, args: []*node{left, right}}
	}
}

func canonical(op string) string {
	switch op {
	case "&&":
		return "AND"
	case "||":
		return "OR"
	}
	return op
}

func (p *parser) unary() (*node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errorAt(p.peek().offset, "the expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	t := p.peek()
	if !t.is("-") {
		return p.power()
	}
	p.next()
	arg, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &node{op: "neg", offset: t.offset, args: []*node{arg}}, nil
}

// power parses ^, which binds tighter than a sign before it and groups to the
// right.
func (p *parser) power() (*node, error) {
	base, err := p.primary()
	if err != nil {
		return nil, err
	}
	t := p.peek()
	if !t.is("^") {
		return base, nil
	}
	p.next()
	exponent, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &node{op: "^", offset: t.offset, args: []*node{base, exponent}}, nil
}

func (p *parser) primary() (*node, error) {
	t := p.next()
	switch {
	case t.kind == numberToken:
		return &node{op: "number", offset: t.offset, number: t.number}, nil
	case t.kind == textToken:
		return &node{op: "text", offset: t.offset, text: t.text}, nil
	case t.kind == nameToken && p.peek().is("("):
		p.next()
		args, err := p.list(")")
		return &node{op: "call", offset: t.offset, text: strings.ToUpper(t.text), args: args}, err
	case t.kind == nameToken:
		return p.name(t)
	case t.is("["):
		args, err := p.list("]")
		return &node{op: "list", offset: t.offset, args: args}, err
	case t.is("("):
		inner, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	return nil, errorAt(t.offset, "expected a number, a metric, a function or \"(\", found %s", t)
}

func (p *parser) name(t token) (*node, error) {
	first := t.text[0]
	if !keywords[t.text] && (first < 'a' || first > 'z') {
		return nil, errorAt(t.offset, "%q is neither a function nor an ID: IDs start with a lower-case letter", t.text)
	}
	return &node{op: "name", offset: t.offset, text: t.text}, nil
}

// list parses expressions up to the closing symbol.
func (p *parser) list(closing string) ([]*node, error) {
	var args []*node
	if p.peek().is(closing) {
		p.next()
		return nil, nil
	}
	for {
		arg, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		if p.peek().is(",") {
			p.next()
			continue
		}
		return args, p.expect(closing)
	}
}
