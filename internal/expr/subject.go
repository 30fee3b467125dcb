package expr

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/loglevel"
)

// Subject is the event that an expression is asked about. It remembers what was
// found out about it, so that several expressions share the work. It borrows
// the body. The zero Subject is an empty event.
type Subject struct {
	source, body []byte
	doc          jsonscan.Value
	level        loglevel.Level
	parsed       bool
	leveled      bool
	// scratch holds the texts of strings with escapes.
	scratch []byte
}

// Reset makes s the event body of source. It keeps s's memory.
func (s *Subject) Reset(source string, body []byte) {
	s.source = append(s.source[:0], source...)
	s.body, s.doc = body, jsonscan.Value{}
	s.parsed, s.leveled = false, false
	s.scratch = s.scratch[:0]
}

// Next makes s another event of the same source.
func (s *Subject) Next(body []byte) {
	s.body, s.doc = body, jsonscan.Value{}
	s.parsed, s.leveled = false, false
	s.scratch = s.scratch[:0]
}

// Level returns how severe the event is, Unknown if it does not say.
func (s *Subject) Level() loglevel.Level {
	if !s.leveled {
		s.level, s.leveled = loglevel.Of(s.body), true
	}
	return s.level
}

// orInfo is the level that expressions compare: losing what does not say how
// severe it is would be worse than keeping it.
func (s *Subject) orInfo() loglevel.Level {
	if l := s.Level(); l != loglevel.Unknown {
		return l
	}
	return loglevel.Info
}

// Document returns the JSON object that the body is, or a Missing value.
func (s *Subject) Document() jsonscan.Value {
	if !s.parsed {
		s.parsed = true
		if v := jsonscan.Document(s.body); v.Kind == jsonscan.Object {
			s.doc = v
		}
	}
	return s.doc
}

// member returns the value at path in v: of the member called so, or of the
// rest of the path in the object that its first part names.
func member(v jsonscan.Value, path []byte) jsonscan.Value {
	var inner jsonscan.Value
	var rest []byte
	for sc := v.Scan(); sc.Next(); {
		if bytes.Equal(sc.Key, path) {
			return sc.Value
		}
		if n := len(sc.Key); sc.Value.Kind == jsonscan.Object && inner.Kind == jsonscan.Missing &&
			n < len(path) && path[n] == '.' && bytes.HasPrefix(path, sc.Key) {
			inner, rest = sc.Value, path[n+1:]
		}
	}
	if inner.Kind == jsonscan.Missing {
		return inner
	}
	return member(inner, rest)
}

// message returns the text of the event.
func (s *Subject) message() value {
	doc := s.Document()
	if doc.Kind == jsonscan.Missing {
		return value{kind: textValue, text: s.body}
	}
	for sc := doc.Scan(); sc.Next(); {
		switch string(sc.Key) {
		case "message", "msg", "log", "body":
			return s.value(sc.Value)
		}
	}
	return value{}
}

// value is what v means in an expression.
func (s *Subject) value(v jsonscan.Value) value {
	switch v.Kind {
	case jsonscan.Missing, jsonscan.Null:
		return value{}
	case jsonscan.True:
		return value{kind: boolValue, truth: true}
	case jsonscan.False:
		return value{kind: boolValue}
	case jsonscan.Number:
		return value{kind: numberValue, text: v.Raw}
	case jsonscan.String:
		inner := v.Raw[1 : len(v.Raw)-1]
		if bytes.IndexByte(inner, '\\') < 0 {
			return value{kind: textValue, text: inner}
		}
		n := len(s.scratch)
		s.scratch = jsonscan.Unescape(s.scratch, inner)
		return value{kind: textValue, text: s.scratch[n:len(s.scratch):len(s.scratch)]}
	}
	return value{kind: textValue, text: v.Raw}
}
