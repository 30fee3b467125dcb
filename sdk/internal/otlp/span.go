package otlp

import (
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Bits 8 and 9 of the flags of spans and links say whether it is known that
// the parent (or linked) context is remote, and whether it is.
const (
	flagHasRemote = 0x100
	flagRemote    = 0x200
)

// AppendSpan appends the content of a Span message.
func AppendSpan(b []byte, s sdktrace.ReadOnlySpan) []byte {
	sc, parent := s.SpanContext(), s.Parent()
	tid, sid := sc.TraceID(), sc.SpanID()
	b = appendBytes(b, 1, tid[:])
	b = appendBytes(b, 2, sid[:])
	b = appendString(b, 3, sc.TraceState().String())
	if pid := parent.SpanID(); pid.IsValid() {
		b = appendBytes(b, 4, pid[:])
	}
	b = appendString(b, 5, s.Name())
	b = appendUint(b, 6, uint64(trace.ValidateSpanKind(s.SpanKind())))
	b = appendTime(b, 7, s.StartTime())
	b = appendTime(b, 8, s.EndTime())
	b = AppendAttrs(b, 9, s.Attributes())
	b = appendUint(b, 10, dropped(s.DroppedAttributes()))
	for _, e := range s.Events() {
		b = appendEvent(b, &e)
	}
	b = appendUint(b, 12, dropped(s.DroppedEvents()))
	for _, l := range s.Links() {
		b = appendLink(b, &l)
	}
	b = appendUint(b, 14, dropped(s.DroppedLinks()))
	b = appendStatus(b, s.Status())
	return appendFixed32(b, 16, contextFlags(sc.TraceFlags(), parent.IsRemote()))
}

func appendEvent(b []byte, e *sdktrace.Event) []byte {
	b, m := open(b, 11)
	b = appendTime(b, 1, e.Time)
	b = appendString(b, 2, e.Name)
	b = AppendAttrs(b, 3, e.Attributes)
	b = appendUint(b, 4, dropped(e.DroppedAttributeCount))
	return shut(b, m)
}

func appendLink(b []byte, l *sdktrace.Link) []byte {
	tid, sid := l.SpanContext.TraceID(), l.SpanContext.SpanID()
	b, m := open(b, 13)
	b = appendBytes(b, 1, tid[:])
	b = appendBytes(b, 2, sid[:])
	b = appendString(b, 3, l.SpanContext.TraceState().String())
	b = AppendAttrs(b, 4, l.Attributes)
	b = appendUint(b, 5, dropped(l.DroppedAttributeCount))
	b = appendFixed32(b, 6, contextFlags(l.SpanContext.TraceFlags(), l.SpanContext.IsRemote()))
	return shut(b, m)
}

// appendStatus writes nothing for an unset status, whose message is empty. The
// API and the protocol number the codes differently.
func appendStatus(b []byte, s sdktrace.Status) []byte {
	var code uint64
	switch s.Code {
	case codes.Ok:
		code = 1
	case codes.Error:
		code = 2
	default:
		return b
	}
	b, m := open(b, 15)
	b = appendString(b, 2, s.Description)
	b = appendUint(b, 3, code)
	return shut(b, m)
}

func contextFlags(f trace.TraceFlags, remote bool) uint32 {
	flags := uint32(f) | flagHasRemote
	if remote {
		flags |= flagRemote
	}
	return flags
}

func dropped(n int) uint64 { return uint64(min(max(n, 0), 1<<32-1)) }
