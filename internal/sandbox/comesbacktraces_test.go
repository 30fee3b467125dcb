package sandbox_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
)

func traceTags(value string) []types.Tag { return []types.Tag{{Key: ptr("k"), Value: &value}} }

func tracesTagged(t *testing.T, c *clients, arn *string) tagged {
	t.Helper()
	return tagged{mustGet(c.traces.ListTagsForResource(t.Context(), &xray.ListTagsForResourceInput{ResourceARN: arn}))(t).Tags}
}

func insightsOf(enabled, notify bool) *types.InsightsConfiguration {
	return &types.InsightsConfiguration{InsightsEnabled: &enabled, NotificationsEnabled: &notify}
}

func getGroup(t *testing.T, c *clients) []any {
	t.Helper()
	g := mustGet(c.traces.GetGroup(t.Context(), &xray.GetGroupInput{GroupName: ptr("slow")}))(t).Group
	return []any{g, tracesTagged(t, c, g.GroupARN)}
}

func makeGroup(t *testing.T, c *clients) {
	t.Helper()
	mustGet(c.traces.CreateGroup(t.Context(), &xray.CreateGroupInput{GroupName: ptr("slow")}))(t)
}

func TestTraceGroupsComeBack(t *testing.T) {
	t.Run("create", (&kept[xray.CreateGroupInput]{
		variants: func() []*xray.CreateGroupInput {
			return []*xray.CreateGroupInput{
				{GroupName: ptr("slow"), FilterExpression: ptr("duration >  5"), InsightsConfiguration: insightsOf(true, true), Tags: traceTags("v")},
				{GroupName: ptr("slow")},
			}
		},
		other: func() *xray.CreateGroupInput {
			return &xray.CreateGroupInput{FilterExpression: ptr("fault"), InsightsConfiguration: insightsOf(true, false), Tags: traceTags("w")}
		},
		before: makeGroup,
		put: func(t *testing.T, c *clients, in *xray.CreateGroupInput) error {
			mustGet(c.traces.DeleteGroup(t.Context(), &xray.DeleteGroupInput{GroupName: in.GroupName}))(t)
			_, err := c.traces.CreateGroup(t.Context(), in)
			return err
		},
		get:   func(t *testing.T, c *clients, _ *xray.CreateGroupInput) []any { return getGroup(t, c) },
		fixed: map[string]string{"GroupName": identity},
	}).check)
	t.Run("update", (&kept[xray.UpdateGroupInput]{
		variants: func() []*xray.UpdateGroupInput {
			return []*xray.UpdateGroupInput{
				{GroupName: ptr("slow"), FilterExpression: ptr("duration > 5"), InsightsConfiguration: insightsOf(true, true)},
				{GroupARN: ptr("made by put"), FilterExpression: ptr("error"), InsightsConfiguration: insightsOf(false, false)},
			}
		},
		other: func() *xray.UpdateGroupInput {
			return &xray.UpdateGroupInput{FilterExpression: ptr("fault"), InsightsConfiguration: insightsOf(true, false)}
		},
		before: makeGroup,
		put: func(t *testing.T, c *clients, in *xray.UpdateGroupInput) error {
			if in.GroupName == nil {
				in.GroupARN = getGroup(t, c)[0].(*types.Group).GroupARN
			}
			_, err := c.traces.UpdateGroup(t.Context(), in)
			return err
		},
		get:    func(t *testing.T, c *clients, _ *xray.UpdateGroupInput) []any { return getGroup(t, c) },
		fixed:  map[string]string{"GroupName": identity, "GroupARN": identity},
		merges: true,
	}).check)
}

func samplingRule(set func(*types.SamplingRule)) *types.SamplingRule {
	r := &types.SamplingRule{
		RuleName: ptr("rule"), FixedRate: 0.25, ReservoirSize: 3, Priority: ptr(int32(7)), Version: ptr(int32(1)), Host: ptr("h*"), HTTPMethod: ptr("GET"),
		ResourceARN: ptr("*"), ServiceName: ptr("web"), ServiceType: ptr("AWS::ECS::Container"), URLPath: ptr("/a/*"), Attributes: map[string]string{"a": "1"},
		SamplingRateBoost: &types.SamplingRateBoost{CooldownWindowMinutes: 10, MaxRate: 0.5},
	}
	set(r)
	return r
}

