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

	sandboxxray "github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

func samplingRule(name string, priority int32) *types.SamplingRule {
	star := aws.String("*")
	return &types.SamplingRule{
		RuleName: &name, Priority: &priority, FixedRate: 0.1, ReservoirSize: 10, Version: aws.Int32(1),
		ServiceName: star, ServiceType: star, Host: star, HTTPMethod: star, URLPath: star, ResourceARN: star,
		Attributes: map[string]string{"k": "v*"},
	}
}

func ruleLines(t testing.TB, s *sandboxxray.Service) []string {
	t.Helper()
	out, err := s.GetSamplingRules(t.Context(), &xray.GetSamplingRulesInput{})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range out.SamplingRuleRecords {
		lines = append(lines, ruleLine(r))
	}
	return lines
}

func ruleLine(r types.SamplingRuleRecord) string {
	x := r.SamplingRule
	return fmt.Sprint(*x.RuleName, " ", *x.RuleARN, " ", *x.Priority, " ", x.FixedRate, " ", x.ReservoirSize, " ", *x.ServiceName, " ", *x.HTTPMethod, " ",
		*x.Version, " ", x.Attributes, " ", r.CreatedAt.Sub(noon), " ", r.ModifiedAt.Sub(noon))
}

func TestSamplingRules(t *testing.T) {
	s, c := newService(t, sandboxxray.Options{})
	const def = "Default arn:aws:xray:us-east-1:000000000000:sampling-rule/Default 10000 0.05 1 * * 1 map[] 0s "
	if diff := cmp.Diff([]string{def + "0s"}, ruleLines(t, s)); diff != "" {
		t.Errorf("rules at first (-want +got):\n%s", diff)
	}
	c.now = c.now.Add(time.Minute)
	for name, priority := range map[string]int32{"b": 20, "a": 30} {
		if _, err := s.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: samplingRule(name, priority)}); err != nil {
			t.Fatal(err)
		}
	}
	c.now = c.now.Add(time.Minute)
	arn := aws.String("arn:aws:xray:us-east-1:000000000000:sampling-rule/a")
	for _, u := range []*types.SamplingRuleUpdate{
		{RuleARN: arn, Priority: aws.Int32(5), FixedRate: aws.Float64(0), HTTPMethod: aws.String("GET"), Attributes: map[string]string{}},
		{RuleName: aws.String("Default"), FixedRate: aws.Float64(0.5), ReservoirSize: aws.Int32(7)},
	} {
		if _, err := s.UpdateSamplingRule(t.Context(), &xray.UpdateSamplingRuleInput{SamplingRuleUpdate: u}); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"a arn:aws:xray:us-east-1:000000000000:sampling-rule/a 5 0 10 * GET 1 map[] 1m0s 2m0s",
		"b arn:aws:xray:us-east-1:000000000000:sampling-rule/b 20 0.1 10 * * 1 map[k:v*] 1m0s 1m0s",
		strings.Replace(def, "0.05 1", "0.5 7", 1) + "2m0s",
	}
	if diff := cmp.Diff(want, ruleLines(t, s)); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	gone, err := s.DeleteSamplingRule(t.Context(), &xray.DeleteSamplingRuleInput{RuleARN: arn})
	if err != nil {
		t.Fatal(err)
	}
	if got := ruleLine(*gone.SamplingRuleRecord); got != want[0] {
		t.Errorf("deleted rule = %s, want %s", got, want[0])
	}
	if diff := cmp.Diff(want[1:], ruleLines(t, s)); diff != "" {
		t.Errorf("rules after deletion (-want +got):\n%s", diff)
	}
}

// The X-Ray SDK for Node ignores a rule that has no attributes at all.
func TestSamplingRuleWithoutAttributes(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	rule := samplingRule("plain", 1)
	rule.Attributes = nil
	if _, err := s.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: rule}); err != nil {
		t.Fatal(err)
	}
	out, err := s.GetSamplingRules(t.Context(), &xray.GetSamplingRulesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range out.SamplingRuleRecords {
		if r.SamplingRule.Attributes == nil {
			t.Errorf("rule %s has no attributes, want an empty map", *r.SamplingRule.RuleName)
		}
	}
}

