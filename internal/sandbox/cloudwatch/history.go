package cloudwatch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

const (
	// maxHistoryData is the limit of HistoryData.
	maxHistoryData = 4095
	// maxHistorySummary is the limit of HistorySummary.
	maxHistorySummary = 255
	// historyFor is how long history is kept.
	historyFor = 30 * 24 * time.Hour
)

// historyItem is an item of the history and its number.
type historyItem struct {
	types.AlarmHistoryItem
	number int
}

func newItem(alarm types.AlarmType, kind types.HistoryItemType, name *string, summary string, data []byte, at time.Time) types.AlarmHistoryItem {
	if len(summary) > maxHistorySummary {
		summary = summary[:maxHistorySummary]
	}
	return types.AlarmHistoryItem{
		AlarmName: name, AlarmType: alarm, HistoryItemType: kind,
		HistorySummary: aws.String(summary), HistoryData: aws.String(string(data)), Timestamp: aws.Time(at),
	}
}

// addHistoryLocked appends item and forgets what is too old or too much.
func (s *Service) addHistoryLocked(set *alarmSet, item types.AlarmHistoryItem) {
	s.Changed()
	set.sequence++
	set.history = append(set.history, historyItem{item, set.sequence})
	oldest := item.Timestamp.Add(-historyFor)
	drop := max(0, len(set.history)-s.opts.MaxHistory)
	for drop < len(set.history) && set.history[drop].Timestamp.Before(oldest) {
		drop++
	}
	set.history = slices.Delete(set.history, 0, drop)
}

// historyState is a state in HistoryData, where the reason data is an object and
// not a string.
type historyState struct {
	Value  types.StateValue `json:"stateValue"`
	Reason *string          `json:"stateReason,omitempty"`
	Data   json.RawMessage  `json:"stateReasonData,omitempty"`
}

func stateItem(kind types.AlarmType, name *string, before, after historyState, at time.Time) types.AlarmHistoryItem {
	doc := struct {
		Version string       `json:"version"`
		Old     historyState `json:"oldState"`
		New     historyState `json:"newState"`
	}{"1.0", before, after}
	data := mustMarshal(doc)
	if len(data) > maxHistoryData {
		doc.Old.Data = nil
		data = mustMarshal(doc)
	}
	if len(data) > maxHistoryData {
		doc.New.Data = nil
		data = mustMarshal(doc)
	}
	summary := fmt.Sprintf("Alarm updated from %s to %s", before.Value, after.Value)
	return newItem(kind, types.HistoryItemTypeStateUpdate, name, summary, data, at)
}

// stateOf is a state for the history; data that is no JSON is left out.
func stateOf(value types.StateValue, reason, data *string) historyState {
	st := historyState{Value: value, Reason: reason}
	if data != nil && json.Valid([]byte(*data)) {
		st.Data = json.RawMessage(*data)
	}
	return st
}

// configurationItem records that an alarm was put; old is nil for a new one.
func configurationItem(old, a *metricAlarm, at time.Time) types.AlarmHistoryItem {
	return changeItem(a.kind(), a.desc.AlarmName, putKind(old == nil), a.history(), at)
}

func putKind(created bool) string {
	if created {
		return "Create"
	}
	return "Update"
}

// changeItem records a change of kind Create, Update or Delete. It holds the
// alarm, unless that would be too long.
func changeItem(alarm types.AlarmType, name *string, kind string, doc map[string]any, at time.Time) types.AlarmHistoryItem {
	verb := strings.ToLower(kind) + "d"
	full := map[string]any{"version": "1.0", "type": kind, verb + "Alarm": doc}
	data := mustMarshal(full)
	if len(data) > maxHistoryData {
		delete(full, verb+"Alarm")
		data = mustMarshal(full)
	}
	return newItem(alarm, types.HistoryItemTypeConfigurationUpdate, name, fmt.Sprintf("Alarm %q %s", *name, verb), data, at)
}

func historyAlarm(d *types.MetricAlarm) map[string]any {
	return map[string]any{
		"alarmName": d.AlarmName, "alarmArn": d.AlarmArn, "alarmDescription": d.AlarmDescription,
		"metricName": d.MetricName, "namespace": d.Namespace, "statistic": d.Statistic, "extendedStatistic": d.ExtendedStatistic,
		"period": d.Period, "evaluationPeriods": d.EvaluationPeriods, "datapointsToAlarm": d.DatapointsToAlarm,
		"threshold": d.Threshold, "comparisonOperator": d.ComparisonOperator, "treatMissingData": d.TreatMissingData,
		"dimensions": dimensionObjects(d.Dimensions), "actionsEnabled": d.ActionsEnabled, "alarmActions": d.AlarmActions,
		"okactions": d.OKActions, "insufficientDataActions": d.InsufficientDataActions, "stateValue": d.StateValue,
	}
}

// actionItem records the outcome of an action.
func actionItem(t *transition, arn, message string, err error) types.AlarmHistoryItem {
	doc := map[string]any{
		"actionState": "Succeeded", "notificationResource": arn, "stateUpdateTimestamp": t.at.UnixMilli(),
		"publishedMessage": message,
	}
	summary := "Successfully executed action " + arn
	if err != nil {
		doc["actionState"], doc["error"] = "Failed", err.Error()
		summary = fmt.Sprintf("Failed to execute action %s. Received error: %q", arn, err)
	}
	data := mustMarshal(doc)
	if len(data) > maxHistoryData {
		delete(doc, "publishedMessage")
		data = mustMarshal(doc)
	}
	item := newItem(t.kind, types.HistoryItemTypeAction, &t.name, summary, data, t.at)
	if t.contributor != "" {
		item.HistoryItemType = types.HistoryItemTypeAlarmContributorAction
		item.AlarmContributorId, item.AlarmContributorAttributes = &t.contributor, t.attributes
	}
	return item
}

// mustMarshal is for documents of strings and finite numbers.
func mustMarshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: document does not marshal: " + err.Error())
	}
	return b
}
