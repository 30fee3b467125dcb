package xray

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

const (
	// maxRules is the quota of sampling rules besides the default one.
	maxRules    = 25
	defaultRule = "Default"
	// maxRuleAttributes and maxAttribute bound the attributes of a rule.
	maxRuleAttributes = 5
	maxAttribute      = 32
)

// rules keeps the sampling rules and shares reservoirs out.
type rules struct {
	clock api.Clock

	mu       sync.Mutex
	all      map[string]*rule // by name
	modified time.Time
}

// rule is one sampling rule. What rule.rule points to is replaced, never
// changed, so that answers may share it.
type rule struct {
	rule     types.SamplingRule
	created  time.Time
	modified time.Time
	tags     tags
	clients  map[string]time.Time // last report, by client ID
	recent   []usage
}

func newRules(clock api.Clock) *rules {
	r := &rules{clock: clock}
	r.reset()
	return r
}

func (r *rules) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	any := aws.String("*")
	d := types.SamplingRule{
		RuleName: aws.String(defaultRule), Priority: aws.Int32(10000), FixedRate: 0.05, ReservoirSize: 1,
		Version: aws.Int32(1), ServiceName: any, ServiceType: any, Host: any, HTTPMethod: any, URLPath: any,
		ResourceARN: any, Attributes: map[string]string{},
	}
	r.modified, r.all = now, map[string]*rule{defaultRule: newRule(d, now)}
}

func newRule(r types.SamplingRule, now time.Time) *rule {
	return &rule{rule: r, created: now, modified: now, clients: map[string]time.Time{}}
}

func ruleARN(c api.Caller, name string) *string {
	return aws.String(fmt.Sprintf("arn:aws:xray:%s:%s:sampling-rule/%s", c.Region, c.Account, name))
}

// record is the rule as c sees it; the default rule belongs to whoever asks.
func (r *rule) record(c api.Caller) *types.SamplingRuleRecord {
	public := r.rule
	if public.RuleARN == nil {
		public.RuleARN = ruleARN(c, *public.RuleName)
	}
	return &types.SamplingRuleRecord{SamplingRule: &public, CreatedAt: aws.Time(r.created), ModifiedAt: aws.Time(r.modified)}
}

// findLocked returns the rule that name or arn gives, as c sees them.
func (r *rules) findLocked(c api.Caller, name, arn *string) (*rule, error) {
	if err := one("Rule", name, arn); err != nil {
		return nil, err
	}
	if name != nil {
		if x := r.all[*name]; x != nil {
			return x, nil
		}
		return nil, invalid("there is no sampling rule %q", *name)
	}
	for _, x := range r.all {
		if *x.record(c).SamplingRule.RuleARN == *arn {
			return x, nil
		}
	}
	return nil, invalid("there is no sampling rule %s", *arn)
}

// GetSamplingRules lists all rules in the order in which they are tried.
func (s *Service) GetSamplingRules(ctx context.Context, in *xray.GetSamplingRulesInput) (*xray.GetSamplingRulesOutput, error) {
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	r := s.rules
	r.mu.Lock()
	defer r.mu.Unlock()
	list := order.Sorted(maps.Values(r.all), func(a, b *rule) int {
		return cmp.Or(cmp.Compare(*a.rule.Priority, *b.rule.Priority), cmp.Compare(*a.rule.RuleName, *b.rule.RuleName))
	})
	out := &xray.GetSamplingRulesOutput{}
	for _, x := range list {
		out.SamplingRuleRecords = append(out.SamplingRuleRecords, *x.record(api.CallerOf(ctx)))
	}
	return out, nil
}

// CreateSamplingRule adds a rule.
func (s *Service) CreateSamplingRule(ctx context.Context, in *xray.CreateSamplingRuleInput) (*xray.CreateSamplingRuleOutput, error) {
	if in.SamplingRule == nil {
		return nil, invalid("SamplingRule is missing")
	}
	c, def := api.CallerOf(ctx), *in.SamplingRule
	if def.RuleName == nil || def.RuleARN != nil {
		return nil, invalid("a new rule has a RuleName and no RuleARN")
	}
	if aws.ToInt32(def.Version) != 1 {
		return nil, invalid("Version must be 1")
	}
	if err := checkRule(&def); err != nil {
		return nil, err
	}
	// A rule always has attributes, if only an empty map: the X-Ray SDK for Node
	// ignores rules without.
	if def.Attributes = maps.Clone(def.Attributes); def.Attributes == nil {
		def.Attributes = map[string]string{}
	}
	def.RuleARN = ruleARN(c, *def.RuleName)
	r := s.rules
	r.mu.Lock()
	defer r.mu.Unlock()
	x := newRule(def, r.clock.Now())
	if err := x.tags.add(in.Tags); err != nil {
		return nil, err
	}
	if r.all[*def.RuleName] != nil {
		return nil, invalid("a sampling rule %q exists already", *def.RuleName)
	}
	if len(r.all)-1 >= maxRules {
		return nil, api.Errorf("RuleLimitExceededException", "the quota of %d sampling rules is reached", maxRules)
	}
	r.all[*def.RuleName] = x
	r.modified = x.modified
	return &xray.CreateSamplingRuleOutput{SamplingRuleRecord: x.record(c)}, nil
}

