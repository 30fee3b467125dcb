package sandbox_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

func TestDeliverySourcesComeBack(t *testing.T) {
	(&kept[cloudwatchlogs.PutDeliverySourceInput]{
		variants: func() []*cloudwatchlogs.PutDeliverySourceInput {
			arn := ptr("arn:aws:cloudfront::000000000000:distribution/a")
			return []*cloudwatchlogs.PutDeliverySourceInput{
				{Name: ptr("s"), LogType: ptr("ACCESS_LOGS"), ResourceArn: arn, DeliverySourceConfiguration: map[string]string{"a": "b"}, Tags: map[string]string{"k": "v"}},
				{Name: ptr("s"), LogType: ptr("ACCESS_LOGS"), ResourceArn: arn, Tags: map[string]string{"k": "v"}},
			}
		},
		other: func() *cloudwatchlogs.PutDeliverySourceInput {
			return &cloudwatchlogs.PutDeliverySourceInput{
				Name: ptr("t"), LogType: ptr("EVENT_LOGS"), ResourceArn: ptr("arn:aws:bedrock:us-east-1:000000000000:x/b"), DeliverySourceConfiguration: map[string]string{"c": "d"},
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutDeliverySourceInput) error {
			_, err := c.logs.PutDeliverySource(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutDeliverySourceInput) []any {
			d := mustGet(c.logs.GetDeliverySource(t.Context(), &cloudwatchlogs.GetDeliverySourceInput{Name: in.Name}))(t).DeliverySource
			return []any{d, struct{ ResourceArn string }{only(t, d.ResourceArns)}, logTags(t, c, d.Arn)}
		},
		fixed: map[string]string{"Tags": keptTags},
	}).check(t)
}

func makeDestination(name string) *cloudwatchlogs.PutDeliveryDestinationInput {
	return &cloudwatchlogs.PutDeliveryDestinationInput{
		Name: &name, OutputFormat: types.OutputFormatJson, RoleArn: ptr("arn:aws:iam::000000000000:role/a"), Tags: map[string]string{"k": "v"},
		DeliveryDestinationConfiguration: &types.DeliveryDestinationConfiguration{DestinationResourceArn: ptr("arn:aws:s3:::bucket")},
		DeliveryDestinationType:          types.DeliveryDestinationTypeS3,
	}
}

func TestDeliveryDestinationsComeBack(t *testing.T) {
	t.Run("destination", (&kept[cloudwatchlogs.PutDeliveryDestinationInput]{
		variants: func() []*cloudwatchlogs.PutDeliveryDestinationInput {
			bare := &cloudwatchlogs.PutDeliveryDestinationInput{
				Name: ptr("d"), DeliveryDestinationConfiguration: makeDestination("d").DeliveryDestinationConfiguration, Tags: map[string]string{"k": "v"},
			}
			return []*cloudwatchlogs.PutDeliveryDestinationInput{makeDestination("d"), bare}
		},
		other: func() *cloudwatchlogs.PutDeliveryDestinationInput {
			return &cloudwatchlogs.PutDeliveryDestinationInput{
				Name: ptr("e"), OutputFormat: types.OutputFormatPlain, RoleArn: ptr("arn:aws:iam::000000000000:role/b"), DeliveryDestinationType: types.DeliveryDestinationTypeCwl,
				DeliveryDestinationConfiguration: &types.DeliveryDestinationConfiguration{DestinationResourceArn: ptr(groupARN)},
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutDeliveryDestinationInput) error {
			_, err := c.logs.PutDeliveryDestination(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutDeliveryDestinationInput) []any {
			return []any{mustGet(c.logs.GetDeliveryDestination(t.Context(), &cloudwatchlogs.GetDeliveryDestinationInput{Name: in.Name}))(t).DeliveryDestination}
		},
		fixed: map[string]string{"Tags": keptTags},
	}).check)
	t.Run("policy", (&kept[cloudwatchlogs.PutDeliveryDestinationPolicyInput]{
		variants: func() []*cloudwatchlogs.PutDeliveryDestinationPolicyInput {
			return []*cloudwatchlogs.PutDeliveryDestinationPolicyInput{{DeliveryDestinationName: ptr("d"), DeliveryDestinationPolicy: ptr(policyText)}}
		},
		other: func() *cloudwatchlogs.PutDeliveryDestinationPolicyInput {
			return &cloudwatchlogs.PutDeliveryDestinationPolicyInput{DeliveryDestinationPolicy: ptr(`{"Statement":[]}`)}
		},
		before: func(t *testing.T, c *clients) {
			mustGet(c.logs.PutDeliveryDestination(t.Context(), makeDestination("d")))(t)
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.PutDeliveryDestinationPolicyInput) error {
			_, err := c.logs.PutDeliveryDestinationPolicy(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatchlogs.PutDeliveryDestinationPolicyInput) []any {
			p := mustGet(c.logs.GetDeliveryDestinationPolicy(t.Context(), &cloudwatchlogs.GetDeliveryDestinationPolicyInput{DeliveryDestinationName: in.DeliveryDestinationName}))(t)
			return []any{p.Policy, struct{ DeliveryDestinationName *string }{in.DeliveryDestinationName}}
		},
		fixed: map[string]string{"DeliveryDestinationName": identity},
	}).check)
}

func TestDeliveriesComeBack(t *testing.T) {
	to := func(name string) *string { return ptr(logARN + "delivery-destination:" + name) }
	ends := func(t *testing.T, c *clients) {
		for _, name := range []string{"s", "t"} {
			mustGet(c.logs.PutDeliverySource(t.Context(), &cloudwatchlogs.PutDeliverySourceInput{
				Name: &name, LogType: ptr("ACCESS_LOGS"), ResourceArn: ptr("arn:aws:cloudfront::000000000000:distribution/a"),
			}))(t)
			mustGet(c.logs.PutDeliveryDestination(t.Context(), makeDestination(name)))(t)
		}
	}
	get := func(t *testing.T, c *clients) []any {
		d := only(t, mustGet(c.logs.DescribeDeliveries(t.Context(), &cloudwatchlogs.DescribeDeliveriesInput{}))(t).Deliveries)
		one := mustGet(c.logs.GetDelivery(t.Context(), &cloudwatchlogs.GetDeliveryInput{Id: d.Id}))(t).Delivery
		one.Id, one.Arn = nil, nil // each Create makes others
		return []any{one}
	}
	create := func() *cloudwatchlogs.CreateDeliveryInput {
		return &cloudwatchlogs.CreateDeliveryInput{
			DeliverySourceName: ptr("s"), DeliveryDestinationArn: to("s"), FieldDelimiter: ptr(";"), RecordFields: []string{"date", "time"},
			S3DeliveryConfiguration: &types.S3DeliveryConfiguration{EnableHiveCompatiblePath: ptr(true), SuffixPath: ptr("{yyyy}")}, Tags: map[string]string{"k": "v"},
		}
	}
	t.Run("create", (&kept[cloudwatchlogs.CreateDeliveryInput]{
		variants: func() []*cloudwatchlogs.CreateDeliveryInput {
			return []*cloudwatchlogs.CreateDeliveryInput{create(), {DeliverySourceName: ptr("s"), DeliveryDestinationArn: to("s")}}
		},
		other: func() *cloudwatchlogs.CreateDeliveryInput {
			return &cloudwatchlogs.CreateDeliveryInput{
				DeliverySourceName: ptr("t"), DeliveryDestinationArn: to("t"), FieldDelimiter: ptr(","), RecordFields: []string{"date"},
				S3DeliveryConfiguration: &types.S3DeliveryConfiguration{SuffixPath: ptr("x")}, Tags: map[string]string{"l": "w"},
			}
		},
		before: ends,
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.CreateDeliveryInput) error {
			for _, d := range mustGet(c.logs.DescribeDeliveries(t.Context(), &cloudwatchlogs.DescribeDeliveriesInput{}))(t).Deliveries {
				mustGet(c.logs.DeleteDelivery(t.Context(), &cloudwatchlogs.DeleteDeliveryInput{Id: d.Id}))(t)
			}
			_, err := c.logs.CreateDelivery(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, _ *cloudwatchlogs.CreateDeliveryInput) []any { return get(t, c) },
	}).check)
	var id *string
	t.Run("update", (&kept[cloudwatchlogs.UpdateDeliveryConfigurationInput]{
		variants: func() []*cloudwatchlogs.UpdateDeliveryConfigurationInput {
			return []*cloudwatchlogs.UpdateDeliveryConfigurationInput{{
				FieldDelimiter: ptr("|"), RecordFields: []string{"a"}, S3DeliveryConfiguration: &types.S3DeliveryConfiguration{EnableHiveCompatiblePath: ptr(false), SuffixPath: ptr("z")},
			}}
		},
		other: func() *cloudwatchlogs.UpdateDeliveryConfigurationInput {
			return &cloudwatchlogs.UpdateDeliveryConfigurationInput{
				FieldDelimiter: ptr(""), RecordFields: []string{"b", "a"}, S3DeliveryConfiguration: &types.S3DeliveryConfiguration{SuffixPath: ptr("y")},
			}
		},
		before: func(t *testing.T, c *clients) {
			ends(t, c)
			id = mustGet(c.logs.CreateDelivery(t.Context(), create()))(t).Delivery.Id
		},
		put: func(t *testing.T, c *clients, in *cloudwatchlogs.UpdateDeliveryConfigurationInput) error {
			given := *in
			given.Id = id
			_, err := c.logs.UpdateDeliveryConfiguration(t.Context(), &given)
			return err
		},
		get: func(t *testing.T, c *clients, _ *cloudwatchlogs.UpdateDeliveryConfigurationInput) []any {
			return get(t, c)
		},
		unset:  map[string]string{"Id": "the service makes it; each Put of the test gives it"},
		merges: true,
	}).check)
}

func TestInsightRulesComeBack(t *testing.T) {
	type rule struct {
		RuleName, RuleDefinition, RuleState string
		ApplyOnTransformedLogs              *bool
	}
	(&kept[cloudwatch.PutInsightRuleInput]{
		variants: func() []*cloudwatch.PutInsightRuleInput {
			tags := []cwtypes.Tag{{Key: ptr("k"), Value: ptr("v")}}
			return []*cloudwatch.PutInsightRuleInput{
				{
					RuleName: ptr("r"), RuleDefinition: ptr(`{"Schema":{"Name":"CloudWatchLogRule","Version":1}, "LogFormat":"JSON"}`), RuleState: ptr("DISABLED"),
					ApplyOnTransformedLogs: ptr(true), Tags: tags,
				},
				{RuleName: ptr("r"), RuleDefinition: ptr(`{"Schema":{"Name":"CloudWatchLogRule","Version":1}}`), Tags: tags},
			}
		},
		other: func() *cloudwatch.PutInsightRuleInput {
			return &cloudwatch.PutInsightRuleInput{
				RuleName: ptr("s"), RuleDefinition: ptr(`{"Schema":{"Name":"Other","Version":1}}`), RuleState: ptr("ENABLED"), ApplyOnTransformedLogs: ptr(false),
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatch.PutInsightRuleInput) error {
			_, err := c.metrics.PutInsightRule(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatch.PutInsightRuleInput) []any {
			for _, r := range mustGet(c.metrics.DescribeInsightRules(t.Context(), &cloudwatch.DescribeInsightRulesInput{}))(t).InsightRules {
				if *r.Name == *in.RuleName {
					return []any{rule{*r.Name, *r.Definition, *r.State, r.ApplyOnTransformedLogs}, tagsOf(t, c, ptr("arn:aws:cloudwatch:us-east-1:000000000000:insight-rule/"+*r.Name))}
				}
			}
			t.Fatalf("there is no rule %s", *in.RuleName)
			return nil
		},
		fixed: map[string]string{"Tags": keptTags},
	}).check(t)
}

func TestMetricStreamsComeBack(t *testing.T) {
	(&kept[cloudwatch.PutMetricStreamInput]{
		variants: func() []*cloudwatch.PutMetricStreamInput {
			put := func() *cloudwatch.PutMetricStreamInput {
				return &cloudwatch.PutMetricStreamInput{
					Name: ptr("m"), FirehoseArn: ptr("arn:aws:firehose:us-east-1:000000000000:deliverystream/d"), RoleArn: ptr("arn:aws:iam::000000000000:role/r"),
					OutputFormat: cwtypes.MetricStreamOutputFormatJson, Tags: []cwtypes.Tag{{Key: ptr("k"), Value: ptr("v")}},
				}
			}
			full, rest := put(), put()
			filters := []cwtypes.MetricStreamFilter{{Namespace: ptr("App"), MetricNames: []string{"a", "b"}}}
			full.IncludeFilters, full.IncludeLinkedAccountsMetrics = filters, ptr(true)
			full.StatisticsConfigurations = []cwtypes.MetricStreamStatisticsConfiguration{{
				AdditionalStatistics: []string{"p99"}, IncludeMetrics: []cwtypes.MetricStreamStatisticsMetric{{MetricName: ptr("a"), Namespace: ptr("App")}},
			}}
			rest.ExcludeFilters = filters
			return []*cloudwatch.PutMetricStreamInput{full, rest}
		},
		other: func() *cloudwatch.PutMetricStreamInput {
			return &cloudwatch.PutMetricStreamInput{
				Name: ptr("n"), FirehoseArn: ptr("arn:aws:firehose:us-east-1:000000000000:deliverystream/e"), RoleArn: ptr("arn:aws:iam::000000000000:role/s"),
				OutputFormat: cwtypes.MetricStreamOutputFormatOpenTelemetry10, IncludeFilters: []cwtypes.MetricStreamFilter{{Namespace: ptr("Web")}},
				IncludeLinkedAccountsMetrics: ptr(false),
				StatisticsConfigurations: []cwtypes.MetricStreamStatisticsConfiguration{{
					AdditionalStatistics: []string{"p90"}, IncludeMetrics: []cwtypes.MetricStreamStatisticsMetric{{MetricName: ptr("b"), Namespace: ptr("Web")}},
				}},
			}
		},
		put: func(t *testing.T, c *clients, in *cloudwatch.PutMetricStreamInput) error {
			_, err := c.metrics.PutMetricStream(t.Context(), in)
			return err
		},
		get: func(t *testing.T, c *clients, in *cloudwatch.PutMetricStreamInput) []any {
			m := mustGet(c.metrics.GetMetricStream(t.Context(), &cloudwatch.GetMetricStreamInput{Name: in.Name}))(t)
			return []any{m, tagsOf(t, c, m.Arn)}
		},
		fixed: map[string]string{"Tags": keptTags},
	}).check(t)
}
