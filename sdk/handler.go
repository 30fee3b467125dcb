package sdk

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// HandlerOption changes what [Telemetry.Handler] does.
type HandlerOption func(*handler)

// WithRoute names routes by f, for routers other than http.ServeMux. f is
// called after the request was served; it returns "" if there is no route.
// Routes must be patterns, not paths: every one is a series of metrics.
func WithRoute(f func(*http.Request) string) HandlerOption {
	return func(h *handler) { h.route = f }
}

// WithoutPath keeps requests to path out of traces, in addition to /healthz,
// /livez, /readyz and /ping. A path that ends in / stands for everything below
// it. Metrics count them all the same.
func WithoutPath(path string) HandlerOption {
	return func(h *handler) { h.quiet = append(h.quiet, path) }
}

// WithHeaders records the named request headers as http.request.header.<name>
// on spans.
func WithHeaders(names ...string) HandlerOption {
	return func(h *handler) {
		for _, n := range names {
			h.headers = append(h.headers, http.CanonicalHeaderKey(n))
		}
	}
}

// handler is the server side.
type handler struct {
	live    *live
	next    http.Handler
	route   func(*http.Request) string
	quiet   []string
	headers []string
}

// Handler serves next, recording a server span (if sampled) and the duration
// and outcome of every request (always). Routes are named by the pattern of
// http.ServeMux; for another router give WithRoute. A panic of next is
// recorded as a fault and goes on. Flush, Hijack, ReadFrom and
// http.ResponseController keep working. Responses of sampled requests carry
// X-Amzn-Trace-Id.
func (t *Telemetry) Handler(next http.Handler, opts ...HandlerOption) http.Handler {
	if t == nil || t.live == nil {
		return next
	}
	h := &handler{live: t.live, next: next, route: patternRoute, quiet: []string{"/healthz", "/livez", "/readyz", "/ping"}}
	for _, o := range opts {
		o(h)
	}
	return h
}

// patternRoute is the path of the pattern that http.ServeMux chose.
func patternRoute(r *http.Request) string {
	if i := strings.IndexByte(r.Pattern, '/'); i >= 0 {
		return r.Pattern[i:]
	}
	return ""
}

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	rec := &recorder{ResponseWriter: w}
	ctx, span := h.begin(rec, r)
	r = r.WithContext(ctx)
	defer func() {
		if v := recover(); v != nil {
			h.fault(rec, span, v)
			h.end(rec, r, span, start)
			panic(v)
		}
		h.end(rec, r, span, start)
	}()
	h.next.ServeHTTP(rec.wrap(), r)
}

// begin decides whether to trace the request. The span is nil if not.
func (h *handler) begin(w *recorder, r *http.Request) (context.Context, trace.Span) {
	ctx := h.live.prop.Extract(r.Context(), headerCarrier(r.Header))
	parent := trace.SpanContextFromContext(ctx)
	open := !parent.IsValid() || parent.IsRemote() && undecided(ctx)
	if h.isQuiet(r) || !open && !parent.IsSampled() {
		return untracedContext(ctx, parent), nil
	}
	w.attrs = h.attributes(r)
	if open {
		d := h.decide(ctx, parent.TraceID(), r, w.attrs)
		if d.result.Decision == sdktrace.Drop {
			parent = parent.WithTraceID(d.trace)
			h.answerDecision(w, ctx, parent)
			return untracedContext(ctx, parent), nil
		}
		ctx = d
	}
	ctx, span := h.live.tracer.Start(ctx, r.Method, h.live.server)
	span.SetAttributes(w.attrs...)
	var buf [64]byte
	b := appendTraceID(append(buf[:0], "Root="...), span.SpanContext().TraceID())
	w.Header().Set(xrayHeader, string(appendSampled(b, true)))
	return ctx, span
}

// decide asks the sampler about a new trace, or about one whose parent left it
// open.
func (h *handler) decide(ctx context.Context, id trace.TraceID, r *http.Request, attrs []attribute.KeyValue) *decision {
	if !id.IsValid() {
		id = newTraceID(time.Now())
	}
	return &decision{Context: ctx, trace: id, result: h.live.root.ShouldSample(sdktrace.SamplingParameters{
		ParentContext: ctx, TraceID: id, Name: r.Method, Kind: trace.SpanKindServer, Attributes: attrs,
	})}
}

// answerDecision tells a caller that left the decision to us that it is no.
func (h *handler) answerDecision(w http.ResponseWriter, ctx context.Context, parent trace.SpanContext) {
	if parent.HasSpanID() && undecided(ctx) {
		var buf [64]byte
		b := appendTraceID(append(buf[:0], "Root="...), parent.TraceID())
		w.Header().Set(xrayHeader, string(appendSampled(b, false)))
	}
}

