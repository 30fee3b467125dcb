package plan_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/agent/recipe/recipetest"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func resource(id string, threshold float64) ir.Resource {
	pos := ir.Pos{File: "orders.yaml", Line: 10, Column: 3}
	return ir.Resource{
		ID: id, Name: "orders-dev-" + id, Pos: pos, Tags: map[string]string{"team": "payments"},
		Body: &ir.MetricAlarm{
			Namespace: "Shop", MetricName: "Errors", Statistic: "Sum", Period: 60, EvaluationPeriods: 3, DatapointsToAlarm: 2,
			Threshold: &threshold, ComparisonOperator: "GreaterThanThreshold", TreatMissingData: "missing", AlarmActions: []string{"arn:aws:sns:us-east-1:000000000000:page"},
			Dimensions: []ir.Dimension{{Name: "service", Value: "orders"}},
		},
		Origins: map[string]ir.Pos{"Threshold": {File: "orders.yaml", Line: 12, Column: 11}},
		Words:   ir.Words{Condition: "sum(Errors) > 3", Cadence: "2 of 3 × 1m", Route: "page"},
	}
}

func stack(rev int64, rs ...ir.Resource) *ir.Stack {
	return &ir.Stack{Recipe: "orders", Env: "dev", Account: recipetest.Account, Region: recipetest.Region, Rev: rev, Resources: rs}
}

// put makes an alarm as an apply of the stack would have.
func put(t *testing.T, cw *recipetest.CloudWatch, s *ir.Stack, change func(*norm.Mark)) {
	t.Helper()
	for i := range s.Resources {
		r := &s.Resources[i]
		m := norm.MarkOf(s, r, norm.Of(r.Body, r.Tags, s.Account))
		if change != nil {
			change(&m)
		}
		tags := m.Tags()
		for k, v := range r.Tags {
			tags[k] = v
		}
		if _, err := cw.PutMetricAlarm(t.Context(), live.AlarmInput(r.Name, r.Body.(*ir.MetricAlarm), tags)); err != nil {
			t.Fatal(err)
		}
	}
}

