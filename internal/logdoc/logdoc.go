// Package logdoc makes JSON documents of OTLP's log records
// (docs/format/log-document.md): of those that arrive, and, to show them, of
// those that were sent on.
package logdoc

import (
	"bytes"
	"strconv"
	"time"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/wire"
	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

// Writer makes documents of log records. The names of their members are part of
// the product's interface:
//
//	time level msg | body  trace_id span_id  service environment version scope
//	event_name severity_text dropped_attributes  <attributes>  attributes  resource
//
// A record's attributes stand at the top under their own names, where queries
// find them. Those that would hide one of the members above stand in the object
// attributes.
//
// The zero Writer is ready; one goroutine at a time may use it.
type Writer struct {
	// Service is the name of the service of the resource at hand.
	Service []byte

	place []byte // members that all records of one resource have: service …
	rest  []byte // the member resource
}

// Prepare writes what the records of a resource have in common.
func (d *Writer) Prepare(attrs []otlpwire.Attr) {
	d.Service, d.place = nil, d.place[:0]
	var environment, old, version otlpwire.Attr
	for _, a := range attrs {
		switch string(a.Key) {
		case "service.name":
			d.Service = otlpwire.AppendText(nil, a.Value)
			d.place = member(d.place, "service", a.Value)
		case "deployment.environment.name":
			environment = a
		case "deployment.environment":
			old = a
		case "service.version":
			version = a
		}
	}
	if environment.Key == nil {
		environment = old
	}
	if environment.Key != nil {
		d.place = member(d.place, "environment", environment.Value)
	}
	if version.Key != nil {
		d.place = member(d.place, "version", version.Value)
	}
	d.resource(attrs)
}

// resource writes what the members of its own do not already say.
func (d *Writer) resource(attrs []otlpwire.Attr) {
	d.rest = append(d.rest[:0], `,"resource":{`...)
	empty := len(d.rest)
	for _, a := range attrs {
		switch string(a.Key) {
		case "service.name", "service.version", "deployment.environment.name", "deployment.environment":
			continue
		}
		if len(d.rest) > empty {
			d.rest = append(d.rest, ',')
		}
		d.rest = otlpwire.AppendMember(d.rest, a, 0)
	}
	if len(d.rest) == empty {
		d.rest = d.rest[:0]
		return
	}
	d.rest = append(d.rest, '}')
}

// member appends a comma and a member.
func member(dst []byte, name string, v otlpwire.Value) []byte {
	return otlpwire.AppendJSON(append(append(append(dst, `,"`...), name...), `":`...), v, 0)
}

func textMember(dst []byte, name string, s []byte) []byte {
	return wire.AppendString(append(append(append(dst, `,"`...), name...), `":`...), s)
}

// Time is when r happened in Unix nanoseconds, as far as it says; else now.
func Time(r *otlpwire.Record, now uint64) uint64 {
	switch {
	case r.Time != 0:
		return r.Time
	case r.Observed != 0:
		return r.Observed
	}
	return now
}

// Append appends the document of r, which happened at the Unix nanosecond at.
func (d *Writer) Append(b []byte, scope *otlpwire.Scope, r *otlpwire.Record, at uint64) []byte {
	b = append(b, `{"time":"`...)
	b = wire.AppendTime(b, time.Unix(0, int64(at)))
	b = append(b, '"')
	b = appendLevel(b, r)
	b = appendBody(b, r.Body)
	if len(r.TraceID) == 16 && !isZero(r.TraceID) {
		b = append(b, `,"trace_id":"`...)
		b = append(xraydoc.AppendTraceID(b, r.TraceID), '"')
	}
	if len(r.SpanID) == 8 && !isZero(r.SpanID) {
		b = append(b, `,"span_id":"`...)
		for _, c := range r.SpanID {
			b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
		b = append(b, '"')
	}
	b = append(b, d.place...)
	if len(scope.Name) > 0 {
		b = textMember(b, "scope", scope.Name)
	}
	if len(r.EventName) > 0 {
		b = textMember(b, "event_name", r.EventName)
	}
	b = appendAttributes(b, r.Attrs)
	if r.DroppedAttrs > 0 {
		b = strconv.AppendUint(append(b, `,"dropped_attributes":`...), uint64(r.DroppedAttrs), 10)
	}
	b = append(b, d.rest...)
	return append(b, '}')
}

func isZero(id []byte) bool {
	for _, c := range id {
		if c != 0 {
			return false
		}
	}
	return true
}

// levels are the names of OTLP's severities, four numbers each.
var levels = [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}

// appendLevel writes the level by the severity's number, so that it is spelled
// the same whatever library logged. A text that says something else is kept
// beside it.
func appendLevel(b []byte, r *otlpwire.Record) []byte {
	if r.Severity >= 1 && r.Severity <= 24 {
		level := levels[(r.Severity-1)/4]
		b = append(append(append(b, `,"level":"`...), level...), '"')
		if len(r.SeverityText) > 0 && !bytes.EqualFold(r.SeverityText, []byte(level)) {
			b = textMember(b, "severity_text", r.SeverityText)
		}
		return b
	}
	if len(r.SeverityText) > 0 {
		b = textMember(b, "level", bytes.ToUpper(r.SeverityText))
	}
	return b
}

func appendBody(b []byte, v otlpwire.Value) []byte {
	switch v.Kind {
	case otlpwire.Empty:
		return b
	case otlpwire.String:
		return textMember(b, "msg", v.Raw)
	}
	return member(b, "body", v)
}

// isTaken reports whether a top-level member of the name has a meaning of its
// own.
func isTaken(name []byte) bool {
	switch string(name) {
	case "time", "level", "msg", "body", "trace_id", "span_id", "service", "environment", "version", "scope",
		"event_name", "severity_text", "dropped_attributes", "attributes", "resource", "":
		return true
	}
	return false
}

func appendAttributes(b []byte, attrs []otlpwire.Attr) []byte {
	taken := 0
	for _, a := range attrs {
		if isTaken(a.Key) {
			taken++
			continue
		}
		b = otlpwire.AppendMember(append(b, ','), a, 0)
	}
	if taken == 0 {
		return b
	}
	b = append(b, `,"attributes":{`...)
	for _, a := range attrs {
		if isTaken(a.Key) {
			b = append(otlpwire.AppendMember(b, a, 0), ',')
		}
	}
	b[len(b)-1] = '}'
	return b
}
