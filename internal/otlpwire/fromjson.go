package otlpwire

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// JSON rewrites OTLP/JSON requests to the wire form. It is safe for concurrent
// use.
type JSON struct {
	// Traces, Logs and Metrics are the requests it knows.
	Traces, Logs, Metrics Request
}

// NewJSON returns a JSON.
func NewJSON() *JSON {
	j := &JSON{}
	j.Traces, j.Logs, j.Metrics = schema()
	return j
}

// Append appends the wire form of body, a request of kind r, to dst. As OTLP
// says, unknown members are ignored, ids are in hex, 64-bit integers may stand
// in quotes, and enumerations are numbers.
func (*JSON) Append(dst []byte, r Request, body []byte) ([]byte, error) {
	if !json.Valid(body) {
		return dst, fmt.Errorf("%w: not a JSON document", ErrMalformed)
	}
	doc := jsonscan.Document(body)
	if doc.Kind != jsonscan.Object {
		return dst, fmt.Errorf("%w: not a JSON object", ErrMalformed)
	}
	return r.root.append(dst, doc, 0)
}

func (m *message) append(dst []byte, object jsonscan.Value, depth int) ([]byte, error) {
	if depth > 2*maxDepth {
		return dst, fmt.Errorf("%w: values nest too deep", ErrMalformed)
	}
	var err error
	for s := object.Scan(); s.Next(); {
		f, known := m.members[string(s.Key)]
		if !known || s.Value.Kind == jsonscan.Null {
			continue
		}
		if s.Value.Kind != jsonscan.Array {
			if dst, err = f.append(dst, s.Value, depth); err != nil {
				return dst, fmt.Errorf("%s: %w", s.Key, err)
			}
			continue
		}
		for e := s.Value.Scan(); e.Next(); {
			if dst, err = f.append(dst, e.Value, depth); err != nil {
				return dst, fmt.Errorf("%s: %w", s.Key, err)
			}
		}
	}
	return dst, nil
}

func (f member) append(dst []byte, v jsonscan.Value, depth int) ([]byte, error) {
	switch f.form {
	case nested:
		if v.Kind != jsonscan.Object {
			return dst, mistyped(v, "an object")
		}
		dst = binary.AppendUvarint(dst, f.number<<3|bytesType)
		start := len(dst)
		dst, err := f.message.append(dst, v, depth+1)
		return prefix(dst, start), err
	case text, base64ed, hexed:
		return f.appendBytes(dst, v)
	case boolean:
		if v.Kind != jsonscan.True && v.Kind != jsonscan.False {
			return dst, mistyped(v, "true or false")
		}
		dst = binary.AppendUvarint(dst, f.number<<3|varintType)
		if v.Kind == jsonscan.True {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	}
	return f.appendNumber(dst, v)
}

func (f member) appendBytes(dst []byte, v jsonscan.Value) ([]byte, error) {
	if v.Kind != jsonscan.String {
		return dst, mistyped(v, "a string")
	}
	dst = binary.AppendUvarint(dst, f.number<<3|bytesType)
	start := len(dst)
	var err error
	switch s := v.Text(nil); f.form {
	case text:
		dst = append(dst, s...)
	case hexed:
		dst, err = hex.AppendDecode(dst, s)
	case base64ed:
		dst, err = base64.StdEncoding.AppendDecode(dst, s)
	}
	if err != nil {
		return dst, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	return prefix(dst, start), nil
}

func (f member) appendNumber(dst []byte, v jsonscan.Value) ([]byte, error) {
	if v.Kind != jsonscan.Number && v.Kind != jsonscan.String {
		return dst, mistyped(v, "a number")
	}
	s := string(v.Text(nil))
	if f.form == double {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return dst, mistyped(v, "a number")
		}
		dst = binary.AppendUvarint(dst, f.number<<3|fixed64Type)
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(x)), nil
	}
	n, ok := integer(s)
	if !ok {
		return dst, mistyped(v, "an integer")
	}
	switch f.form {
	case fixed64:
		dst = binary.AppendUvarint(dst, f.number<<3|fixed64Type)
		return binary.LittleEndian.AppendUint64(dst, n), nil
	case fixed32:
		dst = binary.AppendUvarint(dst, f.number<<3|fixed32Type)
		return binary.LittleEndian.AppendUint32(dst, uint32(n)), nil
	case zigzag:
		dst = binary.AppendUvarint(dst, f.number<<3|varintType)
		return binary.AppendVarint(dst, int64(n)), nil
	}
	dst = binary.AppendUvarint(dst, f.number<<3|varintType)
	return binary.AppendUvarint(dst, n), nil
}

// integer reads a signed or unsigned 64-bit integer, as its bits.
func integer(s string) (uint64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return uint64(n), true
	}
	if n, err := strconv.ParseUint(s, 10, 64); err == nil {
		return n, true
	}
	x, err := strconv.ParseFloat(s, 64) // protobuf allows 1e3 and 1.0
	return uint64(int64(x)), err == nil && x == math.Trunc(x) && math.Abs(x) < 1<<53
}

// prefix puts the length of dst[start:] in front of it.
func prefix(dst []byte, start int) []byte {
	n := len(dst) - start
	var buf [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(buf[:], uint64(n))
	dst = append(dst, buf[:size]...)
	copy(dst[start+size:], dst[start:start+n])
	copy(dst[start:], buf[:size])
	return dst
}

func mistyped(v jsonscan.Value, want string) error {
	return fmt.Errorf("%w: %.40s is not %s", ErrMalformed, v.Raw, want)
}
