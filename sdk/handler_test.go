package sdk_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/sidelight-dev/sidelight/sdk"
)

func mux(pattern string, h http.HandlerFunc) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc(pattern, h)
	return m
}

func request(method, url string, header ...string) *http.Request {
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestHandlerSpanAttributes(t *testing.T) {
	base := map[string]string{
		"http.request.method": "GET", "url.path": "/orders/7", "url.scheme": "http", "server.address": "shop.test",
		"client.address": "192.0.2.1", "network.peer.address": "192.0.2.1",
		"http.route": "/orders/{id}", "http.response.status_code": "200",
	}
	with := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for k, v := range base {
			m[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
			if pairs[i+1] == "" {
				delete(m, pairs[i])
			}
		}
		return m
	}
	ok := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }
	tests := map[string]struct {
		req     *http.Request
		handler http.HandlerFunc
		opts    []sdk.HandlerOption
		name    string
		want    map[string]string
		status  tracepb.Status_StatusCode
	}{
		"plain": {req: request("GET", "http://shop.test/orders/7"), want: base},
		"forwarded": {
			req:  request("GET", "http://shop.test:8080/orders/7", "X-Forwarded-For", "203.0.113.9, 10.0.0.1", "X-Forwarded-Proto", "https", "User-Agent", "curl/8"),
			want: with("client.address", "203.0.113.9", "network.peer.address", "", "url.scheme", "https", "server.port", "8080", "user_agent.original", "curl/8"),
		},
		"server error": {
			req:     request("GET", "http://shop.test/orders/7"),
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
			want:    with("http.response.status_code", "503", "error.type", "503"), status: tracepb.Status_STATUS_CODE_ERROR,
		},
		"client error is not the server's": {
			req:     request("GET", "http://shop.test/orders/7"),
			handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
			want:    with("http.response.status_code", "404"),
		},
		"early hints are not the answer": {
			req: request("GET", "http://shop.test/orders/7"),
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(103)
				w.WriteHeader(201)
			},
			want: with("http.response.status_code", "201"),
		},
		"no route": {
			req: request("GET", "http://shop.test/other"), name: "GET",
			want: with("url.path", "/other", "http.route", "", "http.response.status_code", "404"),
		},
		"own route": {
			req: request("GET", "http://shop.test/orders/7"), name: "GET /o",
			opts: []sdk.HandlerOption{sdk.WithRoute(func(*http.Request) string { return "/o" })},
			want: with("http.route", "/o"),
		},
		"headers": {
			req:  request("GET", "http://shop.test/orders/7", "X-Tenant", "acme", "X-Other", "no"),
			opts: []sdk.HandlerOption{sdk.WithHeaders("x-tenant", "x-absent")},
			want: with("http.request.header.x-tenant", "[acme]"),
		},
		"strange method": {
			req: request("BREW", "http://shop.test/orders/7"), name: "BREW",
			want: with("http.request.method", "_OTHER", "http.route", "", "http.response.status_code", "405"),
		},
		"IPv6": {
			req:  request("GET", "http://[2001:db8::1]:8080/orders/7"),
			want: with("server.address", "2001:db8::1", "server.port", "8080"),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := &agent{}
			tel := start(t, a)
			if tc.handler == nil {
				tc.handler = ok
			}
			if tc.name == "" {
				tc.name = "GET /orders/{id}"
			}
			w := httptest.NewRecorder()
			tel.Handler(mux("GET /orders/{id}", tc.handler), tc.opts...).ServeHTTP(w, tc.req)
			flush(t, tel)
			span := a.span(t, tc.name)
			if d := cmp.Diff(tc.want, texts(span.Attributes)); d != "" {
				t.Errorf("attributes (-want +got):\n%s", d)
			}
			if span.Kind != tracepb.Span_SPAN_KIND_SERVER || span.GetStatus().GetCode() != tc.status {
				t.Errorf("kind %v and status %v, want a server's with %v", span.Kind, span.Status, tc.status)
			}
			if got := w.Header().Get("X-Amzn-Trace-Id"); !strings.HasPrefix(got, "Root=1-") || !strings.HasSuffix(got, ";Sampled=1") {
				t.Errorf("X-Amzn-Trace-Id of the response is %q", got)
			}
		})
	}
}

const (
	xroot   = "1-5759e988-bd862e3fe1be46a994272793"
	w3c     = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	w3cRoot = "1-4bf92f35-77b34da6a3ce929d0e0e4736"
)

