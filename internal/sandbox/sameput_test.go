package sandbox_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// TestSameAlarmAgainIsNoUpdate puts alarms, and an hour later the same again: all
// that is described of them stays, the time of the update and the history too. A change is an update.
func TestSameAlarmAgainIsNoUpdate(t *testing.T) {
	at := clock.NewFrozen(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	c := clientsIn(t, sandboxtest.New(t, func(o *sandbox.Options) { o.Clock = at })).metrics
	threshold := 100.0
	put := func() {
		metric := plainAlarm()
		metric.AlarmName, metric.Threshold, metric.WarmUpConfiguration = ptr("metric"), &threshold, nil
		mustGet(c.PutMetricAlarm(t.Context(), metric))(t)
		mustGet(c.PutCompositeAlarm(t.Context(), &cloudwatch.PutCompositeAlarmInput{
			AlarmName: ptr("composite"), AlarmRule: ptr("ALARM(metric)"), AlarmActions: topics("a"),
		}))(t)
		logs := fullLogAlarm()
		logs.Threshold = &threshold
		mustGet(c.PutLogAlarm(t.Context(), logs))(t)
	}
	updates := func() int {
		return len(mustGet(c.DescribeAlarmHistory(t.Context(), &cloudwatch.DescribeAlarmHistoryInput{
			HistoryItemType: cwtypes.HistoryItemTypeConfigurationUpdate, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm, cwtypes.AlarmTypeLogAlarm},
		}))(t).AlarmHistoryItems)
	}
	described := func() map[string]any {
		all := flat(mustGet(c.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{
			AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm, cwtypes.AlarmTypeLogAlarm},
		}))(t))
		// The state is evaluated meanwhile.
		maps.DeleteFunc(all, func(path string, _ any) bool { return strings.Contains(path, "State") })
		return all
	}
	put()
	if err := at.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	first := described()
	put()
	if n := updates(); n != 3 {
		t.Errorf("%d creations and updates are in the history, want 3", n)
	}
	if d := cmp.Diff(first, described()); d != "" {
		t.Errorf("the same again changes something (-first +second):\n%s", d)
	}
	threshold = 200
	put()
	if n := updates(); n != 5 {
		t.Errorf("%d creations and updates are in the history after a change, want 5", n)
	}
	if cmp.Equal(first["MetricAlarms[0].AlarmConfigurationUpdatedTimestamp"], described()["MetricAlarms[0].AlarmConfigurationUpdatedTimestamp"]) {
		t.Error("the change has not the time of an update")
	}
}
