package agent_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/agent/scraper/ecstask"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// taskEndpoint answers as on EC2 and sets the variable that names it.
func taskEndpoint(t *testing.T) {
	t.Helper()
	dir := filepath.Join("scraper", "ecstask", "testdata")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v4/x/task":
			http.ServeFile(w, r, filepath.Join(dir, "ec2_task.json"))
		case "/v4/x/task/stats":
			http.ServeFile(w, r, filepath.Join(dir, "ec2_stats_1.json"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	t.Setenv(ecstask.EndpointVariable, srv.URL+"/v4/x")
}

// On ECS the task is measured without being asked for. Our own family carries
// the agent's dimensions; the series of Container Insights are exact.
func TestTaskIsMeasured(t *testing.T) {
	taskEndpoint(t)
	cases := map[string]struct {
		names             config.Names
		namespace, metric string
		want              []string // dimensions of each series
	}{
		"sidelight": {"sidelight", ecstask.TaskNamespace, "memory_working_set", []string{
			"ClusterName=shop TaskDefinitionFamily=checkout environment=test service=orders",
		}},
		"container-insights": {"container-insights", scraper.InsightsNamespace, "MemoryUtilized", []string{
			"ClusterName=shop", "ClusterName=shop ServiceName=checkout-blue", "ClusterName=shop TaskDefinitionFamily=checkout",
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := sandboxtest.New(t)
			cfg := settings(t, s)
			cfg.Scrape.Host, cfg.Scrape.Cgroup = "off", "off"
			cfg.Scrape.Names = c.names
			start(t, cfg)
			metrics := cloudwatch.NewFromConfig(sandboxtest.Config(s))
			var got []types.Metric
			eventually(t, "the task's series", func() bool {
				out, err := metrics.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: &c.namespace, MetricName: &c.metric})
				if err == nil {
					got = out.Metrics
				}
				return err == nil && len(got) == len(c.want)
			})
			if d := cmp.Diff(c.want, dimensionsOf(got)); d != "" {
				t.Errorf("series (-want +got):\n%s", d)
			}
		})
	}
}

// dimensionsOf returns each series' dimensions, sorted.
func dimensionsOf(metrics []types.Metric) []string {
	var out []string
	for _, m := range metrics {
		var dims []string
		for _, d := range m.Dimensions {
			dims = append(dims, *d.Name+"="+*d.Value)
		}
		slices.Sort(dims)
		out = append(out, strings.Join(dims, " "))
	}
	slices.Sort(out)
	return out
}

// Told to measure a task where there is none, the agent does not start.
func TestNoTask(t *testing.T) {
	t.Setenv(ecstask.EndpointVariable, "")
	cfg := settings(t, sandboxtest.New(t))
	cfg.Scrape.Task = "on"
	_, err := agent.New(t.Context(), cfg, agent.Deps{Log: slog.New(slog.DiscardHandler), Identity: &identity.Identity{Service: "x"}})
	if err == nil || !strings.Contains(err.Error(), "scrape.task") {
		t.Errorf("New: %v, want an error that names scrape.task", err)
	}
}
