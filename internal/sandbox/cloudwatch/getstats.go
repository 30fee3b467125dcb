package cloudwatch

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of GetMetricStatistics.
const (
	maxStatPoints   = 1440
	maxStatistics   = 5
	maxExtendedStat = 10
)

// GetMetricStatistics reads one metric. Without a unit it returns datapoints of
// every unit that the metric was published in. AWS returns them in no order;
// here they happen to be ascending.
func (s *Service) GetMetricStatistics(ctx context.Context, in *cloudwatch.GetMetricStatisticsInput) (*cloudwatch.GetMetricStatisticsOutput, error) {
	stats, err := checkGetMetricStatistics(in)
	if err != nil {
		return nil, err
	}
	caller := api.CallerOf(ctx)
	id := newIdentity(*in.Namespace, *in.MetricName, dimensionsOf(in.Dimensions))
	r := newReading(s, caller, *in.StartTime, *in.EndTime)
	sp := r.span(time.Duration(*in.Period) * time.Second)
	units := []string{string(in.Unit)}
	if in.Unit == "" {
		units = s.store.units(scopeOf(caller), id)
	}
	out := &cloudwatch.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	for _, unit := range units {
		for i, d := range s.store.read(r.sc, id, unit, r.now, sp) {
			if d.count == 0 {
				continue
			}
			p := datapoint(&d, stats)
			p.Timestamp, p.Unit = aws.Time(sp.windows[i].Start.UTC()), types.StandardUnit(unit)
			out.Datapoints = append(out.Datapoints, p)
		}
	}
	return out, nil
}

func checkGetMetricStatistics(in *cloudwatch.GetMetricStatisticsInput) ([]statistic, error) {
	if err := checkName("Namespace", in.Namespace); err != nil {
		return nil, err
	}
	if err := checkName("MetricName", in.MetricName); err != nil {
		return nil, err
	}
	if len(in.Dimensions) > maxDimensions {
		return nil, invalidValue("The collection Dimensions must not have a size greater than %d.", maxDimensions)
	}
	if err := checkTimes(in.StartTime, in.EndTime); err != nil {
		return nil, err
	}
	if in.Period == nil {
		return nil, missing("The parameter Period is required.")
	}
	period := time.Duration(*in.Period) * time.Second
	if err := checkQueryPeriod("The parameter Period", period); err != nil {
		return nil, asInvalidValue(err)
	}
	if n := (in.EndTime.Sub(*in.StartTime) + period - 1) / period; n > maxStatPoints {
		return nil, invalidCombination("You have requested up to %d datapoints, which exceeds the limit of 1,440. "+
			"You may reduce the datapoints requested by increasing Period, or decreasing the time range.", n)
	}
	return requestedStatistics(in)
}

func requestedStatistics(in *cloudwatch.GetMetricStatisticsInput) ([]statistic, error) {
	switch {
	case len(in.Statistics) == 0 && len(in.ExtendedStatistics) == 0:
		return nil, missing("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	case len(in.Statistics) > maxStatistics:
		return nil, invalidValue("The collection Statistics must not have a size greater than %d.", maxStatistics)
	case len(in.ExtendedStatistics) > maxExtendedStat:
		return nil, invalidValue("The collection ExtendedStatistics must not have a size greater than %d.", maxExtendedStat)
	}
	var stats []statistic
	for _, name := range in.Statistics {
		if !slices.Contains(name.Values(), name) {
			return nil, invalidValue("The value %s for parameter Statistics is invalid.", name)
		}
		st, err := parseStatistic(string(name))
		if err != nil {
			return nil, asInvalidValue(err)
		}
		stats = append(stats, st)
	}
	for _, name := range in.ExtendedStatistics {
		st, err := parseStatistic(name)
		if err != nil || slices.Contains(types.StatisticSum.Values(), types.Statistic(name)) {
			return nil, invalidValue("The value %s for parameter ExtendedStatistics is invalid.", name)
		}
		stats = append(stats, st)
	}
	return stats, nil
}

func datapoint(d *distribution, stats []statistic) types.Datapoint {
	var p types.Datapoint
	for _, st := range stats {
		v, ok := st.eval(d)
		if !ok {
			continue
		}
		switch types.Statistic(st.name) {
		case types.StatisticSampleCount:
			p.SampleCount = &v
		case types.StatisticSum:
			p.Sum = &v
		case types.StatisticAverage:
			p.Average = &v
		case types.StatisticMinimum:
			p.Minimum = &v
		case types.StatisticMaximum:
			p.Maximum = &v
		default:
			if p.ExtendedStatistics == nil {
				p.ExtendedStatistics = make(map[string]float64)
			}
			p.ExtendedStatistics[st.name] = v
		}
	}
	return p
}
