package query

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/awsapi"
	"github.com/sidelight-dev/sidelight/internal/traces"
)

// Client asks all three services. It is safe for concurrent use.
type Client struct {
	Logs    *Logs
	Metrics *Metrics
	Alarms  *Alarms
	Traces  *Traces
}

// New returns a client for a configuration. It makes no call.
func New(cfg aws.Config) *Client {
	cw := cloudwatch.NewFromConfig(cfg)
	return &Client{
		Logs:    &Logs{API: cloudwatchlogs.NewFromConfig(cfg)},
		Metrics: &Metrics{API: cw},
		Alarms:  &Alarms{API: cw},
		Traces:  &Traces{Reader: traces.Reader{API: xray.NewFromConfig(cfg)}},
	}
}

// wait blocks for d, or until ctx ends, whose error it then returns.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// passing reports whether an error is one that goes away by waiting: a throttle,
// or a fault of the server.
func passing(err error) bool {
	status, code := awsapi.Details(err)
	if status == 0 && code == "" {
		return false
	}
	kind := awsapi.Classify(status, code)
	return kind == sidelight.Throttled || kind == sidelight.Transient
}