// checkRule checks all fields but the ARN and version.
func checkRule(r *types.SamplingRule) error {
	for _, f := range []struct {
		name string
		v    *string
		most int
	}{
		{"RuleName", r.RuleName, 32},
		{"ServiceName", r.ServiceName, 64},
		{"ServiceType", r.ServiceType, 64},
		{"Host", r.Host, 64},
		{"HTTPMethod", r.HTTPMethod, 10},
		{"URLPath", r.URLPath, 128},
		{"ResourceARN", r.ResourceARN, 500},
	} {
		if f.v == nil {
			return invalid("%s is missing", f.name)
		}
		if n := utf8.RuneCountInString(*f.v); n > f.most || n == 0 && f.name == "RuleName" {
			return invalid("%s must have at most %d characters and RuleName at least one", f.name, f.most)
		}
	}
	isDefault := *r.RuleName == defaultRule
	switch p := aws.ToInt32(r.Priority); {
	case !isDefault && (p < 1 || p > 9999):
		return invalid("Priority must be between 1 and 9999")
	case !(r.FixedRate >= 0 && r.FixedRate <= 1):
		return invalid("FixedRate must be between 0 and 1")
	case r.ReservoirSize < 0:
		return invalid("ReservoirSize must not be negative")
	case len(r.Attributes) > maxRuleAttributes:
		return invalid("a rule has at most %d attributes", maxRuleAttributes)
	}
	for k, v := range r.Attributes {
		if k == "" || utf8.RuneCountInString(k) > maxAttribute || utf8.RuneCountInString(v) > maxAttribute {
			return invalid("attribute keys and values must have at most %d characters", maxAttribute)
		}
	}
	return nil
}

// UpdateSamplingRule changes the fields that are given; of the default rule only
// FixedRate and ReservoirSize can be changed.
func (s *Service) UpdateSamplingRule(ctx context.Context, in *xray.UpdateSamplingRuleInput) (*xray.UpdateSamplingRuleOutput, error) {
	u := in.SamplingRuleUpdate
	if u == nil {
		return nil, invalid("SamplingRuleUpdate is missing")
	}
	c, r := api.CallerOf(ctx), s.rules
	r.mu.Lock()
	defer r.mu.Unlock()
	x, err := r.findLocked(c, u.RuleName, u.RuleARN)
	if err != nil {
		return nil, err
	}
	def := x.rule
	if *def.RuleName == defaultRule && !onlyRates(u) {
		return nil, invalid("of the Default rule only FixedRate and ReservoirSize can be changed")
	}
	applyUpdate(&def, u)
	if err := checkRule(&def); err != nil {
		return nil, err
	}
	x.rule, x.modified = def, r.clock.Now()
	r.modified = x.modified
	return &xray.UpdateSamplingRuleOutput{SamplingRuleRecord: x.record(c)}, nil
}

func onlyRates(u *types.SamplingRuleUpdate) bool {
	return u.Attributes == nil && u.HTTPMethod == nil && u.Host == nil && u.Priority == nil && u.ResourceARN == nil &&
		u.ServiceName == nil && u.ServiceType == nil && u.URLPath == nil && u.SamplingRateBoost == nil
}

func applyUpdate(r *types.SamplingRule, u *types.SamplingRuleUpdate) {
	for _, f := range []struct{ to, from **string }{
		{&r.HTTPMethod, &u.HTTPMethod},
		{&r.Host, &u.Host},
		{&r.ResourceARN, &u.ResourceARN},
		{&r.ServiceName, &u.ServiceName},
		{&r.ServiceType, &u.ServiceType},
		{&r.URLPath, &u.URLPath},
	} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
	if u.Attributes != nil {
		r.Attributes = maps.Clone(u.Attributes)
	}
	if u.Priority != nil {
		r.Priority = u.Priority
	}
	if u.FixedRate != nil {
		r.FixedRate = *u.FixedRate
	}
	if u.ReservoirSize != nil {
		r.ReservoirSize = *u.ReservoirSize
	}
	if u.SamplingRateBoost != nil {
		r.SamplingRateBoost = u.SamplingRateBoost
	}
}

// DeleteSamplingRule removes a rule. The default rule cannot be removed.
func (s *Service) DeleteSamplingRule(ctx context.Context, in *xray.DeleteSamplingRuleInput) (*xray.DeleteSamplingRuleOutput, error) {
	c, r := api.CallerOf(ctx), s.rules
	r.mu.Lock()
	defer r.mu.Unlock()
	x, err := r.findLocked(c, in.RuleName, in.RuleARN)
	if err != nil {
		return nil, err
	}
	if *x.rule.RuleName == defaultRule {
		return nil, invalid("the Default rule cannot be deleted")
	}
	delete(r.all, *x.rule.RuleName)
	r.modified = r.clock.Now()
	return &xray.DeleteSamplingRuleOutput{SamplingRuleRecord: x.record(c)}, nil
}
