//go:build clients

package clients_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/xray"
)

// The calls that GET /checkout of front makes, by who calls whom and what for,
// with the answer's status.
func checkoutCalls() map[string]int {
	return map[string]int{
		"client > front /checkout": 200,
		"front > orders /order":    200,
		"front > pricing /quota":   429,
		"orders > pricing /price":  200,
		"orders > ledger /broken":  500,
		"pricing > ledger /entry":  200,
		"ledger > orders /audit":   200,
	}
}

// checkouts is how many traces there are.
const checkouts = 20

// TestFourSDKs has each trace run through four services, each under an SDK of
// its own: front under X-Ray's for Go, orders under OpenTelemetry's for Go,
// pricing under OpenTelemetry's for JavaScript, ledger under X-Ray's for Node.
// Everything that tells of the calls then tells of all that were made, of no
// others, and of how they went.
func TestFourSDKs(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	ids := checkout(t, startServices(t, startAgent(t, s)))
	var found map[string][]tracedSegment
	var pending []tracedSegment
	t.Cleanup(func() {
		if t.Failed() && pending != nil {
			t.Logf("the last trace seen incomplete: %+v", pending)
		}
	})
	eventually(t, "all segments of all traces", func() bool {
		found = s.tracedSegments(t, ids)
		for _, id := range ids {
			if !complete(found[id]) {
				pending = found[id]
				return false
			}
		}
		return true
	})
	for _, id := range ids {
		checkCalls(t, id, found[id])
	}
	checkGraphs(t, s, ids)
	checkSummaries(t, s, ids)
	for _, id := range ids {
		checkShown(t, s, id)
	}
	checkMap(t, s)
}

// startServices starts the four services and returns front's URL.
func startServices(t *testing.T, a *agent) string {
	t.Helper()
	peers := filepath.Join(t.TempDir(), "peers.json")
	environ := []string{"AWS_XRAY_DAEMON_ADDRESS=tcp:" + a.address(t, "xray tcp") + " udp:" + a.address(t, "xray udp")}
	services := map[string]*process{
		"front":   launch(t, "front", environ, os.Getenv("SIDELIGHT_TEST_XRAYGO"), "front", peers),
		"orders":  launch(t, "orders", nil, os.Getenv("SIDELIGHT_TEST_OTELGO"), a.address(t, "otlp grpc"), peers),
		"pricing": launch(t, "pricing", nil, "node", "serve.js", "pricing", peers, a.address(t, "otlp http")),
		"ledger":  launch(t, "ledger", environ, "node", "serve.js", "ledger", peers),
	}
	where := map[string]string{}
	for name, p := range services {
		where[name] = "http://" + p.line(t, regexp.MustCompile(`(?m)^listening on (\S+)$`))[1]
	}
	text, err := json.Marshal(where)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(peers, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return where["front"]
}

// checkout has front make its calls, for several clients at a time, and returns
// the IDs of the traces in order.
func checkout(t *testing.T, front string) []string {
	t.Helper()
	var (
		mu  sync.Mutex
		wg  sync.WaitGroup
		ids []string
	)
	for range 4 {
		wg.Go(func() {
			for range checkouts / 4 {
				id, err := get(front + "/checkout")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids = append(ids, strings.TrimSpace(id))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) != checkouts {
		t.Fatalf("%d traces, want %d: %v", len(ids), checkouts, ids)
	}
	return ids
}

func get(address string) (string, error) {
	resp, err := http.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", address, resp.Status, body)
	}
	return string(body), err
}

// tracedSegment is what the test needs of a document that BatchGetTraces
// returns, or of a subsegment in it.
type tracedSegment struct {
	ID, Name, Type         string
	Namespace              string
	Parent                 string `json:"parent_id"`
	Trace                  string `json:"trace_id"`
	Inferred               bool
	Fault, Error, Throttle bool
	HTTP                   struct {
		Request  struct{ URL string }
		Response struct{ Status int }
	}
	Subsegments []tracedSegment
}

// tracedSegments returns the documents of traces by the traces' IDs.
func (s *sandbox) tracedSegments(t *testing.T, ids []string) map[string][]tracedSegment {
	t.Helper()
	found := map[string][]tracedSegment{}
	// A call may name five traces.
	for some := range slices.Chunk(ids, 5) {
		out, err := s.xray().BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: some})
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range out.Traces {
			for _, doc := range tr.Segments {
				var seg tracedSegment
				if err := json.Unmarshal([]byte(*doc.Document), &seg); err != nil {
					t.Fatal(err)
				}
				found[*tr.Id] = append(found[*tr.Id], seg)
			}
		}
	}
	return found
}

// complete reports whether all of a trace has arrived: as many segments as there
// were requests, and the call that each answers. Spans that come before their
// parents stand beside the segments for a while, and a segment is inferred for a
// callee until its own is there.
func complete(segs []tracedSegment) bool {
	made := map[string]bool{"": true}
	for _, top := range segs {
		if top.Inferred || top.Type == "subsegment" {
			return false
		}
		for _, sub := range top.Subsegments {
			made[sub.ID] = true
		}
	}
	for _, top := range segs {
		if !made[top.Parent] {
			return false
		}
	}
	return len(segs) >= len(checkoutCalls())
}

// flags is what the flags of a segment say of how it went.
func (g *tracedSegment) flags() string {
	return fmt.Sprintf("fault=%t error=%t throttle=%t", g.Fault, g.Error, g.Throttle)
}

// went is what the flags must say for a status.
func went(status int) string {
	return fmt.Sprintf("fault=%t error=%t throttle=%t", status >= 500, status >= 400 && status < 500, status == 429)
}

// checkCalls checks that the segments hang together as the calls were made.
func checkCalls(t *testing.T, id string, segs []tracedSegment) {
	t.Helper()
	// Who made each call, and the call.
	callers := map[string]string{"": "client"}
	calls := map[string]tracedSegment{}
	for _, top := range segs {
		if top.Trace != id {
			t.Errorf("%s: segment of %s says it is of trace %q", id, top.Name, top.Trace)
		}
		for _, sub := range top.Subsegments {
			if sub.Namespace == "remote" {
				callers[sub.ID], calls[sub.ID] = top.Name, sub
			}
		}
	}
	got := map[string]int{}
	for _, seg := range segs {
		u, err := url.Parse(seg.HTTP.Request.URL)
		if err != nil {
			t.Fatal(err)
		}
		edge := callers[seg.Parent] + " > " + seg.Name + " " + u.Path
		if _, twice := got[edge]; twice {
			t.Errorf("%s: %s came twice", id, edge)
		}
		status := seg.HTTP.Response.Status
		got[edge] = status
		if seg.flags() != went(status) {
			t.Errorf("%s: %s answered %d, %s", id, edge, status, seg.flags())
		}
		if call, ok := calls[seg.Parent]; ok && (call.HTTP.Response.Status != status || call.flags() != went(status)) {
			t.Errorf("%s: %s answered %d, and to the caller %d, %s", id, edge, status, call.HTTP.Response.Status, call.flags())
		}
		delete(calls, seg.Parent)
	}
	if want := checkoutCalls(); !maps.Equal(got, want) {
		t.Errorf("%s has the calls %v, want %v", id, got, want)
	}
	if len(calls) > 0 {
		t.Errorf("%s has calls that nobody answered: %v", id, calls)
	}
}
