package live

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
)

// metricFilters is the store of metric filters. They have no tags: their names
// say which stack they are of.
type metricFilters struct{ api *pace.LogsClient }

// Find implements Store.
func (m *metricFilters) Find(ctx context.Context, names []string) (map[string]*Resource, error) {
	found := map[string]*Resource{}
	for _, name := range names {
		group, filter, ok := strings.Cut(name, ":")
		if !ok {
			return nil, fmt.Errorf("find metric filter %q: it is not named group:filter", name)
		}
		err := m.describe(ctx, &logs.DescribeMetricFiltersInput{LogGroupName: &group, FilterNamePrefix: &filter}, func(r *Resource) {
			if r.Key.Name == name {
				found[name] = r
			}
		})
		if err != nil && !notFound(err) { // without its group there is no filter
			return nil, err
		}
	}
	return found, nil
}

// Owned implements Store. It looks at all filters of the account: a prefix counts
// only together with a group, and the group may have left the recipe as well.
func (m *metricFilters) Owned(ctx context.Context, s *ir.Stack) ([]string, error) {
	var names []string
	err := m.describe(ctx, &logs.DescribeMetricFiltersInput{}, func(r *Resource) {
		if mark, ok := norm.ReadMark(r.Tags); ok && mark.Owned(s) {
			names = append(names, r.Key.Name)
		}
	})
	return names, err
}

func (m *metricFilters) describe(ctx context.Context, in *logs.DescribeMetricFiltersInput, each func(*Resource)) error {
	for {
		out, err := m.api.DescribeMetricFilters(ctx, in)
		if err != nil {
			return fmt.Errorf("describe metric filters: %w", err)
		}
		for _, f := range out.MetricFilters {
			each(metricFilter(f))
		}
		if aws.ToString(out.NextToken) == "" {
			return nil
		}
		in.NextToken = out.NextToken
	}
}

func metricFilter(f types.MetricFilter) *Resource {
	body := &ir.MetricFilter{
		LogGroupName: aws.ToString(f.LogGroupName), FilterName: aws.ToString(f.FilterName),
		FilterPattern: aws.ToString(f.FilterPattern), ApplyOnTransformedLogs: f.ApplyOnTransformedLogs,
	}
	if len(f.MetricTransformations) > 0 {
		t := f.MetricTransformations[0]
		body.MetricNamespace, body.MetricName, body.MetricValue = aws.ToString(t.MetricNamespace), aws.ToString(t.MetricName), aws.ToString(t.MetricValue)
		body.DefaultValue, body.Dimensions, body.Unit = t.DefaultValue, t.Dimensions, string(t.Unit)
	}
	r := &Resource{Key: ir.Key{Kind: ir.MetricFilterKind, Name: body.LogGroupName + ":" + body.FilterName}, Body: body}
	if parts := strings.SplitN(body.FilterName, "--", 3); len(parts) == 3 {
		r.Tags = norm.Mark{Recipe: parts[0], Env: parts[1], ID: parts[2], Via: norm.Direct}.Tags()
	}
	return r
}

// Put implements Store. A Put replaces the filter of the name.
func (m *metricFilters) Put(ctx context.Context, r *ir.Resource, _ map[string]string, _ *Resource) error {
	b, ok := r.Body.(*ir.MetricFilter)
	if !ok {
		return fmt.Errorf("put metric filter %q: it is a %s", r.Name, r.Kind().Words())
	}
	_, err := m.api.PutMetricFilter(ctx, &logs.PutMetricFilterInput{
		LogGroupName: &b.LogGroupName, FilterName: &b.FilterName, FilterPattern: &b.FilterPattern, ApplyOnTransformedLogs: b.ApplyOnTransformedLogs,
		MetricTransformations: []types.MetricTransformation{{
			MetricNamespace: &b.MetricNamespace, MetricName: &b.MetricName, MetricValue: &b.MetricValue,
			DefaultValue: b.DefaultValue, Dimensions: b.Dimensions, Unit: types.StandardUnit(b.Unit),
		}},
	})
	if err != nil {
		return fmt.Errorf("put metric filter: %w", err)
	}
	return nil
}

// Delete implements Store.
func (m *metricFilters) Delete(ctx context.Context, rs []*Resource) error {
	for _, r := range rs {
		group, filter, _ := strings.Cut(r.Key.Name, ":")
		if _, err := m.api.DeleteMetricFilter(ctx, &logs.DeleteMetricFilterInput{LogGroupName: &group, FilterName: &filter}); err != nil && !notFound(err) {
			return fmt.Errorf("delete metric filter: %w", err)
		}
	}
	return nil
}
