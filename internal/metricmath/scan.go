package metricmath

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind int

const (
	endToken tokenKind = iota
	numberToken
	textToken
	nameToken
	symbolToken
)

type token struct {
	kind   tokenKind
	offset int
	text   string
	number float64
}

func (t token) is(symbol string) bool { return t.kind == symbolToken && t.text == symbol }

func (t token) String() string {
	if t.kind == endToken {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

// symbols are tried in this order, the longer ones first.
var symbols = []string{"==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ","}

// scan splits text into tokens; the last one is always an endToken.
func scan(text string) ([]token, error) {
	var tokens []token
	for i := 0; i < len(text); {
		if strings.IndexByte(" \t\r\n", text[i]) >= 0 {
			i++
			continue
		}
		t, n, err := scanOne(text, i)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		i += n
	}
	return append(tokens, token{kind: endToken, offset: len(text)}), nil
}

// scanOne reads the token at i and returns its length.
func scanOne(text string, i int) (token, int, error) {
	rest := text[i:]
	switch c := rest[0]; {
	case isDigit(c) || c == '.':
		return scanNumber(rest, i)
	case isLetter(c):
		n := 1
		for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n])) {
			n++
		}
		return token{kind: nameToken, offset: i, text: rest[:n]}, n, nil
	case c == '"' || c == '\'':
		n := strings.IndexByte(rest[1:], c)
		if n < 0 {
			return token{}, 0, errorAt(i, "the text has no closing quote")
		}
		return token{kind: textToken, offset: i, text: rest[1 : n+1]}, n + 2, nil
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			return token{kind: symbolToken, offset: i, text: s}, len(s), nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, 0, errorAt(i, "unexpected character %q", r)
}

func scanNumber(rest string, i int) (token, int, error) {
	n := 0
	for n < len(rest) && (isDigit(rest[n]) || rest[n] == '.') {
		n++
	}
	if n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
		m := n + 1
		if m < len(rest) && (rest[m] == '+' || rest[m] == '-') {
			m++
		}
		digits := m
		for m < len(rest) && isDigit(rest[m]) {
			m++
		}
		if m > digits {
			n = m
		}
	}
	v, err := strconv.ParseFloat(rest[:n], 64)
	if err != nil || math.IsInf(v, 0) {
		return token{}, 0, errorAt(i, "%q is not a number", rest[:n])
	}
	return token{kind: numberToken, offset: i, text: rest[:n], number: v}, n, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
