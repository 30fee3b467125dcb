package filterpattern

import (
	"bytes"
	"strconv"
)

// field is one column of a field pattern.
type field struct {
	name string
	rest bool         // "...": any number of columns
	test node[[]byte] // nil: anything goes
}

// fieldPattern reads [column, column, …].
func (p *parser) fieldPattern() (*Pattern, error) {
	p.i++
	c := &Pattern{family: fieldFamily}
	for {
		if err := p.column(c); err != nil {
			return nil, err
		}
		if p.take("]") {
			break
		}
		if !p.take(",") {
			return nil, p.expected(", or ]")
		}
	}
	p.space()
	if !p.end() {
		return nil, p.expected("the end of the pattern after ]")
	}
	c.match = c.matchFields
	return c, nil
}

// column reads a name, a condition on a name, or three dots.
func (p *parser) column(c *Pattern) error {
	p.space()
	start := p.i
	if p.take("...") {
		if c.hasRest() {
			return p.errorAt(start, "expected ... only once in a pattern")
		}
		c.fields = append(c.fields, field{rest: true})
		return nil
	}
	f := field{}
	test, err := disjunction(p, func() (node[[]byte], error) { return p.columnCondition(&f) })
	if err != nil {
		return err
	}
	if c.hasColumn(f.name) {
		return p.errorAt(start, "expected a new name, found a second column %q", f.name)
	}
	f.test = test
	c.fields = append(c.fields, f)
	return nil
}

// columnCondition reads name or name op value; all conditions of one column
// must be on the same name.
func (p *parser) columnCondition(f *field) (node[[]byte], error) {
	p.space()
	start := p.i
	name := p.while(func(r rune) bool { return isWordRune(r) || r == '-' })
	if name == "" {
		return nil, p.expected("the name of a column or ...")
	}
	if f.name != "" && f.name != name {
		return nil, p.errorAt(start, "expected a condition on %q as before in this column, found one on %q", f.name, name)
	}
	f.name = name
	op, ok := p.operator()
	if !ok {
		return func([]byte) bool { return true }, nil
	}
	o, err := p.operand(op, `,]()&|"%=!<>`)
	if err != nil {
		return nil, err
	}
	return columnTest(op, o), nil
}

func columnTest(op operator, o operand) node[[]byte] {
	equal := op == "=" || op == "!="
	return func(text []byte) bool {
		if o.isNum {
			if n, err := strconv.ParseFloat(string(text), 64); err == nil {
				return ordered(op, n, o.num)
			}
		}
		return equal && o.matches(text) == (op == "=")
	}
}

func (p *Pattern) hasColumn(name string) bool {
	for _, f := range p.fields {
		if !f.rest && f.name == name {
			return true
		}
	}
	return false
}

func (p *Pattern) hasRest() bool {
	for _, f := range p.fields {
		if f.rest {
			return true
		}
	}
	return false
}

func (p *Pattern) matchFields(message []byte) bool {
	have, ok := p.assign(message)
	if !ok {
		return false
	}
	rest := bytes.TrimSpace(message)
	for _, f := range p.fields {
		if f.rest {
			for range have - (len(p.fields) - 1) {
				_, rest = cutField(rest)
			}
			continue
		}
		var text []byte
		text, rest = cutField(rest)
		if f.test != nil && !f.test(text) {
			return false
		}
	}
	return true
}

// assign counts message's columns and reports whether the pattern has a place
// for each.
func (p *Pattern) assign(message []byte) (int, bool) {
	n := 0
	for rest := bytes.TrimSpace(message); len(rest) > 0; n++ {
		_, rest = cutField(rest)
	}
	if p.hasRest() {
		return n, n >= len(p.fields)-1
	}
	return n, n == len(p.fields)
}

// columns calls yield with the name and text of each column of message: the
// pattern's names, and positions counted from 1 where "..." stands.
func (p *Pattern) columns(message []byte, yield func(name string, text []byte)) {
	have, ok := p.assign(message)
	if !ok {
		return
	}
	position := 0
	rest := bytes.TrimSpace(message)
	for _, f := range p.fields {
		n := 1
		if f.rest {
			n = have - (len(p.fields) - 1)
		}
		for range n {
			var text []byte
			text, rest = cutField(rest)
			position++
			name := f.name
			if f.rest {
				name = strconv.Itoa(position)
			}
			yield(name, text)
		}
	}
}

// cutField returns the first column of text and what follows. Text that opens
// with a double quote or a square bracket reaches to its counterpart, and the
// two are dropped, if a space or the end comes after it.
func cutField(text []byte) (column, rest []byte) {
	if len(text) > 0 && (text[0] == '"' || text[0] == '[') {
		if end := closing(text); end > 0 && (end+1 == len(text) || text[end+1] == ' ') {
			return text[1:end], bytes.TrimLeft(text[end+1:], " ")
		}
	}
	n := bytes.IndexByte(text, ' ')
	if n < 0 {
		return text, nil
	}
	return text[:n], bytes.TrimLeft(text[n:], " ")
}

func closing(text []byte) int {
	if text[0] == '[' {
		return bytes.IndexByte(text, ']')
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return -1
}
