package logs

import (
	"context"
	"maps"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of tags (SDK: TagResource).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

func checkTags(tags map[string]string) *api.Error {
	allowed := regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	if len(tags) > maxTags {
		return constraint(len(tags), "tags", "have length less than or equal to 50")
	}
	for k, v := range tags {
		switch {
		case k == "" || utf8.RuneCountInString(k) > maxTagKey || !allowed.MatchString(k):
			return constraint(abbreviate(k), "tags", "have keys of 1 to 128 letters, digits, spaces or _.:/=+-@")
		case utf8.RuneCountInString(v) > maxTagValue || !allowed.MatchString(v):
			return constraint(abbreviate(v), "tags", "have values of 0 to 256 letters, digits, spaces or _.:/=+-@")
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return invalid("Tag keys must not begin with aws: (%s)", k)
		}
	}
	return nil
}

// tag adds tags, if they are not too many then.
func (g *group) tag(tags map[string]string) error {
	if e := checkTags(tags); e != nil {
		return e
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	all := maps.Clone(g.tags)
	maps.Copy(all, tags)
	if len(all) > maxTags {
		return api.Errorf("TooManyTagsException", "A resource can have no more than %d tags.", maxTags)
	}
	g.tags = all
	return nil
}

func (g *group) untag(keys []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range keys {
		delete(g.tags, k)
	}
}

func (g *group) tagList() map[string]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.tags)
}

// tagged says whether the group meets all filters: it has the key, with one of
// the values if there are any. A value may have stars and be negated by "!"
// (SDK: TagFilter).
func (g *group) tagged(filters []types.TagFilter) bool {
	tags := g.tagList()
	for _, f := range filters {
		v, ok := tags[text(f.Key)]
		if !ok || !tagValue(v, f.Values) {
			return false
		}
	}
	return true
}

func tagValue(v string, wanted []string) bool {
	if len(wanted) == 0 {
		return true
	}
	for _, w := range wanted {
		w, negated := strings.CutPrefix(w, "!")
		hit := v == w
		if strings.Contains(w, "*") {
			hit = wildcard(strings.ToLower(w), strings.ToLower(v))
		}
		if hit != negated {
			return true
		}
	}
	return false
}

// wildcard matches stars. The letters that path.Match treats specially are
// made harmless first; tags can have slashes, which a star must match.
func wildcard(pattern, s string) bool {
	harmless := strings.NewReplacer("/", "\x00")
	pattern = strings.NewReplacer("?", `\?`, "[", `\[`, `\`, `\\`).Replace(pattern)
	ok, err := path.Match(harmless.Replace(pattern), harmless.Replace(s))
	return err == nil && ok
}

// tagTarget is the group that an ARN names.
func (s *Service) tagTarget(ctx context.Context, arn *string) (*group, error) {
	if arn == nil {
		return nil, missing("resourceArn")
	}
	if !strings.HasPrefix(*arn, "arn:") {
		return nil, invalid("%q is not an ARN.", *arn)
	}
	return s.identified(ctx, nil, arn)
}

func (s *Service) tagResource(ctx context.Context, in *cwl.TagResourceInput) (*cwl.TagResourceOutput, error) {
	if len(in.Tags) == 0 {
		return nil, missing("tags")
	}
	if done, err := s.retag(ctx, in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, in.Tags) }); done {
		return &cwl.TagResourceOutput{}, err
	}
	g, err := s.tagTarget(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &cwl.TagResourceOutput{}, g.tag(in.Tags)
}

func (s *Service) untagResource(ctx context.Context, in *cwl.UntagResourceInput) (*cwl.UntagResourceOutput, error) {
	drop := func(tags map[string]string) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
	}
	if done, err := s.retag(ctx, in.ResourceArn, drop); done {
		return &cwl.UntagResourceOutput{}, err
	}
	g, err := s.tagTarget(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	g.untag(in.TagKeys)
	return &cwl.UntagResourceOutput{}, nil
}

func (s *Service) listTagsForResource(ctx context.Context, in *cwl.ListTagsForResourceInput) (*cwl.ListTagsForResourceOutput, error) {
	if _, r := s.taggedResource(ctx, in.ResourceArn); r != nil {
		return &cwl.ListTagsForResourceOutput{Tags: maps.Clone(r.tags)}, nil
	}
	g, err := s.tagTarget(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &cwl.ListTagsForResourceOutput{Tags: g.tagList()}, nil
}

func (s *Service) tagLogGroup(ctx context.Context, in *cwl.TagLogGroupInput) (*cwl.TagLogGroupOutput, error) {
	g, err := s.named(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &cwl.TagLogGroupOutput{}, g.tag(in.Tags)
}

func (s *Service) untagLogGroup(ctx context.Context, in *cwl.UntagLogGroupInput) (*cwl.UntagLogGroupOutput, error) {
	g, err := s.named(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	g.untag(in.Tags)
	return &cwl.UntagLogGroupOutput{}, nil
}

func (s *Service) listTagsLogGroup(ctx context.Context, in *cwl.ListTagsLogGroupInput) (*cwl.ListTagsLogGroupOutput, error) {
	g, err := s.named(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &cwl.ListTagsLogGroupOutput{Tags: g.tagList()}, nil
}

// Resources lists the log groups of the caller's region.
func (s *Service) Resources(ctx context.Context) []api.Resource {
	var out []api.Resource
	for _, g := range s.all(ctx, func(*group) bool { return true }) {
		g.mu.Lock()
		out = append(out, api.Resource{ARN: g.arn(), Tags: maps.Clone(g.tags)})
		g.mu.Unlock()
	}
	return out
}
