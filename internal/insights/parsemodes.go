package insights

import (
	"bytes"
	"regexp"
)

// parseMulti makes a row of every match of re. A text without one stays a row.
func (c *compiler) parseMulti(subject expr, re *regexp.Regexp) {
	names, groups := namedGroups(re)
	first := c.scope.cols
	for _, name := range names {
		_, c.scope.names[name] = c.scope.column()
	}
	c.addRowStep(rowStep{expand: func(e *env, each func()) {
		cols := e.cols[first : first+len(names)]
		defer clear(cols)
		b, _ := e.text(subject(e))
		matches := re.FindAllSubmatchIndex(b, -1)
		if len(matches) == 0 {
			each()
			return
		}
		for _, at := range matches {
			for i, g := range groups {
				cols[i] = value{}
				if at[2*g] >= 0 {
					cols[i] = textValue(b[at[2*g]:at[2*g+1]])
				}
			}
			e.gen++
			each()
		}
	}})
	c.showParsed(names)
}

// parseLogfmt compiles logfmt as name: a map of key=value pairs.
func (c *compiler) parseLogfmt(subject expr) error {
	if !c.takeWord("as") {
		return c.expected("as and a name")
	}
	name, err := c.newName()
	if err != nil {
		return err
	}
	c.scope.names[name] = c.scope.remembered(func(e *env) value {
		b, ok := e.text(subject(e))
		if !ok {
			return value{}
		}
		return logfmt(b)
	})
	c.showParsed([]string{name})
	return nil
}

// logfmt makes a map of the pairs in b, missing if there are none. Values may
// stand in double quotes; words without an equals sign are passed over.
func logfmt(b []byte) value {
	out := []byte{'{'}
	for b = bytes.TrimSpace(b); len(b) > 0; b = bytes.TrimLeft(b, " \t\r\n") {
		n := bytes.IndexAny(b, "= \t\r\n")
		if n < 0 || b[n] != '=' || n == 0 {
			b = b[max(1, n):]
			if n < 0 {
				break
			}
			continue
		}
		key := b[:n]
		var text []byte
		text, b = logfmtValue(b[n+1:])
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, quoted(key)...), ':'), quoted(text)...)
	}
	if len(out) == 1 {
		return value{}
	}
	return value{kind: structure, b: append(out, '}')}
}

// logfmtValue takes the value off the front of b.
func logfmtValue(b []byte) (text, rest []byte) {
	if len(b) == 0 || b[0] != '"' {
		n := bytes.IndexAny(b, " \t\r\n")
		if n < 0 {
			n = len(b)
		}
		return b[:n], b[n:]
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			if i+1 < len(b) {
				i++
				text = append(text, unescaped(b[i]))
			}
		case '"':
			return text, b[i+1:]
		default:
			text = append(text, b[i])
		}
	}
	return text, nil
}
