package insights

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// primary reads a literal, a field, a call or an expression in parentheses.
func (p *parser) primary() (*node, error) {
	p.space()
	start := p.i
	switch {
	case p.end():
		return nil, p.expected("an expression")
	case p.take("("):
		return p.parenthesised(start)
	case p.peek(`"`) || p.peek(`'`):
		s, err := p.str()
		return &node{op: opString, name: s, start: start, end: p.i}, err
	case p.peek("/"):
		re, err := p.regex()
		return &node{op: opRegex, re: re, start: start, end: p.i}, err
	case isDigit(p.text[p.i]) || p.text[p.i] == '.':
		return p.numberOrPeriod()
	case p.atField():
		return p.fieldOrCall()
	}
	return nil, p.expected("an expression")
}

func (p *parser) parenthesised(start int) (*node, error) {
	n, err := p.expression()
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, p.expected(")")
	}
	inner := *n
	inner.start, inner.end = start, p.i
	return &inner, nil
}

// numberOrPeriod reads 5, 1e3 or 5m.
func (p *parser) numberOrPeriod() (*node, error) {
	start := p.i
	n, err := p.number()
	if err == nil {
		return &node{op: opNumber, num: n, start: start, end: p.i}, nil
	}
	per, ok := parsePeriod(p.text[start:p.i])
	if !ok {
		return nil, err
	}
	return &node{op: opPeriod, period: per, start: start, end: p.i}, nil
}

func (p *parser) fieldOrCall() (*node, error) {
	start := p.i
	bare := p.word()
	if word := strings.ToLower(bare); !p.longerName(bare) {
		switch word {
		case "true":
			p.i += len(bare)
			return &node{op: opBool, num: 1, start: start, end: p.i}, nil
		case "false":
			p.i += len(bare)
			return &node{op: opBool, start: start, end: p.i}, nil
		case "null":
			p.i += len(bare)
			return &node{op: opNull, start: start, end: p.i}, nil
		}
		if p.i += len(bare); bare != "" && p.take("(") {
			return p.call(word, start, start+len(bare))
		}
		p.i = start
	}
	name, err := p.field()
	return &node{op: opField, name: name, start: start, end: p.i}, err
}

// longerName reports whether the word that comes next goes on as a field's
// name.
func (p *parser) longerName(word string) bool {
	rest := p.text[p.i+len(word):]
	return word == "" || rest != "" && strings.IndexByte(".@[`", rest[0]) >= 0
}

// call reads arguments; the parenthesis is taken.
func (p *parser) call(name string, start, nameEnd int) (*node, error) {
	n := &node{op: opCall, name: name, start: start}
	if err := p.checkFunction(name, start, nameEnd); err != nil {
		return nil, err
	}
	p.space()
	if star := p.i; p.take("*") {
		n.args = []*node{{op: opStar, start: star, end: p.i}}
		if !p.take(")") {
			return nil, p.expected(")")
		}
		n.end = p.i
		return n, nil
	}
	args, err := p.list(")")
	if err != nil {
		return nil, err
	}
	n.args, n.end = args, p.i
	return n, nil
}

// checkFunction refuses names of functions that do not exist.
func (p *parser) checkFunction(name string, start, end int) error {
	if _, ok := p.functions[name]; ok {
		return nil
	}
	if _, ok := p.aggregates[name]; ok {
		return nil
	}
	return p.errorAt(start, end, "unknown function %q%s", p.text[start:end], suggestion(name, p.functionNames()))
}

func (p *parser) functionNames() []string {
	return slices.AppendSeq(slices.Collect(maps.Keys(p.functions)), maps.Keys(p.aggregates))
}

// check fails unless n has between low and high arguments; high < 0 means any
// number.
func (c *compiler) check(n *node, low, high int) error {
	if len(n.args) >= low && (high < 0 || len(n.args) <= high) {
		return nil
	}
	want := fmt.Sprint(low)
	switch {
	case high < 0:
		want = fmt.Sprintf("at least %d", low)
	case high > low:
		want = fmt.Sprintf("%d to %d", low, high)
	}
	return c.errorAt(n.start, n.end, "%s takes %s arguments, found %d", n.name, want, len(n.args))
}
