package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/aws/smithy-go"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// double is a service that counts its calls.
type double struct {
	calls, resets atomic.Int32
	run           func(context.Context) error
	fail          error
}

func (d *double) Name() string { return "xray" }
func (d *double) Reset()       { d.resets.Add(1) }

func (d *double) Run(ctx context.Context) error {
	if d.run == nil {
		<-ctx.Done()
		return nil
	}
	return d.run(ctx)
}

func (d *double) Operations() []api.Operation {
	return []api.Operation{api.Op("PutTraceSegments", func(ctx context.Context, in *xray.PutTraceSegmentsInput) (*xray.PutTraceSegmentsOutput, error) {
		d.calls.Add(1)
		if d.fail != nil {
			return nil, d.fail
		}
		c := api.CallerOf(ctx)
		return &xray.PutTraceSegmentsOutput{UnprocessedTraceSegments: []types.UnprocessedTraceSegment{{Id: aws.String(c.Account + "/" + c.Region)}}}, nil
	})}
}

func with(d *double) func(*sandbox.Options) {
	return func(o *sandbox.Options) { o.Services = []api.Service{d} }
}

func put(t *testing.T, s *sandbox.Server, opts ...func(*xray.Options)) (*xray.PutTraceSegmentsOutput, error) {
	t.Helper()
	c := xray.NewFromConfig(sandboxtest.Config(s), opts...)
	return c.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{"{}"}})
}

// control does a control request and decodes its answer.
func control(t *testing.T, s *sandbox.Server, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+"/_sidelight/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%s %s: %v in %q", method, path, err, b)
	}
	return res.StatusCode, out
}

func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

func TestCallerAndCalls(t *testing.T) {
	d := &double{}
	s := sandboxtest.New(t, with(d), func(o *sandbox.Options) { o.Account = "123456789012" })
	out, err := put(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if got := *out.UnprocessedTraceSegments[0].Id; got != "123456789012/us-east-1" {
		t.Errorf("caller is %s", got)
	}
	_, got := control(t, s, "GET", "calls?service=xray", "")
	calls := got["calls"].([]any)
	if len(calls) != 1 {
		t.Fatalf("calls = %v", got)
	}
	c := calls[0].(map[string]any)
	if c["operation"] != "PutTraceSegments" || c["protocol"] != "restJson1" || c["status"] != 200.0 || c["accessKey"] != sandboxtest.AccessKey {
		t.Errorf("call = %v", c)
	}
	if _, got := control(t, s, "GET", "calls?operation=Other", ""); len(got["calls"].([]any)) != 0 {
		t.Errorf("calls of another operation = %v", got)
	}
}

func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		rule    string
		code    string // of the API error; empty: the connection broke
		applied int32
	}{
		"throttle":    {`{"kind":"throttle","service":"xray"}`, "ThrottledException", 0},
		"error":       {`{"kind":"error","status":503}`, "ServiceUnavailableException", 0},
		"shape":       {`{"kind":"error","status":400,"shape":"InvalidRequestException"}`, "InvalidRequestException", 0},
		"drop before": {`{"kind":"drop-before","operation":"PutTraceSegments"}`, "", 0},
		"drop after":  {`{"kind":"drop-after"}`, "", 1},
		"refuse":      {`{"kind":"refuse"}`, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := &double{}
			s := sandboxtest.New(t, with(d))
			status, rule := control(t, s, "POST", "faults", tt.rule)
			if status != http.StatusCreated {
				t.Fatalf("add fault: %v", rule)
			}
			_, err := put(t, s)
			if err == nil || code(err) != tt.code || d.calls.Load() != tt.applied {
				t.Errorf("call: %v (code %q), applied %d times; want %q, %d", err, code(err), d.calls.Load(), tt.code, tt.applied)
			}
			_, list := control(t, s, "GET", "faults", "")
			if hits := list["faults"].([]any)[0].(map[string]any)["hits"]; hits != 1.0 {
				t.Errorf("fault has %v hits", hits)
			}
			control(t, s, "DELETE", "faults/"+rule["id"].(string), "")
			if _, err := put(t, s); err != nil {
				t.Errorf("call after the fault ended: %v", err)
			}
		})
	}
}

