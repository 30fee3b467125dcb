package cloudwatch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/metricmath"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of PutMetricAlarm.
const (
	maxAlarmName        = 255
	maxDescription      = 1024
	maxActions          = 5
	maxActionLength     = 1024
	maxAlarmQueries     = 20
	maxAlarmMetrics     = 10
	maxAlarmExpressions = 10
	maxWarmUpMinutes    = 2880
	maxTagKeys          = 50
)

// asInvalidAlarm turns plain errors into refusals.
func asInvalidAlarm(err error) error {
	if _, ok := errors.AsType[*api.Error](err); ok {
		return err
	}
	return invalidAlarm("%v", err)
}

// checkAlarmInput checks what does not depend on the kind of alarm.
func checkAlarmInput(in *cloudwatch.PutMetricAlarmInput) error {
	for _, check := range []func(*cloudwatch.PutMetricAlarmInput) error{
		checkAlarmText, checkAlarmSource, checkAlarmCondition, checkAlarmWindow, checkAlarmActionSettings,
	} {
		if err := check(in); err != nil {
			return asInvalidAlarm(err)
		}
	}
	return checkTags(in.Tags)
}

func checkAlarmText(in *cloudwatch.PutMetricAlarmInput) error {
	if err := checkAlarmName(in.AlarmName); err != nil {
		return err
	}
	if utf8.RuneCountInString(aws.ToString(in.AlarmDescription)) > maxDescription {
		return fmt.Errorf("AlarmDescription must be at most %d characters long", maxDescription)
	}
	return nil
}

func checkAlarmName(name *string) error {
	switch n := aws.ToString(name); {
	case n == "":
		return errors.New("AlarmName is required")
	case utf8.RuneCountInString(n) > maxAlarmName:
		return fmt.Errorf("AlarmName must be at most %d characters long", maxAlarmName)
	case !utf8.ValidString(n) || strings.ContainsFunc(n, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return errors.New("AlarmName must be UTF-8 without ASCII control characters")
	}
	return nil
}

// checkAlarmSource makes sure that exactly one source is given, whole.
func checkAlarmSource(in *cloudwatch.PutMetricAlarmInput) error {
	if in.EvaluationCriteria != nil {
		return unsupported("alarms on PromQL queries (EvaluationCriteria)")
	}
	if in.EvaluationInterval != nil {
		return errors.New("EvaluationInterval is only for alarms with EvaluationCriteria")
	}
	single := in.MetricName != nil
	switch {
	case single && len(in.Metrics) > 0:
		return errors.New("MetricName and Metrics are mutually exclusive")
	case !single && len(in.Metrics) == 0:
		return errors.New("one of MetricName, Metrics or EvaluationCriteria is required")
	case single:
		return nil
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"Namespace", in.Namespace != nil},
		{"Dimensions", len(in.Dimensions) > 0},
		{"Period", in.Period != nil},
		{"Unit", in.Unit != ""},
		{"Statistic", in.Statistic != ""},
		{"ExtendedStatistic", in.ExtendedStatistic != nil},
	} {
		if f.set {
			return fmt.Errorf("%s cannot be specified together with Metrics", f.name)
		}
	}
	return nil
}

func checkAlarmCondition(in *cloudwatch.PutMetricAlarmInput) error {
	op := alarm.Operator(in.ComparisonOperator)
	switch {
	case in.ComparisonOperator == "":
		return errors.New("ComparisonOperator is required")
	case !op.Valid():
		return fmt.Errorf("%q is not a ComparisonOperator", op)
	case op.Band() != (in.ThresholdMetricId != nil):
		return errors.New("ThresholdMetricId is for the comparison operators of anomaly bands, and they need it")
	case op.Band() && len(in.Metrics) == 0:
		return errors.New("ThresholdMetricId needs Metrics")
	case op.Band() && in.Threshold != nil:
		return errors.New("Threshold and ThresholdMetricId are mutually exclusive")
	case !op.Band() && in.Threshold == nil:
		return errors.New("Threshold is required")
	case in.Threshold != nil && !inRange(*in.Threshold):
		return errors.New("Threshold must be a number from -2^360 to 2^360")
	case in.EvaluationPeriods == nil:
		return errors.New("EvaluationPeriods is required")
	case in.DatapointsToAlarm != nil && *in.DatapointsToAlarm < 1:
		return errors.New("DatapointsToAlarm must be at least 1")
	}
	if low := aws.ToString(in.EvaluateLowSampleCountPercentile); low != "" && low != "evaluate" && low != "ignore" {
		return fmt.Errorf("EvaluateLowSampleCountPercentile must be evaluate or ignore, not %q", low)
	}
	return nil
}

func checkAlarmWindow(in *cloudwatch.PutMetricAlarmInput) error {
	switch in.EvaluationWindow.(type) {
	case nil, *types.EvaluationWindowMemberSlidingWindow, *types.EvaluationWindowMemberWallClockWindow:
	default:
		return errors.New("EvaluationWindow must be a SlidingWindow or a WallClockWindow")
	}
	return checkWarmUp(in.WarmUpConfiguration)
}

func checkWarmUp(cfg *types.WarmUpConfiguration) error {
	if cfg == nil {
		return nil
	}
	if m := aws.ToInt32(cfg.WarmUpPeriodDurationInMinutes); m < 1 || m > maxWarmUpMinutes {
		return fmt.Errorf("WarmUpConfiguration.WarmUpPeriodDurationInMinutes must be between 1 and %d", maxWarmUpMinutes)
	}
	return nil
}

func checkAlarmActionSettings(in *cloudwatch.PutMetricAlarmInput) error {
	return checkPropagation(in.ActionConfiguration)
}

