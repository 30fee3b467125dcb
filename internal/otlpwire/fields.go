// Package otlpwire reads OTLP export requests straight from the protobuf wire,
// without building a tree of messages: a request is walked, and each span, log
// record or metric is decoded into one reused view whose texts borrow the
// request's memory. Field numbers are those of opentelemetry-proto v1.
//
// OTLP/JSON is first rewritten to the wire form, so that both take one path.
//
// Texts are not checked to be UTF-8; AppendJSON repairs them. A request that is
// malformed anywhere gives an error that wraps ErrMalformed.
package otlpwire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is wrapped by every error of this package.
var ErrMalformed = errors.New("malformed request")

// The wire types of protobuf, the low three bits of a tag. Groups are long
// deprecated, were never part of OTLP, and are taken as malformed.
const (
	varintType  = 0
	fixed64Type = 1
	bytesType   = 2
	fixed32Type = 5
)

// fields walks the fields of one message.
type fields struct {
	rest []byte
	// tag is the field's number, shifted by three, and its wire type. A field
	// of another wire type than expected is thereby an unknown one, as protobuf
	// demands.
	tag   uint64
	bits  uint64 // of the three number types
	bytes []byte // of bytesType
	err   error
}

func walk(b []byte) fields { return fields{rest: b} }

// next moves to the next field and reports whether there is one. It stops for
// good at the end and at the first error.
func (f *fields) next() bool {
	if len(f.rest) == 0 || f.err != nil {
		return false
	}
	if f.tag = f.varint(); f.err != nil {
		return false
	}
	if n := f.tag >> 3; n == 0 || n > 1<<29-1 {
		return f.fail("field number %d", n)
	}
	switch f.tag & 7 {
	case varintType:
		f.bits = f.varint()
	case fixed64Type:
		if len(f.rest) < 8 {
			return f.fail("a fixed64 is cut short")
		}
		f.bits, f.rest = binary.LittleEndian.Uint64(f.rest), f.rest[8:]
	case fixed32Type:
		if len(f.rest) < 4 {
			return f.fail("a fixed32 is cut short")
		}
		f.bits, f.rest = uint64(binary.LittleEndian.Uint32(f.rest)), f.rest[4:]
	case bytesType:
		n := f.varint()
		if f.err != nil {
			return false
		}
		if n > uint64(len(f.rest)) {
			return f.fail("a field of %d bytes is cut short", n)
		}
		f.bytes, f.rest = f.rest[:n:n], f.rest[n:]
	default:
		return f.fail("wire type %d", f.tag&7)
	}
	return f.err == nil
}

func (f *fields) varint() uint64 {
	if len(f.rest) > 0 && f.rest[0] < 0x80 {
		v := f.rest[0]
		f.rest = f.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(f.rest)
	if n <= 0 {
		f.fail("a varint is cut short or too long")
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) fail(format string, args ...any) bool {
	f.err = fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	return false
}

// Group holds the resource and scope that the items at hand belong to. All
// three kinds of request nest the same way: a list of resources, each with a
// list of scopes, each with a list of items.
type Group struct {
	Resource Resource
	Scope    Scope
}

// Resource describes the sender.
type Resource struct {
	Attrs []Attr
	// Raw is the message as it was sent, SchemaURL what its attributes follow.
	Raw, SchemaURL []byte
}

// Scope describes the library that recorded.
type Scope struct {
	Name, Version []byte
	Attrs         []Attr
	// Raw is the message as it was sent, SchemaURL what the items follow.
	Raw, SchemaURL []byte
}

// each walks a request: resource is called for every resource, item for every
// item with its bytes. Resource and Scope are set before.
func (g *Group) each(body []byte, resource func() error, item func(raw []byte) error) error {
	f := walk(body)
	for f.next() {
		if f.tag != 1<<3|bytesType {
			continue
		}
		if err := g.resource(f.bytes, resource, item); err != nil {
			return err
		}
	}
	return f.err
}

// resource walks one resource's message twice, as the resource itself may stand
// behind what belongs to it.
func (g *Group) resource(b []byte, resource func() error, item func(raw []byte) error) error {
	g.Resource = Resource{Attrs: g.Resource.Attrs[:0]}
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			if err := g.Resource.decode(f.bytes); err != nil {
				return err
			}
		case 3<<3 | bytesType:
			g.Resource.SchemaURL = f.bytes
		}
	}
	if f.err != nil {
		return f.err
	}
	if err := resource(); err != nil {
		return err
	}
	for f = walk(b); f.next(); {
		if f.tag == 2<<3|bytesType {
			if err := g.scope(f.bytes, item); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Group) scope(b []byte, item func(raw []byte) error) error {
	g.Scope = Scope{Attrs: g.Scope.Attrs[:0]}
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			if err := g.Scope.decode(f.bytes); err != nil {
				return err
			}
		case 3<<3 | bytesType:
			g.Scope.SchemaURL = f.bytes
		}
	}
	if f.err != nil {
		return f.err
	}
	for f = walk(b); f.next(); {
		if f.tag == 2<<3|bytesType {
			if err := item(f.bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Resource) decode(b []byte) (err error) {
	r.Raw = b
	f := walk(b)
	for f.next() {
		if f.tag == 1<<3|bytesType {
			if r.Attrs, err = appendAttr(r.Attrs, f.bytes); err != nil {
				return err
			}
		}
	}
	return f.err
}

func (s *Scope) decode(b []byte) (err error) {
	s.Raw = b
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			s.Name = f.bytes
		case 2<<3 | bytesType:
			s.Version = f.bytes
		case 3<<3 | bytesType:
			if s.Attrs, err = appendAttr(s.Attrs, f.bytes); err != nil {
				return err
			}
		}
	}
	return f.err
}
