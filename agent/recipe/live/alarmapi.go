package live

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// AlarmInput returns the request that makes the alarm. CloudWatch uses the tags
// only if there is no alarm of the name yet.
func AlarmInput(name string, a *ir.MetricAlarm, tags map[string]string) *cloudwatch.PutMetricAlarmInput {
	return &cloudwatch.PutMetricAlarmInput{
		AlarmName:                        &name,
		AlarmDescription:                 text(a.AlarmDescription),
		ActionsEnabled:                   a.ActionsEnabled,
		AlarmActions:                     a.AlarmActions,
		OKActions:                        a.OKActions,
		InsufficientDataActions:          a.InsufficientDataActions,
		Namespace:                        text(a.Namespace),
		MetricName:                       text(a.MetricName),
		Dimensions:                       toDimensions(a.Dimensions),
		Statistic:                        types.Statistic(a.Statistic),
		ExtendedStatistic:                text(a.ExtendedStatistic),
		Period:                           number(a.Period),
		Unit:                             types.StandardUnit(a.Unit),
		Metrics:                          toMetrics(a.Metrics),
		ComparisonOperator:               types.ComparisonOperator(a.ComparisonOperator),
		Threshold:                        a.Threshold,
		ThresholdMetricId:                text(a.ThresholdMetricId),
		EvaluationPeriods:                number(a.EvaluationPeriods),
		DatapointsToAlarm:                number(a.DatapointsToAlarm),
		TreatMissingData:                 text(a.TreatMissingData),
		EvaluateLowSampleCountPercentile: text(a.EvaluateLowSampleCountPercentile),
		EvaluationWindow:                 toWindow(a.EvaluationWindow),
		WarmUpConfiguration:              toWarmUp(a.WarmUpConfiguration),
		ActionConfiguration:              toActionConfiguration(a.ActionConfiguration),
		EvaluationCriteria:               toCriteria(a.EvaluationCriteria),
		EvaluationInterval:               number(a.EvaluationInterval),
		Tags:                             toTags(tags),
	}
}

// toTags returns tags as CloudWatch takes them, sorted by key.
func toTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}

