package cloudwatch_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

func TestWarmUp(t *testing.T) {
	for name, tt := range map[string]struct {
		strict bool
		want   string // first letter of the state after each minute
	}{"ends with data": {false, "IOAA"}, "strict": {true, "IIIA"}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			in := latencyAlarm()
			in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(2), aws.Int32(2)
			in.WarmUpConfiguration = &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: aws.Int32(4), OnlyStartEvaluatingAfterWarmUpPeriodEnds: &tt.strict}
			r.mustPut(t, in)
			if got := r.alarmState(t, "latency").EvaluationState; got != "IN_WARM_UP" {
				t.Errorf("evaluation state = %q, want IN_WARM_UP", got)
			}
			got := ""
			for _, v := range []float64{1, 500, 500, 500} {
				r.minute(t, v)
				got += string(r.alarmState(t, "latency").StateValue[0])
			}
			if got != tt.want {
				t.Errorf("states = %s, want %s", got, tt.want)
			}
			if got := r.alarmState(t, "latency").EvaluationState; got != "" {
				t.Errorf("evaluation state = %q after the warm-up", got)
			}
		})
	}
}

func TestSetAlarmState(t *testing.T) {
	r := newRig(t)
	r.mustPut(t, latencyAlarm())
	set := func(in sdk.SetAlarmStateInput) error {
		in.AlarmName = aws.String(cmpOr(aws.ToString(in.AlarmName), "latency"))
		_, err := r.SetAlarmState(t.Context(), &in)
		return err
	}
	if err := set(sdk.SetAlarmStateInput{StateValue: "ALARM", StateReason: aws.String("drill"), StateReasonData: aws.String(`{"a":1}`)}); err != nil {
		t.Fatal(err)
	}
	if got := r.alarmState(t, "latency"); got.StateValue != types.StateValueAlarm || *got.StateReason != "drill" || *got.StateReasonData != `{"a":1}` {
		t.Errorf("state = %s, %s, %s", got.StateValue, *got.StateReason, *got.StateReasonData)
	}
	if err := set(sdk.SetAlarmStateInput{StateValue: "ALARM", StateReason: aws.String("again")}); err != nil {
		t.Fatal(err)
	}
	if n := len(r.sent.all()); n != 1 {
		t.Errorf("%d notifications, want 1: the second call changes nothing", n)
	}
	r.minute(t, 1)
	r.minute(t, 1)
	if got := r.alarmState(t, "latency").StateValue; got != types.StateValueOk {
		t.Errorf("the next evaluations leave %s, want OK", got)
	}
	for name, tt := range map[string]struct {
		in   sdk.SetAlarmStateInput
		want string
	}{
		"unknown alarm": {sdk.SetAlarmStateInput{AlarmName: aws.String("nope"), StateValue: "OK", StateReason: aws.String("x")}, "ResourceNotFound"},
		"bad JSON":      {sdk.SetAlarmStateInput{StateValue: "OK", StateReason: aws.String("x"), StateReasonData: aws.String("{")}, "InvalidFormatFault"},
		"bad state":     {sdk.SetAlarmStateInput{StateValue: "FINE", StateReason: aws.String("x")}, "ValidationError"},
		"no reason":     {sdk.SetAlarmStateInput{StateValue: "OK"}, "ValidationError"},
		"long reason":   {sdk.SetAlarmStateInput{StateValue: "OK", StateReason: aws.String(strings.Repeat("x", 1024))}, "ValidationError"},
	} {
		if got := refusal(t, set(tt.in)).Shape; got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func TestUpdateKeepsStateAndTags(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}
	r.mustPut(t, in)
	r.minute(t, 500)
	r.minute(t, 500)
	update := latencyAlarm()
	update.Threshold, update.OKActions = aws.Float64(1000), nil
	update.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("red")}}
	r.mustPut(t, update)
	got := r.alarmState(t, "latency")
	if got.StateValue != types.StateValueAlarm || *got.Threshold != 1000 || len(got.OKActions) != 0 {
		t.Errorf("after the update: %s, threshold %v, %d actions; want ALARM, 1000, none", got.StateValue, *got.Threshold, len(got.OKActions))
	}
	tags, err := r.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: got.AlarmArn})
	if err != nil {
		t.Fatal(err)
	}
	if len(tags.Tags) != 1 || *tags.Tags[0].Value != "blue" {
		t.Errorf("tags = %+v, want the first ones", tags.Tags)
	}
}
