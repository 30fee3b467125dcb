package expr

import (
	"fmt"
	"strings"
)

// Error is a fault in an expression. Offset and Width are bytes of the text
// that was parsed.
type Error struct {
	Offset int
	Width  int
	Msg    string
	Hint   string
	Fix    string
	// Missing is set if the fault is that something is not there, which the
	// operator ?? answers.
	Missing bool
	// Type is set if the fault is one of types rather than of names or grammar.
	Type bool
	// Reported is set if the fault lies in another text and was reported there.
	Reported bool
	// Code is a problem code, where the fault has one of its own.
	Code string
}

// Error implements error.
func (e *Error) Error() string { return e.Msg }

const (
	maxLength = 4096
	maxNested = 100
)

// Expr is a parsed expression.
type Expr struct {
	op   string // a literal is "", a reference "ref", a call "call"
	at   int
	end  int
	name string
	val  Value
	args []*Expr
}

type token struct {
	kind byte // 'n' number, 's' string, 'i' identifier, 'o' operator, 'e' end
	text string
	val  Value
	at   int
	end  int
}

type parser struct {
	src   string
	pos   int
	tok   token
	depth int
}

// parse reads an expression that begins at pos and ends before an unmatched
// ')', whose offset it returns.
func parse(src string, pos int) (x *Expr, end int, err error) {
	p := &parser{src: src, pos: pos}
	defer func() {
		if r := recover(); r != nil {
			fault, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = fault
		}
	}()
	p.next()
	x = p.expression()
	if p.tok.text != ")" {
		if p.tok.kind == 'e' {
			p.fail(p.tok, "the expression has no closing parenthesis")
		}
		p.fail(p.tok, "unexpected %s in an expression", p.tok.text)
	}
	return x, p.tok.at, nil
}

// fail ends the parse; parse recovers it.
func (p *parser) fail(t token, format string, args ...any) {
	panic(&Error{Offset: t.at, Width: max(1, t.end-t.at), Msg: fmt.Sprintf(format, args...)})
}

func letter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func (p *parser) next() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\r\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
	start := p.pos
	if start >= len(p.src) {
		p.tok = token{kind: 'e', text: "end", at: len(p.src), end: len(p.src)}
		return
	}
	c := p.src[start]
	switch {
	case digit(c):
		p.number(start)
	case letter(c):
		for p.pos < len(p.src) && (letter(p.src[p.pos]) || digit(p.src[p.pos])) {
			p.pos++
		}
		p.tok = token{kind: 'i', text: p.src[start:p.pos], at: start, end: p.pos}
	case c == '"' || c == '\'':
		p.quoted(start)
	default:
		p.operator(start)
	}
}

func (p *parser) number(start int) {
	for p.pos < len(p.src) && (digit(p.src[p.pos]) || letter(p.src[p.pos]) || p.src[p.pos] == '.' || p.src[p.pos] == '%') {
		p.pos++
	}
	p.tok = token{kind: 'n', text: p.src[start:p.pos], at: start, end: p.pos}
	v, ok := Quantity(p.tok.text)
	if !ok {
		p.fail(p.tok, "%q is not a number with a unit (%s)", p.tok.text, strings.Join(UnitNames(), " "))
	}
	v.Str = ""
	p.tok.val = v
}

func (p *parser) quoted(start int) {
	var b strings.Builder
	for i := start + 1; i < len(p.src); i++ {
		switch c := p.src[i]; {
		case c == p.src[start]:
			p.pos = i + 1
			p.tok = token{kind: 's', text: p.src[start:p.pos], val: Text(b.String()), at: start, end: p.pos}
			return
		case c == '\\' && i+1 < len(p.src):
			i++
			b.WriteByte(p.src[i])
		default:
			b.WriteByte(c)
		}
	}
	p.fail(token{at: start, end: len(p.src)}, "the string has no closing quote")
}

