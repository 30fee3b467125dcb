package awsproto

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Major types of CBOR (RFC 8949, section 3.1).
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorList
	majorMap
	majorTag
	majorSimple
)

// Additional information (section 3): an indefinite length, and the byte that
// ends one; and the simple values and float widths of major type 7.
const (
	infoIndefinite = 31
	cborBreak      = 0xff

	simpleFalse     = 20
	simpleTrue      = 21
	simpleNull      = 22
	simpleUndefined = 23
	infoHalf        = 25
	infoSingle      = 26
	infoDouble      = 27

	tagEpoch = 1 // section 3.4.2
)

// cborReader reads CBOR in definite and indefinite lengths. Smithy RPC v2 CBOR
// uses text keys, doubles, integers below 2^64 and tag 1 for times; other tags
// are refused where a value is read and passed over where it is skipped.
type cborReader struct {
	data []byte
	pos  int
	left []int64 // elements or pairs to come in each open list or map; -1: until a break
}

// head reads an initial byte and its argument.
func (r *cborReader) head() (major, info byte, arg uint64, err error) {
	if r.pos >= len(r.data) {
		return 0, 0, 0, errTruncated
	}
	b := r.data[r.pos]
	r.pos++
	major, info = b>>5, b&31
	switch {
	case info < 24:
		return major, info, uint64(info), nil
	case info <= infoDouble:
		n := 1 << (info - 24)
		if len(r.data)-r.pos < n {
			return 0, 0, 0, errTruncated
		}
		var buf [8]byte
		copy(buf[8-n:], r.data[r.pos:r.pos+n])
		r.pos += n
		return major, info, binary.BigEndian.Uint64(buf[:]), nil
	case info == infoIndefinite && major >= majorBytes && major != majorTag:
		return major, info, 0, nil
	}
	return 0, 0, 0, fmt.Errorf("invalid initial byte 0x%02x at offset %d", b, r.pos-1)
}

func (r *cborReader) peek() (valueKind, error) {
	if r.pos >= len(r.data) {
		return valueNone, nil
	}
	b := r.data[r.pos]
	switch b >> 5 {
	case majorUint, majorNegative:
		return valueNumber, nil
	case majorBytes:
		return valueBytes, nil
	case majorText:
		return valueString, nil
	case majorList:
		return valueList, nil
	case majorMap:
		return valueMap, nil
	case majorTag:
		return valueTime, nil
	}
	switch b & 31 {
	case simpleFalse, simpleTrue:
		return valueBool, nil
	case simpleNull, simpleUndefined:
		return valueNull, nil
	case infoHalf, infoSingle, infoDouble:
		return valueNumber, nil
	}
	return valueNone, fmt.Errorf("invalid initial byte 0x%02x at offset %d", b, r.pos)
}

func (r *cborReader) want(want valueKind, name string) error {
	k, err := r.peek()
	if err != nil {
		return err
	}
	if k != want {
		return wrongType(k, name)
	}
	return nil
}

func (r *cborReader) null() error {
	if err := r.want(valueNull, "null"); err != nil {
		return err
	}
	r.pos++
	return nil
}

func (r *cborReader) boolean() (bool, error) {
	if err := r.want(valueBool, "a boolean"); err != nil {
		return false, err
	}
	b := r.data[r.pos]
	r.pos++
	return b&31 == simpleTrue, nil
}

func (r *cborReader) integer() (int64, error) {
	if err := r.want(valueNumber, "an integer"); err != nil {
		return 0, err
	}
	major, info, arg, err := r.head()
	if err != nil {
		return 0, err
	}
	switch {
	case major == majorSimple:
		return wholeFloat(cborFloat(info, arg))
	case arg > math.MaxInt64:
		return 0, errors.New("number is out of the range of a long")
	case major == majorNegative:
		return -1 - int64(arg), nil
	}
	return int64(arg), nil
}

func (r *cborReader) float() (float64, error) {
	if err := r.want(valueNumber, "a double"); err != nil {
		return 0, err
	}
	major, info, arg, err := r.head()
	if err != nil {
		return 0, err
	}
	switch major {
	case majorUint:
		return float64(arg), nil
	case majorNegative:
		return -1 - float64(arg), nil
	}
	return cborFloat(info, arg), nil
}

func cborFloat(info byte, arg uint64) float64 {
	switch info {
	case infoDouble:
		return math.Float64frombits(arg)
	case infoSingle:
		return float64(math.Float32frombits(uint32(arg)))
	}
	return halfFloat(uint16(arg))
}

// halfFloat widens an IEEE 754 binary16.
func halfFloat(h uint16) float64 {
	exp, frac := int(h>>10&31), float64(h&1023)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(frac, -24)
	case 31:
		f = math.Inf(1)
		if frac != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(frac+1024, exp-25)
	}
	if h&0x8000 != 0 {
		f = -f
	}
	return f
}

func (r *cborReader) time() (time.Time, error) {
	if err := r.want(valueTime, "a timestamp"); err != nil {
		return time.Time{}, err
	}
	_, _, tag, err := r.head()
	if err != nil {
		return time.Time{}, err
	}
	if tag != tagEpoch {
		return time.Time{}, fmt.Errorf("tag %d is not a timestamp", tag)
	}
	f, err := r.float()
	if err != nil {
		return time.Time{}, err
	}
	return epoch(f)
}

func (r *cborReader) text() (string, error) {
	b, err := r.bytesOf(majorText, "a string")
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return strings.ToValidUTF8(string(b), string(utf8.RuneError)), nil
	}
	return string(b), nil
}

func (r *cborReader) blob() ([]byte, error) {
	b, err := r.bytesOf(majorBytes, "a byte string")
	return append([]byte{}, b...), err
}

// bytesOf reads a string of the major type. The result is the input's own
// memory unless the string came in chunks.
func (r *cborReader) bytesOf(major byte, name string) ([]byte, error) {
	k, err := r.peek()
	if err != nil {
		return nil, err
	}
	if k == valueNone || r.data[r.pos]>>5 != major {
		return nil, wrongType(k, name)
	}
	_, info, arg, err := r.head()
	if err != nil {
		return nil, err
	}
	if info != infoIndefinite {
		return r.take(arg)
	}
	return r.chunks(major)
}

func (r *cborReader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.data)-r.pos) {
		return nil, errTruncated
	}
	b := r.data[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return b, nil
}

func (r *cborReader) chunks(want byte) ([]byte, error) {
	out := []byte{}
	for {
		if r.pos < len(r.data) && r.data[r.pos] == cborBreak {
			r.pos++
			return out, nil
		}
		major, info, arg, err := r.head()
		if err != nil {
			return nil, err
		}
		if major != want || info == infoIndefinite {
			return nil, errors.New("chunk of a string is of another type")
		}
		b, err := r.take(arg)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
}