func TestDelay(t *testing.T) {
	s := sandboxtest.New(t, with(&double{}))
	control(t, s, "POST", "faults", `{"kind":"delay","wait":"30ms","count":1}`)
	start := time.Now()
	if _, err := put(t, s); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(start); d < 30*time.Millisecond {
		t.Errorf("a delayed call took %v", d)
	}
}

func TestControlRefusals(t *testing.T) {
	s := sandboxtest.New(t)
	for _, r := range [][3]string{
		{"POST", "faults", `{"kind":"throttle","rates":1}`},
		{"POST", "faults", `{"kind":"nothing"}`},
		{"POST", "faults", ``},
		{"POST", "clock", `{"freeze":true,"run":true}`},
		{"POST", "clock", `{"advance":"-1s"}`},
		{"POST", "clock", `{} {}`},
		{"DELETE", "faults/99", ""},
		{"GET", "nothing", ""},
		{"PUT", "reset", ""},
	} {
		if status, got := control(t, s, r[0], r[1], r[2]); status < 400 || got["error"] == "" {
			t.Errorf("%v: %d %v", r, status, got)
		}
	}
}

func TestClockAndReset(t *testing.T) {
	d := &double{}
	s := sandboxtest.New(t, with(d))
	if _, got := control(t, s, "POST", "clock", `{"freeze":true,"set":"2100-01-01T00:00:00Z","advance":"1h"}`); got["now"] != "2100-01-01T01:00:00Z" || got["frozen"] != true {
		t.Errorf("clock = %v", got)
	}
	if _, got := control(t, s, "GET", "clock", ""); got["now"] != "2100-01-01T01:00:00Z" {
		t.Errorf("clock = %v", got)
	}
	if _, got := control(t, s, "POST", "clock", `{"run":true}`); got["frozen"] != false {
		t.Errorf("clock = %v", got)
	}
	if _, err := put(t, s); err != nil {
		t.Fatal(err)
	}
	control(t, s, "POST", "faults", `{"kind":"throttle"}`)
	control(t, s, "POST", "reset", "")
	if _, got := control(t, s, "GET", "health", ""); got["status"] != "ok" || got["calls"] != 0.0 || d.resets.Load() != 1 {
		t.Errorf("after reset: %v, %d resets", got, d.resets.Load())
	}
	if _, err := put(t, s); err != nil {
		t.Errorf("a fault outlived the reset: %v", err)
	}
}

func TestVerifySignatures(t *testing.T) {
	for name, tt := range map[string]struct {
		keys map[string]string
		want string
	}{
		"right":        {map[string]string{sandboxtest.AccessKey: sandboxtest.SecretKey}, ""},
		"wrong secret": {map[string]string{sandboxtest.AccessKey: "other"}, "InvalidSignatureException"},
		"unknown key":  {map[string]string{"AKIDOTHER": "other"}, "UnrecognizedClientException"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sandboxtest.New(t, with(&double{}), func(o *sandbox.Options) { o.VerifySignatures, o.Keys = true, tt.keys })
			if _, err := put(t, s); code(err) != tt.want || (err == nil) != (tt.want == "") {
				t.Errorf("call: %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := sandbox.New(sandbox.Options{Listen: "127.0.0.1:0", VerifySignatures: true}); err == nil {
		t.Error("verifying signatures without keys was accepted")
	}
}

func TestServiceFailures(t *testing.T) {
	d := &double{fail: errors.New("disk on fire")}
	s := sandboxtest.New(t, with(d))
	if _, err := put(t, s); code(err) != "InternalFailure" {
		t.Errorf("an error of another kind gives %v", err)
	}
	broken := errors.New("evaluator broke")
	srv, err := sandbox.New(sandbox.Options{Listen: "127.0.0.1:0", Services: []api.Service{&double{run: func(context.Context) error { return broken }}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Serve = %v, want %v", err, broken)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Serve(ctx); err != nil {
		t.Errorf("Serve = %v", err)
	}
}
