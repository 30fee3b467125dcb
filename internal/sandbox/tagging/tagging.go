// Package tagging emulates the part of the Resource Groups Tagging API that
// finds the resources of the sandbox's services by their tags.
package tagging

import (
	"cmp"
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Source is a service with such resources.
type Source interface {
	// Resources lists those of the caller's account and region. The tags are the
	// caller's to keep.
	Resources(ctx context.Context) []api.Resource
}

// Service implements api.Service. It holds no state of its own.
type Service struct{ sources []Source }

var _ api.Service = (*Service)(nil)

// New returns a service that finds the resources of sources.
func New(sources []Source) *Service { return &Service{sources} }

// Name implements api.Service.
func (*Service) Name() string { return "tagging" }

// Operations implements api.Service.
func (s *Service) Operations() []api.Operation {
	return []api.Operation{
		api.Op("GetResources", s.getResources),
		api.Op("GetTagKeys", s.getTagKeys),
		api.Op("GetTagValues", s.getTagValues),
	}
}

// The structures of the service's model (Resource Groups Tagging API,
// 2017-01-26), as far as the operations above use them.
type (
	// TagFilter chooses resources with the key and, if there are any, one of the
	// values.
	TagFilter struct {
		Key    *string
		Values []string
	}
	// GetResourcesInput is the input of GetResources.
	GetResourcesInput struct {
		PaginationToken           *string
		TagFilters                []TagFilter
		ResourcesPerPage          *int32
		TagsPerPage               *int32
		ResourceTypeFilters       []string
		IncludeComplianceDetails  *bool
		ExcludeCompliantResources *bool
		ResourceARNList           []string
	}
	// Tag is a tag of a resource.
	Tag struct{ Key, Value *string }
	// ResourceTagMapping is a resource and its tags.
	ResourceTagMapping struct {
		ResourceARN *string
		Tags        []Tag
	}
	// GetResourcesOutput is the output of GetResources.
	GetResourcesOutput struct {
		PaginationToken        *string
		ResourceTagMappingList []ResourceTagMapping
	}
	// GetTagKeysInput is the input of GetTagKeys.
	GetTagKeysInput struct{ PaginationToken *string }
	// GetTagKeysOutput is the output of GetTagKeys.
	GetTagKeysOutput struct {
		PaginationToken *string
		TagKeys         []string
	}
	// GetTagValuesInput is the input of GetTagValues.
	GetTagValuesInput struct{ PaginationToken, Key *string }
	// GetTagValuesOutput is the output of GetTagValues.
	GetTagValuesOutput struct {
		PaginationToken *string
		TagValues       []string
	}
)

// perPage is how many resources or values a page has unless asked for fewer.
const perPage = 100

func invalid(format string, args ...any) error {
	return api.Errorf("InvalidParameterException", format, args...)
}

func (s *Service) getResources(ctx context.Context, in *GetResourcesInput) (*GetResourcesOutput, error) {
	if err := checkGetResources(in); err != nil {
		return nil, err
	}
	var found []api.Resource
	for _, r := range s.all(ctx) {
		if in.chooses(&r) {
			found = append(found, r)
		}
	}
	limit := perPage
	if in.ResourcesPerPage != nil {
		limit = int(*in.ResourcesPerPage)
	}
	found, next, err := page(found, in.PaginationToken, limit, func(r api.Resource) string { return r.ARN })
	if err != nil {
		return nil, err
	}
	out := &GetResourcesOutput{PaginationToken: &next, ResourceTagMappingList: []ResourceTagMapping{}}
	for _, r := range found {
		m := ResourceTagMapping{ResourceARN: &r.ARN, Tags: []Tag{}}
		for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
			v := r.Tags[k]
			m.Tags = append(m.Tags, Tag{Key: &k, Value: &v})
		}
		out.ResourceTagMappingList = append(out.ResourceTagMappingList, m)
	}
	return out, nil
}

