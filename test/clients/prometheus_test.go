//go:build clients

package clients_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// prometheus is a server that scrapes and takes remote write.
type prometheus struct{ address string }

func startPrometheus(t *testing.T, targets ...string) prometheus {
	t.Helper()
	dir := t.TempDir()
	config := "global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: sidelight\n    static_configs: [{targets: [" + strings.Join(targets, ",") + "]}]\n"
	path := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, "prometheus", nil, "/usr/bin/prometheus", "--config.file="+path, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--web.enable-remote-write-receiver")
	address := p.line(t, regexp.MustCompile(`msg="Listening on" address=(127\S+)`))[1]
	eventually(t, "Prometheus is ready", func() bool {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return prometheus{address}
}

// value is the sum of what a query selects, and of how many series.
func (p prometheus) value(t *testing.T, query string) (sum float64, series int) {
	t.Helper()
	resp, err := http.Get("http://" + p.address + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	for _, r := range answer.Data.Result {
		v, err := strconv.ParseFloat(r.Value[1].(string), 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum, len(answer.Data.Result)
}

// count sends increases and durations over StatsD.
func (a *agent) count(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("udp", a.address(t, "statsd"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range 50 {
		fmt.Fprintf(conn, "orders:2|c|#route:/a\ntook:%d|ms|#route:/a", i+1)
	}
}

// Prometheus scrapes all that the agent measures, and takes the same by remote
// write.
func TestPrometheusServer(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	written := startPrometheus(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1s",
		"SIDELIGHT_CONFIG=metrics: {also: [{remote_write: http://"+written.address+"/api/v1/write}]}")
	scraped := startPrometheus(t, `"`+a.address(t, "status")+`"`)
	a.count(t)
	for name, p := range map[string]prometheus{"scraped": scraped, "written": written} {
		eventually(t, name, func() bool {
			orders, _ := p.value(t, `orders{namespace="Sidelight",route="/a",service="shop"}`)
			took, _ := p.value(t, `took_count{namespace="Sidelight",route="/a"}`)
			_, host := p.value(t, `{namespace="Sidelight/Host"}`)
			return orders == 100 && took == 50 && host > 10
		})
	}
	// The tool that judges such pages has nothing to say of the agent's own names.
	page := run(t, nil, "curl", "-fsS", "http://"+a.address(t, "status")+"/metrics")
	check := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	check.Stdin = strings.NewReader(string(page))
	said, _ := check.CombinedOutput()
	for _, line := range strings.Split(string(said), "\n") {
		if strings.HasPrefix(line, "sidelight_") && !strings.Contains(line, "no help text") || strings.Contains(line, "error while linting") {
			t.Error(line)
		}
	}
}
