package cloudwatch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// newClient starts a sandbox on a frozen clock and returns AWS's own client.
func newClient(t *testing.T) (*sdk.Client, *sandbox.Server) {
	t.Helper()
	s := sandboxtest.New(t, func(o *sandbox.Options) { o.Clock = clock.NewFrozen(noon) })
	return sdk.NewFromConfig(sandboxtest.Config(s)), s
}

// TestClientAlarm goes from OK to ALARM and back over the wire, with the loop of
// the server evaluating.
func TestClientAlarm(t *testing.T) {
	c, s := newClient(t)
	ctx := t.Context()
	in := latencyAlarm()
	in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(1), aws.Int32(1)
	if _, err := c.PutMetricAlarm(ctx, in); err != nil {
		t.Fatal(err)
	}
	waiter := func(n int) {
		t.Helper()
		wait, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		if err := s.Inbox().WaitTotal(wait, n); err != nil {
			t.Fatalf("wait for notification %d: %v", n, err)
		}
	}
	for i, v := range []float64{1, 500, 2} {
		_, err := c.PutMetricData(ctx, &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
			{MetricName: aws.String("latency"), Values: []float64{v}, Counts: []float64{3}, Timestamp: aws.Time(s.Clock().Now())},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Clock().Advance(time.Minute); err != nil {
			t.Fatal(err)
		}
		waiter(i + 1)
	}
	out, err := c.DescribeAlarmHistory(ctx, &sdk.DescribeAlarmHistoryInput{AlarmName: aws.String("latency"), HistoryItemType: types.HistoryItemTypeStateUpdate})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, item := range out.AlarmHistoryItems {
		got = append(got, *item.HistorySummary)
	}
	want := []string{"Alarm updated from ALARM to OK", "Alarm updated from OK to ALARM", "Alarm updated from INSUFFICIENT_DATA to OK"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
}

func TestClientMetrics(t *testing.T) {
	c, _ := newClient(t)
	ctx := t.Context()
	_, err := c.PutMetricData(ctx, &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
		{MetricName: aws.String("size"), StatisticValues: &types.StatisticSet{SampleCount: aws.Float64(4), Sum: aws.Float64(10), Minimum: aws.Float64(1), Maximum: aws.Float64(4)}, Unit: types.StandardUnitBytes},
		{MetricName: aws.String("latency"), Values: []float64{1, 2, 3}, Counts: []float64{1, 1, 2}, Dimensions: []types.Dimension{{Name: aws.String("h"), Value: aws.String("a")}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := c.GetMetricData(ctx, &sdk.GetMetricDataInput{
		StartTime: aws.Time(noon.Add(-time.Minute)), EndTime: aws.Time(noon.Add(time.Minute)),
		MetricDataQueries: []types.MetricDataQuery{
			{Id: aws.String("m1"), MetricStat: &types.MetricStat{Stat: aws.String("p50"), Period: aws.Int32(60), Metric: &types.Metric{
				Namespace: aws.String("App"), MetricName: aws.String("latency"), Dimensions: []types.Dimension{{Name: aws.String("h"), Value: aws.String("a")}},
			}}},
			{Id: aws.String("e1"), Expression: aws.String("m1 * 10"), Label: aws.String("times ten, max ${MAX}")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		label string
		value float64
	}{{"latency", 2}, {"times ten, max 20", 20}} {
		res := data.MetricDataResults[i]
		if *res.Label != want.label || len(res.Values) != 1 || res.Values[0] != want.value || !res.Timestamps[0].Equal(noon) || res.StatusCode != types.StatusCodeComplete {
			t.Errorf("result %d = %s %v %v %s, want %s %v at noon", i, *res.Label, res.Values, res.Timestamps, res.StatusCode, want.label, want.value)
		}
	}
	stats, err := c.GetMetricStatistics(ctx, &sdk.GetMetricStatisticsInput{
		Namespace: aws.String("App"), MetricName: aws.String("size"), Period: aws.Int32(60),
		StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(time.Minute)), Statistics: []types.Statistic{types.StatisticAverage, types.StatisticMaximum},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(stats.Datapoints) != 1 || *stats.Datapoints[0].Average != 2.5 || *stats.Datapoints[0].Maximum != 4 || stats.Datapoints[0].Unit != types.StandardUnitBytes {
		t.Errorf("statistics = %+v, want average 2.5 and maximum 4 in bytes", stats.Datapoints)
	}
}

// TestClientErrors checks that the client sees AWS's error types.
func TestClientErrors(t *testing.T) {
	c, _ := newClient(t)
	ctx := t.Context()
	_, err := c.PutMetricData(ctx, &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
		{MetricName: aws.String("n"), Value: aws.Float64(1), Values: []float64{1}},
	}})
	if _, ok := errors.AsType[*types.InvalidParameterCombinationException](err); !ok {
		t.Errorf("PutMetricData: %v, want InvalidParameterCombinationException", err)
	}
	_, err = c.SetAlarmState(ctx, &sdk.SetAlarmStateInput{AlarmName: aws.String("x"), StateValue: "OK", StateReason: aws.String("y")})
	if _, ok := errors.AsType[*types.ResourceNotFound](err); !ok {
		t.Errorf("SetAlarmState: %v, want ResourceNotFound", err)
	}
	_, err = c.TagResource(ctx, &sdk.TagResourceInput{ResourceARN: aws.String("arn:aws:cloudwatch:us-east-1:000000000000:alarm:x"), Tags: []types.Tag{}})
	if e, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || aws.ToString(e.ResourceType) != "alarm" {
		t.Errorf("TagResource: %v, want ResourceNotFoundException of an alarm", err)
	}
	_, err = c.PutDashboard(ctx, &sdk.PutDashboardInput{DashboardName: aws.String("d"), DashboardBody: aws.String(`{"widgets":[{"type":"hologram","properties":{}}]}`)})
	if e, ok := errors.AsType[*types.DashboardInvalidInputError](err); !ok || len(e.DashboardValidationMessages) != 1 || *e.DashboardValidationMessages[0].DataPath != "/widgets/0/type" {
		t.Errorf("PutDashboard: %v, want DashboardInvalidInputError at /widgets/0/type", err)
	}
	_, err = c.GetDashboard(ctx, &sdk.GetDashboardInput{DashboardName: aws.String("d")})
	if _, ok := errors.AsType[*types.DashboardNotFoundError](err); !ok {
		t.Errorf("GetDashboard: %v, want DashboardNotFoundError", err)
	}
}