func TestHandlerFollowsIncomingContext(t *testing.T) {
	tests := map[string]struct {
		header  []string
		sampler sdktrace.Sampler
		traced  bool
		root    string // "" for a new one
		answer  string
	}{
		"nothing, yes":                {sampler: sdktrace.AlwaysSample(), traced: true},
		"nothing, no":                 {sampler: sdktrace.NeverSample()},
		"x-ray says yes":              {header: []string{"X-Amzn-Trace-Id", "Root=" + xroot + ";Parent=53995c3f42cd8ad8;Sampled=1"}, sampler: sdktrace.NeverSample(), traced: true, root: xroot},
		"x-ray says no":               {header: []string{"X-Amzn-Trace-Id", "Sampled=0; Root=" + xroot + ";Parent=53995c3f42cd8ad8"}, sampler: sdktrace.AlwaysSample(), root: xroot},
		"x-ray asks, yes":             {header: []string{"X-Amzn-Trace-Id", "Root=" + xroot + ";Parent=53995c3f42cd8ad8;Sampled=?"}, sampler: sdktrace.AlwaysSample(), traced: true, root: xroot},
		"x-ray asks, no":              {header: []string{"X-Amzn-Trace-Id", "Root=" + xroot + ";Parent=53995c3f42cd8ad8;Sampled=?"}, sampler: sdktrace.NeverSample(), root: xroot, answer: "Root=" + xroot + ";Sampled=0"},
		"load balancer, yes":          {header: []string{"X-Amzn-Trace-Id", "Self=1-x;Root=" + xroot}, sampler: sdktrace.AlwaysSample(), traced: true, root: xroot},
		"load balancer, no":           {header: []string{"X-Amzn-Trace-Id", "Root=" + xroot}, sampler: sdktrace.NeverSample(), root: xroot},
		"w3c":                         {header: []string{"Traceparent", w3c}, sampler: sdktrace.NeverSample(), traced: true, root: w3cRoot},
		"x-ray before w3c":            {header: []string{"Traceparent", w3c, "X-Amzn-Trace-Id", "Root=" + xroot + ";Parent=53995c3f42cd8ad8;Sampled=1"}, sampler: sdktrace.NeverSample(), traced: true, root: xroot},
		"w3c before a bare root":      {header: []string{"Traceparent", w3c, "X-Amzn-Trace-Id", "Root=" + xroot}, sampler: sdktrace.NeverSample(), traced: true, root: w3cRoot},
		"garbage":                     {header: []string{"X-Amzn-Trace-Id", "Root=1-zz;Sampled=1"}, sampler: sdktrace.NeverSample()},
		"a probe, although x-ray yes": {header: []string{"User-Agent", "ELB-HealthChecker/2.0", "X-Amzn-Trace-Id", "Root=" + xroot + ";Parent=53995c3f42cd8ad8;Sampled=1"}, sampler: sdktrace.AlwaysSample(), root: xroot},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := &agent{}
			tel := start(t, a, func(c *sdk.Config) { c.Sampler = tc.sampler })
			var inside trace.SpanContext
			var id string
			w := httptest.NewRecorder()
			tel.Handler(mux("/", func(_ http.ResponseWriter, r *http.Request) {
				inside, id = trace.SpanContextFromContext(r.Context()), sdk.TraceID(r.Context())
			})).ServeHTTP(w, request("GET", "http://shop.test/", tc.header...))
			flush(t, tel)
			if got := len(a.spans) == 1; got != tc.traced || inside.IsSampled() != tc.traced || !inside.IsValid() {
				t.Errorf("%d spans, context sampled %v and valid %v; want traced %v", len(a.spans), inside.IsSampled(), inside.IsValid(), tc.traced)
			}
			if tc.root != "" && id != tc.root {
				t.Errorf("trace ID is %s, want %s", id, tc.root)
			}
			if tc.traced {
				tc.answer = "Root=" + id + ";Sampled=1"
			}
			if got := w.Header().Get("X-Amzn-Trace-Id"); got != tc.answer {
				t.Errorf("X-Amzn-Trace-Id of the response is %q, want %q", got, tc.answer)
			}
		})
	}
}

