package agent_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// countersOnly returns settings of an agent that sends nothing by itself, and no
// interval of which ends by itself.
func countersOnly(t *testing.T, s *sandbox.Server) config.Config {
	t.Helper()
	cfg := settings(t, s)
	cfg.Metrics.Interval = 24 * time.Hour
	cfg.Metrics.MaxSeries, cfg.Metrics.MaxSeriesPerMetric = 10_000, 10_000
	cfg.Scrape.Host, cfg.Scrape.Cgroup, cfg.Scrape.Task = "off", "off", "off"
	return cfg
}

// putCalls returns the calls of PutMetricData.
func putCalls(s *sandbox.Server) (calls []awsproto.Call) {
	for _, c := range s.Calls() {
		if c.Operation == "PutMetricData" {
			calls = append(calls, c)
		}
	}
	return calls
}

// plainLengths stands before the sandbox, and notes how many bytes the bodies of
// PutMetricData have before compression.
func plainLengths(t *testing.T, s *sandbox.Server) (endpoint string, lengths func() []int) {
	t.Helper()
	to, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []int
	proxy := httputil.NewSingleHostReverseProxy(to)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if strings.HasSuffix(r.URL.Path, "/PutMetricData") {
			plain := io.Reader(bytes.NewReader(body))
			if r.Header.Get("Content-Encoding") == "gzip" {
				if plain, err = gzip.NewReader(plain); err != nil {
					t.Error(err)
				}
			}
			n, err := io.Copy(io.Discard, plain)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			all = append(all, int(n))
			mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, func() []int {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// 5,000 series leave in few calls, none of them over a limit: filled by count, and
// with long names by bytes.
func TestMetricCalls(t *testing.T) {
	for name, c := range map[string]struct {
		pad       int // of each dimension's value
		low, high int // calls
	}{
		"by count": {0, 5, 6},
		"by bytes": {900, 6, 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := sandboxtest.New(t)
			cfg := countersOnly(t, s)
			var lengths func() []int
			cfg.AWS.Endpoint, lengths = plainLengths(t, s)
			a := start(t, cfg)
			conn, err := net.Dial("udp", a.address(t, "statsd"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			pad := strings.Repeat("x", c.pad)
			for i := range 5000 {
				fmt.Fprintf(conn, "hits:1|c|#route:/%d%s", i, pad)
				if i%50 == 49 { // the socket's buffer is bounded
					eventually(t, "the series", func() bool { return a.Report().Series >= i+1 })
				}
			}
			a.finish(t)
			if b := a.Books(sidelight.Metrics); b.Delivered != 5000 || b.Lost() != 0 {
				t.Errorf("books %+v", b)
			}
			calls := putCalls(s)
			if len(calls) < c.low || len(calls) > c.high {
				t.Errorf("%d calls, want %d to %d", len(calls), c.low, c.high)
			}
			for _, call := range calls {
				if call.Status != 200 {
					t.Errorf("call %+v", call)
				}
			}
			sizes := lengths()
			for _, n := range sizes {
				if n > 1_000_000 || n < 1000 {
					t.Errorf("bodies of %d bytes", sizes)
				}
			}
			if len(sizes) != len(calls) {
				t.Errorf("%d bodies of %d calls", len(sizes), len(calls))
			}
		})
	}
}

// A stop sends the running interval, under its own time and without waiting for
// its end. The rules of the configuration hold, and what is derived comes along.
func TestLastInterval(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := countersOnly(t, s)
	cfg.Metrics.Interval = time.Minute
	cfg.Metrics.Rules = []config.MetricRule{
		{Match: `name = "noise"`, Drop: true},
		{Match: `name =~ "^mem_"`, Namespace: "Mem", Dimensions: config.DimensionEdit{Add: config.Templates{{Name: "on", Value: "{host}"}}}},
	}
	cfg.Metrics.Derived = []config.DerivedMetric{{Name: "share", Namespace: "Mem", Unit: "Percent", Value: "100 * mem_used / mem_limit"}}
	before := time.Now().Truncate(time.Minute)
	a := start(t, cfg)
	conn, err := net.Dial("udp", a.address(t, "statsd"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "noise:1|c\nmem_limit:80|g\nmem_used:20|g")
	eventually(t, "the series", func() bool { return a.Report().Series == 2 })
	a.finish(t)
	client := cloudwatch.NewFromConfig(sandboxtest.Config(s))
	dim := func(name, value string) types.Dimension {
		return types.Dimension{Name: aws.String(name), Value: aws.String(value)}
	}
	out, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(before), EndTime: aws.Time(time.Now().Truncate(time.Minute).Add(time.Minute)),
		MetricDataQueries: []types.MetricDataQuery{{Id: aws.String("m"), MetricStat: &types.MetricStat{
			Metric: &types.Metric{
				Namespace: aws.String("Mem"), MetricName: aws.String("share"),
				Dimensions: []types.Dimension{dim("environment", "test"), dim("on", "h1"), dim("service", "orders")},
			}, Period: aws.Int32(60), Stat: aws.String("Average"),
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if v := out.MetricDataResults[0].Values; len(v) != 1 || v[0] != 25 {
		t.Errorf("the share is %v, want 25", v)
	}
	if b := a.Books(sidelight.Metrics); b.Delivered != 3 || b.Lost() != 0 {
		t.Errorf("books %+v, want three points delivered", b)
	}
}
