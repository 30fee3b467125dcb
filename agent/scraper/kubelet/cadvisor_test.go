package kubelet

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// scrapeDetail returns what the second of two scrapes, of answers 20 s apart,
// says beyond the summary.
func scrapeDetail(t *testing.T, names scraper.Family) lines {
	t.Helper()
	n := serve(t)
	n.cfg.CAdvisor = true
	s := n.open(t, names)
	var first, second lines
	if err := s.Scrape(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	set(&n.cadvisor, read(t, "cadvisor_2.txt"))
	s.asked = time.Time{}
	if err := s.Scrape(t.Context(), &second); err != nil {
		t.Fatal(err)
	}
	for _, l := range first {
		if strings.Contains(l, "throttled") || strings.Contains(l, "_io_") || strings.Contains(l, "interface") {
			t.Errorf("the first scrape tells of a change: %s", l)
		}
	}
	// The summary is that of before, and comes first.
	return second[slices.IndexFunc(second, func(l string) bool {
		return strings.HasPrefix(l, "node_network_rx_packets") || strings.HasPrefix(l, "node_interface")
	}):]
}

// In 20 s 50 of 200 periods of web were throttled, 1.75 s in all. Of page faults
// those of the scope container count, of reads and writes both devices: 4,096
// bytes and none read, 40,960 and 4,096 written. It waited 2 s for a CPU, all of
// it half a second. The sidecar was started again under its group's path, as the
// network of pod agent: they begin anew. The pod's network is that of its sandbox;
// the group around it, which has it too, would count it again. The node's is
// without lo and the pods' ends.
func TestCAdvisor(t *testing.T) {
	got := scrapeDetail(t, scraper.Sidelight)
	node, shop, web := "{c,ip-10-0-0-5.ec2.internal} ", "{c,prod,shop} ", "{c,web,prod,shop} "
	want := lines{
		"node_network_rx_packets" + node + "+400 Count", "node_network_tx_packets" + node + "+400 Count",
		"node_network_rx_dropped" + node + "+20 Count", "node_network_tx_dropped" + node + "+0 Count",
		"node_network_rx_errors" + node + "+2 Count", "node_network_tx_errors" + node + "+2 Count",
		"node_io_read_bytes" + node + "+200000 Bytes", "node_io_write_bytes" + node + "+600000 Bytes",
		"node_io_reads" + node + "+20 Count", "node_io_writes" + node + "+40 Count",
		"pod_network_rx_packets" + shop + "+60 Count", "pod_network_tx_packets" + shop + "+60 Count",
		"pod_network_rx_dropped" + shop + "+10 Count", "pod_network_tx_dropped" + shop + "+0 Count",
		"pod_network_rx_errors" + shop + "+2 Count", "pod_network_tx_errors" + shop + "+4 Count",
		"container_cpu_throttled_percent" + web + "25 Percent", "container_cpu_throttled_time" + web + "+1.75 Seconds",
		"container_memory_rss" + web + "4.71859e+07 Bytes", "container_memory_cache" + web + "2.09715e+07 Bytes", "container_memory_mapped_file" + web + "4.1943e+06 Bytes",
		"container_memory_kernel" + web + "1.04858e+06 Bytes", "container_memory_swap" + web + "0 Bytes",
		"container_page_faults" + web + "+600 Count", "container_major_page_faults" + web + "+4 Count",
		"container_io_read_bytes" + web + "+4096 Bytes", "container_io_write_bytes" + web + "+45056 Bytes", "container_io_reads" + web + "+1 Count", "container_io_writes" + web + "+11 Count",
		"container_oom_kills" + web + "+1 Count", "container_processes" + web + "4 Count", "container_threads" + web + "21 Count", "container_file_descriptors" + web + "37 Count",
		"container_pressure_cpu_some" + web + "10 Percent", "container_pressure_cpu_full" + web + "2.5 Percent",
		"container_io_read_bytes{c,agent,kube-system,agent} +1.04858e+06 Bytes",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Container Insights' counters are rates: 600 faults, 10 and 20 packets, 800,000
// bytes and 60 operations in 20 s.
func TestCAdvisorFamilies(t *testing.T) {
	for family, want := range map[scraper.Family][]string{
		scraper.Insights: {
			"container_memory_pgfault{c,web,prod,shop} 30 Count/Second", "container_memory_pgmajfault{c,web,prod,shop} 0.2 Count/Second", "container_memory_rss{c,web,prod,shop} 4.71859e+07 Bytes",
			"pod_interface_network_rx_dropped{c,prod,shop} 0.5 Count/Second", "pod_interface_network_rx_dropped{c,prod} 0.5 Count/Second", "pod_interface_network_tx_errors{c,prod,shop} 0.2 Count/Second",
			"node_interface_network_rx_dropped{c,ip-10-0-0-5.ec2.internal} 1 Count/Second", "node_interface_network_rx_dropped{c} 1 Count/Second",
			"node_diskio_io_service_bytes_total{c,ip-10-0-0-5.ec2.internal} 40000 Bytes/Second", "node_diskio_io_serviced_total{c} 3 Count/Second",
			"container_cpu_throttled_percent{c,web,prod,shop} 25 Percent",
		},
		scraper.OTel: {
			"container.disk.io{write,web,prod,ip-10-0-0-5.ec2.internal,shop-7d4b9c6f5d-x2x9k} +45056 Bytes", "container_cpu_throttled_percent{web,prod,ip-10-0-0-5.ec2.internal,shop-7d4b9c6f5d-x2x9k} 25 Percent",
			"pod_network_rx_dropped{prod,ip-10-0-0-5.ec2.internal,shop-7d4b9c6f5d-x2x9k} +10 Count",
		},
	} {
		got := scrapeDetail(t, family)
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%s: no %s in\n%s", family, w, strings.Join(got, "\n"))
			}
		}
	}
}

// Nothing is told twice: by the summary and by cAdvisor, or by cAdvisor in two
// tables.
func TestCAdvisorOnce(t *testing.T) {
	for _, f := range scraper.Families() {
		summary, more := FamilyTables(f), FamilyCAdvisorTables(f)
		seen := map[string]bool{}
		for _, table := range append(summary.All(), more.All()...) {
			for _, r := range table.Rows {
				id := fmt.Sprint(r.Name, table.Labels, r.With)
				if seen[id] {
					t.Errorf("%s: %s twice", f, id)
				}
				seen[id] = true
			}
		}
	}
}

// Of an answer that is not whole nothing is recorded, and the next one is the
// first again: what grows is told from the one after that.
func TestCAdvisorBroken(t *testing.T) {
	whole := read(t, "cadvisor_2.txt")
	cut := whole[:strings.Index(whole, "container_fs_writes_bytes_total{")+40]
	for name, c := range map[string]struct{ text, err string }{
		"cut off":      {cut, "not a sample"},
		"no number":    {whole + "container_processes{id=\"/\"} many\n", "not a sample"},
		"no labels":    {whole + "container_processes{id=/} 1\n", "not a sample"},
		"endless line": {whole + "# " + strings.Repeat("x", longestLine), "buffer full"},
		"forbidden":    {"", "nodes/metrics"},
	} {
		t.Run(name, func(t *testing.T) {
			n := serve(t)
			n.cfg.CAdvisor = true
			s := n.open(t, scraper.Sidelight)
			scrape := func(text string) (l lines, err error) {
				set(&n.cadvisor, text)
				s.asked = time.Time{}
				err = s.Scrape(t.Context(), &l)
				return l, err
			}
			has := func(l lines, name string) bool {
				return slices.ContainsFunc(l, func(s string) bool { return strings.HasPrefix(s, name) })
			}
			if _, err := scrape(read(t, "cadvisor_1.txt")); err != nil {
				t.Fatal(err)
			}
			l, err := scrape(c.text)
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("err = %v", err)
			}
			if has(l, "container_processes") || !has(l, "pod_cpu_cores_used") {
				t.Errorf("of the broken answer: %v", l)
			}
			if name == "forbidden" {
				return // nothing was read, nothing is mixed up
			}
			if l, err = scrape(whole); err != nil || !has(l, "container_processes") || has(l, "container_io_write_bytes") {
				t.Errorf("of the next: %v, %v", err, l)
			}
			if l, err = scrape(whole); err != nil || !has(l, "container_io_write_bytes") {
				t.Errorf("of the one after: %v, %v", err, l)
			}
		})
	}
}

