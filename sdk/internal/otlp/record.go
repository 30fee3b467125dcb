package otlp

import (
	"encoding/json"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// recordAttr is the field number of LogRecord.attributes.
const recordAttr = 6

// Record is a log record without its attributes.
type Record struct {
	Time    time.Time
	Level   slog.Level
	Message string
	// Span is the context the record was made in; it may be invalid.
	Span trace.SpanContext
}

// Append appends the content of a LogRecord message. Attributes may follow, by
// [AppendRecordAttr].
func (r *Record) Append(b []byte) []byte {
	b = appendTime(b, 1, r.Time)
	b = appendUint(b, 2, severity(r.Level))
	b = appendString(b, 3, r.Level.String())
	b, m := open(b, 5)
	b = shut(appendText(b, anyString, r.Message), m)
	b = appendTime(b, 11, r.Time)
	if !r.Span.IsValid() {
		return b
	}
	tid, sid := r.Span.TraceID(), r.Span.SpanID()
	b = appendFixed32(b, 8, uint32(r.Span.TraceFlags()))
	b = appendBytes(b, 9, tid[:])
	return appendBytes(b, 10, sid[:])
}

// severity maps slog's levels to SeverityNumber, in which TRACE starts at 1,
// DEBUG at 5, INFO at 9, WARN at 13 and ERROR at 17. Both scales step by four,
// so the numbers in between keep their order.
func severity(l slog.Level) uint64 { return uint64(min(max(int(l)+9, 1), 24)) }

// AppendRecordAttr appends one attribute of a LogRecord. A group is the
// caller's to take apart.
func AppendRecordAttr(b []byte, key string, v slog.Value) []byte {
	b, m := open(b, recordAttr)
	b = appendString(b, 1, key)
	b, vm := open(b, 2)
	b = appendSlogValue(b, v)
	return shut(shut(b, vm), m)
}

func appendSlogValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendText(b, anyString, v.String())
	case slog.KindInt64:
		return appendAnyInt(b, v.Int64())
	case slog.KindUint64:
		return appendAnyInt(b, int64(min(v.Uint64(), 1<<63-1)))
	case slog.KindFloat64:
		return appendDouble(b, anyDouble, v.Float64())
	case slog.KindBool:
		return appendAnyBool(b, v.Bool())
	case slog.KindDuration:
		return appendDouble(b, anyDouble, float64(v.Duration())/1e6)
	case slog.KindTime:
		return appendText(b, anyString, v.Time().Format(time.RFC3339Nano))
	case slog.KindLogValuer:
		return appendSlogValue(b, v.Resolve())
	}
	return appendSlogAny(b, v.Any())
}

// appendSlogAny writes an error as its text and anything else as its JSON, so
// that the agent shows what the line on standard output shows.
func appendSlogAny(b []byte, v any) []byte {
	if err, ok := v.(error); ok {
		return appendText(b, anyString, err.Error())
	}
	text, err := json.Marshal(v)
	if err != nil {
		return appendText(b, anyString, "!ERROR: "+err.Error())
	}
	return appendText(b, anyString, string(text))
}
