package xray_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// TestOverTheWire reads with the SDK's client what was sent with it.
func TestOverTheWire(t *testing.T) {
	client := xray.NewFromConfig(sandboxtest.Config(sandboxtest.New(t)))
	put, err := client.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{
		TraceSegmentDocuments: append(shop("1", 0), `{"id":"aaaaaaaaaaaaaaaa","name":"x"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(put.UnprocessedTraceSegments) != 1 || *put.UnprocessedTraceSegments[0].Id != "aaaaaaaaaaaaaaaa" {
		t.Errorf("unprocessed = %+v", put.UnprocessedTraceSegments)
	}

	list, err := client.GetTraceSummaries(t.Context(), &xray.GetTraceSummariesInput{
		StartTime: seconds(-60), EndTime: seconds(60), FilterExpression: aws.String(`fault AND service("payments")`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.TraceSummaries) != 1 {
		t.Fatalf("%d summaries, want 1", len(list.TraceSummaries))
	}
	sum := list.TraceSummaries[0]
	want := []string{`card="visa" payments`, `retries=2 orders`, `tenant="a" orders payments`, `vip=true orders`}
	if diff := cmp.Diff(want, annotations(t, sum)); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if !sum.StartTime.Equal(noon) || *sum.Duration != 1.84 || *sum.Http.HttpStatus != 500 {
		t.Errorf("summary = %+v", sum)
	}

	traces, err := client.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{*sum.Id}})
	if err != nil {
		t.Fatal(err)
	}
	wantShape := []string{"orders(pay.internal cart validate)", "payments(DynamoDB DynamoDB card gateway)", "cart", "~tokens", "~tokens", "~card gateway"}
	if diff := cmp.Diff(wantShape, shape(t, traces.Traces[0])); diff != "" {
		t.Errorf("trace (-want +got):\n%s", diff)
	}

	g, err := client.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: seconds(-60), EndTime: seconds(60)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(oneShop, describe(g.Services)); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
}

func TestErrorsOverTheWire(t *testing.T) {
	client := xray.NewFromConfig(sandboxtest.Config(sandboxtest.New(t)))
	_, err := client.GetTraceSummaries(t.Context(), &xray.GetTraceSummariesInput{StartTime: seconds(0), EndTime: seconds(1), FilterExpression: aws.String("fault faulty")})
	if e, ok := errors.AsType[*types.InvalidRequestException](err); !ok || !strings.Contains(e.ErrorMessage(), "position 7") {
		t.Errorf("error = %v, want InvalidRequestException with the position", err)
	}
	_, err = client.ListTagsForResource(t.Context(), &xray.ListTagsForResourceInput{ResourceARN: aws.String("arn:aws:xray:x")})
	e, ok := errors.AsType[*types.ResourceNotFoundException](err)
	if !ok || aws.ToString(e.ResourceName) != "arn:aws:xray:x" {
		t.Errorf("error = %v, want ResourceNotFoundException of the resource", err)
	}
	if r, ok := errors.AsType[*awshttp.ResponseError](err); !ok || r.HTTPStatusCode() != http.StatusNotFound {
		t.Errorf("error = %v, want status 404", err)
	}
}

func TestSamplingOverTheWire(t *testing.T) {
	client := xray.NewFromConfig(sandboxtest.Config(sandboxtest.New(t)))
	if _, err := client.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: samplingRule("r", 7)}); err != nil {
		t.Fatal(err)
	}
	rules, err := client.GetSamplingRules(t.Context(), &xray.GetSamplingRulesInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(rules.SamplingRuleRecords) != 2 || *rules.SamplingRuleRecords[0].SamplingRule.RuleName != "r" || *rules.SamplingRuleRecords[1].SamplingRule.Priority != 10000 {
		t.Errorf("rules = %+v", rules.SamplingRuleRecords)
	}
	targets, err := client.GetSamplingTargets(t.Context(), &xray.GetSamplingTargetsInput{SamplingStatisticsDocuments: []types.SamplingStatisticsDocument{
		{RuleName: aws.String("r"), ClientID: aws.String(clientID("a")), Timestamp: &noon, RequestCount: 5},
	}})
	if err != nil {
		t.Fatal(err)
	}
	d := targets.SamplingTargetDocuments
	if len(d) != 1 || *d[0].ReservoirQuota != 10 || !d[0].ReservoirQuotaTTL.After(*targets.LastRuleModification) {
		t.Errorf("targets = %+v", d)
	}
}
