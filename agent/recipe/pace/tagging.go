package pace

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
)

// Tagging is the part of the Resource Groups Tagging API that recipes use.
// *resourcegroupstaggingapi.Client satisfies it.
type Tagging interface {
	GetResources(context.Context, *tagging.GetResourcesInput, ...func(*tagging.Options)) (*tagging.GetResourcesOutput, error)
}

// rateResources is low, as AWS documents no rate of GetResources.
const rateResources = 5

// TaggingClient paces the calls of a client. It is safe for concurrent use.
type TaggingClient struct {
	api       Tagging
	resources *bucket
}

// NewTagging returns a TaggingClient. If api is one already it is returned as it
// is.
func NewTagging(api Tagging) *TaggingClient {
	if c, ok := api.(*TaggingClient); ok {
		return c
	}
	return &TaggingClient{api: api, resources: newBucket(rateResources)}
}

var (
	_ Tagging = (*TaggingClient)(nil)
	_ Tagging = (*tagging.Client)(nil)
)

// GetResources is the API's, paced and retried.
func (c *TaggingClient) GetResources(ctx context.Context, in *tagging.GetResourcesInput, opts ...func(*tagging.Options)) (*tagging.GetResourcesOutput, error) {
	opts = append(opts[:len(opts):len(opts)], func(o *tagging.Options) { o.Retryer = aws.NopRetryer{} })
	return retry(ctx, c.resources, func() (*tagging.GetResourcesOutput, error) { return c.api.GetResources(ctx, in, opts...) })
}
