package logs_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"
)

// query starts a query over an hour and waits until it has ended.
func (w *world) query(in cwl.StartQueryInput) (id string, out *cwl.GetQueryResultsOutput) {
	w.t.Helper()
	if in.StartTime == nil {
		in.StartTime, in.EndTime = aws.Int64(start.Unix()), aws.Int64(start.Add(time.Hour).Unix())
	}
	id = *must(w.StartQuery(w.t.Context(), &in))(w.t).QueryId
	for {
		out = must(w.GetQueryResults(w.t.Context(), &cwl.GetQueryResultsInput{QueryId: &id}))(w.t)
		if out.Status != types.QueryStatusScheduled && out.Status != types.QueryStatusRunning {
			return id, out
		}
		if w.t.Context().Err() != nil {
			w.t.Fatal("query does not end")
		}
	}
}

func table(rows [][]types.ResultField) [][]string {
	out := [][]string{}
	for _, r := range rows {
		var cells []string
		for _, f := range r {
			if *f.Field != "@ptr" {
				cells = append(cells, *f.Field+"="+*f.Value)
			}
		}
		out = append(out, cells)
	}
	return out
}

func fillApp(w *world) {
	w.group("/app")
	w.group("/app2")
	w.stream("/app", "s")
	w.stream("/app2", "t")
	for i := range 10 {
		w.put("/app", "s", event(time.Duration(i)*time.Second, `{"n":%d,"route":"/%c"}`, i, 'a'+i%2))
	}
	w.put("/app2", "t", event(0, `{"n":100,"route":"/b"}`))
}

func TestQueries(t *testing.T) {
	w := newWorld(t)
	fillApp(w)
	app := aws.String("/app")
	for name, tt := range map[string]struct {
		in   cwl.StartQueryInput
		want [][]string
	}{
		"stats": {
			cwl.StartQueryInput{LogGroupName: app, QueryString: aws.String("stats sum(n) as s, count(*) as c by route | sort route")},
			[][]string{{"route=/a", "s=20", "c=5"}, {"route=/b", "s=25", "c=5"}},
		},
		"two groups": {
			cwl.StartQueryInput{LogGroupNames: []string{"/app", "/app2"}, QueryString: aws.String("filter route = '/b' | stats max(n) as m by @log | sort @log")},
			[][]string{{"@log=123456789012:/app", "m=9"}, {"@log=123456789012:/app2", "m=100"}},
		},
		"identifiers": {
			cwl.StartQueryInput{LogGroupIdentifiers: []string{"arn:aws:logs:us-east-1:123456789012:log-group:/app2"}, QueryString: aws.String("fields n")},
			[][]string{{"n=100"}},
		},
		"events": {
			cwl.StartQueryInput{LogGroupName: app, QueryString: aws.String("fields @timestamp, n | sort @timestamp desc | limit 1")},
			[][]string{{"@timestamp=2026-03-01 12:00:09.000", "n=9"}},
		},
		"range is inclusive": {cwl.StartQueryInput{
			LogGroupName: app, QueryString: aws.String("stats count(*) as c"),
			StartTime: aws.Int64(start.Unix() + 2), EndTime: aws.Int64(start.Unix() + 4),
		}, [][]string{{"c=3"}}},
		"limit of the call": {
			cwl.StartQueryInput{LogGroupName: app, Limit: aws.Int32(2), QueryString: aws.String("fields n | sort n")},
			[][]string{{"n=0"}, {"n=1"}},
		},
		"source": {
			cwl.StartQueryInput{QueryString: aws.String("SOURCE logGroups(namePrefix: ['/app2']) | fields n")},
			[][]string{{"n=100"}},
		},
	} {
		_, got := w.query(tt.in)
		if d := cmp.Diff(tt.want, table(got.Results)); d != "" || got.Status != types.QueryStatusComplete {
			t.Errorf("%s: %s %s", name, got.Status, d)
		}
	}
}

func TestQueryPointersAndStatistics(t *testing.T) {
	w := newWorld(t)
	fillApp(w)
	id, got := w.query(cwl.StartQueryInput{LogGroupName: aws.String("/app"), QueryString: aws.String("filter n = 7")})
	if s := got.Statistics; s.RecordsScanned != 10 || s.RecordsMatched != 1 || s.ResultCount != 1 || s.LogGroupsScanned != 1 || s.BytesScanned == 0 {
		t.Errorf("statistics are %+v", s)
	}
	row := got.Results[0]
	ptr := row[len(row)-1]
	if *ptr.Field != "@ptr" {
		t.Fatalf("row is %v", table(got.Results))
	}
	rec := must(w.GetLogRecord(t.Context(), &cwl.GetLogRecordInput{LogRecordPointer: ptr.Value}))(t).LogRecord
	want := map[string]string{
		"@message": `{"n":7,"route":"/b"}`, "n": "7", "route": "/b", "@timestamp": "2026-03-01 12:00:07.000", "@ingestionTime": "2026-03-01 12:00:00.000",
		"@logStream": "s", "@log": "123456789012:/app", "@ptr": *ptr.Value,
	}
	if d := cmp.Diff(want, rec); d != "" {
		t.Errorf("record differs: %s", d)
	}
	_, err := w.StopQuery(t.Context(), &cwl.StopQueryInput{QueryId: &id})
	wantError(t, err, "InvalidParameterException")
	list := must(w.DescribeQueries(t.Context(), &cwl.DescribeQueriesInput{LogGroupName: aws.String("/app"), Status: types.QueryStatusComplete}))(t).Queries
	text := fmt.Sprintf(`SOURCE "/app" START=%d END=%d | filter n = 7`, start.Unix(), start.Add(time.Hour).Unix())
	if len(list) != 1 || *list[0].QueryId != id || *list[0].QueryString != text {
		t.Errorf("queries are %v", list)
	}
	fields := must(w.GetLogGroupFields(t.Context(), &cwl.GetLogGroupFieldsInput{LogGroupName: aws.String("/app"), Time: aws.Int64(start.Unix())}))(t)
	if f := fields.LogGroupFields; len(f) != 8 || f[0].Percent != 100 {
		t.Errorf("fields are %v", f)
	}
}

