package forward

import (
	"encoding/binary"
	"errors"
	"math"
)

// The two ways in which bytes are no MessagePack.
var (
	errShort   = errors.New("message ends too early")
	errNoValue = errors.New("byte 0xc1 begins no value")
)

type kind uint8

const (
	nilKind kind = iota
	boolKind
	intKind
	uintKind
	floatKind
	float32Kind
	strKind
	binKind
	arrayKind
	mapKind
	extKind
)

// token is the head of one value.
type token struct {
	kind kind
	ext  int8
	// size is the bytes that follow of a str, bin or ext, and the values that
	// follow of an array or map (two for each pair).
	size uint64
	// bits is the value of a scalar: an integer, or a float's bits.
	bits uint64
}

// nested reports whether size counts values, not bytes.
func (t token) nested() bool { return t.kind == arrayKind || t.kind == mapKind }

// read returns the head of the value at b[i] and the index after the head. The
// layout is that of the MessagePack specification, section "Formats".
func read(b []byte, i int) (token, int, error) {
	if i >= len(b) {
		return token{}, i, errShort
	}
	c := b[i]
	i++
	switch {
	case c < 0x80:
		return token{kind: uintKind, bits: uint64(c)}, i, nil
	case c < 0x90:
		return token{kind: mapKind, size: 2 * uint64(c&0x0f)}, i, nil
	case c < 0xa0:
		return token{kind: arrayKind, size: uint64(c & 0x0f)}, i, nil
	case c < 0xc0:
		return token{kind: strKind, size: uint64(c & 0x1f)}, i, nil
	case c >= 0xe0:
		return token{kind: intKind, bits: uint64(int64(int8(c)))}, i, nil
	}
	return readLong(b, i, c)
}

// readLong reads what is left of the head that began with c, 0xc0 to 0xdf.
func readLong(b []byte, i int, c byte) (token, int, error) {
	f := longForms[c-0xc0]
	end := i + int(f.width)
	if end > len(b) {
		return token{}, i, errShort
	}
	t := token{kind: f.kind, size: uint64(f.size)}
	n := number(b[i:end])
	switch f.kind {
	case nilKind:
		if c == 0xc1 {
			return token{}, i, errNoValue
		}
	case boolKind:
		t.bits = uint64(c & 1)
	case intKind:
		shift := 64 - 8*uint(f.width)
		t.bits = uint64(int64(n<<shift) >> shift)
	case uintKind, floatKind, float32Kind:
		t.bits = n
	case strKind, binKind, arrayKind:
		t.size = n
	case mapKind:
		t.size = 2 * n
	case extKind:
		if f.width > 0 {
			t.size = n
		}
		if end >= len(b) {
			return token{}, i, errShort
		}
		t.ext = int8(b[end])
		end++
	}
	return t, end, nil
}

// form is what a first byte says: the kind, how many bytes of length or number
// follow it, and a size that is not written out.
type form struct {
	kind  kind
	width uint8
	size  uint8
}

var longForms = [32]form{
	{nilKind, 0, 0},
	{nilKind, 0, 0},
	{boolKind, 0, 0},
	{boolKind, 0, 0}, // nil, never used, false, true
	{binKind, 1, 0},
	{binKind, 2, 0},
	{binKind, 4, 0},
	{extKind, 1, 0},
	{extKind, 2, 0},
	{extKind, 4, 0},
	{float32Kind, 4, 0},
	{floatKind, 8, 0},
	{uintKind, 1, 0},
	{uintKind, 2, 0},
	{uintKind, 4, 0},
	{uintKind, 8, 0},
	{intKind, 1, 0},
	{intKind, 2, 0},
	{intKind, 4, 0},
	{intKind, 8, 0},
	{extKind, 0, 1},
	{extKind, 0, 2},
	{extKind, 0, 4},
	{extKind, 0, 8},
	{extKind, 0, 16},
	{strKind, 1, 0},
	{strKind, 2, 0},
	{strKind, 4, 0},
	{arrayKind, 2, 0},
	{arrayKind, 4, 0},
	{mapKind, 2, 0},
	{mapKind, 4, 0},
}

func number(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 8:
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// payload returns the bytes of the str, bin or ext t, whose head ends at i, and
// the index after them.
func (t token) payload(b []byte, i int) ([]byte, int, error) {
	if t.size > uint64(len(b)-i) {
		return nil, i, errShort
	}
	end := i + int(t.size)
	return b[i:end:end], end, nil
}

func (t token) float() float64 {
	switch t.kind {
	case floatKind:
		return math.Float64frombits(t.bits)
	case float32Kind:
		return float64(math.Float32frombits(uint32(t.bits)))
	case intKind:
		return float64(int64(t.bits))
	}
	return float64(t.bits)
}

// skip returns the index after the value at b[i]. Nesting costs no stack: all
// that has to be known is how many values are still to come.
func skip(b []byte, i int) (int, error) {
	for left := uint64(1); left > 0; left-- {
		t, next, err := read(b, i)
		if err != nil {
			return i, err
		}
		i = next
		if t.nested() {
			if t.size > uint64(len(b)-i) {
				return i, errShort // every value takes a byte at least
			}
			left += t.size
			continue
		}
		if t.size > uint64(len(b)-i) {
			return i, errShort
		}
		i += int(t.size)
	}
	return i, nil
}
