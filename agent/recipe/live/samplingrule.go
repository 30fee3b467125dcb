package live

import (
	"cmp"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
)

// samplingRules is the store of sampling rules.
type samplingRules struct{ xrayTagged }

// Find implements Store.
func (s *samplingRules) Find(ctx context.Context, names []string) (map[string]*Resource, error) {
	all, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	return s.chosen(ctx, all, names)
}

// Owned implements Store.
func (s *samplingRules) Owned(ctx context.Context, st *ir.Stack) ([]string, error) {
	all, err := s.all(ctx)
	return withPrefix(all, st), err
}

func (s *samplingRules) all(ctx context.Context) ([]*Resource, error) {
	var all []*Resource
	in := &xray.GetSamplingRulesInput{}
	for {
		out, err := s.api.GetSamplingRules(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("get sampling rules: %w", err)
		}
		for _, record := range out.SamplingRuleRecords {
			if r := record.SamplingRule; r != nil {
				all = append(all, &Resource{Key: ir.Key{Kind: ir.SamplingRuleKind, Name: aws.ToString(r.RuleName)}, ARN: aws.ToString(r.RuleARN), Body: fromRule(r)})
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}

func fromRule(r *types.SamplingRule) *ir.SamplingRule {
	body := &ir.SamplingRule{
		Priority: aws.ToInt32(r.Priority), FixedRate: r.FixedRate, ReservoirSize: r.ReservoirSize,
		ServiceName: aws.ToString(r.ServiceName), ServiceType: aws.ToString(r.ServiceType), Host: aws.ToString(r.Host),
		HTTPMethod: aws.ToString(r.HTTPMethod), URLPath: aws.ToString(r.URLPath), ResourceARN: aws.ToString(r.ResourceARN), Attributes: r.Attributes,
	}
	if b := r.SamplingRateBoost; b != nil {
		body.Boost = &ir.SamplingRateBoost{MaxRate: b.MaxRate, CooldownWindowMinutes: b.CooldownWindowMinutes}
	}
	return body
}

// Put implements Store.
func (s *samplingRules) Put(ctx context.Context, r *ir.Resource, tags map[string]string, old *Resource) error {
	b, ok := r.Body.(*ir.SamplingRule)
	if !ok {
		return fmt.Errorf("put sampling rule %q: it is a %s", r.Name, r.Kind().Words())
	}
	if old != nil {
		in := &xray.UpdateSamplingRuleInput{SamplingRuleUpdate: &types.SamplingRuleUpdate{
			RuleARN: &old.ARN, Priority: &b.Priority, FixedRate: &b.FixedRate, ReservoirSize: &b.ReservoirSize,
			ServiceName: pattern(b.ServiceName), ServiceType: pattern(b.ServiceType), Host: pattern(b.Host), HTTPMethod: pattern(b.HTTPMethod),
			URLPath: pattern(b.URLPath), ResourceARN: pattern(b.ResourceARN), Attributes: attributes(b), SamplingRateBoost: boost(b),
		}}
		if _, err := s.api.UpdateSamplingRule(ctx, in); err != nil {
			return fmt.Errorf("update sampling rule: %w", err)
		}
		return nil
	}
	in := &xray.CreateSamplingRuleInput{Tags: xrayTags(tags), SamplingRule: &types.SamplingRule{
		RuleName: &r.Name, Version: aws.Int32(1), Priority: &b.Priority, FixedRate: b.FixedRate, ReservoirSize: b.ReservoirSize,
		ServiceName: pattern(b.ServiceName), ServiceType: pattern(b.ServiceType), Host: pattern(b.Host), HTTPMethod: pattern(b.HTTPMethod),
		URLPath: pattern(b.URLPath), ResourceARN: pattern(b.ResourceARN), Attributes: b.Attributes, SamplingRateBoost: boost(b),
	}}
	if _, err := s.api.CreateSamplingRule(ctx, in); err != nil {
		return fmt.Errorf("create sampling rule: %w", err)
	}
	return nil
}

// pattern is what X-Ray takes for a field that matches everything.
func pattern(s string) *string { return aws.String(cmp.Or(s, "*")) }

// attributes is never nil: an update leaves alone what it does not name.
func attributes(b *ir.SamplingRule) map[string]string {
	if b.Attributes == nil {
		return map[string]string{}
	}
	return b.Attributes
}

func boost(b *ir.SamplingRule) *types.SamplingRateBoost {
	if b.Boost == nil {
		return nil
	}
	return &types.SamplingRateBoost{MaxRate: b.Boost.MaxRate, CooldownWindowMinutes: b.Boost.CooldownWindowMinutes}
}

// Delete implements Store.
func (s *samplingRules) Delete(ctx context.Context, rs []*Resource) error {
	for _, r := range rs {
		if _, err := s.api.DeleteSamplingRule(ctx, &xray.DeleteSamplingRuleInput{RuleARN: &r.ARN}); err != nil {
			return fmt.Errorf("delete sampling rule: %w", err)
		}
	}
	return nil
}
