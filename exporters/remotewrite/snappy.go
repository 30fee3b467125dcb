package remotewrite

import "encoding/binary"

// Kinds of elements of Snappy's block format, from its format description.
const (
	tagLiteral = 0
	tagCopy2   = 2 // a copy whose offset takes two bytes
)

const (
	// window is how much is compressed by itself: offsets of copies fit in two
	// bytes.
	window    = 1 << 16
	tableBits = 13
	minMatch  = 4
	maxCopy   = 64
)

// compress appends src in Snappy's block format, as remote write wants it. It
// looks for repetitions of four bytes or more, the last seen of each hash, which
// label names and values mostly are.
func compress(dst, src []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(src)))
	var table [1 << tableBits]uint16
	for len(src) > 0 {
		n := min(len(src), window)
		clear(table[:])
		dst = compressWindow(dst, src[:n], &table)
		src = src[n:]
	}
	return dst
}

func compressWindow(dst, src []byte, table *[1 << tableBits]uint16) []byte {
	done := 0 // what is written
	for i := 1; i+minMatch <= len(src); {
		word := binary.LittleEndian.Uint32(src[i:])
		h := word * 0x1e35a7bd >> (32 - tableBits)
		at := int(table[h])
		table[h] = uint16(i)
		if at >= i || binary.LittleEndian.Uint32(src[at:]) != word {
			i++
			continue
		}
		n := minMatch
		for i+n < len(src) && src[at+n] == src[i+n] {
			n++
		}
		dst = appendLiteral(dst, src[done:i])
		dst = appendCopy(dst, i-at, n)
		i += n
		done = i
	}
	return appendLiteral(dst, src[done:])
}

func appendLiteral(dst, b []byte) []byte {
	switch n := len(b) - 1; {
	case n < 0:
		return dst
	case n < 60:
		dst = append(dst, byte(n)<<2|tagLiteral)
	case n < 1<<8:
		dst = append(dst, 60<<2|tagLiteral, byte(n))
	default:
		dst = append(dst, 61<<2|tagLiteral, byte(n), byte(n>>8))
	}
	return append(dst, b...)
}

func appendCopy(dst []byte, offset, n int) []byte {
	for n > 0 {
		m := min(n, maxCopy)
		dst = append(dst, byte(m-1)<<2|tagCopy2, byte(offset), byte(offset>>8))
		n -= m
	}
	return dst
}