func TestQueryPages(t *testing.T) {
	w := newWorld(t)
	fillApp(w)
	id, _ := w.query(cwl.StartQueryInput{LogGroupName: aws.String("/app"), QueryString: aws.String("fields n | sort n")})
	in := &cwl.GetQueryResultsInput{QueryId: &id, MaxItems: aws.Int32(4)}
	var got []string
	for {
		out := must(w.GetQueryResults(t.Context(), in))(t)
		for _, r := range out.Results {
			got = append(got, *r[0].Value)
		}
		if in.NextToken = out.NextToken; out.NextToken == nil {
			break
		}
	}
	if d := cmp.Diff([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, got); d != "" {
		t.Error(d)
	}
}

func TestQueryRefusals(t *testing.T) {
	w := newWorld(t)
	fillApp(w)
	run := func(in cwl.StartQueryInput) error {
		if in.StartTime == nil {
			in.StartTime, in.EndTime = aws.Int64(0), aws.Int64(1)
		}
		_, err := w.StartQuery(t.Context(), &in)
		return err
	}
	app, q := aws.String("/app"), aws.String("fields @message")
	err := run(cwl.StartQueryInput{LogGroupName: app, QueryString: aws.String("fields n | explode n")})
	e, ok := errors.AsType[*types.MalformedQueryException](err)
	if !ok || e.QueryCompileError == nil || *e.QueryCompileError.Location.StartCharOffset != 11 || *e.QueryCompileError.Location.EndCharOffset != 18 {
		t.Errorf("a malformed query: %v", err)
	}
	for code, ins := range map[string][]cwl.StartQueryInput{
		"InvalidParameterException": {
			{QueryString: q},
			{LogGroupName: app, LogGroupNames: []string{"/app"}, QueryString: q},
			{LogGroupName: app, QueryString: q, StartTime: aws.Int64(2), EndTime: aws.Int64(1)},
			{LogGroupName: app, QueryString: q, StartTime: at(0), EndTime: at(1)},
			{LogGroupName: app, QueryString: q, QueryLanguage: types.QueryLanguageSql},
			{LogGroupName: app, QueryString: q, QueryLanguage: types.QueryLanguagePpl},
			{LogGroupName: app, QueryString: q, Limit: aws.Int32(100001)},
		},
		"ResourceNotFoundException": {{LogGroupName: aws.String("/no"), QueryString: q}},
	} {
		for i, in := range ins {
			if err := run(in); err == nil {
				t.Errorf("%s %d: no error", code, i)
			} else {
				wantError(t, err, code)
			}
		}
	}
	_, err = w.GetQueryResults(t.Context(), &cwl.GetQueryResultsInput{QueryId: aws.String("none")})
	wantError(t, err, "ResourceNotFoundException")
}

// TestQueriesOfTheInfrequentAccessClass: its groups are only searched if asked
// for, and lack some commands.
func TestQueriesOfTheInfrequentAccessClass(t *testing.T) {
	w := newWorld(t)
	fillApp(w)
	must(w.CreateLogGroup(t.Context(), &cwl.CreateLogGroupInput{LogGroupName: aws.String("/rare"), LogGroupClass: types.LogGroupClassInfrequentAccess}))(t)
	w.stream("/rare", "s")
	w.put("/rare", "s", event(0, "text"))
	for source, want := range map[string]string{"": "c=11", "class: ['INFREQUENT_ACCESS']": "c=1", "class: ['STANDARD', 'INFREQUENT_ACCESS']": "c=12"} {
		_, got := w.query(cwl.StartQueryInput{QueryString: aws.String("SOURCE logGroups(" + source + ") | stats count(*) as c")})
		if d := cmp.Diff([][]string{{want}}, table(got.Results)); d != "" {
			t.Errorf("SOURCE logGroups(%s): %s", source, d)
		}
	}
	for text, at := range map[string]int32{
		"filter 1 = 1 | pattern @message": 15, "diff": 0, "filterIndex a = 1": 0, "fields unmask(@message)": 0,
		"stats count(*) as n | stats max(n) as m | stats max(m)": 42,
	} {
		in := cwl.StartQueryInput{LogGroupName: aws.String("/rare"), StartTime: aws.Int64(0), EndTime: aws.Int64(1), QueryString: &text}
		_, err := w.StartQuery(t.Context(), &in)
		e, ok := errors.AsType[*types.MalformedQueryException](err)
		if !ok || *e.QueryCompileError.Location.StartCharOffset != at {
			t.Errorf("%s over /rare: %v, want MalformedQueryException at %d", text, err, at)
		}
		in.LogGroupName = aws.String("/app")
		must(w.StartQuery(t.Context(), &in))(t)
	}
	_, err := w.StartQuery(t.Context(), &cwl.StartQueryInput{
		LogGroupName: aws.String("/app"), StartTime: aws.Int64(0), EndTime: aws.Int64(1),
		QueryString: aws.String("filter n in (SOURCE '/rare' | filterIndex a = 1 | fields a)"),
	})
	wantError(t, err, "MalformedQueryException")
}
