package insights

import (
	"bytes"
	"regexp"
	"strings"
)

// extractor finds the parts of a text that parse names. It returns nil if the
// text does not match, else the pieces, nil for one that took no part.
type extractor func(text []byte, pieces [][]byte) bool

// parseCommand compiles parse [field] and one of "glob" as names, /regex/
// [as names] [multi], logfmt as name and csv as names.
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
		names, err = c.newNames("as and a name for every value")
		extract = csvExtractor
	case c.peek("/"):
		var p regexPattern
		if p, err = c.regexPattern(); err == nil && c.takeWord("multi") {
			c.parseMulti(subject, p)
			return nil
		}
		names, extract = p.names, p.extract
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

// regexPattern is a regular expression and the names of its groups.
type regexPattern struct {
	m      *matcher
	re     *regexp.Regexp
	names  []string
	groups []int
}

// regexPattern reads /regex/ with named groups or, behind it, as and a name for
// every group, which then counts.
func (c *compiler) regexPattern() (p regexPattern, err error) {
	start := c.i
	if p.m, err = c.regex(); err != nil {
		return p, err
	}
	end := c.i
	if p.re, err = c.regexArgument(&node{op: opRegex, start: start, end: end}); err != nil {
		return p, err
	}
	p.names, p.groups = namedGroups(p.re)
	if p.re.NumSubexp() > 0 && c.takeWord("as") {
		p.groups = nil
		if p.names, err = c.nameList(); err != nil {
			return p, err
		}
		if len(p.names) != p.re.NumSubexp() {
			return p, c.errorAt(start, end, "expected as many groups as names, found %d and %d", p.re.NumSubexp(), len(p.names))
		}
		for i := range p.names {
			p.groups = append(p.groups, i+1)
		}
	}
	if len(p.names) == 0 {
		return p, c.errorAt(start, end, "expected a named group (?<name>…) in the regular expression, or as and names")
	}
	return p, nil
}

func (p regexPattern) extract(text []byte, pieces [][]byte) bool {
	if !p.m.exotic && !p.m.mayMatch(text) {
		return false
	}
	at := p.re.FindSubmatchIndex(text)
	if at == nil {
		return false
	}
	for i, g := range p.groups {
		if at[2*g] >= 0 {
			pieces[i] = text[at[2*g]:at[2*g+1]]
		}
	}
	return true
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

// newNames reads as and names.
func (c *compiler) newNames(want string) ([]string, error) {
	if !c.takeWord("as") {
		return nil, c.expected(want)
	}
	return c.nameList()
}

// nameList reads names, separated by commas.
func (c *compiler) nameList() ([]string, error) {
	var names []string
	for {
		name, err := c.newName()
		if err != nil {
			return nil, err
		}
		names = append(names, name)
		if !c.take(",") {
			return names, nil
		}
	}
}

func (c *compiler) globPattern() ([]string, extractor, error) {
	start := c.i
	glob, err := c.str()
	if err != nil {
		return nil, nil, err
	}
	end := c.i
	names, err := c.newNames("as and a name for every *")
	if err != nil {
		return nil, nil, err
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
