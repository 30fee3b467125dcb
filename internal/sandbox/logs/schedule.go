package logs

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/cron"
)

// scheduledQuery is a query that runs by the clock. It does not change.
type scheduledQuery struct {
	Put              cwl.CreateScheduledQueryInput
	ARN              string
	Created, Updated int64
	Triggered        int64                        // when it ran last, or 0
	History          []types.TriggerHistoryRecord // oldest first
}

// maxTriggers bounds the history of a scheduled query, which is ours to bound.
const maxTriggers = 1000

func badSchedule(format string, args ...any) *api.Error {
	return api.Errorf("ValidationException", format, args...)
}

// minutes returns what tells the minutes in which the query runs.
func (q *scheduledQuery) minutes() (func(time.Time) bool, error) {
	zone, err := time.LoadLocation(text(q.Put.Timezone))
	if err != nil {
		return nil, badSchedule("The time zone %q is not known.", text(q.Put.Timezone))
	}
	body, isCron := strings.CutPrefix(text(q.Put.ScheduleExpression), "cron(")
	body, closed := strings.CutSuffix(body, ")")
	if !isCron || !closed {
		return nil, badSchedule("scheduleExpression must be cron(…).")
	}
	parse := cron.ParseYearly
	if len(strings.Fields(body)) == 5 {
		parse = cron.Parse
	}
	x, err := parse(body)
	if err != nil {
		return nil, badSchedule("scheduleExpression: %v.", err)
	}
	return func(t time.Time) bool {
		from, to := q.Put.ScheduleStartTime, q.Put.ScheduleEndTime
		return q.Put.State != types.ScheduledQueryStateDisabled && (from == nil || t.Unix() >= *from) && (to == nil || t.Unix() <= *to) && x.Matches(t.In(zone))
	}, nil
}

// window is the range of time that a run at t reads.
func (q *scheduledQuery) window(t time.Time) (start, end time.Time) {
	back := int64(defaultLookBack / time.Second)
	if q.Put.StartTimeOffset != nil {
		back = *q.Put.StartTimeOffset
	}
	return t.Add(-time.Duration(back) * time.Second), t.Add(-time.Duration(aws.ToInt64(q.Put.EndTimeOffset)) * time.Second)
}

// defaultLookBack is how far back a scheduled query without an offset reads,
// which the SDK leaves open.
const (
	defaultLookBack = time.Hour
	maxLookBack     = 30 * 24 * time.Hour
)

func (s *Service) checkSchedule(ctx context.Context, q *scheduledQuery) error {
	p := &q.Put
	for _, r := range []struct {
		rule  *textRule
		value *string
	}{
		{&textRule{"name", 1, 300, regexp.MustCompile(`^[a-zA-Z0-9_\-/.#]+$`)}, p.Name},
		{&textRule{"executionRoleArn", 1, 2048, nil}, p.ExecutionRoleArn},
		{&textRule{"scheduleExpression", 1, 256, nil}, p.ScheduleExpression},
		{queryStringRule(1), p.QueryString},
	} {
		if e := r.rule.check(r.value); e != nil {
			return badSchedule("%s", e.Message)
		}
	}
	if p.QueryLanguage != types.QueryLanguageCwli {
		return badSchedule("The sandbox runs queries in CWLI only, not in %q.", p.QueryLanguage)
	}
	if _, err := q.minutes(); err != nil {
		return err
	}
	if start, end := q.window(time.Unix(0, 0)); !start.Before(end) || end.After(time.Unix(0, 0)) || start.Before(time.Unix(0, 0).Add(-maxLookBack)) {
		return badSchedule("startTimeOffset must be greater than endTimeOffset, and both within %d seconds.", int(maxLookBack/time.Second))
	}
	if d := p.DestinationConfiguration; d != nil && d.LookupTableConfiguration != nil {
		if e := tableNameRule("tableName").check(d.LookupTableConfiguration.TableName); e != nil {
			return badSchedule("%s", e.Message)
		}
	}
	return s.checkScheduledText(ctx, p)
}

func (s *Service) checkScheduledText(ctx context.Context, p *cwl.CreateScheduledQueryInput) error {
	compiled, err := insights.Parse(*p.QueryString)
	if err != nil {
		return badSchedule("queryString: %v.", err)
	}
	if len(p.LogGroupIdentifiers) == 0 && compiled.Groups() == nil {
		return badSchedule("logGroupIdentifiers are required where the query has no SOURCE.")
	}
	_, err = s.queryGroups(ctx, &cwl.StartQueryInput{LogGroupIdentifiers: p.LogGroupIdentifiers}, compiled.Groups())
	return err
}

