package cloudwatch

import (
	"context"
	"maps"
	"slices"
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
// otherwise. Without AlarmTypes it returns metric alarms only.
func (s *Service) DescribeAlarms(ctx context.Context, in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	limit, err := checkDescribeAlarms(in)
	if err != nil {
		return nil, err
	}
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(api.CallerOf(ctx)))
	pick, err := set.described(in)
	if err != nil {
		return nil, err
	}
	out := &cloudwatch.DescribeAlarmsOutput{
		MetricAlarms: []types.MetricAlarm{}, CompositeAlarms: []types.CompositeAlarm{}, LogAlarms: []types.LogAlarm{},
	}
	last := ""
	for _, name := range set.names() {
		if name <= after || !pick(name) {
			continue
		}
		if len(out.MetricAlarms)+len(out.CompositeAlarms)+len(out.LogAlarms) == limit {
			out.NextToken = encodeToken(last)
			break
		}
		last = name
		if a := set.alarms[name]; a != nil {
			if a.logs != nil {
				out.LogAlarms = append(out.LogAlarms, abridgedLog(in, a.logAlarm()))
			} else {
				out.MetricAlarms = append(out.MetricAlarms, abridged(in, a.desc))
			}
			continue
		}
		out.CompositeAlarms = append(out.CompositeAlarms, abridgedComposite(in, set.composites[name].desc))
	}
	return out, nil
}

// names are the names of all alarms, sorted.
func (set *alarmSet) names() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(set.alarms)), maps.Keys(set.composites))
	slices.Sort(names)
	return names
}

// described returns whether a request wants the alarm of a name.
func (set *alarmSet) described(in *cloudwatch.DescribeAlarmsInput) (func(name string) bool, error) {
	switch {
	case in.ChildrenOfAlarmName != nil:
		c := set.composites[*in.ChildrenOfAlarmName]
		if c == nil {
			return nil, notFound("Composite alarm %s does not exist", *in.ChildrenOfAlarmName)
		}
		return func(name string) bool { return slices.Contains(c.children, name) }, nil
	case in.ParentsOfAlarmName != nil:
		if !set.has(*in.ParentsOfAlarmName) {
			return nil, notFound("Alarm %s does not exist", *in.ParentsOfAlarmName)
		}
		return func(name string) bool {
			c := set.composites[name]
			return c != nil && slices.Contains(c.children, *in.ParentsOfAlarmName)
		}, nil
	}
	return func(name string) bool {
		if a := set.alarms[name]; a != nil {
			d := &a.desc
			return describes(in, a.kind(), name, d.StateValue, d.AlarmActions, d.OKActions, d.InsufficientDataActions)
		}
		d := &set.composites[name].desc
		return describes(in, types.AlarmTypeCompositeAlarm, name, d.StateValue, d.AlarmActions, d.OKActions, d.InsufficientDataActions)
	}, nil
}

func describes(in *cloudwatch.DescribeAlarmsInput, kind types.AlarmType, name string, state types.StateValue, actions ...[]string) bool {
	kinds := in.AlarmTypes
	if len(kinds) == 0 {
		kinds = []types.AlarmType{types.AlarmTypeMetricAlarm}
	}
	switch {
	case !slices.Contains(kinds, kind):
		return false
	case len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, name):
		return false
	case !strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)):
		return false
	case in.StateValue != "" && in.StateValue != state:
		return false
	case in.ActionPrefix == nil:
		return true
	}
	return slices.ContainsFunc(slices.Concat(actions...), func(arn string) bool { return strings.HasPrefix(arn, *in.ActionPrefix) })
}

// abridged leaves of an alarm what a request for relatives returns.
func abridged(in *cloudwatch.DescribeAlarmsInput, d types.MetricAlarm) types.MetricAlarm {
	if in.ChildrenOfAlarmName == nil {
		return d
	}
	return types.MetricAlarm{AlarmName: d.AlarmName, AlarmArn: d.AlarmArn, StateValue: d.StateValue, StateUpdatedTimestamp: d.StateUpdatedTimestamp}
}

func abridgedComposite(in *cloudwatch.DescribeAlarmsInput, d types.CompositeAlarm) types.CompositeAlarm {
	switch {
	case in.ChildrenOfAlarmName != nil:
		return types.CompositeAlarm{AlarmName: d.AlarmName, AlarmArn: d.AlarmArn, StateValue: d.StateValue, StateUpdatedTimestamp: d.StateUpdatedTimestamp}
	case in.ParentsOfAlarmName != nil:
		return types.CompositeAlarm{AlarmName: d.AlarmName, AlarmArn: d.AlarmArn}
	}
	return d
}

func checkDescribeAlarms(in *cloudwatch.DescribeAlarmsInput) (int, error) {
	filtered := len(in.AlarmNames) > 0 || in.AlarmNamePrefix != nil || in.StateValue != "" || in.ActionPrefix != nil || len(in.AlarmTypes) > 0
	switch {
	case in.ChildrenOfAlarmName != nil && (filtered || in.ParentsOfAlarmName != nil):
		return 0, invalidAlarm("ChildrenOfAlarmName can be combined only with MaxRecords and NextToken")
	case in.ParentsOfAlarmName != nil && filtered:
		return 0, invalidAlarm("ParentsOfAlarmName can be combined only with MaxRecords and NextToken")
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
