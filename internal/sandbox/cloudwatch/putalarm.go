package cloudwatch

import (
	"context"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// PutMetricAlarm creates an alarm, in the state INSUFFICIENT_DATA, or replaces
// the configuration of one and keeps its state and tags.
func (s *Service) PutMetricAlarm(ctx context.Context, in *cloudwatch.PutMetricAlarmInput) (*cloudwatch.PutMetricAlarmOutput, error) {
	a, err := s.buildAlarm(in)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	caller := api.CallerOf(ctx)
	if old := s.alarmSetLocked(scopeOf(caller)).alarms[*in.AlarmName]; old != nil && old.logs != nil {
		return nil, invalidAlarm("A log alarm with the name %s exists", *in.AlarmName)
	}
	return &cloudwatch.PutMetricAlarmOutput{}, s.putLocked(caller, a, in.Tags)
}

// putLocked puts a metric alarm or a log alarm in the place of one of its name.
func (s *Service) putLocked(caller api.Caller, a *metricAlarm, tags []types.Tag) error {
	name, now := *a.desc.AlarmName, s.opts.Clock.Now().UTC()
	a.desc.AlarmArn = aws.String(alarmARN(caller, name))
	a.desc.AlarmConfigurationUpdatedTimestamp = aws.Time(now)
	set := s.alarmSetLocked(scopeOf(caller))
	if set.composites[name] != nil {
		return invalidAlarm("A composite alarm with the name %s exists", name)
	}
	old := set.alarms[name]
	if old != nil && a.sameAs(old) {
		return nil
	}
	set.alarms[name] = a
	if old == nil {
		a.tags = tagMap(tags)
		a.setState(types.StateValueInsufficientData, "Unchecked: Initial alarm creation", "", now)
		a.desc.StateTransitionedTimestamp = aws.Time(now)
	} else {
		a.inherit(old)
	}
	a.startWarmUp(old, now)
	s.addHistoryLocked(set, configurationItem(old, a, now))
	return nil
}

// sameAs says whether a is configured as old is. To put it is then no update:
// neither its times change nor its history, so that a tool which puts what it
// finds there leaves no trace. AWS does not say what it does.
func (a *metricAlarm) sameAs(old *metricAlarm) bool {
	if !a.logs.sameAs(old.logs) {
		return false
	}
	next := *a
	next.inherit(old)
	next.desc.AlarmConfigurationUpdatedTimestamp = old.desc.AlarmConfigurationUpdatedTimestamp
	return reflect.DeepEqual(next.desc, old.desc)
}

// inherit takes over what an update keeps: the state and the tags. Tags of the
// request are ignored, as documented.
func (a *metricAlarm) inherit(old *metricAlarm) {
	a.tags, a.scaledAt, a.warmUntil = old.tags, old.scaledAt, old.warmUntil
	if a.many {
		a.contributors = old.contributors
	}
	a.desc.StateValue = old.desc.StateValue
	a.desc.StateReason = old.desc.StateReason
	a.desc.StateReasonData = old.desc.StateReasonData
	a.desc.StateUpdatedTimestamp = old.desc.StateUpdatedTimestamp
	a.desc.StateTransitionedTimestamp = old.desc.StateTransitionedTimestamp
	a.desc.EvaluationState = old.desc.EvaluationState
}

// startWarmUp begins a warm-up period for a new alarm or one that had none, and
// moves the end of one that is still going on.
func (a *metricAlarm) startWarmUp(old *metricAlarm, now time.Time) {
	cfg := a.desc.WarmUpConfiguration
	switch {
	case cfg == nil:
		a.warmUntil = time.Time{}
	case old == nil || old.desc.WarmUpConfiguration == nil:
		a.warmUntil = now.Add(minutes(cfg))
	case !old.warmUntil.IsZero():
		a.warmUntil = old.warmUntil.Add(minutes(cfg) - minutes(old.desc.WarmUpConfiguration))
	}
	if a.warmUntil.IsZero() {
		if a.desc.EvaluationState == inWarmUp {
			a.setEvaluation("", now)
		}
		return
	}
	a.setEvaluation(inWarmUp, now)
}

func minutes(cfg *types.WarmUpConfiguration) time.Duration {
	return time.Duration(*cfg.WarmUpPeriodDurationInMinutes) * time.Minute
}

// buildAlarm validates the request and compiles what it watches.
func (s *Service) buildAlarm(in *cloudwatch.PutMetricAlarmInput) (*metricAlarm, error) {
	if err := checkAlarmInput(in); err != nil {
		return nil, err
	}
	a := &metricAlarm{desc: describe(in)}
	var err error
	if len(in.Metrics) > 0 {
		err = a.watchMetrics(in)
	} else {
		err = a.watchMetric(in)
	}
	if err != nil {
		return nil, asInvalidAlarm(err)
	}
	if a.rule, err = a.compileRule(in, *s.opts.EvaluationExtra); err != nil {
		return nil, asInvalidAlarm(err)
	}
	return a, checkActions(a)
}

// describe is the part of DescribeAlarms that echoes the request. It copies the
// structure, not what it points to: nobody changes a decoded request.
func describe(in *cloudwatch.PutMetricAlarmInput) types.MetricAlarm {
	enabled := in.ActionsEnabled
	if enabled == nil {
		enabled = aws.Bool(true)
	}
	return types.MetricAlarm{
		ActionConfiguration: in.ActionConfiguration,
		ActionsEnabled:      enabled,
		AlarmActions:        orEmpty(in.AlarmActions),
		AlarmDescription:    in.AlarmDescription,
		AlarmName:           in.AlarmName,
		ComparisonOperator:  in.ComparisonOperator,
		DatapointsToAlarm:   in.DatapointsToAlarm,
		Dimensions:          orEmpty(in.Dimensions),

		EvaluateLowSampleCountPercentile: in.EvaluateLowSampleCountPercentile,

		EvaluationPeriods:       in.EvaluationPeriods,
		EvaluationWindow:        in.EvaluationWindow,
		ExtendedStatistic:       in.ExtendedStatistic,
		InsufficientDataActions: orEmpty(in.InsufficientDataActions),
		MetricName:              in.MetricName,
		Metrics:                 in.Metrics,
		Namespace:               in.Namespace,
		OKActions:               orEmpty(in.OKActions),
		Period:                  in.Period,
		Statistic:               in.Statistic,
		Threshold:               in.Threshold,
		ThresholdMetricId:       in.ThresholdMetricId,
		TreatMissingData:        in.TreatMissingData,
		Unit:                    in.Unit,
		WarmUpConfiguration:     in.WarmUpConfiguration,
	}
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (a *metricAlarm) compileRule(in *cloudwatch.PutMetricAlarmInput, extra int) (alarm.Rule, error) {
	r := alarm.Rule{
		Operator:         alarm.Operator(in.ComparisonOperator),
		Threshold:        aws.ToFloat64(in.Threshold),
		Period:           a.watched.period,
		N:                int(*in.EvaluationPeriods),
		M:                int(aws.ToInt32(in.DatapointsToAlarm)),
		Missing:          alarm.Missing(aws.ToString(in.TreatMissingData)),
		Extra:            extra,
		Statistic:        a.watched.stat.name,
		IgnoreLowSamples: aws.ToString(in.EvaluateLowSampleCountPercentile) == "ignore",
		Unit:             string(in.Unit),
	}
	if w, ok := in.EvaluationWindow.(*types.EvaluationWindowMemberWallClockWindow); ok {
		zone, err := alarm.Location(aws.ToString(w.Value.Timezone))
		if err != nil {
			return r, err
		}
		r.WallClock = zone
	}
	// AWS/DynamoDB metrics always ignore missing data, whatever the setting.
	if a.watched.metric != nil && a.watched.metric.namespace == "AWS/DynamoDB" {
		r.Missing = alarm.Ignore
	}
	return r, r.Validate()
}
