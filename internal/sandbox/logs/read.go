package logs

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/filterpattern"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// Limits of a page of events (SDK: GetLogEvents, FilterLogEvents).
const (
	maxPageEvents = 10000
	maxPageBytes  = 1 << 20
	// maxFilterScan is how many bytes of events FilterLogEvents looks at for a
	// page. The service's own bound is not documented, but its pages may be
	// empty with a token, which clients must understand.
	maxFilterScan = 32 << 20
)

// bounds are the event times to read: what the caller asks for, without what
// has expired. The end is inclusive.
func (g *group) bounds(start, end *int64, now int64) (from, to int64, err error) {
	from, to = g.expiry(now), math.MaxInt64
	if start != nil {
		if *start < 0 {
			return 0, 0, constraint(*start, "startTime", "have value greater than or equal to 0")
		}
		from = max(from, *start)
	}
	if end != nil {
		if *end < 0 {
			return 0, 0, constraint(*end, "endTime", "have value greater than or equal to 0")
		}
		to = *end
	}
	return from, to, nil
}

// readable refuses groups of classes whose events only queries can read.
func (g *group) readable() error {
	if g.class == types.LogGroupClassInfrequentAccess {
		return api.Errorf("InvalidOperationException", "This operation is not supported for the log group class INFREQUENT_ACCESS (%s).", g.name)
	}
	return nil
}

