package otlpwire

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Kind tells what a Value is.
type Kind uint8

// The kinds of value. The zero Kind is that of a value which is not there.
const (
	Empty Kind = iota
	String
	Bool
	Int
	Double
	Array
	Map
	Bytes
)

// Value is an attribute's value or a log record's body.
type Value struct {
	Kind Kind
	bits uint64
	// Raw is the text of a String, the content of Bytes, or the still encoded
	// message of an Array or Map, known to be well formed.
	Raw []byte
}

// Attr is one attribute.
type Attr struct {
	Key   []byte
	Value Value
}

// maxDepth bounds how deep values nest, as protobuf's own decoders do.
const maxDepth = 64

// Bool returns the value of a Bool.
func (v Value) Bool() bool { return v.bits != 0 }

// Int returns the value of an Int.
func (v Value) Int() int64 { return int64(v.bits) }

// Double returns the value of a Double.
func (v Value) Double() float64 { return math.Float64frombits(v.bits) }

// StringValue returns the Value of a text.
func StringValue(s string) Value { return Value{Kind: String, Raw: []byte(s)} }

// AsInt returns the value of an Int, of a whole Double or of a String of
// digits, and whether it is one: senders do not agree on the types of numbers.
func (v Value) AsInt() (int64, bool) {
	switch v.Kind {
	case Int:
		return v.Int(), true
	case Double:
		f := v.Double()
		return int64(f), f == math.Trunc(f) && math.Abs(f) < 1<<53
	case String:
		if len(v.Raw) <= 20 {
			n, err := strconv.ParseInt(string(v.Raw), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// Each calls f with the elements of an Array, or with the attributes of a Map,
// until it returns false.
func (v Value) Each(f func(Attr) bool) {
	w := walk(v.Raw)
	for w.next() {
		if w.tag != 1<<3|bytesType {
			continue
		}
		var a Attr
		var err error
		if v.Kind == Map {
			a, err = decodeAttr(w.bytes, maxDepth)
		} else {
			a.Value, err = decodeValue(w.bytes, maxDepth)
		}
		if err != nil || !f(a) {
			return
		}
	}
}

func appendAttr(dst []Attr, b []byte) ([]Attr, error) {
	a, err := decodeAttr(b, 0)
	return append(dst, a), err
}

func decodeAttr(b []byte, depth int) (a Attr, err error) {
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			a.Key = f.bytes
		case 2<<3 | bytesType:
			if a.Value, err = decodeValue(f.bytes, depth); err != nil {
				return a, err
			}
		}
	}
	return a, f.err
}

// decodeValue decodes one AnyValue. What it nests is checked, unless depth is
// maxDepth: then it was checked before.
func decodeValue(b []byte, depth int) (v Value, err error) {
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			v = Value{Kind: String, Raw: f.bytes}
		case 2<<3 | varintType:
			v = Value{Kind: Bool, bits: f.bits}
		case 3<<3 | varintType:
			v = Value{Kind: Int, bits: f.bits}
		case 4<<3 | fixed64Type:
			v = Value{Kind: Double, bits: f.bits}
		case 5<<3 | bytesType:
			v = Value{Kind: Array, Raw: f.bytes}
		case 6<<3 | bytesType:
			v = Value{Kind: Map, Raw: f.bytes}
		case 7<<3 | bytesType:
			v = Value{Kind: Bytes, Raw: f.bytes}
		}
	}
	if f.err == nil && (v.Kind == Array || v.Kind == Map) && depth < maxDepth {
		err = v.check(depth + 1)
	}
	if f.err != nil {
		err = f.err
	}
	return v, err
}

func (v Value) check(depth int) (err error) {
	if depth == maxDepth {
		return fmt.Errorf("%w: values nest more than %d deep", ErrMalformed, maxDepth-1)
	}
	f := walk(v.Raw)
	for f.next() {
		if f.tag != 1<<3|bytesType {
			continue
		}
		if v.Kind == Map {
			_, err = decodeAttr(f.bytes, depth)
		} else {
			_, err = decodeValue(f.bytes, depth)
		}
		if err != nil {
			return err
		}
	}
	return f.err
}

// AppendJSON appends v as JSON: maps as objects, bytes in base64, a number that
// JSON does not have as text. Texts are cut to limit bytes, at a rune's start,
// unless limit is zero.
func AppendJSON(dst []byte, v Value, limit int) []byte {
	switch v.Kind {
	case String:
		return wire.AppendString(dst, Cut(v.Raw, limit))
	case Bool:
		return strconv.AppendBool(dst, v.Bool())
	case Int:
		return strconv.AppendInt(dst, v.Int(), 10)
	case Double:
		return appendDouble(dst, v.Double())
	case Array:
		dst, n := append(dst, '['), 0
		v.Each(func(a Attr) bool {
			dst = AppendJSON(comma(dst, n), a.Value, limit)
			n++
			return true
		})
		return append(dst, ']')
	case Map:
		dst, n := append(dst, '{'), 0
		v.Each(func(a Attr) bool {
			dst = AppendMember(comma(dst, n), a, limit)
			n++
			return true
		})
		return append(dst, '}')
	case Bytes:
		raw := v.Raw
		if limit > 0 && len(raw) > limit*3/4 {
			raw = raw[:limit*3/4]
		}
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), raw)
		return append(dst, '"')
	}
	return append(dst, "null"...)
}

// AppendMember appends a as a member of a JSON object, without a comma.
func AppendMember(dst []byte, a Attr, limit int) []byte {
	dst = append(wire.AppendString(dst, Cut(a.Key, limit)), ':')
	return AppendJSON(dst, a.Value, limit)
}

// AppendText appends v as a text without quotes: a String as it is, anything
// else as its JSON.
func AppendText(dst []byte, v Value) []byte {
	if v.Kind == String {
		return append(dst, v.Raw...)
	}
	return AppendJSON(dst, v, 0)
}

func comma(dst []byte, n int) []byte {
	if n > 0 {
		return append(dst, ',')
	}
	return dst
}

func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	return wire.AppendFloat(dst, f)
}

// Cut returns s, or as much of its beginning as has at most limit bytes and
// ends with a whole rune. Zero is no limit.
func Cut(s []byte, limit int) []byte {
	if limit <= 0 || len(s) <= limit {
		return s
	}
	end := limit
	for end > 0 && end > limit-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