// untracedContext gives logs a trace ID, and calls to other services a
// decision, for a request that is not traced.
func untracedContext(ctx context.Context, parent trace.SpanContext) context.Context {
	id := parent.TraceID()
	if !id.IsValid() {
		id = newTraceID(time.Now())
	}
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: idGenerator{}.NewSpanID(ctx, id), TraceState: parent.TraceState(),
	}))
}

// isQuiet says whether the request is a probe.
func (h *handler) isQuiet(r *http.Request) bool {
	if agent := r.UserAgent(); strings.HasPrefix(agent, "ELB-HealthChecker/") || strings.HasPrefix(agent, "kube-probe/") {
		return true
	}
	return slices.ContainsFunc(h.quiet, func(p string) bool {
		return r.URL.Path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(r.URL.Path, p)
	})
}

// attributes are what is known of a request before it is served.
func (h *handler) attributes(r *http.Request) []attribute.KeyValue {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	host, port := splitHost(r.Host)
	attrs := make([]attribute.KeyValue, 0, 12+len(h.headers))
	attrs = append(attrs,
		attribute.String("http.request.method", knownMethod(r.Method)),
		attribute.String("url.path", r.URL.Path),
		attribute.String("url.scheme", scheme),
		attribute.String("server.address", host),
	)
	if port != 0 {
		attrs = append(attrs, attribute.Int("server.port", port))
	}
	attrs = appendClient(attrs, r)
	if agent := r.UserAgent(); agent != "" {
		attrs = append(attrs, attribute.String("user_agent.original", agent))
	}
	for _, name := range h.headers {
		if v := r.Header[name]; len(v) > 0 {
			attrs = append(attrs, attribute.StringSlice("http.request.header."+strings.ToLower(name), v))
		}
	}
	return attrs
}

// appendClient names the client. The peer is left out when a proxy spoke for
// the client: X-Ray then marks the address as forwarded.
func appendClient(attrs []attribute.KeyValue, r *http.Request) []attribute.KeyValue {
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ",")
	if client := strings.TrimSpace(first); client != "" {
		return append(attrs, attribute.String("client.address", client))
	}
	peer, _ := splitHost(r.RemoteAddr)
	return append(attrs, attribute.String("client.address", peer), attribute.String("network.peer.address", peer))
}

// splitHost takes host:port apart, without the brackets of an IPv6 address;
// port is 0 if there is none. Unlike net.SplitHostPort it allocates nothing
// when there is no port.
func splitHost(hostport string) (string, int) {
	colon := strings.LastIndexByte(hostport, ':')
	bracket := strings.LastIndexByte(hostport, ']')
	if colon <= bracket || bracket < 0 && strings.IndexByte(hostport, ':') < colon {
		return strings.Trim(hostport, "[]"), 0 // no port, or a bare IPv6 address
	}
	port, err := strconv.ParseUint(hostport[colon+1:], 10, 16)
	if err != nil {
		port = 0
	}
	return strings.Trim(hostport[:colon], "[]"), int(port)
}

// knownMethod bounds what a client can make of metrics.
func knownMethod(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY":
		return m
	}
	return "_OTHER"
}

// fault records a panic of the served handler. http.ErrAbortHandler is how a
// handler hangs up on purpose, so it has no stack worth keeping.
func (h *handler) fault(rec *recorder, span trace.Span, v any) {
	if !rec.wrote {
		rec.status = http.StatusInternalServerError // what a client sees as a broken connection
	}
	rec.panicked = true
	if span == nil {
		return
	}
	if v == http.ErrAbortHandler {
		span.SetStatus(codes.Error, http.ErrAbortHandler.Error())
		return
	}
	recordPanic(span, v)
}

func (h *handler) end(rec *recorder, r *http.Request, span trace.Span, start time.Time) {
	key := redKey{kind: redServer, method: knownMethod(r.Method), target: h.route(r), status: rec.code()}
	if rec.panicked && key.status < 500 {
		key.fault = "panic"
	}
	if h.live.red != nil {
		h.live.red.record(key, time.Since(start))
	}
	if span == nil {
		return
	}
	attrs := rec.attrs[len(rec.attrs):] // what room is left there
	attrs = append(attrs, attribute.Int("http.response.status_code", key.status))
	if key.target != "" {
		span.SetName(r.Method + " " + key.target)
		attrs = append(attrs, attribute.String("http.route", key.target))
	}
	if fault := key.errorType(); fault != "" {
		attrs = append(attrs, attribute.String("error.type", fault))
		if !rec.panicked {
			span.SetStatus(codes.Error, "")
		}
	}
	span.SetAttributes(attrs...)
	span.End()
}
