// Package recipetest has a CloudWatch in memory for the tests of recipes. It
// keeps the rules that shape ownership: a Put replaces whatever alarm has the
// name, tags in a Put count only for a new alarm, alarms are described without
// tags, and only metric alarms unless other types are asked for.
package recipetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// The place of the fake.
const (
	Account = "000000000000"
	Region  = "us-east-1"
)

// CloudWatch is a fake of the API. Its fields may be set before it is used.
type CloudWatch struct {
	// Before, if not nil, is called with each operation's name; its error is
	// returned instead of doing it.
	Before func(operation string) error
	// After is the same, but what was asked for was done: the answer got lost.
	After func(operation string) error
	// Lag is how long a write takes to show in DescribeAlarms.
	Lag time.Duration

	mu     sync.Mutex
	alarms map[string]*alarm
	calls  map[string]int
}

type alarm struct {
	metric    types.MetricAlarm
	composite bool
	tags      map[string]string
	seen      time.Time // when it, or its last change, becomes visible
	old       *types.MetricAlarm
}

// New returns an empty fake.
func New() *CloudWatch {
	return &CloudWatch{alarms: map[string]*alarm{}, calls: map[string]int{}}
}

// Calls returns how often an operation was called.
func (c *CloudWatch) Calls(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[operation]
}

// Names returns the names of all alarms.
func (c *CloudWatch) Names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.alarms))
}

// Alarm returns an alarm and its tags, or nil.
func (c *CloudWatch) Alarm(name string) (*types.MetricAlarm, map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.alarms[name]
	if !ok {
		return nil, nil
	}
	m := a.metric
	return &m, maps.Clone(a.tags)
}

// Change changes an alarm as a person at the console would.
func (c *CloudWatch) Change(name string, change func(*types.MetricAlarm, map[string]string)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.alarms[name].metric, c.alarms[name].tags)
}

// PutComposite adds a composite alarm.
func (c *CloudWatch) PutComposite(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarms[name] = &alarm{metric: types.MetricAlarm{AlarmName: &name, AlarmArn: aws.String(arn(name))}, composite: true, tags: map[string]string{}}
}

func arn(name string) string {
	return fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", Region, Account, name)
}

// Throttled is the error of a call beyond the rate.
func Throttled() error {
	return &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}
}

func invalid(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}

func run[O any](c *CloudWatch, operation string, do func() (O, error)) (O, error) {
	var none O
	c.mu.Lock()
	c.calls[operation]++
	c.mu.Unlock()
	if c.Before != nil {
		if err := c.Before(operation); err != nil {
			return none, err
		}
	}
	c.mu.Lock()
	out, err := do()
	c.mu.Unlock()
	if err == nil && c.After != nil {
		if err := c.After(operation); err != nil {
			return none, err
		}
	}
	return out, err
}

// GetCallerIdentity makes the fake an Identity too.
func (c *CloudWatch) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Account: aws.String(Account)}, nil
}

// PutMetricAlarm creates or replaces an alarm.
func (c *CloudWatch) PutMetricAlarm(_ context.Context, in *cloudwatch.PutMetricAlarmInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricAlarmOutput, error) {
	return run(c, "PutMetricAlarm", func() (*cloudwatch.PutMetricAlarmOutput, error) {
		if err := check(in); err != nil {
			return nil, err
		}
		name := aws.ToString(in.AlarmName)
		a, exists := c.alarms[name]
		if exists && a.composite {
			return nil, invalid("an alarm of another type has the name %s", name)
		}
		if !exists {
			a = &alarm{tags: map[string]string{}}
			for _, t := range in.Tags {
				a.tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
			}
			c.alarms[name] = a
		} else {
			old := a.metric
			a.old = &old
		}
		a.metric, a.seen = stored(in), time.Now().Add(c.Lag)
		return &cloudwatch.PutMetricAlarmOutput{}, nil
	})
}