func (s *Service) getLogEvents(ctx context.Context, in *cwl.GetLogEventsInput) (*cwl.GetLogEventsOutput, error) {
	limit, err := limitOf("limit", in.Limit, maxPageEvents, maxPageEvents)
	if err != nil {
		return nil, err
	}
	if e := streamNameRule("logStreamName").check(in.LogStreamName); e != nil {
		return nil, e
	}
	g, err := s.identified(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if err := g.readable(); err != nil {
		return nil, err
	}
	st, err := g.stream(*in.LogStreamName)
	if err != nil {
		return nil, err
	}
	now := s.now()
	q := store.Query{Limit: limit, MaxBytes: maxPageBytes, Match: func(e *store.Stream) bool { return e == st.events }}
	if q.Start, q.End, err = g.bounds(in.StartTime, in.EndTime, now); err != nil {
		return nil, err
	}
	if in.EndTime != nil {
		q.End-- // here, and only here, the end is exclusive
	}
	q.Backward = !aws.ToBool(in.StartFromHead)
	if in.NextToken != nil {
		kind, p, err := readPosition(*in.NextToken, now)
		if err != nil {
			return nil, err
		}
		if kind == tokenFilter {
			return nil, invalid("The specified nextToken is invalid.")
		}
		q.From, q.Backward = &p, kind == tokenBackward
	}
	got, err := g.events.Page(ctx, &q)
	if err != nil {
		return nil, err
	}
	return eventsPage(got, &q, in.NextToken, now), nil
}

// eventsPage makes the answer, whose events ascend however they were read, and
// whose tokens are the places before the first and after the last of them. At
// an end of the stream the token is the one that was sent.
func eventsPage(got *store.Page, q *store.Query, sent *string, now int64) *cwl.GetLogEventsOutput {
	if q.Backward {
		slices.Reverse(got.Events)
	}
	before, after := got.Next, got.Next
	if n := len(got.Events); n > 0 {
		before = store.Position{Time: got.Events[0].Time, Seq: got.Events[0].Seq}
		after = store.Position{Time: got.Events[n-1].Time, Seq: got.Events[n-1].Seq + 1}
	}
	out := &cwl.GetLogEventsOutput{
		Events:            make([]types.OutputLogEvent, len(got.Events)),
		NextForwardToken:  aws.String(positionToken(tokenForward, after, now)),
		NextBackwardToken: aws.String(positionToken(tokenBackward, before, now)),
	}
	if sent != nil && len(got.Events) == 0 {
		if q.Backward {
			out.NextBackwardToken = sent
		} else {
			out.NextForwardToken = sent
		}
	}
	for i := range got.Events {
		e := &got.Events[i]
		out.Events[i] = types.OutputLogEvent{Timestamp: &e.Time, IngestionTime: &e.Ingested, Message: aws.String(string(e.Message))}
	}
	return out
}

// newestFirst is the earliest startTime with which FilterLogEvents reads
// backward (SDK: FilterLogEvents, startFromHead).
func newestFirst() int64 { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() }

func (s *Service) filterLogEvents(ctx context.Context, in *cwl.FilterLogEventsInput) (*cwl.FilterLogEventsOutput, error) {
	g, err := s.identified(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if err := g.readable(); err != nil {
		return nil, err
	}
	q, err := g.filterQuery(in, s.now())
	if err != nil {
		return nil, err
	}
	got, err := g.events.Page(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &cwl.FilterLogEventsOutput{Events: make([]types.FilteredLogEvent, len(got.Events)), SearchedLogStreams: []types.SearchedLogStream{}}
	for i := range got.Events {
		e := &got.Events[i]
		out.Events[i] = types.FilteredLogEvent{
			EventId: aws.String(eventID(e)), Timestamp: &e.Time, IngestionTime: &e.Ingested,
			LogStreamName: aws.String(e.Stream.Name()), Message: aws.String(string(e.Message)),
		}
	}
	if got.More {
		out.NextToken = aws.String(positionToken(tokenFilter, got.Next, s.now()))
	}
	return out, nil
}

func (g *group) filterQuery(in *cwl.FilterLogEventsInput, now int64) (*store.Query, error) {
	limit, err := limitOf("limit", in.Limit, maxPageEvents, maxPageEvents)
	if err != nil {
		return nil, err
	}
	q := &store.Query{Limit: limit, MaxBytes: maxPageBytes, MaxScan: maxFilterScan}
	if q.Start, q.End, err = g.bounds(in.StartTime, in.EndTime, now); err != nil {
		return nil, err
	}
	if in.StartFromHead != nil && !*in.StartFromHead {
		if in.StartTime == nil || *in.StartTime < newestFirst() {
			return nil, invalid("startFromHead=false requires a startTime of 2024-01-01T00:00:00Z or later.")
		}
		q.Backward = true
	}
	if q.Filter, err = compileFilter("filterPattern", in.FilterPattern); err != nil {
		return nil, err
	}
	if q.Match, err = g.streamFilter(in); err != nil {
		return nil, err
	}
	if in.NextToken == nil {
		return q, nil
	}
	kind, p, err := readPosition(*in.NextToken, now)
	if err != nil {
		return nil, err
	}
	if kind != tokenFilter {
		return nil, invalid("The specified nextToken is invalid.")
	}
	q.From = &p
	return q, nil
}

// streamFilter chooses streams by their names or their prefix. A name must be
// that of a stream.
func (g *group) streamFilter(in *cwl.FilterLogEventsInput) (func(*store.Stream) bool, error) {
	prefix := in.LogStreamNamePrefix
	switch {
	case in.LogStreamNames != nil && prefix != nil:
		return nil, invalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
	case prefix != nil:
		if e := streamNameRule("logStreamNamePrefix").check(prefix); e != nil {
			return nil, e
		}
		return func(s *store.Stream) bool { return strings.HasPrefix(s.Name(), *prefix) }, nil
	case in.LogStreamNames == nil:
		return nil, nil
	case len(in.LogStreamNames) == 0 || len(in.LogStreamNames) > 100:
		return nil, constraint(len(in.LogStreamNames), "logStreamNames", "have length between 1 and 100")
	}
	chosen := make(map[*store.Stream]bool)
	for _, name := range in.LogStreamNames {
		st, err := g.stream(name)
		if err != nil {
			return nil, err
		}
		chosen[st.events] = true
	}
	return func(s *store.Stream) bool { return chosen[s] }, nil
}

// compileFilter compiles an optional filter pattern, nil for one that matches
// everything.
func compileFilter(member string, pattern *string) (func([]byte) bool, error) {
	if e := filterPatternRule(member).checkOptional(pattern); e != nil {
		return nil, e
	}
	if strings.TrimSpace(text(pattern)) == "" {
		return nil, nil
	}
	p, err := filterpattern.Compile(*pattern)
	if err != nil {
		return nil, invalid("Invalid filter pattern: %v", err)
	}
	return p.Match, nil
}
