package logs

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
)

// waiting is a source whose second block waits for the end of the query.
type waiting struct{ begun chan struct{} }

func (s waiting) Blocks() []insights.Block {
	return []insights.Block{insights.Rows{{Time: 1, Message: []byte("first")}}, s}
}

func (s waiting) Rows(ctx context.Context, _ func(*insights.Row) bool) error {
	close(s.begun)
	<-ctx.Done()
	return ctx.Err()
}

func TestStopWhileAQueryRuns(t *testing.T) {
	for name, tt := range map[string]struct {
		stop func(q *query, end context.CancelFunc)
		want types.QueryStatus
	}{
		"by its user":      {func(q *query, _ context.CancelFunc) { q.cancel() }, types.QueryStatusCancelled},
		"with the sandbox": {func(_ *query, end context.CancelFunc) { end() }, types.QueryStatusCancelled},
		"by its time":      {func(q *query, _ context.CancelFunc) { q.stop(errTimeout) }, types.QueryStatusTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			compiled, err := insights.Parse("stats count(*) as n")
			if err != nil {
				t.Fatal(err)
			}
			src := waiting{make(chan struct{})}
			q := &query{status: types.QueryStatusScheduled, exec: compiled.Prepare(src, insights.Options{Workers: 1})}
			ctx, end := context.WithCancel(t.Context())
			defer end()
			done := make(chan struct{})
			go func() { q.run(ctx); close(done) }()
			<-src.begun
			if status, _ := q.snapshot(); status != types.QueryStatusRunning || q.ended() {
				t.Errorf("while it runs: %s", status)
			}
			tt.stop(q, end)
			<-done
			status, result := q.snapshot()
			if status != tt.want || len(result.Rows) != 1 || result.Rows[0][0].Value != "1" || result.Statistics.RecordsScanned != 1 {
				t.Errorf("after it: %s, %v, want %s and the row read before", status, result, tt.want)
			}
			if q.cancel() {
				t.Error("what has ended can be stopped")
			}
		})
	}
}

// TestQueriesAtOnce schedules queries that nobody carries out.
func TestQueriesAtOnce(t *testing.T) {
	s, err := New(Options{Clock: clock.NewFrozen(time.Unix(1_800_000_000, 0))})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := s.createLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: aws.String("/app")}); err != nil {
		t.Fatal(err)
	}
	in := &cwl.StartQueryInput{LogGroupName: aws.String("/app"), StartTime: aws.Int64(0), EndTime: aws.Int64(1), QueryString: aws.String("limit 1")}
	var last *string
	for i := range maxQueries {
		out, err := s.startQuery(ctx, in)
		if err != nil {
			t.Fatalf("query %d: %v", i+1, err)
		}
		last = out.QueryId
	}
	code := func(err error) string {
		if e, ok := errors.AsType[*api.Error](err); ok {
			return e.Shape
		}
		return ""
	}
	if _, err := s.startQuery(ctx, in); code(err) != "LimitExceededException" {
		t.Errorf("query %d: %v", maxQueries+1, err)
	}
	out, err := s.stopQuery(ctx, &cwl.StopQueryInput{QueryId: last})
	if err != nil || !out.Success {
		t.Errorf("StopQuery: %v, %v", out, err)
	}
	if _, err := s.stopQuery(ctx, &cwl.StopQueryInput{QueryId: last}); code(err) != "InvalidParameterException" {
		t.Errorf("StopQuery again: %v", err)
	}
	got, err := s.getQueryResults(ctx, &cwl.GetQueryResultsInput{QueryId: last})
	if err != nil || got.Status != types.QueryStatusCancelled || len(got.Results) != 0 {
		t.Errorf("GetQueryResults: %v, %v", got, err)
	}
	<-s.queue // as if one had been carried out
	if _, err := s.startQuery(ctx, in); err != nil {
		t.Errorf("in the place of the one that was stopped: %v", err)
	}
}
