package agent_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/agent/scraper/cgroup"
	"github.com/sidelight-dev/sidelight/agent/scraper/ecstask"
	"github.com/sidelight-dev/sidelight/agent/scraper/kubelet"
	"github.com/sidelight-dev/sidelight/agent/scraper/procs"
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
	all := map[string]fromSource{
		"host":   {"Sidelight/Host", "mem_total", func(_ *testing.T, c *config.Config) { c.Scrape.Host = "on" }, nothingSent, nil},
		"task":   {ecstask.TaskNamespace, "memory_working_set", func(t *testing.T, c *config.Config) { taskEndpoint(t); c.Scrape.Task = "on" }, nothingSent, nil},
		"statsd": {"Sidelight", "x", nothingSet, func(t *testing.T, a *running) { statsDLine(t, a, "x:1|g") }, nil},
		"otlp":   {"Sidelight", "x", nothingSet, func(t *testing.T, a *running) { otlpGauge(t, a, "x", 1) }, nil},
		"prometheus": {"Sidelight", "x", func(t *testing.T, c *config.Config) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "# TYPE x gauge\nx 1\n") }))
			t.Cleanup(srv.Close)
			c.Receivers.Prometheus = []config.Prometheus{{Job: "j", Targets: []config.Target{config.Target(srv.URL + "/metrics")}, Interval: time.Second}}
		}, nothingSent, nil},
		"kubelet": {kubelet.Namespace, "node_memory_working_set", func(t *testing.T, c *config.Config) { c.Scrape.Kubelet = kubeletEndpoint(t) }, nothingSent, nil},
		"processes": {procs.Namespace, "process_memory_rss", func(t *testing.T, c *config.Config) {
			c.Scrape.Processes = []string{ownName(t)}
		}, nothingSent, nil},
		"own": {"Sidelight/Agent", "memory_rss", func(_ *testing.T, c *config.Config) { c.Scrape.Agent = true }, nothingSent, nil},
		// Spans are counted apart, until the interval ends.
		"spans": {spanmetrics.Namespace, "Requests", nothingSet, func(t *testing.T, a *running) {
			sendOTLP(t, a.address(t, "otlp http"), a.address(t, "otlp grpc"))
		}, func(a *running) bool { return a.Report().SpanMetrics.Roots == 2 }},
	}
	// A machine on which the tests are not in a control group of their own has no
	// container to measure.
	if _, err := cgroup.New(cgroup.Config{}); err == nil {
		all["cgroup"] = fromSource{cgroup.Namespace, "memory_working_set", func(_ *testing.T, c *config.Config) { c.Scrape.Cgroup = "on" }, nothingSent, nil}
	}
	return all
}

// ownName is the name that the kernel has of this process.
func ownName(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// kubeletEndpoint answers like a kubelet and returns how it is asked.
func kubeletEndpoint(t *testing.T) config.Kubelet {
	t.Helper()
	dir := filepath.Join("scraper", "kubelet", "testdata")
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "summary_1.json"
		if r.URL.Path == "/pods" {
			name = "pods.json"
		}
		http.ServeFile(w, r, filepath.Join(dir, name))
	}))
	t.Cleanup(srv.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Kubelet{Read: "on", Endpoint: srv.URL, Token: token, Insecure: true}
}

// named returns the series of a metric that came by OTLP, as "scope{attributes}".
func (c *collector) named(metric string) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]bool{}
	for _, r := range c.series {
		for _, s := range r.ScopeMetrics {
			for _, m := range s.Metrics {
				if m.Name != metric {
					continue
				}
				for _, attributes := range pointAttributes(m) {
					out[s.GetScope().GetName()+"{"+attributes+"}"] = true
				}
			}
		}
	}
	return out
}

// pointAttributes returns the attributes of each data point.
func pointAttributes(m *metricspb.Metric) (out []string) {
	add := func(list []*commonpb.KeyValue) {
		var words []string
		for _, a := range list {
			words = append(words, a.Key+"="+a.Value.GetStringValue())
		}
		out = append(out, strings.Join(words, " "))
	}
	for _, p := range append(m.GetGauge().GetDataPoints(), m.GetSum().GetDataPoints()...) {
		add(p.Attributes)
	}
	for _, p := range m.GetExponentialHistogram().GetDataPoints() {
		add(p.Attributes)
	}
	for _, p := range m.GetSummary().GetDataPoints() {
		add(p.Attributes)
	}
	return out
}

// A rule chooses the way out for the metrics of every source, and they have the
// same names and dimensions there.
func TestWayByRuleOfEverySource(t *testing.T) {
	for name, c := range sources() {
		for _, way := range []config.MetricsVia{"emf", "otlp", "none"} {
			t.Run(name+" by "+string(way), func(t *testing.T) {
				s, to := sandboxtest.New(t), newCollector(t)
				cfg := countersOnly(t, s)
				cfg.Queue.Dir = filepath.Join(t.TempDir(), "q")
				cfg.OTLP.Endpoint = config.EndpointURL(to.URL)
				c.set(t, &cfg)
				cfg.Metrics.Rules = []config.MetricRule{
					{Match: config.Expr(fmt.Sprintf("namespace = %q and name = %q", c.namespace, c.name)), Namespace: "Mine", Rename: "my_{name}", Dimensions: config.DimensionEdit{
						Keep: []string{}, Add: config.Templates{{Name: "on", Value: "{host}"}},
					}, Via: way},
					{Match: `namespace != "Mine"`, Drop: true},
				}
				a := start(t, cfg)
				c.send(t, a)
				arrived := c.arrived
				if arrived == nil {
					arrived = func(a *running) bool { return a.Report().Series > 0 }
				}
				eventually(t, "the measurement", func() bool { return arrived(a) })
				a.finish(t)
				if n := len(putCalls(s)); n != 0 {
					t.Errorf("%d calls of PutMetricData", n)
				}
				inCloudWatch, byOTLP := metricSeries(t, s, "Mine", "my_"+c.name), to.named("my_"+c.name)
				if want := way == "emf"; want != inCloudWatch["on=h1"] || !want && len(inCloudWatch) > 0 {
					t.Errorf("in CloudWatch: %v", inCloudWatch)
				}
				if want := way == "otlp"; want != byOTLP["Mine{on=h1}"] || !want && len(byOTLP) > 0 {
					t.Errorf("by OTLP: %v", byOTLP)
				}
			})
		}
	}
}

// Rules, and with them the ways out, are for measurements. A document in the
// embedded metric format is a log event, and goes to CloudWatch Logs as it is.
func TestRulesLeaveDocumentsAlone(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := countersOnly(t, s)
	cfg.Receivers.EMF.TCP = "127.0.0.1:0"
	cfg.Metrics.Via = "none"
	cfg.Metrics.Rules = []config.MetricRule{{Match: `name = "x"`, Drop: true}}
	a := start(t, cfg)
	conn, err := net.Dial("tcp", a.address(t, "emf tcp"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, `{"_aws":{"Timestamp":%d,"CloudWatchMetrics":[{"Namespace":"Theirs","Dimensions":[["at"]],"Metrics":[{"Name":"x","Unit":"Count"}]}]},"at":"a","x":7}`+"\n", time.Now().UnixMilli())
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the metric", func() bool { return metricSum(t, s, "Theirs", "x", dim("at", "a")) == 7 })
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
