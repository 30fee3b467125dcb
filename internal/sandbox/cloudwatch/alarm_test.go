package cloudwatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/cloudwatch"
)

// mustPut puts an alarm.
func (r *rig) mustPut(t *testing.T, in *sdk.PutMetricAlarmInput) {
	t.Helper()
	if _, err := r.PutMetricAlarm(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// minute records values in the current minute and evaluates at its end.
func (r *rig) minute(t *testing.T, values ...float64) {
	t.Helper()
	if len(values) > 0 {
		r.put(t, values...)
	}
	r.advance(t, time.Minute)
	r.EvaluateNow(t.Context())
}

func TestAlarmThereAndBack(t *testing.T) {
	r := newRig(t)
	r.mustPut(t, latencyAlarm())
	if got := r.alarmState(t, "latency"); got.StateValue != types.StateValueInsufficientData || *got.StateReason != "Unchecked: Initial alarm creation" {
		t.Errorf("a new alarm is %s (%s)", got.StateValue, *got.StateReason)
	}
	r.minute(t, 50)
	r.minute(t, 60)
	if got := r.alarmState(t, "latency"); got.StateValue != types.StateValueOk {
		t.Fatalf("after two good minutes: %s, want OK", got.StateValue)
	}
	r.minute(t, 200)
	if got := r.alarmState(t, "latency"); got.StateValue != types.StateValueOk {
		t.Fatalf("after one bad minute of two: %s, want OK", got.StateValue)
	}
	r.minute(t, 150, 250)
	got := r.alarmState(t, "latency")
	if got.StateValue != types.StateValueAlarm {
		t.Fatalf("after two bad minutes: %s, want ALARM", got.StateValue)
	}
	want := "Threshold Crossed: 2 out of the last 2 datapoints [200.0 (05/01/26 12:03:00), 200.0 (05/01/26 12:02:00)] " +
		"were greater than the threshold (100.0) (minimum 2 datapoints for OK -> ALARM transition)."
	if *got.StateReason != want {
		t.Errorf("reason:\n got %s\nwant %s", *got.StateReason, want)
	}
	if !strings.Contains(*got.StateReasonData, `"sampleCount":2.0,"value":200.0`) {
		t.Errorf("reason data %s does not have the newest datapoint with two samples", *got.StateReasonData)
	}
	r.minute(t, 10)
	if got := r.alarmState(t, "latency"); got.StateValue != types.StateValueOk || !got.StateUpdatedTimestamp.Equal(noon.Add(5*time.Minute)) {
		t.Errorf("after a good minute: %s at %v, want OK at 12:05", got.StateValue, got.StateUpdatedTimestamp)
	}
	var subjects []string
	for _, n := range r.sent.all() {
		subjects = append(subjects, n.Subject)
	}
	wantSubjects := []string{`OK: "latency" in US East (N. Virginia)`, `ALARM: "latency" in US East (N. Virginia)`, `OK: "latency" in US East (N. Virginia)`}
	if d := cmp.Diff(wantSubjects, subjects); d != "" {
		t.Errorf("notifications (-want +got):\n%s", d)
	}
}

func TestNotificationMessage(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.AlarmDescription, in.EvaluationPeriods, in.DatapointsToAlarm = aws.String("slow"), aws.Int32(1), aws.Int32(1)
	in.Dimensions = nil
	in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}, {Key: aws.String("cost"), Value: aws.String("7")}}
	in.ActionConfiguration = &types.ActionConfiguration{AlarmTagsPropagation: &types.AlarmTagsPropagation{Enabled: aws.Bool(true), IncludedTagKeys: []string{"team"}}}
	r.mustPut(t, in)
	r.minute(t, 500)
	sent := r.sent.all()
	if len(sent) != 1 || sent[0].Action != topic || sent[0].Alarm != "arn:aws:cloudwatch:us-east-1:000000000000:alarm:latency" || !sent[0].Time.Equal(noon.Add(time.Minute)) {
		t.Fatalf("sent %+v, want one to the topic at 12:01", sent)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(sent[0].Message), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"AlarmName": "latency", "AlarmDescription": "slow", "AWSAccountId": "000000000000",
		"AlarmConfigurationUpdatedTimestamp": "2026-01-05T12:00:00.000+0000",
		"NewStateValue":                      "ALARM", "OldStateValue": "INSUFFICIENT_DATA",
		"NewStateReason":  "Threshold Crossed: 1 out of the last 1 datapoints [500.0 (05/01/26 12:00:00)] was greater than the threshold (100.0) (minimum 1 datapoint for OK -> ALARM transition).",
		"StateChangeTime": "2026-01-05T12:01:00.000+0000", "Region": "US East (N. Virginia)",
		"AlarmArn":  "arn:aws:cloudwatch:us-east-1:000000000000:alarm:latency",
		"OKActions": []any{topic}, "AlarmActions": []any{topic}, "InsufficientDataActions": []any{},
		"Trigger": map[string]any{
			"MetricName": "latency", "Namespace": "App", "StatisticType": "Statistic", "Statistic": "AVERAGE",
			"Unit": nil, "Dimensions": []any{}, "Period": 60.0, "EvaluationPeriods": 1.0, "DatapointsToAlarm": 1.0,
			"ComparisonOperator": "GreaterThanThreshold", "Threshold": 100.0, "TreatMissingData": "",
			"EvaluateLowSampleCountPercentile": "",
		},
		"Tags": map[string]any{"team": "blue"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("message (-want +got):\n%s", d)
	}
}

func TestMathAlarm(t *testing.T) {
	r := newRig(t)
	stat := func(id, name string) types.MetricDataQuery {
		return types.MetricDataQuery{Id: aws.String(id), ReturnData: aws.Bool(false), MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: aws.String("App"), MetricName: aws.String(name)}, Period: aws.Int32(60), Stat: aws.String("Sum"),
		}}
	}
	r.mustPut(t, &sdk.PutMetricAlarmInput{
		AlarmName: aws.String("bad_pct"),
		Metrics: []types.MetricDataQuery{
			stat("requests", "requests"), stat("bad", "bad"),
			{Id: aws.String("bad_pct"), Label: aws.String("bad_pct"), ReturnData: aws.Bool(true), Expression: aws.String("IF(requests >= 50, 100 * bad / requests, 0)")},
		},
		Threshold: aws.Float64(5), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
		EvaluationPeriods: aws.Int32(2), DatapointsToAlarm: aws.Int32(2), TreatMissingData: aws.String("notBreaching"),
		AlarmActions: []string{topic},
	})
	minute := func(requests, bad float64) types.StateValue {
		t.Helper()
		_, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
			{MetricName: aws.String("requests"), Value: &requests}, {MetricName: aws.String("bad"), Value: &bad},
		}})
		if err != nil {
			t.Fatal(err)
		}
		r.minute(t)
		return r.alarmState(t, "bad_pct").StateValue
	}
	for i, step := range []struct {
		requests, bad float64
		want          types.StateValue
	}{
		{100, 0, "OK"},
		{100, 10, "OK"},
		{100, 10, "ALARM"},
		{10, 10, "OK"}, // the guard: too few requests to judge
		{100, 10, "OK"},
	} {
		if got := minute(step.requests, step.bad); got != step.want {
			t.Errorf("minute %d: %s, want %s", i, got, step.want)
		}
	}
	sent := r.sent.all()
	if len(sent) != 1 || !strings.Contains(sent[0].Message, `"Metrics":[{"Id":"requests","MetricStat":{"Metric":{"Dimensions":[],"MetricName":"requests","Namespace":"App"},"Period":60,"Stat":"Sum"},"ReturnData":false}`) {
		t.Errorf("sent %+v, want one message with the queries", sent)
	}
}