func TestHandlerKeepsProbesOutOfTraces(t *testing.T) {
	a := &agent{}
	tel := start(t, a)
	h := tel.Handler(mux("/", func(http.ResponseWriter, *http.Request) {}), sdk.WithoutPath("/internal/"), sdk.WithoutPath("/up"))
	for _, path := range []string{"/healthz", "/livez", "/readyz", "/ping", "/internal/x", "/up"} {
		h.ServeHTTP(httptest.NewRecorder(), request("GET", "http://shop.test"+path))
	}
	h.ServeHTTP(httptest.NewRecorder(), request("GET", "http://shop.test/up/x"))
	flush(t, tel)
	if len(a.spans) != 1 {
		t.Errorf("%d spans, want only that of /up/x", len(a.spans))
	}
	if n := a.metric("http.server.request.duration").GetHistogram().DataPoints[0].Count; n != 7 {
		t.Errorf("metrics count %d requests, want all 7", n)
	}
}

func TestHandlerPanicGoesOn(t *testing.T) {
	boom := errors.New("boom")
	tests := map[string]struct {
		value  any
		events int
	}{
		"error": {boom, 1},
		"abort": {http.ErrAbortHandler, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := &agent{}
			tel := start(t, a)
			h := tel.Handler(mux("/", func(http.ResponseWriter, *http.Request) { panic(tc.value) }))
			func() {
				defer func() {
					if v := recover(); v != tc.value {
						t.Errorf("recovered %v, want %v", v, tc.value)
					}
				}()
				h.ServeHTTP(httptest.NewRecorder(), request("GET", "http://shop.test/"))
			}()
			flush(t, tel)
			span := a.span(t, "GET /")
			if span.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || len(span.Events) != tc.events {
				t.Errorf("span has status %v and %d events, want an error and %d", span.Status, len(span.Events), tc.events)
			}
			if tc.events > 0 && !strings.Contains(texts(span.Events[0].Attributes)["exception.stacktrace"], "TestHandlerPanicGoesOn") {
				t.Errorf("stack trace does not show where the panic was: %v", span.Events[0])
			}
			p := a.metric("http.server.request.duration").GetHistogram().DataPoints[0]
			if d := cmp.Diff(map[string]string{"http.request.method": "GET", "http.route": "/", "http.response.status_code": "500", "error.type": "500"}, texts(p.Attributes)); d != "" {
				t.Errorf("series (-want +got):\n%s", d)
			}
		})
	}
}

// TestHandlerKeepsOptionalInterfaces speaks to a real server, HTTP/1 and
// HTTP/2, for what programs ask of a ResponseWriter.
func TestHandlerKeepsOptionalInterfaces(t *testing.T) {
	for name, h2 := range map[string]bool{"HTTP/1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			a := &agent{}
			tel := start(t, a)
			got := map[string]bool{}
			srv := httptest.NewUnstartedServer(tel.Handler(mux("/", func(w http.ResponseWriter, _ *http.Request) {
				_, got["flush"] = w.(http.Flusher)
				_, got["hijack"] = w.(http.Hijacker)
				_, got["read from"] = w.(io.ReaderFrom)
				_, got["push"] = w.(http.Pusher)
				rc := http.NewResponseController(w)
				got["deadline"] = rc.SetReadDeadline(time.Now().Add(time.Minute)) == nil
				_, _ = io.WriteString(w, "first")
				got["controller flush"] = rc.Flush() == nil
			})))
			srv.EnableHTTP2 = h2
			srv.StartTLS()
			defer srv.Close()
			res, err := srv.Client().Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || string(body) != "first" {
				t.Fatalf("body %q, %v", body, err)
			}
			want := map[string]bool{"flush": true, "hijack": !h2, "read from": !h2, "push": h2, "deadline": true, "controller flush": true}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("interfaces (-want +got):\n%s", d)
			}
		})
	}
}

func TestHandlerHijack(t *testing.T) {
	a := &agent{}
	tel := start(t, a)
	h := tel.Handler(mux("/ws", func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello\n")
		_ = rw.Flush()
	}))
	// A server does not wait for handlers that hijacked their connection.
	served := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(served)
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil || !strings.HasSuffix(string(all), "hello\n") {
		t.Fatalf("read %q, %v", all, err)
	}
	<-served
	flush(t, tel)
	if got := texts(a.span(t, "GET /ws").Attributes)["http.response.status_code"]; got != "101" {
		t.Errorf("status is %s, want 101", got)
	}
}

func TestHandlerSendsFiles(t *testing.T) {
	a := &agent{}
	tel := start(t, a)
	content := strings.Repeat("0123456789", 100_000)
	srv := httptest.NewServer(tel.Handler(mux("/", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader(content))
	})))
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != content {
		t.Errorf("read %d bytes, %v; want %d", len(body), err, len(content))
	}
}
