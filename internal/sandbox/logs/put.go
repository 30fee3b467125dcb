package logs

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// Limits of PutLogEvents (SDK: PutLogEvents; guide: quotas).
const (
	maxBatchBytes  = 1 << 20
	eventOverhead  = 26
	maxBatchEvents = 10000
	maxSpan        = day
	maxFuture      = day / 12 // 2 h
	maxAge         = 14 * day
)

func (s *Service) putLogEvents(ctx context.Context, in *cwl.PutLogEventsInput) (*cwl.PutLogEventsOutput, error) {
	if err := firstError(groupNameRule().check(in.LogGroupName), streamNameRule("logStreamName").check(in.LogStreamName)); err != nil {
		return nil, err
	}
	events, err := checkBatch(in.LogEvents)
	if err != nil {
		return nil, err
	}
	g, err := s.lookup(ctx, *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	st, err := g.stream(*in.LogStreamName)
	if err != nil {
		return nil, err
	}
	now := s.now()
	valid, rejected := window(events, now, g.expiry(now))
	if api.CallerOf(ctx).Partial {
		valid, rejected = half(events, valid, rejected)
	}
	if n := len(valid); n > 0 && valid[n-1].Time-valid[0].Time > maxSpan {
		return nil, invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	if len(valid) > 0 {
		if err := g.keep(st, valid, now); err != nil {
			return nil, err
		}
		s.extract(ctx, g, valid, now)
		s.offer(g, st.name, valid, now)
		s.subscribe(g, st.name, valid)
	}
	out := &cwl.PutLogEventsOutput{NextSequenceToken: aws.String(sequenceToken(now)), RejectedLogEventsInfo: rejected}
	if in.Entity != nil {
		out.RejectedEntityInfo = checkEntity(in.Entity)
	}
	return out, nil
}

// sequenceToken looks like the tokens that PutLogEvents still returns and that
// nobody needs.
func sequenceToken(now int64) string { return fmt.Sprintf("%056d", now) }

// checkBatch checks what fails a call as a whole, and returns the events.
func checkBatch(events []types.InputLogEvent) ([]store.Input, error) {
	switch {
	case events == nil:
		return nil, missing("logEvents")
	case len(events) == 0:
		return nil, constraint("[]", "logEvents", "have length greater than or equal to 1")
	case len(events) > maxBatchEvents:
		return nil, constraint(fmt.Sprintf("%d events", len(events)), "logEvents", "have length less than or equal to 10000")
	}
	out := make([]store.Input, len(events))
	size := 0
	for i := range events {
		e := &events[i]
		member := func(name string) string { return fmt.Sprintf("logEvents.%d.member.%s", i+1, name) }
		switch {
		case e.Message == nil:
			return nil, missing(member("message"))
		case *e.Message == "":
			return nil, constraint("", member("message"), "have length greater than or equal to 1")
		case e.Timestamp == nil:
			return nil, missing(member("timestamp"))
		case *e.Timestamp < 0:
			return nil, constraint(*e.Timestamp, member("timestamp"), "have value greater than or equal to 0")
		case i > 0 && *e.Timestamp < out[i-1].Time:
			return nil, invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
		size += len(*e.Message) + eventOverhead
		out[i] = store.Input{Time: *e.Timestamp, Message: *e.Message}
	}
	if size > maxBatchBytes {
		return nil, invalid("Upload too large: %d bytes exceeds limit of %d", size, maxBatchBytes)
	}
	return out, nil
}

// window sorts out the events that are too old, expired or too new. The events
// are in order of time, so each of these is a run at an end.
func window(events []store.Input, now, expiry int64) ([]store.Input, *types.RejectedLogEventsInfo) {
	before := func(t int64) int { return sort.Search(len(events), func(i int) bool { return events[i].Time >= t }) }
	old, expired, tooNew := before(now-maxAge), before(expiry), before(now+maxFuture+1)
	if old == 0 && expired == 0 && tooNew == len(events) {
		return events, nil
	}
	info := &types.RejectedLogEventsInfo{}
	if old > 0 {
		info.TooOldLogEventEndIndex = aws.Int32(int32(old))
	}
	if expired > 0 {
		info.ExpiredLogEventEndIndex = aws.Int32(int32(expired))
	}
	if tooNew < len(events) {
		info.TooNewLogEventStartIndex = aws.Int32(int32(tooNew))
	}
	return events[max(old, expired):tooNew], info
}

// half takes the older half of a batch and rejects the rest as too new.
func half(events, valid []store.Input, rejected *types.RejectedLogEventsInfo) ([]store.Input, *types.RejectedLogEventsInfo) {
	kept := len(valid) / 2
	if rejected == nil {
		rejected = &types.RejectedLogEventsInfo{}
	}
	if len(valid) > 0 {
		first := cap(events) - cap(valid) + kept // the index in the batch
		rejected.TooNewLogEventStartIndex = aws.Int32(int32(first))
	}
	return valid[:kept], rejected
}

// keep stores events that have passed all checks.
func (g *group) keep(st *stream, events []store.Input, now int64) error {
	g.mu.Lock()
	st.note(events[0].Time, events[len(events)-1].Time, now)
	expiry := g.expiryLocked(now)
	g.mu.Unlock()
	err := g.events.Append(st.events, now, events)
	g.events.Expire(expiry)
	return err
}

// checkEntity says what is wrong with an entity, which fails no call.
func checkEntity(e *types.Entity) *types.RejectedEntityInfo {
	reject := func(t types.EntityRejectionErrorType) *types.RejectedEntityInfo {
		return &types.RejectedEntityInfo{ErrorType: t}
	}
	if len(e.KeyAttributes) == 0 {
		return reject(types.EntityRejectionErrorTypeMissingRequiredFields)
	}
	allowed := []string{"Type", "ResourceType", "Identifier", "Name", "Environment"}
	for k, v := range e.KeyAttributes {
		if !slices.Contains(allowed, k) || v == "" || len(v) > 512 {
			return reject(types.EntityRejectionErrorTypeInvalidKeyAttribute)
		}
	}
	kinds := []string{"Service", "RemoteService", "AWS::Service", "Resource", "AWS::Resource"}
	kind, ok := e.KeyAttributes["Type"]
	switch {
	case !ok:
		return reject(types.EntityRejectionErrorTypeMissingRequiredFields)
	case !slices.Contains(kinds, kind):
		return reject(types.EntityRejectionErrorTypeInvalidTypeValue)
	case len(e.Attributes) > 10:
		return reject(types.EntityRejectionErrorTypeInvalidAttributes)
	}
	for k, v := range e.Attributes {
		if strings.TrimSpace(k) == "" || len(k) > 256 || v == "" || len(v) > 512 {
			return reject(types.EntityRejectionErrorTypeInvalidAttributes)
		}
	}
	return nil
}