// getRule is the one rule beside the default one.
func getRule(t *testing.T, c *clients) types.SamplingRuleRecord {
	t.Helper()
	list := mustGet(c.traces.GetSamplingRules(t.Context(), &xray.GetSamplingRulesInput{}))(t).SamplingRuleRecords
	if len(list) != 2 {
		t.Fatalf("%d rules, want 2", len(list))
	}
	return list[0]
}

func TestSamplingRulesComeBack(t *testing.T) {
	(&kept[xray.CreateSamplingRuleInput]{
		variants: func() []*xray.CreateSamplingRuleInput {
			return []*xray.CreateSamplingRuleInput{
				{SamplingRule: samplingRule(func(*types.SamplingRule) {}), Tags: traceTags("v")},
				{SamplingRule: samplingRule(func(r *types.SamplingRule) {
					r.Attributes, r.SamplingRateBoost, r.FixedRate, r.ReservoirSize = nil, nil, 0, 0
				})},
			}
		},
		other: func() *xray.CreateSamplingRuleInput {
			return &xray.CreateSamplingRuleInput{SamplingRule: samplingRule(func(r *types.SamplingRule) { r.FixedRate = 1 }), Tags: traceTags("w")}
		},
		before: func(t *testing.T, c *clients) {
			mustGet(c.traces.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: samplingRule(func(*types.SamplingRule) {})}))(t)
		},
		put: func(t *testing.T, c *clients, in *xray.CreateSamplingRuleInput) error {
			mustGet(c.traces.DeleteSamplingRule(t.Context(), &xray.DeleteSamplingRuleInput{RuleName: ptr("rule")}))(t)
			_, err := c.traces.CreateSamplingRule(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *xray.CreateSamplingRuleInput) []any {
			r := getRule(t, c)
			return []any{r, tracesTagged(t, c, r.SamplingRule.RuleARN)}
		},
		unset: map[string]string{"SamplingRule.RuleARN": "the service makes it and refuses one that is given"},
	}).check(t)
}

func TestSamplingRuleUpdatesComeBack(t *testing.T) {
	// An update is one member; each of its fields can be alone in it.
	full := func() *types.SamplingRuleUpdate {
		return &types.SamplingRuleUpdate{
			RuleName: ptr("rule"), FixedRate: ptr(0.0), ReservoirSize: ptr(int32(0)), Priority: ptr(int32(9)), Host: ptr("other"), HTTPMethod: ptr("PUT"),
			ResourceARN: ptr("arn:*"), ServiceName: ptr("api"), ServiceType: ptr("*"), URLPath: ptr("/b"), Attributes: map[string]string{"a": "2", "b": "3"},
			SamplingRateBoost: &types.SamplingRateBoost{CooldownWindowMinutes: 20, MaxRate: 0.75},
		}
	}
	(&kept[xray.UpdateSamplingRuleInput]{
		variants: func() []*xray.UpdateSamplingRuleInput {
			arn := full()
			arn.RuleName, arn.RuleARN = nil, ptr("arn:aws:xray:us-east-1:000000000000:sampling-rule/rule")
			return []*xray.UpdateSamplingRuleInput{
				{SamplingRuleUpdate: full()},
				{SamplingRuleUpdate: arn},
				{SamplingRuleUpdate: &types.SamplingRuleUpdate{RuleName: ptr("rule"), Host: ptr("h3")}},
			}
		},
		other: func() *xray.UpdateSamplingRuleInput {
			return &xray.UpdateSamplingRuleInput{SamplingRuleUpdate: &types.SamplingRuleUpdate{RuleName: ptr("rule"), Priority: ptr(int32(11)), Attributes: map[string]string{"c": "4"}}}
		},
		before: func(t *testing.T, c *clients) {
			mustGet(c.traces.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: samplingRule(func(*types.SamplingRule) {})}))(t)
		},
		put: func(t *testing.T, c *clients, in *xray.UpdateSamplingRuleInput) error {
			_, err := c.traces.UpdateSamplingRule(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *xray.UpdateSamplingRuleInput) []any {
			r := getRule(t, c).SamplingRule
			// In a rule these are values, in an update they are pointers.
			return []any{struct{ SamplingRuleUpdate any }{r}, struct{ SamplingRuleUpdate types.SamplingRuleUpdate }{types.SamplingRuleUpdate{
				FixedRate: &r.FixedRate, ReservoirSize: &r.ReservoirSize,
			}}}
		},
		merges: true,
	}).check(t)
}

