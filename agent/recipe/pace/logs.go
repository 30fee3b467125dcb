package pace

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// Logs is the part of CloudWatch Logs that recipes use. *cloudwatchlogs.Client
// satisfies it.
type Logs interface {
	DescribeLogGroups(context.Context, *logs.DescribeLogGroupsInput, ...func(*logs.Options)) (*logs.DescribeLogGroupsOutput, error)
	CreateLogGroup(context.Context, *logs.CreateLogGroupInput, ...func(*logs.Options)) (*logs.CreateLogGroupOutput, error)
	DeleteLogGroup(context.Context, *logs.DeleteLogGroupInput, ...func(*logs.Options)) (*logs.DeleteLogGroupOutput, error)
	PutRetentionPolicy(context.Context, *logs.PutRetentionPolicyInput, ...func(*logs.Options)) (*logs.PutRetentionPolicyOutput, error)
	DeleteRetentionPolicy(context.Context, *logs.DeleteRetentionPolicyInput, ...func(*logs.Options)) (*logs.DeleteRetentionPolicyOutput, error)
	AssociateKmsKey(context.Context, *logs.AssociateKmsKeyInput, ...func(*logs.Options)) (*logs.AssociateKmsKeyOutput, error)
	DisassociateKmsKey(context.Context, *logs.DisassociateKmsKeyInput, ...func(*logs.Options)) (*logs.DisassociateKmsKeyOutput, error)
	PutLogGroupDeletionProtection(context.Context, *logs.PutLogGroupDeletionProtectionInput, ...func(*logs.Options)) (*logs.PutLogGroupDeletionProtectionOutput, error)
	ListTagsForResource(context.Context, *logs.ListTagsForResourceInput, ...func(*logs.Options)) (*logs.ListTagsForResourceOutput, error)
	TagResource(context.Context, *logs.TagResourceInput, ...func(*logs.Options)) (*logs.TagResourceOutput, error)
	UntagResource(context.Context, *logs.UntagResourceInput, ...func(*logs.Options)) (*logs.UntagResourceOutput, error)
	DescribeMetricFilters(context.Context, *logs.DescribeMetricFiltersInput, ...func(*logs.Options)) (*logs.DescribeMetricFiltersOutput, error)
	PutMetricFilter(context.Context, *logs.PutMetricFilterInput, ...func(*logs.Options)) (*logs.PutMetricFilterOutput, error)
	DeleteMetricFilter(context.Context, *logs.DeleteMetricFilterInput, ...func(*logs.Options)) (*logs.DeleteMetricFilterOutput, error)
	DescribeQueryDefinitions(context.Context, *logs.DescribeQueryDefinitionsInput, ...func(*logs.Options)) (*logs.DescribeQueryDefinitionsOutput, error)
	PutQueryDefinition(context.Context, *logs.PutQueryDefinitionInput, ...func(*logs.Options)) (*logs.PutQueryDefinitionOutput, error)
	DeleteQueryDefinition(context.Context, *logs.DeleteQueryDefinitionInput, ...func(*logs.Options)) (*logs.DeleteQueryDefinitionOutput, error)
}

// The documented default rates, in requests a second for an account and region:
// CloudWatch Logs user guide, "CloudWatch Logs quotas". What has none there gets
// the writers' rate.
const (
	rateLogGroups  = 10
	rateLogTagList = 30
	rateLogWrite   = 5
)

// LogsClient paces the calls of a client of CloudWatch Logs. It is safe for
// concurrent use.
type LogsClient struct {
	api      Logs
	describe *bucket
	list     *bucket
	create   *bucket
	del      *bucket
	put      *bucket
	tag      *bucket
	filters  *bucket
	filter   *bucket
	queries  *bucket
	query    *bucket
}

// NewLogs returns a LogsClient. If api is one already it is returned as it is.
func NewLogs(api Logs) *LogsClient {
	if c, ok := api.(*LogsClient); ok {
		return c
	}
	return &LogsClient{
		api: api, describe: newBucket(rateLogGroups), list: newBucket(rateLogTagList), create: newBucket(rateLogGroups),
		del: newBucket(rateLogGroups), put: newBucket(rateLogWrite), tag: newBucket(rateLogWrite),
		filters: newBucket(rateLogWrite), filter: newBucket(rateLogWrite), queries: newBucket(rateLogWrite), query: newBucket(rateLogWrite),
	}
}

var (
	_ Logs = (*LogsClient)(nil)
	_ Logs = (*logs.Client)(nil)
)

func callLogs[I, O any](ctx context.Context, b *bucket, do func(context.Context, I, ...func(*logs.Options)) (O, error), in I, opts []func(*logs.Options)) (O, error) {
	opts = append(opts[:len(opts):len(opts)], func(o *logs.Options) { o.Retryer = aws.NopRetryer{} })
	return retry(ctx, b, func() (O, error) { return do(ctx, in, opts...) })
}

// DescribeLogGroups is the API's, paced and retried.
func (c *LogsClient) DescribeLogGroups(ctx context.Context, in *logs.DescribeLogGroupsInput, opts ...func(*logs.Options)) (*logs.DescribeLogGroupsOutput, error) {
	return callLogs(ctx, c.describe, c.api.DescribeLogGroups, in, opts)
}

// CreateLogGroup is the API's, paced and retried.
func (c *LogsClient) CreateLogGroup(ctx context.Context, in *logs.CreateLogGroupInput, opts ...func(*logs.Options)) (*logs.CreateLogGroupOutput, error) {
	return callLogs(ctx, c.create, c.api.CreateLogGroup, in, opts)
}