// TestRunKeepsTime lets the real loop evaluate on a moved clock: each minute of
// a jump of ten is evaluated as if it had passed slowly.
func TestRunKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.mustPut(t, latencyAlarm())
		for m, v := range []float64{10, 10, 500, 500, 500, 10, 10, 10} {
			r.putAt(t, noon.Add(time.Duration(m)*time.Minute), v)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		synctest.Wait()
		r.advance(t, 10*time.Minute)
		synctest.Wait()
		out, err := r.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{
			HistoryItemType: types.HistoryItemTypeStateUpdate, ScanBy: types.ScanByTimestampAscending,
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range out.AlarmHistoryItems {
			got = append(got, item.Timestamp.Format("15:04")+" "+*item.HistorySummary)
		}
		want := []string{
			"12:01 Alarm updated from INSUFFICIENT_DATA to OK",
			"12:04 Alarm updated from OK to ALARM",
			"12:06 Alarm updated from ALARM to OK",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("history (-want +got):\n%s", d)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}

// TestEvaluateEvery reacts to data that arrives late in a minute.
func TestEvaluateEvery(t *testing.T) {
	for name, tt := range map[string]struct {
		every time.Duration
		want  types.StateValue
	}{"off": {0, types.StateValueInsufficientData}, "each second": {time.Second, types.StateValueAlarm}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(o *cloudwatch.Options) { o.EvaluateEvery = tt.every })
				in := latencyAlarm()
				in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(1), nil
				r.mustPut(t, in)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- r.Run(ctx) }()
				r.advance(t, 61*time.Second)
				synctest.Wait()
				r.putAt(t, noon, 500) // of the minute that is over
				r.advance(t, 3*time.Second)
				synctest.Wait()
				if got := r.alarmState(t, "latency").StateValue; got != tt.want {
					t.Errorf("state = %s, want %s", got, tt.want)
				}
				cancel()
				<-done
			})
		})
	}
}

