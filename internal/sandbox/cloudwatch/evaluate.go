package cloudwatch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/metricmath"
	"github.com/sidelight-dev/sidelight/internal/order"
)

const (
	// tick is how often Run looks for alarms that are due: the interval of
	// high-resolution alarms, which divides all others.
	tick = 10 * time.Second
	// maxReplay bounds how much of a jump of the clock is evaluated step by step.
	maxReplay = 24 * time.Hour
)

// Run evaluates alarms until ctx ends, and then returns nil. Alarms are
// evaluated each minute at the minute, those with periods below a minute each
// ten seconds, those that look back more than a day each hour, and new ones
// within ten seconds. When the clock jumps ahead, the evaluations of the time
// between are made up for in order, those of the last day at least; when it is
// set back, nothing is evaluated until it has caught up.
func (s *Service) Run(ctx context.Context) error {
	last := s.opts.Clock.Now()
	for {
		next := s.nextTick(last)
		if err := s.opts.Clock.Wait(ctx, next); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		last = s.catchUp(ctx, next)
		if ctx.Err() != nil {
			return nil
		}
	}
}

// nextTick is the next time after t at which something may be due.
func (s *Service) nextTick(t time.Time) time.Time {
	next := t.Truncate(tick).Add(tick)
	if e := s.opts.EvaluateEvery; e > 0 {
		if n := t.Truncate(e).Add(e); n.Before(next) {
			next = n
		}
	}
	return next
}

// catchUp evaluates at from and every tick after it up to now, and returns the
// last one.
func (s *Service) catchUp(ctx context.Context, from time.Time) time.Time {
	now := s.opts.Clock.Now()
	if oldest := now.Add(-maxReplay).Truncate(time.Hour); from.Before(oldest) {
		from = oldest
	}
	for t := from; ; {
		next := s.nextTick(t)
		newest := next.After(now)
		s.evaluate(ctx, t, func(a *metricAlarm) bool { return s.due(a, t, newest) })
		if newest || ctx.Err() != nil {
			return t
		}
		t = next
	}
}

// due reports whether a is to be evaluated at t; newest says that t is not made
// up for.
func (s *Service) due(a *metricAlarm, t time.Time, newest bool) bool {
	// A clock that a snapshot has set has passed times that its alarms have seen.
	if t.Before(aws.ToTime(a.desc.StateUpdatedTimestamp)) {
		return false
	}
	if a.logs != nil {
		return a.logs.due(t) && !t.Before(*a.desc.AlarmConfigurationUpdatedTimestamp)
	}
	if !a.evaluated {
		// A clock that jumped shows a new alarm no time before it was put.
		return !t.Before(*a.desc.AlarmConfigurationUpdatedTimestamp)
	}
	if t.Equal(t.Truncate(a.rule.Interval())) {
		return true
	}
	e := s.opts.EvaluateEvery
	return newest && e > 0 && t.Equal(t.Truncate(e))
}

// EvaluateNow evaluates all alarms at the clock's time, whether due or not, and
// returns when their actions have run.
func (s *Service) EvaluateNow(ctx context.Context) {
	s.evaluate(ctx, s.opts.Clock.Now(), func(*metricAlarm) bool { return true })
}

// evaluate evaluates the alarms that pick chooses, as of now.
func (s *Service) evaluate(ctx context.Context, now time.Time, pick func(*metricAlarm) bool) {
	s.evaluation.Lock()
	defer s.evaluation.Unlock()
	before := s.Revision()
	s.runLogQueries(ctx, now.UTC())
	transitions := s.evaluateAll(now.UTC(), pick)
	for _, t := range transitions {
		s.act(ctx, t)
	}
	if s.Revision() != before && s.opts.Changed != nil {
		s.opts.Changed()
	}
}

