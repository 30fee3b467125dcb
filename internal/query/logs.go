package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// LogsAPI is what Logs needs of the CloudWatch Logs client.
type LogsAPI interface {
	DescribeLogGroups(context.Context, *cloudwatchlogs.DescribeLogGroupsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error)
	FilterLogEvents(context.Context, *cloudwatchlogs.FilterLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error)
	StartQuery(context.Context, *cloudwatchlogs.StartQueryInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.StartQueryOutput, error)
	GetQueryResults(context.Context, *cloudwatchlogs.GetQueryResultsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetQueryResultsOutput, error)
	StopQuery(context.Context, *cloudwatchlogs.StopQueryInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.StopQueryOutput, error)
}

var _ LogsAPI = (*cloudwatchlogs.Client)(nil)

// Logs asks CloudWatch Logs. It is safe for concurrent use if its API is.
type Logs struct{ API LogsAPI }

// The pauses between two looks at a running query.
const (
	firstPoll = 200 * time.Millisecond
	lastPoll  = 2 * time.Second
	// stopWithin bounds the attempt to stop a query that nobody waits for any
	// more, which would go on to cost money and a place among the 100 that an
	// account may run.
	stopWithin = 3 * time.Second
)

// LogsQuery is a query in the language of Logs Insights.
type LogsQuery struct {
	// Groups are names or ARNs of log groups, at most 50.
	Groups []string
	Text   string
	// From and To bound the events, both inclusive, in whole seconds.
	From, To time.Time
	// Limit is the greatest number of rows, at most 100 000. Zero leaves it to
	// the service, which returns 10 000. A limit in the text wins.
	Limit int
}

// Statistics say what a query looked at.
type Statistics struct {
	Matched, Scanned, Bytes int64
}

// LogsResult is the answer to a query.
type LogsResult struct {
	QueryID string
	// Columns are the names of all fields in the order of display; Rows have the
	// fields by name, and lack those that an event does not have.
	Columns []string
	Rows    []map[string]string
	Statistics
	// Took is how long the answer was waited for.
	Took time.Duration
	// Complete says that the query came to its end.
	Complete bool
}

// Query runs a query and blocks until it is complete, telling progress, if it is
// not nil, how far it is. When ctx ends the query is stopped, and what had come
// is returned with the error. Text that does not compile is a *SyntaxError.
func (l *Logs) Query(ctx context.Context, q LogsQuery, progress func(Statistics)) (*LogsResult, error) {
	began := time.Now()
	id, err := l.start(ctx, q)
	if err != nil {
		return nil, err
	}
	r := &LogsResult{QueryID: id}
	err = l.poll(ctx, r, progress)
	r.Took = time.Since(began)
	if ctx.Err() != nil && !r.Complete {
		l.stop(context.WithoutCancel(ctx), id)
	}
	if err != nil {
		return r, fmt.Errorf("query %s: %w", id, err)
	}
	return r, nil
}

func (l *Logs) start(ctx context.Context, q LogsQuery) (string, error) {
	in := &cloudwatchlogs.StartQueryInput{
		QueryString: &q.Text, StartTime: aws.Int64(q.From.Unix()), EndTime: aws.Int64(q.To.Unix()),
	}
	// Names and ARNs must not be mixed; identifiers may be either.
	if len(q.Groups) > 0 {
		in.LogGroupIdentifiers = q.Groups
	}
	if q.Limit > 0 {
		in.Limit = aws.Int32(int32(min(q.Limit, 100_000)))
	}
	out, err := l.API.StartQuery(ctx, in)
	if bad, ok := errors.AsType[*types.MalformedQueryException](err); ok {
		return "", syntaxError(bad, err)
	}
	if err != nil {
		return "", fmt.Errorf("start query: %w", err)
	}
	return aws.ToString(out.QueryId), nil
}

func (l *Logs) stop(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	// A query that has ended by itself cannot be stopped, which is as good.
	_, _ = l.API.StopQuery(ctx, &cloudwatchlogs.StopQueryInput{QueryId: &id})
}

// poll looks until the query ends. A throttle is no end: it only makes the
// pauses longer.
func (l *Logs) poll(ctx context.Context, r *LogsResult, progress func(Statistics)) error {
	pause := firstPoll
	for {
		if err := wait(ctx, pause); err != nil {
			return err
		}
		pause = min(pause*3/2, lastPoll)
		out, err := l.API.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: &r.QueryID})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && passing(err):
			pause = lastPoll
			continue
		case err != nil:
			return err
		}
		r.Columns, r.Rows = nil, nil
		r.take(out)
		if progress != nil {
			progress(r.Statistics)
		}
		if done, err := ended(out.Status); err != nil {
			return err
		} else if done {
			return l.rest(ctx, r, out.NextToken)
		}
	}
}

// ended reports whether a query of this status has all its rows, or why it never
// will.
func ended(s types.QueryStatus) (bool, error) {
	switch s {
	case types.QueryStatusComplete:
		return true, nil
	case types.QueryStatusFailed, types.QueryStatusCancelled, types.QueryStatusTimeout:
		return false, fmt.Errorf("ended as %s", s)
	}
	return false, nil
}

// rest reads the pages after the first 10 000 rows of a complete query.
func (l *Logs) rest(ctx context.Context, r *LogsResult, token *string) error {
	for aws.ToString(token) != "" {
		out, err := l.API.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: &r.QueryID, NextToken: token})
		switch {
		case err != nil && passing(err) && ctx.Err() == nil:
			if err := wait(ctx, lastPoll); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		r.take(out)
		token = out.NextToken
	}
	r.Complete = true
	return nil
}

// take adds a page of results.
func (r *LogsResult) take(out *cloudwatchlogs.GetQueryResultsOutput) {
	for _, fields := range out.Results {
		row := make(map[string]string, len(fields))
		at := 0 // where in Columns a field that is new would stand
		for _, f := range fields {
			name := aws.ToString(f.Field)
			row[name] = aws.ToString(f.Value)
			if i := slices.Index(r.Columns, name); i >= 0 {
				at = i + 1
				continue
			}
			r.Columns = slices.Insert(r.Columns, at, name)
			at++
		}
		r.Rows = append(r.Rows, row)
	}
	if s := out.Statistics; s != nil {
		r.Statistics = Statistics{Matched: int64(s.RecordsMatched), Scanned: int64(s.RecordsScanned), Bytes: int64(s.BytesScanned)}
	}
}

// SyntaxError says where the text of a query is wrong.
type SyntaxError struct {
	// Start and End bound the place in characters, from 0, End exclusive. They
	// are equal where the service did not tell.
	Start, End int
	Message    string
	err        error
}

func syntaxError(bad *types.MalformedQueryException, err error) *SyntaxError {
	s := &SyntaxError{Message: aws.ToString(bad.Message), err: err}
	if e := bad.QueryCompileError; e != nil {
		if m := aws.ToString(e.Message); m != "" {
			s.Message = m
		}
		if at := e.Location; at != nil {
			s.Start, s.End = int(aws.ToInt32(at.StartCharOffset)), int(aws.ToInt32(at.EndCharOffset))
		}
	}
	return s
}

// Error implements error.
func (e *SyntaxError) Error() string { return "the query does not compile: " + e.Message }

// Unwrap returns the client's error.
func (e *SyntaxError) Unwrap() error { return e.err }
