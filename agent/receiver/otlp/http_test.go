package otlp_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/otlp"
)

const logsJSON = `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}},
 {"key":"host.name","value":{"stringValue":"h1"}}]},
 "scopeLogs":[{"scope":{"name":"pay"},"logRecords":[
 {"timeUnixNano":"1772358002113000000","severityNumber":17,"severityText":"Error","body":{"stringValue":"payment refused"},
  "attributes":[{"key":"took_ms","value":{"intValue":"12"}},{"key":"level","value":{"stringValue":"mine"}},{"key":"ok","value":{"boolValue":false}}],
  "traceId":"69a4b2c27f3d0e61a0b94c5d8e2f1a37","spanId":"53995c3f42cd8ad8"},
 {"observedTimeUnixNano":1772358002114000000,"severityText":"notice","body":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"doubleValue":1.5},{"bytesValue":"AQI="},{}]}}}]}}}
 ]}]}]}`

var wantLogs = []string{
	`{"time":"2026-03-01T09:40:02.113Z","level":"ERROR","msg":"payment refused","trace_id":"1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37","span_id":"53995c3f42cd8ad8","service":"orders","environment":"test","scope":"pay","took_ms":12,"ok":false,"attributes":{"level":"mine"},"resource":{"host.name":"h1"}}`,
	`{"time":"2026-03-01T09:40:02.114Z","level":"NOTICE","body":{"a":[1.5,"AQI=",null]},"service":"orders","environment":"test","scope":"pay","resource":{"host.name":"h1"}}`,
}

func TestLogsJSON(t *testing.T) {
	x := start(t, nil)
	tcp := client(t, "")
	for name, a := range map[string]answer{
		"tcp":   post(t, tcp, "http://"+x.HTTPAddr().String()+"/v1/logs", "application/json", []byte(logsJSON)),
		"gzip":  post(t, tcp, "http://"+x.HTTPAddr().String()+"/v1/logs", "application/json; charset=utf-8", zipped([]byte(logsJSON)), "Content-Encoding", "gzip"),
		"unix":  post(t, client(t, x.unix), "http://agent/v1/logs", "application/json", []byte(logsJSON)),
		"other": post(t, tcp, "http://"+x.GRPCAddr().String()+"/v1/logs", "application/json", []byte(logsJSON)),
	} {
		if a.code != 200 || a.body != "{}" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: answer = %+v", name, a)
		}
	}
	got := x.out.get("logs cloudwatchlogs /sidelight/orders")
	want := append(append(append(append([]string{}, wantLogs...), wantLogs...), wantLogs...), wantLogs...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}

