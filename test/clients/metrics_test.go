//go:build clients

package clients_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
)

// What only DogStatsD has: sets, distributions, changed gauges, events and
// checks.
func TestDogStatsDNode(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1m", "SIDELIGHT_RECEIVERS_STATSD_EVENTS=logs")
	host, port := split(t, a.address(t, "statsd"))
	run(t, nil, "node", "send.js", "dogstatsd", host, strconv.Itoa(port))
	eventually(t, "events", func() bool { return len(s.messages(t, "/sidelight/shop", "")) == 2 })
	a.signal(t, syscall.SIGTERM, patience)
	for _, c := range []struct {
		stat, metric, dims string
		want               float64
	}{
		{"Maximum", "users", "", 17},
		{"Sum", "bytes", "a=1,b=2", 6225},
		{"SampleCount", "depth", "", 50},
		{"Minimum", "level", "", 6},
	} {
		expect(t, s, c.stat, c.metric, c.dims, "shop", c.want, 0)
	}
	for _, want := range []string{
		`"type":"event","title":"deployed","message":"version 7\nby ci"`, `"name":"db.up","status":"critical"`, `"tags":{"shard":"3"}`,
	} {
		if got := strings.Join(s.messages(t, "/sidelight/shop", ""), "\n"); !strings.Contains(got, want) {
			t.Errorf("%s is missing in\n%s", want, got)
		}
	}
}

// expect compares a statistic with what it should be, within a part of it.
func expect(t *testing.T, s *sandbox, stat, metric, dims, service string, want, within float64) {
	t.Helper()
	all := []string{"service", service}
	for _, d := range strings.FieldsFunc(dims, func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(d, "=")
		all = append(all, name, value)
	}
	if got := s.total(t, stat, metric, all...); math.Abs(got-want) > within*want+1e-9*want {
		t.Errorf("%s of %s is %v, want %v within %v", stat, metric, got, want, within)
	}
}

// Every instrument of OpenTelemetry, by the exporters for Go and JavaScript: sums
// and counts are exact, percentiles within the width of a bucket.
func TestOpenTelemetryMetrics(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(t *testing.T, a *agent, temporality string){
		"go": func(t *testing.T, a *agent, temporality string) {
			run(t, nil, os.Getenv("SIDELIGHT_TEST_OTELGO"), "metrics", a.address(t, "otlp grpc"), temporality)
		},
		"js proto": js("proto"), "js grpc": js("grpc"), "js json": js("json"),
	} {
		for _, temporality := range []string{"delta", "cumulative"} {
			t.Run(name+" "+temporality, func(t *testing.T) {
				t.Parallel()
				s := startSandbox(t)
				a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1h", "SIDELIGHT_RECEIVERS_OTLP_DIMENSIONS=host.name")
				send(t, a, temporality)
				a.signal(t, syscall.SIGTERM, patience)
				for _, c := range []struct {
					stat, metric, dims string
					want, within       float64
				}{
					{"Sum", "orders", "route=/pay", 60, 0},
					{"Maximum", "cart", "", 6, 0},
					{"Sum", "observed", "", 14, 0},
					{"Average", "watched", "", 42, 0},
					{"Average", "level", "", 12.5, 0},
					{"SampleCount", "latency", "", 200, 0},
					{"Sum", "latency", "", 202, 0},
					{"p50", "latency", "", 1, 0.5},
					{"p90", "latency", "", 1.8, 0.5},
					{"SampleCount", "size", "", 200, 0},
					{"Sum", "size", "", 676700, 0.001},
					{"p50", "size", "", 2500, 0.1},
					{"Maximum", "size", "", 10000, 0.06},
				} {
					expect(t, s, c.stat, c.metric, c.dims+",host.name=h1", "metrics", c.want, c.within)
				}
			})
		}
	}
}

func js(transport string) func(t *testing.T, a *agent, temporality string) {
	return func(t *testing.T, a *agent, temporality string) {
		run(t, nil, "node", "send.js", "metrics", a.address(t, "otlp http"), a.address(t, "otlp grpc"), transport, temporality)
	}
}