func TestSamplingRuleErrors(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	for text, change := range map[string]func(*types.SamplingRule){
		"RuleName and no RuleARN": func(r *types.SamplingRule) { r.RuleName = nil },
		"Version":                 func(r *types.SamplingRule) { r.Version = nil },
		"Host is missing":         func(r *types.SamplingRule) { r.Host = nil },
		"URLPath must":            func(r *types.SamplingRule) { r.URLPath = aws.String(strings.Repeat("x", 129)) },
		"at least one":            func(r *types.SamplingRule) { r.RuleName = aws.String("") },
		"Priority":                func(r *types.SamplingRule) { r.Priority = aws.Int32(10000) },
		"FixedRate":               func(r *types.SamplingRule) { r.FixedRate = 1.5 },
		"ReservoirSize":           func(r *types.SamplingRule) { r.ReservoirSize = -1 },
		"at most 5 attributes": func(r *types.SamplingRule) {
			r.Attributes = map[string]string{"1": "", "2": "", "3": "", "4": "", "5": "", "6": ""}
		},
		"at most 32 characters": func(r *types.SamplingRule) { r.Attributes = map[string]string{"k": strings.Repeat("v", 33)} },
		"exists already":        func(r *types.SamplingRule) { r.RuleName = aws.String("Default"); r.Priority = aws.Int32(1) },
	} {
		r := samplingRule("r", 1)
		change(r)
		_, err := s.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: r})
		wantError(t, err, "InvalidRequestException", text)
	}
	for i := range 25 {
		if _, err := s.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: samplingRule(fmt.Sprint(i), 1)}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: samplingRule("more", 1)})
	wantError(t, err, "RuleLimitExceededException", "25")
	_, err = s.UpdateSamplingRule(t.Context(), &xray.UpdateSamplingRuleInput{SamplingRuleUpdate: &types.SamplingRuleUpdate{RuleName: aws.String("Default"), Priority: aws.Int32(3)}})
	wantError(t, err, "InvalidRequestException", "only FixedRate and ReservoirSize")
	_, err = s.UpdateSamplingRule(t.Context(), &xray.UpdateSamplingRuleInput{SamplingRuleUpdate: &types.SamplingRuleUpdate{RuleName: aws.String("3"), FixedRate: aws.Float64(2)}})
	wantError(t, err, "InvalidRequestException", "FixedRate")
	_, err = s.DeleteSamplingRule(t.Context(), &xray.DeleteSamplingRuleInput{RuleName: aws.String("Default")})
	wantError(t, err, "InvalidRequestException", "cannot be deleted")
	_, err = s.DeleteSamplingRule(t.Context(), &xray.DeleteSamplingRuleInput{RuleName: aws.String("none")})
	wantError(t, err, "InvalidRequestException", "no sampling rule")
	_, err = s.DeleteSamplingRule(t.Context(), &xray.DeleteSamplingRuleInput{})
	wantError(t, err, "InvalidRequestException", "either RuleName or RuleARN")
}

func clientID(digit string) string { return strings.Repeat(digit, 24) }

