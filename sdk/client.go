package sdk

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// ClientOption changes what [Telemetry.RoundTripper] does.
type ClientOption func(*roundTripper)

// WithPeer names the called service on spans. Without it that is the host.
func WithPeer(name string) ClientOption {
	return func(rt *roundTripper) { rt.peer = name }
}

// roundTripper is the client side.
type roundTripper struct {
	live *live
	base http.RoundTripper
	peer string
}

// RoundTripper records a client span and the duration of every attempt, and
// passes the trace on. Nil base means http.DefaultTransport. The span's remote
// name is the host, or the name that WithPeer gives. Span and duration end
// when the answer's body was read to its end or closed.
func (t *Telemetry) RoundTripper(base http.RoundTripper, opts ...ClientOption) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	if t == nil || t.live == nil {
		return base
	}
	rt := &roundTripper{live: t.live, base: base}
	for _, o := range opts {
		o(rt)
	}
	return rt
}

// RoundTrip implements [http.RoundTripper].
func (rt *roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	call := &call{live: rt.live, start: time.Now()}
	call.key = redKey{kind: redClient, method: knownMethod(r.Method), target: r.URL.Hostname()}
	ctx := r.Context()
	if !untraced(ctx) {
		ctx, call.span = rt.live.tracer.Start(ctx, r.Method,
			trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(rt.attributes(r)...))
	}
	r = r.Clone(ctx) // the caller's headers are not ours to change
	rt.live.prop.Inject(ctx, headerCarrier(r.Header))
	res, err := rt.base.RoundTrip(r)
	if err != nil {
		call.end(err)
		return res, err
	}
	call.key.status = res.StatusCode
	res.Body = call.watch(res.Body)
	return res, nil
}

func (rt *roundTripper) attributes(r *http.Request) []attribute.KeyValue {
	host, port := r.URL.Hostname(), portOf(r.URL)
	peer := rt.peer
	if peer == "" {
		peer = host
	}
	return []attribute.KeyValue{
		attribute.String("http.request.method", knownMethod(r.Method)),
		attribute.String("url.full", safeURL(r.URL)),
		attribute.String("server.address", host),
		attribute.Int("server.port", port),
		attribute.String("peer.service", peer),
	}
}

func portOf(u *url.URL) int {
	if _, port := splitHost(u.Host); port != 0 {
		return port
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

// safeURL is u without what may be secret: credentials and the values of
// signatures that OpenTelemetry's conventions list.
func safeURL(u *url.URL) string {
	if u.User == nil && u.RawQuery == "" {
		return u.String()
	}
	c := *u
	if c.User != nil {
		c.User = url.UserPassword("REDACTED", "REDACTED")
	}
	q := c.Query()
	for _, key := range []string{"AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature", "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"} {
		if q.Has(key) {
			q.Set(key, "REDACTED")
			c.RawQuery = q.Encode()
		}
	}
	return c.String()
}

// call is one attempt. It ends once.
type call struct {
	live  *live
	span  trace.Span // nil if the trace is not kept
	start time.Time
	key   redKey
	once  sync.Once
}

func (c *call) end(err error) {
	c.once.Do(func() {
		if err != nil {
			c.key.fault = faultOf(err)
		}
		if c.live.red != nil {
			c.live.red.record(c.key, time.Since(c.start))
		}
		if c.span != nil {
			c.endSpan(err)
		}
	})
}

func (c *call) endSpan(err error) {
	if c.key.status != 0 {
		c.span.SetAttributes(attribute.Int("http.response.status_code", c.key.status))
	}
	if fault := c.key.errorType(); fault != "" {
		c.span.SetAttributes(attribute.String("error.type", fault))
		c.span.SetStatus(codes.Error, "")
	}
	if err != nil {
		recordError(c.span, err)
	}
	c.span.End()
}

// faultOf puts errors into few classes, as each makes a series.
func faultOf(err error) string {
	switch n, ok := errors.AsType[net.Error](err); {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), ok && n.Timeout():
		return "timeout"
	}
	return "connection"
}

// watch returns body, ending the call with it.
func (c *call) watch(body io.ReadCloser) io.ReadCloser {
	if body == nil || body == http.NoBody {
		c.end(nil)
		return body
	}
	w := watchedBody{body, c}
	if rwc, ok := body.(io.ReadWriteCloser); ok { // 101 Switching Protocols
		return watchedConn{w, rwc}
	}
	return w
}

type watchedBody struct {
	io.ReadCloser
	call *call
}

// Read implements [io.Reader].
func (b watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.call.end(nil)
	case err != nil:
		b.call.end(err)
	}
	return n, err
}

// Close implements [io.Closer].
func (b watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.call.end(nil)
	return err
}

type watchedConn struct {
	watchedBody
	io.Writer
}
