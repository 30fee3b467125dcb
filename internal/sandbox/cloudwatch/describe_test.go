package cloudwatch_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/cloudwatch"
)

func TestDescribeAlarms(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"api-a", "api-b", "db-a", "zz"} {
		in := latencyAlarm()
		in.AlarmName = aws.String(name)
		if name == "zz" {
			in.AlarmActions, in.OKActions = nil, []string{"arn:aws:lambda:us-east-1:000000000000:function:f"}
		}
		r.mustPut(t, in)
	}
	if _, err := r.SetAlarmState(t.Context(), &sdk.SetAlarmStateInput{AlarmName: aws.String("db-a"), StateValue: "ALARM", StateReason: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		in   sdk.DescribeAlarmsInput
		want string
	}{
		"all":             {sdk.DescribeAlarmsInput{}, "api-a api-b db-a zz"},
		"names":           {sdk.DescribeAlarmsInput{AlarmNames: []string{"zz", "nope", "api-b"}}, "api-b zz"},
		"prefix":          {sdk.DescribeAlarmsInput{AlarmNamePrefix: aws.String("api")}, "api-a api-b"},
		"state":           {sdk.DescribeAlarmsInput{StateValue: "ALARM"}, "db-a"},
		"action":          {sdk.DescribeAlarmsInput{ActionPrefix: aws.String("arn:aws:lambda")}, "zz"},
		"metric alarms":   {sdk.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{"CompositeAlarm", "MetricAlarm"}}, "api-a api-b db-a zz"},
		"other alarms":    {sdk.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{"CompositeAlarm"}}, ""},
		"prefix and page": {sdk.DescribeAlarmsInput{AlarmNamePrefix: aws.String("api"), MaxRecords: aws.Int32(1)}, "api-a"},
	} {
		out, err := r.DescribeAlarms(t.Context(), &tt.in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := alarmNames(out.MetricAlarms); got != tt.want {
			t.Errorf("%s = %q, want %q", name, got, tt.want)
		}
	}
	for name, in := range map[string]sdk.DescribeAlarmsInput{
		"names and prefix": {AlarmNames: []string{"a"}, AlarmNamePrefix: aws.String("b")},
		"records":          {MaxRecords: aws.Int32(101)},
		"state":            {StateValue: "Bad"},
		"type":             {AlarmTypes: []types.AlarmType{"Odd"}},
		"children":         {ChildrenOfAlarmName: aws.String("c")},
		"token":            {NextToken: aws.String("%%")},
	} {
		if _, err := r.DescribeAlarms(t.Context(), &in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func alarmNames(alarms []types.MetricAlarm) string {
	var names []string
	for _, a := range alarms {
		names = append(names, *a.AlarmName)
	}
	return strings.Join(names, " ")
}

// TestDescribeAlarmsPages uses AWS's own paginator.
func TestDescribeAlarmsPages(t *testing.T) {
	c, _ := newClient(t)
	for i := range 7 {
		in := latencyAlarm()
		in.AlarmName = aws.String(fmt.Sprintf("a%d", i))
		if _, err := c.PutMetricAlarm(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	p := sdk.NewDescribeAlarmsPaginator(c, &sdk.DescribeAlarmsInput{MaxRecords: aws.Int32(3)})
	var pages []string
	for p.HasMorePages() {
		out, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, alarmNames(out.MetricAlarms))
	}
	if d := cmp.Diff([]string{"a0 a1 a2", "a3 a4 a5", "a6"}, pages); d != "" {
		t.Errorf("pages (-want +got):\n%s", d)
	}
}

func TestDescribeAlarmsForMetric(t *testing.T) {
	r := newRig(t)
	dims := func(pairs ...string) []types.Dimension {
		var out []types.Dimension
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, types.Dimension{Name: &pairs[i], Value: &pairs[i+1]})
		}
		return out
	}
	put := func(name string, change func(*sdk.PutMetricAlarmInput)) {
		in := latencyAlarm()
		in.AlarmName = &name
		change(in)
		r.mustPut(t, in)
	}
	put("bare", func(*sdk.PutMetricAlarmInput) {})
	put("dims", func(in *sdk.PutMetricAlarmInput) { in.Dimensions = dims("a", "1", "b", "2") })
	put("p99", func(in *sdk.PutMetricAlarmInput) { in.Statistic, in.ExtendedStatistic = "", aws.String("p99") })
	put("slow", func(in *sdk.PutMetricAlarmInput) { in.Period = aws.Int32(300) })
	put("math", watching(metricQuery("latency", true)))
	base := sdk.DescribeAlarmsForMetricInput{Namespace: aws.String("App"), MetricName: aws.String("latency")}
	for name, tt := range map[string]struct {
		change func(*sdk.DescribeAlarmsForMetricInput)
		want   string
	}{
		"no dimensions": {func(*sdk.DescribeAlarmsForMetricInput) {}, "bare p99 slow"},
		"any order":     {func(in *sdk.DescribeAlarmsForMetricInput) { in.Dimensions = dims("b", "2", "a", "1") }, "dims"},
		"subset":        {func(in *sdk.DescribeAlarmsForMetricInput) { in.Dimensions = dims("a", "1") }, ""},
		"statistic":     {func(in *sdk.DescribeAlarmsForMetricInput) { in.Statistic = "Average" }, "bare slow"},
		"extended":      {func(in *sdk.DescribeAlarmsForMetricInput) { in.ExtendedStatistic = aws.String("p99") }, "p99"},
		"period":        {func(in *sdk.DescribeAlarmsForMetricInput) { in.Period = aws.Int32(300) }, "slow"},
		"unit":          {func(in *sdk.DescribeAlarmsForMetricInput) { in.Unit = types.StandardUnitCount }, ""},
	} {
		in := base
		tt.change(&in)
		out, err := r.DescribeAlarmsForMetric(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		if got := alarmNames(out.MetricAlarms); got != tt.want {
			t.Errorf("%s = %q, want %q", name, got, tt.want)
		}
	}
}

func TestHistory(t *testing.T) {
	r := newRig(t)
	in := latencyAlarm()
	in.EvaluationPeriods, in.DatapointsToAlarm = aws.Int32(1), aws.Int32(1)
	r.mustPut(t, in)
	r.minute(t, 1)
	in.AlarmDescription = aws.String("changed")
	r.mustPut(t, in)
	r.minute(t, 500)
	if _, err := r.DeleteAlarms(t.Context(), &sdk.DeleteAlarmsInput{AlarmNames: []string{"latency"}}); err != nil {
		t.Fatal(err)
	}
	history := func(in sdk.DescribeAlarmHistoryInput) (*sdk.DescribeAlarmHistoryOutput, []string) {
		t.Helper()
		out, err := r.DescribeAlarmHistory(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range out.AlarmHistoryItems {
			if !json.Valid([]byte(*item.HistoryData)) || len(*item.HistoryData) > 4095 || len(*item.HistorySummary) > 255 {
				t.Errorf("item %s has bad data %s", *item.HistorySummary, *item.HistoryData)
			}
			got = append(got, *item.HistorySummary)
		}
		return out, got
	}
	all := []string{
		`Alarm "latency" created`, "Alarm updated from INSUFFICIENT_DATA to OK", "Successfully executed action " + topic,
		`Alarm "latency" updated`, "Alarm updated from OK to ALARM", "Successfully executed action " + topic, `Alarm "latency" deleted`,
	}
	_, got := history(sdk.DescribeAlarmHistoryInput{ScanBy: "TimestampAscending", AlarmName: aws.String("latency")})
	if d := cmp.Diff(all, got); d != "" {
		t.Errorf("history of a deleted alarm (-want +got):\n%s", d)
	}
	for _, scan := range []types.ScanBy{"TimestampAscending", "TimestampDescending"} {
		var pages []string
		q := sdk.DescribeAlarmHistoryInput{ScanBy: scan, MaxRecords: aws.Int32(3)}
		for {
			out, page := history(q)
			pages = append(pages, page...)
			if q.NextToken = out.NextToken; q.NextToken == nil {
				break
			}
		}
		if scan == "TimestampDescending" {
			for i, j := 0, len(pages)-1; i < j; i, j = i+1, j-1 {
				pages[i], pages[j] = pages[j], pages[i]
			}
		}
		if d := cmp.Diff(all, pages); d != "" {
			t.Errorf("pages %s (-want +got):\n%s", scan, d)
		}
	}
	_, got = history(sdk.DescribeAlarmHistoryInput{StartDate: aws.Time(noon.Add(2 * time.Minute)), HistoryItemType: "StateUpdate"})
	if d := cmp.Diff([]string{"Alarm updated from OK to ALARM"}, got); d != "" {
		t.Errorf("from 12:02 (-want +got):\n%s", d)
	}
	out, _ := history(sdk.DescribeAlarmHistoryInput{HistoryItemType: "StateUpdate", MaxRecords: aws.Int32(1)})
	var data struct {
		OldState, NewState struct {
			StateValue      string
			StateReasonData map[string]any
		}
	}
	if err := json.Unmarshal([]byte(*out.AlarmHistoryItems[0].HistoryData), &data); err != nil {
		t.Fatal(err)
	}
	if data.OldState.StateValue != "OK" || data.NewState.StateValue != "ALARM" || data.NewState.StateReasonData["threshold"] != 100.0 {
		t.Errorf("history data = %+v, want both states, the reason data as an object", data)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	r := newRig(t, func(o *cloudwatch.Options) { o.MaxHistory = 5 })
	for i := range 9 {
		in := latencyAlarm()
		in.AlarmDescription = aws.String(strconv.Itoa(i))
		r.mustPut(t, in)
	}
	out, err := r.DescribeAlarmHistory(t.Context(), &sdk.DescribeAlarmHistoryInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.AlarmHistoryItems) != 5 {
		t.Errorf("%d items, want 5", len(out.AlarmHistoryItems))
	}
}

func TestDeleteAlarms(t *testing.T) {
	r := newRig(t)
	r.mustPut(t, latencyAlarm())
	_, err := r.DeleteAlarms(t.Context(), &sdk.DeleteAlarmsInput{AlarmNames: []string{"nope", "latency"}})
	if got := refusal(t, err); got.Shape != "ResourceNotFound" || got.Status != 404 || !strings.Contains(got.Message, "nope") {
		t.Errorf("error = %v, want ResourceNotFound of nope", got)
	}
	out, err := r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.MetricAlarms) != 0 {
		t.Error("the alarm beside the unknown one was not deleted")
	}
}

func TestTags(t *testing.T) {
	r := newRig(t)
	r.mustPut(t, latencyAlarm())
	if _, err := r.PutDashboard(t.Context(), &sdk.PutDashboardInput{DashboardName: aws.String("d"), DashboardBody: aws.String(`{"widgets":[]}`)}); err != nil {
		t.Fatal(err)
	}
	tag := func(k, v string) types.Tag { return types.Tag{Key: &k, Value: &v} }
	for _, arn := range []string{"arn:aws:cloudwatch:us-east-1:000000000000:alarm:latency", "arn:aws:cloudwatch::000000000000:dashboard/d"} {
		if _, err := r.TagResource(t.Context(), &sdk.TagResourceInput{ResourceARN: &arn, Tags: []types.Tag{tag("b", "1"), tag("a", "1")}}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.TagResource(t.Context(), &sdk.TagResourceInput{ResourceARN: &arn, Tags: []types.Tag{tag("b", "2"), tag("c", "")}}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceARN: &arn, TagKeys: []string{"a", "zz"}}); err != nil {
			t.Fatal(err)
		}
		out, err := r.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: &arn})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]types.Tag{tag("b", "2"), tag("c", "")}, out.Tags, exported); d != "" {
			t.Errorf("%s (-want +got):\n%s", arn, d)
		}
		var many []types.Tag
		for i := range 49 {
			many = append(many, tag(fmt.Sprint(i), "v"))
		}
		_, err = r.TagResource(t.Context(), &sdk.TagResourceInput{ResourceARN: &arn, Tags: many})
		if got := refusal(t, err); got.Shape != badValue {
			t.Errorf("51 tags: %v, want %s", got, badValue)
		}
	}
	for arn, want := range map[string]string{
		"": required, "alarm": badValue, "arn:aws:cloudwatch:us-east-1:000000000000:alarm:x": "ResourceNotFoundException",
		"arn:aws:cloudwatch:eu-west-1:000000000000:alarm:latency": "ResourceNotFoundException",
	} {
		_, err := r.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: &arn})
		if got := refusal(t, err).Shape; got != want {
			t.Errorf("%q: %s, want %s", arn, got, want)
		}
	}
}

