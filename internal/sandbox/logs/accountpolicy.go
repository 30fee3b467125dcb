package logs

import (
	"context"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// accountPolicyName names a policy of the account among those of all types.
func accountPolicyName(kind types.PolicyType, name string) string { return string(kind) + "/" + name }

// noDryRun refuses to say what a policy would do, as it does nothing.
func noDryRun(wanted bool) error {
	if !wanted {
		return nil
	}
	return &api.Error{Shape: "UnsupportedOperation", Status: http.StatusNotImplemented, Message: "The sandbox does not support dryRun."}
}

func (s *Service) putAccountPolicy(ctx context.Context, in *cwl.PutAccountPolicyInput) (*cwl.PutAccountPolicyOutput, error) {
	if err := noDryRun(in.DryRun); err != nil {
		return nil, err
	}
	if err := isJSON(in.PolicyDocument); err != nil {
		return nil, err
	}
	p := &types.AccountPolicy{
		AccountId: aws.String(api.CallerOf(ctx).Account), LastUpdatedTime: aws.Int64(s.now()), PolicyDocument: in.PolicyDocument,
		PolicyName: in.PolicyName, PolicyType: in.PolicyType, Scope: in.Scope, SelectionCriteria: in.SelectionCriteria,
	}
	if p.Scope == "" {
		p.Scope = types.ScopeAll
	}
	return &cwl.PutAccountPolicyOutput{AccountPolicy: p}, s.shelve(ctx, kindAccountPolicy, accountPolicyName(in.PolicyType, text(in.PolicyName)), p, nil)
}

func (s *Service) describeAccountPolicies(ctx context.Context, in *cwl.DescribeAccountPoliciesInput) (*cwl.DescribeAccountPoliciesOutput, error) {
	account := api.CallerOf(ctx).Account
	found, next, err := s.shelfNames(ctx, kindAccountPolicy, in.NextToken, 50, func(r *resource) bool {
		p := r.value.(*types.AccountPolicy)
		return p.PolicyType == in.PolicyType && (in.PolicyName == nil || *in.PolicyName == *p.PolicyName) &&
			(len(in.AccountIdentifiers) == 0 || slices.Contains(in.AccountIdentifiers, account))
	})
	if err != nil {
		return nil, err
	}
	out := &cwl.DescribeAccountPoliciesOutput{NextToken: next, AccountPolicies: []types.AccountPolicy{}}
	for _, r := range found {
		out.AccountPolicies = append(out.AccountPolicies, *r.value.(*types.AccountPolicy))
	}
	return out, nil
}

func (s *Service) deleteAccountPolicy(ctx context.Context, in *cwl.DeleteAccountPolicyInput) (*cwl.DeleteAccountPolicyOutput, error) {
	if err := noDryRun(in.DryRun); err != nil {
		return nil, err
	}
	name := accountPolicyName(in.PolicyType, text(in.PolicyName))
	return &cwl.DeleteAccountPolicyOutput{}, s.unshelve(ctx, kindAccountPolicy, "policyName", &name)
}
