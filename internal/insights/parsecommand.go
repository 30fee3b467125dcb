package insights

import (
	"bytes"
	"regexp"
	"strings"
)

// extractor finds the parts of a text that parse names. It returns nil if the
// text does not match, else the pieces, nil for one that took no part.
type extractor func(text []byte, pieces [][]byte) bool

// parseCommand compiles parse [field] and one of "glob" as names, /regex/,
// /regex/ multi and logfmt as name.
func (c *compiler) parseCommand() error {
	subject := systemField("@message")
	if c.atField() && !c.atParseMode() {
		n, err := c.primary()
		if err != nil {
			return err
		}
		if subject, err = c.expr(n); err != nil {
			return err
		}
	} else if !c.scope.events {
		return c.expected("a column to parse, as @message is gone after stats")
	}
	c.space()
	var names []string
	var extract extractor
	var err error
	switch {
	case c.takeWord("logfmt"):
		return c.parseLogfmt(subject)
	case c.takeWord("csv"):
		return c.refuse("parse csv is not supported")
	case c.peek("/"):
		var re *regexp.Regexp
		if names, extract, re, err = c.regexPattern(); err == nil && c.takeWord("multi") {
			c.parseMulti(subject, re)
			return nil
		}
	case c.peek(`"`) || c.peek(`'`):
		names, extract, err = c.globPattern()
	default:
		return c.expected("a glob in quotes or a /regular expression/")
	}
	if err != nil {
		return err
	}
	c.parsed(subject, names, extract)
	return nil
}

// atParseMode reports whether a mode comes next instead of a field.
func (c *compiler) atParseMode() bool {
	word := strings.ToLower(c.word())
	return word == "logfmt" || word == "csv"
}

// parsed makes names of the pieces. The text is taken apart when the first of
// them is asked for.
func (c *compiler) parsed(subject expr, names []string, extract extractor) {
	first := c.scope.memos
	c.scope.memos += len(names)
	run := func(e *env) {
		memos := e.memo[first : first+len(names)]
		for i := range memos {
			memos[i] = memo{gen: e.gen}
		}
		b, ok := e.text(subject(e))
		if !ok {
			return
		}
		e.pieces = append(e.pieces[:0], make([][]byte, len(names))...)
		pieces := e.pieces
		if !extract(b, pieces) {
			return
		}
		for i, piece := range pieces {
			if piece != nil {
				memos[i].value = textValue(piece)
			}
		}
	}
	for i, name := range names {
		c.scope.names[name] = func(e *env) value {
			m := &e.memo[first+i]
			if m.gen != e.gen {
				run(e)
			}
			return m.value
		}
	}
	c.showParsed(names)
}

// showParsed adds the names that parse made to the columns: of events, to those
// that fields chose.
func (c *compiler) showParsed(names []string) {
	for _, name := range names {
		col := column{name, c.scope.names[name]}
		if c.scope.events {
			c.choose(col)
		} else {
			c.chooseAlso(col)
		}
	}
}

func (c *compiler) regexPattern() ([]string, extractor, *regexp.Regexp, error) {
	start := c.i
	m, err := c.regex()
	if err != nil {
		return nil, nil, nil, err
	}
	re, err := c.regexArgument(&node{op: opRegex, start: start, end: c.i})
	if err != nil {
		return nil, nil, nil, err
	}
	names, groups := namedGroups(re)
	if len(names) == 0 {
		return nil, nil, nil, c.errorAt(start, c.i, "expected a named group (?<name>…) in the regular expression")
	}
	return names, func(text []byte, pieces [][]byte) bool {
		if !m.exotic && !m.mayMatch(text) {
			return false
		}
		at := re.FindSubmatchIndex(text)
		if at == nil {
			return false
		}
		for i, g := range groups {
			if at[2*g] >= 0 {
				pieces[i] = text[at[2*g]:at[2*g+1]]
			}
		}
		return true
	}, re, nil
}

// namedGroups returns the names and the numbers of the groups that have one.
func namedGroups(re *regexp.Regexp) (names []string, groups []int) {
	for i, name := range re.SubexpNames() {
		if name != "" {
			names, groups = append(names, name), append(groups, i)
		}
	}
	return names, groups
}

func (c *compiler) globPattern() ([]string, extractor, error) {
	start := c.i
	glob, err := c.str()
	if err != nil {
		return nil, nil, err
	}
	end := c.i
	if !c.takeWord("as") {
		return nil, nil, c.expected("as and a name for every *")
	}
	var names []string
	for {
		name, err := c.newName()
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name)
		if !c.take(",") {
			break
		}
	}
	parts := strings.Split(glob, "*")
	if len(parts)-1 != len(names) {
		return nil, nil, c.errorAt(start, end, "expected as many * as names, found %d and %d", len(parts)-1, len(names))
	}
	return names, globExtractor(parts), nil
}

// globExtractor matches literals in order, anywhere in the text; what lies
// between two of them is a piece, as short as can be. After a last * the piece
// is the rest.
func globExtractor(parts []string) extractor {
	literals := make([][]byte, len(parts))
	for i, part := range parts {
		literals[i] = []byte(part)
	}
	return func(text []byte, pieces [][]byte) bool {
		n := bytes.Index(text, literals[0])
		if n < 0 {
			return false
		}
		text = text[n+len(literals[0]):]
		for i, literal := range literals[1:] {
			end := bytes.Index(text, literal)
			if i == len(pieces)-1 && len(literal) == 0 {
				end = len(text)
			}
			if end < 0 {
				return false
			}
			pieces[i] = text[:end:end]
			text = text[end+len(literal):]
		}
		return true
	}
}
