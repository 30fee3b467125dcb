package xraytel

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-xray-sdk-go/header"
	"github.com/aws/aws-xray-sdk-go/strategy/ctxmissing"
	"github.com/aws/aws-xray-sdk-go/strategy/sampling"
	"github.com/aws/aws-xray-sdk-go/xray"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight/sdk"
)

// facadeName is the name of segments that stand for spans. They are never
// sent.
const facadeName = "span"

// Install points the X-Ray SDK at t: its sampling is left to t, and a missing
// segment is logged once, as a warning, instead of at every call. The
// environment variable AWS_XRAY_CONTEXT_MISSING still wins over the latter, by
// the X-Ray SDK's own rule. Install changes the X-Ray SDK's global
// configuration; call it once, after sdk.Start.
func Install(t *sdk.Telemetry) error {
	if t == nil {
		return errors.New("install X-Ray bridge: no telemetry")
	}
	err := xray.Configure(xray.Config{
		SamplingStrategy:       strategy{t.Sampler()},
		ContextMissingStrategy: &missing{tel: t},
	})
	if err != nil {
		return fmt.Errorf("install X-Ray bridge: %w", err)
	}
	return nil
}

// strategy asks a sampler of package sdk.
type strategy struct{ sampler sdktrace.Sampler }

var _ sampling.Strategy = strategy{}

// ShouldTrace implements [sampling.Strategy].
func (s strategy) ShouldTrace(r *sampling.Request) *sampling.Decision {
	result := s.sampler.ShouldSample(sdktrace.SamplingParameters{
		ParentContext: context.Background(),
		Name:          r.ServiceName,
		Kind:          trace.SpanKindServer,
		Attributes: []attribute.KeyValue{
			attribute.String("server.address", r.Host),
			attribute.String("http.request.method", r.Method),
			attribute.String("url.path", r.URL),
		},
	})
	return &sampling.Decision{Sample: result.Decision == sdktrace.RecordAndSample}
}

// missing is told when the X-Ray SDK is called without a segment.
type missing struct {
	tel  *sdk.Telemetry
	told atomic.Bool
}

var _ ctxmissing.Strategy = (*missing)(nil)

// ContextMissing implements [ctxmissing.Strategy].
func (m *missing) ContextMissing(v any) {
	if !m.told.Swap(true) {
		m.tel.Logger().Warn("X-Ray SDK was called without a segment; wrap the context with xraytel.Context", "cause", fmt.Sprint(v))
	}
}

// Context returns ctx with a facade segment that stands for ctx's current
// span, so that xray.Capture, xray.Client, xray.AWS and xray.SQLContext nest
// under it. If ctx has no span, or already has a segment of the same trace
// made by the X-Ray SDK itself, it returns ctx.
func Context(ctx context.Context) context.Context {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.IsValid() {
		return ctx
	}
	id := sdk.TraceID(ctx)
	if seg := xray.GetSegment(ctx); seg != nil && seg.ParentSegment != nil && !seg.ParentSegment.Facade && seg.TraceID == id {
		return ctx
	}
	decision := header.NotSampled
	if sc.IsSampled() {
		decision = header.Sampled
	}
	ctx, _ = xray.BeginFacadeSegment(ctx, facadeName, &header.Header{
		TraceID: id, ParentID: sc.SpanID().String(), SamplingDecision: decision,
	})
	return ctx
}

// Middleware gives every request to next a context by [Context]. It belongs
// inside Telemetry.Handler.
func Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(Context(r.Context())))
	})
}

// Handler does the reverse: requests traced by an outer xray.Handler continue
// as spans inside. It also stands well around Telemetry.Handler, which then
// continues the segment instead of the incoming header.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seg := xray.GetSegment(r.Context()); seg != nil {
			r = continued(r, seg)
		}
		next.ServeHTTP(w, r)
	})
}

// continued returns r as if it came from within seg.
func continued(r *http.Request, seg *xray.Segment) *http.Request {
	seg.RLock()
	id, parent, sampled := seg.TraceID, seg.ID, seg.Sampled
	seg.RUnlock()
	sc, ok := spanContext(id, parent, sampled)
	if !ok {
		return r
	}
	h := header.Header{TraceID: id, ParentID: parent, SamplingDecision: header.NotSampled}
	if sampled {
		h.SamplingDecision = header.Sampled
	}
	r = r.Clone(trace.ContextWithSpanContext(r.Context(), sc))
	r.Header.Set(xray.TraceIDHeaderKey, h.String())
	return r
}

// spanContext reads the X-Ray SDK's identifiers. It refuses those that the
// SDK uses for what it does not trace, which are zero.
func spanContext(id, parent string, sampled bool) (trace.SpanContext, bool) {
	if len(id) != 35 {
		return trace.SpanContext{}, false
	}
	tid, err := trace.TraceIDFromHex(id[2:10] + id[11:])
	if err != nil {
		return trace.SpanContext{}, false
	}
	sid, err := trace.SpanIDFromHex(parent)
	if err != nil {
		return trace.SpanContext{}, false
	}
	cfg := trace.SpanContextConfig{TraceID: tid, SpanID: sid}
	if sampled {
		cfg.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(cfg), true
}
