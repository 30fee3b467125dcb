package sandbox_test

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// TestSubscription reads at a sink what a subscription filter matches.
func TestSubscription(t *testing.T) {
	type message struct {
		MessageType, LogGroup, LogStream string
		SubscriptionFilters              []string
		LogEvents                        []struct{ Message string }
	}
	got := make(chan message, 1)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m message
		z, err := gzip.NewReader(r.Body)
		if err == nil {
			err = json.NewDecoder(z).Decode(&m)
		}
		if err != nil || r.Header.Get("X-Sidelight-Destination") == "" {
			t.Errorf("the sink got %v, %v", r.Header, err)
		}
		got <- m
	}))
	defer sink.Close()
	s := sandboxtest.New(t, func(o *sandbox.Options) { o.Subscriptions = sink.URL })
	logs, ctx, g := cwl.NewFromConfig(sandboxtest.Config(s)), t.Context(), aws.String("/app")
	good(logs.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: g}))(t)
	good(logs.CreateLogStream(ctx, &cwl.CreateLogStreamInput{LogGroupName: g, LogStreamName: aws.String("s")}))(t)
	put := &cwl.PutSubscriptionFilterInput{
		LogGroupName: g, FilterName: aws.String("errors"), FilterPattern: aws.String("ERROR"),
		DestinationArn: aws.String("arn:aws:lambda:us-east-1:000000000000:function:f"), RoleArn: aws.String("arn:aws:iam::000000000000:role/r"), Distribution: types.DistributionRandom,
	}
	good(logs.PutSubscriptionFilter(ctx, put))(t)
	list := good(logs.DescribeSubscriptionFilters(ctx, &cwl.DescribeSubscriptionFiltersInput{LogGroupName: g}))(t).SubscriptionFilters
	if len(list) != 1 || *list[0].RoleArn != *put.RoleArn || list[0].Distribution != put.Distribution || *list[0].FilterPattern != "ERROR" || list[0].CreationTime == nil {
		t.Errorf("the filter comes back as %+v", list)
	}
	now := time.Now().UnixMilli()
	good(logs.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: g, LogStreamName: aws.String("s"), LogEvents: []types.InputLogEvent{
		{Timestamp: &now, Message: aws.String("fine")}, {Timestamp: &now, Message: aws.String("ERROR one")},
	}}))(t)
	m := <-got
	want := message{MessageType: "DATA_MESSAGE", LogGroup: "/app", LogStream: "s", SubscriptionFilters: []string{"errors"}, LogEvents: []struct{ Message string }{{"ERROR one"}}}
	if d := cmp.Diff(want, m); d != "" {
		t.Error(d)
	}
}

// TestPoliciesComeBack: what is put is described, and gone when deleted.
func TestPoliciesComeBack(t *testing.T) {
	logs, ctx, g := cwl.NewFromConfig(sandboxtest.Config(sandboxtest.New(t))), t.Context(), aws.String("/app")
	good(logs.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: g}))(t)
	doc := aws.String(`{"Fields":["requestId","level"]}`)
	good(logs.PutIndexPolicy(ctx, &cwl.PutIndexPolicyInput{LogGroupIdentifier: g, PolicyDocument: doc}))(t)
	index := good(logs.DescribeIndexPolicies(ctx, &cwl.DescribeIndexPoliciesInput{LogGroupIdentifiers: []string{"/app"}}))(t).IndexPolicies
	if len(index) != 1 || *index[0].PolicyDocument != *doc {
		t.Errorf("index policies are %+v", index)
	}
	var fields []string
	for _, f := range good(logs.DescribeFieldIndexes(ctx, &cwl.DescribeFieldIndexesInput{LogGroupIdentifiers: []string{"/app"}}))(t).FieldIndexes {
		fields = append(fields, *f.FieldIndexName)
	}
	if d := cmp.Diff([]string{"level", "requestId"}, fields); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"{}", `{"Fields":[]}`, `{"fields":1}`, "x"} {
		if _, err := logs.PutIndexPolicy(ctx, &cwl.PutIndexPolicyInput{LogGroupIdentifier: g, PolicyDocument: &bad}); err == nil {
			t.Errorf("the index policy %s is taken", bad)
		}
	}
	for _, want := range []string{"1", "2"} {
		put := good(logs.PutResourcePolicy(ctx, &cwl.PutResourcePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(`{"Version":"2012-10-17"}`)}))(t)
		if *put.ResourcePolicy.RevisionId != want {
			t.Errorf("revision is %s, want %s", *put.ResourcePolicy.RevisionId, want)
		}
	}
	if list := good(logs.DescribeResourcePolicies(ctx, &cwl.DescribeResourcePoliciesInput{}))(t).ResourcePolicies; len(list) != 1 || *list[0].PolicyName != "p" {
		t.Errorf("resource policies are %+v", list)
	}
	good(logs.DeleteResourcePolicy(ctx, &cwl.DeleteResourcePolicyInput{PolicyName: aws.String("p")}))(t)
	if _, err := logs.DeleteResourcePolicy(ctx, &cwl.DeleteResourcePolicyInput{PolicyName: aws.String("p")}); err == nil {
		t.Error("a policy is deleted twice")
	}
}

