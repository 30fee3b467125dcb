package cloudwatch

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Contributor Insights rules are stored and told, and count nothing: their reports
// are refused.

// maxInsightRules is the most rules of an answer (SDK: DescribeInsightRules).
const maxInsightRules = 500

// States of rules. The model has them as text.
const (
	ruleEnabled  = "ENABLED"
	ruleDisabled = "DISABLED"
)

// insightRule is replaced, never changed, but for its tags.
type insightRule struct {
	Definition, Schema, State string
	Transformed               *bool `json:",omitempty"`
	Tags                      map[string]string
}

func insightRuleARN(c api.Caller, name string) string {
	return "arn:aws:cloudwatch:" + c.Region + ":" + c.Account + ":insight-rule/" + name
}

// ruleSchema reads the schema of a rule's definition.
func ruleSchema(definition string) (string, error) {
	var doc struct {
		Schema *struct {
			Name    string
			Version int
		}
	}
	if err := json.Unmarshal([]byte(definition), &doc); err != nil || doc.Schema == nil || doc.Schema.Name == "" || doc.Schema.Version != 1 {
		return "", invalidValue("The parameter RuleDefinition must be a JSON object with a Schema of Version 1.")
	}
	return string(mustMarshal(doc.Schema)), nil
}

// PutInsightRule creates a rule or replaces it, but for its tags.
func (s *Service) PutInsightRule(ctx context.Context, in *cloudwatch.PutInsightRuleInput) (*cloudwatch.PutInsightRuleOutput, error) {
	name := aws.ToString(in.RuleName)
	if name == "" {
		return nil, missing("The parameter RuleName is required.")
	}
	schema, err := ruleSchema(aws.ToString(in.RuleDefinition))
	if err != nil {
		return nil, err
	}
	r := &insightRule{Definition: *in.RuleDefinition, Schema: schema, State: ruleEnabled, Transformed: in.ApplyOnTransformedLogs, Tags: tagMap(in.Tags)}
	if in.RuleState != nil {
		r.State = *in.RuleState
	}
	if r.State != ruleEnabled && r.State != ruleDisabled {
		return nil, invalidValue("The parameter RuleState must be ENABLED or DISABLED.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(api.CallerOf(ctx)))
	if old := set.rules[name]; old != nil {
		r.Tags = old.Tags
	}
	set.rules[name] = r
	return &cloudwatch.PutInsightRuleOutput{}, nil
}

// DescribeInsightRules lists rules by name.
func (s *Service) DescribeInsightRules(ctx context.Context, in *cloudwatch.DescribeInsightRulesInput) (*cloudwatch.DescribeInsightRulesOutput, error) {
	after, err := decodeToken(in.NextToken)
	if err != nil {
		return nil, err
	}
	limit := maxInsightRules
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(api.CallerOf(ctx)))
	out := &cloudwatch.DescribeInsightRulesOutput{InsightRules: []types.InsightRule{}}
	for _, name := range slices.Sorted(maps.Keys(set.rules)) {
		if name <= after {
			continue
		}
		if n := len(out.InsightRules); n == limit {
			out.NextToken = encodeToken(*out.InsightRules[n-1].Name)
			break
		}
		r := set.rules[name]
		out.InsightRules = append(out.InsightRules, types.InsightRule{
			Name: aws.String(name), Definition: &r.Definition, Schema: &r.Schema, State: &r.State, ApplyOnTransformedLogs: r.Transformed,
			ManagedRule: aws.Bool(false),
		})
	}
	return out, nil
}

// eachRule calls do for the rules of names, and lists those that are not there.
func (s *Service) eachRule(ctx context.Context, names []string, do func(rules map[string]*insightRule, name string)) []types.PartialFailure {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules := s.alarmSetLocked(scopeOf(api.CallerOf(ctx))).rules
	failures := []types.PartialFailure{}
	for _, name := range names {
		if rules[name] == nil {
			failures = append(failures, types.PartialFailure{
				FailureResource: aws.String(name), ExceptionType: aws.String("ResourceNotFoundException"), FailureCode: aws.String("404"),
				FailureDescription: aws.String("The rule does not exist."),
			})
			continue
		}
		do(rules, name)
	}
	return failures
}

func setRuleState(state string) func(map[string]*insightRule, string) {
	return func(rules map[string]*insightRule, name string) {
		r := *rules[name]
		r.State = state
		rules[name] = &r
	}
}

// EnableInsightRules enables rules.
func (s *Service) EnableInsightRules(ctx context.Context, in *cloudwatch.EnableInsightRulesInput) (*cloudwatch.EnableInsightRulesOutput, error) {
	return &cloudwatch.EnableInsightRulesOutput{Failures: s.eachRule(ctx, in.RuleNames, setRuleState(ruleEnabled))}, nil
}

// DisableInsightRules disables rules.
func (s *Service) DisableInsightRules(ctx context.Context, in *cloudwatch.DisableInsightRulesInput) (*cloudwatch.DisableInsightRulesOutput, error) {
	return &cloudwatch.DisableInsightRulesOutput{Failures: s.eachRule(ctx, in.RuleNames, setRuleState(ruleDisabled))}, nil
}

// DeleteInsightRules deletes rules.
func (s *Service) DeleteInsightRules(ctx context.Context, in *cloudwatch.DeleteInsightRulesInput) (*cloudwatch.DeleteInsightRulesOutput, error) {
	failures := s.eachRule(ctx, in.RuleNames, func(rules map[string]*insightRule, name string) { delete(rules, name) })
	return &cloudwatch.DeleteInsightRulesOutput{Failures: failures}, nil
}

func (s *Service) importRuleLocked(v json.RawMessage) error {
	var st ruleState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	s.alarmSetLocked(scope{st.Account, st.Region}).rules[st.Name] = &st.Rule
	return nil
}
