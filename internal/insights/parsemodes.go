package insights

import "bytes"

// parseMulti makes a row of every match of p. A text without one stays a row.
func (c *compiler) parseMulti(subject expr, p regexPattern) {
	re, names, groups := p.re, p.names, p.groups
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

// csvExtractor takes a line of comma-separated values apart. A value may stand
// in double quotes, which are doubled inside; names beyond the last value stay
// missing.
func csvExtractor(text []byte, pieces [][]byte) bool {
	text = bytes.TrimRight(text, "\r\n")
	for i := range pieces {
		var more bool
		if pieces[i], text, more = csvValue(text); !more {
			break
		}
	}
	return true
}

// csvValue takes the value off the front of line; more tells whether a comma
// followed. The value is not nil.
func csvValue(line []byte) (v, rest []byte, more bool) {
	if len(line) > 0 && line[0] == '"' {
		return quotedCSV(line[1:])
	}
	v, rest, more = bytes.Cut(line, []byte{','})
	if v == nil {
		v = []byte{}
	}
	return v, rest, more
}

// quotedCSV is csvValue behind an opening quote. What stands between the
// closing one and the comma belongs to the value, as does a quote that is never
// closed.
func quotedCSV(line []byte) (v, rest []byte, more bool) {
	v = []byte{}
	for {
		n := bytes.IndexByte(line, '"')
		if n < 0 {
			return append(v, line...), nil, false
		}
		v = append(v, line[:n]...)
		line = line[n+1:]
		if len(line) == 0 || line[0] != '"' {
			break
		}
		v, line = append(v, '"'), line[1:]
	}
	tail, rest, more := bytes.Cut(line, []byte{','})
	return append(v, tail...), rest, more
}
