package logs

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/filterpattern"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of metric filters (SDK: PutMetricFilter, MetricTransformation; guide).
const (
	maxFilters          = 100
	maxFilterDimensions = 3
	maxMetricValue      = 100
	maxCriteria         = 2000
	maxTestMessages     = 50
)

// metricFilter is a filter, compiled. It does not change.
type metricFilter struct {
	name, pattern string
	created       int64
	transform     types.MetricTransformation
	applyOn       bool
	criteria      *string
	system        []string

	match    *filterpattern.Pattern
	constant float64                 // the value, if selector is nil
	selector *filterpattern.Selector // of the value
	dims     []filterDimension
}

type filterDimension struct {
	name     string
	selector *filterpattern.Selector
}

func (s *Service) putMetricFilter(ctx context.Context, in *cwl.PutMetricFilterInput) (*cwl.PutMetricFilterOutput, error) {
	if err := firstError(groupNameRule().check(in.LogGroupName), filterNameRule("filterName").check(in.FilterName),
		filterPatternRule("filterPattern").check(in.FilterPattern)); err != nil {
		return nil, err
	}
	g, err := s.lookup(ctx, *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if g.class == types.LogGroupClassInfrequentAccess {
		return nil, api.Errorf("InvalidOperationException", "Metric filters are not supported for the log group class INFREQUENT_ACCESS.")
	}
	f, err := compileMetricFilter(in)
	if err != nil {
		return nil, err
	}
	f.created = s.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	old := g.filters[f.name]
	if old == nil && len(g.filters) >= maxFilters {
		return nil, api.Errorf("LimitExceededException", "Resource limit exceeded: a log group can have no more than %d metric filters.", maxFilters)
	}
	g.filters[f.name] = f
	return &cwl.PutMetricFilterOutput{}, nil
}

func compileMetricFilter(in *cwl.PutMetricFilterInput) (*metricFilter, error) {
	if n := len(in.MetricTransformations); n != 1 {
		return nil, constraint(fmt.Sprintf("%d items", n), "metricTransformations", "have length equal to 1")
	}
	t := in.MetricTransformations[0]
	if err := checkTransformation(&t); err != nil {
		return nil, err
	}
	if len(text(in.FieldSelectionCriteria)) > maxCriteria {
		return nil, constraint("…", "fieldSelectionCriteria", "have length less than or equal to 2000")
	}
	for _, d := range in.EmitSystemFieldDimensions {
		if d != "@aws.account" && d != "@aws.region" {
			return nil, invalid("emitSystemFieldDimensions: %q is neither @aws.account nor @aws.region.", d)
		}
	}
	p, err := filterpattern.Compile(*in.FilterPattern)
	if err != nil {
		return nil, invalid("Invalid metric filter pattern: %v", err)
	}
	f := &metricFilter{
		name: *in.FilterName, pattern: *in.FilterPattern, transform: t, match: p,
		applyOn: in.ApplyOnTransformedLogs, criteria: in.FieldSelectionCriteria, system: in.EmitSystemFieldDimensions,
	}
	return f, f.compileSelectors()
}

func checkTransformation(t *types.MetricTransformation) error {
	name := regexp.MustCompile(`^[^:*$]*$`)
	if err := firstError(
		(&textRule{"metricTransformations.1.member.metricName", 1, 255, name}).check(t.MetricName),
		(&textRule{"metricTransformations.1.member.metricNamespace", 1, 255, name}).check(t.MetricNamespace),
		(&textRule{"metricTransformations.1.member.metricValue", 1, maxMetricValue, nil}).check(t.MetricValue),
	); err != nil {
		return err
	}
	if t.Unit != "" && !slices.Contains(t.Unit.Values(), t.Unit) {
		return constraint(t.Unit, "metricTransformations.1.member.unit", "be one of the standard units")
	}
	if len(t.Dimensions) > maxFilterDimensions {
		return invalid("A metric filter can have no more than %d dimensions.", maxFilterDimensions)
	}
	if t.DefaultValue != nil && len(t.Dimensions) > 0 {
		return invalid("Invalid metric transformation: dimensions and default value are mutually exclusive properties.")
	}
	for k := range t.Dimensions {
		if n := utf8.RuneCountInString(k); n < 1 || n > 255 {
			return constraint(abbreviate(k), "metricTransformations.1.member.dimensions", "have keys of 1 to 255 characters")
		}
	}
	return nil
}

// compileSelectors compiles the value, a number or a selector, and the
// dimensions, which are selectors.
func (f *metricFilter) compileSelectors() error {
	value := *f.transform.MetricValue
	if strings.HasPrefix(value, "$") {
		sel, err := f.match.Selector(value)
		if err != nil {
			return invalid("Invalid metric transformation: metric value %q: %v", value, err)
		}
		f.selector = sel
	} else {
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !validValue(v) {
			return invalid("Invalid metric transformation: metric value %q is neither a number nor a selector.", value)
		}
		f.constant = v
	}
	for k, v := range f.transform.Dimensions {
		sel, err := f.match.Selector(v)
		if err != nil {
			return invalid("Invalid metric transformation: dimension %q: %v", k, err)
		}
		f.dims = append(f.dims, filterDimension{k, sel})
	}
	order.By(f.dims, func(a, b filterDimension) int { return strings.Compare(a.name, b.name) })
	if f.transform.Unit == "" {
		f.transform.Unit = types.StandardUnitNone
	}
	return nil
}

func (s *Service) deleteMetricFilter(ctx context.Context, in *cwl.DeleteMetricFilterInput) (*cwl.DeleteMetricFilterOutput, error) {
	if err := firstError(groupNameRule().check(in.LogGroupName), filterNameRule("filterName").check(in.FilterName)); err != nil {
		return nil, err
	}
	g, err := s.lookup(ctx, *in.LogGroupName)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.filters[*in.FilterName] == nil {
		return nil, notFound("metric filter")
	}
	delete(g.filters, *in.FilterName)
	return &cwl.DeleteMetricFilterOutput{}, nil
}

// describe shows a filter as it was put.
func (f *metricFilter) describe(g *group) types.MetricFilter {
	return types.MetricFilter{
		FilterName: &f.name, FilterPattern: &f.pattern, LogGroupName: &g.name, CreationTime: &f.created,
		MetricTransformations: []types.MetricTransformation{f.transform}, ApplyOnTransformedLogs: f.applyOn,
		FieldSelectionCriteria: f.criteria, EmitSystemFieldDimensions: f.system,
	}
}

func (s *Service) describeMetricFilters(ctx context.Context, in *cwl.DescribeMetricFiltersInput) (*cwl.DescribeMetricFiltersOutput, error) {
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	if e := filterNameRule("filterNamePrefix").checkOptional(in.FilterNamePrefix); e != nil {
		return nil, e
	}
	if (in.MetricName == nil) != (in.MetricNamespace == nil) {
		return nil, invalid("metricName and metricNamespace must be given together.")
	}
	if in.LogGroupName != nil {
		if _, err := s.named(ctx, in.LogGroupName); err != nil {
			return nil, err
		}
	}
	all := []types.MetricFilter{}
	for _, g := range s.all(ctx, func(g *group) bool { return in.LogGroupName == nil || g.name == *in.LogGroupName }) {
		all = append(all, g.describeFilters(in)...)
	}
	all, next, err := page(all, in.NextToken, limit, func(f types.MetricFilter) string { return *f.LogGroupName + "\n" + *f.FilterName })
	if err != nil {
		return nil, err
	}
	return &cwl.DescribeMetricFiltersOutput{MetricFilters: all, NextToken: next}, nil
}

func (g *group) describeFilters(in *cwl.DescribeMetricFiltersInput) []types.MetricFilter {
	var out []types.MetricFilter
	for _, f := range g.filterList() {
		t := &f.transform
		if strings.HasPrefix(f.name, text(in.FilterNamePrefix)) &&
			(in.MetricName == nil || *in.MetricName == *t.MetricName && *in.MetricNamespace == *t.MetricNamespace) {
			out = append(out, f.describe(g))
		}
	}
	return out
}

// filterList returns the group's filters by name.
func (g *group) filterList() []*metricFilter {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sortedFiltersLocked()
}

func (g *group) sortedFiltersLocked() []*metricFilter {
	out := make([]*metricFilter, 0, len(g.filters))
	for _, f := range g.filters {
		out = append(out, f)
	}
	order.By(out, func(a, b *metricFilter) int { return strings.Compare(a.name, b.name) })
	return out
}

func (s *Service) testMetricFilter(_ context.Context, in *cwl.TestMetricFilterInput) (*cwl.TestMetricFilterOutput, error) {
	if e := filterPatternRule("filterPattern").check(in.FilterPattern); e != nil {
		return nil, e
	}
	if n := len(in.LogEventMessages); n < 1 || n > maxTestMessages {
		return nil, constraint(fmt.Sprintf("%d items", n), "logEventMessages", "have length between 1 and 50")
	}
	p, err := filterpattern.Compile(*in.FilterPattern)
	if err != nil {
		return nil, invalid("Invalid metric filter pattern: %v", err)
	}
	out := &cwl.TestMetricFilterOutput{Matches: []types.MetricFilterMatchRecord{}}
	for i, m := range in.LogEventMessages {
		if m == "" {
			return nil, constraint("", "logEventMessages", "have elements of length greater than or equal to 1")
		}
		if values, ok := p.Extract([]byte(m)); ok {
			out.Matches = append(out.Matches, types.MetricFilterMatchRecord{
				EventNumber: int64(i + 1), EventMessage: aws.String(m), ExtractedValues: values,
			})
		}
	}
	return out, nil
}
