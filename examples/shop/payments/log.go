package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/aws/aws-xray-sdk-go/xray"
	"github.com/aws/aws-xray-sdk-go/xraylog"
)

// traceHandler adds the trace of the context to records, under the same key as
// the other services of the shop.
type traceHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h traceHandler) Handle(ctx context.Context, r slog.Record) error {
	if seg := xray.GetSegment(ctx); seg != nil {
		r.AddAttrs(slog.String("trace_id", xray.TraceID(ctx)), slog.String("span_id", seg.ID))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h traceHandler) WithGroup(name string) slog.Handler {
	return traceHandler{h.Handler.WithGroup(name)}
}

// newLogger writes JSON lines to out, the X-Ray SDK's own among them.
func newLogger(out io.Writer) *slog.Logger {
	log := slog.New(traceHandler{slog.NewJSONHandler(out, nil)}).With("service", "payments")
	xray.SetLogger(xrayLogger{log})
	return log
}

// xrayLogger keeps the X-Ray SDK from writing plain text between the lines.
type xrayLogger struct{ log *slog.Logger }

var _ xraylog.Logger = xrayLogger{}

// Log implements [xraylog.Logger]. What the SDK calls info is of interest only
// when the SDK is the subject.
func (l xrayLogger) Log(level xraylog.LogLevel, msg fmt.Stringer) {
	to := slog.LevelDebug
	switch level {
	case xraylog.LogLevelWarn:
		to = slog.LevelWarn
	case xraylog.LogLevelError:
		to = slog.LevelError
	}
	l.log.Log(context.Background(), to, msg.String(), "source", "aws-xray-sdk-go")
}
