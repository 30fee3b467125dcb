package filterpattern

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// path is a JSON selector: $.a.b[0].*.
type path struct {
	spelling string
	steps    []step
}

// step goes from a container to one or, with a wildcard, all of its values.
type step struct {
	name    string
	index   int
	isIndex bool
	all     bool
}

// selector reads $ and at least one step.
func (p *parser) selector() (path, error) {
	start := p.i
	if !p.peek('$') {
		return path{}, p.expected("a selector that begins with $")
	}
	p.i++
	var steps []step
	for p.peek('.') || p.peek('[') {
		s, err := p.step()
		if err != nil {
			return path{}, err
		}
		steps = append(steps, s)
	}
	if len(steps) == 0 {
		return path{}, p.expected(". or [ after $")
	}
	if err := p.checkWildcards(start, steps); err != nil {
		return path{}, err
	}
	return path{spelling: p.text[start:p.i], steps: steps}, nil
}

func (p *parser) checkWildcards(start int, steps []step) error {
	n := 0
	for _, s := range steps {
		if s.all {
			n++
		}
	}
	if n > 1 {
		return p.errorAt(start, "expected at most one wildcard in a selector, found %d", n)
	}
	if p.wildcards += n; p.wildcards > maxWildcards {
		return p.errorAt(start, "expected at most %d wildcard selectors in a pattern", maxWildcards)
	}
	return nil
}

func (p *parser) step() (step, error) {
	if p.peek('.') {
		p.i++
		switch {
		case p.peek('*'):
			p.i++
			return step{all: true}, nil
		case !p.peek('['):
			name := p.while(func(r rune) bool { return isWordRune(r) || r == '-' })
			if name == "" {
				return step{}, p.expected("a name, * or ['name'] after the dot")
			}
			return step{name: name}, nil
		}
	}
	return p.bracketStep()
}

// bracketStep reads [3], [*] or ['a name'].
func (p *parser) bracketStep() (step, error) {
	p.i++
	var s step
	switch {
	case p.peek('*'):
		p.i++
		s.all = true
	case p.peek('\''):
		n := strings.IndexByte(p.text[p.i+1:], '\'')
		if n < 0 {
			return step{}, p.errorAt(p.i, "expected a closing ' for the name that opens here")
		}
		s.name = p.text[p.i+1 : p.i+1+n]
		p.i += n + 2
	default:
		start := p.i
		index, err := strconv.Atoi(p.while(unicode.IsDigit))
		if err != nil {
			p.i = start
			return step{}, p.expected("a number, * or a name in single quotes after [")
		}
		s.index, s.isIndex = index, true
	}
	if !p.peek(']') {
		return step{}, p.expected("]")
	}
	p.i++
	return s, nil
}

// anyValue calls test with the values that the path selects in doc until one
// passes, and reports whether one did.
func (p *path) anyValue(doc jsonscan.Value, test func(jsonscan.Value) bool) bool {
	return anyValue(doc, p.steps, test)
}

func anyValue(v jsonscan.Value, steps []step, test func(jsonscan.Value) bool) bool {
	for i, s := range steps {
		switch {
		case s.all:
			return anyChild(v, steps[i+1:], test)
		case s.isIndex:
			v = v.Element(s.index)
		default:
			v = v.Member(s.name)
		}
		if v.Kind == jsonscan.Missing {
			return false
		}
	}
	return test(v)
}

func anyChild(v jsonscan.Value, rest []step, test func(jsonscan.Value) bool) bool {
	scan := v.Scan()
	for scan.Next() {
		if anyValue(scan.Value, rest, test) {
			return true
		}
	}
	return false
}

// text returns the first scalar that the path selects. Null is no value.
func (p *path) text(doc jsonscan.Value) (string, bool) {
	var text string
	found := p.anyValue(doc, func(v jsonscan.Value) bool {
		if !v.IsScalar() || v.Kind == jsonscan.Null {
			return false
		}
		text = string(v.Text(nil))
		return true
	})
	return text, found
}
