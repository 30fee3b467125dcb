package sdk

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
	"github.com/sidelight-dev/sidelight/sdk/internal/ship"
	"github.com/sidelight-dev/sidelight/sdk/internal/tap"
)

// firstSpan fits most spans, encoded.
const firstSpan = 1 << 10

// spanProcessor encodes spans when they end and queues them.
type spanProcessor struct {
	pipe *ship.Pipe
	tap  tap.Tap
	bufs sync.Pool // of *[]byte
}

var _ sdktrace.SpanProcessor = (*spanProcessor)(nil)

// OnStart implements [sdktrace.SpanProcessor].
func (*spanProcessor) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd implements [sdktrace.SpanProcessor].
func (p *spanProcessor) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	if p.tap != nil {
		p.tap.Span(s)
	}
	buf, ok := p.bufs.Get().(*[]byte)
	if !ok {
		b := make([]byte, 0, firstSpan)
		buf = &b
	}
	*buf = otlp.AppendSpan((*buf)[:0], s)
	p.pipe.Add(s.InstrumentationScope(), 0, 1, *buf)
	p.bufs.Put(buf)
}

// Shutdown implements [sdktrace.SpanProcessor]; [Telemetry.Shutdown] does it.
func (*spanProcessor) Shutdown(context.Context) error { return nil }

// ForceFlush implements [sdktrace.SpanProcessor]; [Telemetry.Flush] does it.
func (*spanProcessor) ForceFlush(context.Context) error { return nil }

// Do runs fn in a span called name and records its error. It returns what fn
// returns. A panic of fn is recorded and goes on. With an unsampled context it
// costs less than 50 ns and allocates nothing.
func (t *Telemetry) Do(ctx context.Context, name string, fn func(context.Context) error, attrs ...attribute.KeyValue) error {
	if t == nil || t.live == nil || untraced(ctx) {
		return fn(ctx)
	}
	// The copy keeps attrs on the caller's stack when nothing is traced.
	return t.live.do(ctx, name, fn, slices.Clone(attrs))
}

// untraced says whether ctx belongs to a trace that is not kept.
func untraced(ctx context.Context) bool {
	span := trace.SpanFromContext(ctx)
	sc := span.SpanContext()
	return sc.IsValid() && !sc.IsSampled() && !span.IsRecording() && !sc.IsRemote()
}

func (l *live) do(ctx context.Context, name string, fn func(context.Context) error, attrs []attribute.KeyValue) error {
	ctx, span := l.tracer.Start(ctx, name, trace.WithAttributes(attrs...))
	defer func() {
		if v := recover(); v != nil {
			recordPanic(span, v)
			span.End()
			panic(v)
		}
		span.End()
	}()
	err := fn(ctx)
	if err != nil {
		recordError(span, err)
	}
	return err
}

// recordError makes err the span's failure, as OpenTelemetry's conventions for
// exceptions have it.
func recordError(span trace.Span, err error) {
	span.RecordError(err)
	span.SetStatus(codes.Error, err.Error())
}

// recordPanic makes a panic with v the span's failure. It must be called by
// the deferred function that recovered v, so that the stack is there.
func recordPanic(span trace.Span, v any) {
	text := fmt.Sprint(v)
	span.AddEvent("exception", trace.WithAttributes(
		attribute.String("exception.type", fmt.Sprintf("%T", v)),
		attribute.String("exception.message", text),
		attribute.String("exception.stacktrace", string(debug.Stack())),
	))
	span.SetStatus(codes.Error, "panic: "+text)
}

// annotationsKey lists the attributes that become X-Ray annotations. The
// agent, like OpenTelemetry's X-Ray exporter, reads it and removes it.
const annotationsKey = "aws.xray.annotations"

// annotating makes reading and writing the list one step. A span's own lock
// cannot be held from here, and the span may be shared.
var annotating sync.Mutex

// Annotate sets attributes on the current span and marks them as X-Ray
// annotations, by which traces can be searched. At most 50 a trace; keys are
// letters, digits and underscore. Other attributes become metadata.
func Annotate(ctx context.Context, attrs ...attribute.KeyValue) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() || len(attrs) == 0 {
		return
	}
	annotating.Lock()
	defer annotating.Unlock()
	var keys []string
	if s, ok := span.(sdktrace.ReadOnlySpan); ok {
		for _, a := range s.Attributes() {
			if a.Key == annotationsKey {
				keys = a.Value.AsStringSlice()
			}
		}
	}
	for _, a := range attrs {
		if !slices.Contains(keys, string(a.Key)) {
			keys = append(keys, string(a.Key))
		}
	}
	span.SetAttributes(attrs...)
	span.SetAttributes(attribute.StringSlice(annotationsKey, keys))
}
