package sandbox_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// TestSeedDemo looks at the day as a person would: the incident shows in logs,
// metrics and traces.
func TestSeedDemo(t *testing.T) {
	s := sandboxtest.New(t)
	if err := s.SeedDemo(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, conf := t.Context(), sandboxtest.Config(s)
	logs, metrics, traces := cwl.NewFromConfig(conf), cloudwatch.NewFromConfig(conf), xray.NewFromConfig(conf)
	failed := good(logs.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: aws.String("/shop/orders"), FilterPattern: aws.String(`{ $.level = "error" }`)}))(t)
	if n := len(failed.Events); n < 10 {
		t.Errorf("%d orders failed", n)
	}
	incident := time.Now().Add(-3 * time.Hour)
	in := &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("Shop"), MetricName: aws.String("Latency"), Dimensions: []cwtypes.Dimension{{Name: aws.String("Route"), Value: aws.String("POST /orders")}},
		StartTime: aws.Time(incident.Add(-time.Minute)), EndTime: aws.Time(incident.Add(19 * time.Minute)), Period: aws.Int32(1200), ExtendedStatistics: []string{"p90"},
	}
	slow := good(metrics.GetMetricStatistics(ctx, in))(t)
	in.StartTime, in.EndTime = aws.Time(incident.Add(-2*time.Hour)), aws.Time(incident.Add(-time.Hour))
	usual := good(metrics.GetMetricStatistics(ctx, in))(t)
	if len(slow.Datapoints) == 0 || len(usual.Datapoints) == 0 || slow.Datapoints[0].ExtendedStatistics["p90"] < 2*usual.Datapoints[0].ExtendedStatistics["p90"] {
		t.Errorf("p90 in the incident is %v, before %v", slow.Datapoints, usual.Datapoints)
	}
	graph := good(traces.GetServiceGraph(ctx, &xray.GetServiceGraphInput{StartTime: aws.Time(incident.Add(-2 * time.Minute)), EndTime: aws.Time(incident.Add(18 * time.Minute))}))(t)
	names := map[string]bool{}
	for _, n := range graph.Services {
		names[aws.ToString(n.Name)] = true
	}
	for _, want := range []string{"storefront", "orders", "payments", "card gateway"} {
		if !names[want] {
			t.Errorf("the map lacks %s: %v", want, names)
		}
	}
	told := good(metrics.DescribeAlarmHistory(ctx, &cloudwatch.DescribeAlarmHistoryInput{
		AlarmName: aws.String("shop-orders"), AlarmTypes: []cwtypes.AlarmType{"CompositeAlarm"}, HistoryItemType: cwtypes.HistoryItemTypeStateUpdate, ScanBy: cwtypes.ScanByTimestampAscending,
	}))(t).AlarmHistoryItems
	var changes []string
	for _, h := range told {
		changes = append(changes, (*h.HistorySummary)[len("Alarm updated from "):])
	}
	if want := []string{"INSUFFICIENT_DATA to OK", "OK to ALARM", "ALARM to OK"}; !slices.Equal(changes, want) {
		t.Errorf("the alarm went from %q, want %q", changes, want)
	} else if at := told[1].Timestamp; at.Before(incident.Add(-time.Minute)) || at.After(incident.Add(21*time.Minute)) {
		t.Errorf("the alarm went off at %v, the incident began at %v", at, incident)
	}
	if s.Inbox().Total() < 3 {
		t.Errorf("the inbox has %d notifications", s.Inbox().Total())
	}
	if err := s.SeedDemo(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
	if again := good(logs.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: aws.String("/shop/orders"), FilterPattern: aws.String(`{ $.level = "error" }`)}))(t); len(again.Events) != len(failed.Events) {
		t.Errorf("seeded again, %d orders failed", len(again.Events))
	}
	if out := fmt.Sprint(good(metrics.ListDashboards(ctx, &cloudwatch.ListDashboardsInput{}))(t).DashboardEntries); out == "[]" {
		t.Error("there is no dashboard")
	}
}
