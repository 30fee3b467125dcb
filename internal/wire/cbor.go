package wire

import (
	"encoding/binary"
	"math"
)

// CBOR major types, shifted into place (RFC 8949, section 3).
const (
	cborUint = 0 << 5
	cborNeg  = 1 << 5
	cborText = 3 << 5
	cborTag  = 6 << 5
)

// Bytes that stand alone in CBOR.
const (
	// CBORMap and CBORArray open a map and an array of indefinite length,
	// CBORBreak ends either.
	CBORMap   = 0xbf
	CBORArray = 0x9f
	CBORBreak = 0xff
	CBORTrue  = 0xf5
	CBORFalse = 0xf4
)

// AppendCBORText appends s as a text string.
func AppendCBORText[S string | []byte](dst []byte, s S) []byte {
	dst = appendCBORHead(dst, cborText, uint64(len(s)))
	return append(dst, s...)
}

// AppendCBORInt appends n in the smallest form.
func AppendCBORInt(dst []byte, n int64) []byte {
	if n < 0 {
		return appendCBORHead(dst, cborNeg, uint64(-(n + 1)))
	}
	return appendCBORHead(dst, cborUint, uint64(n))
}

// AppendCBORFloat appends f with 64 bits.
func AppendCBORFloat(dst []byte, f float64) []byte {
	dst = append(dst, 0xfb)
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}

// AppendCBORNumber appends f in the smallest form that loses nothing: an integer,
// or a float of 32 or 64 bits. Smithy's RPC v2 CBOR protocol wants that of clients
// ("Numeric type serialization"), and services take it for a double.
func AppendCBORNumber(dst []byte, f float64) []byte {
	// Longer integers take no less than floats do. There is none for minus zero.
	if math.Abs(f) <= math.MaxUint32 && math.Trunc(f) == f && (f != 0 || !math.Signbit(f)) {
		return AppendCBORInt(dst, int64(f))
	}
	if short := float32(f); float64(short) == f {
		return binary.BigEndian.AppendUint32(append(dst, 0xfa), math.Float32bits(short))
	}
	return AppendCBORFloat(dst, f)
}

// AppendCBORTime appends a time as Smithy's RPC v2 protocol wants it: tag 1 and
// epoch seconds. ms is in Unix milliseconds.
func AppendCBORTime(dst []byte, ms int64) []byte {
	dst = appendCBORHead(dst, cborTag, 1)
	if ms%1000 == 0 {
		return AppendCBORInt(dst, ms/1000)
	}
	return AppendCBORFloat(dst, float64(ms)/1000)
}

func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}
