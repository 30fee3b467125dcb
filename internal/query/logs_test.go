package query_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// world is a sandbox and a client of it.
type world struct {
	*sandbox.Server
	*query.Client
	logs *cloudwatchlogs.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := sandboxtest.New(t)
	cfg := sandboxtest.Config(s)
	return &world{Server: s, Client: query.New(cfg), logs: cloudwatchlogs.NewFromConfig(cfg)}
}

func (w *world) fault(t *testing.T, r fault.Rule) {
	t.Helper()
	if _, err := w.Faults().Add(r); err != nil {
		t.Fatal(err)
	}
}

// put writes events that happened some seconds before now, in order.
func (w *world) put(t *testing.T, group, stream string, events map[int]string) {
	t.Helper()
	exists := func(err error) bool {
		_, ok := errors.AsType[*types.ResourceAlreadyExistsException](err)
		return ok
	}
	if _, err := w.logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}); err != nil && !exists(err) {
		t.Fatal(err)
	}
	if _, err := w.logs.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream}); err != nil && !exists(err) {
		t.Fatal(err)
	}
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream}
	now := time.Now()
	for ago, text := range events {
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Message: aws.String(text), Timestamp: aws.Int64(now.Add(-time.Duration(ago) * time.Second).UnixMilli())})
	}
	slices.SortFunc(in.LogEvents, func(a, b types.InputLogEvent) int { return int(*a.Timestamp - *b.Timestamp) })
	if _, err := w.logs.PutLogEvents(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func lastHour(text string, groups ...string) query.LogsQuery {
	return query.LogsQuery{Groups: groups, Text: text, From: time.Now().Add(-time.Hour), To: time.Now()}
}

// orders holds four events of a service.
func orders(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.put(t, "/ecs/orders", "a", map[int]string{
		40: `{"route":"/pay","ms":12,"level":"INFO"}`, 30: `{"route":"/pay","ms":20,"level":"ERROR","user":"u1"}`,
		20: `{"route":"/cart","ms":5,"level":"INFO"}`, 10: "plain text",
	})
	return w
}

func TestQuery(t *testing.T) {
	w := orders(t)
	for name, tc := range map[string]struct {
		text    string
		columns []string
		rows    []map[string]string
		matched int64
	}{
		"aggregate": {
			"filter ispresent(route) | stats count(*) as n, max(ms) as slowest by route | sort route",
			[]string{"route", "n", "slowest"},
			[]map[string]string{{"route": "/cart", "n": "1", "slowest": "5"}, {"route": "/pay", "n": "2", "slowest": "20"}},
			3,
		},
		"absent fields": {
			"fields route, user | filter ms > 10 | sort ms | display user, route",
			[]string{"user", "route", "@ptr"},
			[]map[string]string{{"route": "/pay"}, {"route": "/pay", "user": "u1"}},
			2,
		},
		"nothing": {"filter ms > 1000", nil, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var told []query.Statistics
			r, err := w.Logs.Query(t.Context(), lastHour(tc.text, "/ecs/orders"), func(s query.Statistics) { told = append(told, s) })
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range r.Rows {
				delete(row, "@ptr")
			}
			if d := cmp.Diff(tc.rows, r.Rows); d != "" {
				t.Errorf("rows (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.columns, r.Columns); d != "" {
				t.Errorf("columns (-want +got):\n%s", d)
			}
			if !r.Complete || r.Matched != tc.matched || r.Scanned != 4 || r.Bytes == 0 || len(told) == 0 {
				t.Errorf("complete %v, %+v, progress %v", r.Complete, r.Statistics, told)
			}
		})
	}
}

func TestQueryErrors(t *testing.T) {
	w := orders(t)
	_, err := w.Logs.Query(t.Context(), lastHour("filter ms >", "/ecs/orders"), nil)
	bad, ok := errors.AsType[*query.SyntaxError](err)
	if !ok || bad.Message == "" || bad.Start == 0 {
		t.Errorf("error = %#v, want a syntax error with its place", err)
	}
	_, err = w.Logs.Query(t.Context(), lastHour("limit 1", "/ecs/none"), nil)
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("error = %v, want one of a missing group", err)
	}
}

