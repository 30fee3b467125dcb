package otlp

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/loglevel"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// The fields of a LogRecord.
const (
	fieldTime       = 1
	fieldSeverity   = 2
	fieldText       = 3
	fieldBody       = 5
	fieldAttributes = 6
	fieldDropped    = 7
	fieldTraceID    = 9
	fieldSpanID     = 10
	fieldEvent      = 12
)

// The fields of an AnyValue.
const (
	anyText   = 1
	anyBool   = 2
	anyInt    = 3
	anyDouble = 4
	anyList   = 5
	anyMap    = 6
)

// maxDepth is how deep the values of a document may nest; what is deeper stays
// the text that it is. Receivers refuse requests that nest too deep.
const maxDepth = 24

// severities are the SeverityNumbers of the levels.
var severities = [loglevel.Count]uint64{
	loglevel.Trace: 1, loglevel.Debug: 5, loglevel.Info: 9, loglevel.Notice: 10,
	loglevel.Warn: 13, loglevel.Error: 17, loglevel.Critical: 18, loglevel.Fatal: 21,
}

// document is what a JSON document says in members that have a meaning.
type document struct {
	whole jsonscan.Value

	time, level, text, body, traceID, spanID jsonscan.Value
	// These mean something beside a service only: then the document is one that
	// an agent made of a log record, or like it.
	service, environment, version, resource, attributes, scope, event, severity, dropped jsonscan.Value
}

// appendLog appends e as a record: bare, or with a resource if it says which.
func (c *encoder) appendLog(dst []byte, e *sidelight.Event) []byte {
	d := document{whole: jsonscan.Document(e.Body)}
	if d.whole.Kind != jsonscan.Object {
		return appendLine(dst, e)
	}
	d.read()
	if d.service.Kind != jsonscan.String {
		dst = otlpwire.Open(dst, 2)
		start := len(dst)
		return otlpwire.Close(d.appendRecord(dst, e), start)
	}
	dst = otlpwire.Open(dst, 1)
	entry := len(dst)
	dst = d.appendResource(dst)
	dst = otlpwire.Open(dst, 2)
	scope := len(dst)
	if d.scope.Kind == jsonscan.String {
		dst = otlpwire.Open(dst, 1)
		name := len(dst)
		dst = otlpwire.Close(appendText(dst, 1, d.scope), name)
	}
	dst = otlpwire.Open(dst, 2)
	record := len(dst)
	dst = d.appendRecord(dst, e)
	dst = otlpwire.Close(dst, record)
	dst = otlpwire.Close(dst, scope)
	return otlpwire.Close(dst, entry)
}

// appendLine appends a line of text, or bytes, as a bare record.
func appendLine(dst []byte, e *sidelight.Event) []byte {
	dst = otlpwire.Open(dst, 2)
	start := len(dst)
	dst = otlpwire.AppendFixed64(dst, fieldTime, uint64(e.Time)*1e6)
	dst = otlpwire.AppendUint(dst, fieldSeverity, severities[loglevel.Of(e.Body)])
	dst = otlpwire.Open(dst, fieldBody)
	body := len(dst)
	dst = appendUTF8(dst, anyText, e.Body)
	return otlpwire.Close(otlpwire.Close(dst, body), start)
}

// meaning returns where the member called key is kept, nil if it has no meaning.
func (d *document) meaning(key []byte) *jsonscan.Value {
	switch string(key) {
	case "time":
		return &d.time
	case "level":
		return &d.level
	case "msg", "message", "log":
		return &d.text
	case "body":
		return &d.body
	case "trace_id", "traceId":
		return &d.traceID
	case "span_id", "spanId":
		return &d.spanID
	case "service":
		return &d.service
	}
	return d.origin(key)
}

// origin is meaning beside a service.
func (d *document) origin(key []byte) *jsonscan.Value {
	switch string(key) {
	case "environment":
		return &d.environment
	case "version":
		return &d.version
	case "resource":
		return &d.resource
	case "attributes":
		return &d.attributes
	case "scope":
		return &d.scope
	case "event_name":
		return &d.event
	case "severity_text":
		return &d.severity
	case "dropped_attributes":
		return &d.dropped
	}
	return nil
}

