package logs

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// group is a log group. Its name, class and events never change hands; the
// rest is guarded by mu.
type group struct {
	name, region, account string
	class                 types.LogGroupClass
	created               int64
	events                *store.Group

	mu        sync.Mutex
	kms       string
	streams   map[string]*stream
	retention int32 // days; 0: for ever
	protected bool
	tags      map[string]string
	filters   map[string]*metricFilter
	index     *indexPolicy

	subscriptions map[string]*subscription
}

func (g *group) arn() string {
	return "arn:aws:logs:" + g.region + ":" + g.account + ":log-group:" + g.name
}

// expiry is the time before which events have expired, or the least time.
func (g *group) expiryLocked(now int64) int64 {
	if g.retention == 0 {
		return 0
	}
	return now - int64(g.retention)*day
}

func (g *group) expiry(now int64) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.expiryLocked(now)
}

const day = int64(24 * time.Hour / time.Millisecond)

// lookup finds a group of the caller's region.
func (s *Service) lookup(ctx context.Context, name string) (*group, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if g := s.groups[groupKey{api.CallerOf(ctx).Region, name}]; g != nil {
		return g, nil
	}
	return nil, notFound("log group")
}

// named finds the group of a required logGroupName.
func (s *Service) named(ctx context.Context, name *string) (*group, error) {
	if e := groupNameRule().check(name); e != nil {
		return nil, e
	}
	return s.lookup(ctx, *name)
}

// identified finds the group of logGroupName or logGroupIdentifier, of which
// there must be one.
func (s *Service) identified(ctx context.Context, name, identifier *string) (*group, error) {
	switch {
	case name != nil && identifier != nil:
		return nil, invalid("LogGroupName and LogGroupIdentifier cannot both be specified")
	case identifier == nil:
		return s.named(ctx, name)
	}
	n, err := nameOf(*identifier)
	if err != nil {
		return nil, err
	}
	return s.named(ctx, &n)
}

// nameOf is the group's name in an identifier: the name itself, or an ARN
// without the ":*" at its end.
func nameOf(identifier string) (string, error) {
	if !strings.HasPrefix(identifier, "arn:") {
		return identifier, nil
	}
	parts := strings.SplitN(identifier, ":", 7)
	if len(parts) != 7 || parts[2] != "logs" || parts[5] != "log-group" || strings.HasSuffix(parts[6], ":*") {
		return "", invalid("The ARN of a log group is not valid here: %s", identifier)
	}
	return parts[6], nil
}

// all returns the groups of the caller's region that choose likes, by name.
func (s *Service) all(ctx context.Context, choose func(*group) bool) []*group {
	region := api.CallerOf(ctx).Region
	s.mu.RLock()
	var out []*group
	for k, g := range s.groups {
		if k.region == region && choose(g) {
			out = append(out, g)
		}
	}
	s.mu.RUnlock()
	order.By(out, func(a, b *group) int { return strings.Compare(a.name, b.name) })
	return out
}

func (s *Service) createLogGroup(ctx context.Context, in *cwl.CreateLogGroupInput) (*cwl.CreateLogGroupOutput, error) {
	if err := firstError(groupNameRule().check(in.LogGroupName), checkTags(in.Tags)); err != nil {
		return nil, err
	}
	name, class := *in.LogGroupName, in.LogGroupClass
	if strings.HasPrefix(name, "aws/") {
		return nil, invalid("Log group name must not begin with aws/.")
	}
	if class == "" {
		class = types.LogGroupClassStandard
	}
	if !slices.Contains(class.Values(), class) {
		return nil, constraint(class, "logGroupClass", "satisfy enum value set: [STANDARD, INFREQUENT_ACCESS, DELIVERY, ESSENTIALS]")
	}
	caller := api.CallerOf(ctx)
	key := groupKey{caller.Region, name}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups[key] != nil {
		return nil, exists("log group")
	}
	events, err := s.store.NewGroup()
	if err != nil {
		return nil, err
	}
	g := &group{
		name: name, region: caller.Region, account: caller.Account, class: class, created: s.now(), kms: text(in.KmsKeyId),
		events: events, streams: make(map[string]*stream), protected: aws.ToBool(in.DeletionProtectionEnabled),
		tags: make(map[string]string), filters: make(map[string]*metricFilter),
		subscriptions: make(map[string]*subscription),
	}
	for k, v := range in.Tags {
		g.tags[k] = v
	}
	if class == types.LogGroupClassDelivery {
		g.retention = 1 // its only and fixed retention (SDK: CreateLogGroup)
	}
	s.groups[key] = g
	return &cwl.CreateLogGroupOutput{}, nil
}

func (s *Service) deleteLogGroup(ctx context.Context, in *cwl.DeleteLogGroupInput) (*cwl.DeleteLogGroupOutput, error) {
	g, err := s.named(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	protected := g.protected
	g.mu.Unlock()
	if protected {
		return nil, api.Errorf("InvalidOperationException", "The log group %s is protected from deletion.", g.name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := (groupKey{g.region, g.name}); s.groups[key] == g {
		delete(s.groups, key)
		delete(s.shelf, shelfKey{g.region, kindProtection, g.name})
		delete(s.shelf, shelfKey{g.region, kindTransformer, g.name})
	}
	return &cwl.DeleteLogGroupOutput{}, g.events.Drop()
}

func (s *Service) putDeletionProtection(ctx context.Context, in *cwl.PutLogGroupDeletionProtectionInput) (*cwl.PutLogGroupDeletionProtectionOutput, error) {
	if in.LogGroupIdentifier == nil {
		return nil, missing("logGroupIdentifier")
	}
	if in.DeletionProtectionEnabled == nil {
		return nil, missing("deletionProtectionEnabled")
	}
	g, err := s.identified(ctx, nil, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.protected = *in.DeletionProtectionEnabled
	return &cwl.PutLogGroupDeletionProtectionOutput{}, nil
}

// retentions are the values that retentionInDays may have (SDK: PutRetentionPolicy).
func retentions() []int32 {
	return []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
}

func (s *Service) putRetentionPolicy(ctx context.Context, in *cwl.PutRetentionPolicyInput) (*cwl.PutRetentionPolicyOutput, error) {
	g, err := s.named(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if in.RetentionInDays == nil {
		return nil, missing("retentionInDays")
	}
	if !slices.Contains(retentions(), *in.RetentionInDays) {
		return nil, constraint(*in.RetentionInDays, "retentionInDays", "satisfy enum value set: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, "+
			"400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]")
	}
	return &cwl.PutRetentionPolicyOutput{}, g.retain(*in.RetentionInDays)
}

func (s *Service) deleteRetentionPolicy(ctx context.Context, in *cwl.DeleteRetentionPolicyInput) (*cwl.DeleteRetentionPolicyOutput, error) {
	g, err := s.named(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &cwl.DeleteRetentionPolicyOutput{}, g.retain(0)
}

func (g *group) retain(days int32) error {
	if g.class == types.LogGroupClassDelivery {
		return api.Errorf("InvalidOperationException", "The retention of a log group of class DELIVERY is fixed.")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.retention = days
	return nil
}
