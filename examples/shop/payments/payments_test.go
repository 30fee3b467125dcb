package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-xray-sdk-go/xray"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight/examples/shop"
	"github.com/sidelight-dev/sidelight/sdk"
)

type segment struct {
	Name     string
	ID       string
	TraceID  string `json:"trace_id"`
	ParentID string `json:"parent_id"`
	HTTP     struct {
		Response struct{ Status int }
	}
	Fault, Error bool
	Annotations  map[string]any
	Subsegments  []segment
}

// daemon points the X-Ray SDK, whose configuration is global, at a socket.
func daemon(t *testing.T) net.PacketConn {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := xray.Configure(xray.Config{DaemonAddr: conn.LocalAddr().String()}); err != nil {
		t.Fatal(err)
	}
	return conn
}

func receive(t *testing.T, conn net.PacketConn) segment {
	t.Helper()
	buf := make([]byte, 64<<10)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatalf("no segment came: %v", err)
	}
	head, body, _ := bytes.Cut(buf[:n], []byte("\n"))
	var s segment
	if err := json.Unmarshal(body, &s); err != nil || !bytes.Contains(head, []byte(`"version"`)) {
		t.Fatalf("datagram %q: %v", buf[:n], err)
	}
	return s
}

const sampled = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

func TestPayments(t *testing.T) {
	tests := map[string]struct {
		chaos        shop.Chaos
		body         string
		status       int
		fault, error bool
		subsegments  []string
		level        string
	}{
		"charged":  {shop.Chaos{}, `{"order":"o-1","amount_cents":500,"card_token":"ok"}`, 201, false, false, []string{"check fraud", "charge bank"}, "INFO"},
		"declined": {shop.Chaos{}, `{"order":"o-1","amount_cents":50000,"card_token":"x-declined"}`, 402, false, true, []string{"check fraud"}, "WARN"},
		"broken":   {shop.Chaos{Errors: 1, Slow: 1, Delay: 1}, `{"order":"o-1","amount_cents":500,"card_token":"ok"}`, 500, true, false, []string{"check fraud", "charge bank"}, "ERROR"},
		"nonsense": {shop.Chaos{}, `{`, 400, false, true, nil, "WARN"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			conn := daemon(t)
			var logs bytes.Buffer
			s := &service{log: newLogger(&logs), chaos: tc.chaos}
			w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/payments", strings.NewReader(tc.body))
			r.Header.Set("X-Amzn-Trace-Id", sampled)
			s.handler().ServeHTTP(w, r)
			if w.Code != tc.status {
				t.Errorf("status %d %s, want %d", w.Code, w.Body, tc.status)
			}
			seg := receive(t, conn)
			if seg.Name != "payments" || seg.ParentID != "53995c3f42cd8ad8" || seg.Fault != tc.fault || seg.Error != tc.error || seg.HTTP.Response.Status != tc.status {
				t.Errorf("segment is %+v", seg)
			}
			var names []string
			for _, sub := range seg.Subsegments {
				names = append(names, sub.Name)
			}
			if fmt.Sprint(names) != fmt.Sprint(tc.subsegments) {
				t.Errorf("subsegments are %q, want %q", names, tc.subsegments)
			}
			if want := `"trace_id":"1-5759e988-bd862e3fe1be46a994272793"`; !strings.Contains(logs.String(), want) || !strings.Contains(logs.String(), `"level":"`+tc.level) {
				t.Errorf("log has no %s line with %s:\n%s", tc.level, want, logs.String())
			}
		})
	}
}

// TestShopIsOneTrace runs all three services and follows one checkout through
// them: the segment that payments sends is the child of the call in orders.
func TestShopIsOneTrace(t *testing.T) {
	conn := daemon(t)
	spans := make(chan []byte, 100)
	agent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && r.URL.Path == "/v1/traces" {
			spans <- body
		}
	}))
	defer agent.Close()
	tel := sdk.Config{
		Endpoint: agent.URL, Sampler: sdktrace.AlwaysSample(), KeepGlobals: true,
		Log: sdk.LogConfig{Output: io.Discard}, OnProblem: func(sdk.Problem) {},
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	begin := func(run func(ready func(string)) error) string {
		ready := make(chan string, 1)
		wg.Go(func() {
			if err := run(func(url string) { ready <- url }); err != nil {
				t.Error(err)
			}
			close(ready)
		})
		return <-ready
	}
	payments := begin(func(ready func(string)) error {
		return (&service{log: slog.New(slog.DiscardHandler)}).run(ctx, "127.0.0.1:0", ready)
	})
	orders := begin(func(ready func(string)) error {
		return shop.Orders{Listen: "127.0.0.1:0", PaymentsURL: payments, Telemetry: tel, Ready: ready, Stderr: io.Discard}.Run(ctx)
	})
	storefront := begin(func(ready func(string)) error {
		return shop.Storefront{Listen: "127.0.0.1:0", OrdersURL: orders, Telemetry: tel, Ready: ready, Stderr: io.Discard}.Run(ctx)
	})
	res, err := http.Post(storefront+"/checkout", "application/json",
		strings.NewReader(`{"customer":"c-1","card_token":"ok","items":[{"sku":"dimmer","quantity":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("checkout answers %s", res.Status)
	}
	seg := receive(t, conn)
	cancel()
	wg.Wait()
	close(spans)
	if root := "Root=" + seg.TraceID + ";"; !strings.HasPrefix(res.Header.Get("X-Amzn-Trace-Id"), root) {
		t.Errorf("the segment has trace %s, the answer %s", seg.TraceID, res.Header.Get("X-Amzn-Trace-Id"))
	}
	if caller := callerOf(t, spans, seg.ParentID); caller != "orders POST" {
		t.Errorf("the segment's parent is %q, want the call in orders", caller)
	}
}

// callerOf returns service and name of the span with an ID.
func callerOf(t *testing.T, bodies <-chan []byte, id string) string {
	t.Helper()
	for body := range bodies {
		var req collectortrace.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &req); err != nil {
			t.Fatal(err)
		}
		for _, rs := range req.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, span := range ss.Spans {
					if fmt.Sprintf("%x", span.SpanId) != id {
						continue
					}
					for _, kv := range rs.Resource.Attributes {
						if kv.Key == "service.name" {
							return kv.Value.GetStringValue() + " " + span.Name
						}
					}
				}
			}
		}
	}
	return ""
}