func (p *parser) operator(start int) {
	for _, op := range []string{"==", "!=", "<=", ">=", "??"} {
		if strings.HasPrefix(p.src[start:], op) {
			p.pos += 2
			p.tok = token{kind: 'o', text: op, at: start, end: p.pos}
			return
		}
	}
	p.pos++
	p.tok = token{kind: 'o', text: p.src[start:p.pos], at: start, end: p.pos}
	if strings.IndexByte("+-*/<>().,", p.src[start]) < 0 {
		p.tok.end = start + len(firstRune(p.src[start:]))
		p.fail(p.tok, "unexpected %q in an expression", firstRune(p.src[start:]))
	}
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

func (p *parser) accept(texts ...string) (string, bool) {
	if p.tok.kind != 'o' && p.tok.kind != 'i' {
		return "", false
	}
	for _, t := range texts {
		if p.tok.text == t {
			p.next()
			return t, true
		}
	}
	return "", false
}

func (p *parser) expect(text string) {
	if _, ok := p.accept(text); !ok {
		p.fail(p.tok, "expected %q, found %s", text, p.tok.text)
	}
}

func (p *parser) nest() func() {
	if p.depth++; p.depth > maxNested {
		p.fail(p.tok, "the expression is nested more than %d deep", maxNested)
	}
	return func() { p.depth-- }
}

func (p *parser) expression() *Expr {
	defer p.nest()()
	at := p.tok.at
	if _, ok := p.accept("if"); ok {
		c := p.expression()
		p.expect("then")
		a := p.expression()
		p.expect("else")
		b := p.expression()
		return &Expr{op: "if", at: at, end: b.end, args: []*Expr{c, a, b}}
	}
	return p.binary(0)
}

// levels are the binary operators from the weakest.
func levels() [][]string {
	return [][]string{{"??"}, {"or"}, {"and"}, {"==", "!=", "<", "<=", ">", ">="}, {"+", "-"}, {"*", "/"}}
}

func (p *parser) binary(level int) *Expr {
	if level == len(levels()) {
		return p.unary()
	}
	if level == 3 {
		if t := p.tok; t.kind == 'i' && t.text == "not" {
			defer p.nest()()
			p.next()
			x := p.binary(level)
			return &Expr{op: "not", at: t.at, end: x.end, args: []*Expr{x}}
		}
	}
	x := p.binary(level + 1)
	for n := 0; ; n++ {
		op, ok := p.accept(levels()[level]...)
		if !ok {
			return x
		}
		if n == maxNested {
			p.fail(p.tok, "the expression has more than %d operators in a row", maxNested)
		}
		y := p.binary(level + 1)
		x = &Expr{op: op, at: x.at, end: y.end, args: []*Expr{x, y}}
	}
}

func (p *parser) unary() *Expr {
	if t := p.tok; t.kind == 'o' && t.text == "-" {
		defer p.nest()()
		p.next()
		x := p.unary()
		return &Expr{op: "neg", at: t.at, end: x.end, args: []*Expr{x}}
	}
	return p.postfix(p.primary())
}

func (p *parser) postfix(x *Expr) *Expr {
	for {
		if _, ok := p.accept("."); ok {
			t := p.tok
			if t.kind != 'i' {
				p.fail(t, "expected a name after the dot, found %s", t.text)
			}
			p.next()
			x = &Expr{op: "field", at: x.at, end: t.end, name: t.text, args: []*Expr{x}}
			continue
		}
		if _, ok := p.accept("("); ok {
			key := p.expression()
			end := p.tok.end
			p.expect(")")
			x = &Expr{op: "index", at: x.at, end: end, args: []*Expr{x, key}}
			continue
		}
		return x
	}
}

func (p *parser) primary() *Expr {
	t := p.tok
	p.next()
	switch {
	case t.kind == 'n' || t.kind == 's':
		return &Expr{at: t.at, end: t.end, val: t.val}
	case t.kind == 'i' && (t.text == "true" || t.text == "false"):
		return &Expr{at: t.at, end: t.end, val: Truth(t.text == "true")}
	case t.kind == 'i' && t.text == "null":
		return &Expr{at: t.at, end: t.end}
	case t.kind == 'i' && p.tok.text == "(" && p.tok.kind == 'o':
		return p.call(t)
	case t.kind == 'i':
		return &Expr{op: "ref", at: t.at, end: t.end, name: t.text}
	case t.text == "(" && t.kind == 'o':
		x := p.expression()
		p.expect(")")
		return x
	}
	p.fail(t, "expected a value, found %s", t.text)
	return nil
}

func (p *parser) call(name token) *Expr {
	p.expect("(")
	x := &Expr{op: "call", at: name.at, name: name.text}
	for p.tok.text != ")" || p.tok.kind != 'o' {
		if len(x.args) > 0 {
			p.expect(",")
		}
		x.args = append(x.args, p.expression())
	}
	x.end = p.tok.end
	p.expect(")")
	return x
}