func TestTraceSettingsComeBack(t *testing.T) {
	t.Run("encryption", (&kept[xray.PutEncryptionConfigInput]{
		variants: func() []*xray.PutEncryptionConfigInput {
			return []*xray.PutEncryptionConfigInput{{Type: types.EncryptionTypeKms, KeyId: ptr("alias/a")}, {Type: types.EncryptionTypeNone}}
		},
		other: func() *xray.PutEncryptionConfigInput { return &xray.PutEncryptionConfigInput{KeyId: ptr("alias/b")} },
		put: func(t *testing.T, c *clients, in *xray.PutEncryptionConfigInput) error {
			_, err := c.traces.PutEncryptionConfig(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *xray.PutEncryptionConfigInput) []any {
			return []any{mustGet(c.traces.GetEncryptionConfig(t.Context(), &xray.GetEncryptionConfigInput{}))(t).EncryptionConfig}
		},
		fixed: map[string]string{"Type": "NONE goes without a key: the second variant has it"},
	}).check)
	t.Run("policy", (&kept[xray.PutResourcePolicyInput]{
		variants: func() []*xray.PutResourcePolicyInput {
			return []*xray.PutResourcePolicyInput{{PolicyName: ptr("p"), PolicyDocument: ptr(policyText), BypassPolicyLockoutCheck: true}}
		},
		other: func() *xray.PutResourcePolicyInput {
			return &xray.PutResourcePolicyInput{PolicyDocument: ptr(`{"Statement":[]}`)}
		},
		put: func(t *testing.T, c *clients, in *xray.PutResourcePolicyInput) error {
			_, err := c.traces.PutResourcePolicy(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *xray.PutResourcePolicyInput) []any {
			p := only(t, mustGet(c.traces.ListResourcePolicies(t.Context(), &xray.ListResourcePoliciesInput{}))(t).ResourcePolicies)
			p.PolicyRevisionId = nil // each Put makes another
			return []any{p}
		},
		unset: map[string]string{"PolicyRevisionId": "it is a condition of the request; the policy's is another after each Put"},
		lost:  map[string]string{"BypassPolicyLockoutCheck": "it is of the request and AWS does not return it"},
		fixed: map[string]string{"PolicyName": identity, "BypassPolicyLockoutCheck": "it is of the request"},
	}).check)
	t.Run("destination", (&kept[xray.UpdateTraceSegmentDestinationInput]{
		variants: func() []*xray.UpdateTraceSegmentDestinationInput {
			return []*xray.UpdateTraceSegmentDestinationInput{{Destination: types.TraceSegmentDestinationXRay}}
		},
		other: func() *xray.UpdateTraceSegmentDestinationInput { return &xray.UpdateTraceSegmentDestinationInput{} },
		put: func(t *testing.T, c *clients, in *xray.UpdateTraceSegmentDestinationInput) error {
			_, err := c.traces.UpdateTraceSegmentDestination(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *xray.UpdateTraceSegmentDestinationInput) []any {
			return []any{mustGet(c.traces.GetTraceSegmentDestination(t.Context(), &xray.GetTraceSegmentDestinationInput{}))(t)}
		},
		fixed: map[string]string{"Destination": "the sandbox has no Transaction Search and refuses it"},
	}).check)
}

func TestIndexingRulesComeBack(t *testing.T) {
	rule := func(percent float64) *xray.UpdateIndexingRuleInput {
		return &xray.UpdateIndexingRuleInput{Name: ptr("Default"), Rule: &types.IndexingRuleValueUpdateMemberProbabilistic{
			Value: types.ProbabilisticRuleValueUpdate{DesiredSamplingPercentage: &percent},
		}}
	}
	(&kept[xray.UpdateIndexingRuleInput]{
		variants: func() []*xray.UpdateIndexingRuleInput { return []*xray.UpdateIndexingRuleInput{rule(12.5), rule(0)} },
		other:    func() *xray.UpdateIndexingRuleInput { return rule(99) },
		put: func(t *testing.T, c *clients, in *xray.UpdateIndexingRuleInput) error {
			_, err := c.traces.UpdateIndexingRule(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *xray.UpdateIndexingRuleInput) []any {
			r := only(t, mustGet(c.traces.GetIndexingRules(t.Context(), &xray.GetIndexingRulesInput{}))(t).IndexingRules)
			desired := r.Rule.(*types.IndexingRuleValueMemberProbabilistic).Value.DesiredSamplingPercentage
			r.Rule = nil // of another type than the update's
			return []any{r, rule(*desired)}
		},
		fixed: map[string]string{"Name": identity},
	}).check(t)
}
