package cloudwatch

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// DescribeAlarmHistory lists what happened to alarms, also deleted ones, newest
// first unless ScanBy says otherwise, 100 items a page. Without AlarmTypes it
// lists metric alarms only.
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
	case in.AlarmContributorId != nil && *in.AlarmContributorId != aws.ToString(item.AlarmContributorId):
		return false
	case len(in.AlarmTypes) == 0 && item.AlarmType != types.AlarmTypeMetricAlarm:
		return false
	case len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, item.AlarmType):
		return false
	case in.HistoryItemType != "" && in.HistoryItemType != item.HistoryItemType:
		return false
	case in.StartDate != nil && item.Timestamp.Before(*in.StartDate):
		return false
	}
	return in.EndDate == nil || !item.Timestamp.After(*in.EndDate)
}
