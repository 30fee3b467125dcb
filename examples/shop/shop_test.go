package shop_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight/examples/shop"
	"github.com/sidelight-dev/sidelight/sdk"
)

// collector receives the spans of all services.
type collector struct {
	mu    sync.Mutex
	spans map[string][]*tracepb.Span // by service
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var req collectortrace.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &req) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range req.ResourceSpans {
		name := ""
		for _, kv := range rs.Resource.Attributes {
			if kv.Key == "service.name" {
				name = kv.Value.GetStringValue()
			}
		}
		for _, ss := range rs.ScopeSpans {
			c.spans[name] = append(c.spans[name], ss.Spans...)
		}
	}
}

// payments stands in for the third service; it keeps the trace headers.
type payments struct {
	mu      sync.Mutex
	headers []string
}

func (p *payments) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.headers = append(p.headers, r.Header.Get("X-Amzn-Trace-Id"))
	var req shop.PaymentRequest
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		w.WriteHeader(400)
		return
	}
	switch req.Card {
	case "card-declined":
		w.WriteHeader(402)
		fmt.Fprint(w, `{"error":"card declined"}`)
	case "card-broken":
		w.WriteHeader(500)
	default:
		fmt.Fprintf(w, `{"id":"p-%s"}`, req.Order)
	}
}

// shopUnderTest is two services of this package and stand-ins for what is
// around them.
type shopUnderTest struct {
	storefront, orders string
	collector          *collector
	payments           *payments
	logs               *lockedBuffer
	stop               func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) records(t *testing.T) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []map[string]any
	for line := range bytes.Lines(b.b.Bytes()) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		out = append(out, m)
	}
	return out
}

func open(t *testing.T) *shopUnderTest {
	t.Helper()
	s := &shopUnderTest{collector: &collector{spans: make(map[string][]*tracepb.Span)}, payments: &payments{}, logs: &lockedBuffer{}}
	agent, pay := httptest.NewServer(s.collector), httptest.NewServer(s.payments)
	t.Cleanup(agent.Close)
	t.Cleanup(pay.Close)
	t.Setenv("SIDELIGHT_LOG_LEVEL", "debug")
	tel := sdk.Config{
		Endpoint: agent.URL, Sampler: sdktrace.AlwaysSample(), KeepGlobals: true,
		Log: sdk.LogConfig{Output: s.logs}, OnProblem: func(sdk.Problem) {},
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	s.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
	t.Cleanup(s.stop)
	begin := func(run func(ready func(string)) error) string {
		ready := make(chan string, 1)
		wg.Go(func() {
			if err := run(func(url string) { ready <- url }); err != nil {
				t.Errorf("run: %v", err)
			}
			close(ready)
		})
		url, ok := <-ready
		if !ok {
			t.Fatal("a service did not start")
		}
		return url
	}
	s.orders = begin(func(ready func(string)) error {
		return shop.Orders{Listen: "127.0.0.1:0", PaymentsURL: pay.URL, Telemetry: tel, Ready: ready, Stderr: io.Discard}.Run(ctx)
	})
	s.storefront = begin(func(ready func(string)) error {
		return shop.Storefront{Listen: "127.0.0.1:0", OrdersURL: s.orders, Telemetry: tel, Ready: ready, Stderr: io.Discard}.Run(ctx)
	})
	return s
}

func (s *shopUnderTest) request(t *testing.T, method, url, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text), res.Header
}

const basket = `{"customer":"c-1","card_token":"card-ok","items":[{"sku":"dimmer","quantity":2}]}`

func TestCheckoutIsOneTrace(t *testing.T) {
	s := open(t)
	status, body, header := s.request(t, "POST", s.storefront+"/checkout", basket)
	var order shop.Order
	if err := json.Unmarshal([]byte(body), &order); err != nil || status != 201 || order.TotalCents != 4580 || order.PaymentID == "" {
		t.Fatalf("%d %s", status, body)
	}
	if status, again, _ := s.request(t, "GET", s.storefront+"/orders/"+order.ID, ""); status != 200 || again != body {
		t.Errorf("the order reads as %d %s, want %s", status, again, body)
	}
	s.stop()
	root, _, _ := strings.Cut(header.Get("X-Amzn-Trace-Id"), ";")
	id := strings.ReplaceAll(strings.TrimPrefix(root, "Root=1-"), "-", "")
	names := map[string]bool{}
	for service, spans := range s.collector.spans {
		for _, span := range spans {
			if fmt.Sprintf("%x", span.TraceId) == id {
				names[service+" "+span.Name] = true
			}
		}
	}
	for _, want := range []string{"storefront POST /checkout", "storefront POST", "orders POST /orders", "orders reserve stock", "orders POST"} {
		if !names[want] {
			t.Errorf("no span %q in trace %s: %v", want, root, names)
		}
	}
	if !strings.HasPrefix(s.payments.headers[0], root+";Parent=") {
		t.Errorf("payments was told %q, want trace %s", s.payments.headers[0], root)
	}
	levels := map[any]int{}
	for _, r := range s.logs.records(t) {
		levels[r["level"]]++
		if r["order"] == order.ID && r["trace_id"] == "" {
			t.Errorf("record without a trace: %v", r)
		}
	}
	if levels["DEBUG"] == 0 || levels["INFO"] == 0 {
		t.Errorf("levels are %v, want debug and info", levels)
	}
}

