package drift_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/recipe/drift"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func stack(rev int64, rs ...ir.Resource) *ir.Stack {
	return &ir.Stack{Recipe: "shop", Env: "dev", Account: "000000000000", Region: "us-east-1", Rev: rev, Resources: rs}
}

func alarm(id string, change func(*ir.MetricAlarm)) ir.Resource {
	body := &ir.MetricAlarm{
		Namespace: "Shop", MetricName: "Errors", Statistic: "Sum", Period: 60, EvaluationPeriods: 3, DatapointsToAlarm: 2, Threshold: aws.Float64(5),
		ComparisonOperator: "GreaterThanThreshold", TreatMissingData: "breaching", AlarmActions: []string{"a", "b"}, AlarmDescription: "d",
	}
	if change != nil {
		change(body)
	}
	return ir.Resource{ID: id, Name: "shop-dev-" + id, Body: body}
}

// changed is what a plan says of a resource that was applied by the stack's
// revision and then changed to what is live.
func changed(s *ir.Stack, applied, there ir.Resource) plan.Change {
	m := norm.MarkOf(s, &applied, norm.Of(applied.Body, nil, s.Account))
	return plan.Classify(s, &applied, &live.Resource{Key: applied.Key(), Body: there.Body, Tags: m.Tags()})
}

// What each change by hand does to an alarm.
func TestRisks(t *testing.T) {
	less := func(a *ir.MetricAlarm) { a.ComparisonOperator = "LessThanThreshold" }
	for name, c := range map[string]struct {
		base, change func(*ir.MetricAlarm)
		want         drift.Risk
	}{
		"threshold up":             {nil, func(a *ir.MetricAlarm) { a.Threshold = aws.Float64(50) }, drift.Blind},
		"threshold down":           {nil, func(a *ir.MetricAlarm) { a.Threshold = aws.Float64(1) }, drift.Noisy},
		"less, threshold up":       {less, func(a *ir.MetricAlarm) { less(a); a.Threshold = aws.Float64(50) }, drift.Noisy},
		"less, threshold down":     {less, func(a *ir.MetricAlarm) { less(a); a.Threshold = aws.Float64(1) }, drift.Blind},
		"comparison":               {nil, less, drift.Blind},
		"an action gone":           {nil, func(a *ir.MetricAlarm) { a.AlarmActions = []string{"a"} }, drift.Blind},
		"all actions gone":         {nil, func(a *ir.MetricAlarm) { a.AlarmActions = nil }, drift.Blind},
		"an action more":           {nil, func(a *ir.MetricAlarm) { a.AlarmActions = []string{"a", "b", "c"} }, drift.Noisy},
		"actions off":              {nil, func(a *ir.MetricAlarm) { a.ActionsEnabled = aws.Bool(false) }, drift.Blind},
		"actions on":               {func(a *ir.MetricAlarm) { a.ActionsEnabled = aws.Bool(false) }, nil, drift.Noisy},
		"OK action more":           {nil, func(a *ir.MetricAlarm) { a.OKActions = []string{"a"} }, drift.Changed},
		"more points must breach":  {nil, func(a *ir.MetricAlarm) { a.DatapointsToAlarm = 3 }, drift.Blind},
		"fewer points must breach": {nil, func(a *ir.MetricAlarm) { a.DatapointsToAlarm = 1 }, drift.Noisy},
		"longer period":            {nil, func(a *ir.MetricAlarm) { a.Period = 300 }, drift.Blind},
		"missing is ok":            {nil, func(a *ir.MetricAlarm) { a.TreatMissingData = "notBreaching" }, drift.Blind},
		"missing breaches":         {func(a *ir.MetricAlarm) { a.TreatMissingData = "missing" }, nil, drift.Noisy},
		"another metric":           {nil, func(a *ir.MetricAlarm) { a.MetricName = "Faults" }, drift.Blind},
		"description":              {nil, func(a *ir.MetricAlarm) { a.AlarmDescription = "mine" }, drift.Cosmetic},
	} {
		s := stack(1)
		p := &plan.Plan{Changes: []plan.Change{changed(s, alarm("a", c.base), alarm("a", c.change))}}
		r := drift.Of(p, time.Unix(0, 0))
		if len(r.Resources) != 1 || r.Resources[0].Risk != c.want || r.Counts.Drifted != 1 || r.ExitCode() != exit.No {
			t.Errorf("%s: %+v, want one drifted resource with the risk %s", name, r, c.want)
		}
	}
}