// TestMuteRule: a muted alarm changes its state and tells nobody.
func TestMuteRule(t *testing.T) {
	s := sandboxtest.New(t)
	c, ctx := cloudwatch.NewFromConfig(sandboxtest.Config(s)), t.Context()
	topic := "arn:aws:sns:us-east-1:000000000000:t"
	for _, name := range []string{"muted", "loud"} {
		good(c.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
			AlarmName: &name, Namespace: aws.String("App"), MetricName: aws.String("M"), Statistic: "Sum",
			Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: "GreaterThanThreshold", AlarmActions: []string{topic},
		}))(t)
	}
	put := &cloudwatch.PutAlarmMuteRuleInput{
		Name: aws.String("now"), Description: aws.String("d"), MuteTargets: &cwtypes.MuteTargets{AlarmNames: []string{"muted"}},
		Rule: &cwtypes.Rule{Schedule: &cwtypes.Schedule{Expression: aws.String("cron(* * * * *)"), Duration: aws.String("PT1H"), Timezone: aws.String("Europe/Paris")}},
	}
	good(c.PutAlarmMuteRule(ctx, put))(t)
	got := good(c.GetAlarmMuteRule(ctx, &cloudwatch.GetAlarmMuteRuleInput{AlarmMuteRuleName: put.Name}))(t)
	if got.Status != cwtypes.AlarmMuteRuleStatusActive || *got.Description != "d" || *got.Rule.Schedule.Timezone != "Europe/Paris" || got.MuteTargets.AlarmNames[0] != "muted" {
		t.Errorf("the rule comes back as %+v", got)
	}
	for _, name := range []string{"muted", "loud"} {
		good(c.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{AlarmName: &name, StateValue: "ALARM", StateReason: aws.String("r")}))(t)
	}
	if err := s.Inbox().WaitTotal(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for _, n := range s.Inbox().List() {
		if n.Source != "arn:aws:cloudwatch:us-east-1:000000000000:alarm:loud" {
			t.Errorf("%s has told", n.Source)
		}
	}
	for _, a := range good(c.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{}))(t).MetricAlarms {
		if a.StateValue != cwtypes.StateValueAlarm {
			t.Errorf("%s is in state %s", *a.AlarmName, a.StateValue)
		}
	}
	good(c.DeleteAlarmMuteRule(ctx, &cloudwatch.DeleteAlarmMuteRuleInput{AlarmMuteRuleName: put.Name}))(t)
	if list := good(c.ListAlarmMuteRules(ctx, &cloudwatch.ListAlarmMuteRulesInput{}))(t).AlarmMuteRuleSummaries; len(list) != 0 {
		t.Errorf("rules that are left: %+v", list)
	}
}
