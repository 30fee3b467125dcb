package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth is how deep the arrays and objects of valid text may nest.
const maxDepth = 512

// Valid reports whether b is one JSON value, by RFC 8259, of arrays and objects
// that nest 512 deep at most. It does not look at whether strings are UTF-8. It
// allocates nothing.
func Valid(b []byte) bool {
	end := validEnd(b, skipSpace(b, 0), maxDepth)
	return end >= 0 && skipSpace(b, end) == len(b)
}

// validEnd returns the index after the valid value that begins at i and nests
// depth deep at most, or -1.
func validEnd(b []byte, i, depth int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		end, _ := validString(b, i)
		return end
	case '{':
		return objectEnd(b, i, depth-1)
	case '[':
		return arrayEnd(b, i, depth-1)
	case 't':
		return wordEnd(b, i, "true")
	case 'f':
		return wordEnd(b, i, "false")
	case 'n':
		return wordEnd(b, i, "null")
	}
	return validNumber(b, i)
}

// objectEnd returns the index after the valid object that opens at i, or -1.
func objectEnd(b []byte, i, depth int) int {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for depth >= 0 && i < len(b) && b[i] == '"' {
		if i, _ = validString(b, i); i < 0 {
			return -1
		}
		if i = colon(b, i); i < 0 {
			return -1
		}
		if i = validEnd(b, i, depth); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
		if i < len(b) && b[i] == '}' {
			return i + 1
		}
		if i >= len(b) || b[i] != ',' {
			return -1
		}
		i = skipSpace(b, i+1)
	}
	return -1
}

// arrayEnd returns the index after the valid array that opens at i, or -1.
func arrayEnd(b []byte, i, depth int) int {
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for depth >= 0 {
		if i = validEnd(b, i, depth); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
		if i < len(b) && b[i] == ']' {
			return i + 1
		}
		if i >= len(b) || b[i] != ',' {
			return -1
		}
		i = skipSpace(b, i+1)
	}
	return -1
}

// colon returns where the value begins whose name ends at i, or -1.
func colon(b []byte, i int) int {
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != ':' {
		return -1
	}
	return skipSpace(b, i+1)
}

// validString returns the index after the string whose opening quote is at i, or
// -1, and whether it has escapes. It looks at eight bytes at a time: most strings
// are done within one or two of these steps.
func validString(b []byte, i int) (end int, escaped bool) {
	for i++; ; i++ {
		for len(b)-i >= 8 {
			found := stops(binary.LittleEndian.Uint64(b[i:]))
			if found != 0 {
				i += bits.TrailingZeros64(found) / 8
				break
			}
			i += 8
		}
		if i >= len(b) {
			return -1, escaped
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped
		case c < 0x20:
			return -1, escaped
		case c == '\\':
			escaped = true
			if i = escapeEnd(b, i+1); i < 0 {
				return -1, escaped
			}
		}
	}
}

// stops sets the high bit of each of eight bytes that is a quote, a backslash or a
// control character. The lowest that is set is right; a byte above it may be set
// though it is none, by the borrow.
func stops(w uint64) uint64 {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote, slash := w^ones*'"', w^ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highs
}

// escapeEnd returns the index of the last byte of the escape whose backslash is
// before i, or -1.
func escapeEnd(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i
	case 'u':
		for end := i + 4; i < end; {
			if i++; i >= len(b) || !isHex(b[i]) {
				return -1
			}
		}
		return i
	}
	return -1
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func validNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	i = digitsEnd(b, i)
	if i == start || b[start] == '0' && i > start+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digitsEnd(b, start); i == start {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digitsEnd(b, start); i == start {
			return -1
		}
	}
	return i
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