func group(days int32, protect bool) ir.Resource {
	return ir.Resource{ID: "app", Name: "/app", Body: &ir.LogGroup{RetentionInDays: days, DeletionProtectionEnabled: protect}, Retain: true}
}

func TestRisksOfLogGroups(t *testing.T) {
	for name, c := range map[string]struct {
		applied, live ir.Resource
		want          drift.Risk
	}{
		"kept shorter":   {group(30, false), group(1, false), drift.Blind},
		"no longer kept": {group(0, false), group(30, false), drift.Blind},
		"kept longer":    {group(30, false), group(90, false), drift.Changed},
		"kept for ever":  {group(30, false), group(0, false), drift.Changed},
		"protection off": {group(30, true), group(30, false), drift.Blind},
		"protection on":  {group(30, false), group(30, true), drift.Changed},
	} {
		p := &plan.Plan{Changes: []plan.Change{changed(stack(1), c.applied, c.live)}}
		if r := drift.Of(p, time.Unix(0, 0)); len(r.Resources) != 1 || r.Resources[0].Risk != c.want {
			t.Errorf("%s: %+v, want the risk %s", name, r.Resources, c.want)
		}
	}
}

// A field that the recipe has changed meanwhile was changed by nobody else.
func TestOnlyDriftOfMixedChanges(t *testing.T) {
	old, s := stack(1), stack(2)
	applied := alarm("a", nil)
	m := norm.MarkOf(old, &applied, norm.Of(applied.Body, nil, old.Account))
	wanted := alarm("a", func(a *ir.MetricAlarm) { a.Threshold = aws.Float64(7) })
	found := alarm("a", func(a *ir.MetricAlarm) { a.Period = 300 })
	c := plan.Classify(s, &wanted, &live.Resource{Key: wanted.Key(), Body: found.Body, Tags: m.Tags()})
	r := drift.Of(&plan.Plan{Changes: []plan.Change{c}}, time.Unix(0, 0))
	if len(r.Resources) != 1 || len(r.Resources[0].Fields) != 1 || r.Resources[0].Fields[0].Path != "Period" {
		t.Errorf("%+v", r.Resources)
	}
}

func TestText(t *testing.T) {
	s := stack(2)
	p := &plan.Plan{Stack: plan.Stack{Recipe: "shop", Env: "dev", Account: "000000000000", Region: "us-east-1", Rev: 2}, Notes: []string{"no X-Ray group was looked for: AccessDenied: no"}}
	same := alarm("same", nil)
	p.Changes = []plan.Change{
		changed(s, same, same),
		changed(s, alarm("described", nil), alarm("described", func(a *ir.MetricAlarm) { a.AlarmDescription = "mine" })),
		changed(s, alarm("loose", nil), alarm("loose", func(a *ir.MetricAlarm) { a.Threshold, a.AlarmActions = aws.Float64(50), nil })),
		plan.Classify(s, &ir.Resource{ID: "gone", Name: "shop-dev-gone", Body: &ir.MetricAlarm{}}, nil),
		{ID: "old", Kind: ir.QueryKind, Name: "shop/dev/old", Action: plan.Delete, Class: plan.Orphan, LiveHash: "x", Note: "no longer declared"},
	}
	var b strings.Builder
	for _, st := range []plan.Style{{}, {Color: true, ASCII: true}} {
		if err := drift.Of(p, time.Unix(0, 0)).WriteText(&b, st); err != nil {
			t.Fatal(err)
		}
		b.WriteString("----\n")
	}
	if err := drift.Of(p, time.Unix(0, 0)).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	b.WriteString("----\n")
	for _, changes := range [][]plan.Change{{changed(s, same, same)}, {plan.Classify(s, &same, nil)}} {
		r := drift.Of(&plan.Plan{Stack: p.Stack, Changes: changes}, time.Unix(0, 0))
		if err := r.WriteText(&b, plan.Style{}); err != nil {
			t.Fatal(err)
		}
		if want := changes[0].Class != plan.InSync; r.Drifted() != want || len(r.Resources) != 0 {
			t.Errorf("drifted %v with %+v, want %v", r.Drifted(), r.Resources, want)
		}
	}
	const file = "testdata/drift.txt"
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
