package sdk_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/sidelight-dev/sidelight/sdk"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func body(code int, text string) *http.Response {
	res := response(code)
	res.Body = io.NopCloser(strings.NewReader(text))
	return res
}

func TestRoundTripper(t *testing.T) {
	broken := errors.New("connection reset")
	tests := map[string]struct {
		url    string
		base   roundTrip
		opts   []sdk.ClientOption
		want   map[string]string
		status tracepb.Status_StatusCode
		fails  bool
	}{
		"ok": {
			url:  "http://payments.test:8080/pay?q=1",
			base: func(*http.Request) (*http.Response, error) { return body(200, "done"), nil },
			want: map[string]string{"url.full": "http://payments.test:8080/pay?q=1", "server.port": "8080", "http.response.status_code": "200"},
		},
		"no body": {
			url:  "https://payments.test/",
			base: func(*http.Request) (*http.Response, error) { return response(204), nil },
			want: map[string]string{"url.full": "https://payments.test/", "server.port": "443", "http.response.status_code": "204"},
		},
		"secrets": {
			url:  "https://u:p@payments.test/?X-Amz-Signature=abc&a=b",
			base: func(*http.Request) (*http.Response, error) { return response(200), nil },
			want: map[string]string{"url.full": "https://REDACTED:REDACTED@payments.test/?X-Amz-Signature=REDACTED&a=b", "server.port": "443", "http.response.status_code": "200"},
		},
		"peer": {
			url:  "http://payments.test/",
			base: func(*http.Request) (*http.Response, error) { return response(200), nil },
			opts: []sdk.ClientOption{sdk.WithPeer("payments")},
			want: map[string]string{"url.full": "http://payments.test/", "server.port": "80", "peer.service": "payments", "http.response.status_code": "200"},
		},
		"refusal": {
			url:  "http://payments.test/",
			base: func(*http.Request) (*http.Response, error) { return body(402, "declined"), nil },
			want: map[string]string{"url.full": "http://payments.test/", "server.port": "80", "http.response.status_code": "402", "error.type": "402"}, status: tracepb.Status_STATUS_CODE_ERROR,
		},
		"no connection": {
			url:  "http://payments.test/",
			base: func(*http.Request) (*http.Response, error) { return nil, broken },
			want: map[string]string{"url.full": "http://payments.test/", "server.port": "80", "error.type": "connection"}, status: tracepb.Status_STATUS_CODE_ERROR, fails: true,
		},
		"canceled": {
			url:  "http://payments.test/",
			base: func(*http.Request) (*http.Response, error) { return nil, context.Canceled },
			want: map[string]string{"url.full": "http://payments.test/", "server.port": "80", "error.type": "canceled"}, status: tracepb.Status_STATUS_CODE_ERROR, fails: true,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := &agent{}
			tel := start(t, a)
			var header http.Header
			client := &http.Client{Transport: tel.RoundTripper(roundTrip(func(r *http.Request) (*http.Response, error) {
				header = r.Header
				return tc.base(r)
			}), tc.opts...)}
			ctx, parent := tel.Tracer("test").Start(t.Context(), "parent")
			req, err := http.NewRequestWithContext(ctx, "GET", tc.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := client.Do(req)
			if (err != nil) != tc.fails {
				t.Fatal(err)
			}
			if err == nil {
				_, _ = io.ReadAll(res.Body)
				res.Body.Close()
			}
			if len(req.Header) > 0 {
				t.Errorf("the caller's request was changed: %v", req.Header)
			}
			parent.End()
			flush(t, tel)
			span := a.span(t, "GET")
			for k, v := range map[string]string{"http.request.method": "GET", "server.address": "payments.test", "peer.service": "payments.test"} {
				if tc.want[k] == "" {
					tc.want[k] = v
				}
			}
			if d := cmp.Diff(tc.want, texts(span.Attributes)); d != "" {
				t.Errorf("attributes (-want +got):\n%s", d)
			}
			if span.Kind != tracepb.Span_SPAN_KIND_CLIENT || span.GetStatus().GetCode() != tc.status {
				t.Errorf("kind %v and status %v, want a client's with %v", span.Kind, span.Status, tc.status)
			}
			want := "Root=" + sdk.TraceID(ctx) + ";Parent=" + trace.SpanID(span.SpanId).String() + ";Sampled=1"
			if got := header.Get("X-Amzn-Trace-Id"); got != want {
				t.Errorf("X-Amzn-Trace-Id is %q, want %q", got, want)
			}
			if got := header.Get("Traceparent"); !strings.Contains(got, trace.SpanID(span.SpanId).String()) {
				t.Errorf("traceparent is %q, want one with the span's ID", got)
			}
			if p := a.metric("http.client.request.duration"); p == nil || p.GetHistogram().DataPoints[0].Count != 1 {
				t.Errorf("client metric is %v, want one request", p)
			}
		})
	}
}

// TestTraceCrossesServices runs two services over HTTP: the callee's span is a
// child of the caller's client span.
func TestTraceCrossesServices(t *testing.T) {
	inner, outer := &agent{}, &agent{}
	telInner := start(t, inner, func(c *sdk.Config) { c.Service = "payments" })
	telOuter := start(t, outer)
	payments := httptest.NewServer(telInner.Handler(mux("POST /pay", func(http.ResponseWriter, *http.Request) {})))
	defer payments.Close()
	client := &http.Client{Transport: telOuter.RoundTripper(nil)}
	orders := telOuter.Handler(mux("GET /orders", func(_ http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), "POST", payments.URL+"/pay", nil)
		if err != nil {
			t.Error(err)
			return
		}
		res, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		res.Body.Close()
	}))
	orders.ServeHTTP(httptest.NewRecorder(), request("GET", "http://shop.test/orders"))
	flush(t, telOuter)
	flush(t, telInner)
	server, client1, callee := outer.span(t, "GET /orders"), outer.span(t, "POST"), inner.span(t, "POST /pay")
	if string(client1.ParentSpanId) != string(server.SpanId) || string(callee.ParentSpanId) != string(client1.SpanId) ||
		string(callee.TraceId) != string(server.TraceId) {
		t.Errorf("spans are not one chain:\n%v\n%v\n%v", server, client1, callee)
	}
	if inner.resource["service.name"] != "payments" {
		t.Errorf("resource is %v", inner.resource)
	}
}

func TestUntracedCallsSayNo(t *testing.T) {
	a := &agent{}
	tel := start(t, a)
	var header string
	client := &http.Client{Transport: tel.RoundTripper(roundTrip(func(r *http.Request) (*http.Response, error) {
		header = r.Header.Get("X-Amzn-Trace-Id")
		return response(200), nil
	}))}
	h := tel.Handler(mux("/", func(_ http.ResponseWriter, r *http.Request) {
		req, err := http.NewRequestWithContext(r.Context(), "GET", "http://b.test/", nil)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := client.Do(req); err != nil { //nolint:bodyclose // there is none
			t.Error(err)
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), request("GET", "http://a.test/", "X-Amzn-Trace-Id", "Root="+xroot+";Parent=53995c3f42cd8ad8;Sampled=0"))
	if !strings.HasPrefix(header, "Root="+xroot+";Parent=") || !strings.HasSuffix(header, ";Sampled=0") {
		t.Errorf("the call says %q, want the same trace and Sampled=0", header)
	}
}