// prom-client's exposition, and what was counted between two scrapes.
func TestPrometheusClientNode(t *testing.T) {
	t.Parallel()
	p := launch(t, "prom-client", nil, "node", "send.js", "prometheus")
	s, a := scrape(t, p.line(t, regexp.MustCompile(`listening on (\S+)`))[1])
	eventually(t, "three scrapes", func() bool { return own(t, a, "sidelight_prometheus_samples_total") > 150 })
	a.signal(t, syscall.SIGTERM, patience)
	for _, c := range []struct {
		stat, metric, dims string
		want               float64
	}{
		{"Sum", "http_requests_total", `job=j,route=/a\b"c`, 200},
		{"Sum", "http_took_seconds", "job=j,route=/pay", 101},
		{"SampleCount", "http_took_seconds", "job=j,route=/pay", 100},
		{"Sum", "http_size_bytes_sum", "job=j", 5050},
		{"Sum", "http_size_bytes_count", "job=j", 100},
		{"Maximum", "http_open", "job=j,route=/pay", 3},
		{"Minimum", "up", "job=j", 1},
	} {
		expect(t, s, c.stat, c.metric, c.dims, "shop", c.want, 0)
	}
}

// The exporter of a machine's figures: every line of it is understood.
func TestNodeExporter(t *testing.T) {
	t.Parallel()
	began := time.Now()
	p := launch(t, "node-exporter", nil, "prometheus-node-exporter", "--web.listen-address=127.0.0.1:0")
	s, a := scrape(t, p.line(t, regexp.MustCompile(`Listening on.*?(?:address=)?(127\.0\.0\.1:[1-9]\d*)`))[1])
	eventually(t, "two scrapes", func() bool { return own(t, a, "sidelight_prometheus_samples_total") > 1000 })
	if n := own(t, a, "sidelight_prometheus_invalid_total"); n != 0 {
		t.Errorf("%v lines were not understood", n)
	}
	a.signal(t, syscall.SIGTERM, patience)
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	kib, err := strconv.ParseFloat(regexp.MustCompile(`MemTotal:\s+(\d+)`).FindStringSubmatch(string(text))[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, s, "Maximum", "node_memory_MemTotal_bytes", "job=j", "shop", kib*1024, 0)
	checkFilesystems(t, s)
	// What a CPU did in all its modes is the time that passed between the first
	// scrape and the last.
	spent := 0.0
	for _, mode := range []string{"idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"} {
		spent += s.total(t, "Sum", "node_cpu_seconds_total", "service", "shop", "job", "j", "cpu", "0", "mode", mode)
	}
	if passed := time.Since(began).Seconds(); spent <= 0.9 || spent > passed+0.5 {
		t.Errorf("the first CPU spent %v s within %v s", spent, passed)
	}
}

// checkFilesystems compares the sizes of file systems with what the kernel says.
func checkFilesystems(t *testing.T, s *sandbox) {
	t.Helper()
	const metric = "node_filesystem_size_bytes"
	list, err := s.cloudwatch().ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{MetricName: aws.String(metric)})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list.Metrics {
		var dims []string
		mount := ""
		for _, d := range m.Dimensions {
			dims = append(dims, *d.Name, *d.Value)
			if *d.Name == "mountpoint" {
				mount = *d.Value
			}
		}
		var fs syscall.Statfs_t
		if err := syscall.Statfs(mount, &fs); err != nil {
			t.Fatalf("%s: %v", mount, err)
		}
		if got, want := s.total(t, "Maximum", metric, dims...), float64(fs.Blocks)*float64(fs.Bsize); got != want {
			t.Errorf("%s has %v bytes, want %v", mount, got, want)
		}
	}
	if len(list.Metrics) == 0 {
		t.Error("no file systems")
	}
}

// scrape starts an agent that scrapes target each second.
func scrape(t *testing.T, target string) (*sandbox, *agent) {
	t.Helper()
	s := startSandbox(t)
	return s, startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1h", "SIDELIGHT_METRICS_MAX_SERIES=20000",
		`SIDELIGHT_CONFIG={receivers: {prometheus: [{job: j, targets: ["`+target+`"], interval: 1s}]}}`)
}

// own returns the sum of one of the agent's own metrics.
func own(t *testing.T, a *agent, name string) float64 {
	t.Helper()
	text, err := get("http://" + a.address(t, "status") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(?:\{[^}]*\})? (\S+)$`).FindAllStringSubmatch(text, -1) {
		f, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += f
	}
	return sum
}
