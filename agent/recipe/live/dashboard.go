package live

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
)

// dashboards is the store of dashboards.
type dashboards struct{ cw *pace.DashboardClient }

// Find implements Store.
func (d *dashboards) Find(ctx context.Context, names []string) (map[string]*Resource, error) {
	found := map[string]*Resource{}
	for _, name := range names {
		out, err := d.cw.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: &name})
		if noDashboard(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("get dashboard %q: %w", name, err)
		}
		r := &Resource{
			Key: ir.Key{Kind: ir.DashboardKind, Name: name}, ARN: aws.ToString(out.DashboardArn),
			Body: &ir.Dashboard{DashboardBody: json.RawMessage(aws.ToString(out.DashboardBody))},
		}
		tags, err := d.cw.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: &r.ARN})
		if notFound(err) {
			continue // deleted in between
		}
		if err != nil {
			return nil, fmt.Errorf("list tags of dashboard %q: %w", name, err)
		}
		r.Tags = fromTags(tags.Tags)
		found[name] = r
	}
	return found, nil
}

// Owned implements Store: the names of a stack's dashboards have its prefix.
func (d *dashboards) Owned(ctx context.Context, s *ir.Stack) ([]string, error) {
	var names []string
	in := &cloudwatch.ListDashboardsInput{DashboardNamePrefix: aws.String(s.Prefix())}
	for {
		out, err := d.cw.ListDashboards(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list dashboards: %w", err)
		}
		for _, e := range out.DashboardEntries {
			names = append(names, aws.ToString(e.DashboardName))
		}
		if aws.ToString(out.NextToken) == "" {
			return names, nil
		}
		in.NextToken = out.NextToken
	}
}

// Put implements Store. CloudWatch uses the tags only for a new dashboard. What
// it warns of is saved all the same, so a warning is an error here.
func (d *dashboards) Put(ctx context.Context, r *ir.Resource, tags map[string]string, _ *Resource) error {
	b, ok := r.Body.(*ir.Dashboard)
	if !ok {
		return fmt.Errorf("put dashboard %q: it is a %s", r.Name, r.Kind().Words())
	}
	in := &cloudwatch.PutDashboardInput{DashboardName: &r.Name, DashboardBody: aws.String(string(b.DashboardBody)), Tags: toTags(tags)}
	out, err := d.cw.PutDashboard(ctx, in)
	if err != nil {
		return fmt.Errorf("put dashboard: %w", err)
	}
	for _, m := range out.DashboardValidationMessages {
		return fmt.Errorf("put dashboard: saved, and CloudWatch says of %s: %s", aws.ToString(m.DataPath), aws.ToString(m.Message))
	}
	return nil
}

// Tag implements Tagger.
func (d *dashboards) Tag(ctx context.Context, old *Resource, set map[string]string, gone []string) error {
	if len(gone) > 0 {
		if _, err := d.cw.UntagResource(ctx, &cloudwatch.UntagResourceInput{ResourceARN: &old.ARN, TagKeys: gone}); err != nil {
			return fmt.Errorf("untag dashboard: %w", err)
		}
	}
	if len(set) > 0 {
		if _, err := d.cw.TagResource(ctx, &cloudwatch.TagResourceInput{ResourceARN: &old.ARN, Tags: toTags(set)}); err != nil {
			return fmt.Errorf("tag dashboard: %w", err)
		}
	}
	return nil
}

// Delete implements Store.
func (d *dashboards) Delete(ctx context.Context, rs []*Resource) error {
	for _, r := range rs {
		in := &cloudwatch.DeleteDashboardsInput{DashboardNames: []string{r.Key.Name}}
		if _, err := d.cw.DeleteDashboards(ctx, in); err != nil && !noDashboard(err) {
			return fmt.Errorf("delete dashboard: %w", err)
		}
	}
	return nil
}
