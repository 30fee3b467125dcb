package expr

import (
	"bytes"
	"errors"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/loglevel"
)

// Expr is a compiled expression. It is safe for concurrent use.
type Expr struct {
	text  string
	match func(*Subject) bool
}

// catch makes an error of what fail raised.
func catch(err *error) {
	if r := recover(); r != nil {
		fault, ok := r.(*Error)
		if !ok {
			panic(r)
		}
		*err = fault
	}
}

// Parse compiles text. A fault is an *Error.
func Parse(text string) (x *Expr, err error) {
	if len(text) > maxLength {
		return nil, &Error{Width: len(text), Msg: "the expression is longer than 4096 bytes"}
	}
	defer catch(&err)
	p := &parser{}
	p.src = text
	p.next()
	if p.tok.kind == endToken {
		fail(0, len(text), `expected one such as level >= info`, "the expression is empty")
	}
	n := p.or()
	if p.tok.kind != endToken {
		fail(p.tok.at, p.tok.end, "expected and, or, or the end", "unexpected %s", p.tok)
	}
	return &Expr{text: text, match: n.truth()}, nil
}

// Match reports whether s is an event that x means.
func (x *Expr) Match(s *Subject) bool { return x.match(s) }

// String returns what was parsed.
func (x *Expr) String() string { return x.text }

// node is a part of an expression. Exactly one of cond, eval and level is set.
type node struct {
	at, end int
	name    string // the member's name, if it is one and written as a word
	lit     *value // if it is a literal
	level   bool
	cond    func(*Subject) bool
	eval    func(*Subject) value
}

// truth returns what decides whether n holds: a member holds if it is true.
func (n node) truth() func(*Subject) bool {
	switch {
	case n.cond != nil:
		return n.cond
	case n.level:
		fail(n.at, n.end, "expected a comparison such as level >= info", "level alone is neither true nor false")
	case n.lit != nil && n.lit.kind != boolValue:
		fail(n.at, n.end, "expected a comparison", "a text or a number is neither true nor false")
	}
	eval := n.eval
	return func(s *Subject) bool {
		v := eval(s)
		return v.kind == boolValue && v.truth || v.kind == textValue && string(v.text) == "true"
	}
}

// value returns what n comes to.
func (n node) value() func(*Subject) value {
	if n.cond != nil {
		cond := n.cond
		return func(s *Subject) value { return value{kind: boolValue, truth: cond(s)} }
	}
	if n.level {
		fail(n.at, n.end, "expected level first: level >= info", "level can only be compared with the name of one")
	}
	return n.eval
}

type parser struct {
	lexer
	depth int
}

func (p *parser) word(text string) bool {
	if p.tok.kind == wordToken && p.tok.text == text {
		p.next()
		return true
	}
	return false
}

