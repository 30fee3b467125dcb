package cloudwatch

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Queries runs queries of log events.
type Queries interface {
	// Query returns the cells of the rows of a Logs Insights query over the
	// events from start to before end of the caller's groups, each a field's name
	// and its value. An error means that the query is malformed or a group is not
	// there.
	Query(ctx context.Context, groups []string, text string, start, end time.Time) ([][][2]string, error)
}

// UseQueries makes log alarms possible. It must be called before Run.
func (s *Service) UseQueries(q Queries) { s.queries = q }

// kind is what alarm a is. A log alarm is kept as a metric alarm whose
// datapoints are results of its query.
func (a *metricAlarm) kind() types.AlarmType {
	if a.logs != nil {
		return types.AlarmTypeLogAlarm
	}
	return types.AlarmTypeMetricAlarm
}

// logAlarm is a log alarm as DescribeAlarms shows it.
func (a *metricAlarm) logAlarm() types.LogAlarm {
	d := &a.desc
	return types.LogAlarm{
		ActionConfiguration: d.ActionConfiguration, ActionLogLineCount: a.logs.lines, ActionLogLineRoleArn: a.logs.linesRole,
		ActionsEnabled: d.ActionsEnabled, AlarmActions: d.AlarmActions, OKActions: d.OKActions, InsufficientDataActions: d.InsufficientDataActions,
		AlarmArn: d.AlarmArn, AlarmConfigurationUpdatedTimestamp: d.AlarmConfigurationUpdatedTimestamp, AlarmDescription: d.AlarmDescription,
		AlarmName: d.AlarmName, ComparisonOperator: d.ComparisonOperator, EvaluationState: d.EvaluationState,
		QueryResultsToAlarm: d.DatapointsToAlarm, QueryResultsToEvaluate: d.EvaluationPeriods, ScheduledQueryConfiguration: &a.logs.desc,
		StateReason: d.StateReason, StateReasonData: d.StateReasonData, StateTransitionedTimestamp: d.StateTransitionedTimestamp,
		StateUpdatedTimestamp: d.StateUpdatedTimestamp, StateValue: d.StateValue, Threshold: d.Threshold,
		TreatMissingData: d.TreatMissingData, WarmUpConfiguration: d.WarmUpConfiguration,
	}
}

// abridgedLog leaves of a log alarm what a request for relatives returns.
func abridgedLog(in *cloudwatch.DescribeAlarmsInput, d types.LogAlarm) types.LogAlarm {
	if in.ChildrenOfAlarmName == nil {
		return d
	}
	return types.LogAlarm{AlarmName: d.AlarmName, AlarmArn: d.AlarmArn, StateValue: d.StateValue, StateUpdatedTimestamp: d.StateUpdatedTimestamp}
}

// putLogOf is the request that made a log alarm.
func putLogOf(d *types.LogAlarm) *cloudwatch.PutLogAlarmInput {
	return &cloudwatch.PutLogAlarmInput{
		ActionConfiguration: d.ActionConfiguration, ActionLogLineCount: d.ActionLogLineCount, ActionLogLineRoleArn: d.ActionLogLineRoleArn,
		ActionsEnabled: d.ActionsEnabled, AlarmActions: d.AlarmActions, OKActions: d.OKActions, InsufficientDataActions: d.InsufficientDataActions,
		AlarmDescription: d.AlarmDescription, AlarmName: d.AlarmName, ComparisonOperator: d.ComparisonOperator,
		QueryResultsToAlarm: d.QueryResultsToAlarm, QueryResultsToEvaluate: d.QueryResultsToEvaluate,
		ScheduledQueryConfiguration: d.ScheduledQueryConfiguration, Threshold: d.Threshold,
		TreatMissingData: d.TreatMissingData, WarmUpConfiguration: d.WarmUpConfiguration,
	}
}

// due reports whether the query runs at t.
func (w *logWatch) due(t time.Time) bool { return t.Equal(t.Truncate(w.every)) }

// slots are the newest n results. A time without one is a window without data.
func (w *logWatch) slots(n int, now time.Time) ([]alarm.Slot, error) {
	slots := make([]alarm.Slot, n)
	last := now.Truncate(w.every)
	for i := range slots {
		at := last.Add(-time.Duration(n-1-i) * w.every)
		slots[i].Start = at
		slots[i].Value, slots[i].Present = w.results[at.Unix()]
	}
	return slots, w.err
}

// contributions are the newest n results of each contributor, and n times without.
func (w *logWatch) contributions(n int, now time.Time) ([]contribution, []alarm.Slot, error) {
	none, _ := (&logWatch{every: w.every}).slots(n, now)
	var all []contribution
	for id, p := range w.parts {
		slots, _ := (&logWatch{every: w.every, results: p.Results}).slots(n, now)
		all = append(all, contribution{id, p.Attributes, slots})
	}
	return sortedContributions(all), none, w.err
}

