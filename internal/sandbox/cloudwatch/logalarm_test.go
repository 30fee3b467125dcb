package cloudwatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// logAlarm is a valid log alarm: more than two errors in a minute, two of two
// times.
func logAlarm() *sdk.PutLogAlarmInput {
	return &sdk.PutLogAlarmInput{
		AlarmName: aws.String("errors"), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, Threshold: aws.Float64(2),
		QueryResultsToAlarm: aws.Int32(2), QueryResultsToEvaluate: aws.Int32(2), AlarmActions: []string{topic}, OKActions: []string{topic},
		ScheduledQueryConfiguration: &types.ScheduledQueryConfiguration{
			QueryString: aws.String("filter @message like /ERROR/"), AggregationExpression: aws.String("count(*)"),
			LogGroupIdentifiers: []string{"/app"}, ScheduledQueryRoleARN: aws.String("arn:aws:iam::000000000000:role/alarm"),
			ScheduleConfiguration: &types.ScheduleConfiguration{ScheduleExpression: aws.String("rate(1 minute)"), StartTimeOffset: aws.Int64(60)},
		},
	}
}

// answers are the results of queries, each once; a query beyond them fails.
type answers struct {
	rows  [][][]string // of cells "name=value", or "value"
	asked []string
}

func (a *answers) Query(_ context.Context, groups []string, text string, start, end time.Time) ([][][2]string, error) {
	a.asked = append(a.asked, fmt.Sprint(strings.Join(groups, ","), " ", start.Format("15:04:05"), " ", end.Format("15:04:05"), " ", text))
	if len(a.rows) == 0 {
		return nil, errors.New("the group is gone")
	}
	var out [][][2]string
	for _, row := range a.rows[0] {
		var cells [][2]string
		for _, cell := range row {
			name, value, named := strings.Cut(cell, "=")
			if !named {
				name, value = "value", cell
			}
			cells = append(cells, [2]string{name, value})
		}
		out = append(out, cells)
	}
	a.rows = a.rows[1:]
	return out, nil
}

func TestLogAlarm(t *testing.T) {
	r := newRig(t)
	q := &answers{rows: [][][]string{{{"1"}}, {{"5"}}, {{"3"}}, {}, {{"0"}}, {{"x"}}}}
	r.UseQueries(q)
	in := logAlarm()
	in.ScheduledQueryConfiguration.ScheduleConfiguration.EndTimeOffset = aws.Int64(10)
	if _, err := r.PutLogAlarm(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	describe := func() types.LogAlarm {
		out, err := r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{types.AlarmTypeLogAlarm}})
		if err != nil || len(out.LogAlarms) != 1 || len(out.MetricAlarms) != 0 {
			t.Fatalf("DescribeAlarms = %+v, %v", out, err)
		}
		return out.LogAlarms[0]
	}
	var states []string
	for range 7 {
		r.advance(t, time.Minute)
		r.EvaluateNow(t.Context())
		d := describe()
		states = append(states, strings.TrimSpace(string(d.StateValue[0])+" "+string(d.EvaluationState)))
	}
	// A result that is missing leaves the newer state to those that are there; a
	// query that fails leaves it as it is.
	want := []string{"O", "O", "A", "A", "O", "O EVALUATION_ERROR", "O EVALUATION_ERROR"}
	if d := cmp.Diff(want, states); d != "" {
		t.Errorf("states (-want +got):\n%s", d)
	}
	if want := "/app 12:00:00 12:00:50 filter @message like /ERROR/\n| stats count(*)"; q.asked[0] != want {
		t.Errorf("the query was %q, want %q", q.asked[0], want)
	}
	sent := r.sent.all()
	if len(sent) != 3 || !strings.Contains(sent[1].Message, `"AggregationExpression":"count(*)"`) || !strings.Contains(sent[1].Message, `"NewStateValue":"ALARM"`) {
		t.Errorf("notifications are %+v", sent)
	}
	out, err := r.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{AlarmTypes: []types.AlarmType{types.AlarmTypeLogAlarm}, HistoryItemType: types.HistoryItemTypeStateUpdate})
	if err != nil || len(out.AlarmHistoryItems) != 3 {
		t.Errorf("history = %+v, %v", out, err)
	}
}

// copyState makes the state of one service that of another, as a restart does.
func copyState(t *testing.T, from, to *rig) {
	t.Helper()
	state, err := from.ExportState()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]json.RawMessage)
	for k, v := range state {
		if values[k], err = json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.ImportState(values); err != nil {
		t.Fatal(err)
	}
}