func TestDashboards(t *testing.T) {
	r := newRig(t)
	put := func(name, body string) error {
		_, err := r.PutDashboard(t.Context(), &sdk.PutDashboardInput{DashboardName: &name, DashboardBody: &body})
		return err
	}
	good := `{"start":"-PT3H","widgets":[{"type":"text","x":0,"y":3,"width":24,"height":1,"properties":{"markdown":"hi"}}]}`
	for _, name := range []string{"b-1", "a_1", "b-2"} {
		if err := put(name, good); err != nil {
			t.Fatal(err)
		}
	}
	got, err := r.GetDashboard(t.Context(), &sdk.GetDashboardInput{DashboardName: aws.String("b-1")})
	if err != nil {
		t.Fatal(err)
	}
	if *got.DashboardBody != good || *got.DashboardArn != "arn:aws:cloudwatch::000000000000:dashboard/b-1" {
		t.Errorf("dashboard = %s %s", *got.DashboardArn, *got.DashboardBody)
	}
	list, err := r.ListDashboards(t.Context(), &sdk.ListDashboardsInput{DashboardNamePrefix: aws.String("b")})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.DashboardEntries) != 2 || *list.DashboardEntries[0].DashboardName != "b-1" || *list.DashboardEntries[0].Size != int64(len(good)) {
		t.Errorf("list = %+v, want b-1 and b-2", list.DashboardEntries)
	}
	for name, bad := range map[string]struct{ name, body string }{
		"name":          {"a b", good},
		"no JSON":       {"d", "{"},
		"no widgets":    {"d", `{}`},
		"no type":       {"d", `{"widgets":[{"properties":{}}]}`},
		"x alone":       {"d", `{"widgets":[{"type":"text","x":1,"properties":{}}]}`},
		"too wide":      {"d", `{"widgets":[{"type":"text","width":25,"properties":{}}]}`},
		"too far":       {"d", `{"widgets":[{"type":"text","x":24,"y":0,"properties":{}}]}`},
		"no properties": {"d", `{"widgets":[{"type":"text"}]}`},
		"override":      {"d", `{"widgets":[],"periodOverride":"maybe"}`},
		"many":          {"d", `{"widgets":[` + strings.Repeat(`{"type":"text","properties":{}},`, 500) + `{"type":"text","properties":{}}]}`},
	} {
		if got := refusal(t, put(bad.name, bad.body)).Shape; got != "DashboardInvalidInputError" {
			t.Errorf("%s: %s, want DashboardInvalidInputError", name, got)
		}
	}
	_, err = r.DeleteDashboards(t.Context(), &sdk.DeleteDashboardsInput{DashboardNames: []string{"a_1", "nope"}})
	if got := refusal(t, err).Shape; got != "DashboardNotFoundError" {
		t.Errorf("delete: %s, want DashboardNotFoundError", got)
	}
	if _, err := r.GetDashboard(t.Context(), &sdk.GetDashboardInput{DashboardName: aws.String("a_1")}); err != nil {
		t.Errorf("a dashboard beside an unknown one was deleted: %v", err)
	}
	if _, err := r.DeleteDashboards(t.Context(), &sdk.DeleteDashboardsInput{DashboardNames: []string{"a_1", "b-2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.GetDashboard(t.Context(), &sdk.GetDashboardInput{DashboardName: aws.String("b-2")}); err == nil {
		t.Error("b-2 is still there")
	}
}

func TestReset(t *testing.T) {
	r := filled(t)
	r.mustPut(t, latencyAlarm())
	r.Reset()
	list, err := r.ListMetrics(t.Context(), &sdk.ListMetricsInput{})
	if err != nil {
		t.Fatal(err)
	}
	alarms, err := r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Metrics)+len(alarms.MetricAlarms) != 0 {
		t.Errorf("after a reset: %d metrics, %d alarms", len(list.Metrics), len(alarms.MetricAlarms))
	}
}
