package logs

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// Limits of Live Tail (SDK: StartLiveTail; guide: quotas).
const (
	maxTailGroups   = 10
	maxTailSessions = 15
	maxTailEvents   = 500 // an update
	tailEvery       = time.Second
	tailTimeout     = 3 * time.Hour
)

// tail is a Live Tail session, and its output. Its pace is the machine's clock,
// as its connection is real.
type tail struct {
	service *Service
	in      *cwl.StartLiveTailInput
	groups  []*group
	match   func([]byte) bool
	request string

	mu      sync.Mutex
	events  []types.LiveTailSessionLogEvent
	offered int // events that came since the last update
}

var _ api.Streamer = (*tail)(nil)

func (s *Service) startLiveTail(ctx context.Context, in *cwl.StartLiveTailInput) (*tail, error) {
	t := &tail{service: s, in: in, request: api.CallerOf(ctx).RequestID}
	n := len(in.LogGroupIdentifiers)
	switch named, prefixed := len(in.LogStreamNames) > 0, len(in.LogStreamNamePrefixes) > 0; {
	case n < 1 || n > maxTailGroups:
		return nil, constraint(n, "logGroupIdentifiers", "have length between 1 and 10")
	case named && prefixed:
		return nil, invalid("logStreamNames and logStreamNamePrefixes are mutually exclusive.")
	case (named || prefixed) && n > 1:
		return nil, invalid("Log streams can be chosen in a single log group only.")
	}
	for _, id := range in.LogGroupIdentifiers {
		if !strings.HasPrefix(id, "arn:") {
			return nil, invalid("Log groups must be given by their ARN, not as %q.", id)
		}
		g, err := s.identified(ctx, nil, &id)
		if err != nil {
			return nil, err
		}
		if g.class != types.LogGroupClassStandard {
			return nil, invalid("Live Tail is not supported for the log group class %s (%s).", g.class, g.name)
		}
		t.groups = append(t.groups, g)
	}
	var err error
	t.match, err = compileFilter("logEventFilterPattern", in.LogEventFilterPattern)
	return t, err
}

// Stream implements api.Streamer.
func (t *tail) Stream(ctx context.Context, send func(string, any) error) error {
	if !t.service.addTail(t) {
		return api.Errorf("LimitExceededException", "There are %d Live Tail sessions already.", maxTailSessions)
	}
	defer t.service.removeTail(t)
	if err := send("sessionStart", &types.LiveTailSessionStart{
		RequestId: &t.request, SessionId: aws.String(newUUID()), LogGroupIdentifiers: t.in.LogGroupIdentifiers,
		LogEventFilterPattern: aws.String(text(t.in.LogEventFilterPattern)),
		LogStreamNames:        t.in.LogStreamNames, LogStreamNamePrefixes: t.in.LogStreamNamePrefixes,
	}); err != nil {
		return err
	}
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	end := time.NewTimer(tailTimeout)
	defer end.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-end.C:
			return api.Errorf("SessionTimeoutException", "Live Tail session has timed out after three hours.")
		case <-tick.C:
			if err := send("sessionUpdate", t.update()); err != nil {
				return err
			}
		}
	}
}

func (t *tail) update() *types.LiveTailSessionUpdate {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := &types.LiveTailSessionUpdate{
		SessionMetadata: &types.LiveTailSessionMetadata{Sampled: t.offered > len(t.events)}, SessionResults: t.events,
	}
	if u.SessionResults == nil {
		u.SessionResults = []types.LiveTailSessionLogEvent{}
	}
	order.Stable(u.SessionResults, func(a, b types.LiveTailSessionLogEvent) int { return int(*a.Timestamp - *b.Timestamp) })
	t.events, t.offered = nil, 0
	return u
}

// offer shows the session events that have just been kept. Of more than an
// update may hold, each has the same chance to stay.
func (t *tail) offer(g *group, stream string, events []store.Input, now int64) {
	if !t.wants(g, stream) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		e := &events[i]
		if t.match != nil && !t.match([]byte(e.Message)) {
			continue
		}
		place := t.offered
		t.offered++
		if place >= maxTailEvents {
			if place = rand.IntN(t.offered); place >= maxTailEvents {
				continue
			}
		} else {
			t.events = append(t.events, types.LiveTailSessionLogEvent{})
		}
		t.events[place] = types.LiveTailSessionLogEvent{
			LogGroupIdentifier: aws.String(g.arn()), LogStreamName: &stream, Message: &e.Message, Timestamp: &e.Time, IngestionTime: &now,
		}
	}
}

func (t *tail) wants(g *group, stream string) bool {
	switch {
	case !slices.Contains(t.groups, g):
		return false
	case len(t.in.LogStreamNames) > 0:
		return slices.Contains(t.in.LogStreamNames, stream)
	case len(t.in.LogStreamNamePrefixes) > 0:
		return slices.ContainsFunc(t.in.LogStreamNamePrefixes, func(p string) bool { return strings.HasPrefix(stream, p) })
	}
	return true
}

func (s *Service) addTail(t *tail) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tails) >= maxTailSessions {
		return false
	}
	// Readers hold the old slice.
	s.tails = append(slices.Clip(s.tails), t)
	return true
}

func (s *Service) removeTail(t *tail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tails = slices.DeleteFunc(slices.Clone(s.tails), func(o *tail) bool { return o == t })
}

// offer shows events to the Live Tail sessions.
func (s *Service) offer(g *group, stream string, events []store.Input, now int64) {
	s.mu.RLock()
	tails := s.tails
	s.mu.RUnlock()
	for _, t := range tails {
		t.offer(g, stream, events, now)
	}
}
