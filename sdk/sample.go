package sdk

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// idGenerator makes trace IDs whose first four bytes are the time, as X-Ray
// wants them, and span IDs at random. It takes no lock and allocates nothing.
type idGenerator struct{}

var _ sdktrace.IDGenerator = idGenerator{}

// NewIDs implements [sdktrace.IDGenerator].
func (g idGenerator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if d, ok := ctx.Value(decisionKey{}).(*decision); ok && !d.used.Load() {
		return d.trace, g.NewSpanID(ctx, d.trace)
	}
	id := newTraceID(time.Now())
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID implements [sdktrace.IDGenerator].
func (idGenerator) NewSpanID(context.Context, trace.TraceID) trace.SpanID {
	var id trace.SpanID
	for !id.IsValid() {
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

func newTraceID(now time.Time) trace.TraceID {
	var id trace.TraceID
	binary.BigEndian.PutUint32(id[:], uint32(now.Unix()))
	binary.BigEndian.PutUint32(id[4:], rand.Uint32())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	return id
}

// gate is the provider's sampler. Spans follow their parent's decision; new
// traces, and those whose remote parent left it open, are decided by root.
type gate struct{ root sdktrace.Sampler }

var _ sdktrace.Sampler = gate{}

// decision is one that was made before its span was started, with the ID of
// the trace. It is itself the context that carries it to the tracer, and it
// holds for one span: a new trace begun further down decides anew.
type decision struct {
	context.Context
	trace  trace.TraceID
	result sdktrace.SamplingResult
	used   atomic.Bool
}

type decisionKey struct{}

// Value implements [context.Context].
func (d *decision) Value(key any) any {
	if key == (decisionKey{}) {
		return d
	}
	return d.Context.Value(key)
}

// Description implements [sdktrace.Sampler].
func (g gate) Description() string { return "ParentOr{" + g.root.Description() + "}" }

// ShouldSample implements [sdktrace.Sampler].
func (g gate) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	if parent.IsRemote() || !parent.IsValid() {
		if d, ok := p.ParentContext.Value(decisionKey{}).(*decision); ok && d.trace == p.TraceID && d.used.CompareAndSwap(false, true) {
			return d.result
		}
		if !parent.IsValid() || undecided(p.ParentContext) {
			return g.root.ShouldSample(p)
		}
	}
	r := sdktrace.SamplingResult{Tracestate: parent.TraceState()}
	if parent.IsSampled() {
		r.Decision = sdktrace.RecordAndSample
	}
	return r
}
