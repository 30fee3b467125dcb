//go:build clients

package clients_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
)

func readGo(t *testing.T, s *sandbox, q query) reading {
	t.Helper()
	var got reading
	me, err := sts.NewFromConfig(s.config()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	got.Account = *me.Account
	readGoLogs(t, s, q, &got)
	readGoMetrics(t, s, q, &got)
	readGoTraces(t, s, q, &got)
	readGoFailures(t, s, q, &got)
	return got
}

func readGoLogs(t *testing.T, s *sandbox, q query, got *reading) {
	t.Helper()
	for _, m := range s.messages(t, q.Group, q.Pattern) {
		seq, _ := strconv.Atoi(field(t, m, "seq"))
		got.Errors = append(got.Errors, seq)
	}
	slices.Sort(got.Errors)
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(s.logs(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &q.Group, Limit: aws.Int32(30)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got.Events += len(page.Events)
	}
	started, err := s.logs().StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{
		LogGroupName: &q.Group, StartTime: &q.Start, EndTime: &q.End, QueryString: &q.Insights,
	})
	if err != nil {
		t.Fatal(err)
	}
	var result *cloudwatchlogs.GetQueryResultsOutput
	eventually(t, "the query", func() bool {
		if result, err = s.logs().GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: started.QueryId}); err != nil {
			t.Fatal(err)
		}
		return result.Status != logstypes.QueryStatusRunning && result.Status != logstypes.QueryStatusScheduled
	})
	got.Status, got.Matched = string(result.Status), int(result.Statistics.RecordsMatched)
	for _, row := range result.Results {
		got.Rows = append(got.Rows, texts(row, func(f logstypes.ResultField) string { return *f.Value }))
	}
}

func readGoMetrics(t *testing.T, s *sandbox, q query, got *reading) {
	t.Helper()
	from, to := time.Unix(q.Start, 0), time.Unix(q.End, 0)
	listed, err := s.cloudwatch().ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: aws.String("Sidelight")})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range listed.Metrics {
		got.Metrics = append(got.Metrics, *m.MetricName)
		if *m.MetricName == "checkouts" {
			got.Dimensions = texts(m.Dimensions, func(d cwtypes.Dimension) string { return *d.Name + "=" + *d.Value })
		}
	}
	slices.Sort(got.Metrics)
	slices.Sort(got.Dimensions)
	in := &cloudwatch.GetMetricDataInput{StartTime: &from, EndTime: &to}
	alarm := &cloudwatch.PutMetricAlarmInput{}
	if err := errors.Join(json.Unmarshal([]byte(q.MetricQueries), &in.MetricDataQueries), json.Unmarshal([]byte(q.AlarmBody), alarm)); err != nil {
		t.Fatal(err)
	}
	data, err := s.cloudwatch().GetMetricData(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	got.Data = map[string]float64{}
	for _, r := range data.MetricDataResults {
		for _, v := range r.Values {
			got.Data[*r.Id] += v
		}
	}
	alarm.AlarmName = &q.Alarm
	if _, err := s.cloudwatch().PutMetricAlarm(t.Context(), alarm); err != nil {
		t.Fatal(err)
	}
	alarms, err := s.cloudwatch().DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{q.Alarm}})
	if err != nil || len(alarms.MetricAlarms) != 1 {
		t.Fatalf("alarms %v, %v", alarms, err)
	}
	a := alarms.MetricAlarms[0]
	got.Alarm = []string{*a.MetricName, string(a.ComparisonOperator), fmt.Sprint(*a.Threshold), fmt.Sprint(*a.Period)}
}

func readGoTraces(t *testing.T, s *sandbox, q query, got *reading) {
	t.Helper()
	from, to := time.Unix(q.Start, 0), time.Unix(q.End, 0)
	graph, err := s.xray().GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: &from, EndTime: &to})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range graph.Services {
		if aws.ToString(v.Type) != "client" {
			got.Graph = append(got.Graph, fmt.Sprintf("%s %d %d", *v.Name, *v.SummaryStatistics.TotalCount, *v.SummaryStatistics.FaultStatistics.TotalCount))
		}
	}
	slices.Sort(got.Graph)
	for name := range s.segments(t, q.Trace) {
		got.Segments = append(got.Segments, name)
	}
	slices.Sort(got.Segments)
	for _, sum := range s.traces(t, q.Filter) {
		got.Faulty = append(got.Faulty, []string{*sum.Id, fmt.Sprint(*sum.Duration), fmt.Sprint(*sum.HasFault)})
	}
}

func readGoFailures(t *testing.T, s *sandbox, q query, got *reading) {
	t.Helper()
	from, to := time.Unix(q.Start, 0), time.Unix(q.End, 0)
	_, err := s.logs().FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/none")})
	if e, ok := errors.AsType[*logstypes.ResourceNotFoundException](err); ok {
		got.NoGroup = e.ErrorCode()
	}
	_, err = s.logs().StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{LogGroupName: &q.Group, StartTime: aws.Int64(1), EndTime: aws.Int64(2), QueryString: &q.Malformed})
	if e, ok := errors.AsType[*logstypes.MalformedQueryException](err); ok {
		where := e.QueryCompileError.Location
		got.Malformed = []int{int(*where.StartCharOffset), int(*where.EndCharOffset)}
	}
	_, err = s.cloudwatch().SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("none"), StateValue: cwtypes.StateValueOk, StateReason: aws.String("x")})
	if e, ok := errors.AsType[*cwtypes.ResourceNotFound](err); ok {
		got.NoAlarm = e.ErrorCode()
	}
	_, err = s.xray().GetTraceSummaries(t.Context(), &xray.GetTraceSummariesInput{StartTime: &from, EndTime: &to, FilterExpression: aws.String("fault =")})
	if e, ok := errors.AsType[*xraytypes.InvalidRequestException](err); ok {
		got.BadFilter = e.ErrorCode()
	}
}