// check refuses what CloudWatch refuses.
func check(in *cloudwatch.PutMetricAlarmInput) error {
	sources := 0
	for _, given := range []bool{in.MetricName != nil, len(in.Metrics) > 0, in.EvaluationCriteria != nil} {
		if given {
			sources++
		}
	}
	periods := aws.ToInt32(in.EvaluationPeriods)
	switch {
	case aws.ToString(in.AlarmName) == "":
		return invalid("no name")
	case sources != 1:
		return invalid("exactly one of MetricName, Metrics and EvaluationCriteria")
	case in.MetricName != nil && (in.Statistic == "") == (in.ExtendedStatistic == nil):
		return invalid("exactly one of Statistic and ExtendedStatistic")
	case in.MetricName == nil && (in.Namespace != nil || in.Dimensions != nil || in.Period != nil || in.Unit != "" || in.Statistic != "" || in.ExtendedStatistic != nil):
		return invalid("what describes one metric goes with MetricName only")
	case in.EvaluationCriteria == nil && periods < 1:
		return invalid("EvaluationPeriods")
	case aws.ToInt32(in.DatapointsToAlarm) > periods:
		return invalid("DatapointsToAlarm")
	case len(in.AlarmActions) > 5 || len(in.OKActions) > 5 || len(in.InsufficientDataActions) > 5:
		return invalid("too many actions")
	case len(in.Tags) > 50:
		return invalid("too many tags")
	}
	for _, t := range in.Tags {
		if len(aws.ToString(t.Value)) > 256 {
			return invalid("the tag %s is too long", aws.ToString(t.Key))
		}
	}
	return nil
}

// stored is what CloudWatch returns for a request: defaults filled in, lists in
// an order of its own.
func stored(in *cloudwatch.PutMetricAlarmInput) types.MetricAlarm {
	a := types.MetricAlarm{
		AlarmName: in.AlarmName, AlarmArn: aws.String(arn(*in.AlarmName)), AlarmDescription: in.AlarmDescription,
		ActionsEnabled: in.ActionsEnabled, AlarmActions: reversed(in.AlarmActions), OKActions: reversed(in.OKActions),
		InsufficientDataActions: reversed(in.InsufficientDataActions), Namespace: in.Namespace, MetricName: in.MetricName,
		Dimensions: reversed(in.Dimensions), Statistic: in.Statistic, ExtendedStatistic: in.ExtendedStatistic, Period: in.Period,
		Unit: in.Unit, Metrics: reversed(in.Metrics), ComparisonOperator: in.ComparisonOperator, Threshold: in.Threshold,
		ThresholdMetricId: in.ThresholdMetricId, EvaluationPeriods: in.EvaluationPeriods, DatapointsToAlarm: in.DatapointsToAlarm,
		TreatMissingData: in.TreatMissingData, EvaluateLowSampleCountPercentile: in.EvaluateLowSampleCountPercentile,
		EvaluationWindow: in.EvaluationWindow, WarmUpConfiguration: in.WarmUpConfiguration, ActionConfiguration: in.ActionConfiguration,
		EvaluationCriteria: in.EvaluationCriteria, EvaluationInterval: in.EvaluationInterval, StateValue: types.StateValueInsufficientData,
	}
	if a.ActionsEnabled == nil {
		a.ActionsEnabled = aws.Bool(true)
	}
	if a.EvaluationCriteria == nil {
		if a.TreatMissingData == nil {
			a.TreatMissingData = aws.String("missing")
		}
		if a.DatapointsToAlarm == nil {
			a.DatapointsToAlarm = a.EvaluationPeriods
		}
		if a.EvaluationWindow == nil {
			a.EvaluationWindow = &types.EvaluationWindowMemberSlidingWindow{}
		}
	}
	if w, ok := a.EvaluationWindow.(*types.EvaluationWindowMemberWallClockWindow); ok && w.Value.Timezone == nil {
		a.EvaluationWindow = &types.EvaluationWindowMemberWallClockWindow{Value: types.WallClockWindow{Timezone: aws.String("UTC")}}
	}
	if w := a.WarmUpConfiguration; w != nil && w.OnlyStartEvaluatingAfterWarmUpPeriodEnds == nil {
		a.WarmUpConfiguration = &types.WarmUpConfiguration{WarmUpPeriodDurationInMinutes: w.WarmUpPeriodDurationInMinutes, OnlyStartEvaluatingAfterWarmUpPeriodEnds: aws.Bool(false)}
	}
	if p := aws.ToString(a.ExtendedStatistic); strings.HasPrefix(p, "p") && a.EvaluateLowSampleCountPercentile == nil {
		a.EvaluateLowSampleCountPercentile = aws.String("evaluate")
	}
	for i := range a.Metrics {
		if a.Metrics[i].ReturnData == nil {
			a.Metrics[i].ReturnData = aws.Bool(len(a.Metrics) == 1)
		}
		if s := a.Metrics[i].MetricStat; s != nil && s.Metric != nil {
			stat, metric := *s, *s.Metric
			metric.Dimensions = reversed(metric.Dimensions)
			stat.Metric = &metric
			a.Metrics[i].MetricStat = &stat
		}
	}
	return a
}

