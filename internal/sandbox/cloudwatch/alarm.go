package cloudwatch

import (
	"cmp"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// inWarmUp is the evaluation state of an alarm in its warm-up period; the user
// guide names it, the SDK has no constant for it.
const inWarmUp types.EvaluationState = "IN_WARM_UP"

// alarmSet is the alarms of one account and region.
type alarmSet struct {
	alarms     map[string]*metricAlarm
	composites map[string]*compositeAlarm
	mutes      map[string]*muteRule              // by name
	detectors  map[string]*types.AnomalyDetector // by ID; replaced, never changed
	rules      map[string]*insightRule           // by name
	streams    map[string]*metricStream          // by name
	held       map[string]held                   // by heldKey
	history    []historyItem                     // oldest first
	// sequence numbers history items; it only grows.
	sequence int
}

// metricAlarm is an alarm, its state, and what is needed to evaluate it. The
// values that desc points to are never changed, only replaced, so a shallow copy
// of desc may leave the lock.
type metricAlarm struct {
	desc types.MetricAlarm
	rule alarm.Rule
	// watched is the query that the alarm watches; set holds it and those that
	// it refers to.
	watched *query
	band    *query // nil without an anomaly band
	set     *querySet
	logs    *logWatch // of a log alarm, which has none of the three
	// many says that the alarm watches many time series, contributors are those
	// that have data, by ID; they are replaced, never changed.
	many         bool
	contributors map[string]*contributor
	tags         map[string]string

	evaluated bool      // at least once since it was put
	warmUntil time.Time // zero without or after a warm-up period
	scaledAt  time.Time // when scaling actions last ran
}

// alarmSetLocked returns the alarms of sc, making room for them if need be.
func (s *Service) alarmSetLocked(sc scope) *alarmSet {
	set := s.alarms[sc]
	if set == nil {
		set = &alarmSet{
			alarms: make(map[string]*metricAlarm), composites: make(map[string]*compositeAlarm),
			mutes: make(map[string]*muteRule), detectors: make(map[string]*types.AnomalyDetector),
			rules: make(map[string]*insightRule), streams: make(map[string]*metricStream),
			held: make(map[string]held),
		}
		s.alarms[sc] = set
	}
	return set
}

// sorted returns the alarms by name.
func (set *alarmSet) sorted() []*metricAlarm {
	return order.Sorted(maps.Values(set.alarms), func(a, b *metricAlarm) int {
		return cmp.Compare(*a.desc.AlarmName, *b.desc.AlarmName)
	})
}

// actions are the ARNs for a state.
func (a *metricAlarm) actions(state types.StateValue) []string {
	switch state {
	case types.StateValueAlarm:
		return a.desc.AlarmActions
	case types.StateValueOk:
		return a.desc.OKActions
	}
	return a.desc.InsufficientDataActions
}

// setState changes the state; at is when.
func (a *metricAlarm) setState(state types.StateValue, reason, data string, at time.Time) {
	if a.desc.StateValue != state {
		a.desc.StateTransitionedTimestamp = aws.Time(at)
	}
	a.desc.StateValue = state
	a.desc.StateReason = aws.String(reason)
	a.desc.StateReasonData = nil
	if data != "" {
		a.desc.StateReasonData = aws.String(data)
	}
	a.desc.StateUpdatedTimestamp = aws.Time(at)
}

// setEvaluation changes the evaluation state, empty for a healthy one.
func (a *metricAlarm) setEvaluation(state types.EvaluationState, at time.Time) {
	if a.desc.EvaluationState == state {
		return
	}
	a.desc.EvaluationState = state
	a.desc.StateUpdatedTimestamp = aws.Time(at)
}
