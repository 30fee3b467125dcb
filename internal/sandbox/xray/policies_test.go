package xray_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
	sandboxxray "github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

const policyText = `{"Version":"2012-10-17","Statement":[]}`

func TestResourcePolicies(t *testing.T) {
	s, c := newService(t, sandboxxray.Options{})
	put := func(name, text string, revision *string) error {
		_, err := s.PutResourcePolicy(t.Context(), &xray.PutResourcePolicyInput{PolicyName: &name, PolicyDocument: &text, PolicyRevisionId: revision})
		return err
	}
	list := func() (out []string) {
		l, err := s.ListResourcePolicies(t.Context(), &xray.ListResourcePoliciesInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range l.ResourcePolicies {
			out = append(out, fmt.Sprint(*p.PolicyName, " ", *p.PolicyRevisionId, " ", *p.PolicyDocument == policyText, " ", p.LastUpdatedTime.Sub(noon)))
		}
		return out
	}
	for _, err := range []error{put("b", policyText, nil), put("a", policyText, aws.String("0"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.now = noon.Add(time.Minute)
	if err := put("b", policyText, aws.String("1")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a 1 true 0s", "b 2 true 1m0s"}, list()); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	wantError(t, put("b", policyText, aws.String("1")), "InvalidPolicyRevisionIdException", "latest")
	wantError(t, put("a", policyText, aws.String("0")), "InvalidPolicyRevisionIdException", "latest")
	wantError(t, put("", policyText, nil), "InvalidRequestException", "PolicyName")
	wantError(t, put("x", "{", nil), "MalformedPolicyDocumentException", "JSON")
	wantError(t, put("x", "{}", nil), "MalformedPolicyDocumentException", "Statement")
	wantError(t, put("x", strings.Repeat(" ", 5121), nil), "PolicySizeLimitExceededException", "5120")
	for _, name := range []string{"c", "d", "e"} {
		if err := put(name, policyText, nil); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, put("f", policyText, nil), "PolicyCountLimitExceededException", "5")
	_, err := s.DeleteResourcePolicy(t.Context(), &xray.DeleteResourcePolicyInput{PolicyName: aws.String("b"), PolicyRevisionId: aws.String("1")})
	wantError(t, err, "InvalidPolicyRevisionIdException", "latest")
	_, err = s.DeleteResourcePolicy(t.Context(), &xray.DeleteResourcePolicyInput{})
	wantError(t, err, "InvalidRequestException", "PolicyName")
	if _, err := s.DeleteResourcePolicy(t.Context(), &xray.DeleteResourcePolicyInput{PolicyName: aws.String("b")}); err != nil || len(list()) != 4 {
		t.Errorf("after deletion %v, %v", list(), err)
	}
	s.Reset()
	if got := list(); len(got) != 0 {
		t.Errorf("policies after reset: %v", got)
	}
}

func TestIndexingRuleOverTheWire(t *testing.T) {
	client := xray.NewFromConfig(sandboxtest.Config(sandboxtest.New(t)))
	rule := func() string {
		out, err := client.GetIndexingRules(t.Context(), &xray.GetIndexingRulesInput{})
		if err != nil {
			t.Fatal(err)
		}
		v := out.IndexingRules[0].Rule.(*types.IndexingRuleValueMemberProbabilistic).Value
		return fmt.Sprint(len(out.IndexingRules), " ", *out.IndexingRules[0].Name, " ", *v.DesiredSamplingPercentage, " ", *v.ActualSamplingPercentage)
	}
	if got := rule(); got != "1 Default 1 100" {
		t.Errorf("rule = %s", got)
	}
	update := func(name string, percent float64) error {
		_, err := client.UpdateIndexingRule(t.Context(), &xray.UpdateIndexingRuleInput{Name: &name, Rule: &types.IndexingRuleValueUpdateMemberProbabilistic{
			Value: types.ProbabilisticRuleValueUpdate{DesiredSamplingPercentage: &percent},
		}})
		return err
	}
	if err := update("Default", 30); err != nil {
		t.Fatal(err)
	}
	if got := rule(); got != "1 Default 30 100" {
		t.Errorf("rule = %s", got)
	}
	for text, err := range map[string]error{"no indexing rule": update("x", 1), "between 0 and 100": update("Default", 101)} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error = %v, want %q", err, text)
		}
	}
}

func TestNoInsightsAndNoTransactionSearch(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	out, err := s.GetInsightSummaries(t.Context(), &xray.GetInsightSummariesInput{StartTime: seconds(0), EndTime: seconds(1), GroupName: aws.String("Default")})
	if err != nil || out.InsightSummaries == nil || len(out.InsightSummaries) != 0 {
		t.Errorf("insights = %+v, %v", out, err)
	}
	for text, in := range map[string]*xray.GetInsightSummariesInput{
		"required":        {GroupName: aws.String("Default")},
		"GroupName":       {StartTime: seconds(0), EndTime: seconds(1)},
		`no group "none"`: {StartTime: seconds(0), EndTime: seconds(1), GroupName: aws.String("none")},
	} {
		_, err := s.GetInsightSummaries(t.Context(), in)
		wantError(t, err, "InvalidRequestException", text)
	}
	_, err = s.GetInsight(t.Context(), &xray.GetInsightInput{InsightId: aws.String("i")})
	wantError(t, err, "InvalidRequestException", `no insight "i"`)
	_, err = s.UpdateTraceSegmentDestination(t.Context(), &xray.UpdateTraceSegmentDestinationInput{Destination: types.TraceSegmentDestinationCloudWatchLogs})
	wantError(t, err, "InvalidRequestException", "no Transaction Search")
	if _, err := s.UpdateTraceSegmentDestination(t.Context(), &xray.UpdateTraceSegmentDestinationInput{Destination: types.TraceSegmentDestinationXRay}); err != nil {
		t.Error(err)
	}
}