// record keeps what the rows of a result say, and forgets what no longer counts.
func (w *logWatch) record(at time.Time, n int, rows [][][2]string, err error) {
	oldest := at.Add(-time.Duration(n) * w.every).Unix()
	w.ran, w.err = true, err
	if err == nil && w.many {
		w.err = w.recordParts(at, rows)
	} else if err == nil {
		var value float64
		var present bool
		if value, present, w.err = scalar(rows); present && w.err == nil {
			w.results[at.Unix()] = value
		}
	}
	maps.DeleteFunc(w.results, func(t int64, _ float64) bool { return t <= oldest })
	for id, p := range w.parts {
		maps.DeleteFunc(p.Results, func(t int64, _ float64) bool { return t <= oldest })
		if len(p.Results) == 0 {
			delete(w.parts, id)
		}
	}
}

// recordParts keeps the value of each row, the last of its cells, for the
// contributor that the others name.
func (w *logWatch) recordParts(at time.Time, rows [][][2]string) error {
	for _, row := range rows[:min(len(rows), maxContributors)] {
		if len(row) < 2 {
			continue // the fields of by are not in any event
		}
		value, err := number(row[len(row)-1][1])
		if err != nil {
			return err
		}
		attributes := make(map[string]string)
		for _, cell := range row[:len(row)-1] {
			attributes[cell[0]] = cell[1]
		}
		id := contributorID(attributes)
		if w.parts[id] == nil {
			w.parts[id] = &logPart{attributes, make(map[int64]float64)}
		}
		w.parts[id].Results[at.Unix()] = value
	}
	return nil
}

// runLogQueries runs the queries of log alarms that are due at now. They run
// without the lock, as they read what others may be waiting to write.
func (s *Service) runLogQueries(ctx context.Context, now time.Time) {
	if s.queries == nil {
		return
	}
	type run struct {
		a  *metricAlarm
		sc scope
	}
	var runs []run
	s.mu.Lock()
	for sc, set := range s.alarms {
		for _, a := range set.alarms {
			if a.logs != nil && a.logs.due(now) && !now.Before(*a.desc.AlarmConfigurationUpdatedTimestamp) {
				runs = append(runs, run{a, sc})
			}
		}
	}
	s.mu.Unlock()
	for _, r := range runs {
		w := r.a.logs // an alarm that is put anew is another
		caller := api.WithCaller(ctx, api.Caller{Account: r.sc.account, Region: r.sc.region, RequestID: "alarm"})
		cells, err := s.queries.Query(caller, w.desc.LogGroupIdentifiers, w.text, now.Add(-w.before), now.Add(-w.until))
		s.mu.Lock()
		w.record(now, r.a.rule.N, cells, err)
		s.Changed()
		s.mu.Unlock()
	}
}

// scalar is the one number of a query's result, if there is one.
func scalar(rows [][][2]string) (value float64, present bool, _ error) {
	switch {
	case len(rows) == 0 || len(rows[0]) == 0:
		return 0, false, nil
	case len(rows) > 1 || len(rows[0]) > 1:
		return 0, false, fmt.Errorf("the aggregation yields %d rows of %d values, want one value", len(rows), len(rows[0]))
	}
	value, err := number(rows[0][0][1])
	return value, err == nil, err
}

func number(text string) (float64, error) {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, fmt.Errorf("the aggregation yields %q, want a number", text)
	}
	return value, nil
}

// history is the alarm as the history shows it.
func (a *metricAlarm) history() map[string]any {
	doc := historyAlarm(&a.desc)
	if a.logs == nil {
		return doc
	}
	for _, key := range []string{"metricName", "namespace", "statistic", "extendedStatistic", "period", "dimensions", "evaluationPeriods", "datapointsToAlarm"} {
		delete(doc, key)
	}
	doc["queryResultsToEvaluate"], doc["queryResultsToAlarm"] = a.desc.EvaluationPeriods, a.desc.DatapointsToAlarm
	doc["queryString"], doc["aggregationExpression"] = a.logs.desc.QueryString, a.logs.desc.AggregationExpression
	doc["logGroupIdentifiers"] = a.logs.desc.LogGroupIdentifiers
	return doc
}

// logTrigger is what a log alarm watches, in the words of PutLogAlarm: AWS does
// not document the message of log alarms.
type logTrigger struct {
	QueryString, AggregationExpression          *string
	LogGroupIdentifiers                         []string
	QueryResultsToEvaluate, QueryResultsToAlarm *int32
	ComparisonOperator                          types.ComparisonOperator
	Threshold                                   *float64
	TreatMissingData                            string
}

// message is what the alarm's actions publish.
func (a *metricAlarm) message(sc scope, previous types.StateValue, at time.Time) snsAlarm {
	m := metricMessage(sc, &a.desc, a.tags, previous, at)
	if a.logs == nil {
		return m
	}
	m.Trigger = &logTrigger{
		a.logs.desc.QueryString, a.logs.desc.AggregationExpression, a.logs.desc.LogGroupIdentifiers, a.desc.EvaluationPeriods,
		a.desc.DatapointsToAlarm, a.desc.ComparisonOperator, a.desc.Threshold, aws.ToString(a.desc.TreatMissingData),
	}
	return m
}
