package filterexpr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is a fault in an expression.
type Error struct {
	// Pos is the place in the expression, in characters, from 1.
	Pos int
	Msg string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s at position %d", e.Msg, e.Pos) }

type kind uint8

const (
	kindEnd kind = iota
	kindWord
	kindText
	kindNumber
	kindOp   // = != < <= > >=
	kindMark // ( ) { } [ ] , : !
)

type token struct {
	kind   kind
	text   string // a string's value; else as written
	number float64
	at     int // byte offset
}

func (t token) String() string {
	switch t.kind {
	case kindEnd:
		return "the end of the expression"
	case kindText:
		return "the string " + strconv.Quote(t.text)
	default:
		return strconv.Quote(t.text)
	}
}

// lexer splits an expression into tokens.
type lexer struct {
	src string
	pos int
}

func (l *lexer) fail(at int, format string, args ...any) error {
	return &Error{Pos: utf8.RuneCountInString(l.src[:at]) + 1, Msg: fmt.Sprintf(format, args...)}
}

func (l *lexer) next() (token, error) {
	l.pos += len(l.src[l.pos:]) - len(strings.TrimLeft(l.src[l.pos:], " \t\r\n"))
	if l.pos == len(l.src) {
		return token{kind: kindEnd, at: l.pos}, nil
	}
	switch c := l.src[l.pos]; {
	case c == '"':
		return l.text()
	case isDigit(c), c == '-', c == '.' && l.pos+1 < len(l.src) && isDigit(l.src[l.pos+1]):
		return l.number()
	case isWord(c):
		return l.take(kindWord, l.span(isWord)), nil
	case strings.IndexByte("=<>", c) >= 0:
		return l.operator()
	case c == '!':
		if strings.HasPrefix(l.src[l.pos:], "!=") {
			return l.operator()
		}
		return l.take(kindMark, 1), nil
	case strings.IndexByte("(){}[],:", c) >= 0:
		return l.take(kindMark, 1), nil
	case c == '\'':
		return token{}, l.fail(l.pos, "strings are written in double quotes")
	}
	r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	return token{}, l.fail(l.pos, "unexpected character %q", r)
}

func (l *lexer) take(k kind, n int) token {
	t := token{kind: k, text: l.src[l.pos : l.pos+n], at: l.pos}
	l.pos += n
	return t
}

// span counts the bytes from the current one on that satisfy ok.
func (l *lexer) span(ok func(byte) bool) int {
	n := 0
	for l.pos+n < len(l.src) && ok(l.src[l.pos+n]) {
		n++
	}
	return n
}

func (l *lexer) operator() (token, error) {
	t := l.take(kindOp, l.span(func(c byte) bool { return strings.IndexByte("!=<>", c) >= 0 }))
	switch t.text {
	case "=", "!=", "<", "<=", ">", ">=":
		return t, nil
	}
	return t, l.fail(t.at, "unknown operator %q", t.text)
}

func (l *lexer) number() (token, error) {
	prev := byte(0)
	n := l.span(func(c byte) bool {
		ok := isWord(c) || c == '.' || c == '-' && prev == 0 || (c == '-' || c == '+') && (prev == 'e' || prev == 'E')
		prev = c
		return ok
	})
	t := l.take(kindNumber, n)
	v, err := strconv.ParseFloat(t.text, 64)
	if err != nil || !isDigit(t.text[len(t.text)-1]) {
		return t, l.fail(t.at, "%q is not a number", t.text)
	}
	t.number = v
	return t, nil
}

// text reads a string; a backslash makes the next character ordinary.
func (l *lexer) text() (token, error) {
	t := token{kind: kindText, at: l.pos}
	var b strings.Builder
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; {
		case c == '"':
			l.pos++
			t.text = b.String()
			return t, nil
		case c == '\\' && l.pos+1 < len(l.src):
			l.pos++
			b.WriteByte(l.src[l.pos])
		default:
			b.WriteByte(c)
		}
	}
	return t, l.fail(t.at, "string has no closing quote")
}

// bracketed reads the key of annotation[key], after its opening bracket. Quotes
// around the key are taken off.
func (l *lexer) bracketed() (string, error) {
	end := strings.IndexByte(l.src[l.pos:], ']')
	if end < 0 {
		return "", l.fail(l.pos, "annotation key has no closing bracket")
	}
	key := strings.TrimSpace(l.src[l.pos : l.pos+end])
	if len(key) > 1 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	if key == "" {
		return "", l.fail(l.pos, "annotation key is empty")
	}
	l.pos += end + 1
	return key, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return c == '_' || c == '.' || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
