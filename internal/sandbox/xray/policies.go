package xray

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of resource policies (PutResourcePolicy in the X-Ray API reference).
const (
	maxPolicies     = 5
	maxPolicyBytes  = 5 << 10
	maxPolicyName   = 128
	noPolicyVersion = "0" // asks that the policy must not exist
)

// policies are kept and told. Nobody is checked against them here.
type policies struct {
	mu  sync.Mutex
	all map[string]types.ResourcePolicy
}

func (p *policies) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = nil
}

// PutResourcePolicy stores a policy under its name, with the next revision
// number.
func (s *Service) PutResourcePolicy(_ context.Context, in *xray.PutResourcePolicyInput) (*xray.PutResourcePolicyOutput, error) {
	name, text := aws.ToString(in.PolicyName), aws.ToString(in.PolicyDocument)
	if n := utf8.RuneCountInString(name); n == 0 || n > maxPolicyName {
		return nil, invalid("PolicyName must have 1 to %d characters", maxPolicyName)
	}
	if len(text) > maxPolicyBytes {
		return nil, api.Errorf("PolicySizeLimitExceededException", "the policy of %d bytes exceeds %d", len(text), maxPolicyBytes)
	}
	var document map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &document); err != nil || document["Statement"] == nil {
		return nil, api.Errorf("MalformedPolicyDocumentException", "the policy is not a JSON object with a Statement")
	}
	p := &s.policies
	p.mu.Lock()
	defer p.mu.Unlock()
	old, exists := p.all[name]
	if err := checkRevision(in.PolicyRevisionId, old, exists); err != nil {
		return nil, err
	}
	if !exists && len(p.all) >= maxPolicies {
		return nil, api.Errorf("PolicyCountLimitExceededException", "the quota of %d resource policies is reached", maxPolicies)
	}
	now := types.ResourcePolicy{
		PolicyName: &name, PolicyDocument: &text, PolicyRevisionId: nextRevision(old), LastUpdatedTime: s.now(),
	}
	if p.all == nil {
		p.all = map[string]types.ResourcePolicy{}
	}
	p.all[name] = now
	return &xray.PutResourcePolicyOutput{ResourcePolicy: &now}, nil
}

// checkRevision compares the revision that a caller expects, if any, with what
// is there.
func checkRevision(want *string, old types.ResourcePolicy, exists bool) error {
	if want == nil || !exists && *want == noPolicyVersion || exists && *want == *old.PolicyRevisionId {
		return nil
	}
	return api.Errorf("InvalidPolicyRevisionIdException", "revision %q is not the latest one of the policy", *want)
}

func nextRevision(old types.ResourcePolicy) *string {
	n, err := strconv.Atoi(aws.ToString(old.PolicyRevisionId))
	if err != nil {
		n = 0
	}
	return aws.String(strconv.Itoa(n + 1))
}

// DeleteResourcePolicy removes a policy. That it is not there is no error.
func (s *Service) DeleteResourcePolicy(_ context.Context, in *xray.DeleteResourcePolicyInput) (*xray.DeleteResourcePolicyOutput, error) {
	if in.PolicyName == nil {
		return nil, invalid("PolicyName is missing")
	}
	p := &s.policies
	p.mu.Lock()
	defer p.mu.Unlock()
	old, exists := p.all[*in.PolicyName]
	if err := checkRevision(in.PolicyRevisionId, old, exists); err != nil {
		return nil, err
	}
	delete(p.all, *in.PolicyName)
	return &xray.DeleteResourcePolicyOutput{}, nil
}

// ListResourcePolicies lists the policies by name.
func (s *Service) ListResourcePolicies(_ context.Context, in *xray.ListResourcePoliciesInput) (*xray.ListResourcePoliciesOutput, error) {
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	p := &s.policies
	p.mu.Lock()
	defer p.mu.Unlock()
	out := &xray.ListResourcePoliciesOutput{ResourcePolicies: []types.ResourcePolicy{}}
	for _, name := range slices.Sorted(maps.Keys(p.all)) {
		out.ResourcePolicies = append(out.ResourcePolicies, p.all[name])
	}
	return out, nil
}

func (s *Service) now() *time.Time { return aws.Time(s.opts.Clock.Now()) }
