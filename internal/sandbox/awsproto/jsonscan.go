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

// special returns the index of the first byte of b that ends or interrupts the
// plain text of a JSON string: a quote, a backslash, a control character or a
// byte beyond ASCII. It looks at eight bytes at a time: bodies are text, for the
// most part.
func special(b []byte) int {
	i := 0
	for ; len(b)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// Each term has the uppermost bit of the bytes that are special. A byte
		// above a special one may be marked by a borrow, but the lowest is right.
		hit := ((w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash | w) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < 0x20 || c >= 0x80 {
			break
		}
	}
	return i
}
