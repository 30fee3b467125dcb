package apply_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/sidelight-dev/sidelight/agent/recipe"
	"github.com/sidelight-dev/sidelight/agent/recipe/apply"
	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// over starts a sandbox and returns AWS's own clients for it.
func over(t *testing.T) (*cloudwatch.Client, plan.Clients, *sandbox.Server) {
	t.Helper()
	s := sandboxtest.New(t, func(o *sandbox.Options) {
		o.Clock = clock.NewFrozen(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	})
	cfg := sandboxtest.Config(s)
	cw := cloudwatch.NewFromConfig(cfg)
	return cw, plan.NewClients(cfg), s
}

// run applies a plan of the file and checks that the next plan is empty.
func run(t *testing.T, c plan.Clients, file string) *plan.Plan {
	t.Helper()
	s, ps := recipe.Load(file, recipe.Options{Env: "dev", Rev: 7})
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	p, err := plan.Make(t.Context(), c, s)
	if err != nil {
		t.Fatal(err)
	}
	carry(t, c, s, p)
	return p
}

// carry carries a plan of the stack out, with all its deletions, and checks that
// the next plan is empty.
func carry(t *testing.T, c plan.Clients, s *ir.Stack, p *plan.Plan) {
	t.Helper()
	r, err := apply.Run(t.Context(), c, p, apply.Options{AllowDelete: 10})
	if err != nil {
		t.Fatal(err)
	}
	if r.ExitCode() != exit.Done {
		t.Fatalf("apply: %+v", r.Steps)
	}
	again, err := plan.Make(t.Context(), c, s)
	if err != nil {
		t.Fatal(err)
	}
	if again.Changed() {
		var b strings.Builder
		_ = again.WriteText(&b, plan.Style{})
		t.Fatalf("the plan after the apply is not empty:\n%s", b.String())
	}
}

func TestSandboxEveryField(t *testing.T) {
	t.Parallel()
	_, c, _ := over(t)
	shared := &logs.CreateLogGroupInput{LogGroupName: aws.String("/ecs/shared")}
	if _, err := c.Logs.(*logs.Client).CreateLogGroup(t.Context(), shared); err != nil {
		t.Fatal(err)
	}
	if p := run(t, c, "../testdata/good/everything.yaml"); p.Summary.Create < 10 {
		t.Errorf("only %d alarms were made", p.Summary.Create)
	}
}

const example = "../../../examples/recipes/shop.yaml"

// The example raises its alarm and tells the topic.
func TestSandboxExampleFires(t *testing.T) {
	t.Parallel()
	cw, c, s := over(t)
	run(t, c, example)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		// In each minute, as the clock may run ahead of the evaluation.
		_, err := cw.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: []types.MetricDatum{{
			MetricName: aws.String("OrderErrors"), Value: aws.Float64(4), Timestamp: aws.Time(s.Clock().Now()),
			Dimensions: []types.Dimension{{Name: aws.String("service"), Value: aws.String("orders")}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Clock().Advance(time.Minute); err != nil {
			t.Fatal(err)
		}
		out, err := cw.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{"shop-dev-orders-errors"}})
		if err != nil {
			t.Fatal(err)
		}
		if out.MetricAlarms[0].StateValue == types.StateValueAlarm {
			break
		}
	}
	if err := s.Inbox().WaitTotal(ctx, 1); err != nil {
		t.Errorf("no notification: %v", err)
	}
}

// A drift is mended, a stranger stays, and a destroy leaves nothing but it.
func TestSandboxLifecycle(t *testing.T) {
	t.Parallel()
	cw, c, _ := over(t)
	stranger := &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String("shop-dev-stranger"), Namespace: aws.String("N"), MetricName: aws.String("M"), Statistic: types.StatisticSum,
		Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
	}
	if _, err := cw.PutMetricAlarm(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}
	run(t, c, example)

	s, _ := recipe.Load(example, recipe.Options{Rev: 7})
	for _, r := range s.Resources {
		if r.ID == "orders-errors" {
			body := *r.Body.(*ir.MetricAlarm)
			body.Threshold = aws.Float64(99)
			if _, err := cw.PutMetricAlarm(t.Context(), live.AlarmInput(r.Name, &body, nil)); err != nil {
				t.Fatal(err)
			}
		}
	}
	p, err := plan.Make(t.Context(), c, s)
	if err != nil {
		t.Fatal(err)
	}
	if p.Changes[0].Class != plan.Drift || p.Summary.Update != 1 || len(p.Changes[0].Fields) != 1 || !p.Changes[0].Fields[0].Drift {
		t.Fatalf("plan = %+v", p.Changes[0])
	}
	run(t, c, example)

	d, err := plan.MakeDestroy(t.Context(), c, s)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := apply.Run(t.Context(), c, d, apply.Options{Confirm: "shop/dev"}); err != nil || r.ExitCode() != exit.Done {
		t.Fatalf("destroy: %v", err)
	}
	out, err := cw.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
	if err != nil || len(out.MetricAlarms) != 1 || *out.MetricAlarms[0].AlarmName != "shop-dev-stranger" {
		t.Errorf("left: %+v, %v", out.MetricAlarms, err)
	}
}

// What a bad day brings on the wire: throttling, server errors, lost answers.
func TestSandboxFaults(t *testing.T) {
	t.Parallel()
	_, c, s := over(t)
	for _, r := range []fault.Rule{
		{Kind: fault.Throttle, Operation: "PutMetricAlarm", Count: 2},
		{Kind: fault.Error, Operation: "DescribeAlarms", Status: 503, Count: 1},
		{Kind: fault.DropBefore, Operation: "PutMetricAlarm", Count: 1},
		{Kind: fault.DropAfter, Operation: "PutMetricAlarm", Count: 1},
		{Kind: fault.Throttle, Operation: "ListTagsForResource", Count: 1},
	} {
		if _, err := s.Faults().Add(r); err != nil {
			t.Fatal(err)
		}
	}
	run(t, c, example)
	if left := s.Faults().List(); len(left) != 0 {
		t.Errorf("faults that nothing met: %+v", left)
	}
}
