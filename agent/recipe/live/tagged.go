package live

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
)

// pageSize is the most resources that a page of GetResources holds.
const pageSize = 100

// tagged returns the keys of the resources whose tags say that they are the
// stack's. The index behind it follows changes of tags after a while.
func (s *Stores) tagged(ctx context.Context, st *ir.Stack) ([]ir.Key, error) {
	if s.tagging == nil {
		return nil, nil
	}
	in := &tagging.GetResourcesInput{
		ResourcesPerPage: aws.Int32(pageSize),
		TagFilters: []types.TagFilter{
			{Key: aws.String(norm.TagRecipe), Values: []string{st.Recipe}},
			{Key: aws.String(norm.TagEnv), Values: []string{st.Env}},
		},
	}
	var keys []ir.Key
	for {
		out, err := s.tagging.GetResources(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("get resources by tags: %w", err)
		}
		for _, m := range out.ResourceTagMappingList {
			if k, ok := keyOf(aws.ToString(m.ResourceARN)); ok && s.kinds[k.Kind] != nil {
				keys = append(keys, k)
			}
		}
		if aws.ToString(out.PaginationToken) == "" {
			return keys, nil
		}
		in.PaginationToken = out.PaginationToken
	}
}

// keyOf returns what an ARN names, if it is of a kind that recipes make.
func keyOf(arn string) (ir.Key, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return ir.Key{}, false
	}
	switch service, resource := parts[2], parts[5]; {
	case service == "cloudwatch" && strings.HasPrefix(resource, "alarm:"):
		return ir.Key{Kind: ir.MetricAlarmKind, Name: strings.TrimPrefix(resource, "alarm:")}, true
	case service == "cloudwatch" && strings.HasPrefix(resource, "dashboard/"):
		return ir.Key{Kind: ir.DashboardKind, Name: strings.TrimPrefix(resource, "dashboard/")}, true
	case service == "xray" && strings.HasPrefix(resource, "group/"):
		name, _, ok := strings.Cut(strings.TrimPrefix(resource, "group/"), "/")
		return ir.Key{Kind: ir.XRayGroupKind, Name: name}, ok
	case service == "xray" && strings.HasPrefix(resource, "sampling-rule/"):
		return ir.Key{Kind: ir.SamplingRuleKind, Name: strings.TrimPrefix(resource, "sampling-rule/")}, true
	case service == "logs" && strings.HasPrefix(resource, "log-group:"):
		name := strings.TrimSuffix(strings.TrimPrefix(resource, "log-group:"), ":*")
		return ir.Key{Kind: ir.LogGroupKind, Name: name}, !strings.Contains(name, ":")
	}
	return ir.Key{}, false
}