// checkGetResources refuses what the model does not describe.
func checkGetResources(in *GetResourcesInput) error {
	switch {
	case len(in.ResourceARNList) > 0 && (len(in.TagFilters) > 0 || len(in.ResourceTypeFilters) > 0 || in.ResourcesPerPage != nil):
		return invalid("ResourceARNList cannot be combined with other filters or with ResourcesPerPage.")
	case in.ResourcesPerPage != nil && (*in.ResourcesPerPage < 1 || *in.ResourcesPerPage > perPage):
		return invalid("ResourcesPerPage must be between 1 and %d.", perPage)
	case in.TagsPerPage != nil:
		return invalid("The sandbox pages by ResourcesPerPage, not by TagsPerPage.")
	case in.IncludeComplianceDetails != nil && *in.IncludeComplianceDetails:
		return invalid("The sandbox has no tag policies, so there are no compliance details.")
	}
	for i, f := range in.TagFilters {
		if f.Key == nil {
			return invalid("TagFilters.%d.Key is required.", i+1)
		}
	}
	return nil
}

// chooses says whether all filters let a resource pass. Resources that never
// had a tag are not part of the service's answers.
func (in *GetResourcesInput) chooses(r *api.Resource) bool {
	if len(in.ResourceARNList) > 0 {
		return slices.Contains(in.ResourceARNList, r.ARN)
	}
	if len(r.Tags) == 0 {
		return false
	}
	if len(in.ResourceTypeFilters) > 0 && !slices.ContainsFunc(in.ResourceTypeFilters, func(t string) bool { return isType(r.ARN, t) }) {
		return false
	}
	for _, f := range in.TagFilters {
		v, ok := r.Tags[*f.Key]
		if !ok || len(f.Values) > 0 && !slices.Contains(f.Values, v) {
			return false
		}
	}
	return true
}

// isType says whether a resource has a type: "cloudwatch", "cloudwatch:alarm".
func isType(arn, typ string) bool {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return false
	}
	kind, _, _ := strings.Cut(strings.ReplaceAll(parts[5], "/", ":"), ":")
	service, want, narrow := strings.Cut(typ, ":")
	return service == parts[2] && (!narrow || want == kind)
}

func (s *Service) all(ctx context.Context) []api.Resource {
	var out []api.Resource
	for _, src := range s.sources {
		out = append(out, src.Resources(ctx)...)
	}
	order.By(out, func(a, b api.Resource) int { return cmp.Compare(a.ARN, b.ARN) })
	return out
}

func (s *Service) getTagKeys(ctx context.Context, in *GetTagKeysInput) (*GetTagKeysOutput, error) {
	keys := make(map[string]bool)
	for _, r := range s.all(ctx) {
		for k := range r.Tags {
			keys[k] = true
		}
	}
	list, next, err := page(slices.Sorted(maps.Keys(keys)), in.PaginationToken, perPage, func(s string) string { return s })
	if err != nil {
		return nil, err
	}
	return &GetTagKeysOutput{PaginationToken: &next, TagKeys: list}, nil
}

func (s *Service) getTagValues(ctx context.Context, in *GetTagValuesInput) (*GetTagValuesOutput, error) {
	if in.Key == nil {
		return nil, invalid("Key is required.")
	}
	values := make(map[string]bool)
	for _, r := range s.all(ctx) {
		if v, ok := r.Tags[*in.Key]; ok {
			values[v] = true
		}
	}
	list, next, err := page(slices.Sorted(maps.Keys(values)), in.PaginationToken, perPage, func(s string) string { return s })
	if err != nil {
		return nil, err
	}
	return &GetTagValuesOutput{PaginationToken: &next, TagValues: list}, nil
}

// page cuts a sorted list: what comes after the token's key, at most limit of
// it, and the token of the rest, empty if there is none.
func page[T any](all []T, token *string, limit int, key func(T) string) ([]T, string, error) {
	if token != nil && *token != "" {
		after, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil {
			return nil, "", api.Errorf("PaginationTokenExpiredException", "The PaginationToken is not one that this operation gave.")
		}
		i, _ := slices.BinarySearchFunc(all, string(after)+"\x00", func(t T, k string) int { return cmp.Compare(key(t), k) })
		all = all[i:]
	}
	if len(all) <= limit {
		if all == nil {
			all = []T{}
		}
		return all, "", nil
	}
	all = all[:limit]
	return all, base64.RawURLEncoding.EncodeToString([]byte(key(all[limit-1]))), nil
}
