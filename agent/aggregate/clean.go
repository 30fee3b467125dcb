package aggregate

import (
	"hash/fnv"
	"strings"
	"unicode/utf8"
)

// clean makes s what PutMetricData takes: ASCII without control characters, not
// beginning with a colon, not blank, at most n bytes. Different names stay
// different, and a name becomes the same at every start:
//
//   - a character that is not taken becomes \uXXXX, as JSON writes it (two of them
//     beyond the basic plane), and a byte that is not UTF-8 \xXX. What looks like
//     one of these already has its backslash written so;
//   - what is too long is cut, and a hash of the whole stands at its end.
func clean(s string, n int) string {
	if plain(s, n) {
		return s
	}
	out := escape(s)
	if len(out) <= n {
		return out
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(s)) // it never fails
	tail := append([]byte{'~'}, hex(nil, h.Sum64(), 16)...)
	return out[:n-len(tail)] + string(tail)
}

// escape writes what PutMetricData does not take otherwise. A blank name becomes
// one of escaped blanks, which is not blank.
func escape(s string) string {
	blank := strings.Trim(s, " ") == ""
	if s == "" {
		return "none"
	}
	b := make([]byte, 0, len(s)+16)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = hex(append(b, `\x`...), uint64(s[i]), 2)
		case r > 0xffff:
			r -= 0x10000
			b = hex(append(b, `\u`...), uint64(0xd800+r>>10), 4)
			b = hex(append(b, `\u`...), uint64(0xdc00+r&0x3ff), 4)
		case r < 0x20, r > 0x7e, r == ':' && i == 0, r == ' ' && blank, escaped(s[i:]):
			b = hex(append(b, `\u`...), uint64(r), 4)
		default:
			b = append(b, byte(r))
		}
		i += size
	}
	return string(b)
}

// hex appends the digits of v.
func hex(b []byte, v uint64, digits int) []byte {
	for digits--; digits >= 0; digits-- {
		b = append(b, "0123456789abcdef"[v>>(4*digits)&15])
	}
	return b
}

// escaped reports whether s begins as escape writes characters and bytes.
func escaped(s string) bool {
	if len(s) < 4 || s[0] != '\\' {
		return false
	}
	switch s[1] {
	case 'x':
		return hexadecimal(s[2:4])
	case 'u':
		return len(s) >= 6 && hexadecimal(s[2:6])
	}
	return false
}

func hexadecimal(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }

// plain reports whether clean has nothing to do.
func plain(s string, n int) bool {
	if len(s) == 0 || len(s) > n || s[0] == ':' {
		return false
	}
	blank := true
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e || s[i] == '\\' && escaped(s[i:]) {
			return false
		}
		blank = blank && s[i] == ' '
	}
	return !blank
}
