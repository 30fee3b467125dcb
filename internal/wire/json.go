package wire

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string with its quotes. Invalid UTF-8
// becomes U+FFFD, as encoding/json does. U+2028 and U+2029 stay as they are:
// they are valid JSON.
func AppendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	dst = AppendEscaped(dst, s)
	return append(dst, '"')
}

// AppendEscaped appends the inside of the JSON string of s.
func AppendEscaped(dst, s []byte) []byte {
	start := 0
	for i := plain(s, 0); i < len(s); i = plain(s, i) {
		c := s[i]
		if c >= utf8.RuneSelf {
			if _, size := utf8.DecodeRune(s[i:]); size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	return append(dst, s[start:]...)
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if c >= utf8.RuneSelf {
		return append(dst, "\ufffd"...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns the index, from i on, of the first byte that a JSON string
// cannot hold as it is or that is not ASCII. It looks at eight bytes at a time;
// a borrow between bytes may only cause a false alarm, which the slow loop
// resolves.
func plain(s []byte, i int) int {
	for i+8 <= len(s) {
		w := binary.LittleEndian.Uint64(s[i:])
		quote := w ^ (lows * '"')
		slash := w ^ (lows * '\\')
		control := w - lows*0x20
		if (w|control|(quote-lows)|(slash-lows))&highs != 0 {
			for end := i + 8; i < end; i++ {
				if special(s[i]) {
					return i
				}
			}
			continue
		}
		i += 8
	}
	for i < len(s) && !special(s[i]) {
		i++
	}
	return i
}

func special(c byte) bool {
	return c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf
}

// AppendFloat appends f in the shortest form that reads back the same. JSON has
// no NaN and no infinities: they become null.
func AppendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}
