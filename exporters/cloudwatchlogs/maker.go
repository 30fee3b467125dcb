package cloudwatchlogs

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight"
)

// control is the part of the generated client that the maker needs.
type control interface {
	CreateLogGroup(context.Context, *cloudwatchlogs.CreateLogGroupInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error)
	CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogStreamOutput, error)
	PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error)
}

// maker makes groups and streams, one at a time: the calls are rare, and their
// quotas (10 groups a second for an account) are small. A fleet that starts at
// once finds the stream's creation answered "no such group" first, asks again a
// moment later, when one of them has mostly made it, and takes "already exists"
// for success.
type maker struct {
	cfg    Config
	client control
	log    *slog.Logger
	turn   sync.Mutex
}

func newMaker(cfg Config, client control, log *slog.Logger) *maker {
	return &maker{cfg: cfg, client: client, log: log}
}

// make creates the stream of d, and its group if that is what is missing.
// Something that exists is success.
func (m *maker) make(ctx context.Context, d sidelight.Dest) error {
	m.turn.Lock()
	defer m.turn.Unlock()
	err := m.stream(ctx, d)
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); !missing {
		return asFault("create log stream "+describe(d), err)
	}
	// Others of the fleet may be making it at this moment.
	if err := wait(ctx, rand.N(spread)); err != nil {
		return &sidelight.Fault{Kind: sidelight.Transient, Op: "create log group " + d.Group, Err: err}
	}
	err = m.stream(ctx, d)
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); !missing {
		return asFault("create log stream "+describe(d), err)
	}
	if err := m.group(ctx, d.Group); err != nil {
		return err
	}
	return asFault("create log stream "+describe(d), m.stream(ctx, d))
}

// spread is the time within which the agents of a fleet that start together and
// find no log group ask again, and make it if it is still not there.
const spread = 250 * time.Millisecond

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

func (m *maker) stream(ctx context.Context, d sidelight.Dest) error {
	_, err := m.client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{
		LogGroupName: aws.String(d.Group), LogStreamName: aws.String(d.Stream),
	})
	return unlessExists(err)
}

func (m *maker) group(ctx context.Context, name string) error {
	in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(name), LogGroupClass: m.cfg.Class}
	if len(m.cfg.Tags) > 0 { // an empty map is refused
		in.Tags = m.cfg.Tags
	}
	if m.cfg.KMSKey != "" {
		in.KmsKeyId = aws.String(m.cfg.KMSKey)
	}
	_, err := m.client.CreateLogGroup(ctx, in)
	if _, exists := errors.AsType[*types.ResourceAlreadyExistsException](err); exists {
		return nil
	}
	if err != nil {
		return asFault("create log group "+name, err)
	}
	days := m.cfg.retention(name)
	if m.cfg.Class == types.LogGroupClassDelivery {
		days = 0 // the class has a retention of its own
	}
	m.log.Info("made a log group", "group", name, "retention_days", days)
	if days == 0 {
		return nil
	}
	_, err = m.client.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: aws.String(name), RetentionInDays: aws.Int32(days),
	})
	if err != nil {
		// Logs that stay too long are better than logs that do not arrive.
		m.log.Warn("cannot set the retention of a log group", "group", name, "err", err)
	}
	return nil
}

func unlessExists(err error) error {
	if _, exists := errors.AsType[*types.ResourceAlreadyExistsException](err); exists {
		return nil
	}
	return err
}

func asFault(op string, err error) error {
	if err == nil {
		return nil
	}
	return fault(op, err)
}
