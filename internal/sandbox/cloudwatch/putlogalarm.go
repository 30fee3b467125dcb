package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/insights"
	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of PutLogAlarm (SDK: PutLogAlarm, ScheduledQueryConfiguration).
const (
	maxLogQuery       = 10_000
	maxLogAggregation = 2048
	maxLogGroups      = 50
	maxLogResults     = 100
)

var (
	byWord         = lazyregexp.New(`(?is)^(.*?)\bby\b`)
	rateExpression = lazyregexp.New(`^rate\((\d{1,6}) (minutes?|hours?|days?)\)$`)
)

// PutLogAlarm creates an alarm on the results of a query of log events, in the
// state INSUFFICIENT_DATA, or replaces the configuration of one and keeps its
// state and tags. The query runs at whole multiples of its rate.
func (s *Service) PutLogAlarm(ctx context.Context, in *cloudwatch.PutLogAlarmInput) (*cloudwatch.PutLogAlarmOutput, error) {
	if s.queries == nil {
		return nil, unsupported("log alarms without its own CloudWatch Logs")
	}
	a, err := buildLogAlarm(in)
	if err != nil {
		return nil, asInvalidAlarm(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	caller := api.CallerOf(ctx)
	if old := s.alarmSetLocked(scopeOf(caller)).alarms[*in.AlarmName]; old != nil && old.logs == nil {
		return nil, invalidAlarm("A metric alarm with the name %s exists", *in.AlarmName)
	}
	a.logs.desc.QueryARN = aws.String("arn:aws:logs:" + caller.Region + ":" + caller.Account + ":scheduled-query:" + *in.AlarmName)
	return &cloudwatch.PutLogAlarmOutput{}, s.putLocked(caller, a, in.Tags)
}

func buildLogAlarm(in *cloudwatch.PutLogAlarmInput) (*metricAlarm, error) {
	if err := checkLogAlarm(in); err != nil {
		return nil, err
	}
	w, err := newLogWatch(in.ScheduledQueryConfiguration)
	if err != nil {
		return nil, err
	}
	enabled := in.ActionsEnabled
	if enabled == nil {
		enabled = aws.Bool(true)
	}
	w.lines, w.linesRole = in.ActionLogLineCount, in.ActionLogLineRoleArn
	a := &metricAlarm{logs: w, many: w.many, desc: types.MetricAlarm{
		ActionConfiguration: in.ActionConfiguration, ActionsEnabled: enabled,
		AlarmActions: orEmpty(in.AlarmActions), OKActions: orEmpty(in.OKActions), InsufficientDataActions: orEmpty(in.InsufficientDataActions),
		AlarmDescription: in.AlarmDescription, AlarmName: in.AlarmName, ComparisonOperator: in.ComparisonOperator,
		DatapointsToAlarm: in.QueryResultsToAlarm, EvaluationPeriods: in.QueryResultsToEvaluate, Threshold: in.Threshold,
		TreatMissingData: in.TreatMissingData, WarmUpConfiguration: in.WarmUpConfiguration,
	}}
	a.rule = alarm.Rule{
		Operator: alarm.Operator(in.ComparisonOperator), Threshold: *in.Threshold, Period: w.every,
		N: int(*in.QueryResultsToEvaluate), M: int(*in.QueryResultsToAlarm), Missing: alarm.Missing(aws.ToString(in.TreatMissingData)),
	}
	return a, eachAction(a.desc.AlarmActions, a.desc.OKActions, a.desc.InsufficientDataActions, checkLogAction)
}

// checkLogAction allows notifications, functions and items of Systems Manager.
func checkLogAction(list, arn string) error {
	if err := checkActionShape(list, arn); err != nil {
		return err
	}
	for _, service := range []string{":sns:", ":lambda:", ":ssm:"} {
		if strings.Contains(arn, service) {
			return nil
		}
	}
	return invalidAlarm("%s: a log alarm cannot have the action %q", list, arn)
}

func checkLogAlarm(in *cloudwatch.PutLogAlarmInput) error {
	if err := checkAlarmName(in.AlarmName); err != nil {
		return err
	}
	n, m := in.QueryResultsToEvaluate, in.QueryResultsToAlarm
	switch op := alarm.Operator(in.ComparisonOperator); {
	case utf8.RuneCountInString(aws.ToString(in.AlarmDescription)) > maxDescription:
		return fmt.Errorf("AlarmDescription must be at most %d characters long", maxDescription)
	case !op.Valid() || op.Band():
		return fmt.Errorf("ComparisonOperator %q is invalid", op)
	case in.Threshold == nil:
		return errors.New("Threshold is required")
	case n == nil || *n < 1 || *n > maxLogResults:
		return fmt.Errorf("QueryResultsToEvaluate must be between 1 and %d", maxLogResults)
	case m == nil || *m < 1 || *m > *n:
		return fmt.Errorf("QueryResultsToAlarm must be between 1 and the %d of QueryResultsToEvaluate", *n)
	case in.ScheduledQueryConfiguration == nil:
		return errors.New("ScheduledQueryConfiguration is required")
	case aws.ToInt32(in.ActionLogLineCount) != 0:
		return unsupported("log lines in the notifications of alarms (ActionLogLineCount)")
	}
	switch alarm.Missing(aws.ToString(in.TreatMissingData)) {
	case "", alarm.MissingData, alarm.Ignore, alarm.Breaching, alarm.NotBreaching:
	default:
		return fmt.Errorf("TreatMissingData %q is invalid", *in.TreatMissingData)
	}
	if err := checkWarmUp(in.WarmUpConfiguration); err != nil {
		return err
	}
	if err := checkPropagation(in.ActionConfiguration); err != nil {
		return err
	}
	return checkTags(in.Tags)
}

// logWatch is the query of a log alarm and its results.
type logWatch struct {
	desc      types.ScheduledQueryConfiguration
	lines     *int32
	linesRole *string
	text      string // the whole query
	// every is how often the query runs; it reads from before to until then.
	every, before, until time.Duration

	// results are by the time that the query was due; err is what the last one
	// failed with.
	results map[int64]float64
	// parts are the results of contributors, by ID, if the aggregation has by.
	many  bool
	parts map[string]*logPart
	ran   bool // at least once
	err   error
}

// sameAs says whether both ask the same; of metric alarms both are nil.
func (w *logWatch) sameAs(old *logWatch) bool {
	if w == nil || old == nil {
		return w == old
	}
	return reflect.DeepEqual(w.desc, old.desc) && reflect.DeepEqual(w.lines, old.lines) && reflect.DeepEqual(w.linesRole, old.linesRole)
}

func newLogWatch(in *types.ScheduledQueryConfiguration) (*logWatch, error) {
	w := &logWatch{desc: *in, results: make(map[int64]float64), parts: make(map[string]*logPart)}
	aggregation, when := aws.ToString(in.AggregationExpression), in.ScheduleConfiguration
	grouped, values := groupedBy(aggregation)
	w.many = grouped
	switch {
	case aws.ToString(in.QueryString) == "" || utf8.RuneCountInString(*in.QueryString) > maxLogQuery:
		return nil, fmt.Errorf("QueryString must have 1 to %d characters", maxLogQuery)
	case aggregation == "" || utf8.RuneCountInString(aggregation) > maxLogAggregation:
		return nil, fmt.Errorf("AggregationExpression must have 1 to %d characters", maxLogAggregation)
	case w.many && values > 1:
		return nil, fmt.Errorf("AggregationExpression has %d values before by, and can have one", values)
	case len(in.LogGroupIdentifiers) < 1 || len(in.LogGroupIdentifiers) > maxLogGroups:
		return nil, fmt.Errorf("LogGroupIdentifiers must have 1 to %d members", maxLogGroups)
	case aws.ToString(in.ScheduledQueryRoleARN) == "":
		return nil, errors.New("ScheduledQueryRoleARN is required")
	case when == nil || when.StartTimeOffset == nil:
		return nil, errors.New("ScheduleConfiguration with StartTimeOffset is required")
	}
	from, to := *when.StartTimeOffset, aws.ToInt64(when.EndTimeOffset)
	const longest = int64(maxReplay/time.Second) * 365
	if to < 0 || to >= from || from > longest {
		return nil, errors.New("EndTimeOffset must not be negative and must be less than StartTimeOffset, which is a year at most")
	}
	w.before, w.until = time.Duration(from)*time.Second, time.Duration(to)*time.Second
	var err error
	if w.every, err = parseRate(aws.ToString(when.ScheduleExpression)); err != nil {
		return nil, err
	}
	w.text = *in.QueryString + "\n| stats " + aggregation
	if _, err := insights.Parse(w.text); err != nil {
		return nil, fmt.Errorf("QueryString with AggregationExpression: %w", err)
	}
	return w, checkTags(in.Tags)
}

// logPart is what a contributor of a log alarm has had.
type logPart struct {
	Attributes map[string]string
	Results    map[int64]float64
}

// groupedBy reports whether an aggregation has by, and how many values it has
// before: neither counts within quotes or parentheses.
func groupedBy(aggregation string) (grouped bool, values int) {
	var out strings.Builder
	depth, quote := 0, rune(0)
	for _, c := range aggregation {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
			c = '_'
		case c == '\'' || c == '"' || c == '`':
			quote, c = c, '_'
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth > 0:
			c = '_'
		}
		out.WriteRune(c)
	}
	head := out.String()
	if m := byWord.FindStringSubmatch(head); m != nil {
		grouped, head = true, m[1]
	}
	return grouped, strings.Count(head, ",") + 1
}

// parseRate reads "rate(5 minutes)".
func parseRate(expression string) (time.Duration, error) {
	m := rateExpression.FindStringSubmatch(expression)
	if m == nil {
		return 0, fmt.Errorf("ScheduleExpression %q is not like rate(5 minutes)", expression)
	}
	n, err := strconv.Atoi(m[1])
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(m[2], "s")]
	if err != nil || n < 1 || time.Duration(n)*unit > 365*24*time.Hour {
		return 0, fmt.Errorf("ScheduleExpression %q must be between a minute and a year", expression)
	}
	return time.Duration(n) * unit, nil
}
