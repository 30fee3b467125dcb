package xray

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of tags (TagResource in the X-Ray API reference).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// tags are the tags of one resource. The map is replaced, never changed.
type tags struct{ m map[string]string }

// add adds or replaces tags, all or none.
func (t *tags) add(list []types.Tag) error {
	m := maps.Clone(t.m)
	if m == nil {
		m = map[string]string{}
	}
	for _, tag := range list {
		k, v := aws.ToString(tag.Key), aws.ToString(tag.Value)
		switch {
		case k == "" || utf8.RuneCountInString(k) > maxTagKey:
			return invalid("a tag key must have 1 to %d characters", maxTagKey)
		case tag.Value == nil || utf8.RuneCountInString(v) > maxTagValue:
			return invalid("the value of tag %q must have at most %d characters", k, maxTagValue)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return invalid("tag key %q uses the reserved prefix aws:", k)
		}
		m[k] = v
	}
	if len(m) > maxTags {
		return api.Errorf("TooManyTagsException", "a resource has at most %d tags", maxTags)
	}
	t.m = m
	return nil
}

func (t *tags) remove(keys []string) {
	m := maps.Clone(t.m)
	for _, k := range keys {
		delete(m, k)
	}
	t.m = m
}

func (t *tags) list() []types.Tag {
	out := make([]types.Tag, 0, len(t.m))
	for _, k := range slices.Sorted(maps.Keys(t.m)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(t.m[k])})
	}
	return out
}

// withTags calls do with the tags of a group or sampling rule, locked.
func (s *Service) withTags(arn *string, do func(*tags) error) error {
	if arn == nil {
		return invalid("ResourceARN is missing")
	}
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	if g := s.groups.findLocked(nil, arn); g != nil {
		return do(&g.tags)
	}
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	for _, r := range s.rules.all {
		if aws.ToString(r.rule.RuleARN) == *arn {
			return do(&r.tags)
		}
	}
	return notFound(*arn, "there is no group or sampling rule %s", *arn)
}

// TagResource adds tags to a group or sampling rule.
func (s *Service) TagResource(_ context.Context, in *xray.TagResourceInput) (*xray.TagResourceOutput, error) {
	return &xray.TagResourceOutput{}, s.withTags(in.ResourceARN, func(t *tags) error { return t.add(in.Tags) })
}

// UntagResource removes tags from a group or sampling rule.
func (s *Service) UntagResource(_ context.Context, in *xray.UntagResourceInput) (*xray.UntagResourceOutput, error) {
	return &xray.UntagResourceOutput{}, s.withTags(in.ResourceARN, func(t *tags) error {
		t.remove(in.TagKeys)
		return nil
	})
}

// ListTagsForResource lists the tags of a group or sampling rule by key.
func (s *Service) ListTagsForResource(_ context.Context, in *xray.ListTagsForResourceInput) (*xray.ListTagsForResourceOutput, error) {
	out := &xray.ListTagsForResourceOutput{}
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	return out, s.withTags(in.ResourceARN, func(t *tags) error {
		out.Tags = t.list()
		return nil
	})
}

// TaggedResource is a group or sampling rule with its tags.
type TaggedResource struct {
	ARN  string
	Tags map[string]string
}

// TaggedResources lists the resources that have tags, by ARN, for services that
// search by tag. The caller must not change the maps.
func (s *Service) TaggedResources() []TaggedResource {
	var out []TaggedResource
	add := func(arn string, t tags) {
		if len(t.m) > 0 {
			out = append(out, TaggedResource{ARN: arn, Tags: t.m})
		}
	}
	s.groups.mu.RLock()
	for _, g := range s.groups.all {
		add(g.arn, g.tags)
	}
	s.groups.mu.RUnlock()
	s.rules.mu.Lock()
	for _, r := range s.rules.all {
		add(aws.ToString(r.rule.RuleARN), r.tags)
	}
	s.rules.mu.Unlock()
	order.By(out, func(a, b TaggedResource) int { return strings.Compare(a.ARN, b.ARN) })
	return out
}

// Resources lists the groups and the sampling rules but for the default ones.
func (s *Service) Resources(ctx context.Context) []api.Resource {
	var out []api.Resource
	s.groups.mu.RLock()
	for _, g := range s.groups.all {
		out = append(out, api.Resource{ARN: g.arn, Tags: maps.Clone(g.tags.m)})
	}
	s.groups.mu.RUnlock()
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	for name, r := range s.rules.all {
		if name != defaultRule {
			out = append(out, api.Resource{ARN: *r.record(api.CallerOf(ctx)).SamplingRule.RuleARN, Tags: maps.Clone(r.tags.m)})
		}
	}
	return out
}