// read finds the members that have a meaning. Of two, the first holds.
func (d *document) read() {
	for s := d.whole.Scan(); s.Next(); {
		if to := d.meaning(s.Key); to != nil && to.Kind == jsonscan.Missing {
			*to = s.Value
		}
	}
}

// taken reports whether the member v called key is said elsewhere in the record,
// and therefore no attribute. It must agree with what appendRecord does.
func (d *document) taken(key []byte, v jsonscan.Value, at int64) bool {
	to := d.meaning(key)
	if to == nil || !same(*to, v) {
		return false
	}
	switch to {
	case &d.time:
		_, ok := d.at(at)
		return ok
	case &d.level:
		return v.Kind == jsonscan.String
	case &d.text:
		return v.Kind == jsonscan.String
	case &d.body:
		return d.text.Kind != jsonscan.String
	case &d.traceID:
		return validTraceID(v)
	case &d.spanID:
		return validSpanID(v)
	}
	return d.service.Kind == jsonscan.String && d.fits(to)
}

// fits reports whether what says where the document comes from is of the kind
// that a record has for it.
func (d *document) fits(v *jsonscan.Value) bool {
	switch v {
	case &d.resource, &d.attributes:
		return v.Kind == jsonscan.Object
	case &d.dropped:
		_, ok := whole(*v)
		return ok
	}
	return v.Kind == jsonscan.String
}

// same reports whether two values lie at the same place.
func same(a, b jsonscan.Value) bool {
	return len(a.Raw) > 0 && len(b.Raw) > 0 && &a.Raw[0] == &b.Raw[0]
}

// at returns the member time in Unix nanoseconds if it is the time of the event,
// which has milliseconds only.
func (d *document) at(ms int64) (uint64, bool) {
	if d.time.Kind != jsonscan.String || len(d.time.Raw) > 40 || len(d.time.Raw) < 22 {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(d.time.Raw[1:len(d.time.Raw)-1]))
	if err != nil || t.UnixMilli() != ms {
		return 0, false
	}
	return uint64(t.UnixNano()), true
}

func (d *document) appendRecord(dst []byte, e *sidelight.Event) []byte {
	at, ok := d.at(e.Time)
	if !ok {
		at = uint64(e.Time) * 1e6
	}
	dst = otlpwire.AppendFixed64(dst, fieldTime, at)
	dst = otlpwire.AppendUint(dst, fieldSeverity, severities[loglevel.Of(e.Body)])
	origin := d.service.Kind == jsonscan.String
	switch {
	case origin && d.severity.Kind == jsonscan.String:
		dst = appendText(dst, fieldText, d.severity)
	case d.level.Kind == jsonscan.String:
		dst = appendText(dst, fieldText, d.level)
	}
	switch {
	case d.text.Kind == jsonscan.String:
		dst = appendAny(dst, fieldBody, d.text, 0)
	case d.body.Kind != jsonscan.Missing:
		dst = appendAny(dst, fieldBody, d.body, 0)
	}
	dst = d.appendAttributes(dst, e.Time, origin)
	if validTraceID(d.traceID) {
		dst = appendID(dst, fieldTraceID, d.traceID)
	}
	if validSpanID(d.spanID) {
		dst = appendID(dst, fieldSpanID, d.spanID)
	}
	if origin && d.event.Kind == jsonscan.String {
		dst = appendText(dst, fieldEvent, d.event)
	}
	return dst
}

func (d *document) appendAttributes(dst []byte, at int64, origin bool) []byte {
	for s := d.whole.Scan(); s.Next(); {
		if !d.taken(s.Key, s.Value, at) {
			dst = appendAttr(dst, fieldAttributes, s.Key, s.Value, 0)
		}
	}
	if !origin {
		return dst
	}
	if d.attributes.Kind == jsonscan.Object {
		for s := d.attributes.Scan(); s.Next(); {
			dst = appendAttr(dst, fieldAttributes, s.Key, s.Value, 0)
		}
	}
	if n, ok := whole(d.dropped); ok {
		dst = otlpwire.AppendUint(dst, fieldDropped, n)
	}
	return dst
}

