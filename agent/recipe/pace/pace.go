// Package pace calls AWS no faster than it allows: a token bucket for each API at
// two thirds of its documented rate, slowed further when AWS throttles, and
// retries with full jitter.
package pace

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/smithy-go"
)

// CloudWatch is the part of the API that recipes use. *cloudwatch.Client
// satisfies it.
type CloudWatch interface {
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
	PutMetricAlarm(context.Context, *cloudwatch.PutMetricAlarmInput, ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricAlarmOutput, error)
	DeleteAlarms(context.Context, *cloudwatch.DeleteAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DeleteAlarmsOutput, error)
	ListTagsForResource(context.Context, *cloudwatch.ListTagsForResourceInput, ...func(*cloudwatch.Options)) (*cloudwatch.ListTagsForResourceOutput, error)
	TagResource(context.Context, *cloudwatch.TagResourceInput, ...func(*cloudwatch.Options)) (*cloudwatch.TagResourceOutput, error)
	UntagResource(context.Context, *cloudwatch.UntagResourceInput, ...func(*cloudwatch.Options)) (*cloudwatch.UntagResourceOutput, error)
}

// The documented default rates, in requests a second for an account and region:
// CloudWatch user guide, "CloudWatch service quotas". TagResource and
// UntagResource have none there and get the writers' rate.
const (
	rateDescribe = 9
	rateList     = 10
	rateWrite    = 3
)

// WriteRate is how many writes a second an API gets: two thirds of its
// documented rate, as other tools share the account's.
const WriteRate = share * rateWrite

const (
	share = 2.0 / 3
	// maxAttempts, firstWait and maxWait bound the retries of one call.
	maxAttempts = 12
	firstWait   = 250 * time.Millisecond
	maxWait     = 20 * time.Second
)

// Client paces the calls of a CloudWatch client. It is safe for concurrent use.
type Client struct {
	api      CloudWatch
	describe *bucket
	list     *bucket
	put      *bucket
	del      *bucket
	tag      *bucket
	untag    *bucket
}

// New returns a Client. If api is one already it is returned as it is, so that
// whoever comes first decides.
func New(api CloudWatch) *Client {
	if c, ok := api.(*Client); ok {
		return c
	}
	return &Client{
		api: api, describe: newBucket(rateDescribe), list: newBucket(rateList), put: newBucket(rateWrite),
		del: newBucket(rateWrite), tag: newBucket(rateWrite), untag: newBucket(rateWrite),
	}
}

var (
	_ CloudWatch = (*Client)(nil)
	_ CloudWatch = (*cloudwatch.Client)(nil)
)

// Options returns those of the client that is paced, or none.
func (c *Client) Options() cloudwatch.Options {
	if o, ok := c.api.(interface{ Options() cloudwatch.Options }); ok {
		return o.Options()
	}
	return cloudwatch.Options{}
}

// DescribeAlarms is the API's, paced and retried.
func (c *Client) DescribeAlarms(ctx context.Context, in *cloudwatch.DescribeAlarmsInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	return call(ctx, c.describe, c.api.DescribeAlarms, in, opts)
}

// PutMetricAlarm is the API's, paced and retried; it is idempotent.
func (c *Client) PutMetricAlarm(ctx context.Context, in *cloudwatch.PutMetricAlarmInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricAlarmOutput, error) {
	return call(ctx, c.put, c.api.PutMetricAlarm, in, opts)
}

// DeleteAlarms is the API's, paced and retried.
func (c *Client) DeleteAlarms(ctx context.Context, in *cloudwatch.DeleteAlarmsInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.DeleteAlarmsOutput, error) {
	return call(ctx, c.del, c.api.DeleteAlarms, in, opts)
}

// ListTagsForResource is the API's, paced and retried.
func (c *Client) ListTagsForResource(ctx context.Context, in *cloudwatch.ListTagsForResourceInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.ListTagsForResourceOutput, error) {
	return call(ctx, c.list, c.api.ListTagsForResource, in, opts)
}

// TagResource is the API's, paced and retried.
func (c *Client) TagResource(ctx context.Context, in *cloudwatch.TagResourceInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.TagResourceOutput, error) {
	return call(ctx, c.tag, c.api.TagResource, in, opts)
}

