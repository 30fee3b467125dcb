package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// KeyIs reports whether a member's key, as a [Scanner] shows it, spells name.
func KeyIs(key []byte, name string) bool {
	if string(key) == name {
		return true
	}
	if len(key) <= len(name) || bytes.IndexByte(key, '\\') < 0 {
		return false
	}
	var buf [64]byte
	return string(Unescape(buf[:0], key)) == name
}

// Text returns the characters of a string, and the literal spelling of every
// other value. It borrows v's memory where it can; where escapes have to be
// resolved it appends to buf and returns the part appended.
func (v Value) Text(buf []byte) []byte {
	if v.Kind != String {
		return v.Raw
	}
	inner := v.Raw[1 : len(v.Raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	n := len(buf)
	return Unescape(buf, inner)[n:]
}

// Unescape appends to dst what s, the inside of a JSON string, spells. An
// unknown escape stands for the character after the backslash; half of a
// surrogate pair becomes U+FFFD.
func Unescape(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		n := bytes.IndexByte(s[i:], '\\')
		if n < 0 {
			return append(dst, s[i:]...)
		}
		dst = append(dst, s[i:i+n]...)
		i += n
		if i+1 >= len(s) {
			return dst
		}
		dst, i = unescapeOne(dst, s, i)
	}
	return dst
}

// unescapeOne resolves the escape at s[i] and returns the index after it.
func unescapeOne(dst, s []byte, i int) ([]byte, int) {
	switch c := s[i+1]; c {
	case 'n':
		return append(dst, '\n'), i + 2
	case 't':
		return append(dst, '\t'), i + 2
	case 'r':
		return append(dst, '\r'), i + 2
	case 'b':
		return append(dst, '\b'), i + 2
	case 'f':
		return append(dst, '\f'), i + 2
	case 'u':
		r, end := unescapeRune(s, i)
		return utf8.AppendRune(dst, r), end
	default:
		return append(dst, c), i + 2
	}
}

// unescapeRune reads \uXXXX at s[i], and the \uXXXX after it if the two are a
// surrogate pair.
func unescapeRune(s []byte, i int) (rune, int) {
	r := hex4(s, i+2)
	if r < 0 {
		return utf8.RuneError, i + 2
	}
	if !utf16.IsSurrogate(r) {
		return r, i + 6
	}
	if i+7 < len(s) && s[i+6] == '\\' && s[i+7] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(s, i+8)); pair != utf8.RuneError {
			return pair, i + 12
		}
	}
	return utf8.RuneError, i + 6
}

// hex4 reads four hexadecimal digits at s[i], or returns -1.
func hex4(s []byte, i int) rune {
	if i+4 > len(s) {
		return -1
	}
	var r rune
	for _, c := range s[i : i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
