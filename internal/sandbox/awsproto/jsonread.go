package awsproto

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader reads JSON (RFC 8259) from a buffer in one pass, without a tree.
type jsonReader struct {
	data    []byte
	pos     int
	depth   int
	started bool // a value was read in the list or map at hand: a comma is due
	scratch []byte
}

func (r *jsonReader) space() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *jsonReader) syntax() error {
	if r.pos >= len(r.data) {
		return errTruncated
	}
	return fmt.Errorf("unexpected character %q at offset %d", r.data[r.pos], r.pos)
}

func (r *jsonReader) peek() (valueKind, error) {
	r.space()
	if r.pos >= len(r.data) {
		return valueNone, nil
	}
	switch c := r.data[r.pos]; {
	case c == '"':
		return valueString, nil
	case c == '{':
		return valueMap, nil
	case c == '[':
		return valueList, nil
	case c == 'n':
		return valueNull, nil
	case c == 't', c == 'f':
		return valueBool, nil
	case c == '-', c >= '0' && c <= '9':
		return valueNumber, nil
	}
	return valueNone, r.syntax()
}

func (r *jsonReader) literal(s string) error {
	if len(r.data)-r.pos < len(s) || string(r.data[r.pos:r.pos+len(s)]) != s {
		return r.syntax()
	}
	r.pos += len(s)
	return nil
}

func (r *jsonReader) null() error { r.space(); return r.literal("null") }

func (r *jsonReader) boolean() (bool, error) {
	k, err := r.peek()
	if err != nil {
		return false, err
	}
	if k != valueBool {
		return false, wrongType(k, "a boolean")
	}
	if r.data[r.pos] == 't' {
		return true, r.literal("true")
	}
	return false, r.literal("false")
}

// number returns the text of a number, checked against the grammar.
func (r *jsonReader) number(want string) ([]byte, bool, error) {
	k, err := r.peek()
	if err != nil {
		return nil, false, err
	}
	if k != valueNumber {
		return nil, false, wrongType(k, want)
	}
	start, whole := r.pos, true
	if r.data[r.pos] == '-' {
		r.pos++
	}
	first := r.pos
	if !r.digits() {
		return nil, false, r.syntax()
	}
	if r.data[first] == '0' && r.pos > first+1 {
		r.pos = first + 1
		return nil, false, r.syntax()
	}
	if r.pos < len(r.data) && r.data[r.pos] == '.' {
		whole = false
		r.pos++
		if !r.digits() {
			return nil, false, r.syntax()
		}
	}
	if r.pos < len(r.data) && (r.data[r.pos] == 'e' || r.data[r.pos] == 'E') {
		whole = false
		r.pos++
		if r.pos < len(r.data) && (r.data[r.pos] == '+' || r.data[r.pos] == '-') {
			r.pos++
		}
		if !r.digits() {
			return nil, false, r.syntax()
		}
	}
	return r.data[start:r.pos], whole, nil
}

func (r *jsonReader) digits() bool {
	start := r.pos
	for r.pos < len(r.data) && r.data[r.pos] >= '0' && r.data[r.pos] <= '9' {
		r.pos++
	}
	return r.pos > start
}

func (r *jsonReader) integer() (int64, error) {
	b, whole, err := r.number("an integer")
	if err != nil {
		return 0, err
	}
	if whole {
		if v, ok := parseInt(b); ok {
			return v, nil
		}
		return 0, errors.New("number is out of the range of a long")
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return 0, errors.New("number is out of range")
	}
	return wholeFloat(f)
}

// wholeFloat is f as an integer, which it must be.
func wholeFloat(f float64) (int64, error) {
	if f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return 0, errors.New("number is not an integer")
	}
	return int64(f), nil
}

// parseInt is strconv.ParseInt for checked text, without the string.
func parseInt(b []byte) (int64, bool) {
	neg := b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) > 18 { // may overflow
		v, err := strconv.ParseInt(string(b), 10, 64)
		if neg {
			v, err = strconv.ParseInt("-"+string(b), 10, 64)
		}
		return v, err == nil
	}
	var v int64
	for _, c := range b {
		v = v*10 + int64(c-'0')
	}
	if neg {
		v = -v
	}
	return v, true
}

// float also takes the strings in which JSON carries what it has no number for
// (awsJson: NaN, Infinity, -Infinity).
func (r *jsonReader) float() (float64, error) {
	k, err := r.peek()
	if err != nil {
		return 0, err
	}
	if k == valueString {
		s, err := r.text()
		if err != nil {
			return 0, err
		}
		return specialFloat(s)
	}
	b, _, err := r.number("a double")
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return 0, errors.New("number is out of the range of a double")
	}
	return f, nil
}

