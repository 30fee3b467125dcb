package spanfact

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// Document reads segment documents. It is scratch memory for one goroutine; the
// facts it gives are valid until the next document.
type Document struct {
	buf   []byte // of texts with escapes
	trace [16]byte
	one   Fact
}

// maxNesting is how deep subsegments are looked at.
const maxNesting = 32

// members are what a segment or subsegment says.
type members struct {
	id                        []byte
	name, namespace, service  []byte
	span                      []byte // the name of the span that this was
	route                     []byte
	subsegments               jsonscan.Value
	subsegment, going, parent bool
	operation, method, url    []byte
	resource, resourceType    []byte
	origin, arn               []byte
	start, end                uint64
	isError, fault, throttle  bool
	rule                      bool
	traceID                   bool
}

// Each calls f with the facts of the document: the segment's, and one for each
// call among its subsegments. Work that is in progress gives none: it is counted
// when it is over. What is not a document gives none either.
func (d *Document) Each(doc []byte, f func(*Fact)) {
	v := jsonscan.Document(doc)
	if v.Kind != jsonscan.Object {
		return
	}
	d.buf = d.buf[:0]
	m := d.read(v)
	if !m.going {
		d.one = d.fact(&m, nil, true)
		f(&d.one)
	}
	d.nested(&m, m.sender(), 0, f)
}

// Head returns the facts of the document itself, also of one in progress, and
// whether it could be read.
func (d *Document) Head(doc []byte) (Fact, bool) {
	v := jsonscan.Document(doc)
	if v.Kind != jsonscan.Object {
		return Fact{}, false
	}
	d.buf = d.buf[:0]
	m := d.read(v)
	f := d.fact(&m, nil, true)
	for s := m.subsegments.Scan(); s.Next(); {
		// A call that failed makes the trace worth as much as a service that did.
		sub := d.flags(s.Value)
		f.Error, f.Fault, f.Throttle = f.Error || sub.isError, f.Fault || sub.fault, f.Throttle || sub.throttle
	}
	return f, m.traceID
}

// sender is the service that a segment is of.
func (m *members) sender() []byte {
	switch {
	case m.subsegment:
		return nil
	case m.service != nil:
		return m.service
	}
	return m.name
}

func (d *Document) nested(m *members, service []byte, depth int, f func(*Fact)) {
	if depth == maxNesting {
		return
	}
	for s := m.subsegments.Scan(); s.Next(); {
		if s.Value.Kind != jsonscan.Object {
			continue
		}
		sub := d.read(s.Value)
		sub.subsegment = true
		sub.traceID = sub.traceID || m.traceID
		if sub.namespace != nil && !sub.going {
			d.one = d.fact(&sub, service, false)
			f(&d.one)
		}
		d.nested(&sub, service, depth+1, f)
	}
}

// flags reads only how a subsegment, or one within it, ended.
func (d *Document) flags(v jsonscan.Value) (m members) {
	for s := v.Scan(); s.Next(); {
		m.outcome(&s)
	}
	return m
}

func (m *members) outcome(s *jsonscan.Scanner) {
	switch string(s.Key) {
	case "error":
		m.isError = s.Value.Kind == jsonscan.True
	case "fault":
		m.fault = s.Value.Kind == jsonscan.True
	case "throttle":
		m.throttle = s.Value.Kind == jsonscan.True
	}
}

func (d *Document) fact(m *members, service []byte, top bool) (f Fact) {
	f = Fact{
		ID: m.id, Service: service, Method: m.method, Origin: m.origin, ResourceARN: m.arn, Start: m.start, End: m.end,
		Error: m.isError, Fault: m.fault, Throttle: m.throttle, Root: top && !m.parent, Decided: m.rule,
	}
	if m.traceID {
		f.TraceID = d.trace[:]
	}
	f.Host, f.Path = divideURL(m.url, nil)
	switch {
	case m.namespace != nil:
		f.Role, f.Remote, f.RemoteOperation = Call, m.name, m.operation
		f.AWS, f.Resource, f.ResourceType = string(m.namespace) == "aws", m.resource, m.resourceType
		if f.RemoteOperation == nil {
			f.RemoteOperation = m.method
		}
	case !m.subsegment:
		f.Role, f.Service = Entry, m.sender()
		if m.route != nil {
			f.Verb, f.Joint, f.Object = m.method, ' ', m.route
		} else if m.method == nil || f.Path == nil {
			if f.Operation = m.name; m.span != nil {
				f.Operation = m.span
			}
		}
	}
	if !m.subsegment && f.Service == nil {
		f.Service = m.sender()
	}
	return f
}

