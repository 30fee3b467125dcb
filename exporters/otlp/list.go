package otlp

import (
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/logdoc"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// List reads the events of a finished body back. A log record comes back as a
// document that becomes the same record again, with the resource that it was sent
// with (docs/format/otlp-log-record.md). A span comes back as it was, with a text
// that says what it is.
func (c *encoder) List(body []byte, f func(event, text []byte)) error {
	switch c.signal {
	case sidelight.Logs:
		return listLogs(body, f)
	case sidelight.Traces:
		return listSpans(body, f)
	}
	return errors.New("metrics that were sent by OTLP are not read back")
}

func listLogs(body []byte, f func(event, text []byte)) error {
	var in otlpwire.Logs
	var docs logdoc.Writer
	var buf []byte
	return in.Decode(body, func() error {
		docs.Prepare(in.Resource.Attrs)
		if docs.Service == nil {
			// Without a service a document has no resource: it gets the agent's.
			docs.Prepare(nil)
		}
		return nil
	}, func() error {
		buf = docs.Append(buf[:0], &in.Scope, &in.Record, logdoc.Time(&in.Record, 0))
		f(buf, nil)
		return nil
	})
}

func listSpans(body []byte, f func(event, text []byte)) error {
	var in otlpwire.Traces
	var entry, text []byte
	return in.Decode(body, func() error { return nil }, func() error {
		entry = otlpwire.AppendEntry(entry[:0], &in.Group, in.Raw)
		text = appendSpanText(text[:0], &in)
		f(entry, text)
		return nil
	})
}

// appendSpanText appends what a person looks for in a span, as JSON.
func appendSpanText(dst []byte, in *otlpwire.Traces) []byte {
	s := &in.Span
	dst = wire.AppendString(append(dst, `{"name":`...), s.Name)
	for _, id := range [...]struct {
		name string
		id   []byte
	}{{"trace_id", s.TraceID}, {"span_id", s.SpanID}, {"parent_span_id", s.ParentID}} {
		if len(id.id) > 0 {
			dst = append(append(append(dst, `,"`...), id.name...), `":"`...)
			dst = append(hex.AppendEncode(dst, id.id), '"')
		}
	}
	dst = append(dst, `,"kind":`...)
	dst = strconv.AppendInt(dst, int64(s.Kind), 10)
	dst = appendTime(append(dst, `,"start":`...), s.Start)
	dst = appendTime(append(dst, `,"end":`...), s.End)
	if s.Status != 0 || len(s.Message) > 0 {
		dst = strconv.AppendInt(append(dst, `,"status":`...), int64(s.Status), 10)
		dst = wire.AppendString(append(dst, `,"message":`...), s.Message)
	}
	dst = appendMembers(append(dst, `,"attributes":`...), s.Attrs)
	dst = wire.AppendString(append(dst, `,"scope":`...), in.Scope.Name)
	return append(appendMembers(append(dst, `,"resource":`...), in.Resource.Attrs), '}')
}

func appendTime(dst []byte, ns uint64) []byte {
	dst = append(dst, '"')
	return append(time.Unix(0, int64(ns)).UTC().AppendFormat(dst, time.RFC3339Nano), '"')
}

func appendMembers(dst []byte, attrs []otlpwire.Attr) []byte {
	dst = append(dst, '{')
	for i, a := range attrs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = otlpwire.AppendMember(dst, a, 0)
	}
	return append(dst, '}')
}