func TestRefusals(t *testing.T) {
	x := start(t, func(c *otlp.Config) { c.MaxBody = 4096; c.Memory = 1 << 20; c.RetryAfter = 1500 * time.Millisecond })
	c := client(t, "")
	base := "http://" + x.HTTPAddr().String()
	long := []byte(`{"x":"` + strings.Repeat("y", 5000) + `"}`)
	tests := map[string]struct {
		path, kind string
		body       []byte
		header     []string
		code       int
		says       string
	}{
		"path":     {"/v1/profiles", "application/json", nil, nil, 404, "/v1/traces"},
		"type":     {"/v1/logs", "text/plain", nil, nil, 415, "x-protobuf"},
		"coding":   {"/v1/logs", "application/json", nil, []string{"Content-Encoding", "br"}, 415, "gzip"},
		"not gzip": {"/v1/logs", "application/json", []byte("{}"), []string{"Content-Encoding", "gzip"}, 400, "gzip"},
		"cut gzip": {"/v1/logs", "application/json", zipped([]byte(logsJSON))[:200], []string{"Content-Encoding", "gzip"}, 400, "cannot be read"},
		"long":     {"/v1/logs", "application/json", long, nil, 413, "too long"},
		"bomb":     {"/v1/logs", "application/json", zipped(long), []string{"Content-Encoding", "gzip"}, 413, "too long"},
		"not json": {"/v1/logs", "application/json", []byte("{"), nil, 400, "malformed"},
		"mistyped": {"/v1/logs", "application/json", []byte(`{"resourceLogs":[1]}`), nil, 400, "not an object"},
		"not hex":  {"/v1/traces", "application/json", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}`), nil, 400, "traceId"},
		"not wire": {"/v1/traces", "application/x-protobuf", []byte("\x0a\xff"), nil, 400, "cut short"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			a := post(t, c, base+tc.path, tc.kind, tc.body, tc.header...)
			if a.code != tc.code || !strings.Contains(a.body, tc.says) {
				t.Errorf("answer = %d %q, want %d with %q", a.code, a.body, tc.code, tc.says)
			}
		})
	}
	x.out.set(func() { x.out.err = sidelight.ErrFull })
	if a := post(t, c, base+"/v1/logs", "application/json", []byte(logsJSON)); a.code != 429 || a.header.Get("Retry-After") != "2" {
		t.Errorf("full: %+v", a)
	}
	x.out.set(func() { x.out.err = sidelight.ErrClosed })
	if a := post(t, c, base+"/v1/logs", "application/json", []byte(logsJSON)); a.code != 503 || a.header.Get("Retry-After") != "2" {
		t.Errorf("closed: %+v", a)
	}
	x.out.set(func() { x.out.err = nil })
	if a := post(t, c, base+"/v1/logs", "application/json", []byte(logsJSON)); a.code != 200 {
		t.Errorf("after all: %+v", a)
	}
}

// TestPartialSuccess sends one good span and two bad ones.
func TestPartialSuccess(t *testing.T) {
	const body = `{"resourceSpans":[{"scopeSpans":[{"spans":[
	 {"traceId":"5759e988bd862e3fe1be46a994272793","spanId":"53995c3f42cd8ad8","name":"a","startTimeUnixNano":"1000000000","endTimeUnixNano":"2000000000"},
	 {"traceId":"00000000000000000000000000000000","spanId":"53995c3f42cd8ad8"},
	 {"traceId":"5759e988bd862e3fe1be46a994272793","spanId":"53"}]}]}]}`
	x := start(t, nil)
	a := post(t, client(t, ""), "http://"+x.HTTPAddr().String()+"/v1/traces", "application/json", []byte(body))
	var got struct {
		PartialSuccess struct{ RejectedSpans, ErrorMessage string }
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	if a.code != 200 || got.PartialSuccess.RejectedSpans != "2" || !strings.Contains(got.PartialSuccess.ErrorMessage, "trace id") {
		t.Errorf("answer = %+v", a)
	}
	if n := len(x.out.get("traces xray ")); n != 1 {
		t.Errorf("%d documents", n)
	}
	if n := x.books.lost["traces invalid"]; n != 2 {
		t.Errorf("booked %d lost", n)
	}
}

func TestPartialSuccessProtobuf(t *testing.T) {
	body := []byte("\x0a\x06\x12\x04\x12\x02\x0a\x00") // one span with an empty trace id
	x := start(t, nil)
	a := post(t, client(t, ""), "http://"+x.HTTPAddr().String()+"/v1/traces", "application/x-protobuf", body)
	var got v1.ExportTraceServiceResponse
	if err := proto.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.PartialSuccess.GetRejectedSpans() != 1 || got.PartialSuccess.GetErrorMessage() == "" {
		t.Errorf("answer = %v", &got)
	}
}

// TestAnswersWhenSafe expects no answer before the ticket is let go of, the
// ticket's failure as a refusal, and an end to waiting.
func TestAnswersWhenSafe(t *testing.T) {
	x := start(t, func(c *otlp.Config) { c.AckWait = 200 * time.Millisecond })
	x.out.set(func() { x.out.keep = true })
	c := client(t, "")
	url := "http://" + x.HTTPAddr().String() + "/v1/logs"
	if a := post(t, c, url, "application/json", []byte(logsJSON)); a.code != 503 || !strings.Contains(a.body, "not safe yet") {
		t.Errorf("never safe: %+v", a)
	}
	(<-x.out.held).Release(nil) // too late, and harmless
	for name, tc := range map[string]struct {
		err  error
		code int
	}{"safe": {nil, 200}, "given up": {errors.New("shutdown"), 503}} {
		got := make(chan answer, 1)
		go func() { got <- post(t, c, url, "application/json", []byte(logsJSON)) }()
		(<-x.out.held).Release(tc.err)
		if a := <-got; a.code != tc.code {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
