package filterpattern

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// parser reads one pattern from front to back. Every family has its own
// methods; these are what they share.
type parser struct {
	text      string
	i         int
	regexes   int
	wildcards int
	paths     []path
}

func (p *parser) end() bool { return p.i >= len(p.text) }

func (p *parser) peek(c byte) bool { return p.i < len(p.text) && p.text[p.i] == c }

func (p *parser) space() {
	p.i = len(p.text) - len(strings.TrimLeftFunc(p.text[p.i:], unicode.IsSpace))
}

// take skips white space and then s, if s is next.
func (p *parser) take(s string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.i:], s) {
		return false
	}
	p.i += len(s)
	return true
}

// while returns the longest run of characters that ok accepts.
func (p *parser) while(ok func(rune) bool) string {
	rest := p.text[p.i:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !ok(r) })
	if n < 0 {
		n = len(rest)
	}
	p.i += n
	return rest[:n]
}

func (p *parser) errorAt(offset int, format string, args ...any) error {
	return &SyntaxError{Offset: offset, Msg: fmt.Sprintf(format, args...)}
}

// expected is the error of meeting something else than want.
func (p *parser) expected(want string) error {
	if p.end() {
		return p.errorAt(p.i, "expected %s, found the end of the pattern", want)
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.i:])
	return p.errorAt(p.i, "expected %s, found %q", want, r)
}

// quoted reads text in double quotes, in which a backslash takes the next
// character as it is. The opening quote is next.
func (p *parser) quoted() (string, error) {
	start := p.i
	p.i++
	var b strings.Builder
	for p.i < len(p.text) {
		c := p.text[p.i]
		p.i++
		if c == '"' {
			return b.String(), nil
		}
		if c == '\\' && p.i < len(p.text) {
			c = p.text[p.i]
			p.i++
		}
		b.WriteByte(c)
	}
	return "", p.errorAt(start, `expected a closing " for the quote that opens here`)
}

// node is a condition or a combination of conditions on a subject: a JSON
// document or the text of one column.
type node[T any] func(subject T) bool

// disjunction reads operands joined by && and ||, && binding tighter, with
// parentheses; operand reads one condition.
func disjunction[T any](p *parser, operand func() (node[T], error)) (node[T], error) {
	return joined(p, "||", func() (node[T], error) {
		return joined(p, "&&", func() (node[T], error) {
			return group(p, operand)
		})
	})
}

func joined[T any](p *parser, op string, operand func() (node[T], error)) (node[T], error) {
	left, err := operand()
	if err != nil {
		return nil, err
	}
	for p.take(op) {
		right, err := operand()
		if err != nil {
			return nil, err
		}
		first := left
		if op == "||" {
			left = func(s T) bool { return first(s) || right(s) }
		} else {
			left = func(s T) bool { return first(s) && right(s) }
		}
	}
	return left, nil
}

func group[T any](p *parser, operand func() (node[T], error)) (node[T], error) {
	p.space()
	if !p.take("(") {
		return operand()
	}
	n, err := disjunction(p, operand)
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, p.expected("&&, || or )")
	}
	return n, nil
}

func isWordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
}
