package insights

import (
	"strings"
	"unicode/utf8"
)

// filldownCommand compiles filldown [f g*]: a missing value becomes the one of
// the row before. Names may have wildcards, which stand for columns shown so
// far; without names all of those are filled.
func (c *compiler) filldownCommand() error {
	s := &windowStep{in: c.scope}
	columns := c.shownSoFar()
	var filled []column
	for {
		c.space()
		start := c.i
		name, ok, err := c.wildcardName()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		matching, err := c.columnsLike(name, start, columns)
		if err != nil {
			return err
		}
		filled = append(filled, matching...)
		c.take(",")
	}
	if filled == nil {
		filled = columns
	}
	for _, col := range filled {
		c.addWindow(s, col.name, col.x, fillDown)
	}
	c.addBarrier(s)
	return nil
}

func (c *compiler) shownSoFar() []column {
	if c.chosen != nil {
		return c.chosen
	}
	return c.defaults
}

func fillDown() func(value) value {
	var last value
	return func(v value) value {
		if v.kind != missing {
			last = v.clone()
		}
		return last
	}
}

// wildcardName reads a name in which stars may stand; false means that none
// comes next.
func (c *compiler) wildcardName() (string, bool, error) {
	if c.peek("`") {
		name, err := c.parser.field()
		return name, true, err
	}
	start := c.i
	for !c.end() {
		r, n := utf8.DecodeRuneInString(c.text[c.i:])
		if r != '*' && r != '@' && r != '.' && !isWordRune(r) {
			break
		}
		c.i += n
	}
	return c.text[start:c.i], c.i > start, nil
}

// columnsLike returns the field of that name or the columns that match it.
func (c *compiler) columnsLike(name string, start int, columns []column) ([]column, error) {
	if !strings.Contains(name, "*") {
		x, err := c.field(&node{op: opField, name: name, start: start, end: c.i})
		return []column{{name, x}}, err
	}
	extract := globExtractor(strings.Split(name, "*"))
	var matching []column
	for _, col := range columns {
		pieces := make([][]byte, strings.Count(name, "*"))
		prefix, _, _ := strings.Cut(name, "*")
		suffix := name[strings.LastIndexByte(name, '*')+1:]
		if strings.HasPrefix(col.name, prefix) && strings.HasSuffix(col.name, suffix) && extract([]byte(col.name), pieces) {
			matching = append(matching, col)
		}
	}
	if matching == nil {
		return nil, c.errorAt(start, c.i, "no column shown so far matches %q", name)
	}
	return matching, nil
}
