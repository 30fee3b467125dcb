package cloudwatch

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Metric streams are stored and told, and stream nothing.

// maxMetricStreams is the most streams of an answer (SDK: ListMetricStreams).
const maxMetricStreams = 500

// States of streams. The model has them as text.
const (
	streamRunning = "running"
	streamStopped = "stopped"
)

// metricStream is replaced, never changed, but for its tags.
type metricStream struct {
	Put              cloudwatch.PutMetricStreamInput
	State            string
	Created, Updated time.Time
	Tags             map[string]string
}

func metricStreamARN(c api.Caller, name string) string {
	return "arn:aws:cloudwatch:" + c.Region + ":" + c.Account + ":metric-stream/" + name
}

// PutMetricStream creates a stream, which runs, or replaces it, but for its state
// and its tags.
func (s *Service) PutMetricStream(ctx context.Context, in *cloudwatch.PutMetricStreamInput) (*cloudwatch.PutMetricStreamOutput, error) {
	if len(in.IncludeFilters) > 0 && len(in.ExcludeFilters) > 0 {
		return nil, invalidCombination("The parameters IncludeFilters and ExcludeFilters are mutually exclusive.")
	}
	for _, f := range slices.Concat(in.IncludeFilters, in.ExcludeFilters) {
		if f.Namespace == nil {
			return nil, missing("A filter must have a Namespace.")
		}
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	caller, now, name := api.CallerOf(ctx), s.opts.Clock.Now().UTC(), aws.ToString(in.Name)
	m := &metricStream{Put: *in, State: streamRunning, Created: now, Updated: now, Tags: tagMap(in.Tags)}
	m.Put.Tags = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(caller))
	if old := set.streams[name]; old != nil {
		m.State, m.Created, m.Tags = old.State, old.Created, old.Tags
	}
	set.streams[name] = m
	return &cloudwatch.PutMetricStreamOutput{Arn: aws.String(metricStreamARN(caller, name))}, nil
}

// GetMetricStream returns all that PutMetricStream set.
func (s *Service) GetMetricStream(ctx context.Context, in *cloudwatch.GetMetricStreamInput) (*cloudwatch.GetMetricStreamOutput, error) {
	caller, name := api.CallerOf(ctx), aws.ToString(in.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.alarmSetLocked(scopeOf(caller)).streams[name]
	if m == nil {
		return nil, resourceNotFound(metricStreamARN(caller, name))
	}
	return &cloudwatch.GetMetricStreamOutput{
		Arn: aws.String(metricStreamARN(caller, name)), Name: in.Name, State: &m.State, CreationDate: &m.Created, LastUpdateDate: &m.Updated,
		ExcludeFilters: m.Put.ExcludeFilters, IncludeFilters: m.Put.IncludeFilters, IncludeLinkedAccountsMetrics: m.Put.IncludeLinkedAccountsMetrics,
		FirehoseArn: m.Put.FirehoseArn, OutputFormat: m.Put.OutputFormat, RoleArn: m.Put.RoleArn, StatisticsConfigurations: m.Put.StatisticsConfigurations,
	}, nil
}

// ListMetricStreams lists streams by name.
func (s *Service) ListMetricStreams(ctx context.Context, in *cloudwatch.ListMetricStreamsInput) (*cloudwatch.ListMetricStreamsOutput, error) {
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	limit, caller := maxMetricStreams, api.CallerOf(ctx)
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(caller))
	out := &cloudwatch.ListMetricStreamsOutput{Entries: []types.MetricStreamEntry{}}
	for _, name := range slices.Sorted(maps.Keys(set.streams)) {
		if name <= after {
			continue
		}
		if n := len(out.Entries); n == limit {
			out.NextToken = encodeToken(*out.Entries[n-1].Name)
			break
		}
		m := set.streams[name]
		out.Entries = append(out.Entries, types.MetricStreamEntry{
			Arn: aws.String(metricStreamARN(caller, name)), Name: aws.String(name), State: &m.State, CreationDate: &m.Created, LastUpdateDate: &m.Updated,
			FirehoseArn: m.Put.FirehoseArn, OutputFormat: m.Put.OutputFormat,
		})
	}
	return out, nil
}

// DeleteMetricStream deletes a stream; one that is not there is no error.
func (s *Service) DeleteMetricStream(ctx context.Context, in *cloudwatch.DeleteMetricStreamInput) (*cloudwatch.DeleteMetricStreamOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.alarmSetLocked(scopeOf(api.CallerOf(ctx))).streams, aws.ToString(in.Name))
	return &cloudwatch.DeleteMetricStreamOutput{}, nil
}

// setStreams changes the state of streams; names of none are ignored.
func (s *Service) setStreams(ctx context.Context, names []string, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	streams := s.alarmSetLocked(scopeOf(api.CallerOf(ctx))).streams
	for _, name := range names {
		if m := streams[name]; m != nil && m.State != state {
			changed := *m
			changed.State, changed.Updated = state, s.opts.Clock.Now().UTC()
			streams[name] = &changed
		}
	}
}

// StartMetricStreams marks streams as running.
func (s *Service) StartMetricStreams(ctx context.Context, in *cloudwatch.StartMetricStreamsInput) (*cloudwatch.StartMetricStreamsOutput, error) {
	s.setStreams(ctx, in.Names, streamRunning)
	return &cloudwatch.StartMetricStreamsOutput{}, nil
}

// StopMetricStreams marks streams as stopped.
func (s *Service) StopMetricStreams(ctx context.Context, in *cloudwatch.StopMetricStreamsInput) (*cloudwatch.StopMetricStreamsOutput, error) {
	s.setStreams(ctx, in.Names, streamStopped)
	return &cloudwatch.StopMetricStreamsOutput{}, nil
}

func (s *Service) importStreamLocked(v json.RawMessage) error {
	var st streamState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	s.alarmSetLocked(scope{st.Account, st.Region}).streams[st.Name] = &st.Stream
	return nil
}
