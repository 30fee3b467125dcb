package sandbox_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const logARN = "arn:aws:logs:us-east-1:000000000000:"

func makeGroups(t *testing.T, c *clients) {
	t.Helper()
	for _, name := range []string{"/app", "/other"} {
		mustGet(c.logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name}))(t)
	}
}

func logTags(t *testing.T, c *clients, arn *string) tagged {
	t.Helper()
	return tagged{mustGet(c.logs.ListTagsForResource(t.Context(), &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: arn}))(t).Tags}
}

// groupNamed describes the group whose name starts so.
func groupNamed(t *testing.T, c *clients, prefix string) types.LogGroup {
	t.Helper()
	return only(t, mustGet(c.logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &prefix}))(t).LogGroups)
}

func TestLogGroupsComeBack(t *testing.T) {
	name := ptr("/made")
	(&kept[cloudwatchlogs.CreateLogGroupInput]{
		variants: func() []*cloudwatchlogs.CreateLogGroupInput {
			return []*cloudwatchlogs.CreateLogGroupInput{
				{
					LogGroupName: name, DeletionProtectionEnabled: ptr(true), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/a"),
					LogGroupClass: types.LogGroupClassInfrequentAccess, Tags: map[string]string{"k": "v", "e": ""},
				},
				{LogGroupName: name},
				{LogGroupName: name, LogGroupClass: types.LogGroupClassDelivery},
			}
		},
		other: func() *cloudwatchlogs.CreateLogGroupInput {
			return &cloudwatchlogs.CreateLogGroupInput{
				LogGroupName: ptr("/made/2"), DeletionProtectionEnabled: ptr(false), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/b"),
				LogGroupClass: types.LogGroupClassStandard, Tags: map[string]string{"l": "w"},
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.CreateLogGroupInput) error {
			for _, g := range mustGet(c.logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: name}))(t).LogGroups {
				mustGet(c.logs.PutLogGroupDeletionProtection(t.Context(), &cloudwatchlogs.PutLogGroupDeletionProtectionInput{
					LogGroupIdentifier: g.LogGroupName, DeletionProtectionEnabled: ptr(false),
				}))(t)
				mustGet(c.logs.DeleteLogGroup(t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: g.LogGroupName}))(t)
			}
			_, err := c.logs.CreateLogGroup(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.CreateLogGroupInput) []any {
			g := groupNamed(t, c, *in.LogGroupName)
			return []any{g, logTags(t, c, g.LogGroupArn)}
		},
	}).check(t)
}

