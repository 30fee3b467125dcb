package filterexpr

import (
	"slices"
	"strings"
)

// maxDepth bounds the nesting of parentheses and negations.
const maxDepth = 100

// Expr is a parsed expression. It may be used by several goroutines at once.
type Expr struct {
	src  string
	test cond
}

// cond answers for one item in the context of its trace.
type cond func(i *Item, t *Trace) bool

// Options says what an expression may refer to.
type Options struct {
	// Group returns the expression of a group, given by name or, if byARN, by
	// ARN. Nil, or a false result, makes group.name and group.arn an error.
	Group func(ref string, byARN bool) (*Expr, bool)
}

// Parse reads a filter expression. The error is an *Error.
func Parse(src string, o Options) (*Expr, error) {
	p := &parser{lexer: lexer{src: src}, group: o.Group}
	if err := p.advance(); err != nil {
		return nil, err
	}
	test, err := p.or(scopeTrace)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != kindEnd {
		return nil, p.fail(p.tok.at, "unexpected %s", p.tok)
	}
	return &Expr{src: src, test: test}, nil
}

// Match reports whether the expression holds for t.
func (e *Expr) Match(t *Trace) bool { return e.test(&t.Item, t) }

// String returns the expression as it was written.
func (e *Expr) String() string { return e.src }

type scope uint8

const (
	scopeTrace scope = iota
	scopeInner       // within service(){} or edge(){}
	scopeCause       // within rootcause.…{}
)

type parser struct {
	lexer
	tok   token
	depth int
	group func(string, bool) (*Expr, bool)
	words []string // keywords that scopeCause allows
}

func (p *parser) advance() (err error) {
	p.tok, err = p.next()
	return err
}

func (p *parser) isWord(word string) bool {
	return p.tok.kind == kindWord && strings.EqualFold(p.tok.text, word)
}

func (p *parser) isMark(mark string) bool { return p.tok.kind == kindMark && p.tok.text == mark }

// accept moves past mark if it comes next.
func (p *parser) accept(mark string) (bool, error) {
	if !p.isMark(mark) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(mark string) error {
	if !p.isMark(mark) {
		return p.fail(p.tok.at, "expected %q, found %s", mark, p.tok)
	}
	return p.advance()
}

func (p *parser) or(s scope) (cond, error) {
	left, err := p.and(s)
	if err != nil {
		return nil, err
	}
	alternatives := []cond{left}
	for p.isWord("OR") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := p.and(s)
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, right)
	}
	if len(alternatives) == 1 {
		return left, nil
	}
	return func(i *Item, t *Trace) bool {
		for _, c := range alternatives {
			if c(i, t) {
				return true
			}
		}
		return false
	}, nil
}

func (p *parser) and(s scope) (cond, error) {
	left, err := p.unary(s)
	if err != nil {
		return nil, err
	}
	all := []cond{left}
	for p.isWord("AND") || p.begins() {
		if p.isWord("AND") {
			if err := p.advance(); err != nil {
				return nil, err
			}
		}
		right, err := p.unary(s)
		if err != nil {
			return nil, err
		}
		all = append(all, right)
	}
	if len(all) == 1 {
		return left, nil
	}
	return func(i *Item, t *Trace) bool {
		for _, c := range all {
			if !c(i, t) {
				return false
			}
		}
		return true
	}, nil
}

// begins reports whether a condition comes next. Conditions that stand side by side
// must all hold, as in the guide's example "ok !partial duration <3".
func (p *parser) begins() bool {
	return p.tok.kind == kindWord && !p.isWord("OR") || p.isMark("!") || p.isMark("(")
}

func (p *parser) unary(s scope) (cond, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail(p.tok.at, "expression is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	if p.isMark("!") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		c, err := p.unary(s)
		if err != nil {
			return nil, err
		}
		return func(i *Item, t *Trace) bool { return !c(i, t) }, nil
	}
	if p.isMark("(") {
		return p.enclosed("(", ")", s)
	}
	return p.primary(s)
}

func (p *parser) enclosed(open, end string, s scope) (cond, error) {
	if err := p.expect(open); err != nil {
		return nil, err
	}
	c, err := p.or(s)
	if err != nil {
		return nil, err
	}
	return c, p.expect(end)
}

func (p *parser) primary(s scope) (cond, error) {
	t := p.tok
	if t.kind != kindWord {
		return nil, p.fail(t.at, "expected a keyword, found %s", t)
	}
	// The key of annotation[key] is not made of tokens, so it is read before the
	// lexer goes on.
	if s != scopeCause && strings.EqualFold(t.text, "annotation") && strings.HasPrefix(p.src[p.pos:], "[") {
		p.pos++
		key, err := p.bracketed()
		if err != nil {
			return nil, err
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		return p.annotation(key)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	word := strings.ToLower(t.text)
	if key, ok := strings.CutPrefix(word, "annotation."); ok && s != scopeCause {
		if key == "" {
			return nil, p.fail(t.at, "annotation key is empty")
		}
		return p.annotation(t.text[len("annotation."):])
	}
	return p.keyword(word, t, s)
}

func (p *parser) keyword(word string, t token, s scope) (cond, error) {
	family, _, _ := strings.Cut(word, ".")
	switch {
	case s == scopeCause && !slices.Contains(p.words, word):
		return nil, p.fail(t.at, "%s cannot stand here; what can is %s", t.text, strings.Join(p.words, ", "))
	case s != scopeCause && causeOnly[word]:
		return nil, p.fail(t.at, "%s can only stand inside of rootcause.…{}", t.text)
	case flags[word] != nil:
		return p.flag(flags[word])
	case numbers[word] != nil:
		return p.number(t, numbers[word])
	case texts[word] != nil:
		return p.text(t, texts[word])
	case word == "service" || word == "edge" || family == "group":
		if s != scopeTrace {
			return nil, p.fail(t.at, "%s cannot stand inside of service or edge", t.text)
		}
		return p.complex(word, t)
	case word == "id":
		return nil, p.fail(t.at, "id can only stand inside of service() or edge()")
	case word == "rootcause.json" && s == scopeTrace:
		return p.rootCauseJSON(t)
	case family == "rootcause" && s == scopeTrace:
		return p.rootCause(word, t)
	}
	return nil, p.fail(t.at, "unknown keyword %q", t.text)
}
