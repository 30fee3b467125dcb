package insights

import "strings"

// maxDepth bounds how deep expressions may nest: a query has at most 10,000
// characters (SDK: StartQuery), but it need not take our stack along.
const maxDepth = 200

// parser reads expressions. From loosest to tightest: or, and, not,
// comparisons, + -, * / %, ^, unary minus.
type parser struct {
	lexer
	depth      int
	functions  map[string]function
	aggregates map[string]aggregate
	// subquery compiles the query in parentheses that comes next, of which the
	// opening one is taken, and returns its number.
	subquery func() (int, error)
}

func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return p.errorAt(p.i, p.i, "expected an expression that is nested less deeply")
	}
	return nil
}

func (p *parser) shallower() { p.depth-- }

func (p *parser) expression() (*node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.shallower()
	return p.chain(opOr, "or", func() (*node, error) {
		return p.chain(opAnd, "and", p.negation)
	})
}

// chain reads operands joined by a keyword.
func (p *parser) chain(o op, keyword string, operand func() (*node, error)) (*node, error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for p.takeWord(keyword) {
		right, err := operand()
		if err != nil {
			return nil, err
		}
		left = &node{op: o, start: left.start, end: right.end, args: []*node{left, right}}
	}
	return left, nil
}

func (p *parser) negation() (*node, error) {
	p.space()
	start := p.i
	if !p.takeWord("not") && !p.bang() {
		return p.comparison()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.shallower()
	arg, err := p.negation()
	if err != nil {
		return nil, err
	}
	return &node{op: opNot, start: start, end: arg.end, args: []*node{arg}}, nil
}

func (p *parser) bang() bool { return !p.peek("!=") && p.take("!") }

func (p *parser) comparison() (*node, error) {
	left, err := p.arithmetic(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.take("=~") {
		return p.like(left, false)
	}
	for _, o := range [...]string{"!=", "<=", ">=", "=", "<", ">"} {
		if p.take(o) {
			right, err := p.arithmetic(0)
			if err != nil {
				return nil, err
			}
			return &node{op: opCompare, name: o, start: left.start, end: right.end, args: []*node{left, right}}, nil
		}
	}
	return p.wordComparison(left)
}

// wordComparison reads [not] in […] and [not] like ….
func (p *parser) wordComparison(left *node) (*node, error) {
	before := p.i
	negated := p.takeWord("not")
	switch {
	case p.takeWord("in"):
		return p.in(left, negated)
	case p.takeWord("like"):
		return p.like(left, negated)
	case negated:
		p.space()
		return nil, p.errorAt(before, p.i, "expected in or like after not")
	}
	p.i = before
	return left, nil
}

// in reads the list after in. A negated comparison is marked by num.
func (p *parser) in(left *node, negated bool) (*node, error) {
	n := &node{op: opIn, start: left.start, args: []*node{left}}
	if negated {
		n.num = 1
	}
	if p.take("(") {
		open := p.i
		if !strings.EqualFold(p.word(), "source") {
			return nil, p.errorAt(open-1, open, "expected a list in square brackets or a subquery that begins with SOURCE, found %q", "(")
		}
		sub, err := p.subquery()
		n.op, n.sub, n.end = opInQuery, sub, p.i
		return n, err
	}
	if !p.take("[") {
		return nil, p.expected("a list in square brackets")
	}
	items, err := p.list("]")
	if err != nil {
		return nil, err
	}
	n.args = append(n.args, items...)
	n.end = p.i
	return n, nil
}

// list reads expressions up to and including closer.
func (p *parser) list(closer string) ([]*node, error) {
	var items []*node
	if p.take(closer) {
		return nil, nil
	}
	for {
		item, err := p.expression()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if p.take(closer) {
			return items, nil
		}
		if !p.take(",") {
			return nil, p.expected(", or " + closer)
		}
	}
}

func (p *parser) like(left *node, negated bool) (*node, error) {
	p.space()
	start := p.i
	n := &node{op: opLike, start: left.start, args: []*node{left}}
	if negated {
		n.num = 1
	}
	switch {
	case p.peek("/"):
		m, err := p.regex()
		if err != nil {
			return nil, err
		}
		n.re = m
	case p.peek(`"`) || p.peek(`'`):
		s, err := p.str()
		if err != nil {
			return nil, err
		}
		n.re = literalMatcher(s)
	default:
		return nil, p.expected("text in quotes or a /regular expression/")
	}
	n.args = append(n.args, &node{op: opRegex, re: n.re, start: start, end: p.i})
	n.end = p.i
	return n, nil
}

// levels are the binary arithmetic operators, loosest first.
var levels = [...]string{"+-", "*/%"}

func (p *parser) arithmetic(level int) (*node, error) {
	if level == len(levels) {
		return p.power()
	}
	left, err := p.arithmetic(level + 1)
	if err != nil {
		return nil, err
	}
	for {
		p.space()
		if p.end() || !strings.ContainsRune(levels[level], rune(p.text[p.i])) {
			return left, nil
		}
		o := p.text[p.i : p.i+1]
		p.i++
		right, err := p.arithmetic(level + 1)
		if err != nil {
			return nil, err
		}
		left = &node{op: opArith, name: o, start: left.start, end: right.end, args: []*node{left, right}}
	}
}

func (p *parser) power() (*node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.shallower()
	left, err := p.unary()
	if err != nil || !p.take("^") {
		return left, err
	}
	right, err := p.power()
	if err != nil {
		return nil, err
	}
	return &node{op: opArith, name: "^", start: left.start, end: right.end, args: []*node{left, right}}, nil
}

func (p *parser) unary() (*node, error) {
	p.space()
	start := p.i
	if !p.take("-") {
		p.take("+")
		return p.primary()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer p.shallower()
	arg, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &node{op: opNegate, start: start, end: arg.end, args: []*node{arg}}, nil
}
