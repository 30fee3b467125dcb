package otlp_test

import (
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logpb "go.opentelemetry.io/proto/otlp/logs/v1"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
)

func TestRecordHasEveryField(t *testing.T) {
	r := otlp.Record{Time: start, Level: slog.LevelWarn, Message: "payment refused", Span: spanContext(traceID, spanID, false, "")}
	b := r.Append(nil)
	b = otlp.AppendRecordAttr(b, "order", slog.StringValue("o-1"))
	same(t, decode(t, b, &logpb.LogRecord{}), &logpb.LogRecord{
		TimeUnixNano: startNs, ObservedTimeUnixNano: startNs,
		SeverityNumber: logpb.SeverityNumber_SEVERITY_NUMBER_WARN, SeverityText: "WARN",
		Body: str("payment refused"), Attributes: []*commonpb.KeyValue{kv("order", str("o-1"))},
		Flags: 1, TraceId: traceID[:], SpanId: spanID[:],
	})
}

func TestRecordSeverity(t *testing.T) {
	tests := map[slog.Level]logpb.SeverityNumber{
		slog.LevelDebug: logpb.SeverityNumber_SEVERITY_NUMBER_DEBUG,
		slog.LevelInfo:  logpb.SeverityNumber_SEVERITY_NUMBER_INFO,
		2:               logpb.SeverityNumber_SEVERITY_NUMBER_INFO3,
		slog.LevelError: logpb.SeverityNumber_SEVERITY_NUMBER_ERROR,
		-1000:           logpb.SeverityNumber_SEVERITY_NUMBER_TRACE,
		1000:            logpb.SeverityNumber_SEVERITY_NUMBER_FATAL4,
	}
	for level, want := range tests {
		t.Run(level.String(), func(t *testing.T) {
			r := otlp.Record{Time: start, Level: level, Span: trace.SpanContext{}}
			got := decode(t, r.Append(nil), &logpb.LogRecord{})
			if got.SeverityNumber != want {
				t.Errorf("severity of %v = %v, want %v", level, got.SeverityNumber, want)
			}
		})
	}
}

type secret struct{}

func (secret) LogValue() slog.Value { return slog.StringValue("hidden") }

func TestRecordAttrKinds(t *testing.T) {
	when := time.Date(2026, 3, 1, 9, 40, 2, 113_000_000, time.UTC)
	tests := map[string]struct {
		in   slog.Value
		want *commonpb.AnyValue
	}{
		"int":      {slog.Int64Value(-5), integer(-5)},
		"uint":     {slog.Uint64Value(math.MaxUint64), integer(math.MaxInt64)},
		"float":    {slog.Float64Value(0.25), double(0.25)},
		"bool":     {slog.BoolValue(true), boolean(true)},
		"duration": {slog.DurationValue(1500 * time.Microsecond), double(1.5)},
		"time":     {slog.TimeValue(when), str("2026-03-01T09:40:02.113Z")},
		"error":    {slog.AnyValue(errors.New("declined")), str("declined")},
		"struct":   {slog.AnyValue(struct{ A int }{3}), str(`{"A":3}`)},
		"channel":  {slog.AnyValue(make(chan int)), str("!ERROR: json: unsupported type: chan int")},
		"valuer":   {slog.AnyValue(secret{}), str("hidden")},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := decode(t, otlp.AppendRecordAttr(nil, "k", tc.in), &logpb.LogRecord{})
			same(t, got, &logpb.LogRecord{Attributes: []*commonpb.KeyValue{kv("k", tc.want)}})
		})
	}
}
