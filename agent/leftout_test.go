package agent_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// Names that CloudWatch does not take arrive as different series, whichever way they
// come; and what is left out is told in the status and on /metrics.
func TestNamesAndWhatIsLeftOut(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# TYPE room gauge\nroom{path=\"/grün\"} 1\nroom{path=\"/grau\"} 2\nroom{path=\"/gräu\"} NaN\nroom{path=\"/4\"} 4\nroom{path=\"/5\"} 5\n")
	}))
	defer page.Close()
	s := sandboxtest.New(t)
	cfg := countersOnly(t, s)
	cfg.Receivers.Prometheus = []config.Prometheus{{Job: "j", Targets: []config.Target{config.Target(page.URL)}, Interval: time.Hour, MaxSeries: 4}}
	a := start(t, cfg)
	conn, err := net.Dial("udp", a.address(t, "statsd"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var tags []string
	for i := range 31 {
		tags = append(tags, fmt.Sprintf("t%02d:x", i))
	}
	fmt.Fprintf(conn, "sold:1|c|#shop:Köln\nsold:2|c|#shop:Kön\nsold:4|c|#shop:K?ln\nsold:8|c|#shop:\xff\nwide:1|c|#%s\nbad:1|x", strings.Join(tags, ","))
	res, err := http.Post("http://"+a.address(t, "otlp http")+"/v1/metrics", "application/json", strings.NewReader(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[
		{"name":"took","gauge":{"dataPoints":[{"asInt":"3","attributes":[{"key":"straße","value":{"stringValue":"日"}}]},{"asInt":"5","attributes":[{"key":"straße","value":{"stringValue":"本"}}]}]}}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("OTLP answers %s", res.Status)
	}
	// 5 of StatsD, 2 of OTLP, 3 of the page and 3 of its scrape.
	eventually(t, "the series", func() bool { return a.Report().Series >= 13 })
	eventually(t, "StatsD's counters", func() bool { return a.Report().Receivers["statsd"]["lines unknown_type"] == 1 })
	eventually(t, "the job's counters", func() bool { return a.Report().Receivers["prometheus j"]["series refused"] == 1 })
	r := a.Report()
	left := []status.LeftOut{{By: "metrics", What: "series' dimensions beyond the bound", Count: 1, Bound: 30}}
	if d := cmp.Diff(left, r.LeftOut); d != "" {
		t.Errorf("left out (-want +got):\n%s", d)
	}
	notes := map[string]status.ReceiverNote{
		"statsd":       {"samples": 5, "lines unknown_type": 1},
		"prometheus j": {"samples": 5, "not finite": 1, "series refused": 1},
	}
	if d := cmp.Diff(notes, r.Receivers); d != "" {
		t.Errorf("notes (-want +got):\n%s", d)
	}
	if line := `sidelight_left_out{by="metrics",what="series' dimensions beyond the bound"} 1` + "\n"; !strings.Contains(a.page(t), line) {
		t.Errorf("/metrics lacks %s", line)
	}
	a.finish(t)
	own := dim("service", "orders")
	env := dim("environment", "test")
	for value, want := range map[string]float64{`K\u00f6ln`: 1, `K\u00f6n`: 2, "K?ln": 4, `\xff`: 8} {
		if got := metricSum(t, s, "Sidelight", "sold", dim("shop", value), own, env); got != want {
			t.Errorf("sold in %s: %v, want %v", value, got, want)
		}
	}
	for value, want := range map[string]float64{`\u65e5`: 3, `\u672c`: 5} {
		if got := metricSum(t, s, "Sidelight", "took", dim(`stra\u00dfe`, value), own, env); got != want {
			t.Errorf("took %s: %v, want %v", value, got, want)
		}
	}
	for value, want := range map[string]float64{`/gr\u00fcn`: 1, "/grau": 2, "/4": 4} {
		// Once at the start and once at the end.
		if got := metricSum(t, s, "Sidelight", "room", dim("job", "j"), dim("path", value), own, env); got != 2*want {
			t.Errorf("room on %s: %v, want %v", value, got, 2*want)
		}
	}
}