// large is the exposition of a node with n containers.
func large(n int) string {
	var b strings.Builder
	id := strings.Repeat("0123456789abcdef", 4)
	for _, name := range []string{
		"cpu_cfs_periods_total", "cpu_cfs_throttled_periods_total", "cpu_cfs_throttled_seconds_total", "cpu_usage_seconds_total", "memory_rss", "memory_cache",
		"memory_working_set_bytes", "memory_usage_bytes", "memory_swap", "memory_mapped_file", "spec_cpu_period", "spec_cpu_quota", "spec_memory_limit_bytes",
		"start_time_seconds", "last_seen", "fs_reads_bytes_total", "fs_writes_bytes_total", "processes", "threads", "sockets",
	} {
		fmt.Fprintf(&b, "# HELP container_%s what it is\n# TYPE container_%s counter\n", name, name)
		for i := range n {
			fmt.Fprintf(&b, "container_%s{container=\"app\",id=\"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod%08d.slice/cri-containerd-%s%d.scope\",image=\"registry.example/app:1.2.3\",name=\"%s\",namespace=\"prod\",pod=\"app-7d4b9c6f5d-%05d\"} 12345.678 1763625600123\n", name, i, id, i, id, i)
		}
	}
	return b.String()
}

type nowhere struct{}

func (nowhere) Record(*sidelight.Measurement) {}

