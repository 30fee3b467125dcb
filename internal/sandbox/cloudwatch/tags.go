package cloudwatch

import (
	"context"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of tags.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

func alarmARN(c api.Caller, name string) string {
	return "arn:aws:cloudwatch:" + c.Region + ":" + c.Account + ":alarm:" + name
}

func dashboardARN(account, name string) string {
	return "arn:aws:cloudwatch::" + account + ":dashboard/" + name
}

// resourceType is the kind of resource that an ARN names.
func resourceType(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	kind, _, _ := strings.Cut(strings.ReplaceAll(parts[5], "/", ":"), ":")
	return kind
}

func checkTags(tags []types.Tag) error {
	if len(tags) > maxTags {
		return invalidValue("The collection Tags must not have a size greater than %d.", maxTags)
	}
	for i, t := range tags {
		key := aws.ToString(t.Key)
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			return invalidValue("The parameter Tags.member.%d.Key must have 1 to %d characters.", i+1, maxTagKey)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalidValue("The parameter Tags.member.%d.Key must not start with aws:.", i+1)
		case t.Value == nil:
			return missing("The parameter Tags.member.%d.Value is required.", i+1)
		case utf8.RuneCountInString(*t.Value) > maxTagValue:
			return invalidValue("The parameter Tags.member.%d.Value must have at most %d characters.", i+1, maxTagValue)
		}
	}
	return nil
}

func tagMap(tags []types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[*t.Key] = *t.Value
	}
	return m
}

// tagged is a resource that has tags.
type tagged struct {
	tags map[string]string
	set  func(map[string]string)
}

// taggedLocked finds what the caller has, and can have tags, by its ARN.
func (s *Service) taggedLocked(ctx context.Context, arn *string) (tagged, error) {
	if aws.ToString(arn) == "" {
		return tagged{}, missing("The parameter ResourceARN is required.")
	}
	if !strings.HasPrefix(*arn, "arn:") {
		return tagged{}, invalidValue("The value %s for parameter ResourceARN is invalid.", *arn)
	}
	caller := api.CallerOf(ctx)
	if name, ok := strings.CutPrefix(*arn, alarmARN(caller, "")); ok {
		set := s.alarmSetLocked(scopeOf(caller))
		if a := set.alarms[name]; a != nil {
			return tagged{a.tags, func(t map[string]string) { a.tags = t }}, nil
		}
		if c := set.composites[name]; c != nil {
			return tagged{c.tags, func(t map[string]string) { c.tags = t }}, nil
		}
	}
	if name, ok := strings.CutPrefix(*arn, muteARN(caller, "")); ok {
		if m := s.alarmSetLocked(scopeOf(caller)).mutes[name]; m != nil {
			return tagged{m.tags, func(t map[string]string) { m.tags = t }}, nil
		}
	}
	if name, ok := strings.CutPrefix(*arn, dashboardARN(caller.Account, "")); ok {
		if d := s.dashboards[caller.Account][name]; d != nil {
			return tagged{d.tags, func(t map[string]string) { d.tags = t }}, nil
		}
	}
	if name, ok := strings.CutPrefix(*arn, insightRuleARN(caller, "")); ok {
		if r := s.alarmSetLocked(scopeOf(caller)).rules[name]; r != nil {
			return tagged{r.Tags, func(t map[string]string) { r.Tags = t }}, nil
		}
	}
	if name, ok := strings.CutPrefix(*arn, metricStreamARN(caller, "")); ok {
		if m := s.alarmSetLocked(scopeOf(caller)).streams[name]; m != nil {
			return tagged{m.Tags, func(t map[string]string) { m.Tags = t }}, nil
		}
	}
	return tagged{}, resourceNotFound(*arn)
}

// TagResource adds tags to an alarm or dashboard, or changes their values.
func (s *Service) TagResource(ctx context.Context, in *cloudwatch.TagResourceInput) (*cloudwatch.TagResourceOutput, error) {
	if in.Tags == nil {
		return nil, missing("The parameter Tags is required.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.taggedLocked(ctx, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(r.tags)
	maps.Copy(tags, tagMap(in.Tags))
	if len(tags) > maxTags {
		return nil, invalidValue("A resource must not have more than %d tags.", maxTags)
	}
	r.set(tags)
	return &cloudwatch.TagResourceOutput{}, nil
}

// UntagResource removes tags; keys that are not there are ignored.
func (s *Service) UntagResource(ctx context.Context, in *cloudwatch.UntagResourceInput) (*cloudwatch.UntagResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.taggedLocked(ctx, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(r.tags)
	maps.DeleteFunc(tags, func(k, _ string) bool { return slices.Contains(in.TagKeys, k) })
	r.set(tags)
	return &cloudwatch.UntagResourceOutput{}, nil
}

// ListTagsForResource lists the tags of an alarm or dashboard by key.
func (s *Service) ListTagsForResource(ctx context.Context, in *cloudwatch.ListTagsForResourceInput) (*cloudwatch.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.taggedLocked(ctx, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	out := &cloudwatch.ListTagsForResourceOutput{Tags: []types.Tag{}}
	for _, k := range slices.Sorted(maps.Keys(r.tags)) {
		out.Tags = append(out.Tags, types.Tag{Key: aws.String(k), Value: aws.String(r.tags[k])})
	}
	return out, nil
}

// Resources lists what has tags in the caller's region, and the dashboards of its
// account.
func (s *Service) Resources(ctx context.Context) []api.Resource {
	caller := api.CallerOf(ctx)
	var out []api.Resource
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(caller))
	for name, a := range set.alarms {
		out = append(out, api.Resource{ARN: alarmARN(caller, name), Tags: maps.Clone(a.tags)})
	}
	for name, c := range set.composites {
		out = append(out, api.Resource{ARN: alarmARN(caller, name), Tags: maps.Clone(c.tags)})
	}
	for name, m := range set.mutes {
		out = append(out, api.Resource{ARN: muteARN(caller, name), Tags: maps.Clone(m.tags)})
	}
	for name, r := range set.rules {
		out = append(out, api.Resource{ARN: insightRuleARN(caller, name), Tags: maps.Clone(r.Tags)})
	}
	for name, m := range set.streams {
		out = append(out, api.Resource{ARN: metricStreamARN(caller, name), Tags: maps.Clone(m.Tags)})
	}
	for name, d := range s.dashboards[caller.Account] {
		out = append(out, api.Resource{ARN: dashboardARN(caller.Account, name), Tags: maps.Clone(d.tags)})
	}
	return out
}