func reversed[T any](list []T) []T {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

// DescribeAlarms returns pages of alarms without their tags.
func (c *CloudWatch) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	return run(c, "DescribeAlarms", func() (*cloudwatch.DescribeAlarmsOutput, error) {
		if len(in.AlarmNames) > 100 || len(in.AlarmNames) > 0 && in.AlarmNamePrefix != nil {
			return nil, invalid("up to 100 names, or a prefix")
		}
		composites := slices.Contains(in.AlarmTypes, types.AlarmTypeCompositeAlarm)
		size := int(aws.ToInt32(in.MaxRecords))
		if size == 0 {
			size = 50
		}
		out := &cloudwatch.DescribeAlarmsOutput{}
		count := 0
		for _, name := range slices.Sorted(maps.Keys(c.alarms)) {
			a := c.alarms[name]
			switch {
			case name <= aws.ToString(in.NextToken) && in.NextToken != nil,
				len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, name),
				!strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)),
				a.composite && !composites:
				continue
			}
			metric := a.metric
			if time.Now().Before(a.seen) {
				if a.old == nil {
					continue
				}
				metric = *a.old
			}
			if a.composite {
				out.CompositeAlarms = append(out.CompositeAlarms, types.CompositeAlarm{AlarmName: metric.AlarmName, AlarmArn: metric.AlarmArn})
			} else {
				out.MetricAlarms = append(out.MetricAlarms, metric)
			}
			if count++; count == size {
				out.NextToken = aws.String(name)
				break
			}
		}
		return out, nil
	})
}

// DeleteAlarms deletes alarms.
func (c *CloudWatch) DeleteAlarms(_ context.Context, in *cloudwatch.DeleteAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DeleteAlarmsOutput, error) {
	return run(c, "DeleteAlarms", func() (*cloudwatch.DeleteAlarmsOutput, error) {
		for _, n := range in.AlarmNames {
			delete(c.alarms, n)
		}
		return &cloudwatch.DeleteAlarmsOutput{}, nil
	})
}

func (c *CloudWatch) tagged(resource *string) (*alarm, error) {
	_, name, _ := strings.Cut(aws.ToString(resource), ":alarm:")
	a, ok := c.alarms[name]
	if !ok {
		return nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException", Message: "no alarm " + name}
	}
	return a, nil
}

// ListTagsForResource returns an alarm's tags.
func (c *CloudWatch) ListTagsForResource(_ context.Context, in *cloudwatch.ListTagsForResourceInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.ListTagsForResourceOutput, error) {
	return run(c, "ListTagsForResource", func() (*cloudwatch.ListTagsForResourceOutput, error) {
		a, err := c.tagged(in.ResourceARN)
		if err != nil {
			return nil, err
		}
		out := &cloudwatch.ListTagsForResourceOutput{}
		for k, v := range a.tags {
			out.Tags = append(out.Tags, types.Tag{Key: &k, Value: &v})
		}
		return out, nil
	})
}

// GetResources makes the fake an index of tags too.
func (c *CloudWatch) GetResources(_ context.Context, in *tagging.GetResourcesInput, _ ...func(*tagging.Options)) (*tagging.GetResourcesOutput, error) {
	return run(c, "GetResources", func() (*tagging.GetResourcesOutput, error) {
		out := &tagging.GetResourcesOutput{}
		for _, name := range slices.Sorted(maps.Keys(c.alarms)) {
			tags := c.alarms[name].tags
			if !slices.ContainsFunc(in.TagFilters, func(f tagtypes.TagFilter) bool { return !slices.Contains(f.Values, tags[*f.Key]) }) {
				out.ResourceTagMappingList = append(out.ResourceTagMappingList, tagtypes.ResourceTagMapping{ResourceARN: aws.String(arn(name))})
			}
		}
		return out, nil
	})
}

// TagResource adds tags to an alarm.
func (c *CloudWatch) TagResource(_ context.Context, in *cloudwatch.TagResourceInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.TagResourceOutput, error) {
	return run(c, "TagResource", func() (*cloudwatch.TagResourceOutput, error) {
		a, err := c.tagged(in.ResourceARN)
		if err != nil {
			return nil, err
		}
		for _, t := range in.Tags {
			a.tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
		}
		return &cloudwatch.TagResourceOutput{}, nil
	})
}

// UntagResource removes tags from an alarm.
func (c *CloudWatch) UntagResource(_ context.Context, in *cloudwatch.UntagResourceInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.UntagResourceOutput, error) {
	return run(c, "UntagResource", func() (*cloudwatch.UntagResourceOutput, error) {
		a, err := c.tagged(in.ResourceARN)
		if err != nil {
			return nil, err
		}
		for _, k := range in.TagKeys {
			delete(a.tags, k)
		}
		return &cloudwatch.UntagResourceOutput{}, nil
	})
}