func TestAnswers(t *testing.T) {
	s := open(t)
	card := func(token string) string { return strings.Replace(basket, "card-ok", token, 1) }
	tests := map[string]struct {
		method, path, body string
		status             int
		want               string
		level              string
	}{
		"catalogue":       {"GET", "/", "", 200, "Desk lamp", ""},
		"product":         {"GET", "/products/dimmer", "", 200, "Dimmer", ""},
		"unknown product": {"GET", "/products/x", "", 404, "no such product", "WARN"},
		"unknown order":   {"GET", "/orders/x%2Fy", "", 404, "no such order", "WARN"},
		"broken body":     {"POST", "/checkout", "{", 400, "not valid JSON", "WARN"},
		"empty basket":    {"POST", "/checkout", `{}`, 422, "the order is empty", "WARN"},
		"bad quantity":    {"POST", "/checkout", `{"items":[{"sku":"dimmer","quantity":0}]}`, 422, "want 1 to 100", "WARN"},
		"declined":        {"POST", "/checkout", card("card-declined"), 402, "card declined", "WARN"},
		"payments broken": {"POST", "/checkout", card("card-broken"), 502, "quote the trace", "ERROR"},
		"health":          {"GET", "/healthz", "", 200, "", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			status, body, header := s.request(t, tc.method, s.storefront+tc.path, tc.body)
			if status != tc.status || !strings.Contains(body, tc.want) {
				t.Errorf("%s %s = %d %s, want %d %q", tc.method, tc.path, status, body, tc.status, tc.want)
			}
			if tc.level == "" {
				return
			}
			root, _, _ := strings.Cut(strings.TrimPrefix(header.Get("X-Amzn-Trace-Id"), "Root="), ";")
			if !strings.Contains(body, root) {
				t.Errorf("the answer does not name trace %s: %s", root, body)
			}
			found := false
			for _, r := range s.logs.records(t) {
				found = found || r["trace_id"] == root && r["level"] == tc.level && r["route"] != nil
			}
			if !found {
				t.Errorf("no record of level %s with trace %s", tc.level, root)
			}
		})
	}
}

func TestChaos(t *testing.T) {
	s := open(t)
	set := func(query string) (int, string) {
		status, body, _ := s.request(t, "POST", s.orders+"/chaos?"+query, "")
		return status, body
	}
	if status, body := set("errors=1&slow=1&delay=350ms"); status != 200 || !strings.Contains(body, `"errors":1`) {
		t.Fatalf("%d %s", status, body)
	}
	if status, _, _ := s.request(t, "POST", s.storefront+"/checkout", basket); status != 502 {
		t.Errorf("checkout answers %d with all faults on, want 502", status)
	}
	set("errors=0")
	if status, _, _ := s.request(t, "POST", s.storefront+"/checkout", basket); status != 201 {
		t.Errorf("checkout answers %d with errors off, want 201", status)
	}
	slow := false
	for _, r := range s.logs.records(t) {
		slow = slow || r["msg"] == "reservation was slow" && r["level"] == "WARN" && r["took_ms"].(float64) > 300
	}
	if !slow {
		t.Error("no warning tells of the slow reservation")
	}
	for _, bad := range []string{"errors=2", "errors=x", "slow=-1", "slow=NaN", "delay=1h", "delay=x"} {
		if status, body := set(bad); status != 400 {
			t.Errorf("%s: %d %s, want 400", bad, status, body)
		}
	}
}

func TestLoad(t *testing.T) {
	s := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	report, err := shop.Load{Target: s.storefront, Rate: 100, Duration: time.Second, Faults: 0.3}.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range report.Status {
		total += n
	}
	if report.Sent < 30 || total != report.Sent || report.Status[0] > 0 || report.Status[200] == 0 || report.Status[201] == 0 || report.Worst < report.Median {
		t.Errorf("report is\n%v", report)
	}
	if report.Status[404]+report.Status[400]+report.Status[402] == 0 {
		t.Errorf("no faults among\n%v", report)
	}
	if text := report.String(); !strings.Contains(text, "201 Created") {
		t.Errorf("report reads %s", text)
	}
}

func TestLoadRefusesNonsense(t *testing.T) {
	for name, l := range map[string]shop.Load{
		"rate": {Target: "http://x", Rate: 0}, "faults": {Target: "http://x", Rate: 1, Faults: 2}, "target": {Target: "x", Rate: 1},
	} {
		if _, err := l.Run(t.Context()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRunRefusesTakenAddress(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	u, err := url.Parse(taken.URL)
	if err != nil {
		t.Fatal(err)
	}
	tel := sdk.Config{KeepGlobals: true, Log: sdk.LogConfig{Output: io.Discard}, OnProblem: func(sdk.Problem) {}}
	err = shop.Storefront{Listen: u.Host, Telemetry: tel, Stderr: io.Discard}.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "start storefront") {
		t.Errorf("Run() = %v", err)
	}
}

func TestAddress(t *testing.T) {
	for _, tc := range [][4]string{{":1", "2", "d", ":1"}, {"", "2", "d", ":2"}, {"", "", "d", "d"}} {
		if got := shop.Address(tc[0], tc[1], tc[2]); got != tc[3] {
			t.Errorf("Address(%q, %q, %q) = %q, want %q", tc[0], tc[1], tc[2], got, tc[3])
		}
	}
}
