package sdk

import (
	"context"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/contrib/propagators/aws/xray"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// xrayHeader is X-Ray's tracing header in its canonical form.
const xrayHeader = "X-Amzn-Trace-Id"

// defaultPropagator understands X-Ray and W3C. The last to read wins, so
// X-Ray stands last.
func defaultPropagator() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(
		propagation.TraceContext{}, propagation.Baggage{}, xrayPropagator{})
}

// headerCarrier is [propagation.HeaderCarrier] for headers whose keys are in
// canonical form, as net/http's are. Those of W3C are asked for in lower case,
// and every conversion would allocate.
type headerCarrier http.Header

var _ propagation.TextMapCarrier = headerCarrier{}

func canonicalKey(key string) string {
	switch key {
	case "traceparent":
		return "Traceparent"
	case "tracestate":
		return "Tracestate"
	case "baggage":
		return "Baggage"
	}
	return http.CanonicalHeaderKey(key)
}

// Get implements [propagation.TextMapCarrier].
func (c headerCarrier) Get(key string) string {
	if v := c[canonicalKey(key)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Values returns all values of key; the baggage propagator asks for it.
func (c headerCarrier) Values(key string) []string { return c[canonicalKey(key)] }

// Set implements [propagation.TextMapCarrier].
func (c headerCarrier) Set(key, value string) { c[canonicalKey(key)] = []string{value} }

// Keys implements [propagation.TextMapCarrier].
func (c headerCarrier) Keys() []string { return slices.Collect(maps.Keys(c)) }

// xrayPropagator writes X-Ray's header by OpenTelemetry's own propagator and reads
// it by itself, as load balancers need more: a header with nothing but Root gives
// the new trace its ID, so that it is the ID in the access log, and a header
// without a decision (no Sampled, or Sampled=?) leaves it to this service instead
// of meaning no.
type xrayPropagator struct{ xray.Propagator }

var _ propagation.TextMapPropagator = xrayPropagator{}

// undecidedKey marks a context whose remote parent made no sampling decision.
type undecidedKey struct{}

// Extract implements [propagation.TextMapPropagator].
func (xrayPropagator) Extract(ctx context.Context, carrier propagation.TextMapCarrier) context.Context {
	h, ok := parseXRayHeader(carrier.Get(xrayHeader))
	if !ok {
		return ctx
	}
	if !h.parent.IsValid() && trace.SpanContextFromContext(ctx).IsValid() {
		return ctx // another header knows more
	}
	cfg := trace.SpanContextConfig{TraceID: h.root, SpanID: h.parent, Remote: true}
	switch h.sampled {
	case '1':
		cfg.TraceFlags = trace.FlagsSampled
	case '0':
	default:
		ctx = context.WithValue(ctx, undecidedKey{}, true)
	}
	return trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(cfg))
}

// undecided says whether ctx's remote parent left the decision to us.
func undecided(ctx context.Context) bool { return ctx.Value(undecidedKey{}) != nil }

// xrayTrace is the content of X-Ray's header.
type xrayTrace struct {
	root    trace.TraceID
	parent  trace.SpanID // zero if absent
	sampled byte         // '0', '1', or anything else for no decision
}

// parseXRayHeader reads Root=1-5759e988-bd862e3fe1be46a994272793;Parent=
// 53995c3f42cd8ad8;Sampled=1 in any order, with spaces and unknown keys. It
// needs a valid Root; a malformed Parent makes the header worthless.
func parseXRayHeader(text string) (h xrayTrace, ok bool) {
	for part := range strings.SplitSeq(text, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "Root":
			if h.root, ok = parseTraceID(value); !ok {
				return xrayTrace{}, false
			}
		case "Parent":
			if len(value) != 16 || !decodeHex(h.parent[:], value) {
				return xrayTrace{}, false
			}
		case "Sampled":
			if len(value) == 1 {
				h.sampled = value[0]
			}
		}
	}
	return h, ok
}

// parseTraceID reads 1-, 8 hex digits, -, 24 hex digits.
func parseTraceID(s string) (id trace.TraceID, ok bool) {
	if len(s) != 35 || s[:2] != "1-" || s[10] != '-' {
		return id, false
	}
	ok = decodeHex(id[:4], s[2:10]) && decodeHex(id[4:], s[11:])
	return id, ok && id.IsValid()
}

func decodeHex(dst []byte, s string) bool {
	for i := range dst {
		hi, lo := hexDigit(s[2*i]), hexDigit(s[2*i+1])
		if hi > 15 || lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// appendTraceID appends id in X-Ray's form.
func appendTraceID(b []byte, id trace.TraceID) []byte {
	b = append(b, '1', '-')
	b = hex.AppendEncode(b, id[:4])
	b = append(b, '-')
	return hex.AppendEncode(b, id[4:])
}

// TraceID returns the trace of ctx in X-Ray's form, or "". Show it to users in
// error pages: console, command line and X-Ray accept it as it is.
func TraceID(ctx context.Context) string {
	id := trace.SpanContextFromContext(ctx).TraceID()
	if !id.IsValid() {
		return ""
	}
	var buf [35]byte
	return string(appendTraceID(buf[:0], id))
}

func appendSampled(b []byte, sampled bool) []byte {
	if sampled {
		return append(b, ";Sampled=1"...)
	}
	return append(b, ";Sampled=0"...)
}
