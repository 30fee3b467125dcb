package agent_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/agent/scraper/ecstask"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// statsDLine sends a line to the agent.
func statsDLine(t *testing.T, a *running, line string) {
	t.Helper()
	conn, err := net.Dial("udp", a.address(t, "statsd"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, line)
}

// otlpGauge sends a gauge by OTLP.
func otlpGauge(t *testing.T, a *running, name string, value float64) {
	t.Helper()
	body, err := proto.Marshal(&colmetricspb.ExportMetricsServiceRequest{ResourceMetrics: []*metricspb.ResourceMetrics{{
		ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: []*metricspb.Metric{{Name: name, Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{
			DataPoints: []*metricspb.NumberDataPoint{{TimeUnixNano: uint64(time.Now().UnixNano()), Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: value}}},
		}}}}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+a.address(t, "otlp http")+"/v1/metrics", "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("answer %s", resp.Status)
	}
}

// fromSource is one way of measurements into the agent.
type fromSource struct {
	namespace, name string // of the measurement
	set             func(t *testing.T, c *config.Config)
	send            func(t *testing.T, a *running)
	arrived         func(a *running) bool // nil: a series is there
}

func nothingSet(*testing.T, *config.Config) {}

func nothingSent(*testing.T, *running) {}

func sources() map[string]fromSource {
	return map[string]fromSource{
		"host":   {"Sidelight/Host", "mem_total", func(_ *testing.T, c *config.Config) { c.Scrape.Host = "on" }, nothingSent, nil},
		"task":   {ecstask.TaskNamespace, "memory_working_set", func(t *testing.T, c *config.Config) { taskEndpoint(t); c.Scrape.Task = "on" }, nothingSent, nil},
		"statsd": {"Sidelight", "x", nothingSet, func(t *testing.T, a *running) { statsDLine(t, a, "x:1|g") }, nil},
		"otlp":   {"Sidelight", "x", nothingSet, func(t *testing.T, a *running) { otlpGauge(t, a, "x", 1) }, nil},
		"prometheus": {"Sidelight", "x", func(t *testing.T, c *config.Config) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "# TYPE x gauge\nx 1\n") }))
			t.Cleanup(srv.Close)
			c.Receivers.Prometheus = []config.Prometheus{{Job: "j", Targets: []config.Target{config.Target(srv.URL + "/metrics")}, Interval: time.Second}}
		}, nothingSent, nil},
		// Spans are counted apart, until the interval ends.
		"spans": {spanmetrics.Namespace, "Requests", nothingSet, func(t *testing.T, a *running) {
			sendOTLP(t, a.address(t, "otlp http"), a.address(t, "otlp grpc"))
		}, func(a *running) bool { return a.Report().SpanMetrics.Roots == 2 }},
	}
}

// Rules and derived metrics take what comes from every source. A derived metric
// one operand of which is missing is counted, and not made up.
func TestRulesOfEverySource(t *testing.T) {
	for name, c := range sources() {
		t.Run(name, func(t *testing.T) {
			s := sandboxtest.New(t)
			cfg := countersOnly(t, s)
			cfg.Queue.Dir = filepath.Join(t.TempDir(), "q")
			c.set(t, &cfg)
			cfg.Metrics.Rules = []config.MetricRule{
				{Match: config.Expr(fmt.Sprintf("namespace = %q and name = %q", c.namespace, c.name)), Namespace: "Mine", Rename: "my_{name}", Dimensions: config.DimensionEdit{
					Keep: []string{}, Add: config.Templates{{Name: "on", Value: "{host}"}},
				}},
				{Match: `namespace != "Mine"`, Drop: true},
			}
			cfg.Metrics.Derived = []config.DerivedMetric{
				{Name: "twice", Namespace: "Mine", Value: config.Formula("2 * my_" + c.name)},
				{Name: "never", Namespace: "Mine", Value: config.Formula("my_" + c.name + " / absent")},
			}
			a := start(t, cfg)
			c.send(t, a)
			arrived := c.arrived
			if arrived == nil {
				arrived = func(a *running) bool { return a.Report().Series > 0 }
			}
			eventually(t, "the measurement", func() bool { return arrived(a) })
			a.finish(t)
			for _, metric := range []string{"my_" + c.name, "twice"} {
				if got := metricSeries(t, s, "Mine", metric); len(got) != 1 || !got["on=h1"] {
					t.Errorf("series of %s: %v", metric, got)
				}
			}
			for _, ns := range []string{c.namespace, "Mine"} {
				if got := metricSeries(t, s, ns, c.name); len(got) != 0 {
					t.Errorf("%s has %s still: %v", ns, c.name, got)
				}
			}
			one, two := metricSum(t, s, "Mine", "my_"+c.name, dim("on", "h1")), metricSum(t, s, "Mine", "twice", dim("on", "h1"))
			if one <= 0 || two <= 0 {
				t.Errorf("sums %v and twice %v", one, two)
			}
			if got := metricSeries(t, s, "Mine", "never"); len(got) != 0 {
				t.Errorf("never is %v", got)
			}
			if n := a.Report().Underived["derived_missing"]; n != 1 {
				t.Errorf("%v could not be derived", a.Report().Underived)
			}
		})
	}
}
