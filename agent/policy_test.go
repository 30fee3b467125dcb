package agent_test

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/iam"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// TestPolicy compares the policy that is printed with what an agent calls that does
// everything: each action is called, and nothing else is.
func TestPolicy(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Service.Name = "orders"
	cfg.Logs.Retention = 30
	cfg.Logs.Tags = config.Templates{{Name: "team", Value: "shop"}}
	cfg.Metrics.Rules = []config.MetricRule{{Match: `name = "hits"`, Via: "emf"}}
	cfg.Traces.ApplicationSignals = true
	policy := iam.For(cfg, iam.Where{Region: "us-east-1", Account: "000000000000"})

	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 3)
	sendOTLP(t, a.address(t, "otlp http"), a.address(t, "otlp grpc"))
	sendStatsD(t, a.address(t, "statsd"), "hits:1|c\nmisses:1|c")
	askRules(t, a.address(t, "xray tcp"))
	eventually(t, "the measurements", func() bool { return a.Books(sidelight.Metrics).Accepted > 0 })
	a.finish(t)

	called := map[string]bool{}
	for _, c := range s.Calls() {
		service := strings.Replace(c.Service, "monitoring", "cloudwatch", 1)
		called[service+":"+c.Operation] = true
	}
	// A group that is made with tags needs both.
	called["logs:TagResource"] = called["logs:CreateLogGroup"]
	var actions []string
	for _, st := range policy.Statement {
		actions = append(actions, st.Action...)
	}
	slices.Sort(actions)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(called)), actions); diff != "" {
		t.Errorf("called (-), allowed (+):\n%s", diff)
	}
	covered(t, "group", groupNames(t, s), func(name string) string {
		return "arn:aws:logs:us-east-1:000000000000:log-group:" + name
	}, policy.Statement[0].Resource)
	covered(t, "namespace", sentNamespaces(t, s), strings.Clone, namespacesOf(policy))
}

func covered(t *testing.T, what string, names []string, full func(string) string, patterns []string) {
	t.Helper()
	if len(names) == 0 {
		t.Errorf("no %s was written to", what)
	}
	for _, name := range names {
		if !slices.ContainsFunc(patterns, func(p string) bool { return globbed(p, full(name)) }) {
			t.Errorf("%s %s is not allowed by %s", what, name, patterns)
		}
	}
}

// globbed matches as IAM does: a * stands for slashes too.
func globbed(pattern, name string) bool {
	flat := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(name))
	return ok && err == nil
}

func namespacesOf(p iam.Policy) (out []string) {
	for _, st := range p.Statement {
		out = append(out, st.Condition["StringLike"]["cloudwatch:namespace"]...)
	}
	return out
}

func groupNames(t *testing.T, s *sandbox.Server) (out []string) {
	t.Helper()
	groups, err := cloudwatchlogs.NewFromConfig(sandboxtest.Config(s)).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.LogGroups {
		out = append(out, *g.LogGroupName)
	}
	return out
}

// sentNamespaces are those of all metrics but the one that arrives as documents.
func sentNamespaces(t *testing.T, s *sandbox.Server) []string {
	t.Helper()
	found := map[string]bool{}
	pages := cloudwatch.NewListMetricsPaginator(cloudwatch.NewFromConfig(sandboxtest.Config(s)), &cloudwatch.ListMetricsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Metrics {
			found[*m.Namespace] = true
		}
	}
	delete(found, spanmetrics.SignalsNamespace)
	return slices.Sorted(maps.Keys(found))
}

func sendStatsD(t *testing.T, addr, text string) {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprint(c, text); err != nil {
		t.Fatal(err)
	}
}

// askRules asks as X-Ray's SDKs do.
func askRules(t *testing.T, addr string) {
	t.Helper()
	for path, body := range map[string]string{
		"/GetSamplingRules": `{}`,
		"/SamplingTargets":  `{"SamplingStatisticsDocuments":[{"RuleName":"Default","ClientID":"0123456789abcdef01234567","Timestamp":1,"RequestCount":1,"SampledCount":1,"BorrowCount":0}]}`,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}
