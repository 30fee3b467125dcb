package sandbox_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
)

// errands sets things up that a sandbox does on its own, or that calls do whose
// names say that they only read.
func errands(t *testing.T, c *clients, start time.Time) (query, retrieval *string) {
	t.Helper()
	ctx, group := t.Context(), ptr("/app")
	mustGet(c.logs.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: group}))(t)
	mustGet(c.logs.CreateLogStream(ctx, &cwl.CreateLogStreamInput{LogGroupName: group, LogStreamName: ptr("s")}))(t)
	mustGet(c.logs.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: group, LogStreamName: ptr("s"), LogEvents: []logtypes.InputLogEvent{
		{Timestamp: ptr(start.UnixMilli()), Message: ptr(`{"route":"/a"}`)}, {Timestamp: ptr(start.UnixMilli()), Message: ptr(`{"route":"/b"}`)},
	}}))(t)
	mustGet(c.logs.CreateScheduledQuery(ctx, &cwl.CreateScheduledQueryInput{
		Name: ptr("minutely"), ExecutionRoleArn: ptr("arn:aws:iam::000000000000:role/r"), QueryLanguage: logtypes.QueryLanguageCwli,
		QueryString: ptr("stats count(*) as n by route"), ScheduleExpression: ptr("cron(* * * * ? *)"), LogGroupIdentifiers: []string{*group},
		DestinationConfiguration: &logtypes.DestinationConfiguration{
			LookupTableConfiguration: &logtypes.LookupTableConfiguration{RoleArn: ptr("r"), TableName: ptr("routes")},
		},
	}))(t)
	mustGet(c.metrics.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
		AlarmName: ptr("silent"), Namespace: ptr("App"), MetricName: ptr("Calls"), Statistic: cwtypes.StatisticSum, Period: ptr[int32](60),
		EvaluationPeriods: ptr[int32](1), Threshold: ptr(1.0), ComparisonOperator: cwtypes.ComparisonOperatorLessThanThreshold,
		TreatMissingData: ptr("breaching"), AlarmActions: []string{"arn:aws:sns:us-east-1:000000000000:team"},
	}))(t)
	query = mustGet(c.logs.StartQuery(ctx, &cwl.StartQueryInput{
		LogGroupName: group, StartTime: ptr(start.Unix() - 60), EndTime: ptr(start.Unix()), QueryString: ptr("fields route | sort route desc"), Limit: ptr[int32](1),
	}))(t).QueryId
	mustGet(c.traces.GetSamplingTargets(ctx, &xray.GetSamplingTargetsInput{SamplingStatisticsDocuments: []xraytypes.SamplingStatisticsDocument{{
		RuleName: ptr("Default"), ClientID: ptr("0123456789abcdef01234567"), Timestamp: &start, RequestCount: 7, SampledCount: 3, BorrowCount: 1,
	}}}))(t)
	mustGet(c.traces.PutTraceSegments(ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{
		fmt.Sprintf(`{"trace_id":%q,"id":"aaaaaaaaaaaaaaaa","name":"web","start_time":%d,"end_time":%d}`, traceID, start.Unix(), start.Unix()+1),
	}}))(t)
	retrieval = mustGet(c.traces.StartTraceRetrieval(ctx, &xray.StartTraceRetrievalInput{
		TraceIds: []string{traceID}, StartTime: ptr(start.Add(-time.Minute)), EndTime: ptr(start.Add(time.Minute)),
	}))(t).RetrievalToken
	return query, retrieval
}