func TestLogAlarmState(t *testing.T) {
	r := newRig(t)
	r.UseQueries(&answers{rows: [][][]string{{{"5"}}}})
	if _, err := r.PutLogAlarm(t.Context(), logAlarm()); err != nil {
		t.Fatal(err)
	}
	r.advance(t, time.Minute)
	r.EvaluateNow(t.Context())
	again := newRig(t)
	again.UseQueries(&answers{rows: [][][]string{{{"5"}}}})
	copyState(t, r, again)
	again.advance(t, 2*time.Minute)
	again.EvaluateNow(t.Context())
	out, err := again.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{types.AlarmTypeLogAlarm}})
	if err != nil || len(out.LogAlarms) != 1 || out.LogAlarms[0].StateValue != types.StateValueAlarm {
		t.Errorf("after one result before and one after a restart, DescribeAlarms = %+v, %v", out, err)
	}
}

func TestPutLogAlarmRules(t *testing.T) {
	r := newRig(t)
	if _, err := r.PutLogAlarm(t.Context(), logAlarm()); refusal(t, err).Shape != "UnsupportedOperation" {
		t.Errorf("without logs the error is %v", err)
	}
	r.UseQueries(&answers{})
	for name, tt := range map[string]struct {
		change func(*sdk.PutLogAlarmInput, *types.ScheduledQueryConfiguration)
		want   string
	}{
		"no name": {func(in *sdk.PutLogAlarmInput, _ *types.ScheduledQueryConfiguration) { in.AlarmName = nil }, "AlarmName"},
		"band": {func(in *sdk.PutLogAlarmInput, _ *types.ScheduledQueryConfiguration) {
			in.ComparisonOperator = "LessThanLowerThreshold"
		}, "ComparisonOperator"},
		"no threshold": {func(in *sdk.PutLogAlarmInput, _ *types.ScheduledQueryConfiguration) { in.Threshold = nil }, "Threshold"},
		"101 results": {func(in *sdk.PutLogAlarmInput, _ *types.ScheduledQueryConfiguration) {
			in.QueryResultsToEvaluate = aws.Int32(101)
		}, "between 1 and 100"},
		"3 of 2": {func(in *sdk.PutLogAlarmInput, _ *types.ScheduledQueryConfiguration) {
			in.QueryResultsToAlarm = aws.Int32(3)
		}, "QueryResultsToAlarm"},
		"no query": {func(in *sdk.PutLogAlarmInput, _ *types.ScheduledQueryConfiguration) {
			in.ScheduledQueryConfiguration = nil
		}, "required"},
		"log lines": {func(in *sdk.PutLogAlarmInput, _ *types.ScheduledQueryConfiguration) {
			in.ActionLogLineCount = aws.Int32(5)
		}, "does not support log lines"},
		"treatment": {func(in *sdk.PutLogAlarmInput, _ *types.ScheduledQueryConfiguration) {
			in.TreatMissingData = aws.String("no")
		}, "TreatMissingData"},
		"scaling": {func(in *sdk.PutLogAlarmInput, _ *types.ScheduledQueryConfiguration) {
			in.OKActions = []string{"arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:x:autoScalingGroupName/a:policyName/b"}
		}, "cannot have the action"},
		"empty text": {func(_ *sdk.PutLogAlarmInput, q *types.ScheduledQueryConfiguration) { q.QueryString = aws.String("") }, "QueryString"},
		"syntax": {func(_ *sdk.PutLogAlarmInput, q *types.ScheduledQueryConfiguration) {
			q.QueryString = aws.String("filter (")
		}, "QueryString"},
		"aggregation": {func(_ *sdk.PutLogAlarmInput, q *types.ScheduledQueryConfiguration) {
			q.AggregationExpression = aws.String("nosuch(x)")
		}, "AggregationExpression"},
		"contributors": {func(_ *sdk.PutLogAlarmInput, q *types.ScheduledQueryConfiguration) {
			q.AggregationExpression = aws.String("count(*), avg(x) by host")
		}, "before by"},
		"no groups": {func(_ *sdk.PutLogAlarmInput, q *types.ScheduledQueryConfiguration) { q.LogGroupIdentifiers = nil }, "LogGroupIdentifiers"},
		"no role":   {func(_ *sdk.PutLogAlarmInput, q *types.ScheduledQueryConfiguration) { q.ScheduledQueryRoleARN = nil }, "RoleARN"},
		"cron": {func(_ *sdk.PutLogAlarmInput, q *types.ScheduledQueryConfiguration) {
			q.ScheduleConfiguration.ScheduleExpression = aws.String("cron(* * * * *)")
		}, "rate(5 minutes)"},
		"no rate": {func(_ *sdk.PutLogAlarmInput, q *types.ScheduledQueryConfiguration) {
			q.ScheduleConfiguration.ScheduleExpression = aws.String("rate(0 minutes)")
		}, "between a minute"},
		"offsets": {func(_ *sdk.PutLogAlarmInput, q *types.ScheduledQueryConfiguration) {
			q.ScheduleConfiguration.EndTimeOffset = aws.Int64(60)
		}, "EndTimeOffset"},
	} {
		t.Run(name, func(t *testing.T) {
			in := logAlarm()
			tt.change(in, in.ScheduledQueryConfiguration)
			_, err := r.PutLogAlarm(t.Context(), in)
			if got := refusal(t, err); !strings.Contains(got.Message, tt.want) {
				t.Errorf("error = %v, want one about %q", got, tt.want)
			}
		})
	}
}

