package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of policies (SDK: PutIndexPolicy, PutResourcePolicy; guide: quotas).
const (
	maxIndexedFields    = 20
	maxIndexField       = 100
	maxResourcePolicies = 10
	maxPolicyDocument   = 51200
)

// indexPolicy is a group's index policy. It does not change. The sandbox
// answers no query by it: blocks have filters of their own.
type indexPolicy struct {
	Document string
	Updated  int64
	Fields   []string
}

func parseIndexPolicy(document string, now int64) (*indexPolicy, error) {
	var doc struct {
		Fields   *[]string
		FieldsV2 map[string]struct{ Type string }
	}
	d := json.NewDecoder(strings.NewReader(document))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil || doc.Fields == nil && doc.FieldsV2 == nil {
		return nil, invalid("The policy document must be a JSON object with Fields or FieldsV2.")
	}
	p := &indexPolicy{Document: document, Updated: now}
	if doc.Fields != nil {
		p.Fields = *doc.Fields
	}
	for name, f := range doc.FieldsV2 {
		if f.Type != "FIELD_INDEX" && f.Type != "FACET" {
			return nil, invalid("The type of field %s must be FIELD_INDEX or FACET.", name)
		}
		p.Fields = append(p.Fields, name)
	}
	slices.Sort(p.Fields)
	if n := len(p.Fields); n == 0 || n > maxIndexedFields {
		return nil, invalid("An index policy must have 1 to %d fields.", maxIndexedFields)
	}
	for _, f := range p.Fields {
		if f == "" || len(f) > maxIndexField {
			return nil, invalid("The name of an indexed field must have 1 to %d characters.", maxIndexField)
		}
	}
	return p, nil
}

func (g *group) describeIndexLocked() types.IndexPolicy {
	return types.IndexPolicy{
		LogGroupIdentifier: aws.String(g.arn()), PolicyDocument: &g.index.Document, LastUpdateTime: &g.index.Updated, Source: types.IndexSourceLogGroup,
	}
}