func (p *parser) op(texts ...string) (string, bool) {
	if p.tok.kind != opToken {
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

func (p *parser) expect(op string) {
	if _, ok := p.op(op); !ok {
		fail(p.tok.at, p.tok.end, "", "expected %q, found %s", op, p.tok)
	}
}

func (p *parser) nest() func() {
	if p.depth++; p.depth > maxNested {
		fail(p.tok.at, p.tok.end, "", "the expression is nested more than %d deep", maxNested)
	}
	return func() { p.depth-- }
}

func (p *parser) or() node {
	defer p.nest()()
	n := p.and()
	for p.word("or") {
		m := p.and()
		a, b := n.truth(), m.truth()
		n = node{at: n.at, end: m.end, cond: func(s *Subject) bool { return a(s) || b(s) }}
	}
	return n
}

func (p *parser) and() node {
	n := p.not()
	for p.word("and") {
		m := p.not()
		a, b := n.truth(), m.truth()
		n = node{at: n.at, end: m.end, cond: func(s *Subject) bool { return a(s) && b(s) }}
	}
	return n
}

func (p *parser) not() node {
	at := p.tok.at
	if !p.word("not") {
		return p.comparison()
	}
	defer p.nest()()
	n := p.not()
	c := n.truth()
	return node{at: at, end: n.end, cond: func(s *Subject) bool { return !c(s) }}
}

func (p *parser) comparison() node {
	n := p.primary()
	if p.word("in") {
		return p.list(n)
	}
	if op, ok := p.op("=~", "!~"); ok {
		return p.regexp(n, op == "=~")
	}
	op, ok := p.op("==", "=", "!=", "<=", ">=", "<", ">")
	if !ok {
		return n
	}
	if op == "==" {
		op = "="
	}
	m := p.primary()
	if t := p.tok; t.kind == opToken && strings.Contains("== != <= >=", t.text) {
		fail(t.at, t.end, "join two comparisons with and", "a comparison of a comparison")
	}
	return node{at: n.at, end: m.end, cond: relation(op, n, m)}
}

// relation compiles n op m.
func relation(op string, n, m node) func(*Subject) bool {
	if n.level {
		want := levelOf(m)
		return func(s *Subject) bool { return sign(op, int(s.orInfo())-int(want)) }
	}
	a, b := n.value(), m.value()
	return func(s *Subject) bool { return holds(op, a(s), b(s)) }
}

// levelOf returns the level that n names.
func levelOf(n node) loglevel.Level {
	name := n.name
	if n.lit != nil && n.lit.kind == textValue {
		name = string(n.lit.text)
	}
	if l := loglevel.Parse([]byte(name)); l != loglevel.Unknown {
		return l
	}
	fail(n.at, n.end, near(name, loglevel.Names()), "level is compared with something that is no level")
	return 0
}

func (p *parser) list(n node) node {
	p.expect("(")
	var any []func(*Subject) bool
	for {
		any = append(any, relation("=", n, p.primary()))
		if _, ok := p.op(","); !ok {
			break
		}
	}
	end := p.tok.end
	p.expect(")")
	return node{at: n.at, end: end, cond: func(s *Subject) bool {
		for _, c := range any {
			if c(s) {
				return true
			}
		}
		return false
	}}
}

func (p *parser) regexp(n node, want bool) node {
	t := p.tok
	if t.kind != textToken {
		fail(t.at, t.end, `expected a regular expression in quotes`, "unexpected %s", t)
	}
	p.next()
	re, text := compile(t), n.value()
	return node{at: n.at, end: t.end, cond: func(s *Subject) bool { return re.Match(text(s).bytes()) == want }}
}

func compile(t token) *regexp.Regexp {
	re, err := regexp.Compile(t.text)
	if err != nil {
		msg := err.Error()
		if se, ok := errors.AsType[*syntax.Error](err); ok {
			msg = se.Code.String() + ": " + se.Expr
		}
		fail(t.at, t.end, "", "the regular expression is not valid: %s", msg)
	}
	return re
}

func (p *parser) primary() node {
	t := p.tok
	p.next()
	switch {
	case t.kind == numberToken:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			fail(t.at, t.end, "write a plain number", "%q is not a number; units have no meaning here", t.text)
		}
		return literal(t, value{kind: numberValue, known: true, num: f, text: []byte(t.text)})
	case t.kind == textToken:
		return literal(t, value{kind: textValue, text: []byte(t.text)})
	case t.kind == wordToken:
		return p.name(t)
	case t.kind == opToken && t.text == "(":
		n := p.or()
		n.name = ""
		n.end = p.tok.end
		p.expect(")")
		return n
	}
	fail(t.at, t.end, "", "expected a value, found %s", t)
	return node{}
}

func literal(t token, v value) node {
	return node{at: t.at, end: t.end, lit: &v, eval: func(*Subject) value { return v }}
}

// name compiles what begins with the word t: a constant, something built in, a
// call, or a member.
func (p *parser) name(t token) node {
	if p.tok.kind == opToken && p.tok.text == "(" && t.text != "and" && t.text != "or" && t.text != "in" {
		return p.call(t)
	}
	switch t.text {
	case "and", "or", "in", "not":
		fail(t.at, t.end, `a member of that name is written field("`+t.text+`")`, "expected a value, found %s", t)
	case "true", "false":
		return literal(t, value{kind: boolValue, truth: t.text == "true"})
	case "null":
		return literal(t, value{})
	case "level":
		return node{at: t.at, end: t.end, level: true}
	case "source":
		return node{at: t.at, end: t.end, eval: func(s *Subject) value { return value{kind: textValue, text: s.source} }}
	case "message":
		return node{at: t.at, end: t.end, eval: (*Subject).message}
	}
	return p.member(t, t.text)
}

func (p *parser) member(t token, name string) node {
	path := []byte(name)
	return node{at: t.at, end: t.end, name: name, eval: func(s *Subject) value {
		return s.value(member(s.Document(), path))
	}}
}

// function is a function of one or two texts.
type function struct {
	args int
	cond func(a, b []byte) bool
}

func functions() map[string]function {
	return map[string]function{
		"contains": {2, bytes.Contains}, "starts_with": {2, bytes.HasPrefix}, "ends_with": {2, bytes.HasSuffix},
		"matches": {args: 2}, "exists": {args: 1}, "field": {args: 1}, "lower": {args: 1}, "upper": {args: 1}, "len": {args: 1},
	}
}

func functionNames() []string {
	return []string{"contains", "ends_with", "exists", "field", "len", "lower", "matches", "starts_with", "upper"}
}

func (p *parser) call(t token) node {
	f, ok := functions()[t.text]
	if !ok {
		fail(t.at, t.end, near(t.text, functionNames()), "there is no function %q", t.text)
	}
	p.expect("(")
	first := p.tok
	args := []node{p.or()}
	for range f.args - 1 {
		p.expect(",")
		if t.text == "matches" {
			n := p.regexp(args[0], true)
			n.at, n.end = t.at, p.tok.end
			p.expect(")")
			return n
		}
		args = append(args, p.or())
	}
	n := node{at: t.at, end: p.tok.end}
	p.expect(")")
	if f.cond != nil {
		a, b := args[0].value(), args[1].value()
		n.cond = func(s *Subject) bool {
			x := a(s)
			return x.kind != nullValue && f.cond(x.bytes(), b(s).bytes())
		}
		return n
	}
	return p.unary(t, first, args[0], n)
}

// unary compiles the functions of one argument.
func (p *parser) unary(t, first token, arg, n node) node {
	if t.text == "field" {
		if arg.lit == nil || arg.lit.kind != textValue {
			fail(first.at, max(first.end, arg.end), `expected a name in quotes: field("a b")`, "field takes the name of a member")
		}
		m := p.member(t, string(arg.lit.text))
		m.end, m.name = n.end, ""
		return m
	}
	a := arg.value()
	switch t.text {
	case "exists":
		n.cond = func(s *Subject) bool { return a(s).kind != nullValue }
	case "len":
		n.eval = func(s *Subject) value { return value{kind: numberValue, known: true, num: float64(len(a(s).bytes()))} }
	case "lower":
		n.eval = func(s *Subject) value { return s.mapped(a(s), 'A', 'Z') }
	case "upper":
		n.eval = func(s *Subject) value { return s.mapped(a(s), 'a', 'z') }
	}
	return n
}

// mapped returns v's text with the other case of the ASCII letters from low to
// high.
func (s *Subject) mapped(v value, low, high byte) value {
	if v.kind == nullValue {
		return v
	}
	n := len(s.scratch)
	s.scratch = append(s.scratch, v.bytes()...)
	text := s.scratch[n:len(s.scratch):len(s.scratch)]
	for i, c := range text {
		if c >= low && c <= high {
			text[i] = c ^ 0x20
		}
	}
	return value{kind: textValue, text: text}
}