// appendResource appends the field resource of a document with a service.
func (d *document) appendResource(dst []byte) []byte {
	dst = otlpwire.Open(dst, 1)
	start := len(dst)
	dst = appendAttr(dst, 1, []byte("service.name"), d.service, 0)
	if d.version.Kind == jsonscan.String {
		dst = appendAttr(dst, 1, []byte("service.version"), d.version, 0)
	}
	if d.environment.Kind == jsonscan.String {
		dst = appendAttr(dst, 1, []byte("deployment.environment.name"), d.environment, 0)
	}
	if d.resource.Kind == jsonscan.Object {
		for s := d.resource.Scan(); s.Next(); {
			dst = appendAttr(dst, 1, s.Key, s.Value, 0)
		}
	}
	return otlpwire.Close(dst, start)
}

// appendAttr appends a member as an attribute.
func appendAttr(dst []byte, field uint64, key []byte, v jsonscan.Value, depth int) []byte {
	dst = otlpwire.Open(dst, field)
	start := len(dst)
	dst = appendInside(dst, 1, key)
	return otlpwire.Close(appendAny(dst, 2, v, depth), start)
}

// appendAny appends v as a field of type AnyValue.
func appendAny(dst []byte, field uint64, v jsonscan.Value, depth int) []byte {
	dst = otlpwire.Open(dst, field)
	start := len(dst)
	switch v.Kind {
	case jsonscan.String:
		dst = appendText(dst, anyText, v)
	case jsonscan.True:
		dst = append(dst, anyBool<<3, 1)
	case jsonscan.False:
		dst = append(dst, anyBool<<3, 0)
	case jsonscan.Number:
		dst = appendNumber(dst, v.Raw)
	case jsonscan.Array, jsonscan.Object:
		dst = appendContainer(dst, v, depth)
	}
	return otlpwire.Close(dst, start)
}

func appendContainer(dst []byte, v jsonscan.Value, depth int) []byte {
	if depth >= maxDepth {
		return appendUTF8(dst, anyText, v.Raw)
	}
	field := uint64(anyList)
	if v.Kind == jsonscan.Object {
		field = anyMap
	}
	dst = otlpwire.Open(dst, field)
	start := len(dst)
	for s := v.Scan(); s.Next(); {
		if v.Kind == jsonscan.Object {
			dst = appendAttr(dst, 1, s.Key, s.Value, depth+1)
		} else {
			dst = appendAny(dst, 1, s.Value, depth+1)
		}
	}
	return otlpwire.Close(dst, start)
}

// appendNumber appends a number as an integer if it is written as one, else as a
// double; one that neither holds as its text.
func appendNumber(dst, raw []byte) []byte {
	if bytes.IndexByte(raw, '.') < 0 { // an error costs memory
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return binary.AppendUvarint(append(dst, anyInt<<3), uint64(n))
		}
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return appendUTF8(dst, anyText, raw)
	}
	return otlpwire.AppendFixed64(dst, anyDouble, math.Float64bits(f))
}

// appendText appends a JSON string as a field.
func appendText(dst []byte, field uint64, v jsonscan.Value) []byte {
	return appendInside(dst, field, v.Raw[1:len(v.Raw)-1])
}

// appendInside appends what the inside of a JSON string spells.
func appendInside(dst []byte, field uint64, s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 {
		return appendUTF8(dst, field, s)
	}
	dst = otlpwire.Open(dst, field)
	start := len(dst)
	dst = jsonscan.Unescape(dst, s)
	if utf8.Valid(dst[start:]) {
		return otlpwire.Close(dst, start)
	}
	fixed := bytes.ToValidUTF8(dst[start:], []byte("\uFFFD"))
	return otlpwire.Close(append(dst[:start], fixed...), start)
}

// appendUTF8 appends s as a field; protobuf's texts must be UTF-8.
func appendUTF8(dst []byte, field uint64, s []byte) []byte {
	if !utf8.Valid(s) {
		s = bytes.ToValidUTF8(s, []byte("\uFFFD"))
	}
	return otlpwire.AppendBytes(dst, field, s)
}

// whole returns a number that is a count.
func whole(v jsonscan.Value) (uint64, bool) {
	if v.Kind != jsonscan.Number {
		return 0, false
	}
	n, err := strconv.ParseUint(string(v.Raw), 10, 32)
	return n, err == nil && n > 0
}