// errandsDone is what has come of errands, as text.
func errandsDone(t *testing.T, s *sandbox.Server, query, retrieval *string) string {
	t.Helper()
	var b strings.Builder
	ctx, c := t.Context(), clientsIn(t, s)
	for _, h := range mustGet(c.logs.GetScheduledQueryHistory(ctx, &cwl.GetScheduledQueryHistoryInput{
		Identifier: ptr("minutely"), StartTime: ptr[int64](0), EndTime: ptr[int64](4102444800),
	}))(t).TriggerHistory {
		fmt.Fprintln(&b, "ran", *h.TriggeredTimestamp, *h.QueryId, h.ExecutionStatus, h.Destinations[0].Status)
		fmt.Fprintln(&b, "rows", rowsOf(t, c, h.QueryId))
	}
	for _, table := range mustGet(c.logs.DescribeLookupTables(ctx, &cwl.DescribeLookupTablesInput{}))(t).LookupTables {
		fmt.Fprintf(&b, "table %s %q\n", *table.LookupTableName, *mustGet(c.logs.GetLookupTable(ctx, &cwl.GetLookupTableInput{LookupTableArn: table.LookupTableArn}))(t).TableBody)
	}
	for _, h := range mustGet(c.metrics.DescribeAlarmHistory(ctx, &cloudwatch.DescribeAlarmHistoryInput{AlarmName: ptr("silent")}))(t).AlarmHistoryItems {
		fmt.Fprintln(&b, "history", h.HistoryItemType, *h.HistorySummary, h.Timestamp)
	}
	for _, n := range s.Inbox().List() {
		fmt.Fprintln(&b, "inbox", s.Inbox().Total(), n.Time, n.Target, n.Message)
	}
	fmt.Fprintln(&b, "rows", rowsOf(t, c, query))
	for _, q := range mustGet(c.logs.DescribeQueries(ctx, &cwl.DescribeQueriesInput{}))(t).Queries {
		fmt.Fprintln(&b, "query", *q.QueryId, q.Status, *q.QueryString, *q.CreateTime, aws.ToFloat64(q.BytesScanned))
	}
	for _, u := range mustGet(c.traces.GetSamplingStatisticSummaries(ctx, &xray.GetSamplingStatisticSummariesInput{}))(t).SamplingStatisticSummaries {
		fmt.Fprintln(&b, "sampling", *u.RuleName, u.Timestamp, u.RequestCount, u.SampledCount, u.BorrowCount)
	}
	for _, tr := range mustGet(c.traces.ListRetrievedTraces(ctx, &xray.ListRetrievedTracesInput{RetrievalToken: retrieval}))(t).Traces {
		fmt.Fprintln(&b, "retrieved", *tr.Id)
	}
	return b.String()
}

// underWay reports whether errandsDone has seen a query that has not ended, and so
// has no statistics yet.
func underWay(done string) bool {
	return strings.Contains(done, string(logtypes.QueryStatusScheduled)) || strings.Contains(done, string(logtypes.QueryStatusRunning))
}

func rowsOf(t *testing.T, c *clients, query *string) string {
	t.Helper()
	for {
		out := mustGet(c.logs.GetQueryResults(t.Context(), &cwl.GetQueryResultsInput{QueryId: query}))(t)
		if out.Status != logtypes.QueryStatusComplete {
			continue // t's context ends the wait
		}
		var cells []string
		for _, row := range out.Results {
			for _, f := range row {
				if *f.Field != "@ptr" {
					cells = append(cells, *f.Field+"="+aws.ToString(f.Value))
				}
			}
		}
		return strings.Join(cells, " ")
	}
}

// TestOwnChangesOutlive looks at what nobody has put: runs of scheduled queries and
// the tables they fill, states and history of alarms, their notifications, queries
// and their rows, statistics of sampling, retrievals. Whoever has seen it sees it
// again after a kill.
func TestOwnChangesOutlive(t *testing.T) {
	dir := t.TempDir()
	s := frozenIn(t, dir)
	start := s.Clock().Now()
	query, retrieval := errands(t, clientsIn(t, s), start)
	if err := s.Clock().Advance(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := s.Inbox().WaitTotal(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	want := ""
	for strings.Count(want, "ran ") < 3 || !strings.Contains(want, "Successfully executed") || underWay(want) {
		want = errandsDone(t, s, query, retrieval)
	}
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"rows route=/b\n", `table routes "route,n`, "history Action", "inbox 1 ", "sampling Default", " 7 3 1\n", "retrieved 1-"} {
		if !strings.Contains(want, part) {
			t.Errorf("there is no %q in\n%s", part, want)
		}
	}
	for name, again := range map[string]*sandbox.Server{"kill": frozenIn(t, killed), "snapshot": fromSnapshot(t, s)} {
		if d := cmp.Diff(strings.Split(want, "\n"), strings.Split(errandsDone(t, again, query, retrieval), "\n")); d != "" {
			t.Errorf("after a %s (-before +after):\n%s", name, d)
		}
	}
}

// A clock that a test in Go has moved stands there after a kill too.
func TestClockOutlives(t *testing.T) {
	dir := t.TempDir()
	s := frozenIn(t, dir)
	if err := s.Clock().Advance(90 * time.Minute); err != nil {
		t.Fatal(err)
	}
	want := s.Clock().Now()
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again := frozenIn(t, killed)
	if got := again.Clock().Now(); !got.Equal(want) || !again.Clock().Frozen() {
		t.Errorf("after a kill the clock says %v, frozen %v; it said %v", got, again.Clock().Frozen(), want)
	}
}
