package journald

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errLZ4 = errors.New("not a block of LZ4")

const (
	lz4MinMatch = 4  // the shortest match, which a token of 0 stands for
	lz4Long     = 15 // a length in a token that goes on in the bytes behind it
)

// unpackLZ4 appends to dst, which is empty, what text is compressed of: systemd
// writes the length, eight bytes, before a block of LZ4. The block format is that
// of https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md.
func unpackLZ4(dst, text []byte) ([]byte, error) {
	if len(text) < 8 {
		return dst, errLZ4
	}
	size := binary.LittleEndian.Uint64(text)
	if size > maxFieldBytes {
		return dst, fmt.Errorf("%w: %d bytes, more than %d", errLZ4, size, maxFieldBytes)
	}
	dst, err := appendLZ4(dst, text[8:], int(size))
	if err == nil && len(dst) != int(size) {
		err = fmt.Errorf("%w: %d bytes instead of %d", errLZ4, len(dst), size)
	}
	return dst, err
}

// appendLZ4 appends to dst, which is empty, what block stands for. It makes dst
// no longer than limit.
func appendLZ4(dst, block []byte, limit int) ([]byte, error) {
	for len(block) > 0 {
		token := block[0]
		n, rest, err := lz4Length(block[1:], int(token>>4), limit)
		if err != nil || n > len(rest) || n > limit-len(dst) {
			return dst, errLZ4
		}
		dst, block = append(dst, rest[:n]...), rest[n:]
		if len(block) == 0 {
			return dst, nil // the last sequence has no match
		}
		if len(block) < 2 {
			return dst, errLZ4
		}
		back := int(binary.LittleEndian.Uint16(block))
		n, block, err = lz4Length(block[2:], int(token&lz4Long), limit)
		n += lz4MinMatch
		if err != nil || back == 0 || back > len(dst) || n > limit-len(dst) {
			return dst, errLZ4
		}
		dst = appendMatch(dst, back, n)
	}
	return dst, errLZ4 // it does not end in literals
}

// lz4Length returns the length that begins as n in a token, and what of b is
// behind it.
func lz4Length(b []byte, n, limit int) (length int, rest []byte, err error) {
	if n < lz4Long {
		return n, b, nil
	}
	for i, c := range b {
		n += int(c)
		if n > limit {
			break
		}
		if c != 255 {
			return n, b[i+1:], nil
		}
	}
	return 0, nil, errLZ4
}

// appendMatch appends n bytes of dst, from back bytes before its end on. They may
// be some that it appends itself.
func appendMatch(dst []byte, back, n int) []byte {
	from := len(dst) - back
	for n > 0 {
		piece := dst[from:min(from+n, len(dst))]
		dst = append(dst, piece...)
		n -= len(piece)
	}
	return dst
}
