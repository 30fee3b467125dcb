package wire

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
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

// AppendEscaped appends the inside of the JSON string of s. It may write up to
// 32 bytes beyond what it appends, within dst's capacity.
//
// It is written for text in which a quote stands every few bytes, as in JSON
// inside JSON: it takes 16 or eight bytes at a time and sets a backslash before
// each quote and backslash without a branch.
func AppendEscaped(dst, s []byte) []byte {
	n, i := len(dst), 0
	dst = room(dst, n, len(s)+len(s)/8)
	for len(s)-i >= 8 {
		if hasBlocks && len(s)-i >= 16 {
			read, written := escapeBlocks(dst[n:], s[i:], &spreadings)
			i, n = i+read, n+written
			if len(dst)-n < len(s)-i+slack {
				dst = room(dst, n, len(s)-i)
				continue
			}
			if len(s)-i < 8 {
				break
			}
		}
		w := binary.LittleEndian.Uint64(s[i:])
		if rare(w) {
			dst, n, i = escapeSlowly(dst, n, s, i)
			continue
		}
		n += escapeWord((*[16]byte)(dst[n:]), w)
		i += 8
		if len(dst)-n < len(s)-i+slack {
			dst = room(dst, n, len(s)-i)
		}
	}
	if i == len(s) {
		return dst[:n]
	}
	if w := last(s, len(s)-i); !rare(w) {
		n += escapeWord((*[16]byte)(dst[n:]), w) - (8 - (len(s) - i))
		return dst[:n]
	}
	for i < len(s) {
		dst, n, i = escapeSlowly(dst, n, s, i)
	}
	return dst[:n]
}

// last returns the last k bytes of s, one to seven, followed by spaces.
func last(s []byte, k int) uint64 {
	const spaces = lows * ' '
	pad := uint64(spaces) << (8 * k)
	if len(s) >= 8 {
		return binary.LittleEndian.Uint64(s[len(s)-8:])>>(64-8*k) | pad
	}
	s = s[len(s)-k:]
	switch {
	case k >= 4:
		return uint64(binary.LittleEndian.Uint32(s)) | uint64(binary.LittleEndian.Uint32(s[k-4:]))<<(8*(k-4)) | pad
	case k >= 2:
		return uint64(binary.LittleEndian.Uint16(s)) | uint64(binary.LittleEndian.Uint16(s[k-2:]))<<(8*(k-2)) | pad
	}
	return uint64(s[0]) | pad
}

// escapeWord writes the bytes of w, all of them ASCII and none a control
// character, each quote and backslash after a backslash. It returns how many
// bytes that makes, and may overwrite all of out.
func escapeWord(out *[16]byte, w uint64) int {
	found := quoted(w)
	if found == 0 {
		binary.LittleEndian.PutUint64(out[:], w)
		return 8
	}
	// The product gathers the eight bits in its highest byte.
	m := found >> 7 * 0x0102040810204080 >> 56
	low, high := m&15, m>>4
	binary.LittleEndian.PutUint64(out[:], spread(w, &spreads[low]))
	binary.LittleEndian.PutUint64(out[4+bits.OnesCount64(low)&7:], spread(w>>32, &spreads[high]))
	return 8 + bits.OnesCount64(found)
}

// spread returns the low four bytes of w with backslashes among them.
func spread(w uint64, by *spreading) uint64 {
	return by.slashes | w&0xff<<(by.shift[0]&63) | w&0xff00<<(by.shift[1]&63) |
		w&0xff0000<<(by.shift[2]&63) | w&0xff000000<<(by.shift[3]&63)
}

// spreading says where backslashes come among four bytes, and by how many bits
// each of the four moves up to make room for those before it.
type spreading struct {
	slashes uint64
	shift   [4]uint8
}

// spreads is indexed by which of four bytes get a backslash, the first being the
// lowest bit.
var spreads = [16]spreading{
	{0x0, [4]uint8{0, 0, 0, 0}},
	{0x5c, [4]uint8{8, 8, 8, 8}},
	{0x5c00, [4]uint8{0, 8, 8, 8}},
	{0x5c005c, [4]uint8{8, 16, 16, 16}},
	{0x5c0000, [4]uint8{0, 0, 8, 8}},
	{0x5c00005c, [4]uint8{8, 8, 16, 16}},
	{0x5c005c00, [4]uint8{0, 8, 16, 16}},
	{0x5c005c005c, [4]uint8{8, 16, 24, 24}},
	{0x5c000000, [4]uint8{0, 0, 0, 8}},
	{0x5c0000005c, [4]uint8{8, 8, 8, 16}},
	{0x5c00005c00, [4]uint8{0, 8, 8, 16}},
	{0x5c00005c005c, [4]uint8{8, 16, 16, 24}},
	{0x5c005c0000, [4]uint8{0, 0, 8, 16}},
	{0x5c005c00005c, [4]uint8{8, 8, 16, 24}},
	{0x5c005c005c00, [4]uint8{0, 8, 16, 24}},
	{0x5c005c005c005c, [4]uint8{8, 16, 24, 32}},
}

// slack is how much longer than the rest of the text the buffer is kept: enough
// for 16 bytes that are all escaped, or one by the longest escape.
const slack = 32

// room returns dst with n bytes used and its length extended so that rest more
// and the slack fit.
func room(dst []byte, n, rest int) []byte {
	dst = slices.Grow(dst[:n], rest+slack)
	return dst[:cap(dst)]
}

// escapeSlowly writes the bytes from s[i] on to dst[n:], up to eight or, if they
// come in a row, all that are not ASCII, and returns both indices after them.
func escapeSlowly(dst []byte, n int, s []byte, i int) ([]byte, int, int) {
	for end := min(i+8, len(s)); i < end || i < len(s) && s[i] >= utf8.RuneSelf; {
		switch c := s[i]; {
		case !special(c):
			dst[n] = c
			n++
			i++
		case c < utf8.RuneSelf:
			n = len(appendEscape(dst[:n], c))
			i++
		default:
			r, size := utf8.DecodeRune(s[i:])
			n = len(utf8.AppendRune(dst[:n], r))
			i += size
		}
		if len(dst)-n < len(s)-i+slack {
			dst = room(dst, n, len(s)-i)
		}
	}
	return dst, n, i
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
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

const (
	lows  = 0x0101010101010101
	highs = 0x8080808080808080
)

// rare reports whether a byte of w is a control character or not ASCII.
func rare(w uint64) bool { return (w|^(w+lows*0x60))&highs != 0 }

// quoted returns the high bit of each byte of w that is a quote or a backslash.
// All of w is ASCII, so that no sum carries from one byte to the next.
func quoted(w uint64) uint64 {
	quote := w ^ (lows * '"')
	slash := w ^ (lows * '\\')
	return ^((quote + lows*0x7f) & (slash + lows*0x7f)) & highs
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