// Log alarms do not take the names of others, and are deleted one by one.
func TestLogAlarmNames(t *testing.T) {
	r := newRig(t)
	r.UseQueries(&answers{})
	r.mustPut(t, latencyAlarm())
	in := logAlarm()
	in.AlarmName = aws.String("latency")
	if _, err := r.PutLogAlarm(t.Context(), in); !strings.Contains(refusal(t, err).Message, "metric alarm") {
		t.Errorf("error = %v", err)
	}
	if _, err := r.PutLogAlarm(t.Context(), logAlarm()); err != nil {
		t.Fatal(err)
	}
	metric := latencyAlarm()
	metric.AlarmName = aws.String("errors")
	if _, err := r.PutMetricAlarm(t.Context(), metric); !strings.Contains(refusal(t, err).Message, "log alarm") {
		t.Errorf("error = %v", err)
	}
	if _, err := r.DeleteAlarms(t.Context(), &sdk.DeleteAlarmsInput{AlarmNames: []string{"latency", "errors"}}); !strings.Contains(refusal(t, err).Message, "alone") {
		t.Errorf("error = %v", err)
	}
	if _, err := r.DeleteAlarms(t.Context(), &sdk.DeleteAlarmsInput{AlarmNames: []string{"errors"}}); err != nil {
		t.Error(err)
	}
}

// Over the wire, with real log events and the server's own loop. Every field of
// the input comes back.
func TestClientLogAlarm(t *testing.T) {
	c, s := newClient(t)
	ctx, g := t.Context(), aws.String("/app")
	logs := cwl.NewFromConfig(sandboxtest.Config(s))
	if _, err := logs.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: g}); err != nil {
		t.Fatal(err)
	}
	if _, err := logs.CreateLogStream(ctx, &cwl.CreateLogStreamInput{LogGroupName: g, LogStreamName: g}); err != nil {
		t.Fatal(err)
	}
	in := logAlarm()
	in.QueryResultsToAlarm, in.QueryResultsToEvaluate = aws.Int32(1), aws.Int32(1)
	in.AlarmDescription, in.ActionLogLineCount, in.TreatMissingData = aws.String("d"), aws.Int32(0), aws.String("ignore")
	in.InsufficientDataActions, in.ActionsEnabled = []string{}, aws.Bool(true)
	if _, err := c.PutLogAlarm(ctx, in); err != nil {
		t.Fatal(err)
	}
	now := s.Clock().Now()
	var events []logtypes.InputLogEvent
	for _, m := range []string{"ERROR 1", "fine", "ERROR 2", "ERROR 3"} {
		events = append(events, logtypes.InputLogEvent{Message: &m, Timestamp: aws.Int64(now.UnixMilli())})
	}
	if _, err := logs.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: g, LogStreamName: g, LogEvents: events}); err != nil {
		t.Fatal(err)
	}
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for n := range 2 {
		if err := s.Clock().Advance(time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := s.Inbox().WaitTotal(wait, n+1); err != nil {
			t.Fatalf("wait for notification %d: %v", n+1, err)
		}
	}
	out, err := c.DescribeAlarms(ctx, &sdk.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{types.AlarmTypeLogAlarm}})
	if err != nil || len(out.LogAlarms) != 1 {
		t.Fatalf("DescribeAlarms = %+v, %v", out, err)
	}
	got := out.LogAlarms[0]
	if got.StateValue != types.StateValueOk {
		t.Errorf("state = %s (%s), want OK after ALARM", got.StateValue, aws.ToString(got.StateReason))
	}
	if got.ScheduledQueryConfiguration.QueryARN == nil {
		t.Error("there is no ARN of the query")
	}
	got.ScheduledQueryConfiguration.QueryARN = nil
	was, is := reflect.ValueOf(*in), reflect.ValueOf(got)
	for i := range was.NumField() {
		f := was.Type().Field(i)
		if !f.IsExported() || f.Name == "Tags" || was.Field(i).IsZero() {
			continue
		}
		if d := cmp.Diff(was.Field(i).Interface(), is.FieldByName(f.Name).Interface(), cmpopts.IgnoreUnexported(types.ScheduledQueryConfiguration{}, types.ScheduleConfiguration{}), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s (-put +described):\n%s", f.Name, d)
		}
	}
}