// However long the answer is, it is read without being held: a thousand
// containers, 7 MB, take next to no memory once they are known.
func TestCAdvisorAllocations(t *testing.T) {
	s, err := New(Config{Endpoint: "https://x", Insecure: true, CAdvisor: true, Cores: 1})
	if err != nil {
		t.Fatal(err)
	}
	text := large(1000)
	scrape := func() {
		if err := s.cadvisor.read(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		s.writeDetail(nowhere{})
	}
	scrape()
	if n := s.cadvisor.containers.Len(); n != 1000 {
		t.Errorf("%d containers", n)
	}
	if n := testing.AllocsPerRun(2, scrape); n > 20 {
		t.Errorf("%v allocations a scrape", n)
	}
}

func BenchmarkCAdvisor(b *testing.B) {
	for _, n := range []int{50, 500} {
		b.Run(fmt.Sprint(n, " containers"), func(b *testing.B) {
			s, err := New(Config{Endpoint: "https://x", Insecure: true, CAdvisor: true, Cores: 1})
			if err != nil {
				b.Fatal(err)
			}
			text := large(n)
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if err := s.cadvisor.read(strings.NewReader(text)); err != nil {
					b.Fatal(err)
				}
				s.writeDetail(nowhere{})
			}
		})
	}
}

func FuzzCAdvisor(f *testing.F) {
	f.Add(read(f, "cadvisor_1.txt"), read(f, "cadvisor_2.txt"))
	f.Add("container_processes{id=\"/\"} -1\ncontainer_cpu_cfs_periods_total{pod=\"p\",container=\"c\"} 1e308 -1\n", "container_fs_reads_bytes_total{id=\"/\"} 1e308\ncontainer_fs_reads_bytes_total{id=\"/\"} 1e308\n")
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, names := range scraper.Families() {
			s, err := New(Config{Endpoint: "https://x", Insecure: true, Names: names, Cores: 1, CAdvisor: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{first, second, first} {
				if s.cadvisor.read(strings.NewReader(text)) != nil {
					s.cadvisor.forget()
					continue
				}
				s.writeDetail(checker{t})
			}
		}
	})
}
