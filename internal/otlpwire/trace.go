package otlpwire

// SpanKind is opentelemetry.proto.trace.v1.Span.SpanKind.
type SpanKind int32

// The kinds of span.
const (
	Unspecified SpanKind = iota
	Internal
	Server
	Client
	Producer
	Consumer
)

// StatusError is the code of a failed span's status.
const StatusError = 2

// Span is one span. Everything in it is valid until the next one is decoded.
type Span struct {
	TraceID, SpanID, ParentID []byte // as sent: of any length
	TraceState, Name          []byte
	Kind                      SpanKind
	Start, End                uint64 // Unix nanoseconds
	Attrs                     []Attr
	Events                    []SpanEvent
	Links                     []Link
	Status                    int32
	Message                   []byte // of the status
	// Flags are W3C's trace flags in the lower eight bits. The ninth is set by
	// senders that know of the field.
	Flags uint32
	// DroppedAttrs, DroppedEvents and DroppedLinks count what the sender left
	// out.
	DroppedAttrs, DroppedEvents, DroppedLinks uint32

	arena []Attr // of events and links
}

// SpanEvent is something that happened within a span.
type SpanEvent struct {
	Time  uint64 // Unix nanoseconds
	Name  []byte
	Attrs []Attr
}

// Link points at another span.
type Link struct {
	TraceID, SpanID []byte
	Attrs           []Attr
}

// Traces decodes trace requests. The zero Traces is ready; it is scratch memory
// to be used again, by one goroutine at a time.
type Traces struct {
	Group
	Span Span
	// Raw is the span's message as it was sent.
	Raw []byte
}

// Decode walks an ExportTraceServiceRequest and calls resource for each
// resource and span for each span; Group and Span hold what they are about. It
// stops at their first error.
func (t *Traces) Decode(body []byte, resource, span func() error) error {
	return t.each(body, resource, func(raw []byte) error {
		if err := t.Span.decode(raw); err != nil {
			return err
		}
		t.Raw = raw
		return span()
	})
}

func (s *Span) reset() {
	*s = Span{Attrs: s.Attrs[:0], Events: s.Events[:0], Links: s.Links[:0], arena: s.arena[:0]}
}

func (s *Span) decode(b []byte) error {
	s.reset()
	f := walk(b)
	for f.next() {
		if err := s.field(&f); err != nil {
			return err
		}
	}
	return f.err
}

func (s *Span) field(f *fields) (err error) {
	switch f.tag {
	case 1<<3 | bytesType:
		s.TraceID = f.bytes
	case 2<<3 | bytesType:
		s.SpanID = f.bytes
	case 3<<3 | bytesType:
		s.TraceState = f.bytes
	case 4<<3 | bytesType:
		s.ParentID = f.bytes
	case 5<<3 | bytesType:
		s.Name = f.bytes
	case 6<<3 | varintType:
		s.Kind = SpanKind(f.bits)
	case 7<<3 | fixed64Type:
		s.Start = f.bits
	case 8<<3 | fixed64Type:
		s.End = f.bits
	case 9<<3 | bytesType:
		s.Attrs, err = appendAttr(s.Attrs, f.bytes)
	case 10<<3 | varintType:
		s.DroppedAttrs = uint32(f.bits)
	case 11<<3 | bytesType:
		err = s.event(f.bytes)
	case 12<<3 | varintType:
		s.DroppedEvents = uint32(f.bits)
	case 13<<3 | bytesType:
		err = s.link(f.bytes)
	case 14<<3 | varintType:
		s.DroppedLinks = uint32(f.bits)
	case 15<<3 | bytesType:
		err = s.status(f.bytes)
	case 16<<3 | fixed32Type:
		s.Flags = uint32(f.bits)
	}
	return err
}

func (s *Span) event(b []byte) (err error) {
	var e SpanEvent
	first := len(s.arena)
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | fixed64Type:
			e.Time = f.bits
		case 2<<3 | bytesType:
			e.Name = f.bytes
		case 3<<3 | bytesType:
			if s.arena, err = appendAttr(s.arena, f.bytes); err != nil {
				return err
			}
		}
	}
	e.Attrs = s.arena[first:len(s.arena):len(s.arena)]
	s.Events = append(s.Events, e)
	return f.err
}

func (s *Span) link(b []byte) (err error) {
	var l Link
	first := len(s.arena)
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			l.TraceID = f.bytes
		case 2<<3 | bytesType:
			l.SpanID = f.bytes
		case 4<<3 | bytesType:
			if s.arena, err = appendAttr(s.arena, f.bytes); err != nil {
				return err
			}
		}
	}
	l.Attrs = s.arena[first:len(s.arena):len(s.arena)]
	s.Links = append(s.Links, l)
	return f.err
}

func (s *Span) status(b []byte) error {
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 2<<3 | bytesType:
			s.Message = f.bytes
		case 3<<3 | varintType:
			s.Status = int32(f.bits)
		}
	}
	return f.err
}
