package logs

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// maxCatchUp bounds the runs of one query that a leap of the clock makes up
// for: the newest count.
const maxCatchUp = 100

// wakeSchedules tells runSchedules that there may be work.
func (s *Service) wakeSchedules() {
	select {
	case s.schedules <- struct{}{}:
	default:
	}
}

// runSchedules runs scheduled queries in their minutes, until ctx ends. Without
// any it sleeps.
func (s *Service) runSchedules(ctx context.Context) {
	last := s.clock.Now().Truncate(time.Minute)
	for {
		if !s.anySchedule() {
			select {
			case <-s.schedules:
				continue
			case <-ctx.Done():
				return
			}
		}
		if s.clock.Wait(ctx, last.Add(time.Minute)) != nil {
			return // ctx ended
		}
		now := s.clock.Now().Truncate(time.Minute)
		s.runDue(ctx, last, now)
		last = now
	}
}

func (s *Service) anySchedule() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k := range s.shelf {
		if k.kind == kindSchedule {
			return true
		}
	}
	return false
}

// trigger is one run of a scheduled query.
type trigger struct {
	key     shelfKey
	account string
	at      time.Time
}

// runDue runs what is due after from up to and including to.
func (s *Service) runDue(ctx context.Context, from, to time.Time) {
	var due []trigger
	s.mu.RLock()
	for k, r := range s.shelf {
		if k.kind != kindSchedule {
			continue
		}
		due = append(due, triggers(k, r, from, to)...)
	}
	s.mu.RUnlock()
	order.Stable(due, func(a, b trigger) int { return a.at.Compare(b.at) })
	for _, t := range due {
		if ctx.Err() != nil {
			return
		}
		s.runScheduled(api.WithCaller(ctx, api.Caller{Account: t.account, Region: t.key.region, RequestID: "schedule"}), t)
		s.told()
	}
}

func triggers(k shelfKey, r *resource, from, to time.Time) []trigger {
	q := r.value.(*scheduledQuery)
	runs, err := q.minutes()
	if err != nil {
		return nil // it was checked when it was put
	}
	// A clock that a snapshot has set has passed what the snapshot has run.
	since := time.UnixMilli(max(q.Updated, q.Triggered+1))
	var list []trigger
	for at := to; at.After(from) && !at.Before(since) && len(list) < maxCatchUp; at = at.Add(-time.Minute) {
		if runs(at) {
			list = append(list, trigger{k, r.account, at})
		}
	}
	return list
}

// runScheduled runs a query once and writes it down.
func (s *Service) runScheduled(ctx context.Context, t trigger) {
	s.mu.RLock()
	r := s.shelf[t.key]
	s.mu.RUnlock()
	if r == nil {
		return
	}
	q := *r.value.(*scheduledQuery)
	record := types.TriggerHistoryRecord{TriggeredTimestamp: aws.Int64(t.at.UnixMilli()), QueryId: aws.String(newUUID())}
	run, err := s.prepareScheduled(ctx, &q, t.at, *record.QueryId)
	if err != nil {
		record.ExecutionStatus, record.ErrorMessage = types.ExecutionStatusInvalidQuery, aws.String(err.Error())
	} else {
		run.run(ctx)
		status, _ := run.snapshot()
		record.ExecutionStatus = map[types.QueryStatus]types.ExecutionStatus{
			types.QueryStatusComplete: types.ExecutionStatusComplete, types.QueryStatusTimeout: types.ExecutionStatusTimeout,
		}[status]
		if record.ExecutionStatus == "" {
			record.ExecutionStatus = types.ExecutionStatusFailed
		} else {
			record.Destinations = s.handOver(ctx, &q, run)
		}
	}
	q.Triggered = t.at.UnixMilli()
	q.History = append(slices.Clone(q.History), record)
	q.History = q.History[max(0, len(q.History)-maxTriggers):]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shelf[t.key] == r { // nobody has changed or deleted it
		s.shelf[t.key] = &resource{r.account, maps.Clone(r.tags), &q}
		s.Changed()
	}
}

// prepareScheduled makes a query that is listed with the others.
func (s *Service) prepareScheduled(ctx context.Context, q *scheduledQuery, at time.Time, id string) (*query, error) {
	start, end := q.window(at)
	run, err := s.prepare(ctx, &cwl.StartQueryInput{LogGroupIdentifiers: q.Put.LogGroupIdentifiers, QueryString: q.Put.QueryString}, span{start.UnixMilli(), end.UnixMilli() - 1}, 0)
	if err != nil {
		return nil, err
	}
	run.id = id
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.forgetLocked() {
		return run, nil
	}
	s.queries = append(s.queries, run)
	return run, nil
}

// handOver takes results to where they are wanted. There is no S3 in the
// sandbox, and the record says so.
func (s *Service) handOver(ctx context.Context, q *scheduledQuery, run *query) []types.ScheduledQueryDestination {
	d := q.Put.DestinationConfiguration
	if d == nil {
		return nil
	}
	var out []types.ScheduledQueryDestination
	if c := d.S3Configuration; c != nil {
		out = append(out, types.ScheduledQueryDestination{
			DestinationIdentifier: c.DestinationIdentifier, DestinationType: types.ScheduledQueryDestinationTypeS3,
			Status: types.ActionStatusFailed, ErrorMessage: aws.String("The sandbox has no S3."),
		})
	}
	if c := d.LookupTableConfiguration; c != nil {
		out = append(out, s.fillTable(ctx, c, run))
	}
	return out
}

// fillTable makes or replaces a lookup table.
func (s *Service) fillTable(ctx context.Context, c *types.LookupTableConfiguration, run *query) types.ScheduledQueryDestination {
	arn := resourceARN(ctx, kindTable, *c.TableName)
	out := types.ScheduledQueryDestination{
		DestinationIdentifier: c.TableName, DestinationType: types.ScheduledQueryDestinationTypeLookupTable,
		ProcessedIdentifier: &arn, Status: types.ActionStatusComplete,
	}
	_, result := run.snapshot()
	t := &lookupTable{Name: *c.TableName, ARN: arn, Body: csvOf(result.Rows), Description: c.Description, KMS: c.KmsKeyId, Updated: s.now()}
	tags := c.Tags
	if _, _, err := s.shelved(ctx, kindTable, "", c.TableName); err == nil {
		tags = nil
	}
	_, err := t.table()
	if err == nil {
		err = s.shelve(ctx, kindTable, t.Name, t, tags)
	}
	if err != nil {
		out.Status, out.ErrorMessage, out.ProcessedIdentifier = types.ActionStatusClientError, aws.String(err.Error()), nil
	}
	return out
}
