package insights

import (
	"bytes"
	"net/netip"
)

// A mask is a message whose varying words are replaced by a marker and a letter
// for what they looked like. Messages with the same mask are of one pattern.
const marker = 0x1A

// What a varying word looked like, and its name in a pattern.
var markNames = map[byte]string{'T': "Time", 'N': "Number", 'U': "UUID", 'I': "IP", 'V': "Token"}

// appendMask appends the mask of message to dst.
func appendMask(dst, message []byte) []byte {
	for len(message) > 0 {
		if n := timeLength(message); n > 0 {
			dst = append(dst, marker, 'T')
			message = message[n:]
			continue
		}
		n := wordLength(message)
		if n == 0 {
			c := message[0]
			if c == marker {
				c = ' '
			}
			dst = append(dst, c)
			message = message[1:]
			continue
		}
		if mark := markOf(message[:n]); mark != 0 {
			dst = append(dst, marker, mark)
		} else {
			dst = append(dst, message[:n]...)
		}
		message = message[n:]
	}
	return dst
}

// The characters that separate words, beside white space: a bit for each below
// 64 and for each of the 64 above.
const (
	delimiters      = 1<<'"' | 1<<'&' | 1<<'\'' | 1<<'(' | 1<<')' | 1<<',' | 1<<'/' | 1<<':' | 1<<';' | 1<<'<' | 1<<'=' | 1<<'>' | 1<<'?'
	upperDelimiters = 1<<('['-64) | 1<<(']'-64) | 1<<('{'-64) | 1<<('|'-64) | 1<<('}'-64)
)

// isDelimiter reports whether c separates words.
func isDelimiter(c byte) bool {
	switch {
	case c <= ' ':
		return true
	case c < 64:
		return uint64(delimiters)>>c&1 != 0
	}
	return c < 128 && uint64(upperDelimiters)>>(c-64)&1 != 0
}

// wordLength returns how long the word is that b begins with. Dots at a word's
// end belong to the sentence.
func wordLength(b []byte) int {
	n := 0
	for n < len(b) && !isDelimiter(b[n]) && b[n] != marker {
		n++
	}
	for n > 1 && b[n-1] == '.' {
		n--
	}
	return n
}

// markOf tells what a word looks like, or 0 if it is a plain word: one without
// a digit.
func markOf(w []byte) byte {
	if !hasDigit(w) {
		return 0
	}
	const uuidLength, maxUnit = 36, 3
	if _, ok := parseNumber(bytes.TrimRightFunc(w, func(r rune) bool { return r == '%' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })); ok {
		unit := 0
		for unit < len(w) && !isDigit(w[len(w)-1-unit]) {
			unit++
		}
		if unit <= maxUnit {
			return 'N'
		}
	}
	if len(w) == uuidLength && bytes.Count(w, []byte("-")) == 4 {
		return 'U'
	}
	if bytes.Count(w, []byte(".")) == 3 {
		if _, err := netip.ParseAddr(string(w)); err == nil {
			return 'I'
		}
	}
	return 'V'
}

func hasDigit(b []byte) bool {
	for _, c := range b {
		if isDigit(c) {
			return true
		}
	}
	return false
}

// timeShapes are the beginnings of times, 0 standing for a digit. The longest
// that fits counts.
var timeShapes = [...]string{"0000-00-00T00:00:00", "0000-00-00 00:00:00", "0000/00/00 00:00:00", "0000-00-00", "00:00:00"}

// timeLength returns how long the time is that b begins with, 0 if it does not.
func timeLength(b []byte) int {
	if !isDigit(b[0]) {
		return 0
	}
	for _, shape := range timeShapes {
		if !hasShape(b, shape) {
			continue
		}
		n := len(shape)
		n += fractionLength(b[n:])
		n += zoneLength(b[n:])
		if n == len(b) || isDelimiter(b[n]) || b[n] == '.' {
			return n
		}
	}
	return 0
}

func hasShape(b []byte, shape string) bool {
	if len(b) < len(shape) {
		return false
	}
	for i := range len(shape) {
		if shape[i] == '0' && !isDigit(b[i]) || shape[i] != '0' && shape[i] != b[i] {
			return false
		}
	}
	return true
}

// fractionLength is that of .123 or ,123.
func fractionLength(b []byte) int {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' || !isDigit(b[1]) {
		return 0
	}
	n := 1
	for n < len(b) && isDigit(b[n]) {
		n++
	}
	return n
}

// zoneLength is that of Z, +00:00 or +0000.
func zoneLength(b []byte) int {
	for _, shape := range [...]string{"Z", "+00:00", "-00:00", "+0000", "-0000"} {
		if hasShape(b, shape) {
			return len(shape)
		}
	}
	return 0
}