// DeleteLogGroup is the API's, paced and retried.
func (c *LogsClient) DeleteLogGroup(ctx context.Context, in *logs.DeleteLogGroupInput, opts ...func(*logs.Options)) (*logs.DeleteLogGroupOutput, error) {
	return callLogs(ctx, c.del, c.api.DeleteLogGroup, in, opts)
}

// PutRetentionPolicy is the API's, paced and retried.
func (c *LogsClient) PutRetentionPolicy(ctx context.Context, in *logs.PutRetentionPolicyInput, opts ...func(*logs.Options)) (*logs.PutRetentionPolicyOutput, error) {
	return callLogs(ctx, c.put, c.api.PutRetentionPolicy, in, opts)
}

// DeleteRetentionPolicy is the API's, paced and retried.
func (c *LogsClient) DeleteRetentionPolicy(ctx context.Context, in *logs.DeleteRetentionPolicyInput, opts ...func(*logs.Options)) (*logs.DeleteRetentionPolicyOutput, error) {
	return callLogs(ctx, c.put, c.api.DeleteRetentionPolicy, in, opts)
}

// AssociateKmsKey is the API's, paced and retried.
func (c *LogsClient) AssociateKmsKey(ctx context.Context, in *logs.AssociateKmsKeyInput, opts ...func(*logs.Options)) (*logs.AssociateKmsKeyOutput, error) {
	return callLogs(ctx, c.put, c.api.AssociateKmsKey, in, opts)
}

// DisassociateKmsKey is the API's, paced and retried.
func (c *LogsClient) DisassociateKmsKey(ctx context.Context, in *logs.DisassociateKmsKeyInput, opts ...func(*logs.Options)) (*logs.DisassociateKmsKeyOutput, error) {
	return callLogs(ctx, c.put, c.api.DisassociateKmsKey, in, opts)
}

// PutLogGroupDeletionProtection is the API's, paced and retried.
func (c *LogsClient) PutLogGroupDeletionProtection(ctx context.Context, in *logs.PutLogGroupDeletionProtectionInput, opts ...func(*logs.Options)) (*logs.PutLogGroupDeletionProtectionOutput, error) {
	return callLogs(ctx, c.put, c.api.PutLogGroupDeletionProtection, in, opts)
}

// ListTagsForResource is the API's, paced and retried.
func (c *LogsClient) ListTagsForResource(ctx context.Context, in *logs.ListTagsForResourceInput, opts ...func(*logs.Options)) (*logs.ListTagsForResourceOutput, error) {
	return callLogs(ctx, c.list, c.api.ListTagsForResource, in, opts)
}

// TagResource is the API's, paced and retried.
func (c *LogsClient) TagResource(ctx context.Context, in *logs.TagResourceInput, opts ...func(*logs.Options)) (*logs.TagResourceOutput, error) {
	return callLogs(ctx, c.tag, c.api.TagResource, in, opts)
}

// UntagResource is the API's, paced and retried.
func (c *LogsClient) UntagResource(ctx context.Context, in *logs.UntagResourceInput, opts ...func(*logs.Options)) (*logs.UntagResourceOutput, error) {
	return callLogs(ctx, c.tag, c.api.UntagResource, in, opts)
}

// DescribeMetricFilters is the API's, paced and retried.
func (c *LogsClient) DescribeMetricFilters(ctx context.Context, in *logs.DescribeMetricFiltersInput, opts ...func(*logs.Options)) (*logs.DescribeMetricFiltersOutput, error) {
	return callLogs(ctx, c.filters, c.api.DescribeMetricFilters, in, opts)
}

// PutMetricFilter is the API's, paced and retried.
func (c *LogsClient) PutMetricFilter(ctx context.Context, in *logs.PutMetricFilterInput, opts ...func(*logs.Options)) (*logs.PutMetricFilterOutput, error) {
	return callLogs(ctx, c.filter, c.api.PutMetricFilter, in, opts)
}

// DeleteMetricFilter is the API's, paced and retried.
func (c *LogsClient) DeleteMetricFilter(ctx context.Context, in *logs.DeleteMetricFilterInput, opts ...func(*logs.Options)) (*logs.DeleteMetricFilterOutput, error) {
	return callLogs(ctx, c.filter, c.api.DeleteMetricFilter, in, opts)
}

// DescribeQueryDefinitions is the API's, paced and retried.
func (c *LogsClient) DescribeQueryDefinitions(ctx context.Context, in *logs.DescribeQueryDefinitionsInput, opts ...func(*logs.Options)) (*logs.DescribeQueryDefinitionsOutput, error) {
	return callLogs(ctx, c.queries, c.api.DescribeQueryDefinitions, in, opts)
}

// PutQueryDefinition is the API's, paced and retried.
func (c *LogsClient) PutQueryDefinition(ctx context.Context, in *logs.PutQueryDefinitionInput, opts ...func(*logs.Options)) (*logs.PutQueryDefinitionOutput, error) {
	return callLogs(ctx, c.query, c.api.PutQueryDefinition, in, opts)
}

// DeleteQueryDefinition is the API's, paced and retried.
func (c *LogsClient) DeleteQueryDefinition(ctx context.Context, in *logs.DeleteQueryDefinitionInput, opts ...func(*logs.Options)) (*logs.DeleteQueryDefinitionOutput, error) {
	return callLogs(ctx, c.query, c.api.DeleteQueryDefinition, in, opts)
}