func TestHighResolutionAlarm(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.Period, in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(10), aws.Int32(1), aws.Int32(1)
	r.mustPut(t, in)
	put := func(v float64) {
		_, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
			{MetricName: aws.String("latency"), Value: &v, StorageResolution: aws.Int32(1)},
		}})
		if err != nil {
			t.Fatal(err)
		}
		r.advance(t, 10*time.Second)
		r.EvaluateNow(t.Context())
	}
	for _, step := range []struct {
		value float64
		want  types.StateValue
	}{{500, "ALARM"}, {5, "OK"}, {500, "ALARM"}} {
		put(step.value)
		if got := r.alarmState(t, "latency").StateValue; got != step.want {
			t.Errorf("after %v: %s, want %s", step.value, got, step.want)
		}
	}
}

func TestActionsDisabled(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(1), aws.Int32(1)
	r.mustPut(t, in)
	if _, err := r.DisableAlarmActions(t.Context(), &sdk.DisableAlarmActionsInput{AlarmNames: []string{"latency", "other"}}); err != nil {
		t.Fatal(err)
	}
	r.minute(t, 500)
	if got := r.alarmState(t, "latency"); got.StateValue != types.StateValueAlarm || *got.ActionsEnabled {
		t.Errorf("state = %s, enabled %v, want ALARM and false", got.StateValue, *got.ActionsEnabled)
	}
	if n := len(r.sent.all()); n != 0 {
		t.Errorf("%d notifications, want none", n)
	}
	if _, err := r.EnableAlarmActions(t.Context(), &sdk.EnableAlarmActionsInput{AlarmNames: []string{"latency"}}); err != nil {
		t.Fatal(err)
	}
	r.minute(t, 5)
	if n := len(r.sent.all()); n != 1 {
		t.Errorf("%d notifications after enabling, want 1", n)
	}
}

// TestScalingRepeats: of all actions only those of Auto Scaling repeat, once a
// minute.
func TestScalingRepeats(t *testing.T) {
	const policy = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1-2:resource/ecs/service/c/s:policyName/up"
	r := newRig(t)
	in := latencyAlarm()
	in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(1), aws.Int32(1)
	in.AlarmActions = []string{topic, policy}
	r.mustPut(t, in)
	for range 3 {
		r.minute(t, 500)
		r.EvaluateNow(t.Context()) // twice in a minute
	}
	count := map[string]int{}
	for _, n := range r.sent.all() {
		count[n.Action]++
	}
	if d := cmp.Diff(map[string]int{topic: 1, policy: 3}, count); d != "" {
		t.Errorf("actions (-want +got):\n%s", d)
	}
}

func TestFailedAction(t *testing.T) {
	r := newRig(t)
	r.sent.fail = errors.New("no such topic")
	in := latencyAlarm()
	in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(1), aws.Int32(1)
	r.mustPut(t, in)
	r.minute(t, 500)
	out, err := r.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{HistoryItemType: types.HistoryItemTypeAction})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.AlarmHistoryItems) != 1 {
		t.Fatalf("%d action items, want 1", len(out.AlarmHistoryItems))
	}
	item := out.AlarmHistoryItems[0]
	if want := `Failed to execute action ` + topic + `. Received error: "no such topic"`; *item.HistorySummary != want {
		t.Errorf("summary = %s, want %s", *item.HistorySummary, want)
	}
	if !strings.Contains(*item.HistoryData, `"actionState":"Failed"`) {
		t.Errorf("data = %s, want a failure", *item.HistoryData)
	}
}
