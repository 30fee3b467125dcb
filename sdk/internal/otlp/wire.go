package otlp

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// The wire types of protobuf's encoding.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

func appendTag(b []byte, field, wire int) []byte {
	return binary.AppendUvarint(b, uint64(field)<<3|uint64(wire))
}

func appendVarint(b []byte, v uint64) []byte   { return binary.AppendUvarint(b, v) }
func appendLittle64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

// appendUint writes a varint field and leaves it out when it is zero, as
// proto3 does for fields without presence.
func appendUint(b []byte, field int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(appendTag(b, field, wireVarint), v)
}

func appendSint32(b []byte, field int, v int32) []byte {
	return appendUint(b, field, uint64(uint32(v<<1)^uint32(v>>31)))
}

func appendBool(b []byte, field int, v bool) []byte {
	if !v {
		return b
	}
	return append(appendTag(b, field, wireVarint), 1)
}

// appendFixed64 writes the field even when it is zero: it serves oneof members
// and optional fields, whose presence means something.
func appendFixed64(b []byte, field int, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(appendTag(b, field, wireFixed64), v)
}

func appendDouble(b []byte, field int, v float64) []byte {
	return appendFixed64(b, field, math.Float64bits(v))
}

// appendCount writes a fixed64 field and leaves it out when it is zero.
func appendCount(b []byte, field int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendFixed64(b, field, v)
}

func appendFixed32(b []byte, field int, v uint32) []byte {
	if v == 0 {
		return b
	}
	return binary.LittleEndian.AppendUint32(appendTag(b, field, wireFixed32), v)
}

// appendTime writes t as Unix nanoseconds and leaves the zero time out.
func appendTime(b []byte, field int, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendCount(b, field, uint64(t.UnixNano()))
}

// appendBytes writes v and leaves it out when it is empty.
func appendBytes(b []byte, field int, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return appendMessage(b, field, v)
}

// appendMessage writes a finished message, also an empty one.
func appendMessage(b []byte, field int, v []byte) []byte {
	b = appendTag(b, field, wireBytes)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// appendString writes s and leaves it out when it is empty.
func appendString(b []byte, field int, s string) []byte {
	if s == "" {
		return b
	}
	return appendText(b, field, s)
}

// appendText writes s, also an empty one. Receivers refuse a whole request for
// one string that is not UTF-8, so such bytes are replaced.
func appendText(b []byte, field int, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	b = appendTag(b, field, wireBytes)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// open begins a nested message whose length is not yet known. It returns where
// its content starts, for shut. One byte is kept for the length, enough for
// content of up to 127 bytes; shut moves longer content up.
func open(b []byte, field int) ([]byte, int) {
	b = append(appendTag(b, field, wireBytes), 0)
	return b, len(b)
}

// shut ends the nested message that starts at mark.
func shut(b []byte, mark int) []byte {
	n := len(b) - mark
	if n < 0x80 {
		b[mark-1] = byte(n)
		return b
	}
	var length [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(length[:], uint64(n))
	b = append(b, length[:k-1]...) // room; the bytes themselves are overwritten
	copy(b[mark+k-1:], b[mark:mark+n])
	copy(b[mark-1:], length[:k])
	return b
}

// uvarintLen is the number of bytes that v takes as a varint.
func uvarintLen(v int) int {
	n := 1
	for u := uint64(v); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

// messageLen is what appendMessage adds for content of n bytes, for fields
// below 16.
func messageLen(n int) int { return 1 + uvarintLen(n) + n }