func checkPropagation(cfg *types.ActionConfiguration) error {
	if cfg == nil || cfg.AlarmTagsPropagation == nil {
		return nil
	}
	const at = "ActionConfiguration.AlarmTagsPropagation"
	p := cfg.AlarmTagsPropagation
	switch {
	case p.Enabled == nil:
		return errors.New(at + ".Enabled is required")
	case len(p.IncludedTagKeys) > 0 && len(p.ExcludedTagKeys) > 0:
		return errors.New(at + ": IncludedTagKeys and ExcludedTagKeys are mutually exclusive")
	case len(p.IncludedTagKeys) > maxTagKeys || len(p.ExcludedTagKeys) > maxTagKeys:
		return fmt.Errorf("%s: at most %d tag keys can be given", at, maxTagKeys)
	}
	for _, k := range slices.Concat(p.IncludedTagKeys, p.ExcludedTagKeys) {
		if k == "" || utf8.RuneCountInString(k) > maxTagKey {
			return fmt.Errorf("%s: a tag key must have 1 to %d characters", at, maxTagKey)
		}
	}
	return nil
}

// watchMetric compiles an alarm on one metric.
func (a *metricAlarm) watchMetric(in *cloudwatch.PutMetricAlarmInput) error {
	stat := string(in.Statistic)
	switch {
	case aws.ToString(in.MetricName) == "" || len(*in.MetricName) > maxName:
		return fmt.Errorf("MetricName must have 1 to %d characters", maxName)
	case aws.ToString(in.Namespace) == "" || len(*in.Namespace) > maxName:
		return fmt.Errorf("Namespace is required and must have at most %d characters", maxName)
	case in.Period == nil:
		return errors.New("Period is required")
	case (stat != "") == (in.ExtendedStatistic != nil):
		return errors.New("exactly one of Statistic and ExtendedStatistic is required")
	case stat != "" && !slices.Contains(in.Statistic.Values(), in.Statistic):
		return fmt.Errorf("%q is not a Statistic", stat)
	case in.Unit != "" && !slices.Contains(in.Unit.Values(), in.Unit):
		return fmt.Errorf("%q is not a Unit", in.Unit)
	}
	dims, err := checkDimensions("", in.Dimensions)
	if err != nil {
		return err
	}
	if stat == "" {
		stat = *in.ExtendedStatistic
		if slices.Contains(in.Statistic.Values(), types.Statistic(stat)) {
			return fmt.Errorf("ExtendedStatistic: %q is a Statistic", stat)
		}
	}
	id := newIdentity(*in.Namespace, *in.MetricName, dims)
	a.watched = &query{id: "m1", returns: true, metric: &id, unit: string(in.Unit), period: time.Duration(*in.Period) * time.Second}
	a.set = &querySet{queries: []*query{a.watched}, byID: map[string]*query{"m1": a.watched}}
	if a.watched.stat, err = parseStatistic(stat); err != nil {
		return fmt.Errorf("ExtendedStatistic: %w", err)
	}
	return nil
}

// watchMetrics compiles an alarm on metric math.
func (a *metricAlarm) watchMetrics(in *cloudwatch.PutMetricAlarmInput) error {
	if len(in.Metrics) > maxAlarmQueries {
		return fmt.Errorf("Metrics must have at most %d members", maxAlarmQueries)
	}
	set, err := compile("Metrics", in.Metrics)
	if err != nil {
		return err
	}
	a.set = set
	var metrics, expressions int
	for _, q := range set.queries {
		if q.metric != nil || q.insights != nil {
			metrics++
		} else {
			expressions++
		}
		if q.insights != nil && len(q.insights.groups) > 0 {
			if !q.returns {
				return unsupported("alarms on expressions over Metrics Insights queries with GROUP BY")
			}
			a.many = true
		}
		if q.period != set.queries[0].period {
			return errors.New("all members of Metrics must have the same Period")
		}
		if q.expr != nil && q.expr.Calls("SEARCH") {
			return fmt.Errorf("error in expression '%s': an alarm cannot use SEARCH", q.id)
		}
		switch {
		case !q.returns:
		case q.id == aws.ToString(in.ThresholdMetricId):
			a.band = q
		case a.watched != nil:
			return errors.New("exactly one member of Metrics must have ReturnData true")
		default:
			a.watched = q
		}
	}
	switch {
	case in.ThresholdMetricId != nil && (a.band == nil || a.band.expr == nil || !a.band.expr.Calls(bandFunction)):
		return errors.New("ThresholdMetricId must be the Id of a member of Metrics that is an ANOMALY_DETECTION_BAND and has ReturnData true")
	case a.watched == nil:
		return errors.New("exactly one member of Metrics must have ReturnData true")
	case metrics > maxAlarmMetrics || expressions > maxAlarmExpressions:
		return fmt.Errorf("Metrics must have at most %d metrics and %d expressions", maxAlarmMetrics, maxAlarmExpressions)
	case metrics == 0:
		return errors.New("Metrics must have at least one metric")
	}
	return a.checkSingleSeries()
}

// checkSingleSeries makes sure that the alarm watches one time series.
func (a *metricAlarm) checkSingleSeries() error {
	ev := a.set.blank()
	v, err := ev.value(a.watched)
	if err != nil {
		return err
	}
	if a.many {
		return nil // each is an alarm of its own
	}
	if v.Kind != metricmath.TimeSeries {
		return fmt.Errorf("error in expression '%s': it yields %s, an alarm needs a single time series", a.watched.id, v.Kind)
	}
	if a.band == nil {
		return nil
	}
	if v, err = ev.value(a.band); err == nil && len(v.Series) != 2 {
		return fmt.Errorf("error in expression '%s': it is not one band", a.band.id)
	}
	return err
}
