package cloudwatch

import (
	"context"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of the describing actions.
const (
	maxRecords     = 100
	defaultRecords = 50
	maxAlarmNames  = 100
)

func recordLimit(n *int32, standard int) (int, error) {
	if n == nil {
		return standard, nil
	}
	if *n < 1 || *n > maxRecords {
		return 0, invalidAlarm("MaxRecords must be between 1 and %d", maxRecords)
	}
	return int(*n), nil
}

// DescribeAlarms lists alarms by name, 50 a page unless MaxRecords says
// otherwise. Without AlarmTypes it returns metric alarms, which are the only
// ones here.
func (s *Service) DescribeAlarms(ctx context.Context, in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	limit, err := checkDescribeAlarms(in)
	if err != nil {
		return nil, err
	}
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &cloudwatch.DescribeAlarmsOutput{
		MetricAlarms: []types.MetricAlarm{}, CompositeAlarms: []types.CompositeAlarm{}, LogAlarms: []types.LogAlarm{},
	}
	if len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, types.AlarmTypeMetricAlarm) {
		return out, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.alarmSetLocked(scopeOf(api.CallerOf(ctx))).sorted()
	all = all[sort.Search(len(all), func(i int) bool { return *all[i].desc.AlarmName > after }):]
	for _, a := range all {
		if !describes(in, a) {
			continue
		}
		if len(out.MetricAlarms) == limit {
			out.NextToken = encodeToken(*out.MetricAlarms[limit-1].AlarmName)
			break
		}
		out.MetricAlarms = append(out.MetricAlarms, a.desc)
	}
	return out, nil
}

func checkDescribeAlarms(in *cloudwatch.DescribeAlarmsInput) (int, error) {
	switch {
	case in.ChildrenOfAlarmName != nil || in.ParentsOfAlarmName != nil:
		return 0, unsupported("composite alarms (ChildrenOfAlarmName, ParentsOfAlarmName)")
	case len(in.AlarmNames) > maxAlarmNames:
		return 0, invalidAlarm("AlarmNames must have at most %d members", maxAlarmNames)
	case len(in.AlarmNames) > 0 && in.AlarmNamePrefix != nil:
		return 0, invalidAlarm("AlarmNames and AlarmNamePrefix are mutually exclusive")
	case in.StateValue != "" && !slices.Contains(in.StateValue.Values(), in.StateValue):
		return 0, invalidAlarm("%q is not a StateValue", in.StateValue)
	}
	for _, t := range in.AlarmTypes {
		if !slices.Contains(t.Values(), t) {
			return 0, invalidAlarm("%q is not an AlarmType", t)
		}
	}
	return recordLimit(in.MaxRecords, defaultRecords)
}

func describes(in *cloudwatch.DescribeAlarmsInput, a *metricAlarm) bool {
	d := &a.desc
	switch {
	case len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, *d.AlarmName):
		return false
	case !strings.HasPrefix(*d.AlarmName, aws.ToString(in.AlarmNamePrefix)):
		return false
	case in.StateValue != "" && in.StateValue != d.StateValue:
		return false
	case in.ActionPrefix == nil:
		return true
	}
	return slices.ContainsFunc(slices.Concat(d.AlarmActions, d.OKActions, d.InsufficientDataActions),
		func(arn string) bool { return strings.HasPrefix(arn, *in.ActionPrefix) })
}

// DescribeAlarmsForMetric lists the alarms on exactly one metric. As in AWS,
// alarms on metric math are not among them.
func (s *Service) DescribeAlarmsForMetric(ctx context.Context, in *cloudwatch.DescribeAlarmsForMetricInput) (*cloudwatch.DescribeAlarmsForMetricOutput, error) {
	if in.MetricName == nil || in.Namespace == nil {
		return nil, invalidAlarm("MetricName and Namespace are required")
	}
	if in.Statistic != "" && in.ExtendedStatistic != nil {
		return nil, invalidAlarm("Statistic and ExtendedStatistic are mutually exclusive")
	}
	wanted := newIdentity(*in.Namespace, *in.MetricName, dimensionsOf(in.Dimensions)).key()
	out := &cloudwatch.DescribeAlarmsForMetricOutput{MetricAlarms: []types.MetricAlarm{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.alarmSetLocked(scopeOf(api.CallerOf(ctx))).sorted() {
		d := &a.desc
		switch {
		case d.MetricName == nil || a.watched.metric.key() != wanted:
		case in.Statistic != "" && in.Statistic != d.Statistic:
		case in.ExtendedStatistic != nil && *in.ExtendedStatistic != aws.ToString(d.ExtendedStatistic):
		case in.Period != nil && *in.Period != *d.Period:
		case in.Unit != "" && in.Unit != d.Unit:
		default:
			out.MetricAlarms = append(out.MetricAlarms, *d)
		}
	}
	return out, nil
}

// DescribeAlarmHistory lists what happened to alarms, also deleted ones, newest
// first unless ScanBy says otherwise, 100 items a page.
func (s *Service) DescribeAlarmHistory(ctx context.Context, in *cloudwatch.DescribeAlarmHistoryInput) (*cloudwatch.DescribeAlarmHistoryOutput, error) {
	limit, err := recordLimit(in.MaxRecords, maxRecords)
	if err != nil {
		return nil, err
	}
	if in.HistoryItemType != "" && !slices.Contains(in.HistoryItemType.Values(), in.HistoryItemType) {
		return nil, invalidAlarm("%q is not a HistoryItemType", in.HistoryItemType)
	}
	if in.ScanBy != "" && !slices.Contains(in.ScanBy.Values(), in.ScanBy) {
		return nil, invalidAlarm("%q is not a ScanBy", in.ScanBy)
	}
	token, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	shown := 0
	if token != "" {
		if shown, err = strconv.Atoi(token); err != nil {
			return nil, invalidToken()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	items := slices.Clone(s.alarmSetLocked(scopeOf(api.CallerOf(ctx))).history)
	return historyPage(in, items, shown, limit), nil
}

// historyPage picks the items after number shown, in the direction of ScanBy.
func historyPage(in *cloudwatch.DescribeAlarmHistoryInput, items []historyItem, shown, limit int) *cloudwatch.DescribeAlarmHistoryOutput {
	ascending := in.ScanBy == types.ScanByTimestampAscending
	if !ascending {
		slices.Reverse(items)
	}
	out := &cloudwatch.DescribeAlarmHistoryOutput{AlarmHistoryItems: []types.AlarmHistoryItem{}}
	last := 0
	for _, item := range items {
		if shown > 0 && (ascending && item.number <= shown || !ascending && item.number >= shown) || !recounts(in, &item) {
			continue
		}
		if len(out.AlarmHistoryItems) == limit {
			out.NextToken = encodeToken(strconv.Itoa(last))
			break
		}
		out.AlarmHistoryItems, last = append(out.AlarmHistoryItems, item.AlarmHistoryItem), item.number
	}
	return out
}

func recounts(in *cloudwatch.DescribeAlarmHistoryInput, item *historyItem) bool {
	switch {
	case in.AlarmName != nil && *in.AlarmName != *item.AlarmName:
		return false
	case in.AlarmContributorId != nil:
		return false // only alarms with several series have contributors
	case len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, item.AlarmType):
		return false
	case in.HistoryItemType != "" && in.HistoryItemType != item.HistoryItemType:
		return false
	case in.StartDate != nil && item.Timestamp.Before(*in.StartDate):
		return false
	}
	return in.EndDate == nil || !item.Timestamp.After(*in.EndDate)
}
