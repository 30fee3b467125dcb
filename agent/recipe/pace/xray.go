package pace

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
)

// XRay is the part of X-Ray that recipes use. *xray.Client satisfies it.
type XRay interface {
	GetGroups(context.Context, *xray.GetGroupsInput, ...func(*xray.Options)) (*xray.GetGroupsOutput, error)
	CreateGroup(context.Context, *xray.CreateGroupInput, ...func(*xray.Options)) (*xray.CreateGroupOutput, error)
	UpdateGroup(context.Context, *xray.UpdateGroupInput, ...func(*xray.Options)) (*xray.UpdateGroupOutput, error)
	DeleteGroup(context.Context, *xray.DeleteGroupInput, ...func(*xray.Options)) (*xray.DeleteGroupOutput, error)
	GetSamplingRules(context.Context, *xray.GetSamplingRulesInput, ...func(*xray.Options)) (*xray.GetSamplingRulesOutput, error)
	CreateSamplingRule(context.Context, *xray.CreateSamplingRuleInput, ...func(*xray.Options)) (*xray.CreateSamplingRuleOutput, error)
	UpdateSamplingRule(context.Context, *xray.UpdateSamplingRuleInput, ...func(*xray.Options)) (*xray.UpdateSamplingRuleOutput, error)
	DeleteSamplingRule(context.Context, *xray.DeleteSamplingRuleInput, ...func(*xray.Options)) (*xray.DeleteSamplingRuleOutput, error)
	ListTagsForResource(context.Context, *xray.ListTagsForResourceInput, ...func(*xray.Options)) (*xray.ListTagsForResourceOutput, error)
	TagResource(context.Context, *xray.TagResourceInput, ...func(*xray.Options)) (*xray.TagResourceOutput, error)
	UntagResource(context.Context, *xray.UntagResourceInput, ...func(*xray.Options)) (*xray.UntagResourceOutput, error)
}

// The rates are low, as AWS documents none of these operations.
const (
	rateXRayRead  = 10
	rateXRayWrite = 5
)

// XRayClient paces the calls of a client of X-Ray. It is safe for concurrent use.
type XRayClient struct {
	api   XRay
	read  *bucket
	write *bucket
}

// NewXRay returns an XRayClient. If api is one already it is returned as it is.
func NewXRay(api XRay) *XRayClient {
	if c, ok := api.(*XRayClient); ok {
		return c
	}
	return &XRayClient{api: api, read: newBucket(rateXRayRead), write: newBucket(rateXRayWrite)}
}

var (
	_ XRay = (*XRayClient)(nil)
	_ XRay = (*xray.Client)(nil)
)

func callXRay[I, O any](ctx context.Context, b *bucket, do func(context.Context, I, ...func(*xray.Options)) (O, error), in I, opts []func(*xray.Options)) (O, error) {
	opts = append(opts[:len(opts):len(opts)], func(o *xray.Options) { o.Retryer = aws.NopRetryer{} })
	return retry(ctx, b, func() (O, error) { return do(ctx, in, opts...) })
}

// GetGroups is the API's, paced and retried.
func (c *XRayClient) GetGroups(ctx context.Context, in *xray.GetGroupsInput, opts ...func(*xray.Options)) (*xray.GetGroupsOutput, error) {
	return callXRay(ctx, c.read, c.api.GetGroups, in, opts)
}

// CreateGroup is the API's, paced and retried.
func (c *XRayClient) CreateGroup(ctx context.Context, in *xray.CreateGroupInput, opts ...func(*xray.Options)) (*xray.CreateGroupOutput, error) {
	return callXRay(ctx, c.write, c.api.CreateGroup, in, opts)
}

// UpdateGroup is the API's, paced and retried.
func (c *XRayClient) UpdateGroup(ctx context.Context, in *xray.UpdateGroupInput, opts ...func(*xray.Options)) (*xray.UpdateGroupOutput, error) {
	return callXRay(ctx, c.write, c.api.UpdateGroup, in, opts)
}

// DeleteGroup is the API's, paced and retried.
func (c *XRayClient) DeleteGroup(ctx context.Context, in *xray.DeleteGroupInput, opts ...func(*xray.Options)) (*xray.DeleteGroupOutput, error) {
	return callXRay(ctx, c.write, c.api.DeleteGroup, in, opts)
}

// GetSamplingRules is the API's, paced and retried.
func (c *XRayClient) GetSamplingRules(ctx context.Context, in *xray.GetSamplingRulesInput, opts ...func(*xray.Options)) (*xray.GetSamplingRulesOutput, error) {
	return callXRay(ctx, c.read, c.api.GetSamplingRules, in, opts)
}

// CreateSamplingRule is the API's, paced and retried.
func (c *XRayClient) CreateSamplingRule(ctx context.Context, in *xray.CreateSamplingRuleInput, opts ...func(*xray.Options)) (*xray.CreateSamplingRuleOutput, error) {
	return callXRay(ctx, c.write, c.api.CreateSamplingRule, in, opts)
}

// UpdateSamplingRule is the API's, paced and retried.
func (c *XRayClient) UpdateSamplingRule(ctx context.Context, in *xray.UpdateSamplingRuleInput, opts ...func(*xray.Options)) (*xray.UpdateSamplingRuleOutput, error) {
	return callXRay(ctx, c.write, c.api.UpdateSamplingRule, in, opts)
}

// DeleteSamplingRule is the API's, paced and retried.
func (c *XRayClient) DeleteSamplingRule(ctx context.Context, in *xray.DeleteSamplingRuleInput, opts ...func(*xray.Options)) (*xray.DeleteSamplingRuleOutput, error) {
	return callXRay(ctx, c.write, c.api.DeleteSamplingRule, in, opts)
}

// ListTagsForResource is the API's, paced and retried.
func (c *XRayClient) ListTagsForResource(ctx context.Context, in *xray.ListTagsForResourceInput, opts ...func(*xray.Options)) (*xray.ListTagsForResourceOutput, error) {
	return callXRay(ctx, c.read, c.api.ListTagsForResource, in, opts)
}

// TagResource is the API's, paced and retried.
func (c *XRayClient) TagResource(ctx context.Context, in *xray.TagResourceInput, opts ...func(*xray.Options)) (*xray.TagResourceOutput, error) {
	return callXRay(ctx, c.write, c.api.TagResource, in, opts)
}

// UntagResource is the API's, paced and retried.
func (c *XRayClient) UntagResource(ctx context.Context, in *xray.UntagResourceInput, opts ...func(*xray.Options)) (*xray.UntagResourceOutput, error) {
	return callXRay(ctx, c.write, c.api.UntagResource, in, opts)
}
