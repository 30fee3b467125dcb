package cloudwatch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// exported compares without the fields that are not exported.
var exported = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && f.Name() == "noSmithyDocumentSerde"
}, cmp.Ignore())

func TestAlarmDefaults(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.DatapointsToAlarm, in.AlarmActions, in.OKActions = nil, nil, nil
	r.mustPut(t, in)
	got := r.alarmState(t, "latency")
	if !*got.ActionsEnabled || got.AlarmActions == nil || got.Dimensions == nil || got.DatapointsToAlarm != nil {
		t.Errorf("enabled %v, actions %v, dimensions %v, datapoints %v; want true, [], [], none",
			*got.ActionsEnabled, got.AlarmActions, got.Dimensions, got.DatapointsToAlarm)
	}
	if want := "arn:aws:cloudwatch:us-east-1:000000000000:alarm:latency"; *got.AlarmArn != want {
		t.Errorf("ARN = %s, want %s", *got.AlarmArn, want)
	}
}