// fromTags is the inverse of toTags.
func fromTags(tags []types.Tag) map[string]string {
	out := make(map[string]string, len(tags))
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func number(n int32) *int32 {
	if n == 0 {
		return nil
	}
	return &n
}

func toDimensions(list []ir.Dimension) []types.Dimension {
	var out []types.Dimension
	for _, d := range list {
		out = append(out, types.Dimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
	}
	return out
}

func toMetrics(list []ir.MetricQuery) []types.MetricDataQuery {
	var out []types.MetricDataQuery
	for _, q := range list {
		m := types.MetricDataQuery{
			Id: aws.String(q.Id), AccountId: text(q.AccountId), Expression: text(q.Expression), Label: text(q.Label),
			Period: number(q.Period), ReturnData: q.ReturnData,
		}
		if s := q.MetricStat; s != nil {
			m.MetricStat = &types.MetricStat{
				Period: number(s.Period), Stat: text(s.Stat), Unit: types.StandardUnit(s.Unit),
				Metric: &types.Metric{Namespace: text(s.Metric.Namespace), MetricName: text(s.Metric.MetricName), Dimensions: toDimensions(s.Metric.Dimensions)},
			}
		}
		out = append(out, m)
	}
	return out
}

func toWindow(w *ir.EvaluationWindow) types.EvaluationWindow {
	switch {
	case w == nil:
		return nil
	case w.WallClockWindow != nil:
		return &types.EvaluationWindowMemberWallClockWindow{Value: types.WallClockWindow{Timezone: text(w.WallClockWindow.Timezone)}}
	}
	return &types.EvaluationWindowMemberSlidingWindow{}
}

func toWarmUp(w *ir.WarmUp) *types.WarmUpConfiguration {
	if w == nil {
		return nil
	}
	return &types.WarmUpConfiguration{
		WarmUpPeriodDurationInMinutes:            aws.Int32(w.WarmUpPeriodDurationInMinutes),
		OnlyStartEvaluatingAfterWarmUpPeriodEnds: w.OnlyStartEvaluatingAfterWarmUpPeriodEnds,
	}
}

func toActionConfiguration(c *ir.ActionConfiguration) *types.ActionConfiguration {
	if c == nil {
		return nil
	}
	out := &types.ActionConfiguration{}
	if p := c.AlarmTagsPropagation; p != nil {
		out.AlarmTagsPropagation = &types.AlarmTagsPropagation{Enabled: p.Enabled, IncludedTagKeys: p.IncludedTagKeys, ExcludedTagKeys: p.ExcludedTagKeys}
	}
	return out
}

func toCriteria(c *ir.EvaluationCriteria) types.EvaluationCriteria {
	if c == nil || c.PromQLCriteria == nil {
		return nil
	}
	q := c.PromQLCriteria
	return &types.EvaluationCriteriaMemberPromQLCriteria{Value: types.AlarmPromQLCriteria{Query: &q.Query, PendingPeriod: q.PendingPeriod, RecoveryPeriod: q.RecoveryPeriod}}
}

// Alarm returns what CloudWatch holds as an alarm of the recipe. State,
// timestamps and ARNs are left out.
func Alarm(a types.MetricAlarm) *ir.MetricAlarm {
	return &ir.MetricAlarm{
		AlarmDescription:                 aws.ToString(a.AlarmDescription),
		ActionsEnabled:                   a.ActionsEnabled,
		AlarmActions:                     a.AlarmActions,
		OKActions:                        a.OKActions,
		InsufficientDataActions:          a.InsufficientDataActions,
		Namespace:                        aws.ToString(a.Namespace),
		MetricName:                       aws.ToString(a.MetricName),
		Dimensions:                       fromDimensions(a.Dimensions),
		Statistic:                        string(a.Statistic),
		ExtendedStatistic:                aws.ToString(a.ExtendedStatistic),
		Period:                           aws.ToInt32(a.Period),
		Unit:                             string(a.Unit),
		Metrics:                          fromMetrics(a.Metrics),
		ComparisonOperator:               string(a.ComparisonOperator),
		Threshold:                        a.Threshold,
		ThresholdMetricId:                aws.ToString(a.ThresholdMetricId),
		EvaluationPeriods:                aws.ToInt32(a.EvaluationPeriods),
		DatapointsToAlarm:                aws.ToInt32(a.DatapointsToAlarm),
		TreatMissingData:                 aws.ToString(a.TreatMissingData),
		EvaluateLowSampleCountPercentile: aws.ToString(a.EvaluateLowSampleCountPercentile),
		EvaluationWindow:                 fromWindow(a.EvaluationWindow),
		WarmUpConfiguration:              fromWarmUp(a.WarmUpConfiguration),
		ActionConfiguration:              fromActionConfiguration(a.ActionConfiguration),
		EvaluationCriteria:               fromCriteria(a.EvaluationCriteria),
		EvaluationInterval:               aws.ToInt32(a.EvaluationInterval),
	}
}

func fromDimensions(list []types.Dimension) []ir.Dimension {
	var out []ir.Dimension
	for _, d := range list {
		out = append(out, ir.Dimension{Name: aws.ToString(d.Name), Value: aws.ToString(d.Value)})
	}
	return out
}

func fromMetrics(list []types.MetricDataQuery) []ir.MetricQuery {
	var out []ir.MetricQuery
	for _, q := range list {
		m := ir.MetricQuery{
			Id: aws.ToString(q.Id), AccountId: aws.ToString(q.AccountId), Expression: aws.ToString(q.Expression),
			Label: aws.ToString(q.Label), Period: aws.ToInt32(q.Period), ReturnData: q.ReturnData,
		}
		if s := q.MetricStat; s != nil {
			m.MetricStat = &ir.MetricStat{Period: aws.ToInt32(s.Period), Stat: aws.ToString(s.Stat), Unit: string(s.Unit)}
			if s.Metric != nil {
				m.MetricStat.Metric = ir.Metric{Namespace: aws.ToString(s.Metric.Namespace), MetricName: aws.ToString(s.Metric.MetricName), Dimensions: fromDimensions(s.Metric.Dimensions)}
			}
		}
		out = append(out, m)
	}
	return out
}

func fromWindow(w types.EvaluationWindow) *ir.EvaluationWindow {
	if clock, ok := w.(*types.EvaluationWindowMemberWallClockWindow); ok {
		return &ir.EvaluationWindow{WallClockWindow: &ir.WallClockWindow{Timezone: aws.ToString(clock.Value.Timezone)}}
	}
	return nil
}

func fromWarmUp(w *types.WarmUpConfiguration) *ir.WarmUp {
	if w == nil {
		return nil
	}
	return &ir.WarmUp{
		WarmUpPeriodDurationInMinutes:            aws.ToInt32(w.WarmUpPeriodDurationInMinutes),
		OnlyStartEvaluatingAfterWarmUpPeriodEnds: w.OnlyStartEvaluatingAfterWarmUpPeriodEnds,
	}
}

func fromActionConfiguration(c *types.ActionConfiguration) *ir.ActionConfiguration {
	if c == nil || c.AlarmTagsPropagation == nil {
		return nil
	}
	p := c.AlarmTagsPropagation
	return &ir.ActionConfiguration{AlarmTagsPropagation: &ir.TagsPropagation{Enabled: p.Enabled, IncludedTagKeys: p.IncludedTagKeys, ExcludedTagKeys: p.ExcludedTagKeys}}
}

func fromCriteria(c types.EvaluationCriteria) *ir.EvaluationCriteria {
	q, ok := c.(*types.EvaluationCriteriaMemberPromQLCriteria)
	if !ok {
		return nil
	}
	return &ir.EvaluationCriteria{PromQLCriteria: &ir.PromQL{Query: aws.ToString(q.Value.Query), PendingPeriod: q.Value.PendingPeriod, RecoveryPeriod: q.Value.RecoveryPeriod}}
}
