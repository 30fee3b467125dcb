package agent_test

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/klauspost/compress/s2"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// measure sends 100 increases and 100 observations, 1 to 100.
func (r *running) measure(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("udp", r.address(t, "statsd"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range 100 {
		fmt.Fprintf(conn, "hits:2|c|#route:/a\ntook:%d|ms|#route:/a\n", i+1)
	}
}

// sums adds up what came by OTLP: the increases of hits, and the count and sum of
// took.
func (c *collector) sums() (hits float64, count uint64, took float64, namespaces map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	namespaces = map[string]bool{}
	for _, r := range c.series {
		for _, s := range r.ScopeMetrics {
			for _, m := range s.Metrics {
				for _, p := range m.GetSum().GetDataPoints() {
					if m.Name == "hits" {
						hits += p.GetAsDouble()
						namespaces[s.GetScope().GetName()] = true
					}
				}
				for _, p := range m.GetExponentialHistogram().GetDataPoints() {
					count += p.Count
					took += p.GetSum()
				}
			}
		}
	}
	return hits, count, took, namespaces
}

// The same names and numbers, whichever way metrics go.
func TestMetricsVia(t *testing.T) {
	inCloudWatch := func(t *testing.T, s *sandbox.Server) {
		t.Helper()
		dims := []types.Dimension{dim("environment", "test"), dim("route", "/a"), dim("service", "orders")}
		eventually(t, "the increases", func() bool { return metricSum(t, s, "Sidelight", "hits", dims...) == 200 })
		eventually(t, "the observations", func() bool { return metricSum(t, s, "Sidelight", "took", dims...) == 5050 })
	}
	inCollector := func(t *testing.T, c *collector) {
		t.Helper()
		eventually(t, "the metrics", func() bool {
			hits, count, took, ns := c.sums()
			return hits == 200 && count == 100 && took == 5050 && len(ns) == 1 && ns["Sidelight"]
		})
	}
	for name, c := range map[string]struct {
		set                   func(*config.Config, *collector)
		cloudwatch, collector bool
	}{
		"api": {func(*config.Config, *collector) {}, true, false},
		"emf": {func(c *config.Config, _ *collector) { c.Metrics.Via = "emf" }, true, false},
		"otlp": {func(c *config.Config, to *collector) {
			c.Metrics.Via, c.OTLP.Endpoint = "otlp", config.EndpointURL(to.URL)
		}, false, true},
		"api, also otlp": {func(c *config.Config, to *collector) {
			c.Metrics.Also = []config.Also{{OTLP: config.OTLPOut{Endpoint: config.EndpointURL(to.URL)}}}
		}, true, true},
		"a rule": {func(c *config.Config, to *collector) {
			c.OTLP.Endpoint = config.EndpointURL(to.URL)
			c.Metrics.Rules = []config.MetricRule{{Match: `namespace = "Sidelight"`, Via: "otlp"}}
		}, false, true},
		"none, also otlp": {func(c *config.Config, to *collector) {
			c.Metrics.Via, c.Metrics.Also = "none", []config.Also{{OTLP: config.OTLPOut{Endpoint: config.EndpointURL(to.URL)}}}
		}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, to := sandboxtest.New(t), newCollector(t)
			cfg := settings(t, s)
			cfg.Scrape.Host, cfg.Scrape.Cgroup = "off", "off"
			c.set(&cfg, to)
			a := start(t, cfg)
			a.measure(t)
			if c.cloudwatch {
				inCloudWatch(t, s)
			}
			if c.collector {
				inCollector(t, to)
			}
			if !c.cloudwatch {
				a.finish(t)
				if n := metricSum(t, s, "Sidelight", "hits", dim("environment", "test"), dim("route", "/a"), dim("service", "orders")); n != 0 {
					t.Errorf("%v in CloudWatch", n)
				}
			}
		})
	}
}

// Remote write gets sums since the agent began.
func TestRemoteWrite(t *testing.T) {
	var mu sync.Mutex
	last, requests := map[string]float64{}, 0
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		raw, bad := s2.Decode(nil, body)
		if err != nil || bad != nil || r.Header.Get("X-Key") != "open" {
			t.Errorf("request: %v, %v, %v", err, bad, r.Header)
		}
		mu.Lock()
		defer mu.Unlock()
		requests++
		eachSample(raw, func(labels string, v float64) { last[labels] = v })
	}))
	t.Cleanup(srv.Close)
	cfg := settings(t, sandboxtest.New(t))
	cfg.Metrics.Via = "none"
	cfg.Metrics.Also = []config.Also{{Remote: config.Remote{URL: config.RemoteURL(srv.URL + "/write"), Headers: config.Headers{{Name: "X-Key", Value: "open"}}}}}
	a := start(t, cfg)
	value := func(labels string) float64 {
		mu.Lock()
		defer mu.Unlock()
		return last[labels]
	}
	for i := range 2 {
		a.measure(t)
		want := float64(200 * (i + 1))
		eventually(t, "the sum", func() bool {
			return value("__name__=hits environment=test namespace=Sidelight route=/a service=orders") == want &&
				value("__name__=took_count environment=test namespace=Sidelight route=/a service=orders") == want/2
		})
	}
	mu.Lock()
	defer mu.Unlock()
	if requests < 2 {
		t.Errorf("%d requests", requests)
	}
}

// eachSample reads a WriteRequest.
func eachSample(body []byte, f func(labels string, v float64)) {
	for len(body) > 0 {
		_, _, n := protowire.ConsumeTag(body)
		series, m := protowire.ConsumeBytes(body[n:])
		body = body[n+m:]
		var words []string
		var value float64
		for len(series) > 0 {
			field, _, n := protowire.ConsumeTag(series)
			b, m := protowire.ConsumeBytes(series[n:])
			series = series[n+m:]
			if field == 2 {
				bits, _ := protowire.ConsumeFixed64(b[1:])
				value = math.Float64frombits(bits)
				continue
			}
			name, n := protowire.ConsumeBytes(b[1:])
			text, _ := protowire.ConsumeBytes(b[1+n+1:])
			words = append(words, string(name)+"="+string(text))
		}
		f(strings.Join(words, " "), value)
	}
}

// page returns what /metrics says.
func (r *running) page(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://" + r.address(t, "status") + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Everything that is measured can be scraped, whatever it goes to else.
func TestExposed(t *testing.T) {
	cfg := settings(t, sandboxtest.New(t))
	cfg.Metrics.Via = "none"
	a := start(t, cfg)
	a.measure(t)
	labels := `{environment="test",namespace="Sidelight",route="/a",service="orders"`
	eventually(t, "the metrics", func() bool {
		text := a.page(t)
		return strings.Contains(text, "\nhits"+labels+"} 200\n") && strings.Contains(text, "\ntook_count"+labels+"} 100\n") &&
			strings.Contains(text, "# TYPE sidelight_accepted_total") && strings.Contains(text, `namespace="Sidelight/Host"`)
	})
}
