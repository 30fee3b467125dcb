package agent_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/spend"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// spent asks the agent as the command does.
func (r *running) spent(t *testing.T) spend.Report {
	t.Helper()
	resp, err := http.Get("http://" + r.address(t, "status") + "/spend")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var s spend.Report
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// What is charged for is counted as AWS counts it: messages and 26 bytes an
// event, series by the hour.
func TestSpend(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Scrape.Host, cfg.Scrape.Cgroup = "off", "off"
	cfg.Metrics.MaxMonthly = 9 // 30 series at 0.30
	cfg.Receivers.Lines.TCP = "127.0.0.1:0"
	a := start(t, cfg)
	conn, err := net.Dial("tcp", a.address(t, "lines tcp"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	bytes := 0
	for i := range 100 {
		line := fmt.Sprintf(`{"message":"quote \" and \\ %d"}`, i)
		bytes += len(line) + 26
		fmt.Fprintln(conn, line)
	}
	udp, err := net.Dial("udp", a.address(t, "statsd"))
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for i := range 500 {
		fmt.Fprintf(udp, "hits:1|c|#route:/%d\n", i)
	}
	eventually(t, "the bill", func() bool {
		r := a.spent(t)
		return len(r.Logs) == 1 && r.Logs[0].Events == 100 && r.MetricRequests > 0 && r.Hour.Series > 0
	})
	r := a.spent(t)
	if l := r.Logs[0]; l.Bytes != uint64(bytes) || l.Class != "standard" || l.Group != "/sidelight/orders" {
		t.Errorf("logs %+v, want %d bytes", l, bytes)
	}
	if r.Region != "us-east-1" || r.Seconds <= 0 || time.Since(r.Began) > time.Hour {
		t.Errorf("report %+v", r)
	}
	overflow := false
	for _, l := range r.Hour.Labels {
		overflow = overflow || strings.HasPrefix(l.Name, "sidelight.overflow")
	}
	if r.Hour.Series > 30 || !overflow {
		t.Errorf("%d series for the money of 30, overflow: %v", r.Hour.Series, overflow)
	}
}

// A bound on money goes by the prices of the configuration, and is refused where
// these say nothing.
func TestPrices(t *testing.T) {
	prices := func(text string) string {
		path := filepath.Join(t.TempDir(), "prices.yaml")
		if err := os.WriteFile(path, []byte("region: eu-west-1\ndate: 2026-11\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := sandboxtest.New(t)
	cfg := countersOnly(t, s)
	cfg.AWS.Prices = prices("metric: 0.90\n")
	cfg.Metrics.MaxMonthly = 9 // 10 series at 0.90
	a := start(t, cfg)
	udp, err := net.Dial("udp", a.address(t, "statsd"))
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for i := range 100 {
		fmt.Fprintf(udp, "hits:1|c|#route:/%d\n", i)
	}
	eventually(t, "the samples", func() bool { return a.Report().Overflow["hits"] == 91 })
	if p := a.spent(t).Prices; p.Metric != 0.90 || p.Region != "eu-west-1" {
		t.Errorf("prices %+v", p)
	}
	a.finish(t)
	if n := len(metricSeries(t, s, "Sidelight", "hits")); n != 10 {
		t.Errorf("%d series for the money of 10", n)
	}
	for part, c := range map[string]func(*config.Config){
		"metrics.max_monthly": func(c *config.Config) { c.Metrics.MaxMonthly, c.AWS.Prices = 9, prices("metric: 0\n") },
		"logs.max_monthly":    func(c *config.Config) { c.Logs.MaxMonthly, c.AWS.Prices = 9, prices("logs: {standard: 0}\n") },
		"aws.prices":          func(c *config.Config) { c.AWS.Prices = "nowhere.yaml" },
	} {
		cfg := settings(t, s)
		c(&cfg)
		_, err := agent.New(t.Context(), cfg, agent.Deps{Log: slog.New(slog.DiscardHandler), Identity: &identity.Identity{Service: "x"}})
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("New: %v, want an error that names %s", err, part)
		}
	}
}
