package cloudwatch

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Backdate makes the alarms of the caller's region as if they had been put at a
// time that is past, and evaluates them at each minute since then: states, history
// and notifications are what the metrics since then make them.
func (s *Service) Backdate(ctx context.Context, from time.Time) {
	from = from.UTC().Truncate(time.Minute)
	sc := scopeOf(api.CallerOf(ctx))
	s.mu.Lock()
	set := s.alarmSetLocked(sc)
	for _, a := range set.alarms {
		a.desc.AlarmConfigurationUpdatedTimestamp, a.desc.StateUpdatedTimestamp, a.desc.StateTransitionedTimestamp = aws.Time(from), aws.Time(from), aws.Time(from)
	}
	for _, c := range set.composites {
		c.desc.AlarmConfigurationUpdatedTimestamp, c.desc.StateUpdatedTimestamp, c.desc.StateTransitionedTimestamp = aws.Time(from), aws.Time(from), aws.Time(from)
	}
	for i := range set.history {
		set.history[i].Timestamp = aws.Time(from)
	}
	s.mu.Unlock()
	for t := from.Add(time.Minute); !t.After(s.opts.Clock.Now()) && ctx.Err() == nil; t = t.Add(time.Minute) {
		s.evaluate(ctx, t, func(*metricAlarm) bool { return true })
	}
}
