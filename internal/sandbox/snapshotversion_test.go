package sandbox_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// TestFirstSnapshot loads a snapshot that the first version of the format wrote:
// one of each kind of thing that there was then, and its data.
func TestFirstSnapshot(t *testing.T) {
	file, err := os.ReadFile("testdata/snapshot-v1.sandbox")
	if err != nil {
		t.Fatal(err)
	}
	s := sandboxtest.New(t, func(o *sandbox.Options) { o.Clock = clock.NewFrozen(time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)) })
	if err := s.LoadSnapshot(bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	if at := s.Clock().Now(); at.Format("2006-01-02 15:04") != "2026-11-23 06:41" || !s.Clock().Frozen() {
		t.Errorf("the clock is at %v, frozen: %t", at, s.Clock().Frozen())
	}
	got := firstThings(t, clientsIn(t, s), s.Clock().Now())
	want := `group /app 3653 arn:aws:kms:us-east-1:000000000000:key/a map[team:a]
event ERROR one
event two
filter f ERROR
subscription sub
index {"Fields":["route"]}
query q
policy p
table owners
schedule hourly
metric App Errors 1
metric App Latency 6
alarm slow ALARM because map[k:v]
composite all ALARM(slow)
history 2
mute night
detector Average
board {"widgets":[]}
rule r 3
group g fault map[k:v]
policy xp
encryption k
segment aaaaaaaaaaaaaaaa
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func firstThings(t *testing.T, c *clients, now time.Time) string {
	t.Helper()
	var b strings.Builder
	say := func(words ...any) { fmt.Fprintln(&b, words...) }
	firstLogs(t, c, say)
	firstMetrics(t, c, now, say)
	ctx := t.Context()
	for _, r := range mustGet(c.traces.GetSamplingRules(ctx, &xray.GetSamplingRulesInput{}))(t).SamplingRuleRecords[:1] {
		say("rule", *r.SamplingRule.RuleName, r.SamplingRule.ReservoirSize)
	}
	for _, g := range mustGet(c.traces.GetGroups(ctx, &xray.GetGroupsInput{}))(t).Groups {
		if *g.GroupName == "Default" {
			continue
		}
		tags := map[string]string{}
		for _, tag := range mustGet(c.traces.ListTagsForResource(ctx, &xray.ListTagsForResourceInput{ResourceARN: g.GroupARN}))(t).Tags {
			tags[*tag.Key] = *tag.Value
		}
		say("group", *g.GroupName, *g.FilterExpression, tags)
	}
	for _, p := range mustGet(c.traces.ListResourcePolicies(ctx, &xray.ListResourcePoliciesInput{}))(t).ResourcePolicies {
		say("policy", *p.PolicyName)
	}
	say("encryption", *mustGet(c.traces.GetEncryptionConfig(ctx, &xray.GetEncryptionConfigInput{}))(t).EncryptionConfig.KeyId)
	sums := mustGet(c.traces.GetTraceSummaries(ctx, &xray.GetTraceSummariesInput{StartTime: ptr(now.Add(-time.Hour)), EndTime: &now}))(t)
	for _, x := range sums.TraceSummaries {
		for _, tr := range mustGet(c.traces.BatchGetTraces(ctx, &xray.BatchGetTracesInput{TraceIds: []string{*x.Id}}))(t).Traces {
			say("segment", *tr.Segments[0].Id)
		}
	}
	return b.String()
}

func firstLogs(t *testing.T, c *clients, say func(...any)) {
	t.Helper()
	ctx, name := t.Context(), ptr("/app")
	for _, g := range mustGet(c.logs.DescribeLogGroups(ctx, &cwl.DescribeLogGroupsInput{}))(t).LogGroups {
		say("group", *g.LogGroupName, *g.RetentionInDays, *g.KmsKeyId, mustGet(c.logs.ListTagsLogGroup(ctx, &cwl.ListTagsLogGroupInput{LogGroupName: name}))(t).Tags)
	}
	for _, e := range mustGet(c.logs.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: name}))(t).Events {
		say("event", *e.Message)
	}
	for _, f := range mustGet(c.logs.DescribeMetricFilters(ctx, &cwl.DescribeMetricFiltersInput{}))(t).MetricFilters {
		say("filter", *f.FilterName, *f.FilterPattern)
	}
	for _, f := range mustGet(c.logs.DescribeSubscriptionFilters(ctx, &cwl.DescribeSubscriptionFiltersInput{LogGroupName: name}))(t).SubscriptionFilters {
		say("subscription", *f.FilterName)
	}
	for _, p := range mustGet(c.logs.DescribeIndexPolicies(ctx, &cwl.DescribeIndexPoliciesInput{LogGroupIdentifiers: []string{*name}}))(t).IndexPolicies {
		say("index", *p.PolicyDocument)
	}
	for _, q := range mustGet(c.logs.DescribeQueryDefinitions(ctx, &cwl.DescribeQueryDefinitionsInput{}))(t).QueryDefinitions {
		say("query", *q.Name)
	}
	for _, p := range mustGet(c.logs.DescribeResourcePolicies(ctx, &cwl.DescribeResourcePoliciesInput{}))(t).ResourcePolicies {
		say("policy", *p.PolicyName)
	}
	for _, x := range mustGet(c.logs.DescribeLookupTables(ctx, &cwl.DescribeLookupTablesInput{}))(t).LookupTables {
		say("table", *x.LookupTableName)
	}
	for _, q := range mustGet(c.logs.ListScheduledQueries(ctx, &cwl.ListScheduledQueriesInput{}))(t).ScheduledQueries {
		say("schedule", *q.Name)
	}
}

func firstMetrics(t *testing.T, c *clients, now time.Time, say func(...any)) {
	t.Helper()
	ctx := t.Context()
	for _, m := range mustGet(c.metrics.ListMetrics(ctx, &cloudwatch.ListMetricsInput{}))(t).Metrics {
		got := mustGet(c.metrics.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
			Namespace: m.Namespace, MetricName: m.MetricName, Dimensions: m.Dimensions, StartTime: ptr(now.Add(-time.Hour)), EndTime: ptr(now.Add(time.Hour)),
			Period: ptr[int32](7200), Statistics: []cwtypes.Statistic{"Sum"},
		}))(t)
		say("metric", *m.Namespace, *m.MetricName, *only(t, got.Datapoints).Sum)
	}
	alarms := mustGet(c.metrics.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmTypes: []cwtypes.AlarmType{"MetricAlarm", "CompositeAlarm"}}))(t)
	for _, a := range alarms.MetricAlarms {
		tags := map[string]string{}
		for _, tag := range mustGet(c.metrics.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: a.AlarmArn}))(t).Tags {
			tags[*tag.Key] = *tag.Value
		}
		say("alarm", *a.AlarmName, a.StateValue, *a.StateReason, tags)
	}
	for _, a := range alarms.CompositeAlarms {
		say("composite", *a.AlarmName, *a.AlarmRule)
	}
	say("history", len(mustGet(c.metrics.DescribeAlarmHistory(ctx, &cloudwatch.DescribeAlarmHistoryInput{}))(t).AlarmHistoryItems))
	for _, m := range mustGet(c.metrics.ListAlarmMuteRules(ctx, &cloudwatch.ListAlarmMuteRulesInput{}))(t).AlarmMuteRuleSummaries {
		say("mute", (*m.AlarmMuteRuleArn)[strings.LastIndexByte(*m.AlarmMuteRuleArn, ':')+1:])
	}
	for _, d := range mustGet(c.metrics.DescribeAnomalyDetectors(ctx, &cloudwatch.DescribeAnomalyDetectorsInput{}))(t).AnomalyDetectors {
		say("detector", *d.SingleMetricAnomalyDetector.Stat)
	}
	say("board", *mustGet(c.metrics.GetDashboard(ctx, &cloudwatch.GetDashboardInput{DashboardName: ptr("main")}))(t).DashboardBody)
}
