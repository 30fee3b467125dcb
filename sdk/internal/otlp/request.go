package otlp

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Resource is an encoded resource with its schema.
type Resource struct{ message, schema []byte }

// NewResource encodes res, which may be nil.
func NewResource(res *resource.Resource) Resource {
	body := appendSet(nil, 1, res.Set())
	return Resource{
		message: appendMessage(nil, 1, body),
		schema:  appendString(nil, 3, res.SchemaURL()),
	}
}

// Scope is an encoded instrumentation scope with its schema.
type Scope struct{ message, schema []byte }

// NewScope encodes s.
func NewScope(s instrumentation.Scope) Scope {
	body := appendString(nil, 1, s.Name)
	body = appendString(body, 2, s.Version)
	body = appendSet(body, 3, &s.Attributes)
	return Scope{
		message: appendMessage(nil, 1, body),
		schema:  appendString(nil, 3, s.SchemaURL),
	}
}

// Group is the items of one scope: contents of Span, Metric or LogRecord
// messages.
type Group struct {
	Scope Scope
	Items [][]byte
}

func (g *Group) size() int {
	n := len(g.Scope.message) + len(g.Scope.schema)
	for _, item := range g.Items {
		n += messageLen(len(item))
	}
	return n
}

// AppendRequest appends an ExportTraceServiceRequest, its metrics or its logs
// twin, with one resource.
func AppendRequest(b []byte, res Resource, groups []Group) []byte {
	size := len(res.message) + len(res.schema)
	for i := range groups {
		size += messageLen(groups[i].size())
	}
	b = appendTag(b, 1, wireBytes)
	b = binary.AppendUvarint(b, uint64(size))
	b = append(b, res.message...)
	for i := range groups {
		b = appendGroup(b, &groups[i])
	}
	return append(b, res.schema...)
}

func appendGroup(b []byte, g *Group) []byte {
	b = appendTag(b, 2, wireBytes)
	b = binary.AppendUvarint(b, uint64(g.size()))
	b = append(b, g.Scope.message...)
	for _, item := range g.Items {
		b = appendMessage(b, 2, item)
	}
	return append(b, g.Scope.schema...)
}

var errTruncated = errors.New("message is cut short")

// Partial reads an export response of any signal and returns how many items
// the receiver refused, and why. An empty body means that it took them all.
func Partial(body []byte) (rejected int64, message string, err error) {
	for field, value := range fields(body, &err) {
		if field != 1 || value.wire != wireBytes {
			continue
		}
		for f, v := range fields(value.raw, &err) {
			switch {
			case f == 1 && v.wire == wireVarint:
				rejected = int64(v.num)
			case f == 2 && v.wire == wireBytes:
				message = string(v.raw)
			}
		}
	}
	if err == nil && rejected < 0 {
		err = fmt.Errorf("read export response: %d rejected items", rejected)
	}
	return rejected, message, err
}

// value is a field's content: raw for bytes, else num.
type value struct {
	wire int
	num  uint64
	raw  []byte
}

// fields walks over the fields of a message. It stops at the first malformed
// one and says so in err.
func fields(b []byte, err *error) func(yield func(int, value) bool) {
	return func(yield func(int, value) bool) {
		for len(b) > 0 && *err == nil {
			tag, n := binary.Uvarint(b)
			if n <= 0 {
				*err = fmt.Errorf("read export response: %w", errTruncated)
				return
			}
			v, size := readValue(b[n:], int(tag&7))
			if size < 0 {
				*err = fmt.Errorf("read export response: field %d: %w", tag>>3, errTruncated)
				return
			}
			b = b[n+size:]
			if !yield(int(tag>>3), v) {
				return
			}
		}
	}
}

// readValue returns a size of -1 when b does not hold a whole value of the
// wire type.
func readValue(b []byte, wire int) (value, int) {
	switch wire {
	case wireVarint:
		v, n := binary.Uvarint(b)
		if n > 0 {
			return value{wire: wire, num: v}, n
		}
	case wireFixed64:
		if len(b) >= 8 {
			return value{wire: wire, num: binary.LittleEndian.Uint64(b)}, 8
		}
	case wireFixed32:
		if len(b) >= 4 {
			return value{wire: wire, num: uint64(binary.LittleEndian.Uint32(b))}, 4
		}
	case wireBytes:
		v, n := binary.Uvarint(b)
		if n > 0 && v <= uint64(len(b)-n) {
			end := n + int(v)
			return value{wire: wire, raw: b[n:end:end]}, end
		}
	}
	return value{}, -1
}