func (s *Service) evaluateAll(now time.Time, pick func(*metricAlarm) bool) []transition {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []transition
	scopes := order.Sorted(maps.Keys(s.alarms), func(a, b scope) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region))
	})
	for _, sc := range scopes {
		set := s.alarms[sc]
		var changed []string
		for _, a := range set.sorted() {
			if !pick(a) {
				continue
			}
			before, evaluation, warm := a.desc.StateValue, a.desc.EvaluationState, a.warmUntil
			if a.many {
				out = append(out, s.evaluateManyLocked(sc, a, now)...)
			} else if t, ok := s.evaluateLocked(sc, a, now); ok {
				out = append(out, t)
			}
			if a.desc.StateValue != before {
				changed = append(changed, *a.desc.AlarmName)
			}
			if a.desc.EvaluationState != evaluation || !a.warmUntil.Equal(warm) {
				s.Changed()
			}
		}
		out = append(out, s.propagateLocked(sc, set, changed, now)...)
		out = append(out, s.releaseLocked(sc, set, now)...)
	}
	return out
}

func (s *Service) evaluateLocked(sc scope, a *metricAlarm, now time.Time) (transition, bool) {
	if a.logs != nil && !a.logs.ran {
		return transition{}, false
	}
	a.evaluated = true
	slots, err := s.slots(sc, a, now)
	if err != nil {
		a.setEvaluation(types.EvaluationStateEvaluationError, now)
		s.opts.Logger.Warn("alarm cannot be evaluated", "source", *a.desc.AlarmName, "err", err)
		return transition{}, false
	}
	if a.warmingUp(slots, now) {
		return transition{}, false
	}
	a.setEvaluation("", now)
	res := a.rule.Evaluate(slots, alarm.State(a.desc.StateValue), now)
	if res.Kept || types.StateValue(res.State) == a.desc.StateValue {
		return a.repeat(sc, now)
	}
	return s.changeLocked(sc, a, types.StateValue(res.State), res.Reason, res.Data.JSON(), now), true
}

// warmingUp reports whether a's warm-up period goes on. It ends early when the
// newest windows are full, unless the alarm is to wait for its end.
func (a *metricAlarm) warmingUp(slots []alarm.Slot, now time.Time) bool {
	if a.warmUntil.IsZero() {
		return false
	}
	wait := a.desc.WarmUpConfiguration.OnlyStartEvaluatingAfterWarmUpPeriodEnds
	full := (wait == nil || !*wait) && !slices.ContainsFunc(slots[len(slots)-a.rule.N:], func(s alarm.Slot) bool { return !s.Present })
	if now.Before(a.warmUntil) && !full {
		return true
	}
	a.warmUntil = time.Time{}
	return false
}

// changeLocked moves a to another state and writes the history.
func (s *Service) changeLocked(sc scope, a *metricAlarm, state types.StateValue, reason, data string, now time.Time) transition {
	before := a.desc
	a.setState(state, reason, data, now)
	s.addHistoryLocked(s.alarmSetLocked(sc), stateItem(a.kind(), a.desc.AlarmName,
		stateOf(before.StateValue, before.StateReason, before.StateReasonData), stateOf(state, &reason, &data), now))
	s.opts.Logger.Info("alarm state changed", "source", *a.desc.AlarmName, "from", before.StateValue, "to", state, "reason", reason)
	t := a.transition(sc, before.StateValue, now)
	if *a.desc.ActionsEnabled {
		t.actions = a.actions(state)
		a.scaledAt = now
	}
	return t
}

// transition describes a's present state to those who are told of it.
func (a *metricAlarm) transition(sc scope, previous types.StateValue, now time.Time) transition {
	return transition{
		sc: sc, name: *a.desc.AlarmName, arn: *a.desc.AlarmArn, kind: a.kind(),
		previous: previous, state: a.desc.StateValue, at: now, message: a.message(sc, previous, now),
	}
}

// repeat returns the scaling actions of an alarm that stays in its state, once a
// minute; all other actions run on transitions only.
func (a *metricAlarm) repeat(sc scope, now time.Time) (transition, bool) {
	if !*a.desc.ActionsEnabled || now.Sub(a.scaledAt) < time.Minute {
		return transition{}, false
	}
	t := a.transition(sc, a.desc.StateValue, now)
	for _, arn := range a.actions(a.desc.StateValue) {
		if scaling(arn) {
			t.actions = append(t.actions, arn)
		}
	}
	if len(t.actions) == 0 {
		return transition{}, false
	}
	a.scaledAt = now
	return t, true
}

