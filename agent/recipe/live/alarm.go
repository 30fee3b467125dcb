package live

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
)

// maxNames is how many alarms one DescribeAlarms takes and returns.
const maxNames = 100

// alarms is the store of metric alarms.
type alarms struct{ cw *pace.Client }

// Find implements Store.
func (a *alarms) Find(ctx context.Context, names []string) (map[string]*Resource, error) {
	found := map[string]*Resource{}
	for batch := range slices.Chunk(names, maxNames) {
		if err := a.describe(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: batch}, found); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		r := found[name]
		if r.Other != "" {
			continue
		}
		out, err := a.cw.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: &r.ARN})
		if notFound(err) {
			delete(found, name) // deleted in between
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list tags of alarm %q: %w", name, err)
		}
		r.Tags = fromTags(out.Tags)
	}
	return found, nil
}

// Owned implements Store: the names of a stack's alarms have its prefix.
func (a *alarms) Owned(ctx context.Context, s *ir.Stack) ([]string, error) {
	found := map[string]*Resource{}
	err := a.describe(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String(s.Prefix())}, found)
	maps.DeleteFunc(found, func(_ string, r *Resource) bool { return r.Other != "" })
	return slices.Sorted(maps.Keys(found)), err
}

func (a *alarms) describe(ctx context.Context, in *cloudwatch.DescribeAlarmsInput, found map[string]*Resource) error {
	// Without the types only metric alarms are returned, and the name of any
	// other alarm would look free.
	in.AlarmTypes = []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm, types.AlarmTypeLogAlarm}
	in.MaxRecords = aws.Int32(maxNames)
	for {
		out, err := a.cw.DescribeAlarms(ctx, in)
		if err != nil {
			return fmt.Errorf("describe alarms: %w", err)
		}
		add := func(name, arn *string, body ir.Body, other string) {
			key := ir.Key{Kind: ir.MetricAlarmKind, Name: aws.ToString(name)}
			found[key.Name] = &Resource{Key: key, ARN: aws.ToString(arn), Body: body, Other: other}
		}
		for _, m := range out.MetricAlarms {
			add(m.AlarmName, m.AlarmArn, Alarm(m), "")
		}
		for _, c := range out.CompositeAlarms {
			add(c.AlarmName, c.AlarmArn, nil, "composite alarm")
		}
		for _, l := range out.LogAlarms {
			add(l.AlarmName, l.AlarmArn, nil, "log alarm")
		}
		if aws.ToString(out.NextToken) == "" {
			return nil
		}
		in.NextToken = out.NextToken
	}
}

// Put implements Store. A Put replaces whatever alarm has the name.
func (a *alarms) Put(ctx context.Context, r *ir.Resource, tags map[string]string, _ *Resource) error {
	body, ok := r.Body.(*ir.MetricAlarm)
	if !ok {
		return fmt.Errorf("put alarm %q: it is a %s", r.Name, r.Kind().Words())
	}
	if _, err := a.cw.PutMetricAlarm(ctx, AlarmInput(r.Name, body, tags)); err != nil {
		return fmt.Errorf("put alarm: %w", err)
	}
	return nil
}

// Tag implements Tagger.
func (a *alarms) Tag(ctx context.Context, old *Resource, set map[string]string, gone []string) error {
	if len(gone) > 0 {
		if _, err := a.cw.UntagResource(ctx, &cloudwatch.UntagResourceInput{ResourceARN: &old.ARN, TagKeys: gone}); err != nil {
			return fmt.Errorf("untag alarm: %w", err)
		}
	}
	if len(set) > 0 {
		if _, err := a.cw.TagResource(ctx, &cloudwatch.TagResourceInput{ResourceARN: &old.ARN, Tags: toTags(set)}); err != nil {
			return fmt.Errorf("tag alarm: %w", err)
		}
	}
	return nil
}

// Delete implements Store.
func (a *alarms) Delete(ctx context.Context, rs []*Resource) error {
	var names []string
	for _, r := range rs {
		names = append(names, r.Key.Name)
	}
	if _, err := a.cw.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: names}); err != nil {
		return fmt.Errorf("delete alarms: %w", err)
	}
	return nil
}