func report(t testing.TB, s *sandboxxray.Service, rule, client string) *xray.GetSamplingTargetsOutput {
	t.Helper()
	out, err := s.GetSamplingTargets(t.Context(), &xray.GetSamplingTargetsInput{SamplingStatisticsDocuments: []types.SamplingStatisticsDocument{{
		RuleName: &rule, ClientID: &client, Timestamp: &noon, RequestCount: 100, SampledCount: 6, BorrowCount: 1,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSamplingTargets(t *testing.T) {
	s, c := newService(t, sandboxxray.Options{})
	if _, err := s.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: samplingRule("r", 1)}); err != nil {
		t.Fatal(err)
	}
	quotas := func(clients ...string) (out []int32) {
		for _, client := range clients {
			report(t, s, "r", clientID(client))
		}
		for _, client := range clients {
			d := report(t, s, "r", clientID(client)).SamplingTargetDocuments[0]
			if *d.RuleName != "r" || d.FixedRate != 0.1 || *d.Interval != 10 || !d.ReservoirQuotaTTL.Equal(c.now.Add(5*time.Minute)) {
				t.Errorf("target = %+v", d)
			}
			out = append(out, *d.ReservoirQuota)
		}
		return out
	}
	for _, step := range []struct {
		after   time.Duration
		clients []string
		want    []int32
	}{
		{0, []string{"a"}, []int32{10}},
		{time.Second, []string{"b", "c"}, []int32{3, 3}}, // a has the tenth
		{time.Second, []string{"a", "b", "c"}, []int32{4, 3, 3}},
		{31 * time.Second, []string{"b", "c"}, []int32{5, 5}}, // a is gone
		{31 * time.Second, []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c"}, []int32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0}},
	} {
		c.now = c.now.Add(step.after)
		if diff := cmp.Diff(step.want, quotas(step.clients...)); diff != "" {
			t.Errorf("quotas of %v (-want +got):\n%s", step.clients, diff)
		}
	}
	out, err := s.GetSamplingStatisticSummaries(t.Context(), &xray.GetSamplingStatisticSummariesInput{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range out.SamplingStatisticSummaries {
		got = append(got, fmt.Sprint(*u.RuleName, " ", u.Timestamp.Sub(noon), " ", u.RequestCount, " ", u.SampledCount, " ", u.BorrowCount))
	}
	if diff := cmp.Diff([]string{"r 0s 1600 96 16", "r 1m0s 2400 144 24"}, got); diff != "" {
		t.Errorf("statistics (-want +got):\n%s", diff)
	}
}

func TestLastRuleModification(t *testing.T) {
	s, c := newService(t, sandboxxray.Options{})
	if got := report(t, s, "Default", clientID("a")); !got.LastRuleModification.Equal(noon) || *got.SamplingTargetDocuments[0].ReservoirQuota != 1 {
		t.Errorf("target of the default rule = %+v", got)
	}
	c.now = noon.Add(time.Hour)
	if _, err := s.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: samplingRule("r", 1)}); err != nil {
		t.Fatal(err)
	}
	if got := report(t, s, "Default", clientID("a")).LastRuleModification; !got.Equal(c.now) {
		t.Errorf("last modification = %v, want %v", got, c.now)
	}
}

func TestSamplingTargetErrors(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	ok := types.SamplingStatisticsDocument{RuleName: aws.String("Default"), ClientID: aws.String(clientID("a")), Timestamp: &noon}
	docs := []types.SamplingStatisticsDocument{ok, ok, ok, ok, ok}
	docs[1].RuleName, docs[2].ClientID, docs[3].Timestamp, docs[4].RequestCount = aws.String("none"), aws.String("short"), nil, -1
	out, err := s.GetSamplingTargets(t.Context(), &xray.GetSamplingTargetsInput{
		SamplingStatisticsDocuments:      docs,
		SamplingBoostStatisticsDocuments: []types.SamplingBoostStatisticsDocument{{RuleName: aws.String("Default")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range out.UnprocessedStatistics {
		got = append(got, *u.RuleName+" "+*u.ErrorCode)
	}
	want := []string{"none RuleNotFound", "Default InvalidClientId", "Default InvalidTimestamp", "Default InvalidCount"}
	if diff := cmp.Diff(want, got); diff != "" || len(out.SamplingTargetDocuments) != 1 || len(out.UnprocessedBoostStatistics) != 1 {
		t.Errorf("%d targets, unprocessed (-want +got):\n%s", len(out.SamplingTargetDocuments), diff)
	}
	_, err = s.GetSamplingTargets(t.Context(), &xray.GetSamplingTargetsInput{SamplingStatisticsDocuments: make([]types.SamplingStatisticsDocument, 26)})
	wantError(t, err, "InvalidRequestException", "26 documents exceed 25")
	_, err = s.GetSamplingTargets(t.Context(), &xray.GetSamplingTargetsInput{})
	wantError(t, err, "InvalidRequestException", "missing")
}
