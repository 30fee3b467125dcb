package filterpattern

import (
	"bytes"
	"strconv"
	"strings"
)

// operator is one of the comparisons of both structured families.
type operator string

// operators in an order in which the longer is tried first.
var operators = [...]operator{"!=", ">=", "<=", "=", ">", "<"}

func (p *parser) operator() (operator, bool) {
	for _, op := range operators {
		if p.take(string(op)) {
			return op, true
		}
	}
	return "", false
}

// operand is the right side of a comparison.
type operand struct {
	text    string
	quoted  bool
	isNum   bool
	num     float64
	matches func([]byte) bool // for = and != on text
}

// operand reads what op compares with. stop holds the characters that end a
// bare value.
func (p *parser) operand(op operator, stop string) (operand, error) {
	p.space()
	start := p.i
	o, err := p.anyOperand(stop)
	if err != nil {
		return operand{}, err
	}
	if op != "=" && op != "!=" && !o.isNum {
		return operand{}, p.errorAt(start, "expected a number after %s", op)
	}
	return o, nil
}

func (p *parser) anyOperand(stop string) (operand, error) {
	if p.peek('%') {
		re, err := p.regex()
		if err != nil {
			return operand{}, err
		}
		return operand{matches: re.Match}, nil
	}
	if p.peek('"') {
		text, err := p.quoted()
		if err != nil {
			return operand{}, err
		}
		return operand{text: text, quoted: true, matches: wildcard(text)}, nil
	}
	text := p.while(func(r rune) bool { return r > ' ' && !strings.ContainsRune(stop, r) })
	if text == "" {
		return operand{}, p.expected("a number, a word, text in double quotes or %regex%")
	}
	num, err := strconv.ParseFloat(text, 64)
	isNum := err == nil && startsNumber(text)
	return operand{text: text, isNum: isNum, num: num, matches: wildcard(text)}, nil
}

// startsNumber keeps out what ParseFloat accepts beyond decimal numbers:
// Inf, NaN, hexadecimals, underscores.
func startsNumber(text string) bool {
	return !strings.ContainsAny(text, "xXpPiInN_")
}

// wildcard returns a function that compares text with pattern, in which every
// * stands for any characters or none.
func wildcard(pattern string) func([]byte) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return func(text []byte) bool { return string(text) == pattern }
	}
	first, last := []byte(parts[0]), []byte(parts[len(parts)-1])
	var middle [][]byte
	for _, part := range parts[1 : len(parts)-1] {
		middle = append(middle, []byte(part))
	}
	return func(text []byte) bool {
		if len(text) < len(first)+len(last) || !bytes.HasPrefix(text, first) || !bytes.HasSuffix(text, last) {
			return false
		}
		text = text[len(first) : len(text)-len(last)]
		for _, part := range middle {
			n := bytes.Index(text, part)
			if n < 0 {
				return false
			}
			text = text[n+len(part):]
		}
		return true
	}
}

// ordered compares two numbers by op.
func ordered(op operator, a, b float64) bool {
	switch op {
	case "=":
		return a == b
	case "!=":
		return a != b
	case ">":
		return a > b
	case ">=":
		return a >= b
	case "<":
		return a < b
	}
	return a <= b
}
