package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

func seedCommand(ts *testscript.TestScript, _ bool, args []string) {
	cfg := sandboxtest.Config(scriptSandbox(ts))
	seeds := map[string]func(context.Context, aws.Config) error{"logs": seedLogs, "traces": seedTraces, "metrics": seedMetrics, "alarms": seedAlarms}
	for _, what := range args {
		seed, ok := seeds[what]
		if !ok {
			ts.Fatalf("unknown seed %q", what)
		}
		ts.Check(seed(context.Background(), cfg))
	}
}

// seedTraceID is the ID of trace i, of the two that there are.
func seedTraceID(i int) string { return fmt.Sprintf("1-69a429c0-%024x", i) }

// seedLogs writes six events to each of two groups, ten seconds apart, the last
// at 11:59:50.
func seedLogs(ctx context.Context, cfg aws.Config) error {
	client := cloudwatchlogs.NewFromConfig(cfg)
	for _, group := range []string{"/ecs/orders", "/ecs/payments"} {
		if _, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil {
			return err
		}
		stream := "web/1"
		if _, err := client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream}); err != nil {
			return err
		}
		in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream}
		for i := range 6 {
			level := []string{"INFO", "ERROR"}[i%2]
			text := fmt.Sprintf(`{"level":%q,"route":"/r%d","ms":%d,"trace_id":%q}`, level, i%3, 10*i, seedTraceID(i%2))
			at := noon().Add(time.Duration(i-6) * 10 * time.Second)
			in.LogEvents = append(in.LogEvents, logtypes.InputLogEvent{Message: &text, Timestamp: aws.Int64(at.UnixMilli())})
		}
		if _, err := client.PutLogEvents(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// seedTraces writes two traces of two services; the second, at 11:56, fails.
func seedTraces(ctx context.Context, cfg aws.Config) error {
	client := xray.NewFromConfig(cfg)
	for i := range 2 {
		start := float64(noon().Add(time.Duration(i-5) * time.Minute).Unix())
		status := []int{200, 500}[i]
		docs := []string{
			fmt.Sprintf(`{"name":"orders","id":"a%015x","trace_id":%q,"start_time":%.3f,"end_time":%.3f,"fault":%v,
				"aws":{"cloudwatch_logs":[{"log_group":"/ecs/orders"}]},
				"http":{"request":{"method":"POST","url":"http://shop/orders"},"response":{"status":%d}},
				"subsegments":[{"name":"payments","id":"b%015x","namespace":"remote","start_time":%.3f,"end_time":%.3f}]}`,
				i, seedTraceID(i), start, start+0.5, status == 500, status, i, start+0.1, start+0.4),
			fmt.Sprintf(`{"name":"payments","id":"d%015x","parent_id":"b%015x","trace_id":%q,"start_time":%.3f,"end_time":%.3f,
				"http":{"request":{"method":"POST","url":"http://pay/charge"},"response":{"status":200}}}`,
				i, i, seedTraceID(i), start+0.15, start+0.35),
		}
		out, err := client.PutTraceSegments(ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: docs})
		if err != nil || len(out.UnprocessedTraceSegments) > 0 {
			return fmt.Errorf("put segments: %v, %v", err, out)
		}
	}
	return nil
}

// seedMetrics writes a value each minute from 11:50 to 11:59 to two series.
func seedMetrics(ctx context.Context, cfg aws.Config) error {
	client := cloudwatch.NewFromConfig(cfg)
	for i := range 10 {
		for _, route := range []string{"/cart", "/pay"} {
			datum := cwtypes.MetricDatum{
				MetricName: aws.String("ms"), Value: aws.Float64(float64(100 * (i + 1))), Timestamp: aws.Time(noon().Add(time.Duration(i-10) * time.Minute)),
				Dimensions: []cwtypes.Dimension{{Name: aws.String("route"), Value: &route}},
			}
			if _, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: []cwtypes.MetricDatum{datum}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// seedAlarms makes an alarm that is quiet and one that is in alarm.
func seedAlarms(ctx context.Context, cfg aws.Config) error {
	client := cloudwatch.NewFromConfig(cfg)
	for _, name := range []string{"shop-slow", "shop-errors"} {
		_, err := client.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
			AlarmName: &name, Namespace: aws.String("Shop"), MetricName: aws.String("ms"), Statistic: cwtypes.StatisticAverage, Period: aws.Int32(60),
			EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold,
		})
		if err != nil {
			return err
		}
	}
	_, err := client.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("shop-slow"), StateValue: cwtypes.StateValueAlarm, StateReason: aws.String("three values over 1")})
	return err
}