func specialFloat(s string) (float64, error) {
	switch s {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	return 0, wrongType(valueString, "a double")
}

// time is a number of seconds since the epoch, with a fraction perhaps.
func (r *jsonReader) time() (time.Time, error) {
	b, whole, err := r.number("a timestamp")
	if err != nil {
		return time.Time{}, err
	}
	if whole {
		if v, ok := parseInt(b); ok {
			return epoch(float64(v))
		}
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return time.Time{}, errors.New("timestamp is out of range")
	}
	return epoch(f)
}

// epoch is the instant f seconds after 1970. A double resolves about a quarter
// of a microsecond at today's dates, so the result is rounded to microseconds.
func epoch(f float64) (time.Time, error) {
	// The range in which a year has four digits, which answers rely on.
	if math.IsNaN(f) || f < -62135596800 || f > 253402300799 {
		return time.Time{}, errors.New("timestamp is out of range")
	}
	sec := math.Floor(f)
	return time.Unix(int64(sec), int64(math.Round((f-sec)*1e6))*1000).UTC(), nil
}

func (r *jsonReader) blob() ([]byte, error) {
	raw, err := r.raw()
	if err != nil {
		return nil, err
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(raw)))
	n, err := base64.StdEncoding.Decode(out, raw)
	if err != nil {
		return nil, errors.New("string is not base64")
	}
	return out[:n], nil
}

func (r *jsonReader) text() (string, error) {
	b, err := r.raw()
	return string(b), err
}

// raw returns the bytes of a string, unescaped. They are the input's own or
// the reader's scratch, and valid until the next call.
func (r *jsonReader) raw() ([]byte, error) {
	k, err := r.peek()
	if err != nil {
		return nil, err
	}
	if k != valueString {
		return nil, wrongType(k, "a string")
	}
	r.pos++
	start, ascii := r.pos, true
	for {
		if r.pos += special(r.data[r.pos:]); r.pos >= len(r.data) {
			return nil, errTruncated
		}
		switch c := r.data[r.pos]; {
		case c == '"':
			b := r.data[start:r.pos]
			if !ascii && !utf8.Valid(b) {
				r.pos = start
				return r.unescape(start)
			}
			r.pos++
			return b, nil
		case c == '\\':
			return r.unescape(start)
		case c < 0x20:
			return nil, r.syntax()
		}
		ascii = false
		r.pos++
	}
}

// unescape finishes raw for a string that is not its own text.
func (r *jsonReader) unescape(start int) ([]byte, error) {
	out := append(r.scratch[:0], r.data[start:r.pos]...)
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		switch {
		case c == '"':
			r.pos++
			if !utf8.Valid(out) {
				out = []byte(string([]rune(string(out))))
			}
			r.scratch = out
			return out, nil
		case c < 0x20:
			return nil, r.syntax()
		case c == '\\':
			// Most messages are JSON, and most of their escapes quotes.
			if next := r.pos + 1; next < len(r.data) && r.data[next] == '"' {
				out = append(out, '"')
				r.pos += 2
				continue
			}
			var err error
			if out, err = r.escape(out); err != nil {
				return nil, err
			}
		default:
			// c itself is plain, or beyond ASCII and to be taken as it is.
			var n int
			out, n = appendPlain(append(out, c), r.data[r.pos+1:])
			r.pos += 1 + n
		}
	}
	return nil, errTruncated
}

func (r *jsonReader) escape(out []byte) ([]byte, error) {
	if r.pos+1 >= len(r.data) {
		return nil, errTruncated
	}
	r.pos++
	c := r.data[r.pos]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return r.unicode(out)
	default:
		return nil, r.syntax()
	}
	r.pos++
	return append(out, c), nil
}

// unicode reads \uXXXX from its u. A lone surrogate becomes U+FFFD.
func (r *jsonReader) unicode(out []byte) ([]byte, error) {
	u, ok := r.hex4(r.pos + 1)
	if !ok {
		return nil, r.syntax()
	}
	r.pos += 5
	if utf16.IsSurrogate(u) {
		low, ok := rune(0), false
		if r.pos+1 < len(r.data) && r.data[r.pos] == '\\' && r.data[r.pos+1] == 'u' {
			low, ok = r.hex4(r.pos + 2)
		}
		pair := utf16.DecodeRune(u, low)
		if ok && pair != utf8.RuneError {
			r.pos += 6
		}
		u = pair
	}
	return utf8.AppendRune(out, u), nil
}

func (r *jsonReader) hex4(at int) (rune, bool) {
	if at+4 > len(r.data) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(r.data[at:at+4]), 16, 16)
	return rune(v), err == nil
}
