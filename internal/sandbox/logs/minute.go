package logs

import (
	"context"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// minuteKey is a filter in a minute of event time.
type minuteKey struct {
	group  *group
	filter *metricFilter
	at     time.Time
}

// minutes remembers the minutes in which events came past filters that have a
// default value, and whether any of them matched. The default is published when
// nothing has matched by the end of the minute in which the events came.
type minutes struct {
	due  time.Time // zero: nothing is remembered
	seen map[minuteKey]bool
}

func (m *minutes) next() (time.Time, bool) { return m.due, !m.due.IsZero() }

// noteMinutes remembers what a filter saw: the minutes of the events that came
// past it, and whether any event of each matched.
func (s *Service) noteMinutes(g *group, f *metricFilter, seen map[time.Time]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &s.minute
	if m.seen == nil {
		m.seen = make(map[minuteKey]bool)
	}
	for at, matched := range seen {
		k := minuteKey{g, f, at}
		m.seen[k] = m.seen[k] || matched
	}
	if m.due.IsZero() {
		m.due = s.clock.Now().Truncate(time.Minute).Add(time.Minute)
		s.wake()
	}
}

// publishDefaults records the default values that are due.
func (s *Service) publishDefaults(ctx context.Context) {
	s.mu.Lock()
	seen := s.minute.seen
	s.minute = minutes{}
	s.mu.Unlock()
	sets := make(map[api.Caller]*pointSet)
	for k, matched := range seen {
		if matched {
			continue
		}
		owner := api.Caller{Account: k.group.account, Region: k.group.region}
		if sets[owner] == nil {
			sets[owner] = newPointSet()
		}
		t := &k.filter.transform
		sets[owner].add(&api.Datapoint{
			Namespace: *t.MetricNamespace, Name: *t.MetricName, Dimensions: k.filter.systemDimensions(k.group),
			Time: k.at, Unit: string(t.Unit), Resolution: 60,
		}, *t.DefaultValue, 1)
	}
	for owner, points := range sets {
		s.metrics.Record(api.WithCaller(ctx, owner), points.list)
	}
}
