package logs_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// same compares the members of in with those of the same name of out. lost are
// those that AWS does not return, with the reason.
func same(t *testing.T, in, out any, lost map[string]string) {
	t.Helper()
	from, to := reflect.ValueOf(in).Elem(), reflect.ValueOf(out).Elem()
	for i := range from.NumField() {
		f := from.Type().Field(i)
		if !f.IsExported() || lost[f.Name] != "" {
			continue
		}
		if from.Field(i).IsZero() {
			t.Errorf("%s is not set by the test", f.Name)
			continue
		}
		got := to.FieldByName(f.Name)
		if !got.IsValid() {
			t.Errorf("%s does not come back", f.Name)
			continue
		}
		if diff := cmp.Diff(from.Field(i).Interface(), got.Interface(), cmpopts.IgnoreUnexported(
			types.DestinationConfiguration{}, types.LookupTableConfiguration{}, types.S3Configuration{})); diff != "" {
			t.Errorf("%s: -put +got:\n%s", f.Name, diff)
		}
	}
}

func fullSchedule() *cwl.CreateScheduledQueryInput {
	return &cwl.CreateScheduledQueryInput{
		Name: aws.String("hourly"), ExecutionRoleArn: aws.String("arn:aws:iam::000000000000:role/r"), QueryLanguage: types.QueryLanguageCwli,
		QueryString: aws.String("stats count(*) as n by route"), ScheduleExpression: aws.String("cron(*/5 * * * ? *)"),
		Description: aws.String("d"), EndTimeOffset: aws.Int64(0), StartTimeOffset: aws.Int64(86400), LogGroupIdentifiers: []string{"/app"},
		ScheduleStartTime: aws.Int64(1), ScheduleEndTime: aws.Int64(4102444800), State: types.ScheduledQueryStateEnabled,
		Tags: map[string]string{"k": "v"}, Timezone: aws.String("Europe/Paris"),
		DestinationConfiguration: &types.DestinationConfiguration{
			LookupTableConfiguration: &types.LookupTableConfiguration{RoleArn: aws.String("r"), TableName: aws.String("routes"), Description: aws.String("x")},
			S3Configuration:          &types.S3Configuration{DestinationIdentifier: aws.String("s3://bucket/p"), RoleArn: aws.String("r")},
		},
	}
}

func TestScheduledQueryRunsByTheClock(t *testing.T) {
	w := newWorld(t)
	fillApp(w)
	in := fullSchedule()
	made := must(w.CreateScheduledQuery(t.Context(), in))(t)
	got := must(w.GetScheduledQuery(t.Context(), &cwl.GetScheduledQueryInput{Identifier: made.ScheduledQueryArn}))(t)
	same(t, in, got, map[string]string{"Tags": "ListTagsForResource returns them"})
	if tags := must(w.ListTagsForResource(t.Context(), &cwl.ListTagsForResourceInput{ResourceArn: made.ScheduledQueryArn}))(t).Tags; tags["k"] != "v" {
		t.Errorf("tags = %v", tags)
	}
	w.advance(10 * time.Minute)
	id := aws.String("hourly")
	var history []types.TriggerHistoryRecord
	for len(history) < 2 && t.Context().Err() == nil {
		history = must(w.GetScheduledQueryHistory(t.Context(), &cwl.GetScheduledQueryHistoryInput{
			Identifier: id, StartTime: aws.Int64(0), EndTime: aws.Int64(4102444800),
		}))(t).TriggerHistory
	}
	run := history[0]
	if run.ExecutionStatus != types.ExecutionStatusComplete || len(run.Destinations) != 2 ||
		run.Destinations[0].Status != types.ActionStatusFailed || run.Destinations[1].Status != types.ActionStatusComplete {
		t.Errorf("run = %+v", run)
	}
	results := must(w.GetQueryResults(t.Context(), &cwl.GetQueryResultsInput{QueryId: run.QueryId}))(t)
	if diff := cmp.Diff([][]string{{"route=/a", "n=5"}, {"route=/b", "n=5"}}, table(results.Results)); diff != "" {
		t.Errorf("results -want +got:\n%s", diff)
	}
	arn := strings.Replace(*made.ScheduledQueryArn, "scheduled-query:hourly", "lookup-table:routes", 1)
	if body := *must(w.GetLookupTable(t.Context(), &cwl.GetLookupTableInput{LookupTableArn: &arn}))(t).TableBody; body != "route,n\n/a,5\n/b,5\n" {
		t.Errorf("lookup table = %q", body)
	}
	must(w.DeleteScheduledQuery(t.Context(), &cwl.DeleteScheduledQueryInput{Identifier: id}))(t)
	if list := must(w.ListScheduledQueries(t.Context(), &cwl.ListScheduledQueriesInput{}))(t).ScheduledQueries; len(list) != 0 {
		t.Errorf("after deletion: %v", list)
	}
}

