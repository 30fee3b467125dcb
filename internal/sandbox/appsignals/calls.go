package appsignals

import (
	"cmp"
	"context"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// call is a call of one service's operation to a remote one.
type call struct {
	from                       service
	operation, remoteOperation string
	remote                     target
}

// target is what is called.
type target struct {
	kind, name, environment, resource, identifier string
}

// callOf reads a call from the dimensions of a metric. There are others with fewer
// dimensions, which sum calls up.
func (v *view) callOf(x *series) (call, bool) {
	c := call{from: x.service(), operation: x.dims["Operation"], remoteOperation: x.dims["RemoteOperation"]}
	remote := x.dims["RemoteService"]
	if c.operation == "" || c.remoteOperation == "" || remote == "" {
		return c, false
	}
	c.remote = target{kind: "RemoteService", name: remote, environment: x.dims["RemoteEnvironment"]}
	switch {
	case x.dims["RemoteResourceIdentifier"] != "":
		c.remote = target{kind: "Resource", resource: x.dims["RemoteResourceType"], identifier: x.dims["RemoteResourceIdentifier"]}
		if strings.HasPrefix(c.remote.resource, "AWS::") {
			c.remote.kind = "AWS::Resource"
		}
	case strings.HasPrefix(remote, "AWS::"):
		c.remote.kind = "AWS::Service"
	case c.remote.environment != "":
		c.remote.kind = "Service"
	default:
		// A caller may not know where a service is. Then it is the one of that name
		// in the caller's own environment, if there is one.
		for _, s := range v.services {
			if s.name == remote && s.environment == c.from.environment {
				c.remote.kind, c.remote.environment = "Service", s.environment
			}
		}
	}
	return c, true
}

func (t target) attributes() map[string]string {
	all := map[string]string{"Type": t.kind, "Name": t.name, "Environment": t.environment, "ResourceType": t.resource, "Identifier": t.identifier}
	maps.DeleteFunc(all, func(_, v string) bool { return v == "" })
	return all
}

// calls lists those that want chooses.
func (v *view) calls(want func(call) bool) []call {
	found := make(map[call]bool)
	for i := range v.series {
		if c, ok := v.callOf(&v.series[i]); ok && want(c) {
			found[c] = true
		}
	}
	return order.Sorted(maps.Keys(found), func(a, b call) int {
		return cmp.Or(
			cmp.Compare(a.from.name, b.from.name), cmp.Compare(a.from.environment, b.from.environment), cmp.Compare(a.operation, b.operation),
			cmp.Compare(a.remote.name+a.remote.identifier, b.remote.name+b.remote.identifier), cmp.Compare(a.remoteOperation, b.remoteOperation),
		)
	})
}

func (v *view) callReferences(ctx context.Context, c call) []MetricReference {
	return v.references(ctx, func(x *series) bool {
		other, ok := v.callOf(x)
		return ok && other == c
	})
}

func (s *Service) listServiceDependencies(ctx context.Context, in *ListServiceDependenciesInput) (*ListServiceDependenciesOutput, error) {
	v, x, err := s.find(ctx, in.StartTime, in.EndTime, in.KeyAttributes)
	if err != nil {
		return nil, err
	}
	some, next, err := page(v.calls(func(c call) bool { return c.from == x }), in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ListServiceDependenciesOutput{StartTime: &v.start, EndTime: &v.end, NextToken: next, ServiceDependencies: []ServiceDependency{}}
	for _, c := range some {
		out.ServiceDependencies = append(out.ServiceDependencies, ServiceDependency{
			OperationName: aws.String(c.operation), DependencyKeyAttributes: c.remote.attributes(),
			DependencyOperationName: aws.String(c.remoteOperation), MetricReferences: v.callReferences(ctx, c),
		})
	}
	return out, nil
}

func (s *Service) listServiceDependents(ctx context.Context, in *ListServiceDependentsInput) (*ListServiceDependentsOutput, error) {
	v, x, err := s.find(ctx, in.StartTime, in.EndTime, in.KeyAttributes)
	if err != nil {
		return nil, err
	}
	calls := v.calls(func(c call) bool {
		return c.remote.kind == "Service" && c.remote.name == x.name && c.remote.environment == x.environment
	})
	some, next, err := page(calls, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ListServiceDependentsOutput{StartTime: &v.start, EndTime: &v.end, NextToken: next, ServiceDependents: []ServiceDependent{}}
	for _, c := range some {
		out.ServiceDependents = append(out.ServiceDependents, ServiceDependent{
			OperationName: aws.String(c.remoteOperation), DependentKeyAttributes: c.from.attributes(),
			DependentOperationName: aws.String(c.operation), MetricReferences: v.callReferences(ctx, c),
		})
	}
	return out, nil
}