// UntagResource is the API's, paced and retried.
func (c *Client) UntagResource(ctx context.Context, in *cloudwatch.UntagResourceInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.UntagResourceOutput, error) {
	return call(ctx, c.untag, c.api.UntagResource, in, opts)
}

// call makes a call. I and O are pointers, which share one instance of it.
func call[I, O any](ctx context.Context, b *bucket, do func(context.Context, I, ...func(*cloudwatch.Options)) (O, error), in I, opts []func(*cloudwatch.Options)) (O, error) {
	// The SDK's own retries would multiply with these.
	opts = append(opts[:len(opts):len(opts)], func(o *cloudwatch.Options) { o.Retryer = aws.NopRetryer{} })
	return retry(ctx, b, func() (O, error) { return do(ctx, in, opts...) })
}

// retry makes a call, at the rate of the bucket, until it succeeds or cannot.
func retry[O any](ctx context.Context, b *bucket, do func() (O, error)) (O, error) {
	var none O
	wait := firstWait
	for attempt := 1; ; attempt++ {
		if err := b.take(ctx); err != nil {
			return none, err
		}
		out, err := do()
		if err == nil {
			b.restore()
			return out, nil
		}
		throttled := throttling(err)
		if throttled {
			b.halve()
		}
		if attempt == maxAttempts || !throttled && !transient(err) || ctx.Err() != nil {
			return none, err
		}
		if err := sleep(ctx, time.Duration(rand.Int64N(int64(wait)+1))); err != nil {
			return none, err
		}
		wait = min(2*wait, maxWait)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// status returns the HTTP status of an answer that is an error, or 0.
func status(err error) int {
	var e interface{ HTTPStatusCode() int }
	if !errors.As(err, &e) {
		return 0
	}
	return e.HTTPStatusCode()
}

func throttling(err error) bool {
	if status(err) == http.StatusTooManyRequests {
		return true
	}
	var e smithy.APIError
	if !errors.As(err, &e) {
		return false
	}
	switch e.ErrorCode() {
	case "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
		"TooManyRequestsException", "RequestLimitExceeded", "SlowDown", "LimitExceededException", "BandwidthLimitExceeded":
		return e.ErrorCode() != "LimitExceededException" || strings.Contains(strings.ToLower(e.ErrorMessage()), "rate")
	}
	return false
}

// transient reports whether the same request may succeed in a moment.
func transient(err error) bool {
	if status(err) >= http.StatusInternalServerError {
		return true
	}
	var e smithy.APIError
	if !errors.As(err, &e) {
		// No answer from the service: the connection, the name, a timeout.
		var send interface{ ConnectionError() bool }
		return errors.As(err, &send) && send.ConnectionError()
	}
	if strings.Contains(e.ErrorMessage(), "A separate request to update this alarm is in progress") {
		return true
	}
	switch e.ErrorCode() {
	case "InternalServiceFault", "InternalServiceError", "InternalFailure", "ServiceUnavailable", "ServiceUnavailableException", "RequestTimeout", "ConcurrentModificationException", "OperationAbortedException":
		return true
	}
	return e.ErrorFault() == smithy.FaultServer
}

// bucket is a token bucket whose rate is halved by throttling and grows back by
// a twentieth of the full rate with every call that succeeds.
type bucket struct {
	full float64

	mu     sync.Mutex
	rate   float64
	tokens float64
	last   time.Time
}

func newBucket(documented float64) *bucket {
	full := documented * share
	return &bucket{full: full, rate: full, tokens: full}
}

// take waits for a token.
func (b *bucket) take(ctx context.Context) error {
	b.mu.Lock()
	now := time.Now()
	if !b.last.IsZero() {
		b.tokens = min(b.full, b.tokens+now.Sub(b.last).Seconds()*b.rate)
	}
	b.last = now
	b.tokens--
	wait := time.Duration(0)
	if b.tokens < 0 {
		wait = time.Duration(-b.tokens / b.rate * float64(time.Second))
	}
	b.mu.Unlock()
	if wait == 0 {
		return context.Cause(ctx)
	}
	return sleep(ctx, wait)
}

func (b *bucket) halve() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rate = max(b.rate/2, b.full/16)
	b.tokens = min(b.tokens, 0)
}

func (b *bucket) restore() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rate = min(b.full, b.rate+b.full/20)
}
