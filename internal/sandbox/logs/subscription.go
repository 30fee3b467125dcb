package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/filterpattern"
	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

const (
	// maxSubscriptions is how many subscription filters a group may have
	// (guide: quotas).
	maxSubscriptions = 2
	// maxDeliveries bounds what waits for the sink; more is dropped, and said so.
	maxDeliveries   = 1024
	deliveryTimeout = 5 * time.Second
)

// subscription is a subscription filter, compiled. It does not change.
type subscription struct {
	put     cwl.PutSubscriptionFilterInput
	created int64
	match   func([]byte) bool // nil: every event
}

// delivery is the message that CloudWatch Logs sends to a destination (guide:
// subscription filters).
type delivery struct {
	MessageType         string          `json:"messageType"`
	Owner               string          `json:"owner"`
	LogGroup            string          `json:"logGroup"`
	LogStream           string          `json:"logStream"`
	SubscriptionFilters []string        `json:"subscriptionFilters"`
	LogEvents           []deliveryEvent `json:"logEvents"`
	destination         string
}

type deliveryEvent struct {
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

func newSubscription(in *cwl.PutSubscriptionFilterInput) (*subscription, error) {
	if err := firstError(filterNameRule("filterName").check(in.FilterName), filterPatternRule("filterPattern").check(in.FilterPattern)); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(text(in.DestinationArn), "arn:") {
		return nil, invalid("destinationArn must be an ARN.")
	}
	if in.Distribution == "" {
		in.Distribution = types.DistributionByLogStream
	}
	f := &subscription{put: *in}
	if strings.TrimSpace(*in.FilterPattern) != "" {
		p, err := filterpattern.Compile(*in.FilterPattern)
		if err != nil {
			return nil, invalid("Invalid filter pattern: %v", err)
		}
		f.match = p.Match
	}
	return f, nil
}

func (s *Service) putSubscriptionFilter(ctx context.Context, in *cwl.PutSubscriptionFilterInput) (*cwl.PutSubscriptionFilterOutput, error) {
	g, err := s.named(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if g.class == types.LogGroupClassInfrequentAccess {
		return nil, api.Errorf("InvalidOperationException", "Subscription filters are not supported for the log group class INFREQUENT_ACCESS.")
	}
	f, err := newSubscription(in)
	if err != nil {
		return nil, err
	}
	f.created = s.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.subscriptions[*in.FilterName] == nil && len(g.subscriptions) >= maxSubscriptions {
		return nil, api.Errorf("LimitExceededException", "Resource limit exceeded: a log group can have no more than %d subscription filters.", maxSubscriptions)
	}
	g.subscriptions[*in.FilterName] = f
	return &cwl.PutSubscriptionFilterOutput{}, nil
}

func (g *group) sortedSubscriptionsLocked() []*subscription {
	out := make([]*subscription, 0, len(g.subscriptions))
	for _, f := range g.subscriptions {
		out = append(out, f)
	}
	order.By(out, func(a, b *subscription) int { return strings.Compare(*a.put.FilterName, *b.put.FilterName) })
	return out
}

func (s *Service) describeSubscriptionFilters(ctx context.Context, in *cwl.DescribeSubscriptionFiltersInput) (*cwl.DescribeSubscriptionFiltersOutput, error) {
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	g, err := s.named(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	all := []types.SubscriptionFilter{}
	g.mu.Lock()
	for _, f := range g.sortedSubscriptionsLocked() {
		if p := &f.put; strings.HasPrefix(*p.FilterName, text(in.FilterNamePrefix)) {
			all = append(all, types.SubscriptionFilter{
				FilterName: p.FilterName, FilterPattern: p.FilterPattern, LogGroupName: &g.name, DestinationArn: p.DestinationArn, RoleArn: p.RoleArn,
				Distribution: p.Distribution, ApplyOnTransformedLogs: p.ApplyOnTransformedLogs, EmitSystemFields: p.EmitSystemFields,
				FieldSelectionCriteria: p.FieldSelectionCriteria, CreationTime: aws.Int64(f.created),
			})
		}
	}
	g.mu.Unlock()
	all, next, err := page(all, in.NextToken, limit, func(f types.SubscriptionFilter) string { return *f.FilterName })
	if err != nil {
		return nil, err
	}
	return &cwl.DescribeSubscriptionFiltersOutput{SubscriptionFilters: all, NextToken: next}, nil
}

func (s *Service) deleteSubscriptionFilter(ctx context.Context, in *cwl.DeleteSubscriptionFilterInput) (*cwl.DeleteSubscriptionFilterOutput, error) {
	g, err := s.named(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.subscriptions[text(in.FilterName)] == nil {
		return nil, notFound("subscription filter")
	}
	delete(g.subscriptions, *in.FilterName)
	return &cwl.DeleteSubscriptionFilterOutput{}, nil
}

// subscribe hands events that have just been kept to the sink, if there is one.
func (s *Service) subscribe(g *group, stream string, events []store.Input) {
	if s.sink == "" {
		return
	}
	g.mu.Lock()
	list := g.sortedSubscriptionsLocked()
	g.mu.Unlock()
	for _, f := range list {
		d := &delivery{
			MessageType: "DATA_MESSAGE", Owner: g.account, LogGroup: g.name, LogStream: stream,
			SubscriptionFilters: []string{*f.put.FilterName}, destination: *f.put.DestinationArn,
		}
		for i := range events {
			if e := &events[i]; f.match == nil || f.match([]byte(e.Message)) {
				d.LogEvents = append(d.LogEvents, deliveryEvent{fmt.Sprintf("%036d%020d", e.Time, i), e.Time, e.Message})
			}
		}
		if len(d.LogEvents) == 0 {
			continue
		}
		select {
		case s.deliveries <- d:
		default:
			s.log.Warn("subscription sink is behind, events are not delivered", "name", g.name, "events", len(d.LogEvents))
		}
	}
}

// deliver sends to the sink what waits, until ctx ends.
func (s *Service) deliver(ctx context.Context) {
	for {
		select {
		case d := <-s.deliveries:
			if err := s.send(ctx, d); err != nil && ctx.Err() == nil {
				s.log.Warn("subscription sink failed, events are not delivered", "events", len(d.LogEvents), "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// send posts a message, compressed as it is for a function or a stream.
func (s *Service) send(ctx context.Context, d *delivery) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	if err := json.NewEncoder(z).Encode(d); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.sink, &body)
	if err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	r.Header.Set("X-Sidelight-Destination", d.destination)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("send message: the sink answers %s", resp.Status)
	}
	return nil
}
