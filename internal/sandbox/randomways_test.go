package sandbox_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// otlpBodies are exports to the paths that take them.
func otlpBodies(now int64) map[string]string {
	resource := `"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}},{"key":"a","value":{"arrayValue":{"values":[{"intValue":"1"},{"boolValue":true}]}}}]}`
	return map[string]string{
		"/v1/traces": fmt.Sprintf(`{"resourceSpans":[{%s,"scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":"%08x000000000000000000000001","spanId":"00000000000000aa",
			"parentSpanId":"00000000000000bb","name":"GET /","kind":2,"startTimeUnixNano":"%d000000000","endTimeUnixNano":"%d500000000",
			"attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}},{"key":"http.response.status_code","value":{"intValue":"500"}}],
			"events":[{"name":"exception","timeUnixNano":"%d000000000","attributes":[{"key":"exception.type","value":{"stringValue":"E"}}]}],
			"links":[{"traceId":"00000000000000000000000000000002","spanId":"00000000000000cc"}],"status":{"code":2,"message":"m"}}]}]}]}`, resource, now, now, now, now),
		"/v1/logs": fmt.Sprintf(`{"resourceLogs":[{%s,"scopeLogs":[{"scope":{"name":"s"},"logRecords":[{"timeUnixNano":"%d000000000","severityNumber":9,
			"severityText":"INFO","body":{"stringValue":"hello"},"attributes":[{"key":"x","value":{"doubleValue":1.5}}],"traceId":"00000000000000000000000000000001"}]}]}]}`, resource, now),
		"/v1/metrics": `{"resourceMetrics":[]}`,
	}
}

// TestRandomExports sends damaged exports in OTLP, in both of its forms.
func TestRandomExports(t *testing.T) {
	s := sandboxtest.New(t)
	furnish(t, sandboxtest.Config(s))
	c := &chance{rand.New(rand.NewPCG(1, 8)), wordPool(), time.Now().Unix()}
	forms := otlpwire.NewJSON()
	good := 0
	for range randomCount(t) / 20 {
		for path, text := range otlpBodies(c.now) {
			kind, body := "application/json", []byte(text)
			if c.IntN(2) == 0 {
				message := forms.Traces
				if path == "/v1/logs" {
					message = forms.Logs
				}
				if wire, err := forms.Append(nil, message, body); err == nil {
					kind, body = "application/x-protobuf", wire
				}
			}
			if c.IntN(8) > 0 {
				body = c.mutate(body)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+path, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", kind)
			r.Header.Set("x-aws-log-group", "/app")
			r.Header.Set("x-aws-log-stream", "s")
			if c.IntN(20) == 0 {
				r.Header.Set("Content-Encoding", "gzip")
			}
			status, answer, err := exchange(r)
			if err != nil || status >= 500 && path != "/v1/metrics" {
				t.Fatalf("%s: answers %d %.300s, %v\n%s %q", path, status, answer, err, kind, body)
			}
			if status == http.StatusOK {
				good++
			}
		}
	}
	if good < randomCount(t)/200 {
		t.Errorf("only %d exports were good", good)
	}
}

// TestRandomControl sends damaged requests to the sandbox's own control.
func TestRandomControl(t *testing.T) {
	s := sandboxtest.New(t)
	furnish(t, sandboxtest.Config(s))
	c := &chance{rand.New(rand.NewPCG(1, 9)), wordPool(), time.Now().Unix()}
	bodies := map[string][]string{
		"clock":    {`{"freeze":true}`, `{"advance":"1m"}`, `{"run":true}`, `{"set":"2026-03-01T00:00:00Z"}`, `{"advance":"-5s"}`},
		"faults":   {`{"kind":"throttle","rate":0.5,"count":3}`, `{"kind":"error","operation":"PutLogEvents","status":503,"duration":"1s"}`, `{"kind":"delay","wait":"1ms"}`, `{"kind":"partial"}`},
		"faults/1": {""}, "faults/x": {""}, "snapshot": {"", "SLB3", "{}"}, "calls": {""}, "calls?limit=-1": {""}, "inbox": {""}, "health": {""}, "reset": {""}, "nothing": {"x"},
	}
	statuses := map[int]int{}
	for range randomCount(t) / 100 {
		for path, texts := range bodies {
			body := []byte(texts[c.IntN(len(texts))])
			if c.IntN(2) == 0 {
				body = c.mutate(body)
			}
			method := []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodPut}[c.IntN(4)]
			r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/_sidelight/"+path, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			status, answer, err := exchange(r)
			if err != nil || status >= 500 {
				t.Fatalf("%s %s: answers %d %.300s, %v\n%q", method, path, status, answer, err, body)
			}
			statuses[status]++
		}
	}
	if statuses[http.StatusOK] == 0 || statuses[http.StatusBadRequest] == 0 {
		t.Errorf("answers by status: %v", statuses)
	}
}