// slots reads what a's windows hold. A window without a band has no datapoint
// for an alarm that compares with one.
func (s *Service) slots(sc scope, a *metricAlarm, now time.Time) ([]alarm.Slot, error) {
	if a.logs != nil {
		return a.logs.slots(a.rule.N, now)
	}
	windows := a.rule.Windows(now.Add(-s.opts.EvaluationDelay))
	r := &windowReading{s: s, sc: sc, now: now, span: span{a.rule.Period, windows}}
	ev := a.set.evaluator(r.series, r.times)
	ev.insights = r.insights
	ev.wide = func() *evaluator {
		past := &windowReading{s: s, sc: sc, now: now, span: span{r.span.period, trainedWindows(r.span)}}
		wide := a.set.evaluator(past.series, past.times)
		wide.insights = past.insights
		return wide
	}
	v, err := ev.value(a.watched)
	if err != nil {
		return nil, err
	}
	samples := r.samples[a.watched]
	at := make(map[int64]*alarm.Slot, len(windows))
	slots := make([]alarm.Slot, len(windows))
	for i, w := range windows {
		slots[i].Start = w.Start
		if samples != nil {
			slots[i].Samples = samples[i]
		}
		at[w.Start.Unix()] = &slots[i]
	}
	for _, p := range v.Series[0].Points {
		if slot := at[p.Time]; slot != nil {
			slot.Present, slot.Value = true, p.Value
		}
	}
	if a.band == nil {
		return slots, nil
	}
	return slots, a.addBand(ev, slots)
}

// addBand writes the band into slots.
func (a *metricAlarm) addBand(ev *evaluator, slots []alarm.Slot) error {
	v, err := ev.value(a.band)
	if err != nil {
		return err
	}
	upper := make(map[int64]float64)
	for _, p := range v.Series[1].Points {
		upper[p.Time] = p.Value
	}
	lower := make(map[int64]float64)
	for _, p := range v.Series[0].Points {
		lower[p.Time] = p.Value
	}
	for i := range slots {
		high, ok := upper[slots[i].Start.Unix()]
		slots[i].Present = slots[i].Present && ok
		slots[i].Lower, slots[i].Upper = lower[slots[i].Start.Unix()], high
	}
	return nil
}

// trainedWindows puts the training span of anomaly bands before windows.
func trainedWindows(sp span) []alarm.Window {
	n := training(sp.period)
	first := sp.windows[0].Start
	out := make([]alarm.Window, 0, n+len(sp.windows))
	for i := n; i > 0; i-- {
		start := first.Add(-time.Duration(i) * sp.period)
		out = append(out, alarm.Window{Start: start, End: start.Add(sp.period)})
	}
	return append(out, sp.windows...)
}

// windowReading reads metrics in given windows.
type windowReading struct {
	s       *Service
	sc      scope
	now     time.Time
	span    span
	samples map[*query][]float64 // how many samples each window has
}

func (r *windowReading) series(q *query) metricmath.Series {
	out := metricmath.Series{ID: q.id, Period: q.period}
	owner := scope{cmp.Or(q.account, r.sc.account), r.sc.region}
	samples := make([]float64, len(r.span.windows))
	for i, d := range r.s.store.read(owner, *q.metric, q.unit, r.now, r.span) {
		samples[i] = d.count
		if v, ok := q.stat.eval(&d); ok {
			out.Points = append(out.Points, metricmath.Point{Time: r.span.windows[i].Start.Unix(), Value: v})
		}
	}
	if r.samples == nil {
		r.samples = make(map[*query][]float64)
	}
	r.samples[q] = samples
	return out
}

func (r *windowReading) insights(q *query) metricmath.Value {
	return r.s.store.insights(scope{cmp.Or(q.account, r.sc.account), r.sc.region}, q, r.now, r.span)
}

func (r *windowReading) times(time.Duration) []int64 {
	ts := make([]int64, len(r.span.windows))
	for i, w := range r.span.windows {
		ts[i] = w.Start.Unix()
	}
	return ts
}
