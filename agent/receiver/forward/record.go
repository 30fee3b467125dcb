package forward

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/internal/wire"
)

// maxDepth bounds the nesting of a record.
const maxDepth = 64

// What can be wrong with a record that is proper MessagePack.
var (
	errDepth  = errors.New("record is nested too deep")
	errRecord = errors.New("record is not a map")
	errKey    = errors.New("key is not a scalar")
	errEntry  = errors.New("entry is not a pair of time and record")
)

// eventTime is the extension type of times with nanoseconds: two big-endian
// 32-bit numbers, seconds and nanoseconds (Forward protocol v1, "EventTime Ext
// Format").
const eventTime = 0

// appendRecord appends the map at b[i] as a JSON object and returns the index
// after it.
func appendRecord(dst, b []byte, i int) ([]byte, int, error) {
	t, next, err := read(b, i)
	if err != nil {
		return dst, i, err
	}
	if t.kind != mapKind {
		return dst, i, errRecord
	}
	return appendMap(dst, b, next, t.size, 1)
}

func appendMap(dst, b []byte, i int, size uint64, depth int) ([]byte, int, error) {
	if depth > maxDepth {
		return dst, i, errDepth
	}
	dst = append(dst, '{')
	var err error
	for n := uint64(0); n < size; n += 2 {
		if n > 0 {
			dst = append(dst, ',')
		}
		if dst, i, err = appendKey(dst, b, i); err != nil {
			return dst, i, err
		}
		dst = append(dst, ':')
		if dst, i, err = appendValue(dst, b, i, depth); err != nil {
			return dst, i, err
		}
	}
	return append(dst, '}'), i, nil
}

func appendArray(dst, b []byte, i int, size uint64, depth int) ([]byte, int, error) {
	if depth > maxDepth {
		return dst, i, errDepth
	}
	dst = append(dst, '[')
	var err error
	for n := uint64(0); n < size; n++ {
		if n > 0 {
			dst = append(dst, ',')
		}
		if dst, i, err = appendValue(dst, b, i, depth); err != nil {
			return dst, i, err
		}
	}
	return append(dst, ']'), i, nil
}

// appendKey appends the scalar at b[i] as a JSON string: what is not text
// becomes the text of its value.
func appendKey(dst, b []byte, i int) ([]byte, int, error) {
	t, next, err := read(b, i)
	if err != nil {
		return dst, i, err
	}
	switch t.kind {
	case arrayKind, mapKind:
		return dst, i, errKey
	case strKind, binKind, extKind:
		return appendBytes(dst, b, next, t)
	}
	dst = append(dst, '"')
	dst = appendScalar(dst, t)
	return append(dst, '"'), next, nil
}

func appendValue(dst, b []byte, i, depth int) ([]byte, int, error) {
	t, next, err := read(b, i)
	if err != nil {
		return dst, i, err
	}
	switch t.kind {
	case strKind, binKind, extKind:
		return appendBytes(dst, b, next, t)
	case mapKind:
		return appendMap(dst, b, next, t.size, depth+1)
	case arrayKind:
		return appendArray(dst, b, next, t.size, depth+1)
	}
	return appendScalar(dst, t), next, nil
}

// appendBytes appends a str, bin or ext as a JSON string.
func appendBytes(dst, b []byte, i int, t token) ([]byte, int, error) {
	p, end, err := t.payload(b, i)
	if err != nil {
		return dst, i, err
	}
	switch {
	case t.kind == strKind, t.kind == binKind && utf8.Valid(p):
		return wire.AppendString(dst, p), end, nil
	case t.kind == extKind && t.ext == eventTime && len(p) == 8:
		dst = append(dst, '"')
		dst = eventTimeOf(p).AppendFormat(dst, time.RFC3339Nano)
		return append(dst, '"'), end, nil
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, p)
	return append(dst, '"'), end, nil
}

func appendScalar(dst []byte, t token) []byte {
	switch t.kind {
	case boolKind:
		return strconv.AppendBool(dst, t.bits == 1)
	case intKind:
		return strconv.AppendInt(dst, int64(t.bits), 10)
	case uintKind:
		return strconv.AppendUint(dst, t.bits, 10)
	case floatKind:
		return wire.AppendFloat(dst, t.float())
	case float32Kind:
		// The shortest digits for 32 bits: 0.1, not 0.10000000149011612.
		if f := t.float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.AppendFloat(dst, f, 'g', -1, 32)
		}
	}
	return append(dst, "null"...)
}

func eventTimeOf(p []byte) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint32(p)), int64(binary.BigEndian.Uint32(p[4:]))).UTC()
}

// readTime reads the time at b[i], in Unix milliseconds, and returns the index
// after it. Nil, and a time that is not after 1970, mean now, as they do to
// fluentd. Senders that keep metadata write the pair of time and metadata; the
// latter is skipped.
func readTime(b []byte, i int, now int64) (int64, int, error) {
	t, next, err := read(b, i)
	if err != nil {
		return 0, i, err
	}
	switch t.kind {
	case nilKind:
		return now, next, nil
	case intKind, uintKind, floatKind, float32Kind:
		return seconds(t, now), next, nil
	case extKind:
		p, end, err := t.payload(b, next)
		if err != nil {
			return 0, i, err
		}
		if t.ext != eventTime || len(p) != 8 {
			return 0, i, errEntry
		}
		return orNow(eventTimeOf(p).UnixMilli(), now), end, nil
	case arrayKind:
		return readTimePair(b, next, t.size, now)
	}
	return 0, i, errEntry
}

func readTimePair(b []byte, i int, size uint64, now int64) (int64, int, error) {
	if size != 2 || i < len(b) && b[i]&0xf0 == 0x90 {
		return 0, i, errEntry
	}
	ms, i, err := readTime(b, i, now)
	if err != nil {
		return 0, i, err
	}
	end, err := skip(b, i)
	return ms, end, err
}

// maxSeconds is the end of the year 9999: a larger number is no time.
const maxSeconds = 253402300800

func seconds(t token, now int64) int64 {
	if t.kind == uintKind && t.bits < maxSeconds {
		return orNow(int64(t.bits)*1000, now)
	}
	f := t.float()
	if !(f > 0 && f < maxSeconds) {
		return now
	}
	return orNow(int64(math.Round(f*1000)), now)
}

func orNow(ms, now int64) int64 {
	if ms <= 0 {
		return now
	}
	return ms
}
