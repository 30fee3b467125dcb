package cloudwatch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

// contributing are the contributors of an alarm in ALARM, as "a=b …", sorted.
func (r *rig) contributing(t *testing.T, name string) []string {
	t.Helper()
	out, err := r.DescribeAlarmContributors(t.Context(), &sdk.DescribeAlarmContributorsInput{AlarmName: &name})
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, c := range out.AlarmContributors {
		if *c.ContributorId == "" || *c.StateReason == "" || c.StateTransitionedTimestamp == nil {
			t.Errorf("contributor %+v", c)
		}
		list = append(list, strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(c.ContributorAttributes), "map["), "]"))
	}
	slices.Sort(list)
	return list
}

// byHost records latency of hosts now.
func (r *rig) byHost(t *testing.T, values map[string]float64) {
	t.Helper()
	for host, v := range values {
		_, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{{
			MetricName: aws.String("latency"), Value: &v, Timestamp: aws.Time(r.clock.Now()),
			Dimensions: []types.Dimension{{Name: aws.String("host"), Value: &host}, {Name: aws.String("zone"), Value: aws.String("z")}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// An alarm on a query by host: each host goes into ALARM and out of it, and the
// alarm is in ALARM while one is.
func TestContributors(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(1), aws.Int32(1)
	in.AlarmActions = append(in.AlarmActions, "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:x:autoScalingGroupName/g:policyName/p")
	q := expressionQuery("q", "SELECT MAX(latency) FROM App GROUP BY host, zone", true)
	q.Period = aws.Int32(60)
	watching(q)(in)
	r.mustPut(t, in)
	steps := []struct {
		values map[string]float64
		state  types.StateValue
		want   []string
		reason string
	}{
		{map[string]float64{"a": 1, "b": 2}, "OK", []string{}, "0 of 2"},
		{map[string]float64{"a": 500, "b": 2}, "ALARM", []string{"host:a zone:z"}, "1 of 2"},
		{map[string]float64{"a": 500, "b": 300}, "ALARM", []string{"host:a zone:z", "host:b zone:z"}, "1 of 2"},
		{map[string]float64{"a": 1, "b": 300, "c": 1}, "ALARM", []string{"host:b zone:z"}, "1 of 2"},
		{map[string]float64{"a": 1, "b": 2, "c": 1}, "OK", []string{}, "0 of 3"},
	}
	for i, step := range steps {
		r.byHost(t, step.values)
		r.advance(t, time.Minute)
		r.EvaluateNow(t.Context())
		got := r.alarmState(t, "latency")
		if got.StateValue != step.state || !strings.HasPrefix(*got.StateReason, step.reason) {
			t.Errorf("step %d: %s, %q, want %s, %q", i, got.StateValue, *got.StateReason, step.state, step.reason)
		}
		if d := cmp.Diff(step.want, r.contributing(t, "latency")); d != "" {
			t.Errorf("step %d (-want +got):\n%s", i, d)
		}
	}
	var kinds []string
	out, err := r.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{AlarmName: aws.String("latency"), ScanBy: types.ScanByTimestampAscending, MaxRecords: aws.Int32(100)})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range out.AlarmHistoryItems {
		kinds = append(kinds, fmt.Sprint(h.HistoryItemType, " ", h.AlarmContributorAttributes["host"]))
	}
	want := []string{
		"ConfigurationUpdate ", "StateUpdate ", "Action ",
		"AlarmContributorStateUpdate a", "StateUpdate ", "AlarmContributorAction a", "Action ", "Action ",
		"AlarmContributorStateUpdate b", "AlarmContributorAction b", "Action ",
		"AlarmContributorStateUpdate a", "AlarmContributorAction a", "Action ",
		"AlarmContributorStateUpdate b", "StateUpdate ", "AlarmContributorAction b", "Action ",
	}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Errorf("history (-want +got):\n%s", d)
	}
	id := out.AlarmHistoryItems[3].AlarmContributorId
	some, err := r.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{AlarmContributorId: id})
	if err != nil || len(some.AlarmHistoryItems) != 4 {
		t.Errorf("history of a contributor: %d items, %v", len(some.AlarmHistoryItems), err)
	}
	if m := r.sent.all()[1].Message; !strings.Contains(m, `"AlarmContributorAttributes":{"host":"a","zone":"z"}`) || !strings.Contains(m, `"NewStateValue":"ALARM"`) {
		t.Errorf("the message about a contributor is %s", m)
	}
}

// A contributor that has no data any more is gone; without any the treatment of
// missing data decides.
func TestContributorsGone(t *testing.T) {
	for treatment, want := range map[string]string{"missing": "AI", "notBreaching": "AO", "breaching": "AA", "ignore": "AA"} {
		r := newRig(t)
		in := latencyAlarm()
		in.EvaluationPeriods, in.DatapointsToAlarm, in.TreatMissingData = aws.Int32(1), aws.Int32(1), &treatment
		q := expressionQuery("q", "SELECT MAX(latency) FROM App GROUP BY host", true)
		q.Period = aws.Int32(60)
		watching(q)(in)
		r.mustPut(t, in)
		r.byHost(t, map[string]float64{"a": 500})
		r.advance(t, time.Minute)
		r.EvaluateNow(t.Context())
		got := string(r.alarmState(t, "latency").StateValue[0])
		again := newRig(t) // as a restart
		copyState(t, r, again)
		if d := cmp.Diff([]string{"host:a"}, again.contributing(t, "latency")); d != "" {
			t.Errorf("after a restart (-want +got):\n%s", d)
		}
		r.advance(t, time.Hour)
		r.EvaluateNow(t.Context())
		got += string(r.alarmState(t, "latency").StateValue[0])
		if left := r.contributing(t, "latency"); got != want || len(left) != 0 {
			t.Errorf("%s: states %s and contributors %v, want %s and none", treatment, got, left, want)
		}
	}
}

func TestLogContributors(t *testing.T) {
	r := newRig(t)
	q := &answers{rows: [][][]string{
		{{"host=a", "n=9"}, {"host=b", "n=1"}},
		{{"host=b", "n=9"}, {"host=a", "n=9"}},
		{{"host=b", "n=9"}},
		{{"host=b", "n=0"}},
		{{"host=b", "n=no"}},
	}}
	r.UseQueries(q)
	in := logAlarm()
	in.QueryResultsToAlarm, in.QueryResultsToEvaluate, in.TreatMissingData = aws.Int32(1), aws.Int32(1), aws.String("notBreaching")
	in.ScheduledQueryConfiguration.AggregationExpression = aws.String("count(*) as n by host | sort n desc")
	if _, err := r.PutLogAlarm(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range 5 {
		r.advance(t, time.Minute)
		r.EvaluateNow(t.Context())
		out, err := r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{types.AlarmTypeLogAlarm}})
		if err != nil || len(out.LogAlarms) != 1 {
			t.Fatal(out, err)
		}
		a := out.LogAlarms[0]
		got = append(got, strings.TrimSpace(fmt.Sprint(a.StateValue, " ", strings.Join(r.contributing(t, "errors"), ","), " ", a.EvaluationState)))
	}
	want := []string{"ALARM host:a", "ALARM host:a,host:b", "ALARM host:b", "OK", "OK  EVALUATION_ERROR"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("states (-want +got):\n%s", d)
	}
	in.ScheduledQueryConfiguration.AggregationExpression = aws.String("count(*), avg(x) by host")
	if _, err := r.PutLogAlarm(t.Context(), in); err == nil || !strings.Contains(err.Error(), "2 values before by") {
		t.Errorf("two values by host: %v", err)
	}
	in.ScheduledQueryConfiguration.AggregationExpression = aws.String("sum(strcontains(@message, 'a by b, c'))")
	if _, err := r.PutLogAlarm(t.Context(), in); err != nil {
		t.Errorf("by in quotes: %v", err)
	}
}
