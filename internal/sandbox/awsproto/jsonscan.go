package awsproto

import (
	"encoding/binary"
	"math/bits"
)

// ones has a 1 in each byte of a word, highs the uppermost bit.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// marks has the uppermost bit of each byte of w that ends or interrupts the plain
// text of a JSON string: a quote, a backslash, a control character or a byte beyond
// ASCII. A byte above such a one may be marked by a borrow, but the lowest is right.
func marks(w uint64) uint64 {
	quote, slash := w^(ones*'"'), w^(ones*'\\')
	return ((w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash | w) & highs
}

func plain(c byte) bool { return c != '"' && c != '\\' && c >= 0x20 && c < 0x80 }

// special returns the index of the first byte of b that is not plain text. It looks
// at eight bytes at a time: bodies are text, for the most part.
func special(b []byte) int {
	i := 0
	for ; len(b)-i >= 8; i += 8 {
		if hit := marks(binary.LittleEndian.Uint64(b[i:])); hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for i < len(b) && plain(b[i]) {
		i++
	}
	return i
}

// appendPlain appends the plain text that b begins with and returns its length too.
// The stretches between escapes are short, so it copies words as it looks at them,
// and takes back what was too much.
func appendPlain(out, b []byte) ([]byte, int) {
	i := 0
	for ; len(b)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		n := len(out)
		out = binary.LittleEndian.AppendUint64(out, w)
		if hit := marks(w); hit != 0 {
			k := bits.TrailingZeros64(hit) / 8
			return out[:n+k], i + k
		}
	}
	from := i
	for i < len(b) && plain(b[i]) {
		i++
	}
	return append(out, b[from:i]...), i
}
