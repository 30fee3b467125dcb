package xraydoc

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"strconv"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// maxExceptions bounds the exceptions of one cause. Further ones stay events.
const maxExceptions = 32

// derivedID returns an id that depends on the span and n only, so that a span
// which is translated twice gives the same one.
func derivedID(s *otlpwire.Span, n int) (id [8]byte) {
	h := fnv.New64a()
	h.Write(s.TraceID)
	h.Write(s.SpanID)
	var count [2]byte
	binary.BigEndian.PutUint16(count[:], uint16(n))
	h.Write(count[:])
	binary.BigEndian.PutUint64(id[:], max(h.Sum64(), 1)) // all zeros is no id
	return id
}

// exception is an exception event's attributes.
type exception struct{ kind, message, stack otlpwire.Value }

func exceptionOf(e *otlpwire.SpanEvent) (x exception) {
	for _, a := range e.Attrs {
		switch string(a.Key) {
		case "exception.type":
			x.kind = a.Value
		case "exception.message":
			x.message = a.Value
		case "exception.stacktrace":
			x.stack = a.Value
		}
	}
	return x
}

// told says which events the cause already tells about, by their index: the
// whole of them, or all but the stack; whether it has the status's message; and
// whether the document has the span's name.
type told struct {
	but, whole   uint64
	status, name bool
}

// cause writes what went wrong: the exceptions that the span recorded, whatever
// its status, else the message of a failed one.
func (x *translation) cause() {
	w := &x.w
	start, inside := w.open("cause")
	w.name("exceptions")
	w.dst = append(w.dst, '[')
	n := 0
	for i := range x.s.Events {
		if n == maxExceptions || i == 64 {
			break
		}
		if x.event(i, n) {
			n++
		}
	}
	if n == 0 {
		n = x.statusException()
	}
	if n == 0 {
		w.dst = w.dst[:inside]
		w.shut(start, inside)
		return
	}
	w.dst = append(w.dst, ']')
	w.shut(start, inside)
}

// event writes event i as exception n if it is one.
func (x *translation) event(i, n int) bool {
	e := &x.s.Events[i]
	switch string(e.Name) {
	case "exception":
		x.exception(i, n, exceptionOf(e))
		return true
	case "HTTP request failure":
		return x.callsAWS() && x.failure(e, n)
	}
	return false
}

func (x *translation) openException(n int) {
	x.w.comma()
	x.w.dst = append(x.w.dst, '{')
	id := derivedID(x.s, n+1)
	x.w.id("id", id[:])
}

// linkBits is above the bits of an exception's number in what its id is derived
// from.
const linkBits = 8

// exception writes event i as exception n, and behind it those that caused it.
func (x *translation) exception(i, n int, e exception) {
	w, c := &x.w, &x.d.chain
	c.parse(string(x.r.language), textOf(e.stack))
	c.links[0].kind, c.links[0].message = textOf(e.kind), textOf(e.message)
	for at, l := range c.links {
		x.openException(n + at<<linkBits)
		w.text("type", l.kind)
		w.text("message", l.message)
		if x.s.Kind == otlpwire.Client || x.s.Kind == otlpwire.Producer {
			w.boolean("remote", true)
		}
		x.stack(l)
		if at+1 < len(c.links) {
			id := derivedID(x.s, n+1+(at+1)<<linkBits)
			w.id("cause", id[:])
		}
		w.dst = append(w.dst, '}')
	}
	if bytes.Equal(x.s.Message, c.links[0].message) {
		x.told.status = true
	}
	x.told.but |= 1 << i
	if c.whole {
		x.told.whole |= 1 << i
	}
}

func textOf(v otlpwire.Value) []byte {
	if v.Kind == otlpwire.String {
		return v.Raw
	}
	return nil
}

// failure writes a failed attempt of an AWS call, which the SDK retried.
func (x *translation) failure(e *otlpwire.SpanEvent, n int) bool {
	var status, text otlpwire.Value
	for _, a := range e.Attrs {
		switch string(a.Key) {
		case "http.response.status_code":
			status = a.Value
		case "aws.http.error_message":
			text = a.Value
		}
	}
	code, ok := status.AsInt()
	if !ok || text.Kind != otlpwire.String {
		return false
	}
	w := &x.w
	x.openException(n)
	w.literal("type", "aws.http.error.event")
	w.name("message")
	w.dst = strconv.AppendInt(append(w.dst, '"'), code, 10)
	w.dst = append(appendSeconds(append(w.dst, '@'), e.Time), '@')
	w.dst = wire.AppendEscaped(w.dst, otlpwire.Cut(text.Raw, w.limit))
	w.dst = append(w.dst, '"')
	w.boolean("remote", true)
	w.dst = append(w.dst, '}')
	return true
}

// statusException writes the message of a failed span that recorded no
// exception.
func (x *translation) statusException() int {
	if x.s.Status != otlpwire.StatusError {
		return 0
	}
	message, kind := orElse(x.s.Message, x.a.text(httpStatusText)), x.errorType()
	if len(message) == 0 && kind == nil {
		return 0
	}
	x.openException(0)
	x.w.text("type", kind)
	x.w.text("message", message)
	x.w.dst = append(x.w.dst, '}')
	x.told.status = true
	return 1
}

// errorType returns what the stable conventions call the error, unless that is a
// status code, which says nothing of its own.
func (x *translation) errorType() []byte {
	kind := x.a.text(errorType)
	if len(kind) == 0 || kind[0] >= '0' && kind[0] <= '9' || string(kind) == "_OTHER" {
		return nil
	}
	return kind
}