func (s *Service) createScheduledQuery(ctx context.Context, in *cwl.CreateScheduledQueryInput) (*cwl.CreateScheduledQueryOutput, error) {
	q := &scheduledQuery{Put: *in, Created: s.now(), Updated: s.now(), ARN: resourceARN(ctx, kindSchedule, text(in.Name))}
	if q.Put.State == "" {
		q.Put.State = types.ScheduledQueryStateEnabled
	}
	if err := s.checkSchedule(ctx, q); err != nil {
		return nil, err
	}
	if _, _, err := s.shelved(ctx, kindSchedule, "", in.Name); err == nil {
		return nil, api.Errorf("ConflictException", "A scheduled query with the name %s exists.", *in.Name)
	}
	if err := s.shelve(ctx, kindSchedule, *in.Name, q, in.Tags); err != nil {
		return nil, err
	}
	s.wakeSchedules()
	return &cwl.CreateScheduledQueryOutput{ScheduledQueryArn: &q.ARN, State: q.Put.State}, nil
}

func (s *Service) scheduled(ctx context.Context, identifier *string) (*scheduledQuery, error) {
	r, _, err := s.shelved(ctx, kindSchedule, "identifier", identifier)
	if err != nil {
		return nil, err
	}
	return r.value.(*scheduledQuery), nil
}

func (s *Service) getScheduledQuery(ctx context.Context, in *cwl.GetScheduledQueryInput) (*cwl.GetScheduledQueryOutput, error) {
	q, err := s.scheduled(ctx, in.Identifier)
	if err != nil {
		return nil, err
	}
	p := &q.Put
	return &cwl.GetScheduledQueryOutput{
		CreationTime: &q.Created, Description: p.Description, DestinationConfiguration: p.DestinationConfiguration, EndTimeOffset: p.EndTimeOffset,
		ExecutionRoleArn: p.ExecutionRoleArn, LastExecutionStatus: q.lastStatus(), LastTriggeredTime: q.lastTriggered(), LastUpdatedTime: &q.Updated,
		LogGroupIdentifiers: p.LogGroupIdentifiers, Name: p.Name, QueryLanguage: p.QueryLanguage, QueryString: p.QueryString,
		ScheduleEndTime: p.ScheduleEndTime, ScheduleExpression: p.ScheduleExpression, ScheduleStartTime: p.ScheduleStartTime,
		ScheduleType: types.ScheduleTypeCustomerManaged, ScheduledQueryArn: &q.ARN, StartTimeOffset: p.StartTimeOffset, State: p.State, Timezone: p.Timezone,
	}, nil
}

func (q *scheduledQuery) lastStatus() types.ExecutionStatus {
	if n := len(q.History); n > 0 {
		return q.History[n-1].ExecutionStatus
	}
	return ""
}

func (q *scheduledQuery) lastTriggered() *int64 {
	if q.Triggered == 0 {
		return nil
	}
	return &q.Triggered
}

func (s *Service) updateScheduledQuery(ctx context.Context, in *cwl.UpdateScheduledQueryInput) (*cwl.UpdateScheduledQueryOutput, error) {
	old, err := s.scheduled(ctx, in.Identifier)
	if err != nil {
		return nil, err
	}
	q := *old
	q.Updated = s.now()
	q.Put = cwl.CreateScheduledQueryInput{
		Name: old.Put.Name, ExecutionRoleArn: in.ExecutionRoleArn, QueryLanguage: in.QueryLanguage, QueryString: in.QueryString,
		ScheduleExpression: in.ScheduleExpression, Description: in.Description, DestinationConfiguration: in.DestinationConfiguration,
		EndTimeOffset: in.EndTimeOffset, LogGroupIdentifiers: in.LogGroupIdentifiers, ScheduleEndTime: in.ScheduleEndTime,
		ScheduleStartTime: in.ScheduleStartTime, StartTimeOffset: in.StartTimeOffset, State: in.State, Timezone: in.Timezone,
	}
	if q.Put.State == "" {
		q.Put.State = old.Put.State
	}
	if err := s.checkSchedule(ctx, &q); err != nil {
		return nil, err
	}
	if err := s.shelve(ctx, kindSchedule, *q.Put.Name, &q, nil); err != nil {
		return nil, err
	}
	s.wakeSchedules()
	got, err := s.getScheduledQuery(ctx, &cwl.GetScheduledQueryInput{Identifier: q.Put.Name})
	if err != nil {
		return nil, err
	}
	return (*cwl.UpdateScheduledQueryOutput)(got), nil
}

