package pace

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
)

// Dashboards is the part of CloudWatch that recipes use for dashboards.
// *cloudwatch.Client satisfies it.
type Dashboards interface {
	ListDashboards(context.Context, *cloudwatch.ListDashboardsInput, ...func(*cloudwatch.Options)) (*cloudwatch.ListDashboardsOutput, error)
	GetDashboard(context.Context, *cloudwatch.GetDashboardInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetDashboardOutput, error)
	PutDashboard(context.Context, *cloudwatch.PutDashboardInput, ...func(*cloudwatch.Options)) (*cloudwatch.PutDashboardOutput, error)
	DeleteDashboards(context.Context, *cloudwatch.DeleteDashboardsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DeleteDashboardsOutput, error)
	ListTagsForResource(context.Context, *cloudwatch.ListTagsForResourceInput, ...func(*cloudwatch.Options)) (*cloudwatch.ListTagsForResourceOutput, error)
	TagResource(context.Context, *cloudwatch.TagResourceInput, ...func(*cloudwatch.Options)) (*cloudwatch.TagResourceOutput, error)
	UntagResource(context.Context, *cloudwatch.UntagResourceInput, ...func(*cloudwatch.Options)) (*cloudwatch.UntagResourceOutput, error)
}

// rateDashboards is the documented default rate of each of these operations:
// CloudWatch user guide, "CloudWatch service quotas".
const rateDashboards = 10

// DashboardClient paces the calls of a client. It is safe for concurrent use.
type DashboardClient struct {
	api   Dashboards
	read  *bucket
	write *bucket
}

// NewDashboards returns a DashboardClient. If api is one already it is returned
// as it is.
func NewDashboards(api Dashboards) *DashboardClient {
	if c, ok := api.(*DashboardClient); ok {
		return c
	}
	return &DashboardClient{api: api, read: newBucket(rateDashboards), write: newBucket(rateDashboards)}
}

var (
	_ Dashboards = (*DashboardClient)(nil)
	_ Dashboards = (*cloudwatch.Client)(nil)
)

// ListDashboards is the API's, paced and retried.
func (c *DashboardClient) ListDashboards(ctx context.Context, in *cloudwatch.ListDashboardsInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.ListDashboardsOutput, error) {
	return call(ctx, c.read, c.api.ListDashboards, in, opts)
}

// GetDashboard is the API's, paced and retried.
func (c *DashboardClient) GetDashboard(ctx context.Context, in *cloudwatch.GetDashboardInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.GetDashboardOutput, error) {
	return call(ctx, c.read, c.api.GetDashboard, in, opts)
}

// PutDashboard is the API's, paced and retried.
func (c *DashboardClient) PutDashboard(ctx context.Context, in *cloudwatch.PutDashboardInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.PutDashboardOutput, error) {
	return call(ctx, c.write, c.api.PutDashboard, in, opts)
}

// DeleteDashboards is the API's, paced and retried.
func (c *DashboardClient) DeleteDashboards(ctx context.Context, in *cloudwatch.DeleteDashboardsInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.DeleteDashboardsOutput, error) {
	return call(ctx, c.write, c.api.DeleteDashboards, in, opts)
}

// ListTagsForResource is the API's, paced and retried.
func (c *DashboardClient) ListTagsForResource(ctx context.Context, in *cloudwatch.ListTagsForResourceInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.ListTagsForResourceOutput, error) {
	return call(ctx, c.read, c.api.ListTagsForResource, in, opts)
}

// TagResource is the API's, paced and retried.
func (c *DashboardClient) TagResource(ctx context.Context, in *cloudwatch.TagResourceInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.TagResourceOutput, error) {
	return call(ctx, c.write, c.api.TagResource, in, opts)
}

// UntagResource is the API's, paced and retried.
func (c *DashboardClient) UntagResource(ctx context.Context, in *cloudwatch.UntagResourceInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.UntagResourceOutput, error) {
	return call(ctx, c.write, c.api.UntagResource, in, opts)
}