func (d *Document) text(v jsonscan.Value) []byte {
	if v.Kind != jsonscan.String {
		return nil
	}
	inner := v.Raw[1 : len(v.Raw)-1]
	if len(inner) == 0 {
		return nil
	}
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	n := len(d.buf)
	d.buf = jsonscan.Unescape(d.buf, inner)
	return d.buf[n:]
}

func (d *Document) read(v jsonscan.Value) (m members) {
	for s := v.Scan(); s.Next(); {
		switch string(s.Key) {
		case "id":
			m.id = d.text(s.Value)
		case "name":
			m.name = d.text(s.Value)
		case "namespace":
			m.namespace = d.text(s.Value)
		case "origin":
			m.origin = d.text(s.Value)
		case "resource_arn":
			m.arn = d.text(s.Value)
		case "type":
			m.subsegment = string(d.text(s.Value)) == "subsegment"
		case "trace_id":
			m.traceID = d.traceID(d.text(s.Value))
		case "parent_id":
			m.parent = d.text(s.Value) != nil
		case "in_progress":
			m.going = s.Value.Kind == jsonscan.True
		case "start_time":
			m.start = nanoseconds(s.Value)
		case "end_time":
			m.end = nanoseconds(s.Value)
		case "http":
			d.http(s.Value, &m)
		case "aws":
			d.aws(s.Value, &m)
		case "annotations", "metadata":
			d.routes(s.Value, &m)
		case "subsegments":
			m.subsegments = s.Value
		default:
			m.outcome(&s)
		}
	}
	return m
}

func (d *Document) http(v jsonscan.Value, m *members) {
	request := v.Member("request")
	for s := request.Scan(); s.Next(); {
		switch string(s.Key) {
		case "method":
			m.method = d.text(s.Value)
		case "url":
			m.url = d.text(s.Value)
		}
	}
}

func (d *Document) aws(v jsonscan.Value, m *members) {
	for s := v.Scan(); s.Next(); {
		switch string(s.Key) {
		case "operation":
			m.operation = d.text(s.Value)
		case "table_name":
			m.resource, m.resourceType = d.text(s.Value), typeTable
		case "queue_url":
			m.resource, m.resourceType = lastPart(d.text(s.Value), '/'), typeQueue
		case "topic_arn":
			m.resource, m.resourceType = lastPart(d.text(s.Value), ':'), typeTopic
		case "bucket_name":
			m.resource, m.resourceType = d.text(s.Value), typeBucket
		case "xray":
			m.rule = d.text(s.Value.Member("sampling_rule_name")) != nil
		}
	}
}

// routes finds what translation wrote into annotations, or into metadata under
// default.
func (d *Document) routes(v jsonscan.Value, m *members) {
	for s := v.Scan(); s.Next(); {
		switch string(s.Key) {
		case "default":
			if s.Value.Kind == jsonscan.Object {
				d.routes(s.Value, m)
			}
		case "otel":
			if s.Value.Kind == jsonscan.Object {
				m.span = d.text(s.Value.Member("name"))
			}
		case "http.route", "http_route":
			m.route = d.text(s.Value)
		case "otel.resource.service.name":
			m.service = d.text(s.Value)
		}
	}
}

// traceID reads 1-5759e988-bd862e3fe1be46a994272793.
func (d *Document) traceID(s []byte) bool {
	if len(s) != 35 || s[1] != '-' || s[10] != '-' {
		return false
	}
	if _, err := hex.Decode(d.trace[:4], s[2:10]); err != nil {
		return false
	}
	_, err := hex.Decode(d.trace[4:], s[11:])
	return err == nil && anyBit(d.trace[:])
}

func nanoseconds(v jsonscan.Value) uint64 {
	if v.Kind != jsonscan.Number {
		return 0
	}
	f, err := strconv.ParseFloat(string(v.Raw), 64)
	if err != nil || f < 0 || f > math.MaxInt64/1e9 {
		return 0
	}
	return uint64(math.Round(f*1e6)) * 1000
}

// Attribute returns the text of the attribute called name of a document, as
// translation or an SDK wrote it: an annotation, or metadata under default. It
// returns nil if there is none. The text borrows doc.
func Attribute(doc []byte, name string) []byte {
	v := jsonscan.Document(doc)
	for _, where := range [...]jsonscan.Value{v.Member("annotations"), v.Member("metadata").Member("default")} {
		if x := where.Member(name); x.Kind == jsonscan.String {
			return x.Text(nil)
		}
	}
	if under := strings.ReplaceAll(name, ".", "_"); under != name {
		if x := v.Member("annotations").Member(under); x.Kind == jsonscan.String {
			return x.Text(nil)
		}
	}
	return nil
}
