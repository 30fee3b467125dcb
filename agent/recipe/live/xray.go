package live

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
)

// xrayTagged reads and writes the tags of resources of X-Ray.
type xrayTagged struct{ api *pace.XRayClient }

// chosen keeps the wanted of all resources and reads their tags.
func (x xrayTagged) chosen(ctx context.Context, all []*Resource, names []string) (map[string]*Resource, error) {
	found := map[string]*Resource{}
	for _, r := range all {
		if !slices.Contains(names, r.Key.Name) {
			continue
		}
		r.Tags = map[string]string{}
		in := &xray.ListTagsForResourceInput{ResourceARN: &r.ARN}
		for {
			out, err := x.api.ListTagsForResource(ctx, in)
			if err != nil {
				return nil, fmt.Errorf("list tags of %s %q: %w", r.Key.Kind.Words(), r.Key.Name, err)
			}
			for _, t := range out.Tags {
				r.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
			}
			if aws.ToString(out.NextToken) == "" {
				break
			}
			in.NextToken = out.NextToken
		}
		found[r.Key.Name] = r
	}
	return found, nil
}

// Tag implements Tagger.
func (x xrayTagged) Tag(ctx context.Context, old *Resource, set map[string]string, gone []string) error {
	if len(gone) > 0 {
		if _, err := x.api.UntagResource(ctx, &xray.UntagResourceInput{ResourceARN: &old.ARN, TagKeys: gone}); err != nil {
			return fmt.Errorf("untag %s: %w", old.Key.Kind.Words(), err)
		}
	}
	if len(set) > 0 {
		if _, err := x.api.TagResource(ctx, &xray.TagResourceInput{ResourceARN: &old.ARN, Tags: xrayTags(set)}); err != nil {
			return fmt.Errorf("tag %s: %w", old.Key.Kind.Words(), err)
		}
	}
	return nil
}

func xrayTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}

// withPrefix returns the names that begin as the stack's do.
func withPrefix(all []*Resource, s *ir.Stack) []string {
	var names []string
	for _, r := range all {
		if strings.HasPrefix(r.Key.Name, s.Prefix()) {
			names = append(names, r.Key.Name)
		}
	}
	return names
}

// xrayGroups is the store of X-Ray groups.
type xrayGroups struct{ xrayTagged }

// Find implements Store.
func (g *xrayGroups) Find(ctx context.Context, names []string) (map[string]*Resource, error) {
	all, err := g.all(ctx)
	if err != nil {
		return nil, err
	}
	return g.chosen(ctx, all, names)
}

// Owned implements Store.
func (g *xrayGroups) Owned(ctx context.Context, s *ir.Stack) ([]string, error) {
	all, err := g.all(ctx)
	return withPrefix(all, s), err
}

func (g *xrayGroups) all(ctx context.Context) ([]*Resource, error) {
	var all []*Resource
	in := &xray.GetGroupsInput{}
	for {
		out, err := g.api.GetGroups(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("get X-Ray groups: %w", err)
		}
		for _, s := range out.Groups {
			body := &ir.XRayGroup{FilterExpression: aws.ToString(s.FilterExpression)}
			if c := s.InsightsConfiguration; c != nil {
				body.InsightsEnabled, body.NotificationsEnabled = aws.ToBool(c.InsightsEnabled), aws.ToBool(c.NotificationsEnabled)
			}
			all = append(all, &Resource{Key: ir.Key{Kind: ir.XRayGroupKind, Name: aws.ToString(s.GroupName)}, ARN: aws.ToString(s.GroupARN), Body: body})
		}
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}

// Put implements Store.
func (g *xrayGroups) Put(ctx context.Context, r *ir.Resource, tags map[string]string, old *Resource) error {
	b, ok := r.Body.(*ir.XRayGroup)
	if !ok {
		return fmt.Errorf("put X-Ray group %q: it is a %s", r.Name, r.Kind().Words())
	}
	insights := &types.InsightsConfiguration{InsightsEnabled: &b.InsightsEnabled, NotificationsEnabled: &b.NotificationsEnabled}
	if old == nil {
		in := &xray.CreateGroupInput{GroupName: &r.Name, FilterExpression: &b.FilterExpression, InsightsConfiguration: insights, Tags: xrayTags(tags)}
		if _, err := g.api.CreateGroup(ctx, in); err != nil {
			return fmt.Errorf("create X-Ray group: %w", err)
		}
		return nil
	}
	in := &xray.UpdateGroupInput{GroupARN: &old.ARN, FilterExpression: &b.FilterExpression, InsightsConfiguration: insights}
	if _, err := g.api.UpdateGroup(ctx, in); err != nil {
		return fmt.Errorf("update X-Ray group: %w", err)
	}
	return nil
}

// Delete implements Store.
func (g *xrayGroups) Delete(ctx context.Context, rs []*Resource) error {
	for _, r := range rs {
		if _, err := g.api.DeleteGroup(ctx, &xray.DeleteGroupInput{GroupARN: &r.ARN}); err != nil {
			return fmt.Errorf("delete X-Ray group: %w", err)
		}
	}
	return nil
}
