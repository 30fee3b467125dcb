package apply_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/recipe"
	"github.com/sidelight-dev/sidelight/agent/recipe/apply"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
)

const kindsHead = `recipe: v1
name: shop
environments:
  dev: {account: "000000000000", regions: [us-east-1]}
`

const kindsFirst = kindsHead + `logs:
  groups: {app: {name: /app, retention: 1d}}
  filters: {errors: {group: app, pattern: '{ $.level = "ERROR" }', metric: {name: Shop:LogErrors, default: 0}}}
  queries: {slow: {groups: [app], query: "fields @message | limit 5"}}
xray:
  groups: {faults: {filter: fault, insights: true}}
  sampling: {checkout: {priority: 5, reservoir: 1, rate: 10%, path: /checkout, attributes: {tier: gold}, boost: {max: 5%, cooldown: 1m}}}
dashboards: {main: {title: Shop, widgets: [{text: hello}]}}
`

const kindsSecond = kindsHead + `logs:
  groups: {app: {name: /app, retention: 1d}}
  filters: {errors: {group: app, pattern: '{ $.level = "FATAL" }', metric: {name: Shop:LogErrors}}}
  queries: {slow: {query: "fields @message | limit 6"}}
xray:
  groups: {faults: {filter: fault = true}}
  sampling: {checkout: {priority: 6, reservoir: 0, rate: 2.5%, host: shop, boost: {max: 20%, cooldown: 5m}}}
dashboards: {main: {title: Shop, widgets: [{text: bye}]}}
`

func stackOf(t *testing.T, text string, rev int64) *ir.Stack {
	t.Helper()
	file := filepath.Join(t.TempDir(), "recipe.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, ps := recipe.Load(file, recipe.Options{Env: "dev", Rev: rev})
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// meddle changes one resource of each kind as a person at the console would, and
// adds strangers beside them.
func meddle(t *testing.T, c plan.Clients) {
	t.Helper()
	l, x, cw := c.Logs.(*logs.Client), c.XRay.(*xray.Client), c.Dashboards.(*cloudwatch.Client)
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	transformation := []logtypes.MetricTransformation{{MetricNamespace: aws.String("Shop"), MetricName: aws.String("LogErrors"), MetricValue: aws.String("2")}}
	for _, name := range []string{"shop--dev--errors", "shop--prod--errors"} {
		must(l.PutMetricFilter(ctx, &logs.PutMetricFilterInput{LogGroupName: aws.String("/app"), FilterName: &name, FilterPattern: aws.String("x"), MetricTransformations: transformation}))
	}
	out, err := l.DescribeQueryDefinitions(ctx, &logs.DescribeQueryDefinitionsInput{})
	must(out, err)
	mine := out.QueryDefinitions[0]
	changed := strings.Replace(*mine.QueryString, "limit 5", "limit 500", 1)
	must(l.PutQueryDefinition(ctx, &logs.PutQueryDefinitionInput{QueryDefinitionId: mine.QueryDefinitionId, Name: mine.Name, QueryString: &changed, LogGroupNames: mine.LogGroupNames}))
	must(l.PutQueryDefinition(ctx, &logs.PutQueryDefinitionInput{Name: aws.String("shop/dev/stranger"), QueryString: aws.String("fields @message")}))
	must(x.UpdateGroup(ctx, &xray.UpdateGroupInput{GroupName: aws.String("shop-dev-faults"), FilterExpression: aws.String("error")}))
	must(x.CreateGroup(ctx, &xray.CreateGroupInput{GroupName: aws.String("shop-dev-stranger"), FilterExpression: aws.String("ok")}))
	must(x.UpdateSamplingRule(ctx, &xray.UpdateSamplingRuleInput{SamplingRuleUpdate: &xraytypes.SamplingRuleUpdate{RuleName: aws.String("shop-dev-checkout"), FixedRate: aws.Float64(1)}}))
	for _, name := range []string{"shop-dev-main", "shop-dev-stranger"} {
		must(cw.PutDashboard(ctx, &cloudwatch.PutDashboardInput{DashboardName: &name, DashboardBody: aws.String(`{"widgets":[]}`)}))
	}
}

// Every kind is made, mended, changed and deleted, and strangers of like names
// are never touched.
func TestSandboxKinds(t *testing.T) {
	t.Parallel()
	_, c, _ := over(t)
	var got strings.Builder
	for _, step := range []struct {
		what, text string
		before     func(*testing.T, plan.Clients)
	}{
		{"create", kindsFirst, nil},
		{"mend", kindsFirst, meddle},
		{"change", kindsSecond, nil},
		{"boost", strings.Replace(kindsSecond, ", boost: {max: 20%, cooldown: 5m}", "", 1), nil},
		{"leave", kindsHead, nil},
	} {
		if step.before != nil {
			step.before(t, c)
		}
		fmt.Fprintf(&got, "%s:\n%s\n", step.what, outcome(t, c, stackOf(t, step.text, 1)))
	}
	want, err := os.ReadFile("testdata/kinds.txt")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got.String()); d != "" {
		t.Errorf("-want +got:\n%s\nall of it:\n%s", d, got.String())
	}
	left := []string{}
	queries, err := c.Logs.(*logs.Client).DescribeQueryDefinitions(t.Context(), &logs.DescribeQueryDefinitionsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries.QueryDefinitions {
		left = append(left, *q.Name)
	}
	filters, err := c.Logs.(*logs.Client).DescribeMetricFilters(t.Context(), &logs.DescribeMetricFiltersInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range filters.MetricFilters {
		left = append(left, *f.FilterName)
	}
	groups, err := c.XRay.(*xray.Client).GetGroups(t.Context(), &xray.GetGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.Groups {
		left = append(left, *g.GroupName)
	}
	boards, err := c.Dashboards.(*cloudwatch.Client).ListDashboards(t.Context(), &cloudwatch.ListDashboardsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range boards.DashboardEntries {
		left = append(left, *d.DashboardName)
	}
	if d := cmp.Diff([]string{"shop/dev/stranger", "shop--prod--errors", "Default", "shop-dev-stranger", "shop-dev-stranger"}, left); d != "" {
		t.Errorf("what is left (-want +got):\n%s", d)
	}
}

// A filter that somebody changes between plan and apply is not overwritten.
func TestSandboxFilterChangedMeanwhile(t *testing.T) {
	t.Parallel()
	_, c, _ := over(t)
	outcome(t, c, stackOf(t, kindsFirst, 1))
	s := stackOf(t, kindsSecond, 2)
	p, err := plan.Make(t.Context(), c, s)
	if err != nil {
		t.Fatal(err)
	}
	meddle(t, c)
	_, err = apply.Run(t.Context(), c, p, apply.Options{})
	refused, ok := errors.AsType[*plan.Refused](err)
	if !ok || !strings.Contains(refused.Error(), `the metric filter "/app:shop--dev--errors" has changed since the plan was made`) {
		t.Errorf("apply: %v", err)
	}
}
