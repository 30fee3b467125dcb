// Package spanfact reads from a span, or from an X-Ray segment document, what
// metrics and sampling need to know of it: whose it is, what was asked of whom,
// how it ended and how long it took. Both forms give the same facts, so that it
// does not matter how a service sends its traces.
//
// Facts borrow the memory that they were read from.
package spanfact

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// Role is what a span is to its service.
type Role uint8

// The roles. Local work is no request of anybody.
const (
	Local Role = iota
	// Entry is a request that the service answers: a SERVER or CONSUMER span, a
	// segment, or a root that is no call.
	Entry
	// Call is a request that the service makes.
	Call
)

// Fact is what is known of one span.
type Fact struct {
	Role Role
	// TraceID is 16 bytes; nil where the sender's is not valid.
	TraceID []byte
	// ID is that of a segment or subsegment as its document says it, nil if it
	// does not. Spans do not have it.
	ID []byte
	// Service and Environment are the sender's, nil if it did not say.
	Service, Environment []byte
	// Remote is the service that a Call calls, RemoteOperation what is asked of
	// it.
	Remote, RemoteOperation []byte
	// AWS says that the Remote is a service of AWS. Resource is what of it is
	// asked, such as a table, and ResourceType its type, as CloudFormation names
	// types; both are known or none.
	AWS                    bool
	Resource, ResourceType []byte
	// Port is that of the Remote, zero if the sender does not say it.
	Port int64
	// Operation is the name of the operation where the sender says it outright.
	// Else Verb and Object are its parts, such as GET and /orders/{id}, and
	// Joint is what stands between them.
	Operation, Verb, Object []byte
	Joint                   byte
	// Host, Method and Path are those of an HTTP request, as sampling rules
	// match them.
	Host, Method, Path []byte
	// Origin is the type of AWS resource that a segment's service runs on,
	// ResourceARN the resource. Spans do not have them.
	Origin, ResourceARN []byte
	// Start and End are in Unix nanoseconds. End is zero while the work goes on.
	Start, End uint64
	// Error is a fault of the caller, Throttle one of its kind, Fault one of the
	// service.
	Error, Fault, Throttle bool
	// Root says that there is no parent.
	Root bool
	// Decided says that the sender has already chosen this trace from others;
	// Unsampled that it chose to leave it out and sends it for its metrics.
	Decided, Unsampled bool
}

// Duration is how long the span took, in nanoseconds.
func (f *Fact) Duration() uint64 {
	if f.End <= f.Start {
		return 0
	}
	return f.End - f.Start
}

// AppendOperation appends the name of the operation: what the sender says, a
// route, or else the path with each part that looks like an id replaced by *.
func (f *Fact) AppendOperation(dst []byte) []byte {
	switch {
	case len(f.Operation) > 0:
		return appendTemplate(dst, f.Operation)
	case len(f.Object) > 0:
		if len(f.Verb) > 0 {
			dst = append(append(dst, f.Verb...), f.Joint)
		}
		return append(dst, f.Object...)
	case len(f.Path) > 0 && len(f.Method) > 0:
		return appendPath(append(append(dst, f.Method...), ' '), f.Path)
	case len(f.Verb) > 0:
		return append(dst, f.Verb...)
	case len(f.Method) > 0:
		return append(dst, f.Method...)
	}
	return append(dst, "UnknownOperation"...)
}

// AppendFirstPart appends the first part of the path, with * for what looks like
// an id, or nothing if there is no path.
func (f *Fact) AppendFirstPart(dst []byte) []byte {
	if len(f.Path) == 0 {
		return dst
	}
	path, _, _ := bytes.Cut(f.Path, []byte{'?'})
	first, _, _ := bytes.Cut(bytes.TrimPrefix(path, []byte{'/'}), []byte{'/'})
	return appendPath(dst, first)
}

// maxParts is how many parts of a path are kept.
const maxParts = 4

// appendPath appends a path without its query, with * for parts that look like
// ids, and for what stands behind the first few parts.
func appendPath(dst, path []byte) []byte {
	if i := bytes.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	path = bytes.TrimPrefix(path, []byte{'/'})
	for n := 0; ; n++ {
		dst = append(dst, '/')
		if n == maxParts {
			return append(dst, '*')
		}
		part, rest, more := bytes.Cut(path, []byte{'/'})
		if isName(part) {
			dst = append(dst, part...)
		} else {
			dst = append(dst, '*')
		}
		if path = rest; !more {
			return dst
		}
	}
}

// isName reports whether a part of a path looks like a word that a programmer
// chose: short, of letters, or a version such as v2.
func isName(part []byte) bool {
	if len(part) > 32 {
		return false
	}
	digits := 0
	for i, c := range part {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '-', c == '_', c == '.', c == '{', c == '}', c == ':', c == '*', c == '$':
		case c >= '0' && c <= '9' && i > 0:
			digits++
		default:
			return false
		}
	}
	return digits == 0 || digits <= 2 && part[0] == 'v' && len(part) <= 3
}

// appendTemplate appends a name in which every word that is a path is made a
// template: GET /orders/7 becomes GET /orders/*. A name without a path stays.
func appendTemplate(dst, name []byte) []byte {
	for len(name) > 0 {
		word, rest, more := bytes.Cut(name, []byte{' '})
		if len(word) > 0 && word[0] == '/' {
			dst = appendPath(dst, word)
		} else {
			dst = append(dst, word...)
		}
		if name = rest; more {
			dst = append(dst, ' ')
		}
	}
	return dst
}

// Sender is what a resource says of whose spans follow.
type Sender struct{ Service, Environment []byte }

// SenderOf reads a resource's attributes.
func SenderOf(attrs []otlpwire.Attr) (s Sender) {
	for i := range attrs {
		switch a := &attrs[i]; string(a.Key) {
		case "service.name", "aws.local.service":
			s.Service = text(a.Value)
		case "deployment.environment.name":
			s.Environment = text(a.Value)
		case "deployment.environment":
			if s.Environment == nil {
				s.Environment = text(a.Value)
			}
		}
	}
	return s
}

func text(v otlpwire.Value) []byte {
	if v.Kind != otlpwire.String || len(v.Raw) == 0 {
		return nil
	}
	return v.Raw
}
