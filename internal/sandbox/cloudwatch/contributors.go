package cloudwatch

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// maxContributors bounds the time series of one alarm, as those of a query are
// bounded.
const maxContributors = maxInsightsSeries

// contributor is one time series of an alarm that watches several: a Metrics
// Insights query with GROUP BY, or log events aggregated by fields. It is in ALARM
// or OK, never in INSUFFICIENT_DATA, as it exists only while it has data (user
// guide, "Acting on alarm changes").
type contributor struct {
	Attributes map[string]string
	State      types.StateValue
	Reason     string
	Since      time.Time
}

// contribution is what a contributor has in the windows of an evaluation.
type contribution struct {
	id         string
	attributes map[string]string
	slots      []alarm.Slot
}

// contributorID names a contributor by its attributes; AWS does not document how
// it does.
func contributorID(attributes map[string]string) string {
	h := fnv.New128a()
	for _, k := range slices.Sorted(maps.Keys(attributes)) {
		fmt.Fprintf(h, "%q=%q\n", k, attributes[k])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// contributions reads what each time series of a has, by ID, and the windows
// without any data.
func (s *Service) contributions(sc scope, a *metricAlarm, now time.Time) (all []contribution, none []alarm.Slot, err error) {
	if a.logs != nil {
		return a.logs.contributions(a.rule.N, now)
	}
	windows := a.rule.Windows(now.Add(-s.opts.EvaluationDelay))
	none = make([]alarm.Slot, len(windows))
	for i, w := range windows {
		none[i].Start = w.Start
	}
	found := s.store.insightsSeries(scope{cmp.Or(a.watched.account, sc.account), sc.region}, a.watched, now, span{a.rule.Period, windows})
	for _, series := range found {
		c := contribution{attributes: series.attributes, slots: slices.Clone(none)}
		for _, p := range series.Points {
			for i := range c.slots {
				if c.slots[i].Start.Unix() == p.Time {
					c.slots[i].Present, c.slots[i].Value = true, p.Value
				}
			}
		}
		all = append(all, c.named())
	}
	return sortedContributions(all), none, nil
}

func (c contribution) named() contribution {
	c.id = contributorID(c.attributes)
	return c
}

func sortedContributions(all []contribution) []contribution {
	order.By(all, func(a, b contribution) int { return cmp.Compare(a.id, b.id) })
	return all[:min(len(all), maxContributors)]
}

// evaluateManyLocked evaluates an alarm with contributors: each by the alarm's
// rule, and the alarm is in ALARM while one of them is. Without any, the alarm's
// treatment of missing data decides. A contributor without data in the whole range
// that is evaluated is no more.
func (s *Service) evaluateManyLocked(sc scope, a *metricAlarm, now time.Time) []transition {
	if a.logs != nil && !a.logs.ran {
		return nil
	}
	a.evaluated = true
	all, none, err := s.contributions(sc, a, now)
	if err != nil {
		a.setEvaluation(types.EvaluationStateEvaluationError, now)
		s.opts.Logger.Warn("alarm cannot be evaluated", "source", *a.desc.AlarmName, "err", err)
		return nil
	}
	if a.warmingUp(together(all, none), now) {
		return nil
	}
	a.setEvaluation("", now)
	out := s.evaluateContributorsLocked(sc, a, all, now)
	res := a.rule.Evaluate(none, alarm.State(a.desc.StateValue), now)
	state, reason := types.StateValue(res.State), res.Reason
	if len(all) > 0 {
		state, reason = a.contributed()
	}
	if len(all) == 0 && res.Kept || state == a.desc.StateValue {
		if t, ok := a.repeat(sc, now); ok {
			out = append(out, t)
		}
		return out
	}
	return append(out, s.changeLocked(sc, a, state, reason, "", now))
}

// together has data where one of the contributions has some.
func together(all []contribution, none []alarm.Slot) []alarm.Slot {
	out := slices.Clone(none)
	for _, c := range all {
		for i := range c.slots {
			out[i].Present = out[i].Present || c.slots[i].Present
		}
	}
	return out
}

// contributed is the state that the contributors make the alarm's.
func (a *metricAlarm) contributed() (types.StateValue, string) {
	n := 0
	for _, c := range a.contributors {
		if c.State == types.StateValueAlarm {
			n++
		}
	}
	reason := fmt.Sprintf("%d of %d contributors are in ALARM", n, len(a.contributors))
	if n > 0 {
		return types.StateValueAlarm, reason
	}
	return types.StateValueOk, reason
}

func (s *Service) evaluateContributorsLocked(sc scope, a *metricAlarm, all []contribution, now time.Time) []transition {
	var out []transition
	before := a.contributors
	a.contributors = make(map[string]*contributor, len(all))
	for _, x := range all {
		old := before[x.id]
		if old == nil {
			old = &contributor{Attributes: x.attributes, State: types.StateValueOk, Since: now}
		}
		c := *old
		res := a.rule.Evaluate(x.slots, alarm.State(old.State), now)
		if !res.Kept {
			c.Reason, c.State = res.Reason, types.StateValueOk
			if res.State == alarm.StateAlarm {
				c.State = types.StateValueAlarm
			}
		}
		a.contributors[x.id] = &c
		if c.State != old.State {
			c.Since = now
			out = append(out, s.changeContributorLocked(sc, a, x.id, old, &c, now))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(before)) {
		old := before[id]
		if a.contributors[id] != nil || old.State != types.StateValueAlarm {
			continue
		}
		gone := &contributor{old.Attributes, types.StateValueOk, "The contributor has no data any more", now}
		out = append(out, s.changeContributorLocked(sc, a, id, old, gone, now))
	}
	s.Changed()
	return out
}

// changeContributorLocked writes the change of a contributor to the history and
// returns the actions that contributors have.
func (s *Service) changeContributorLocked(sc scope, a *metricAlarm, id string, old, c *contributor, now time.Time) transition {
	item := stateItem(a.kind(), a.desc.AlarmName, stateOf(old.State, &old.Reason, nil), stateOf(c.State, &c.Reason, nil), now)
	item.HistoryItemType = types.HistoryItemTypeAlarmContributorStateUpdate
	item.HistorySummary = aws.String(fmt.Sprintf("Alarm contributor updated from %s to %s", old.State, c.State))
	item.AlarmContributorId, item.AlarmContributorAttributes = &id, c.Attributes
	s.addHistoryLocked(s.alarmSetLocked(sc), item)
	return a.contributorTransition(sc, id, old.State, c, now)
}

// contributorTransition describes a contributor's state and its actions.
func (a *metricAlarm) contributorTransition(sc scope, id string, previous types.StateValue, c *contributor, now time.Time) transition {
	m := a.message(sc, previous, now)
	m.NewStateValue, m.NewStateReason = c.State, &c.Reason
	m.AlarmContributorId, m.AlarmContributorAttributes = id, c.Attributes
	t := transition{
		sc: sc, name: *a.desc.AlarmName, arn: *a.desc.AlarmArn, kind: a.kind(), previous: previous, state: c.State, at: now, message: m,
		contributor: id, attributes: c.Attributes,
	}
	if *a.desc.ActionsEnabled {
		t.actions = slices.DeleteFunc(slices.Clone(a.actions(c.State)), func(arn string) bool { return !actsForContributors(arn) })
	}
	return t
}

// actsForContributors reports whether an action runs for each contributor, beside
// the alarm: topics, functions and items of Systems Manager.
func actsForContributors(arn string) bool {
	return strings.Contains(arn, ":sns:") || strings.Contains(arn, ":lambda:") || strings.Contains(arn, ":opsitem:")
}

// contributorsPage bounds an answer of DescribeAlarmContributors, which is ours to
// bound.
const contributorsPage = 100

// DescribeAlarmContributors lists the contributors of an alarm that are in ALARM.
func (s *Service) DescribeAlarmContributors(ctx context.Context, in *cloudwatch.DescribeAlarmContributorsInput) (*cloudwatch.DescribeAlarmContributorsOutput, error) {
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set, name := s.alarmSetLocked(scopeOf(api.CallerOf(ctx))), aws.ToString(in.AlarmName)
	if !set.has(name) {
		return nil, resourceNotFound(alarmARN(api.CallerOf(ctx), name))
	}
	out := &cloudwatch.DescribeAlarmContributorsOutput{AlarmContributors: []types.AlarmContributor{}}
	a := set.alarms[name]
	if a == nil {
		return out, nil // a composite alarm
	}
	for _, id := range slices.Sorted(maps.Keys(a.contributors)) {
		c := a.contributors[id]
		if id <= after || c.State != types.StateValueAlarm {
			continue
		}
		if n := len(out.AlarmContributors); n == contributorsPage {
			out.NextToken = encodeToken(*out.AlarmContributors[n-1].ContributorId)
			break
		}
		out.AlarmContributors = append(out.AlarmContributors, types.AlarmContributor{
			ContributorId: aws.String(id), ContributorAttributes: c.Attributes, StateReason: &c.Reason, StateTransitionedTimestamp: &c.Since,
		})
	}
	return out, nil
}