func TestScheduledQueryIsChecked(t *testing.T) {
	w := newWorld(t)
	fillApp(w)
	for name, spoil := range map[string]func(*cwl.CreateScheduledQueryInput){
		"cron":     func(in *cwl.CreateScheduledQueryInput) { in.ScheduleExpression = aws.String("cron(61 * * * ? *)") },
		"rate":     func(in *cwl.CreateScheduledQueryInput) { in.ScheduleExpression = aws.String("rate(5 minutes)") },
		"zone":     func(in *cwl.CreateScheduledQueryInput) { in.Timezone = aws.String("Mars") },
		"query":    func(in *cwl.CreateScheduledQueryInput) { in.QueryString = aws.String("filds a") },
		"language": func(in *cwl.CreateScheduledQueryInput) { in.QueryLanguage = types.QueryLanguageSql },
		"group":    func(in *cwl.CreateScheduledQueryInput) { in.LogGroupIdentifiers = []string{"/none"} },
		"offsets":  func(in *cwl.CreateScheduledQueryInput) { in.EndTimeOffset = in.StartTimeOffset },
	} {
		in := fullSchedule()
		spoil(in)
		if _, err := w.CreateScheduledQuery(t.Context(), in); err == nil {
			t.Errorf("%s: is taken", name)
		}
	}
}

func TestLookupTables(t *testing.T) {
	w := newWorld(t)
	fillApp(w)
	in := &cwl.CreateLookupTableInput{
		LookupTableName: aws.String("owners"), Description: aws.String("d"), KmsKeyId: aws.String("key"),
		TableBody: aws.String("path,owner\n/a,ann\n/b,bob\n"), Tags: map[string]string{"k": "v"},
	}
	made := must(w.CreateLookupTable(t.Context(), in))(t)
	got := must(w.GetLookupTable(t.Context(), &cwl.GetLookupTableInput{LookupTableArn: made.LookupTableArn}))(t)
	same(t, in, got, map[string]string{"Tags": "ListTagsForResource returns them", "QueryId": "it is an alternative to the body"})
	_, out := w.query(cwl.StartQueryInput{LogGroupName: aws.String("/app"), QueryString: aws.String(
		"lookup owners path as route OUTPUT owner | stats count(*) as n by owner")})
	if diff := cmp.Diff([][]string{{"owner=ann", "n=5"}, {"owner=bob", "n=5"}}, table(out.Results)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := w.StartQuery(t.Context(), &cwl.StartQueryInput{
		LogGroupName: aws.String("/app"), StartTime: aws.Int64(0), EndTime: aws.Int64(1), QueryString: aws.String("lookup nobody a as b OUTPUT c"),
	}); err == nil || !strings.Contains(err.Error(), "MalformedQueryException") {
		t.Errorf("a query of a table that is not there: %v", err)
	}
	must(w.DeleteLookupTable(t.Context(), &cwl.DeleteLookupTableInput{LookupTableArn: made.LookupTableArn}))(t)
	if list := must(w.DescribeLookupTables(t.Context(), &cwl.DescribeLookupTablesInput{}))(t).LookupTables; len(list) != 0 {
		t.Errorf("after deletion: %v", list)
	}
}

func TestQueriesOfSeveralSources(t *testing.T) {
	w := newWorld(t)
	fillApp(w)
	app := aws.String("/app")
	for query, want := range map[string][][]string{
		`filter route in (SOURCE '/app2' | fields route) | stats count(*) as n`:                                                  {{"n=5"}},
		`join left=a right=b where a.route = b.route (SOURCE '/app2' | fields route, n as m) | stats max(m) as m, count(*) as c`: {{"m=100", "c=5"}},
		`pattern @message | diff | fields @sampleCount, @comparisonCount`:                                                        {{"@sampleCount=10", "@comparisonCount=0"}},
	} {
		if _, out := w.query(cwl.StartQueryInput{LogGroupName: app, QueryString: &query}); !cmp.Equal(want, table(out.Results)) {
			t.Errorf("%s = %v, want %v", query, table(out.Results), want)
		}
	}
	query := `filter a in (SOURCE '/none' | fields a)`
	if _, err := w.StartQuery(t.Context(), &cwl.StartQueryInput{LogGroupName: app, StartTime: aws.Int64(0), EndTime: aws.Int64(1), QueryString: &query}); err == nil {
		t.Error("a subquery of a group that is not there starts")
	}
}