func (s *Service) listScheduledQueries(ctx context.Context, in *cwl.ListScheduledQueriesInput) (*cwl.ListScheduledQueriesOutput, error) {
	limit, err := limitOf("maxResults", in.MaxResults, 1000, 1000)
	if err != nil {
		return nil, badSchedule("%v", err)
	}
	found, next, err := s.shelfNames(ctx, kindSchedule, in.NextToken, limit, func(r *resource) bool {
		q := r.value.(*scheduledQuery)
		return in.ScheduleType != types.ScheduleTypeAwsManaged && (in.State == "" || in.State == q.Put.State)
	})
	if err != nil {
		return nil, err
	}
	out := &cwl.ListScheduledQueriesOutput{NextToken: next, ScheduledQueries: []types.ScheduledQuerySummary{}}
	for _, r := range found {
		q := r.value.(*scheduledQuery)
		out.ScheduledQueries = append(out.ScheduledQueries, types.ScheduledQuerySummary{
			CreationTime: &q.Created, DestinationConfiguration: q.Put.DestinationConfiguration, LastExecutionStatus: q.lastStatus(),
			LastTriggeredTime: q.lastTriggered(), LastUpdatedTime: &q.Updated, Name: q.Put.Name, ScheduleExpression: q.Put.ScheduleExpression,
			ScheduleType: types.ScheduleTypeCustomerManaged, ScheduledQueryArn: &q.ARN, State: q.Put.State, Timezone: q.Put.Timezone,
		})
	}
	return out, nil
}

func (s *Service) deleteScheduledQuery(ctx context.Context, in *cwl.DeleteScheduledQueryInput) (*cwl.DeleteScheduledQueryOutput, error) {
	return &cwl.DeleteScheduledQueryOutput{}, s.unshelve(ctx, kindSchedule, "identifier", in.Identifier)
}

// getScheduledQueryHistory lists runs, the newest first. The times of the
// request are in seconds.
func (s *Service) getScheduledQueryHistory(ctx context.Context, in *cwl.GetScheduledQueryHistoryInput) (*cwl.GetScheduledQueryHistoryOutput, error) {
	q, err := s.scheduled(ctx, in.Identifier)
	if err != nil {
		return nil, err
	}
	if in.StartTime == nil || in.EndTime == nil || *in.StartTime > *in.EndTime {
		return nil, badSchedule("startTime and endTime are required, and startTime must not be later.")
	}
	limit, err := limitOf("maxResults", in.MaxResults, 1000, 1000)
	if err != nil {
		return nil, badSchedule("%v", err)
	}
	var all []types.TriggerHistoryRecord
	for _, h := range slices.Backward(q.History) {
		at := *h.TriggeredTimestamp / 1000
		if at >= *in.StartTime && at <= *in.EndTime && (len(in.ExecutionStatuses) == 0 || slices.Contains(in.ExecutionStatuses, h.ExecutionStatus)) {
			all = append(all, h)
		}
	}
	all, next, err := page(all, in.NextToken, limit, func(h types.TriggerHistoryRecord) string { return *h.QueryId })
	if err != nil {
		return nil, err
	}
	return &cwl.GetScheduledQueryHistoryOutput{Name: q.Put.Name, ScheduledQueryArn: &q.ARN, TriggerHistory: all, NextToken: next}, nil
}

// scheduleOp is an operation on scheduled queries. Their models name a bad input
// ValidationException, where those of the other operations say
// InvalidParameterException (model of CloudWatch Logs, 2014-03-28).
func scheduleOp(op api.Operation) api.Operation {
	do := op.Do
	op.Do = func(ctx context.Context, in any) (any, error) {
		out, err := do(ctx, in)
		if e, ok := errors.AsType[*api.Error](err); ok && e.Shape == "InvalidParameterException" {
			renamed := *e
			renamed.Shape = "ValidationException"
			return nil, &renamed
		}
		return out, err
	}
	return op
}
