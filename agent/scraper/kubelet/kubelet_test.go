package kubelet

import (
	"encoding/pem"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

type lines []string

func (l *lines) Record(m *sidelight.Measurement) {
	var dims []string
	for _, d := range m.Dimensions {
		dims = append(dims, d.Value)
	}
	plus := ""
	if m.Kind == sidelight.Sum {
		plus = "+"
	}
	*l = append(*l, fmt.Sprintf("%s{%s} %s%.6g %s", m.Name, strings.Join(dims, ","), plus, m.Value, m.Unit))
}

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// node is a kubelet that lets in who has the token.
type node struct {
	token, summary, pods, cadvisor atomic.Pointer[string]

	listed atomic.Int32
	cfg    Config
}

// viaServer is the way to a node's kubelet by the API server.
const viaServer = "/api/v1/nodes/n1/proxy"

func set(p *atomic.Pointer[string], s string) { p.Store(&s) }

func serve(t *testing.T) *node {
	t.Helper()
	n := &node{}
	set(&n.token, "one")
	set(&n.summary, read(t, "summary_1.json"))
	set(&n.pods, read(t, "pods.json"))
	set(&n.cadvisor, read(t, "cadvisor_1.txt"))
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+*n.token.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body := n.summary.Load()
		switch path := strings.TrimPrefix(r.URL.Path, viaServer); path {
		case "/pods":
			n.listed.Add(1)
			body = n.pods.Load()
		case cadvisorPath:
			body = n.cadvisor.Load()
		}
		if *body == "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte(*body))
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	n.cfg = Config{
		Endpoint: srv.URL, Token: filepath.Join(dir, "token"), CA: filepath.Join(dir, "ca.crt"), Cluster: "c", Cores: 4,
	}
	write(t, n.cfg.Token, "one\n")
	write(t, n.cfg.CA, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
	return n
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (n *node) open(t *testing.T, names scraper.Family) *Scraper {
	t.Helper()
	cfg := n.cfg
	cfg.Names = names
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.http.CloseIdleConnections)
	return s
}

// scrapeTwice returns the second of two scrapes of answers 20 s apart.
func scrapeTwice(t *testing.T, names scraper.Family) (first, second lines) {
	t.Helper()
	n := serve(t)
	s := n.open(t, names)
	if err := s.Scrape(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	set(&n.summary, read(t, "summary_2.json"))
	set(&n.pods, strings.Replace(read(t, "pods.json"), `"restartCount": 3`, `"restartCount": 4`, 1))
	s.asked, s.listed = time.Time{}, time.Time{}
	if err := s.Scrape(t.Context(), &second); err != nil {
		t.Fatal(err)
	}
	return first, second
}

// Node: 4 cores, 0.5 used, an eighth; 0.4 + 0 requested is a tenth. Memory: 6 GiB
// available and 2 GiB in use are 8 GiB, a quarter; 128 + 32 + 352 MiB requested
// are 6.25 %. What has succeeded holds nothing. Pod shop: 0.25 of 0.4 + 0.1
// cores, half of its limit; 100 of 136 + 64 MiB, half. Traffic of the node:
// 20,000 and 40,000 bytes in 20 s; of the pod, tx fell: no rate. The sidecar's
// kubelet gives no rate: 1 s in 20 s is 0.05 cores, half of its 0.1. Pod agent
// does not tell of itself and has no limits.
func TestSidelight(t *testing.T) {
	first, got := scrapeTwice(t, scraper.Sidelight)
	if c := slices.DeleteFunc(first, func(s string) bool { return !strings.Contains(s, "rate") && !strings.Contains(s, "} +") }); len(c) > 0 {
		t.Errorf("the first scrape tells of changes: %v", c)
	}
	node, shop, agent := "{c,ip-10-0-0-5.ec2.internal} ", "{c,prod,shop} ", "{c,kube-system,agent} "
	want := lines{
		"node_cpu_cores_used" + node + "0.5 None", "node_cpu_utilization" + node + "12.5 Percent", "node_cpu_reserved_percent" + node + "10 Percent",
		"node_memory_working_set" + node + "2.14748e+09 Bytes", "node_memory_utilization" + node + "25 Percent", "node_memory_reserved_percent" + node + "6.25 Percent",
		"node_filesystem_utilization" + node + "25 Percent", "node_network_rx_rate" + node + "1000 Bytes/Second", "node_network_tx_rate" + node + "2000 Bytes/Second",
		"node_pods_running" + node + "2 Count", "node_containers_running" + node + "3 Count",
		"pod_cpu_cores_used" + shop + "0.25 None", "pod_cpu_utilization_of_limit" + shop + "50 Percent",
		"pod_memory_working_set" + shop + "1.04858e+08 Bytes", "pod_memory_utilization_of_limit" + shop + "50 Percent",
		"pod_ephemeral_storage_used" + shop + "4096 Bytes", "pod_restarts" + shop + "+1 Count",
		"pod_cpu_cores_used" + agent + "0.1 None", "pod_memory_working_set" + agent + "1.04858e+06 Bytes", "pod_restarts" + agent + "+0 Count",
		"container_cpu_cores_used{c,web,prod,shop} 0.2 None", "container_cpu_utilization_of_limit{c,web,prod,shop} 50 Percent",
		"container_memory_working_set{c,web,prod,shop} 6.71089e+07 Bytes", "container_memory_utilization_of_limit{c,web,prod,shop} 47.0588 Percent", "container_restarts{c,web,prod,shop} +1 Count",
		"container_cpu_cores_used{c,sidecar,prod,shop} 0.05 None", "container_cpu_utilization_of_limit{c,sidecar,prod,shop} 50 Percent", "container_restarts{c,sidecar,prod,shop} +0 Count",
		"container_cpu_cores_used{c,agent,kube-system,agent} 0.1 None", "container_memory_working_set{c,agent,kube-system,agent} 1.04858e+06 Bytes", "container_restarts{c,agent,kube-system,agent} +0 Count",
		"volume_used{c,prod,shop-data} 20 Bytes", "volume_capacity{c,prod,shop-data} 80 Bytes", "volume_utilization{c,prod,shop-data} 25 Percent", "volume_inodes_utilization{c,prod,shop-data} 5 Percent",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Container Insights' formulas: a pod's utilization is that of the node, 0.25 of
// 4 cores and 100 MiB of 8 GiB.
func TestInsights(t *testing.T) {
	_, got := scrapeTwice(t, scraper.Insights)
	for _, want := range []string{
		"node_cpu_limit{c} 4000 None", "node_cpu_usage_total{c} 500 None", "node_memory_limit{c} 8.58993e+09 Bytes", "node_memory_working_set{c} 2.14748e+09 Bytes",
		"node_cpu_utilization{c,ip-10-0-0-5.ec2.internal} 12.5 Percent", "node_cpu_utilization{c} 12.5 Percent", "node_cpu_reserved_capacity{c} 10 Percent",
		"node_memory_utilization{c} 25 Percent", "node_memory_reserved_capacity{c} 6.25 Percent", "node_filesystem_utilization{c} 25 Percent",
		"node_network_total_bytes{c} 3000 Bytes/Second", "node_number_of_running_pods{c} 2 Count", "node_number_of_running_containers{c} 3 Count",
		"pod_cpu_utilization{c,prod,shop} 6.25 Percent", "pod_cpu_utilization{c,prod} 6.25 Percent", "pod_cpu_utilization{c} 2.5 Percent",
		"pod_cpu_utilization_over_pod_limit{c,prod,shop} 50 Percent", "pod_memory_utilization{c,prod,shop} 1.2207 Percent",
		"pod_memory_utilization_over_pod_limit{c,prod,shop} 50 Percent", "pod_cpu_reserved_capacity{c,prod,shop} 10 Percent", "pod_number_of_container_restarts{c,prod,shop} 4 Count",
		// Ours, of what it has no name for.
		"container_cpu_utilization_of_limit{c,web,prod,shop} 50 Percent", "volume_utilization{c,prod,shop-data} 25 Percent", "pod_ephemeral_storage_used{c,prod,shop} 4096 Bytes",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

// In 20 s a pod that was not started again received 4,000 bytes and sent 400. Its
// 128 + 32 MiB requested are of the node's 8 GiB.
func TestPodNetwork(t *testing.T) {
	for family, want := range map[scraper.Family][]string{
		scraper.Sidelight: {"pod_network_rx_rate{c,prod,shop} 200 Bytes/Second", "pod_network_tx_rate{c,prod,shop} 20 Bytes/Second"},
		scraper.Insights:  {"pod_network_rx_bytes{c,prod,shop} 200 Bytes/Second", "pod_network_tx_bytes{c} 20 Bytes/Second", "pod_memory_reserved_capacity{c,prod,shop} 1.95312 Percent"},
		scraper.OTel: {
			"k8s.pod.network.io{prod,ip-10-0-0-5.ec2.internal,shop-7d4b9c6f5d-x2x9k,receive} +4000 Bytes", "k8s.pod.network.io{prod,ip-10-0-0-5.ec2.internal,shop-7d4b9c6f5d-x2x9k,transmit} +400 Bytes",
		},
	} {
		n := serve(t)
		s := n.open(t, family)
		var got lines
		for i, text := range []string{read(t, "summary_1.json"), strings.Replace(read(t, "summary_2.json"), `"txBytes": 400}`, `"txBytes": 900}`, 1)} {
			set(&n.summary, text)
			s.asked, got = time.Time{}, nil
			if err := s.Scrape(t.Context(), &got); err != nil {
				t.Fatal(i, err)
			}
		}
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: no %s in\n%s", family, w, strings.Join(got, "\n"))
			}
		}
	}
}

func TestOTel(t *testing.T) {
	_, got := scrapeTwice(t, scraper.OTel)
	for _, want := range []string{
		"k8s.node.cpu.time{ip-10-0-0-5.ec2.internal} +10 Seconds", "k8s.node.network.io{ip-10-0-0-5.ec2.internal,receive} +20000 Bytes", "k8s.node.uptime{ip-10-0-0-5.ec2.internal} 3620 Seconds",
		"k8s.pod.cpu.usage{prod,ip-10-0-0-5.ec2.internal,shop-7d4b9c6f5d-x2x9k} 0.25 None",
		"k8s.container.cpu.limit.utilization{web,prod,ip-10-0-0-5.ec2.internal,shop-7d4b9c6f5d-x2x9k} 0.5 None",
		"k8s.container.ready{agent,kube-system,ip-10-0-0-5.ec2.internal,agent-abcde} 0 None",
		"volume_used{prod,ip-10-0-0-5.ec2.internal,shop-data} 20 Bytes", "pod_memory_utilization_of_limit{prod,ip-10-0-0-5.ec2.internal,shop-7d4b9c6f5d-x2x9k} 50 Percent",
		"node_pods_running{ip-10-0-0-5.ec2.internal} 2 Count",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(got, "\n"))
	}
}

// The token is read anew: it was replaced while the agent ran.
func TestToken(t *testing.T) {
	n := serve(t)
	s := n.open(t, scraper.Sidelight)
	set(&n.token, "two")
	if err := s.Scrape(t.Context(), &lines{}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("with an old token: %v", err)
	}
	write(t, n.cfg.Token, "two")
	var l lines
	s.asked, s.listed = time.Time{}, time.Time{}
	if err := s.Scrape(t.Context(), &l); err != nil || len(l) == 0 {
		t.Errorf("with the new one: %v, %v", err, l)
	}
}

// Without the right to see the pods, what is used is measured all the same,
// under the pods' own names.
func TestForbidden(t *testing.T) {
	n := serve(t)
	set(&n.pods, "")
	var l lines
	err := n.open(t, scraper.Sidelight).Scrape(t.Context(), &l)
	if err == nil || !strings.Contains(err.Error(), "nodes/proxy") {
		t.Errorf("err = %v, want the missing right", err)
	}
	if !slices.Contains(l, "pod_cpu_cores_used{c,prod,shop-7d4b9c6f5d-x2x9k} 0.25 None") {
		t.Errorf("measured %v", l)
	}
	if slices.ContainsFunc(l, func(s string) bool { return strings.Contains(s, "limit") || strings.Contains(s, "running") }) {
		t.Errorf("limits from nowhere: %v", l)
	}
}

// A certificate of somebody else is refused.
func TestCertificate(t *testing.T) {
	n := serve(t)
	other := httptest.NewUnstartedServer(nil)
	defer other.Close()
	n.cfg.CA = filepath.Join(t.TempDir(), "none")
	if _, err := New(n.cfg); err == nil {
		t.Error("no CA file: New succeeded")
	}
	write(t, n.cfg.CA, "nothing")
	if _, err := New(n.cfg); err == nil {
		t.Error("no certificates: New succeeded")
	}
	n.cfg.Insecure = true
	if err := n.open(t, scraper.Sidelight).Scrape(t.Context(), &lines{}); err != nil {
		t.Errorf("unchecked: %v", err)
	}
	for _, endpoint := range []string{"", "http://10.0.0.1:10255", "https://", "10.0.0.1:10250"} {
		if _, err := New(Config{Endpoint: endpoint, Insecure: true}); err == nil {
			t.Errorf("endpoint %q is taken", endpoint)
		}
	}
}

// The API server's proxy of the node answers as the kubelet does.
func TestNodeProxy(t *testing.T) {
	n := serve(t)
	n.cfg.Endpoint += viaServer + "/"
	n.cfg.CAdvisor = true
	var l lines
	if err := n.open(t, scraper.Sidelight).Scrape(t.Context(), &l); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"node_pods_running{c,ip-10-0-0-5.ec2.internal} 2 Count", "container_threads{c,web,prod,shop} 21 Count"} {
		if !slices.Contains(l, want) {
			t.Errorf("no %s in %v", want, l)
		}
	}
}

// It is asked at most every 10 s.
func TestPace(t *testing.T) {
	n := serve(t)
	s := n.open(t, scraper.Sidelight)
	for range 3 {
		if err := s.Scrape(t.Context(), &lines{}); err != nil {
			t.Fatal(err)
		}
	}
	if n.listed.Load() != 1 {
		t.Errorf("asked %d times", n.listed.Load())
	}
}

func TestQuantity(t *testing.T) {
	for text, want := range map[string]float64{
		"100m": 0.1, "1": 1, "1.5": 1.5, "128Mi": 128 << 20, "1Ki": 1024, "2k": 2000, "1G": 1e9, "1Gi": 1 << 30, "1e3": 1000, "500u": 5e-4, "7n": 7e-9, "128974848000m": 128974848,
	} {
		if got, err := parseQuantity(text); err != nil || math.Abs(got-want) > 1e-9*want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "-1", "1ki", "1MiB", "x", "NaN", "1e999", "null"} {
		if got, err := parseQuantity(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

type checker struct{ t *testing.T }

func (c checker) Record(m *sidelight.Measurement) {
	if m.Name == "" || math.IsNaN(m.Value) || m.Kind == sidelight.Sum && m.Value < 0 {
		c.t.Errorf("recorded %+v", m)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(read(f, "summary_1.json"), read(f, "summary_2.json"), read(f, "pods.json"))
	f.Add(`{"node":{"cpu":{"usageNanoCores":-1}},"pods":[{"volume":[{"pvcRef":{}}]}]}`, `{}`, `{"items":[{"spec":{"containers":[{"resources":{"limits":{"cpu":1e400}}}]}}]}`)
	f.Fuzz(func(t *testing.T, first, second, pods string) {
		var scrapers []*Scraper
		for _, names := range scraper.Families() {
			s, err := New(Config{Endpoint: "https://x", Insecure: true, Names: names, Cores: 1})
			if err != nil {
				t.Fatal(err)
			}
			scrapers = append(scrapers, s)
		}
		list, err := decodePods([]byte(pods))
		for _, text := range []string{first, second} {
			a, sumErr := decodeSummary([]byte(text))
			if sumErr != nil {
				return
			}
			for _, s := range scrapers {
				if err == nil {
					s.plan = newPlan(list)
				}
				s.measure(a, checker{t}, 10)
			}
		}
	})
}