func (s *Service) putIndexPolicy(ctx context.Context, in *cwl.PutIndexPolicyInput) (*cwl.PutIndexPolicyOutput, error) {
	if in.LogGroupIdentifier == nil {
		return nil, missing("logGroupIdentifier")
	}
	if in.PolicyDocument == nil {
		return nil, missing("policyDocument")
	}
	g, err := s.identified(ctx, nil, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if g.class != types.LogGroupClassStandard {
		return nil, invalid("Index policies are for log groups of class STANDARD only.")
	}
	p, err := parseIndexPolicy(*in.PolicyDocument, s.now())
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.index = p
	d := g.describeIndexLocked()
	return &cwl.PutIndexPolicyOutput{IndexPolicy: &d}, nil
}

// identifiedAll finds the groups of identifiers.
func (s *Service) identifiedAll(ctx context.Context, identifiers []string, token *string) ([]*group, error) {
	if len(identifiers) == 0 {
		return nil, missing("logGroupIdentifiers")
	}
	if token != nil {
		return nil, invalid("The specified nextToken is invalid.")
	}
	var out []*group
	for _, id := range identifiers {
		g, err := s.identified(ctx, nil, &id)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func (s *Service) describeIndexPolicies(ctx context.Context, in *cwl.DescribeIndexPoliciesInput) (*cwl.DescribeIndexPoliciesOutput, error) {
	groups, err := s.identifiedAll(ctx, in.LogGroupIdentifiers, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &cwl.DescribeIndexPoliciesOutput{IndexPolicies: []types.IndexPolicy{}}
	for _, g := range groups {
		g.mu.Lock()
		if g.index != nil {
			out.IndexPolicies = append(out.IndexPolicies, g.describeIndexLocked())
		}
		g.mu.Unlock()
	}
	return out, nil
}

// describeFieldIndexes lists the fields of the groups' policies. Events are
// indexed from the policy's time on, so a field's first and last event times
// are not told, as for a field that has no event yet.
func (s *Service) describeFieldIndexes(ctx context.Context, in *cwl.DescribeFieldIndexesInput) (*cwl.DescribeFieldIndexesOutput, error) {
	groups, err := s.identifiedAll(ctx, in.LogGroupIdentifiers, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &cwl.DescribeFieldIndexesOutput{FieldIndexes: []types.FieldIndex{}}
	for _, g := range groups {
		g.mu.Lock()
		if g.index != nil {
			for _, f := range g.index.Fields {
				out.FieldIndexes = append(out.FieldIndexes, types.FieldIndex{
					FieldIndexName: aws.String(f), LogGroupIdentifier: aws.String(g.arn()), LastScanTime: aws.Int64(g.index.Updated), Type: types.IndexTypeFieldIndex,
				})
			}
		}
		g.mu.Unlock()
	}
	return out, nil
}

func (s *Service) deleteIndexPolicy(ctx context.Context, in *cwl.DeleteIndexPolicyInput) (*cwl.DeleteIndexPolicyOutput, error) {
	if in.LogGroupIdentifier == nil {
		return nil, missing("logGroupIdentifier")
	}
	g, err := s.identified(ctx, nil, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.index == nil {
		return nil, notFound("index policy")
	}
	g.index = nil
	return &cwl.DeleteIndexPolicyOutput{}, nil
}

// resourcePolicyKey names a policy: of the account by its name, of a resource by
// the resource.
type resourcePolicyKey struct{ region, name, resource string }

// policyKey is the key that a request means.
func policyKey(ctx context.Context, name, resource *string) (resourcePolicyKey, error) {
	if (name == nil) == (resource == nil) {
		return resourcePolicyKey{}, invalid("Exactly one of policyName and resourceArn must be given.")
	}
	return resourcePolicyKey{api.CallerOf(ctx).Region, text(name), text(resource)}, nil
}

// putResourcePolicy stores a policy, which has no effect: the sandbox lets
// everyone do everything.
func (s *Service) putResourcePolicy(ctx context.Context, in *cwl.PutResourcePolicyInput) (*cwl.PutResourcePolicyOutput, error) {
	key, err := policyKey(ctx, in.PolicyName, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	if n := len(text(in.PolicyDocument)); n == 0 || n > maxPolicyDocument || !json.Valid([]byte(*in.PolicyDocument)) {
		return nil, invalid("policyDocument must be JSON of 1 to %d bytes.", maxPolicyDocument)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, there := s.policies[key]
	if err := checkRevision(in.ExpectedRevisionId, &old); err != nil {
		return nil, err
	}
	if !there && key.resource == "" && s.accountPoliciesLocked(key.region) >= maxResourcePolicies {
		return nil, api.Errorf("LimitExceededException", "Resource limit exceeded: there can be no more than %d resource policies.", maxResourcePolicies)
	}
	revision, _ := strconv.Atoi(text(old.RevisionId)) // 0 for none
	p := types.ResourcePolicy{
		PolicyName: in.PolicyName, PolicyDocument: in.PolicyDocument, ResourceArn: in.ResourceArn,
		LastUpdatedTime: aws.Int64(s.now()), PolicyScope: types.PolicyScopeAccount, RevisionId: aws.String(fmt.Sprint(revision + 1)),
	}
	if in.ResourceArn != nil {
		p.PolicyScope = types.PolicyScopeResource
	}
	s.policies[key] = p
	return &cwl.PutResourcePolicyOutput{ResourcePolicy: &p, RevisionId: p.RevisionId}, nil
}

func checkRevision(expected *string, old *types.ResourcePolicy) error {
	if expected != nil && *expected != text(old.RevisionId) {
		return api.Errorf("OperationAbortedException", "The expected revision %q is not the policy's.", *expected)
	}
	return nil
}

func (s *Service) accountPoliciesLocked(region string) (n int) {
	for k := range s.policies {
		if k.region == region && k.resource == "" {
			n++
		}
	}
	return n
}

func (s *Service) describeResourcePolicies(ctx context.Context, in *cwl.DescribeResourcePoliciesInput) (*cwl.DescribeResourcePoliciesOutput, error) {
	limit, err := limitOf("limit", in.Limit, 50, 50)
	if err != nil {
		return nil, err
	}
	region, scope := api.CallerOf(ctx).Region, in.PolicyScope
	if scope == "" {
		scope = types.PolicyScopeAccount
	}
	all := []types.ResourcePolicy{}
	s.mu.RLock()
	for k, p := range s.policies {
		if k.region == region && p.PolicyScope == scope && (in.ResourceArn == nil || *in.ResourceArn == k.resource) {
			all = append(all, p)
		}
	}
	s.mu.RUnlock()
	key := func(p types.ResourcePolicy) string { return text(p.PolicyName) + "\n" + text(p.ResourceArn) }
	order.By(all, func(a, b types.ResourcePolicy) int { return strings.Compare(key(a), key(b)) })
	all, next, err := page(all, in.NextToken, limit, key)
	if err != nil {
		return nil, err
	}
	return &cwl.DescribeResourcePoliciesOutput{ResourcePolicies: all, NextToken: next}, nil
}

func (s *Service) deleteResourcePolicy(ctx context.Context, in *cwl.DeleteResourcePolicyInput) (*cwl.DeleteResourcePolicyOutput, error) {
	key, err := policyKey(ctx, in.PolicyName, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, there := s.policies[key]
	if !there {
		return nil, notFound("resource policy")
	}
	if err := checkRevision(in.ExpectedRevisionId, &old); err != nil {
		return nil, err
	}
	delete(s.policies, key)
	return &cwl.DeleteResourcePolicyOutput{}, nil
}
