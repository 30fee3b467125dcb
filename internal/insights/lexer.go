package insights

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexer reads the text from front to back. What comes next is for the parser
// to know: a slash may begin a regular expression or divide.
type lexer struct {
	text string
	i    int
}

func (l *lexer) end() bool { return l.i >= len(l.text) }

// space skips white space and comments.
func (l *lexer) space() {
	for !l.end() {
		r, n := utf8.DecodeRuneInString(l.text[l.i:])
		switch {
		case unicode.IsSpace(r):
			l.i += n
		case r == '#':
			rest := l.text[l.i:]
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
			l.i += n
		default:
			return
		}
	}
}

// peek reports whether s comes next, after white space.
func (l *lexer) peek(s string) bool {
	l.space()
	return strings.HasPrefix(l.text[l.i:], s)
}

// take skips s if it comes next.
func (l *lexer) take(s string) bool {
	if !l.peek(s) {
		return false
	}
	l.i += len(s)
	return true
}

// word returns the letters, digits and _ that come next, without moving.
func (l *lexer) word() string {
	l.space()
	rest := l.text[l.i:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !isWordRune(r) })
	if n < 0 {
		n = len(rest)
	}
	return rest[:n]
}

// takeWord skips a keyword, in any case, if it comes next and is no part of a
// longer name.
func (l *lexer) takeWord(keyword string) bool {
	w := l.word()
	if !strings.EqualFold(w, keyword) {
		return false
	}
	if after := l.text[l.i+len(w):]; after != "" && (after[0] == '.' || after[0] == '@') {
		return false
	}
	l.i += len(w)
	return true
}

func (l *lexer) errorAt(start, end int, format string, args ...any) error {
	return errorAt(l.text, start, end, format, args...)
}

// expected is the error of meeting something else than want.
func (l *lexer) expected(want string) error {
	l.space()
	found, end := l.next()
	return l.errorAt(l.i, end, "expected %s, found %s", want, found)
}

// next describes what comes next for an error.
func (l *lexer) next() (string, int) {
	if l.end() {
		return "the end of the query", l.i
	}
	if w := l.word(); w != "" {
		return strconv.Quote(w), l.i + len(w)
	}
	r, n := utf8.DecodeRuneInString(l.text[l.i:])
	return strconv.Quote(string(r)), l.i + n
}

// str reads a string in single or double quotes.
func (l *lexer) str() (string, error) {
	start := l.i
	quote := l.text[l.i]
	l.i++
	var b strings.Builder
	for !l.end() {
		c := l.text[l.i]
		l.i++
		switch {
		case c == quote:
			return b.String(), nil
		case c == '\\' && !l.end():
			b.WriteByte(unescaped(l.text[l.i]))
			l.i++
		default:
			b.WriteByte(c)
		}
	}
	return "", l.errorAt(start, len(l.text), "expected a closing %c for the text that begins here", quote)
}

func unescaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	}
	return c
}

// regex reads /…/; the slash comes next. \/ stands for a slash.
func (l *lexer) regex() (*matcher, error) {
	start := l.i
	for i := l.i + 1; i < len(l.text); i++ {
		switch l.text[i] {
		case '\\':
			i++
		case '/':
			l.i = i + 1
			m, err := newMatcher(l.text[start+1 : i])
			if err != nil {
				return nil, l.errorAt(start, l.i, "expected a regular expression without look-around and back-references: %v", err)
			}
			return m, nil
		}
	}
	return nil, l.errorAt(start, len(l.text), "expected a closing / for the regular expression that begins here")
}

// number reads an unsigned decimal number.
func (l *lexer) number() (float64, error) {
	start := l.i
	for !l.end() {
		r, size := utf8.DecodeRuneInString(l.text[l.i:])
		exponentSign := (r == '+' || r == '-') && l.i > start && (l.text[l.i-1] == 'e' || l.text[l.i-1] == 'E')
		if r != '.' && !isWordRune(r) && !exponentSign {
			break
		}
		l.i += size
	}
	n, ok := parseNumber([]byte(l.text[start:l.i]))
	if !ok {
		return 0, l.errorAt(start, l.i, "expected a number, found %q", l.text[start:l.i])
	}
	return n, nil
}

// atField reports whether a field's name comes next.
func (l *lexer) atField() bool {
	l.space()
	if l.end() {
		return false
	}
	r, _ := utf8.DecodeRuneInString(l.text[l.i:])
	return r == '`' || r == '@' || r == '_' || unicode.IsLetter(r)
}

// field reads a name: bare parts, parts in backticks and indexes, joined by
// dots. It returns the path they spell: `a-b`.c[0] is a-b.c.0.
func (l *lexer) field() (string, error) {
	var path strings.Builder
	for {
		if err := l.fieldPart(&path); err != nil {
			return "", err
		}
		if l.end() || l.text[l.i] != '.' {
			return path.String(), nil
		}
		path.WriteByte('.')
		l.i++
	}
}

func (l *lexer) fieldPart(path *strings.Builder) error {
	start := l.i
	if !l.end() && l.text[l.i] == '`' {
		n := strings.IndexByte(l.text[l.i+1:], '`')
		if n < 1 {
			return l.errorAt(start, len(l.text), "expected a name and a closing backtick")
		}
		path.WriteString(l.text[l.i+1 : l.i+1+n])
		l.i += n + 2
	} else {
		for !l.end() {
			r, n := utf8.DecodeRuneInString(l.text[l.i:])
			if r != '@' && !isWordRune(r) {
				break
			}
			l.i += n
		}
		if l.i == start {
			return l.expected("a name")
		}
		path.WriteString(l.text[start:l.i])
	}
	return l.fieldIndexes(path)
}

// fieldIndexes reads [0] and the like, right behind a name.
func (l *lexer) fieldIndexes(path *strings.Builder) error {
	for !l.end() && l.text[l.i] == '[' {
		digits := digitRun(l.text[l.i+1:])
		end := l.i + 1 + len(digits)
		if digits == "" || end >= len(l.text) || l.text[end] != ']' {
			return l.errorAt(l.i, end, "expected an index such as [0]")
		}
		path.WriteByte('.')
		path.WriteString(digits)
		l.i = end + 1
	}
	return nil
}

func isWordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
}