func TestQueryIsPatientWithThrottles(t *testing.T) {
	w := orders(t)
	w.fault(t, fault.Rule{Kind: fault.Throttle, Operation: "GetQueryResults", Count: 1})
	r, err := w.Logs.Query(t.Context(), lastHour("stats count(*) as n", "/ecs/orders"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete || r.Rows[0]["n"] != "4" {
		t.Errorf("got %+v", r)
	}
}

func TestQueryStopsWhenCancelled(t *testing.T) {
	w := orders(t)
	w.fault(t, fault.Rule{Kind: fault.Throttle, Operation: "GetQueryResults"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// Whoever asked leaves once the query is there and its results are asked for.
	logs := *w.Logs
	logs.API = &leaving{LogsAPI: logs.API, cancel: cancel}
	r, err := logs.Query(ctx, lastHour("limit 1", "/ecs/orders"), nil)
	if !errors.Is(err, context.Canceled) || r.Complete || r.QueryID == "" {
		t.Errorf("error = %v, result %+v", err, r)
	}
	var ops []string
	for _, c := range w.Calls() {
		ops = append(ops, c.Operation)
	}
	if !slices.Contains(ops, "StopQuery") {
		t.Errorf("calls %v: the query was not stopped", ops)
	}
}

// leaving ends what it serves when results are asked for.
type leaving struct {
	query.LogsAPI
	cancel context.CancelFunc
}

func (l *leaving) GetQueryResults(ctx context.Context, in *cloudwatchlogs.GetQueryResultsInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetQueryResultsOutput, error) {
	l.cancel()
	return l.LogsAPI.GetQueryResults(ctx, in, opts...)
}

// pagedQuery is a client whose only query has three pages, with a throttle before
// the last.
type pagedQuery struct {
	query.LogsAPI
	tokens []string
}

func (p *pagedQuery) StartQuery(context.Context, *cloudwatchlogs.StartQueryInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.StartQueryOutput, error) {
	return &cloudwatchlogs.StartQueryOutput{QueryId: aws.String("q")}, nil
}

func (p *pagedQuery) GetQueryResults(_ context.Context, in *cloudwatchlogs.GetQueryResultsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetQueryResultsOutput, error) {
	token := aws.ToString(in.NextToken)
	p.tokens = append(p.tokens, token)
	if len(p.tokens) == 3 {
		return nil, &types.ThrottlingException{}
	}
	next := map[string]*string{"": aws.String("b"), "b": aws.String("c")}[token]
	row := []types.ResultField{{Field: aws.String("page"), Value: aws.String("page" + token)}}
	return &cloudwatchlogs.GetQueryResultsOutput{Status: types.QueryStatusComplete, Results: [][]types.ResultField{row}, NextToken: next}, nil
}

func TestQueryPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &pagedQuery{}
		r, err := (&query.Logs{API: api}).Query(t.Context(), query.LogsQuery{Text: "limit 100000"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := []map[string]string{{"page": "page"}, {"page": "pageb"}, {"page": "pagec"}}
		if d := cmp.Diff(want, r.Rows); d != "" || !r.Complete {
			t.Errorf("complete %v, tokens %q, rows (-want +got):\n%s", r.Complete, api.tokens, d)
		}
	})
}

func TestGroups(t *testing.T) {
	w := newWorld(t)
	for _, g := range []string{"/ecs/orders", "/ecs/payments/web", "/ecs/payments/worker", "/lambda/orders"} {
		w.put(t, g, "s", map[int]string{1: "x"})
	}
	for pattern, want := range map[string][]string{
		"":                  {"/ecs/orders", "/ecs/payments/web", "/ecs/payments/worker", "/lambda/orders"},
		"/ecs/pay":          {"/ecs/payments/web", "/ecs/payments/worker"},
		"/ecs/*":            {"/ecs/orders", "/ecs/payments/web", "/ecs/payments/worker"},
		"*orders":           {"/ecs/orders", "/lambda/orders"},
		"/ecs/payments/w?b": {"/ecs/payments/web"},
		"/none*":            nil,
	} {
		got, err := w.Logs.Groups(t.Context(), pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, g := range got {
			names = append(names, g.Name)
		}
		if d := cmp.Diff(want, names); d != "" {
			t.Errorf("%q (-want +got):\n%s", pattern, d)
		}
	}
	names, err := w.Logs.Expand(t.Context(), []string{"/lambda/orders", "*orders", "/new"})
	if d := cmp.Diff([]string{"/lambda/orders", "/ecs/orders", "/new"}, names); d != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, d)
	}
	if _, err := w.Logs.Expand(t.Context(), []string{"/none*"}); err == nil {
		t.Error("a pattern that matches nothing is no error")
	}
	if _, err := w.Logs.Groups(t.Context(), "/ecs/[", 0); err == nil {
		t.Error("a broken pattern is no error")
	}
}
