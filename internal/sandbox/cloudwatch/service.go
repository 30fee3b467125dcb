package cloudwatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/disk"
)

// Notification is one action that an alarm asks for.
type Notification struct {
	// Time is when the alarm changed its state.
	Time time.Time
	// Alarm is the ARN of the alarm, Action that of what it wants done.
	Alarm, Action string
	// Subject is the subject line of the message, Message the JSON document that
	// CloudWatch publishes to SNS.
	Subject, Message string
}

// Notifier carries out the actions of alarms, one at a time in the order of the
// transitions. The next evaluation waits for it, so it should return soon, and
// it must not set the state of an alarm itself. An error is written to the
// alarm's history.
type Notifier interface {
	Notify(ctx context.Context, n Notification) error
}

// Options configure a Service. Clock is required.
type Options struct {
	Clock api.Clock
	// Logger receives state changes; nil discards them.
	Logger *slog.Logger
	// Notifier carries out alarm actions; nil only writes them to the history.
	Notifier Notifier

	// MaxMetrics bounds the number of metrics; 0 means 100,000. Beyond it the
	// metrics silent for longest are forgotten.
	MaxMetrics int
	// MaxBytes bounds the memory of datapoints, about; 0 means 256 MiB.
	MaxBytes int
	// MaxHistory bounds the alarm history items of one account and region; 0
	// means 10,000.
	MaxHistory int

	// EvaluationDelay is how far behind the clock alarms look, for data that is
	// published late. CloudWatch's own delay is not documented; 0 is none.
	EvaluationDelay time.Duration
	// EvaluateEvery evaluates all alarms at whole multiples of it, beside their
	// own schedule: data that arrives late in a minute is then noticed at once
	// and not at the next minute. 0 is off; the least is one second.
	EvaluateEvery time.Duration
	// EvaluationExtra is how many windows alarms read beyond their evaluation
	// periods; nil means alarm.DefaultExtra.
	EvaluationExtra *int

	// ReservedNamespaces lets PutMetricData write to namespaces that start with
	// "AWS/", so that tests can play AWS's own metrics.
	ReservedNamespaces bool

	// Changed, if not nil, is called after an evaluation that changed alarms.
	Changed func()
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxMetrics <= 0 {
		o.MaxMetrics = 100_000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	if o.MaxHistory <= 0 {
		o.MaxHistory = 10_000
	}
	if o.EvaluateEvery > 0 {
		o.EvaluateEvery = max(o.EvaluateEvery.Truncate(time.Second), time.Second)
	}
	if o.EvaluationExtra == nil {
		o.EvaluationExtra = new(alarm.DefaultExtra)
	}
	return o
}

// Service is CloudWatch. It is safe for concurrent use.
type Service struct {
	api.Changes
	opts    Options
	store   *store
	journal *disk.Journal // nil: metrics are in memory only
	queries Queries       // nil: there are no log alarms

	// evaluation serializes evaluations and SetAlarmState, so that actions run
	// in the order of the transitions. It is taken before mu.
	evaluation sync.Mutex

	mu         sync.Mutex
	alarms     map[scope]*alarmSet
	dashboards map[string]map[string]*dashboard // account, name
}

var (
	_ api.Service = (*Service)(nil)
	_ api.Metrics = (*Service)(nil)
)

// New returns a service without metrics or alarms. It starts nothing: see
// [Service.Run].
func New(opts Options) *Service {
	opts = opts.withDefaults()
	return &Service{
		opts:       opts,
		store:      newStore(opts.MaxMetrics, opts.MaxBytes),
		alarms:     make(map[scope]*alarmSet),
		dashboards: make(map[string]map[string]*dashboard),
	}
}

// Reset forgets all metrics, alarms and dashboards, and the history.
func (s *Service) Reset() {
	s.evaluation.Lock()
	defer s.evaluation.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.journal.Rewrite(s.store.reset); err != nil {
		s.opts.Logger.Error("metrics stay in their file", "err", err)
	}
	clear(s.alarms)
	clear(s.dashboards)
}

// Name implements api.Service.
func (s *Service) Name() string { return "monitoring" }

// Operations implements api.Service.
func (s *Service) Operations() []api.Operation {
	return []api.Operation{
		api.Op("PutMetricData", s.PutMetricData),
		api.Op("GetMetricData", s.GetMetricData),
		api.Op("GetMetricStatistics", s.GetMetricStatistics),
		api.Op("ListMetrics", s.ListMetrics),
		api.Op("PutMetricAlarm", s.PutMetricAlarm),
		api.Op("PutCompositeAlarm", s.PutCompositeAlarm),
		api.Op("PutLogAlarm", s.PutLogAlarm),
		api.Op("DescribeAlarms", s.DescribeAlarms),
		api.Op("DescribeAlarmsForMetric", s.DescribeAlarmsForMetric),
		api.Op("DescribeAlarmHistory", s.DescribeAlarmHistory),
		api.Op("DeleteAlarms", s.DeleteAlarms),
		api.Op("SetAlarmState", s.SetAlarmState),
		api.Op("EnableAlarmActions", s.EnableAlarmActions),
		api.Op("DisableAlarmActions", s.DisableAlarmActions),
		api.Op("DescribeAlarmContributors", s.DescribeAlarmContributors),
		api.Op("PutAlarmMuteRule", s.PutAlarmMuteRule),
		api.Op("GetAlarmMuteRule", s.GetAlarmMuteRule),
		api.Op("ListAlarmMuteRules", s.ListAlarmMuteRules),
		api.Op("DeleteAlarmMuteRule", s.DeleteAlarmMuteRule),
		api.Op("PutAnomalyDetector", s.PutAnomalyDetector),
		api.Op("DescribeAnomalyDetectors", s.DescribeAnomalyDetectors),
		api.Op("DeleteAnomalyDetector", s.DeleteAnomalyDetector),
		api.Op("TagResource", s.TagResource),
		api.Op("UntagResource", s.UntagResource),
		api.Op("ListTagsForResource", s.ListTagsForResource),
		api.Op("PutDashboard", s.PutDashboard),
		api.Op("GetDashboard", s.GetDashboard),
		api.Op("ListDashboards", s.ListDashboards),
		api.Op("DeleteDashboards", s.DeleteDashboards),
		api.Op("PutInsightRule", s.PutInsightRule),
		api.Op("DescribeInsightRules", s.DescribeInsightRules),
		api.Op("EnableInsightRules", s.EnableInsightRules),
		api.Op("DisableInsightRules", s.DisableInsightRules),
		api.Op("DeleteInsightRules", s.DeleteInsightRules),
		api.Op("PutMetricStream", s.PutMetricStream),
		api.Op("GetMetricStream", s.GetMetricStream),
		api.Op("ListMetricStreams", s.ListMetricStreams),
		api.Op("StartMetricStreams", s.StartMetricStreams),
		api.Op("StopMetricStreams", s.StopMetricStreams),
		api.Op("DeleteMetricStream", s.DeleteMetricStream),
	}
}

// Record implements api.Metrics: it takes datapoints from inside the sandbox,
// which may belong to namespaces of AWS. Points outside PutMetricData's window
// of time, and values that are not numbers, are dropped, as nobody could be told.
func (s *Service) Record(ctx context.Context, points []api.Datapoint) {
	now := s.opts.Clock.Now()
	obs := make([]observation, 0, len(points))
	for _, p := range points {
		if o, ok := fromDatapoint(p, now); ok {
			obs = append(obs, o)
		}
	}
	if err := s.write(ctx, now, obs); err != nil {
		s.opts.Logger.Error("metrics of log events are not written", "err", err)
	}
}

func fromDatapoint(p api.Datapoint, now time.Time) (observation, bool) {
	if p.Time.IsZero() {
		p.Time = now
	}
	if p.Time.Before(now.Add(-maxAge)) || p.Time.After(now.Add(maxAhead)) || len(p.Values) != len(p.Counts) {
		return observation{}, false
	}
	o := observation{at: p.Time, unit: p.Unit, resolution: time.Minute}
	if o.unit == "" {
		o.unit = "None"
	}
	if p.Resolution == 1 {
		o.resolution = time.Second
	}
	dims := make([]dimension, 0, len(p.Dimensions))
	for _, d := range p.Dimensions {
		dims = append(dims, dimension{d[0], d[1]})
	}
	o.identity = newIdentity(p.Namespace, p.Name, dims)
	for i, v := range p.Values {
		if inRange(v) && inRange(p.Counts[i]) {
			o.values = append(o.values, weighted{v, p.Counts[i]})
		}
	}
	return o, len(o.values) > 0
}

// write puts observations into the store and the journal.
func (s *Service) write(ctx context.Context, now time.Time, obs []observation) error {
	sc := scopeOf(api.CallerOf(ctx))
	return s.journal.Do(func() {
		if n := s.store.add(sc, now, obs); n > 0 {
			s.opts.Logger.Warn("metric store full, metrics forgotten", "reason", "memory", "events", n)
		}
	}, func() ([]byte, error) { return recordOf(sc, now, obs) })
}
