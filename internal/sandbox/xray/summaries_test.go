package xray_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	sandboxxray "github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

func summaries(t testing.TB, s *sandboxxray.Service, in *xray.GetTraceSummariesInput) *xray.GetTraceSummariesOutput {
	t.Helper()
	if in.StartTime == nil {
		in.StartTime, in.EndTime = seconds(0), seconds(3600)
	}
	out, err := s.GetTraceSummaries(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTraceSummary(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	put(t, s, shop("1", 0)...)
	out := summaries(t, s, &xray.GetTraceSummariesInput{})
	if len(out.TraceSummaries) != 1 || *out.TracesProcessedCount != 1 || out.NextToken != nil {
		t.Fatalf("%d summaries of %d traces", len(out.TraceSummaries), *out.TracesProcessedCount)
	}
	sum := out.TraceSummaries[0]
	got := map[string]any{
		"id": *sum.Id, "duration": *sum.Duration, "response": *sum.ResponseTime, "fault": *sum.HasFault, "error": *sum.HasError,
		"throttle": *sum.HasThrottle, "partial": *sum.IsPartial, "start": sum.StartTime.Equal(noon), "revision": sum.Revision,
		"entry": *sum.EntryPoint.Name + " " + *sum.EntryPoint.Type + " " + *sum.EntryPoint.AccountId,
		"user":  *sum.Users[0].UserName + " of " + serviceNames(sum.Users[0].ServiceIds), "users": len(sum.Users),
		"services": serviceNames(sum.ServiceIds), "zone": *sum.AvailabilityZones[0].Name, "instance": *sum.InstanceIds[0].Id, "arn": *sum.ResourceARNs[0].ARN,
		"http":        fmt.Sprint(*sum.Http.HttpMethod, " ", *sum.Http.HttpURL, " ", *sum.Http.HttpStatus, " ", *sum.Http.UserAgent, " ", *sum.Http.ClientIp),
		"annotations": annotations(t, sum),
	}
	want := map[string]any{
		"id": traceID("1"), "duration": 1.84, "response": 1.84, "fault": true, "error": false, "throttle": false, "partial": false, "start": true, "revision": int32(3),
		"entry": "orders AWS::ECS::Fargate 000000000000", "user": "ann of orders", "users": 1,
		"services": "orders payments cart tokens card gateway", "zone": "us-east-1a", "instance": "i-01", "arn": "arn:aws:ecs:task/1",
		"http":        "POST http://shop/orders 500 curl/8 10.0.0.9",
		"annotations": []string{`card="visa" payments`, `retries=2 orders`, `tenant="a" orders payments`, `vip=true orders`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func serviceNames(ids []types.ServiceId) string {
	var names []string
	for _, id := range ids {
		names = append(names, *id.Name)
	}
	return strings.Join(names, " ")
}

func annotations(t testing.TB, s types.TraceSummary) []string {
	t.Helper()
	var out []string
	for key, values := range s.Annotations {
		for _, v := range values {
			text, err := json.Marshal(v.AnnotationValue)
			if err != nil {
				t.Fatal(err)
			}
			var value struct{ Value json.RawMessage }
			if err := json.Unmarshal(text, &value); err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprintf("%s=%s %s", key, value.Value, serviceNames(v.ServiceIds)))
		}
	}
	slices.Sort(out)
	return out
}

func TestPartialSummary(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	put(t, s, strings.Replace(span("a", "a", "1", 0, 1, ""), fmt.Sprintf(`"end_time":%.3f`, at(1)), `"in_progress":true`, 1))
	sum := summaries(t, s, &xray.GetTraceSummariesInput{}).TraceSummaries[0]
	if !*sum.IsPartial || sum.ResponseTime != nil || sum.Duration != nil {
		t.Errorf("summary of a trace in progress: partial %v, response time %v, duration %v", *sum.IsPartial, sum.ResponseTime, sum.Duration)
	}
	put(t, s, span("b", "b", "2", 0, 1, `,"type":"subsegment","parent_id":"aaaaaaaaaaaaaaaa"`))
	sum = summaries(t, s, &xray.GetTraceSummariesInput{FilterExpression: aws.String("!partial")}).TraceSummaries[0]
	if *sum.Id != traceID("2") || sum.EntryPoint != nil || *sum.Duration != 1 {
		t.Errorf("summary of an orphan: %+v", sum)
	}
}

func TestFilterExpressions(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	put(t, s, shop("1", 0)...)
	put(t, s, span("cart", "a", "2", 10, 10.1, `,"error":true,"throttle":true`))
	put(t, s, span("cart", "a", "3", 20, 20.2, ""))
	_, err := s.CreateGroup(t.Context(), &xray.CreateGroupInput{GroupName: aws.String("bad"), FilterExpression: aws.String("fault OR error")})
	if err != nil {
		t.Fatal(err)
	}
	for expr, want := range map[string]string{
		"": "321", "fault": "1", "error": "2", "throttle": "2", "ok": "3", "responsetime > 1": "1", "root": "321",
		`service("cart")`: "321", `service("cart") { ok }`: "3", `service("tokens") { throttle }`: "1", `service("cart") { root }`: "32",
		`edge("orders", "payments") { fault }`: "1", `edge("payments", "card gateway")`: "1", `edge(id(type: "client"), "cart")`: "32",
		`annotation.tenant = "a" AND annotation.retries < 3`: "1", `message CONTAINS "timed out"`: "1", `name = "TimeoutError"`: "1",
		`http.status = 500`: "1", `user = "ann"`: "1", "inferred": "1", "partial": "", `instance.id BEGINSWITH "i-"`: "1",
		`group.name = "bad"`: "21", `group.name != "bad"`: "3", `service(id(account.id: "000000000000")) AND ok`: "3",
	} {
		out := summaries(t, s, &xray.GetTraceSummariesInput{FilterExpression: &expr})
		var got strings.Builder
		for _, sum := range out.TraceSummaries {
			got.WriteByte((*sum.Id)[len(*sum.Id)-1])
		}
		if got.String() != want || *out.TracesProcessedCount != 3 {
			t.Errorf("%s finds %q of %d, want %q of 3", expr, got.String(), *out.TracesProcessedCount, want)
		}
	}
}

func TestTimeRangeTypes(t *testing.T) {
	s, c := newService(t, sandboxxray.Options{})
	c.now = noon.Add(1000e9)
	put(t, s, span("a", "a", "1", 100, 200, ""))
	for _, tc := range []struct {
		kind     types.TimeRangeType
		from, to float64
		want     int
	}{
		{"", 90, 110, 1},
		{"", 150, 250, 0},
		{types.TimeRangeTypeTraceId, 100, 100, 1},
		{types.TimeRangeTypeTraceId, 101, 2000, 0},
		{types.TimeRangeTypeService, 90, 110, 0},
		{types.TimeRangeTypeService, 150, 250, 1},
		{types.TimeRangeTypeEvent, 90, 250, 0},
		{types.TimeRangeTypeEvent, 999, 1001, 1},
	} {
		out := summaries(t, s, &xray.GetTraceSummariesInput{StartTime: seconds(tc.from), EndTime: seconds(tc.to), TimeRangeType: tc.kind})
		if got := len(out.TraceSummaries); got != tc.want {
			t.Errorf("%q from %g to %g finds %d, want %d", tc.kind, tc.from, tc.to, got, tc.want)
			continue
		}
		if tc.want == 1 && (out.TraceSummaries[0].MatchedEventTime != nil) != (tc.kind == types.TimeRangeTypeEvent) {
			t.Errorf("%q: MatchedEventTime = %v", tc.kind, out.TraceSummaries[0].MatchedEventTime)
		}
	}
}

func TestSummaryPaging(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	const n = 250
	for i := range n {
		put(t, s, fmt.Sprintf(`{"name":"a","id":"%016x","trace_id":"1-00000000-%024x","start_time":%.3f,"end_time":%.3f}`, i, i, at(float64(i/2)), at(float64(i))))
	}
	seen := map[string]bool{}
	var sizes []int
	last := math.Inf(1)
	in := &xray.GetTraceSummariesInput{FilterExpression: aws.String("!fault")}
	for {
		out := summaries(t, s, in)
		sizes = append(sizes, len(out.TraceSummaries))
		for _, sum := range out.TraceSummaries {
			start := float64(sum.StartTime.Unix())
			if seen[*sum.Id] || start > last {
				t.Fatalf("trace %s comes twice or out of order", *sum.Id)
			}
			seen[*sum.Id], last = true, start
		}
		if out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
		put(t, s, span("new", "a", fmt.Sprintf("%x", len(sizes)), 3000, 3001, "")) // newer than the page
	}
	if diff := cmp.Diff([]int{100, 100, 50}, sizes); diff != "" || len(seen) != n {
		t.Errorf("%d traces in pages of %v", len(seen), sizes)
	}
	_, err := s.GetTraceSummaries(t.Context(), &xray.GetTraceSummariesInput{StartTime: in.StartTime, EndTime: in.EndTime, NextToken: in.NextToken})
	wantError(t, err, "InvalidRequestException", "NextToken")
}

func TestSummarySampling(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	for i := range 400 {
		put(t, s, fmt.Sprintf(`{"name":"a","id":"%016x","trace_id":"1-%08x-%024x","start_time":%.3f,"end_time":%.3f}`, i, i, i, at(0), at(1)))
	}
	count := func(st *types.SamplingStrategy) (n int64) {
		in := &xray.GetTraceSummariesInput{SamplingStrategy: st}
		for {
			out := summaries(t, s, in)
			n += int64(len(out.TraceSummaries))
			if in.NextToken = out.NextToken; in.NextToken == nil {
				return n
			}
		}
	}
	rate := func(v float64) *types.SamplingStrategy {
		return &types.SamplingStrategy{Name: types.SamplingStrategyNameFixedRate, Value: &v}
	}
	if n := count(rate(0.25)); n < 50 || n > 150 {
		t.Errorf("a quarter of 400 traces is %d", n)
	}
	if a, b := count(rate(0)), count(rate(1)); a != 0 || b != 400 {
		t.Errorf("none and all of 400 traces are %d and %d", a, b)
	}
	if n := count(&types.SamplingStrategy{Name: types.SamplingStrategyNamePartialScan}); n != 400 {
		t.Errorf("a partial scan finds %d of 400", n)
	}
}

func TestSummaryErrors(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	for text, in := range map[string]*xray.GetTraceSummariesInput{
		"required":                      {},
		"6 hours":                       {StartTime: seconds(0), EndTime: seconds(21601)},
		"TimeRangeType":                 {StartTime: seconds(0), EndTime: seconds(1), TimeRangeType: "Other"},
		"at position 7":                 {StartTime: seconds(0), EndTime: seconds(1), FilterExpression: aws.String("fault faulty")},
		`"rootcause" is not rootcause`:  {StartTime: seconds(0), EndTime: seconds(1), FilterExpression: aws.String("rootcause = 1")},
		`no group "x"`:                  {StartTime: seconds(0), EndTime: seconds(1), FilterExpression: aws.String(`group.name = "x"`)},
		"SamplingStrategy.Name":         {StartTime: seconds(0), EndTime: seconds(1), SamplingStrategy: &types.SamplingStrategy{Name: "x"}},
		"SamplingStrategy.Value":        {StartTime: seconds(0), EndTime: seconds(1), SamplingStrategy: &types.SamplingStrategy{Name: "FixedRate", Value: aws.Float64(2)}},
		"NextToken does not belong to":  {StartTime: seconds(0), EndTime: seconds(1), NextToken: aws.String("?")},
		"NextToken does not belong to ": {StartTime: seconds(0), EndTime: seconds(1), NextToken: aws.String("YWJj")},
	} {
		_, err := s.GetTraceSummaries(t.Context(), in)
		wantError(t, err, "InvalidRequestException", text)
	}
}
