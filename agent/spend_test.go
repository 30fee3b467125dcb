package agent_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

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