// TestGroupSettingsComeBack is of the operations that set one thing of a group.
func TestGroupSettingsComeBack(t *testing.T) {
	t.Run("retention", (&kept[cloudwatchlogs.PutRetentionPolicyInput]{
		variants: func() []*cloudwatchlogs.PutRetentionPolicyInput {
			return []*cloudwatchlogs.PutRetentionPolicyInput{{LogGroupName: ptr("/app"), RetentionInDays: ptr(int32(7))}}
		},
		other: func() *cloudwatchlogs.PutRetentionPolicyInput {
			return &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: ptr("/other"), RetentionInDays: ptr(int32(3653))}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutRetentionPolicyInput) error {
			_, err := c.logs.PutRetentionPolicy(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutRetentionPolicyInput) []any {
			return []any{groupNamed(t, c, *in.LogGroupName)}
		},
	}).check)
	t.Run("deletion protection", (&kept[cloudwatchlogs.PutLogGroupDeletionProtectionInput]{
		variants: func() []*cloudwatchlogs.PutLogGroupDeletionProtectionInput {
			return []*cloudwatchlogs.PutLogGroupDeletionProtectionInput{{LogGroupIdentifier: ptr("/app"), DeletionProtectionEnabled: ptr(true)}}
		},
		other: func() *cloudwatchlogs.PutLogGroupDeletionProtectionInput {
			return &cloudwatchlogs.PutLogGroupDeletionProtectionInput{DeletionProtectionEnabled: ptr(false)}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutLogGroupDeletionProtectionInput) error {
			_, err := c.logs.PutLogGroupDeletionProtection(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutLogGroupDeletionProtectionInput) []any {
			return []any{groupNamed(t, c, *in.LogGroupIdentifier)}
		},
		lost:  map[string]string{"LogGroupIdentifier": "a group is described by its name"},
		fixed: map[string]string{"LogGroupIdentifier": identity},
	}).check)
	t.Run("stream", (&kept[cloudwatchlogs.CreateLogStreamInput]{
		variants: func() []*cloudwatchlogs.CreateLogStreamInput {
			return []*cloudwatchlogs.CreateLogStreamInput{{LogGroupName: ptr("/app"), LogStreamName: ptr("a/[1]")}}
		},
		other: func() *cloudwatchlogs.CreateLogStreamInput {
			return &cloudwatchlogs.CreateLogStreamInput{LogGroupName: ptr("/other"), LogStreamName: ptr("b")}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.CreateLogStreamInput) error {
			for _, old := range mustGet(c.logs.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: in.LogGroupName}))(t).LogStreams {
				mustGet(c.logs.DeleteLogStream(t.Context(), &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: in.LogGroupName, LogStreamName: old.LogStreamName}))(t)
			}
			_, err := c.logs.CreateLogStream(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.CreateLogStreamInput) []any {
			return []any{only(t, mustGet(c.logs.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: in.LogGroupName}))(t).LogStreams)}
		},
		lost: map[string]string{"LogGroupName": "a stream is described without its group, but its ARN has it"},
	}).check)
	t.Run("key", (&kept[cloudwatchlogs.AssociateKmsKeyInput]{
		variants: func() []*cloudwatchlogs.AssociateKmsKeyInput {
			return []*cloudwatchlogs.AssociateKmsKeyInput{
				{LogGroupName: ptr("/app"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/a")},
				{ResourceIdentifier: ptr(logARN + "log-group:/app"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/c")},
			}
		},
		other: func() *cloudwatchlogs.AssociateKmsKeyInput {
			return &cloudwatchlogs.AssociateKmsKeyInput{LogGroupName: ptr("/other"), KmsKeyId: ptr("arn:aws:kms:us-east-1:000000000000:key/b")}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.AssociateKmsKeyInput) error {
			_, err := c.logs.AssociateKmsKey(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.AssociateKmsKeyInput) []any {
			name := "/app"
			if in.LogGroupName != nil {
				name = *in.LogGroupName
			}
			return []any{groupNamed(t, c, name)}
		},
		lost: map[string]string{"ResourceIdentifier": "a group is described by its name"},
	}).check)
}

func TestMetricFiltersComeBack(t *testing.T) {
	transformation := func(set func(*types.MetricTransformation)) []types.MetricTransformation {
		m := types.MetricTransformation{MetricName: ptr("errors"), MetricNamespace: ptr("App"), MetricValue: ptr("$.n"), Unit: types.StandardUnitBytes}
		set(&m)
		return []types.MetricTransformation{m}
	}
	plain := func(m *types.MetricTransformation) { m.DefaultValue = ptr(0.0) }
	split := func(m *types.MetricTransformation) { m.Dimensions = map[string]string{"Route": "$.route"} }
	filter := func(m []types.MetricTransformation) *cloudwatchlogs.PutMetricFilterInput {
		return &cloudwatchlogs.PutMetricFilterInput{
			FilterName: ptr("errors"), LogGroupName: ptr("/app"), FilterPattern: ptr(`{ $.level = "error"  }`), MetricTransformations: m,
			ApplyOnTransformedLogs: true, EmitSystemFieldDimensions: []string{"@aws.region", "@aws.account"}, FieldSelectionCriteria: ptr(`@aws.region = "us-east-1"`),
		}
	}
	(&kept[cloudwatchlogs.PutMetricFilterInput]{
		variants: func() []*cloudwatchlogs.PutMetricFilterInput {
			return []*cloudwatchlogs.PutMetricFilterInput{
				filter(transformation(plain)), filter(transformation(split)),
				{FilterName: ptr("errors"), LogGroupName: ptr("/app"), FilterPattern: ptr(""), MetricTransformations: []types.MetricTransformation{
					{MetricName: ptr("n"), MetricNamespace: ptr("App"), MetricValue: ptr("1")},
				}},
			}
		},
		other: func() *cloudwatchlogs.PutMetricFilterInput {
			return &cloudwatchlogs.PutMetricFilterInput{
				FilterName: ptr("more"), LogGroupName: ptr("/other"), FilterPattern: ptr("{ $.n > 1 }"), MetricTransformations: transformation(split),
				EmitSystemFieldDimensions: []string{"@aws.account"}, FieldSelectionCriteria: ptr(`@aws.account = "1"`),
			}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutMetricFilterInput) error {
			_, err := c.logs.PutMetricFilter(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutMetricFilterInput) []any {
			return []any{only(t, mustGet(c.logs.DescribeMetricFilters(t.Context(), &cloudwatchlogs.DescribeMetricFiltersInput{
				LogGroupName: in.LogGroupName, FilterNamePrefix: in.FilterName,
			}))(t).MetricFilters)}
		},
	}).check(t)
}

func TestSubscriptionFiltersComeBack(t *testing.T) {
	(&kept[cloudwatchlogs.PutSubscriptionFilterInput]{
		variants: func() []*cloudwatchlogs.PutSubscriptionFilterInput {
			return []*cloudwatchlogs.PutSubscriptionFilterInput{
				{
					FilterName: ptr("all"), LogGroupName: ptr("/app"), FilterPattern: ptr(" error "), DestinationArn: ptr("arn:aws:kinesis:us-east-1:000000000000:stream/a"),
					RoleArn: ptr("arn:aws:iam::000000000000:role/a"), Distribution: types.DistributionRandom, ApplyOnTransformedLogs: true,
					EmitSystemFields: []string{"@aws.region", "@aws.account"}, FieldSelectionCriteria: ptr(`@aws.region = "us-east-1"`),
				},
				{FilterName: ptr("all"), LogGroupName: ptr("/app"), FilterPattern: ptr(""), DestinationArn: ptr("arn:aws:lambda:us-east-1:000000000000:function:f")},
			}
		},
		other: func() *cloudwatchlogs.PutSubscriptionFilterInput {
			return &cloudwatchlogs.PutSubscriptionFilterInput{
				FilterName: ptr("more"), LogGroupName: ptr("/other"), FilterPattern: ptr(""), DestinationArn: ptr("arn:aws:kinesis:us-east-1:000000000000:stream/b"),
				RoleArn: ptr("arn:aws:iam::000000000000:role/b"), Distribution: types.DistributionByLogStream,
				EmitSystemFields: []string{"@aws.account"}, FieldSelectionCriteria: ptr(`@aws.account = "1"`),
			}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutSubscriptionFilterInput) error {
			_, err := c.logs.PutSubscriptionFilter(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutSubscriptionFilterInput) []any {
			return []any{only(t, mustGet(c.logs.DescribeSubscriptionFilters(t.Context(), &cloudwatchlogs.DescribeSubscriptionFiltersInput{
				LogGroupName: in.LogGroupName, FilterNamePrefix: in.FilterName,
			}))(t).SubscriptionFilters)}
		},
	}).check(t)
}

func TestQueryDefinitionsComeBack(t *testing.T) {
	var id *string // of the definition that before makes
	(&kept[cloudwatchlogs.PutQueryDefinitionInput]{
		variants: func() []*cloudwatchlogs.PutQueryDefinitionInput {
			return []*cloudwatchlogs.PutQueryDefinitionInput{
				{
					Name: ptr("folder/saved"), QueryString: ptr("fields  @message | limit {{n}}"), LogGroupNames: []string{"/b", "/a"},
					Parameters: []types.QueryParameter{{Name: ptr("n"), DefaultValue: ptr("3"), Description: ptr("rows")}}, QueryLanguage: types.QueryLanguageCwli, ClientToken: ptr("0123456789abcdef0123456789abcdef0123"),
				},
				{Name: ptr("folder/saved"), QueryString: ptr("SELECT 1"), QueryLanguage: types.QueryLanguageSql},
				{Name: ptr("folder/saved"), QueryString: ptr("limit 1")},
			}
		},
		other: func() *cloudwatchlogs.PutQueryDefinitionInput {
			return &cloudwatchlogs.PutQueryDefinitionInput{
				Name: ptr("other"), QueryString: ptr("limit 2"), LogGroupNames: []string{"/c"},
				Parameters: []types.QueryParameter{{Name: ptr("m")}}, QueryLanguage: types.QueryLanguagePpl,
			}
		},
		before: func(t *testing.T, c *clients) {
			id = mustGet(c.logs.PutQueryDefinition(t.Context(), &cloudwatchlogs.PutQueryDefinitionInput{Name: ptr("n"), QueryString: ptr("limit 1")}))(t).QueryDefinitionId
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutQueryDefinitionInput) error {
			in.QueryDefinitionId = id
			_, err := c.logs.PutQueryDefinition(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutQueryDefinitionInput) []any {
			d := only(t, mustGet(c.logs.DescribeQueryDefinitions(t.Context(), &cloudwatchlogs.DescribeQueryDefinitionsInput{}))(t).QueryDefinitions)
			in.QueryDefinitionId = nil
			if *d.QueryDefinitionId != *id {
				t.Errorf("ID = %s, want %s", *d.QueryDefinitionId, *id)
			}
			d.QueryDefinitionId = nil // it is another in each sandbox
			return []any{d}
		},
		unset: map[string]string{
			"QueryDefinitionId": "the service makes it; each Put of the test gives it, and it is compared",
		},
		lost:  map[string]string{"ClientToken": "it is of the request and AWS does not return it"},
		fixed: map[string]string{"ClientToken": "it is of the request"},
	}).check(t)
}

const policyText = `{"Version":"2012-10-17", "Statement":[]}`

func TestLogPoliciesComeBack(t *testing.T) {
	t.Run("resource", (&kept[cloudwatchlogs.PutResourcePolicyInput]{
		variants: func() []*cloudwatchlogs.PutResourcePolicyInput {
			return []*cloudwatchlogs.PutResourcePolicyInput{
				{PolicyName: ptr("p"), PolicyDocument: ptr(policyText)},
				{ResourceArn: ptr(logARN + "log-group:/app"), PolicyDocument: ptr(`{ }`)},
			}
		},
		other: func() *cloudwatchlogs.PutResourcePolicyInput {
			return &cloudwatchlogs.PutResourcePolicyInput{PolicyDocument: ptr(`{"Statement":[]}`)}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutResourcePolicyInput) error {
			_, err := c.logs.PutResourcePolicy(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutResourcePolicyInput) []any {
			ask := &cloudwatchlogs.DescribeResourcePoliciesInput{ResourceArn: in.ResourceArn}
			if in.ResourceArn != nil {
				ask.PolicyScope = types.PolicyScopeResource
			}
			p := only(t, mustGet(c.logs.DescribeResourcePolicies(t.Context(), ask))(t).ResourcePolicies)
			p.RevisionId = nil // each Put makes another
			return []any{p}
		},
		unset: map[string]string{"ExpectedRevisionId": "it is a condition of the request, not of the policy"},
		fixed: map[string]string{"PolicyName": identity, "ResourceArn": identity},
	}).check)
	t.Run("index", (&kept[cloudwatchlogs.PutIndexPolicyInput]{
		variants: func() []*cloudwatchlogs.PutIndexPolicyInput {
			return []*cloudwatchlogs.PutIndexPolicyInput{{LogGroupIdentifier: ptr(logARN + "log-group:/app"), PolicyDocument: ptr(`{ "Fields":["b", "a"]}`)}}
		},
		other: func() *cloudwatchlogs.PutIndexPolicyInput {
			return &cloudwatchlogs.PutIndexPolicyInput{LogGroupIdentifier: ptr(logARN + "log-group:/other"), PolicyDocument: ptr(`{"FieldsV2":{"a":{"type":"FACET"}}}`)}
		},
		before: makeGroups,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutIndexPolicyInput) error {
			_, err := c.logs.PutIndexPolicy(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutIndexPolicyInput) []any {
			return []any{only(t, mustGet(c.logs.DescribeIndexPolicies(t.Context(), &cloudwatchlogs.DescribeIndexPoliciesInput{
				LogGroupIdentifiers: []string{*in.LogGroupIdentifier},
			}))(t).IndexPolicies)}
		},
	}).check)
}
