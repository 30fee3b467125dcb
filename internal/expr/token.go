package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a fault in an expression.
type Error struct {
	// Offset and Width are bytes of the text that was parsed. Width is at
	// least 1.
	Offset, Width int
	Msg           string
	// Hint says what would be right, or "".
	Hint string
}

// Error implements error.
func (e *Error) Error() string {
	s := fmt.Sprintf("at %d: %s", e.Offset+1, e.Msg)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

const (
	maxLength = 4096
	maxNested = 100
)

type tokenKind byte

const (
	endToken tokenKind = iota
	wordToken
	numberToken
	textToken
	opToken
)

type token struct {
	kind    tokenKind
	text    string // of a text its value, of others what is written
	at, end int
}

func (t token) String() string {
	switch t.kind {
	case endToken:
		return "the end"
	case textToken:
		return fmt.Sprintf("the text %q", t.text)
	}
	return fmt.Sprintf("%q", t.text)
}

// lexer cuts an expression into tokens. Faults end it by a panic with an
// *Error, which Parse recovers.
type lexer struct {
	src string
	pos int
	tok token
	// arithmetic says that + - * / are operators.
	arithmetic bool
}

func fail(at, end int, hint, format string, args ...any) {
	panic(&Error{Offset: at, Width: max(1, end-at), Msg: fmt.Sprintf(format, args...), Hint: hint})
}

func letter(c byte) bool { return c == '_' || c == '@' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func (l *lexer) next() {
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n", l.src[l.pos]) >= 0 {
		l.pos++
	}
	start := l.pos
	if start >= len(l.src) {
		l.tok = token{at: start, end: start}
		return
	}
	switch c := l.src[start]; {
	case letter(c):
		l.word(start)
	case digit(c), c == '-' && !l.arithmetic && start+1 < len(l.src) && digit(l.src[start+1]):
		l.number(start)
	case c == '"' || c == '\'':
		l.quoted(start)
	default:
		l.operator(start)
	}
}

// word reads a name, whose parts may be joined by dots.
func (l *lexer) word(start int) {
	p := start
	for p < len(l.src) && (letter(l.src[p]) || digit(l.src[p]) || l.src[p] == '.' && p+1 < len(l.src) && letter(l.src[p+1])) {
		p++
	}
	l.set(wordToken, l.src[start:p], start, p)
}

func (l *lexer) set(kind tokenKind, text string, start, end int) {
	l.tok = token{kind: kind, text: text, at: start, end: end}
	l.pos = end
}

func (l *lexer) number(start int) {
	p := start + 1
	for p < len(l.src) && (digit(l.src[p]) || letter(l.src[p]) || l.src[p] == '.' || l.src[p] == '%') {
		p++
	}
	l.set(numberToken, l.src[start:p], start, p)
}

func (l *lexer) quoted(start int) {
	var b strings.Builder
	for i := start + 1; i < len(l.src); i++ {
		switch c := l.src[i]; {
		case c == l.src[start]:
			l.set(textToken, b.String(), start, i+1)
			return
		case c == '\\' && i+1 < len(l.src):
			i++
			b.WriteString(escape(l.src[i]))
		default:
			b.WriteByte(c)
		}
	}
	fail(start, len(l.src), "", "the text has no closing quote")
}

// escape returns what \c stands for. A backslash before anything but a quote,
// a backslash, n or t stays, so that regular expressions read as usual.
func escape(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case '"', '\'', '\\':
		return string(rune(c))
	}
	return "\\" + string([]byte{c})
}

func (l *lexer) operator(start int) {
	if c := l.src[start]; l.arithmetic && strings.IndexByte("+-*/", c) >= 0 {
		l.set(opToken, l.src[start:start+1], start, start+1)
		return
	}
	for _, op := range []string{"==", "!=", "<=", ">=", "=~", "!~", "=", "<", ">", "(", ")", ","} {
		if strings.HasPrefix(l.src[start:], op) {
			l.set(opToken, op, start, start+len(op))
			return
		}
	}
	_, n := utf8.DecodeRuneInString(l.src[start:])
	hint := ""
	switch rest := l.src[start:]; {
	case strings.HasPrefix(rest, "&&"):
		n, hint = 2, `write "and"`
	case strings.HasPrefix(rest, "||"):
		n, hint = 2, `write "or"`
	case rest[0] == '!':
		hint = `write "not"`
	}
	fail(start, start+n, hint, "unexpected %q", l.src[start:start+n])
}
