package xray_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/exporters/exportertest"
	"github.com/sidelight-dev/sidelight/exporters/xray"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

func open(t *testing.T, cfg aws.Config) sidelight.Exporter {
	t.Helper()
	x, err := xray.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func segment(n, size int) sidelight.Event {
	now := float64(time.Now().Unix())
	doc := fmt.Sprintf(`{"name":"svc","id":"%016x","trace_id":"1-%08x-%024x","start_time":%f,"end_time":%f,"metadata":{"default":{"pad":"%s"}}}`,
		n+1, int64(now), n+1, now-1, now, strings.Repeat("x", size))
	return sidelight.Event{Time: int64(now * 1000), Body: []byte(doc)}
}

func TestContract(t *testing.T) {
	// The documents' times move on between calls: one clock for the suite.
	fixed := map[[2]int]sidelight.Event{}
	exportertest.Run(t, exportertest.Suite{
		New: open, Dest: sidelight.Dest{}, Success: `{"UnprocessedTraceSegments":[]}`,
		Event: func(n, size int) sidelight.Event {
			if e, ok := fixed[[2]int{n, size}]; ok {
				return e
			}
			fixed[[2]int{n, size}] = segment(n, size)
			return fixed[[2]int{n, size}]
		},
	})
}

// What the service left unprocessed is sent again if that may help, else
// counted by its code.
func TestUnprocessed(t *testing.T) {
	answer := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
	defer srv.Close()
	x := open(t, exportertest.Config(srv.URL))
	b := exportertest.Pack(t, x, sidelight.Dest{}, []sidelight.Event{segment(0, 1), segment(1, 1), segment(2, 1)}, false)[0]
	id := func(n int) string { return fmt.Sprintf("%016x", n+1) }
	cases := map[string]struct{ answer, want string }{
		"none":      {`{"UnprocessedTraceSegments":[]}`, "{3 [] []}"},
		"bad trace": {`{"UnprocessedTraceSegments":[{"Id":"` + id(1) + `","ErrorCode":"InvalidTraceId"}]}`, "{2 [{invalid_trace_id 1 [1] }] []}"},
		"throttled": {`{"UnprocessedTraceSegments":[{"Id":"` + id(2) + `","ErrorCode":"ThrottledException"},{"Id":"` + id(0) + `","ErrorCode":"InternalFailure"}]}`, "{1 [] [0 2]}"},
		"unknown":   {`{"UnprocessedTraceSegments":[{"ErrorCode":"Throttled"}]}`, "{2 [{throttled 1 [] }] []}"},
		"not JSON":  {`<html>`, "{3 [] []}"},
	}
	for name, c := range cases {
		answer = c.answer
		r, err := x.Export(t.Context(), b)
		if err != nil || fmt.Sprint(r) != c.want {
			t.Errorf("%s: receipt %v, %v; want %s", name, r, err, c.want)
		}
	}
}

func TestSandbox(t *testing.T) {
	s := sandboxtest.New(t)
	x := open(t, sandboxtest.Config(s))
	now := float64(time.Now().UnixMilli()) / 1000
	trace := fmt.Sprintf("1-%08x-0123456789abcdef01234567", int64(now))
	good := fmt.Sprintf(`{"name":"a name é","metadata":{"default":{"q":"a \"quoted\" value"}},"id":"70de5b6f19ff9a0a","trace_id":"%s","start_time":%f,"end_time":%f}`, trace, now-1, now)
	b := exportertest.Pack(t, x, sidelight.Dest{}, []sidelight.Event{{Body: []byte(good)}, {Body: []byte(`{"name":"no id"}`)}}, true)[0]
	r, err := x.Export(t.Context(), b)
	if err != nil || r.Accepted != 1 || len(r.Refused) != 1 {
		t.Fatalf("receipt %+v, %v", r, err)
	}
	out, err := sdk.NewFromConfig(sandboxtest.Config(s)).BatchGetTraces(t.Context(), &sdk.BatchGetTracesInput{TraceIds: []string{trace}})
	if err != nil || len(out.Traces) != 1 || !strings.Contains(*out.Traces[0].Segments[0].Document, "70de5b6f19ff9a0a") {
		t.Errorf("traces %+v, %v", out, err)
	}
}
