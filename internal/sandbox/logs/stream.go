package logs

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// stream is a log stream. It is guarded by its group's mu.
type stream struct {
	name        string
	created     int64
	events      *store.Stream
	first, last int64 // event times, if any
	ingested    int64 // 0: nothing yet
}

// note takes events into the stream's summary.
func (st *stream) note(first, last, now int64) {
	if st.ingested == 0 || first < st.first {
		st.first = first
	}
	if st.ingested == 0 || last > st.last {
		st.last = last
	}
	st.ingested = now
}

func (g *group) stream(name string) (*stream, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if st := g.streams[name]; st != nil {
		return st, nil
	}
	return nil, notFound("log stream")
}

func (s *Service) createLogStream(ctx context.Context, in *cwl.CreateLogStreamInput) (*cwl.CreateLogStreamOutput, error) {
	if err := firstError(groupNameRule().check(in.LogGroupName), streamNameRule("logStreamName").check(in.LogStreamName)); err != nil {
		return nil, err
	}
	g, err := s.lookup(ctx, *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	name := *in.LogStreamName
	if g.streams[name] != nil {
		return nil, exists("log stream")
	}
	created := s.now()
	events, err := g.events.NewStream(name, created)
	if err != nil {
		return nil, err
	}
	g.streams[name] = &stream{name: name, created: created, events: events}
	return &cwl.CreateLogStreamOutput{}, nil
}

func (s *Service) deleteLogStream(ctx context.Context, in *cwl.DeleteLogStreamInput) (*cwl.DeleteLogStreamOutput, error) {
	if err := firstError(groupNameRule().check(in.LogGroupName), streamNameRule("logStreamName").check(in.LogStreamName)); err != nil {
		return nil, err
	}
	g, err := s.lookup(ctx, *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	st := g.streams[*in.LogStreamName]
	if st == nil {
		return nil, notFound("log stream")
	}
	delete(g.streams, st.name)
	return &cwl.DeleteLogStreamOutput{}, st.events.Delete()
}

func (s *Service) describeLogStreams(ctx context.Context, in *cwl.DescribeLogStreamsInput) (*cwl.DescribeLogStreamsOutput, error) {
	byTime := in.OrderBy == types.OrderByLastEventTime
	if in.OrderBy != "" && !slices.Contains(in.OrderBy.Values(), in.OrderBy) {
		return nil, constraint(in.OrderBy, "orderBy", "satisfy enum value set: [LogStreamName, LastEventTime]")
	}
	if e := streamNameRule("logStreamNamePrefix").checkOptional(in.LogStreamNamePrefix); e != nil {
		return nil, e
	}
	if byTime && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	g, err := s.identified(ctx, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	all := g.describeStreams(text(in.LogStreamNamePrefix))
	order.By(all, func(a, b types.LogStream) int {
		if byTime {
			return cmp.Or(cmp.Compare(aws.ToInt64(a.LastEventTimestamp), aws.ToInt64(b.LastEventTimestamp)), strings.Compare(*a.LogStreamName, *b.LogStreamName))
		}
		return strings.Compare(*a.LogStreamName, *b.LogStreamName)
	})
	if aws.ToBool(in.Descending) {
		slices.Reverse(all)
	}
	all, next, err := page(all, in.NextToken, limit, func(st types.LogStream) string { return *st.LogStreamName })
	if err != nil {
		return nil, err
	}
	return &cwl.DescribeLogStreamsOutput{LogStreams: all, NextToken: next}, nil
}

func (g *group) describeStreams(prefix string) []types.LogStream {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := []types.LogStream{}
	for name, st := range g.streams {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		d := types.LogStream{
			Arn: aws.String(g.arn() + ":log-stream:" + name), LogStreamName: &st.name, CreationTime: &st.created,
			StoredBytes:         aws.Int64(0), // always, since 2019 (SDK: LogStream)
			UploadSequenceToken: aws.String(sequenceToken(0)),
		}
		if st.ingested > 0 {
			d.FirstEventTimestamp, d.LastEventTimestamp, d.LastIngestionTime = aws.Int64(st.first), aws.Int64(st.last), aws.Int64(st.ingested)
		}
		all = append(all, d)
	}
	return all
}
