package spanfact

import (
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// Document reads segment documents, each byte once. It is scratch memory for one
// goroutine; the facts it gives are valid until the next document.
//
// What a document says may stand in any order, so its facts are complete only at
// its end. One that is not valid JSON, which X-Ray refuses, gives none, whatever
// stands before the error.
type Document struct {
	r     jsonscan.Reader
	trace [16]byte
	facts []Fact // the document's own, and those of the calls within it
	going bool   // the document's own work is in progress
	worst work   // how the worst of its subsegments ended
}

// work is what a segment or subsegment says of itself. Of its fact, Role and what
// depends on it are missing until the end.
type work struct {
	Fact
	name, namespace, service  []byte
	span                      []byte // the name of the span that this was
	route, operation, url     []byte
	resource, resourceType    []byte
	subsegment, going, parent bool
}

const (
	// maxNesting is how deep subsegments are looked at.
	maxNesting = 32
	// keptFacts is for how many facts memory is kept from one document to the next.
	keptFacts = 256
)

// Each calls f with the facts of the document: the segment's, and one for each
// call among its subsegments. Work that is in progress gives none: it is counted
// when it is over. What is not a document gives none either.
func (d *Document) Each(doc []byte, f func(*Fact)) {
	if !d.read(doc) {
		return
	}
	if !d.going {
		f(&d.facts[0])
	}
	for i := range d.facts[1:] {
		f(&d.facts[i+1])
	}
}

// Head returns the facts of the document itself, also of one in progress, and
// whether it could be read. A call that failed makes the trace worth as much as a
// service that did.
func (d *Document) Head(doc []byte) (Fact, bool) {
	if !d.read(doc) {
		return Fact{}, false
	}
	f := d.facts[0]
	f.Error, f.Fault, f.Throttle = f.Error || d.worst.Error, f.Fault || d.worst.Fault, f.Throttle || d.worst.Throttle
	return f, f.TraceID != nil
}

// read reads doc into d and reports whether it is a document.
func (d *Document) read(doc []byte) bool {
	if cap(d.facts) > keptFacts {
		d.facts = nil
	}
	d.r.Reset(doc)
	d.facts, d.worst = append(d.facts[:0], Fact{}), work{}
	if !d.r.Object() {
		return false
	}
	var w work
	d.work(&w, 0)
	if !d.r.Done() {
		return false
	}
	d.going = w.going
	w.Root, w.Service = !w.parent, w.sender()
	w.complete()
	d.facts[0] = w.Fact
	for i := range d.facts[1:] {
		call := &d.facts[i+1]
		call.TraceID, call.Service = w.TraceID, w.Service
	}
	return true
}

// sender is the service that a segment is of.
func (w *work) sender() []byte {
	switch {
	case w.subsegment:
		return nil
	case w.service != nil:
		return w.service
	}
	return w.name
}

// complete adds to the fact what depends on more than one member.
func (w *work) complete() {
	w.Host, w.Path = divideURL(w.url, nil)
	switch {
	case w.namespace != nil:
		w.Role, w.Remote, w.RemoteOperation = Call, w.name, w.operation
		w.AWS, w.Resource, w.ResourceType = string(w.namespace) == "aws", w.resource, w.resourceType
		if w.RemoteOperation == nil {
			w.RemoteOperation = w.Method
		}
	case w.subsegment: // local work
	case w.route != nil:
		w.Role, w.Verb, w.Joint, w.Object = Entry, w.Method, ' ', w.route
	default:
		w.Role = Entry
		if w.Method == nil || w.Path == nil {
			if w.Operation = w.span; w.span == nil {
				w.Operation = w.name
			}
		}
	}
}

// subsegments reads those of what is nested depth deep.
func (d *Document) subsegments(depth int) {
	if depth == maxNesting {
		d.r.Skip()
		return
	}
	for d.r.Array(); d.r.Element(); {
		d.subsegment(depth + 1)
	}
}

func (d *Document) subsegment(depth int) {
	at := len(d.facts)
	w := work{subsegment: true}
	d.r.Object()
	d.work(&w, depth)
	d.worst.Error, d.worst.Fault, d.worst.Throttle = d.worst.Error || w.Error, d.worst.Fault || w.Fault, d.worst.Throttle || w.Throttle
	if w.namespace == nil || w.going {
		return
	}
	w.complete()
	// Before the calls within it, which were read by now.
	d.facts = slices.Insert(d.facts, at, w.Fact)
}

// work reads the members of the object that is open.
func (d *Document) work(w *work, depth int) {
	for d.r.Member() {
		switch string(d.r.Key) {
		case "id":
			w.ID = d.text()
		case "name":
			w.name = d.text()
		case "namespace":
			w.namespace = d.text()
		case "origin":
			w.Origin = d.text()
		case "resource_arn":
			w.ResourceARN = d.text()
		case "type":
			w.subsegment = string(d.text()) == "subsegment" || depth > 0
		case "trace_id":
			w.TraceID = d.traceID(depth)
		case "parent_id":
			w.parent = d.text() != nil
		case "in_progress":
			w.going = d.r.True()
		case "start_time":
			w.Start = nanoseconds(d.r.Number())
		case "end_time":
			w.End = nanoseconds(d.r.Number())
		case "error":
			w.Error = d.r.True()
		case "fault":
			w.Fault = d.r.True()
		case "throttle":
			w.Throttle = d.r.True()
		case "http":
			d.http(w)
		case "aws":
			d.aws(w)
		case "annotations":
			d.attributes(w)
		case "metadata":
			d.metadata(w)
		case "subsegments":
			d.subsegments(depth)
		default:
			d.r.Skip()
		}
	}
}

// text takes a text, nil if it is empty or no text.
func (d *Document) text() []byte {
	if s := d.r.Text(); len(s) > 0 {
		return s
	}
	return nil
}

func (d *Document) http(w *work) {
	for d.r.Object(); d.r.Member(); {
		if string(d.r.Key) != "request" {
			d.r.Skip()
			continue
		}
		for d.r.Object(); d.r.Member(); {
			switch string(d.r.Key) {
			case "method":
				w.Method = d.text()
			case "url":
				w.url = d.text()
			default:
				d.r.Skip()
			}
		}
	}
}

func (d *Document) aws(w *work) {
	for d.r.Object(); d.r.Member(); {
		switch string(d.r.Key) {
		case "operation":
			w.operation = d.text()
		case "table_name":
			w.asks(typeTable, d.text())
		case "queue_url":
			w.asks(typeQueue, lastPart(d.text(), '/'))
		case "topic_arn":
			w.asks(typeTopic, lastPart(d.text(), ':'))
		case "bucket_name":
			w.asks(typeBucket, d.text())
		case "xray":
			for d.r.Object(); d.r.Member(); {
				if string(d.r.Key) == "sampling_rule_name" {
					w.Decided = d.text() != nil
				} else {
					d.r.Skip()
				}
			}
		default:
			d.r.Skip()
		}
	}
}

// asks notes what is asked of a service of AWS.
func (w *work) asks(kind, name []byte) {
	if len(name) > 0 {
		w.resource, w.resourceType = name, kind
	}
}

// metadata finds what translation wrote there.
func (d *Document) metadata(w *work) {
	for d.r.Object(); d.r.Member(); {
		switch string(d.r.Key) {
		case "default":
			d.attributes(w)
		case "otel":
			for d.r.Object(); d.r.Member(); {
				if string(d.r.Key) == "name" {
					w.span = d.text()
				} else {
					d.r.Skip()
				}
			}
		default:
			d.r.Skip()
		}
	}
}

// attributes finds those of a span that say what it is, among annotations or
// metadata.
func (d *Document) attributes(w *work) {
	for d.r.Object(); d.r.Member(); {
		switch string(d.r.Key) {
		case "http.route", "http_route":
			if s := d.text(); s != nil {
				w.route = s
			}
		case "otel.resource.service.name":
			if s := d.text(); s != nil {
				w.service = s
			}
		default:
			d.r.Skip()
		}
	}
}

// traceID takes 1-5759e988-bd862e3fe1be46a994272793, nil if it is not valid. What
// is nested is of the document's trace, whatever it says.
func (d *Document) traceID(depth int) []byte {
	s := d.r.Text()
	if depth > 0 || len(s) != 35 || s[0] != '1' || s[1] != '-' || s[10] != '-' {
		return nil
	}
	if _, err := hex.Decode(d.trace[:4], s[2:10]); err != nil {
		return nil
	}
	if _, err := hex.Decode(d.trace[4:], s[11:]); err != nil || !anyBit(d.trace[:]) {
		return nil
	}
	return d.trace[:]
}

// maxSeconds is the latest time that there is in nanoseconds.
const maxSeconds = math.MaxInt64/1_000_000_000 - 1

// nanoseconds reads a time in seconds as whole microseconds, which documents are
// exact to. What is no time, or none that nanoseconds can say, is zero.
func nanoseconds(s []byte) uint64 {
	seconds, tenths, i := uint64(0), uint64(0), 0 // tenths of microseconds
	for ; i < len(s) && isDigit(s[i]) && seconds <= maxSeconds; i++ {
		seconds = seconds*10 + uint64(s[i]-'0')
	}
	if i < len(s) && s[i] == '.' {
		i++
		for unit := uint64(1_000_000); i < len(s) && isDigit(s[i]); i++ {
			tenths += unit * uint64(s[i]-'0')
			unit /= 10
		}
	}
	if i < len(s) { // an exponent, or a sign
		f, err := strconv.ParseFloat(string(s), 64)
		if err != nil || f < 0 || f > maxSeconds {
			return 0
		}
		return uint64(math.Round(f*1e6)) * 1000
	}
	if seconds > maxSeconds {
		return 0
	}
	return seconds*1_000_000_000 + (tenths+5)/10*1000
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

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