func makePlan(t *testing.T, cw *recipetest.CloudWatch, s *ir.Stack) *plan.Plan {
	t.Helper()
	p, err := plan.Make(t.Context(), plan.Clients{APIs: live.APIs{CloudWatch: cw, Tagging: cw}, Identity: cw}, s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The table of classes: desired hash D, hash tag T, live hash L.
func TestClasses(t *testing.T) {
	for name, c := range map[string]struct {
		live   float64 // threshold of the live alarm
		tagged float64 // threshold of the version in the tags
		rev    int64   // revision in the tags; ours is 10 and wants 1
		change func(*norm.Mark)
		want   string
	}{
		"L=D T=D":                {live: 1, tagged: 1, rev: 10, want: "none in-sync"},
		"L=D T=D, newer":         {live: 1, tagged: 1, rev: 20, want: "none in-sync"},
		"L=D T≠D":                {live: 1, tagged: 2, rev: 5, want: "retag in-sync"},
		"L=D T≠D, newer":         {live: 1, tagged: 2, rev: 20, want: "none superseded"},
		"L=T T≠D":                {live: 2, tagged: 2, rev: 5, want: "update skew"},
		"L=T T≠D, same revision": {live: 2, tagged: 2, rev: 10, want: "update skew"},
		"L=T T≠D, newer":         {live: 2, tagged: 2, rev: 20, want: "none superseded"},
		"L≠D T=D":                {live: 2, tagged: 1, rev: 10, want: "update drift"},
		"L≠D T=D, newer":         {live: 2, tagged: 1, rev: 20, want: "update drift"},
		"L≠D L≠T":                {live: 2, tagged: 3, rev: 5, want: "update drift+skew"},
		"L≠D L≠T, newer":         {live: 2, tagged: 3, rev: 20, want: "none superseded"},
		"other normaliser, L=D":  {live: 1, tagged: 1, rev: 5, change: func(m *norm.Mark) { m.Hash = "n0-0" }, want: "retag in-sync"},
		"other normaliser, L≠D":  {live: 2, tagged: 1, rev: 5, change: func(m *norm.Mark) { m.Hash = "n0-0" }, want: "update skew"},
		"no fields tag":          {live: 1, tagged: 1, rev: 10, change: func(m *norm.Mark) { m.Fields = "x" }, want: "retag in-sync"},
		"renamed id":             {live: 1, tagged: 1, rev: 10, change: func(m *norm.Mark) { m.ID = "old" }, want: "retag in-sync"},
		"another recipe":         {live: 1, tagged: 1, rev: 10, change: func(m *norm.Mark) { m.Recipe = "other" }, want: "none conflict"},
		"another environment":    {live: 1, tagged: 1, rev: 10, change: func(m *norm.Mark) { m.Env = "prod" }, want: "none conflict"},
		"made by terraform":      {live: 1, tagged: 1, rev: 10, change: func(m *norm.Mark) { m.Via = "terraform" }, want: "none conflict"},
	} {
		t.Run(name, func(t *testing.T) {
			cw := recipetest.New()
			put(t, cw, stack(c.rev, resource("a", c.tagged)), c.change)
			cw.Change("orders-dev-a", func(a *types.MetricAlarm, _ map[string]string) { a.Threshold = aws.Float64(c.live) })
			p := makePlan(t, cw, stack(10, resource("a", 1)))
			if got := string(p.Changes[0].Action) + " " + string(p.Changes[0].Class); len(p.Changes) != 1 || got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			refused := strings.Contains(c.want, "superseded") || strings.Contains(c.want, "conflict")
			if err := p.Refusal(0); (plan.ExitCode(err) == exit.Refused) != refused {
				t.Errorf("refusal: %v", err)
			}
			detailed, short := exit.No, exit.Done
			switch {
			case refused:
				detailed, short = exit.Refused, exit.Refused
			case c.want == "none in-sync":
				detailed = exit.Done
			}
			if p.ExitCode(true) != detailed || p.ExitCode(false) != short {
				t.Errorf("exit codes %d and %d, want %d and %d", p.ExitCode(true), p.ExitCode(false), detailed, short)
			}
		})
	}
}

func TestOrphans(t *testing.T) {
	cw := recipetest.New()
	put(t, cw, stack(5, resource("old", 1), resource("list/x", 1)), nil)
	put(t, cw, stack(50, resource("newer", 1)), nil)
	put(t, cw, stack(5, resource("tf", 1)), func(m *norm.Mark) { m.Via = "cdk" })
	put(t, cw, stack(5, resource("other", 1)), func(m *norm.Mark) { m.Recipe = "orders-dev" })
	s := stack(10)
	s.Keep = []string{"list/"}
	p := makePlan(t, cw, s)
	var got []string
	for _, c := range p.Changes {
		got = append(got, c.ID+" "+string(c.Action)+" "+string(c.Class))
	}
	want := []string{"old delete orphan", "list/x none orphan", "newer none superseded", "tf none orphan"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestText(t *testing.T) {
	cw := recipetest.New()
	put(t, cw, stack(5, resource("skewed", 3), resource("drifted", 1), resource("gone", 1), resource("same", 1), resource("untagged", 1)), nil)
	put(t, cw, stack(5, resource("foreign", 1)), func(m *norm.Mark) { m.Recipe = "other" })
	put(t, cw, stack(90, resource("newer", 3)), nil)
	cw.Change("orders-dev-drifted", func(a *types.MetricAlarm, tags map[string]string) {
		a.Threshold, a.AlarmActions, a.Dimensions = aws.Float64(50), nil, nil
		tags["team"] = "other"
	})
	cw.Change("orders-dev-untagged", func(_ *types.MetricAlarm, tags map[string]string) { tags[norm.TagHash] = "n1-0" })
	s := stack(10, resource("api.latency-page", 1), resource("skewed", 5), resource("drifted", 1), resource("same", 1), resource("untagged", 1), resource("foreign", 1), resource("newer", 1))
	s.Disabled = []ir.Disabled{{ID: "mem-high", Kind: ir.MetricAlarmKind, Reason: "JVM heap is fixed at 90 percent"}}
	var b strings.Builder
	for _, st := range []plan.Style{{}, {ASCII: true, All: true}, {Color: true}} {
		if err := makePlan(t, cw, s).WriteText(&b, st); err != nil {
			t.Fatal(err)
		}
		b.WriteString("----\n")
	}
	d, err := plan.MakeDestroy(t.Context(), plan.Clients{APIs: live.APIs{CloudWatch: cw, Tagging: cw}, Identity: cw}, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WriteText(&b, plan.Style{}); err != nil {
		t.Fatal(err)
	}
	b.WriteString("----\n")
	if err := makePlan(t, cw, s).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/plan.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSavedPlansAreChecked(t *testing.T) {
	for name, text := range map[string]string{
		"empty":      "",
		"not a plan": `{"format": "sidelight.drift/1"}`,
		"unknown":    `{"format": "sidelight.plan/1", "extra": 1}`,
		"incomplete": `{"format": "sidelight.plan/1", "changes": [{"id": "a", "name": "a", "action": "create"}]}`,
		"nameless":   `{"format": "sidelight.plan/1", "changes": [{"id": "a", "action": "delete"}]}`,
	} {
		if _, err := plan.Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A plan that was saved is outside text: whatever it says, nothing panics.
func FuzzRead(f *testing.F) {
	f.Add(`{"format": "sidelight.plan/1", "changes": [{"id": "a", "name": "a", "action": "delete", "class": "orphan"}]}`)
	f.Add(`{"format": "sidelight.plan/1", "changes": [{"id": "a", "name": "a", "action": "update", "fields": [{"path": "Dimensions", "before": [1], "after": null}], "desired": {"kind": "metric-alarm", "body": {}}}]}`)
	f.Add(`{"format": "sidelight.plan/1", "destroy": true, "disabled": [{"id": "x"}], "max_delete": -1}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := plan.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		if err := p.WriteText(&b, plan.Style{All: true}); err != nil {
			t.Fatal(err)
		}
		_ = p.ExitCode(true)
		for _, c := range p.Changes {
			if c.Desired != nil {
				p.Mark(c)
			}
			p.Again(c, nil)
		}
	})
}
