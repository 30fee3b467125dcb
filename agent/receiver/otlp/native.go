package otlp

import (
	"bytes"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/bothforms"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// native collects spans as they were sent, each with its resource and scope.
type native struct {
	buf      []byte
	spans    []nativeSpan
	out      []sidelight.Event
	resource []byte
}

// nativeSpan is where an entry ends in buf, and its time.
type nativeSpan struct {
	end int
	at  int64
}

func (n *native) reset() { n.buf, n.spans, n.out = n.buf[:0], n.spans[:0], n.out[:0] }

// prepare makes the resource of the spans to come: as it was sent, with the
// defaults for what it does not say. A name of the service that says nothing is
// left out.
func (n *native) prepare(r *otlpwire.Resource, defaults []otlpwire.Attr) {
	n.resource = n.resource[:0]
	var drop []byte
	missing := n.missing(r, defaults)
	for _, a := range missing {
		if string(a.Key) == "service.name" {
			drop = a.Key
		}
	}
	n.resource = otlpwire.AppendResource(n.resource, r.Raw, drop)
	for _, a := range missing {
		n.resource = otlpwire.AppendTextAttr(n.resource, 1, string(a.Key), string(a.Value.Raw))
	}
}

// missing returns the defaults that r does not say.
func (*native) missing(r *otlpwire.Resource, defaults []otlpwire.Attr) (out []otlpwire.Attr) {
	for _, d := range defaults {
		said := false
		for _, a := range r.Attrs {
			if bytes.Equal(a.Key, d.Key) {
				said = string(d.Key) != "service.name" || !bytes.HasPrefix(a.Value.Raw, []byte("unknown_service"))
			}
		}
		if !said {
			out = append(out, d)
		}
	}
	return out
}

// append adds the span at hand.
func (n *native) append(t *otlpwire.Traces, at int64) {
	g := t.Group
	g.Resource.Raw = n.resource
	n.buf = otlpwire.AppendEntry(n.buf, &g, t.Raw)
	n.spans = append(n.spans, nativeSpan{len(n.buf), at})
}

// pair adds the documents of the span at hand from the first on, the last of them
// with the span itself. Without all, the others are left out.
func (n *native) pair(s *scratch, first int, all bool, at int64) {
	last := len(s.docs.Ends) - 1
	for i := first; all && i < last; i++ {
		n.buf = append(n.buf, s.docs.Doc(i)...)
		n.spans = append(n.spans, nativeSpan{len(n.buf), at})
	}
	entry := len(s.native.buf)
	s.native.append(&s.traces, at)
	n.buf = bothforms.Append(n.buf, s.docs.Doc(last), s.native.buf[entry:])
	n.spans = append(n.spans, nativeSpan{len(n.buf), at})
	s.native.buf = s.native.buf[:entry]
}

// events returns an event for each span.
func (n *native) events() []sidelight.Event {
	start := 0
	for _, s := range n.spans {
		n.out = append(n.out, sidelight.Event{Time: s.at, Body: n.buf[start:s.end:s.end]})
		start = s.end
	}
	return n.out
}
