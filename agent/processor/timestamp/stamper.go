package timestamp

import (
	"bytes"
	"context"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// Stamper gives events the time that they carry. An event without one, or
// with one in the future, keeps the time of its arrival. It is used by one goroutine at a time.
type Stamper struct {
	// Key is the member of JSON documents that holds the time. Empty: the
	// members that are commonly called so, and the start of lines.
	Key string
	// Layout is how the time is written.
	Layout Layout

	scratch []byte
}

var _ sidelight.Processor = (*Stamper)(nil)

// ahead is how far behind its arrival an event may claim to lie, in
// milliseconds: PutLogEvents refuses what is more than two hours in the future.
// A time zone that is not configured right must not cost the events.
const ahead = 2 * 60 * 60 * 1000

// Process sets the events' times. It never fails.
func (s *Stamper) Process(_ context.Context, b *sidelight.Batch) error {
	for i := range b.Events {
		e := &b.Events[i]
		text := s.find(e.Body)
		if text == nil {
			continue
		}
		if ms, ok := s.Layout.Parse(text, e.Time); ok && ms <= e.Time+ahead {
			e.Time = ms
		}
	}
	return nil
}

// find returns the text of the body's time, or nil.
func (s *Stamper) find(body []byte) []byte {
	doc := jsonscan.Document(body)
	if doc.Kind != jsonscan.Object {
		if s.Key != "" {
			return nil
		}
		return s.Layout.Leading(body)
	}
	if s.Key != "" {
		return s.text(doc.Member(s.Key))
	}
	for sc := doc.Scan(); sc.Next(); {
		if isTime(sc.Key) {
			return s.text(sc.Value)
		}
	}
	return nil
}

// isTime reports whether key is what loggers call the time.
func isTime(key []byte) bool {
	switch string(key) {
	case "time", "timestamp", "ts", "@timestamp", "@t", "datetime", "asctime", "eventTime":
		return true
	}
	return false
}

func (s *Stamper) text(v jsonscan.Value) []byte {
	switch v.Kind {
	case jsonscan.Number:
		return v.Raw
	case jsonscan.String:
		inner := v.Raw[1 : len(v.Raw)-1]
		if bytes.IndexByte(inner, '\\') < 0 {
			return inner
		}
		s.scratch = jsonscan.Unescape(s.scratch[:0], inner)
		return s.scratch
	}
	return nil
}
