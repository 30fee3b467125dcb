package cloudwatch_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

// An alarm that is muted from 12:02 to 12:05: what becomes of its actions when the
// rule ends depends on the state that it is in then.
func TestMuteEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		values []float64 // of a minute each
		want   string    // who is told, and after which minute
	}{
		"still in ALARM":     {[]float64{1, 500, 500, 500, 500}, "1 OK, 5 ALARM"},
		"back in OK":         {[]float64{1, 500, 1, 1, 1}, "1 OK"},
		"to and fro":         {[]float64{1, 500, 1, 500, 500}, "1 OK, 5 ALARM"},
		"out of ALARM":       {[]float64{500, 1, 1, 1, 1}, "1 ALARM, 5 OK"},
		"ALARM at its end":   {[]float64{1, 1, 1, 1, 500}, "1 OK, 5 ALARM"},
		"OK at its end":      {[]float64{1, 500, 500, 500, 1}, "1 OK, 5 OK"},
		"never out of ALARM": {[]float64{500, 500, 500, 500, 500}, "1 ALARM"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			in := latencyAlarm()
			in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(1), aws.Int32(1)
			r.mustPut(t, in)
			_, err := r.PutAlarmMuteRule(t.Context(), &sdk.PutAlarmMuteRuleInput{
				Name: aws.String("m"), MuteTargets: &types.MuteTargets{AlarmNames: []string{"latency"}},
				Rule: &types.Rule{Schedule: &types.Schedule{Expression: aws.String("at(2026-01-05T12:02)"), Duration: aws.String("PT3M")}},
			})
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			for i, v := range tc.values {
				before := len(r.sent.all())
				r.minute(t, v)
				for _, n := range r.sent.all()[before:] {
					told = append(told, string(rune('1'+i))+" "+strings.SplitN(n.Subject, ":", 2)[0])
				}
			}
			if d := cmp.Diff(tc.want, strings.Join(told, ", ")); d != "" {
				t.Errorf("told (-want +got):\n%s", d)
			}
		})
	}
}

// What a mute rule has kept outlives a restart.
func TestHeldOutlives(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.EvaluationPeriods, in.DatapointsToAlarm, in.TreatMissingData = aws.Int32(1), aws.Int32(1), aws.String("ignore")
	r.mustPut(t, in)
	_, err := r.PutAlarmMuteRule(t.Context(), &sdk.PutAlarmMuteRuleInput{
		Name: aws.String("m"), MuteTargets: &types.MuteTargets{AlarmNames: []string{"latency"}},
		Rule: &types.Rule{Schedule: &types.Schedule{Expression: aws.String("at(2026-01-05T12:00)"), Duration: aws.String("PT3M")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.minute(t, 500)
	again := newRig(t)
	copyState(t, r, again)
	var told []int
	for range 4 {
		again.minute(t)
		told = append(told, len(again.sent.all()))
	}
	if d := cmp.Diff([]int{0, 0, 1, 1}, told); d != "" {
		t.Errorf("notifications by minute (-want +got):\n%s", d)
	}
}
