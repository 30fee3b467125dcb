package agent_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/agent/scraper/cgroup"
	"github.com/sidelight-dev/sidelight/agent/scraper/ecstask"
	"github.com/sidelight-dev/sidelight/agent/scraper/host"
	"github.com/sidelight-dev/sidelight/agent/scraper/kubelet"
	"github.com/sidelight-dev/sidelight/agent/scraper/procs"
)

var updateNames = flag.Bool("update-names", false, "rewrite docs/metrics-names.md")

// The reference of names is what the tables say.
func TestMetricNames(t *testing.T) {
	const path = "../docs/metrics-names.md"
	want := metricNames()
	if *updateNames {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("go test ./agent -run TestMetricNames -update-names rewrites it (-want +got):\n%s", d)
	}
}

const namesHead = "# Names of what is measured\n\n" +
	"`scrape.names` chooses the family: `sidelight` (the default), `cwagent`, `container-insights` or `otel`. What a\n" +
	"family has no name for is told under Sidelight's beside it, which `match: 'namespace = \"Sidelight/Host\"'` with `drop: true`\n" +
	"leaves out. `metrics.dimensions` are put on every series, but not in the namespaces\n" +
	"`CWAgent` and `Sidelight/ContainerInsights`, whose series are those that dashboards and alarms know. The latter is not\n" +
	"`ECS/ContainerInsights` or `ContainerInsights`, so that a cluster that has Container Insights switched on does not count twice.\n\n" +
	"Statistic: of a level, a share or a rate take `Average`, `Maximum` or a percentile; of an increase take `Sum` only.\n" +
	"OpenTelemetry's counters are increases too. What the machine or a container does not tell is not sent: absent is not zero.\n" +
	"A counter that fell was reset, and its interval is left out.\n\n" +
	"`mem_used` is what is not available, by the kernel's estimate; in `cwagent` and `otel` it is what is neither free, buffers\n" +
	"nor cached, as those have it. `cpu_usage_active` is all but idle: waiting for I/O counts. `disk_used_percent` leaves out what\n" +
	"is reserved for root, as `df` does. `cpu_usage_other` is nice, interrupts and guests.\n\n" +
	"Not measured: `cpu_time_*` of the CloudWatch agent (it says the same as `cpu_usage_*`); what takes ECS's or Kubernetes'\n" +
	"API, such as counts of tasks, services and a cluster's nodes, the dimension `Service` and the dimension `InstanceId`;\n" +
	"`system.disk.limit` and CPU frequencies. Each CPU takes `scrape.per_cpu`, connections take `scrape.connections`.\n"

func metricNames() string {
	b := &strings.Builder{}
	b.WriteString(namesHead)
	parts := []struct {
		title, key string
		families   []scraper.Family
		tables     func(scraper.Family) []*scraper.Table
	}{
		{"The machine", "scrape.host", []scraper.Family{scraper.Sidelight, scraper.CWAgent, scraper.OTel}, func(f scraper.Family) []*scraper.Table {
			t := host.FamilyTables(f, "HOST")
			return t.All()
		}},
		{"The agent's container", "scrape.cgroup", []scraper.Family{scraper.Sidelight, scraper.OTel}, func(f scraper.Family) []*scraper.Table {
			t := cgroup.FamilyTable(f)
			return []*scraper.Table{&t}
		}},
		{"The ECS task and its containers", "scrape.task", []scraper.Family{scraper.Sidelight, scraper.Insights, scraper.OTel}, func(f scraper.Family) []*scraper.Table {
			t := ecstask.FamilyTables(f)
			return t.All()
		}},
		{"The node of Kubernetes and its pods", "scrape.kubelet", []scraper.Family{scraper.Sidelight, scraper.Insights, scraper.OTel}, func(f scraper.Family) []*scraper.Table {
			t := kubelet.FamilyTables(f)
			return t.All()
		}},
		{"What the kubelet's cAdvisor knows", "scrape.kubelet.cadvisor", []scraper.Family{scraper.Sidelight, scraper.Insights, scraper.OTel}, func(f scraper.Family) []*scraper.Table {
			t := kubelet.FamilyCAdvisorTables(f)
			return t.All()
		}},
		{"Programs", "scrape.processes", []scraper.Family{scraper.Sidelight, scraper.OTel}, func(f scraper.Family) []*scraper.Table {
			t := procs.FamilyTable(f)
			return []*scraper.Table{&t}
		}},
	}
	for _, p := range parts {
		fmt.Fprintf(b, "\n## %s (`%s`)\n", p.title, p.key)
		for _, f := range p.families {
			fmt.Fprintf(b, "\n### %s\n", f)
			for _, t := range p.tables(f) {
				writeTable(b, t)
			}
		}
	}
	return b.String()
}

func writeTable(b *strings.Builder, t *scraper.Table) {
	if len(t.Rows) == 0 {
		return
	}
	var dims []string
	for _, l := range t.Labels {
		if l != "" {
			dims = append(dims, "`"+l+"`")
		}
	}
	for _, d := range t.With {
		dims = append(dims, "`"+d.Name+"="+d.Value+"`")
	}
	if len(dims) == 0 {
		dims = []string{"none"}
	}
	fmt.Fprintf(b, "\nNamespace `%s`, dimensions: %s.\n\n| metric | unit | value |\n|---|---|---|\n", t.Namespace, strings.Join(dims, ", "))
	for _, r := range t.Rows {
		name := "`" + r.Name + "`"
		for _, d := range r.With {
			name += " `" + d.Name + "=" + d.Value + "`"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, r.Unit, r.Form)
	}
}

// Every row can be told from the others of its table, has one of CloudWatch's
// units, and a namespace that CloudWatch takes.
func TestMetricTables(t *testing.T) {
	units := map[string]bool{
		"None": true, "Percent": true, "Bytes": true, "Count": true, "Seconds": true, "Milliseconds": true,
		"Bytes/Second": true, "Count/Second": true, "Megabytes": true, "Gigabytes": true,
	}
	for _, f := range scraper.Families() {
		h, e, k, c, p := host.FamilyTables(f, "h"), ecstask.FamilyTables(f), kubelet.FamilyTables(f), cgroup.FamilyTable(f), procs.FamilyTable(f)
		more := kubelet.FamilyCAdvisorTables(f)
		all := append(append(append(append(h.All(), e.All()...), k.All()...), more.All()...), &c, &p)
		for _, table := range all {
			seen := map[string]bool{}
			for _, r := range table.Rows {
				id := fmt.Sprint(r.Name, r.With)
				if seen[id] || !units[r.Unit] || table.Namespace == "" || strings.HasPrefix(table.Namespace, "AWS/") {
					t.Errorf("%s: %+v in %q", f, r, table.Namespace)
				}
				seen[id] = true
			}
		}
	}
}
