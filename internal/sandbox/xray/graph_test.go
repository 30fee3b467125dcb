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

// shop returns the documents of a request of three services: orders (5xx after
// 1.84 s) calls payments, which calls a card gateway that has no instrumentation
// and reads the table tokens twice, once throttled; orders then asks cart, which
// answers 404.
func shop(trace string, start float64) []string {
	sub := func(name, digit string, from, to float64, more string) string {
		return fmt.Sprintf(`{"name":%q,"id":%q,"start_time":%.3f,"end_time":%.3f%s}`, name, id(digit), at(start+from), at(start+to), more)
	}
	orders := span("orders", "a", trace, start, start+1.84, `,"origin":"AWS::ECS::Fargate","fault":true,"user":"ann",
		"http":{"request":{"method":"POST","url":"http://shop/orders","user_agent":"curl/8","client_ip":"10.0.0.9"},"response":{"status":500}},
		"annotations":{"tenant":"a","retries":2,"vip":true},
		"aws":{"ec2":{"instance_id":"i-01","availability_zone":"us-east-1a"}},"resource_arn":"arn:aws:ecs:task/1",
		"subsegments":[`+
		sub("pay.internal", "1", 0.09, 1.792, `,"namespace":"remote","fault":true`)+","+
		sub("cart", "2", 1.8, 1.815, `,"namespace":"remote","error":true,"http":{"response":{"status":404}}`)+","+
		sub("validate", "3", 0.004, 0.086, "")+`]`)
	payments := span("payments", "b", trace, start+0.095, start+1.785, `,"parent_id":"1111111111111111","fault":true,"annotations":{"tenant":"a","card":"visa"},
		"cause":{"exceptions":[{"id":"0123456789abcdef","type":"TimeoutError","message":"card gateway timed out"}]},
		"subsegments":[`+
		sub("DynamoDB", "4", 0.1, 0.103, `,"namespace":"aws","aws":{"table_name":"tokens","operation":"GetItem"}`)+","+
		sub("DynamoDB", "5", 0.11, 0.117, `,"namespace":"aws","error":true,"throttle":true,"aws":{"table_name":"tokens","operation":"GetItem"}`)+","+
		sub("card gateway", "6", 0.12, 1.78, `,"namespace":"remote","fault":true`)+`]`)
	cart := span("cart", "c", trace, start+1.805, start+1.81, `,"parent_id":"2222222222222222","error":true`)
	return []string{payments, cart, orders}
}

func graph(t testing.TB, s *sandboxxray.Service, from, to float64) []types.Service {
	t.Helper()
	out, err := s.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: seconds(from), EndTime: seconds(to)})
	if err != nil {
		t.Fatal(err)
	}
	return out.Services
}

// seconds returns a time after noon.
func seconds(s float64) *time.Time {
	return aws.Time(noon.Add(time.Duration(s * float64(time.Second))))
}

// describe writes nodes and edges as lines: name, type, state, counts
// (ok/throttle/other error/fault), total seconds and histogram.
func describe(services []types.Service) []string {
	var out []string
	for i, s := range services {
		if int(*s.ReferenceId) != i {
			out = append(out, fmt.Sprintf("node %d is numbered %d", i, *s.ReferenceId))
		}
		line := fmt.Sprintf("%s [%s] %s", *s.Name, aws.ToString(s.Type), *s.State)
		if aws.ToBool(s.Root) {
			line += " root"
		}
		if st := s.SummaryStatistics; st != nil {
			line += " " + counts(types.EdgeStatistics(*st)) + bars(s.ResponseTimeHistogram)
		}
		out = append(out, line)
		for _, e := range s.Edges {
			out = append(out, fmt.Sprintf("  → %s [%s] %s%s", *services[*e.ReferenceId].Name, aws.ToString(services[*e.ReferenceId].Type),
				counts(*e.SummaryStatistics), bars(e.ResponseTimeHistogram)))
		}
	}
	return out
}

func counts(s types.EdgeStatistics) string {
	text := fmt.Sprintf("%d/%d/%d/%d %gs", *s.OkCount, *s.ErrorStatistics.ThrottleCount, *s.ErrorStatistics.OtherCount, *s.FaultStatistics.TotalCount, *s.TotalResponseTime)
	if *s.TotalCount != *s.OkCount+*s.ErrorStatistics.TotalCount+*s.FaultStatistics.TotalCount ||
		*s.ErrorStatistics.TotalCount != *s.ErrorStatistics.ThrottleCount+*s.ErrorStatistics.OtherCount || *s.FaultStatistics.OtherCount != *s.FaultStatistics.TotalCount {
		text += " sums do not fit"
	}
	return text
}

func bars(h []types.HistogramEntry) string {
	var b strings.Builder
	for _, e := range h {
		fmt.Fprintf(&b, " %g:%d", e.Value, e.Count)
	}
	return b.String()
}

// oneShop is the service graph of shop, worked out by hand.
var oneShop = []string{
	"card gateway [remote] unknown 0/0/0/1 1.66s 1.66:1",
	"cart [] active 0/0/1/0 0.005s 0.005:1",
	"orders [AWS::ECS::Fargate] active root 0/0/0/1 1.84s 1.84:1",
	"  → cart [] 0/0/1/0 0.015s 0.015:1",
	"  → payments [] 0/0/0/1 1.702s 1.702:1",
	"orders [client] unknown",
	"  → orders [AWS::ECS::Fargate] 0/0/0/1 1.84s 1.84:1",
	"payments [] active 0/0/0/1 1.69s 1.69:1",
	"  → card gateway [remote] 0/0/0/1 1.66s 1.66:1",
	"  → tokens [AWS::DynamoDB::Table] 1/1/0/0 0.01s 0.003:1 0.007:1",
	"tokens [AWS::DynamoDB::Table] unknown 1/1/0/0 0.01s 0.003:1 0.007:1",
}

func TestServiceGraph(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	put(t, s, shop("1", 0)...)
	if diff := cmp.Diff(oneShop, describe(graph(t, s, 0, 60))); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
	out, err := s.GetTraceGraph(t.Context(), &xray.GetTraceGraphInput{TraceIds: []string{traceID("1"), traceID("1"), traceID("9")}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(oneShop, describe(out.Services)); diff != "" {
		t.Errorf("trace graph (-want +got):\n%s", diff)
	}
	orders := out.Services[2]
	if !orders.StartTime.Equal(noon) || orders.EndTime.Sub(noon) != 1840*time.Millisecond || *orders.AccountId != "000000000000" {
		t.Errorf("orders worked from %v to %v for %s", orders.StartTime, orders.EndTime, *orders.AccountId)
	}
}

func TestServiceGraphSums(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	put(t, s, shop("1", 0)...)
	put(t, s, shop("2", 30)...)
	put(t, s, span("orders", "d", "3", 40, 40.5, `,"origin":"AWS::ECS::Fargate"`))
	put(t, s, strings.Replace(span("orders", "e", "4", 50, 50, `,"origin":"AWS::ECS::Fargate"`), `"end_time":`+fmt.Sprintf("%.3f", at(50)), `"in_progress":true`, 1))
	got := describe(graph(t, s, 0, 60))
	for _, want := range []string{
		"orders [AWS::ECS::Fargate] active root 1/0/0/2 4.18s 0.5:1 1.84:2",
		"  → orders [AWS::ECS::Fargate] 1/0/0/2 4.18s 0.5:1 1.84:2",
		"  → tokens [AWS::DynamoDB::Table] 2/2/0/0 0.02s 0.003:2 0.007:2",
	} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%q is missing in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if diff := cmp.Diff(oneShop, describe(graph(t, s, 30, 40))); diff != "" {
		t.Errorf("graph of the second trace's window (-want +got):\n%s", diff)
	}
	if got := graph(t, s, 100, 200); len(got) != 0 {
		t.Errorf("%d nodes in a quiet window", len(got))
	}
}

func TestServiceGraphOddities(t *testing.T) {
	for name, tc := range map[string]struct {
		docs, want []string
	}{
		"several flags": {
			[]string{span("a", "a", "1", 0, 1, `,"fault":true,"error":true,"throttle":true`)},
			[]string{"a [] active root 0/0/0/1 1s 1:1", "a [client] unknown", "  → a [] 0/0/0/1 1s 1:1"},
		},
		"throttle alone": {
			[]string{span("a", "a", "1", 0, 1, `,"throttle":true`)},
			[]string{"a [] active root 0/1/0/0 1s 1:1", "a [client] unknown", "  → a [] 0/1/0/0 1s 1:1"},
		},
		"a segment below a segment": {
			[]string{span("a", "a", "1", 0, 1, ""), span("b", "b", "1", 0.2, 0.5, `,"parent_id":"aaaaaaaaaaaaaaaa"`)},
			[]string{"a [] active root 1/0/0/0 1s 1:1", "  → b [] 1/0/0/0 0.3s 0.3:1", "a [client] unknown", "  → a [] 1/0/0/0 1s 1:1", "b [] active 1/0/0/0 0.3s 0.3:1"},
		},
		"a caller unknown": {
			[]string{span("b", "b", "1", 0.2, 0.5, `,"parent_id":"aaaaaaaaaaaaaaaa"`)},
			[]string{"b [] active 1/0/0/0 0.3s 0.3:1"},
		},
		"an orphan subsegment": {
			[]string{span("s3", "b", "1", 0.2, 0.5, `,"parent_id":"aaaaaaaaaaaaaaaa","type":"subsegment","namespace":"aws"`)},
			[]string{"s3 [AWS::s3] unknown 1/0/0/0 0.3s 0.3:1"},
		},
		"two callees of one call": {
			[]string{
				span("a", "a", "1", 0, 1, `,"subsegments":[{"name":"q","id":"1111111111111111","namespace":"aws","start_time":`+fmt.Sprint(at(0))+`,"end_time":`+fmt.Sprint(at(0.5))+`}]`),
				span("w", "b", "1", 0.6, 0.7, `,"parent_id":"1111111111111111"`), span("w", "c", "1", 0.6, 0.8, `,"parent_id":"1111111111111111"`),
			},
			[]string{"a [] active root 1/0/0/0 1s 1:1", "  → w [] 1/0/0/0 0.5s 0.5:1", "a [client] unknown", "  → a [] 1/0/0/0 1s 1:1", "w [] active 2/0/0/0 0.3s 0.1:1 0.2:1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newService(t, sandboxxray.Options{})
			put(t, s, tc.docs...)
			if diff := cmp.Diff(tc.want, describe(graph(t, s, 0, 60))); diff != "" {
				t.Errorf("graph (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLinks(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	send := fmt.Sprintf(`,"subsegments":[{"name":"queue","id":"1111111111111111","namespace":"aws","start_time":%.3f,"end_time":%.3f,"aws":{"queue_url":"q"}}]`, at(0.1), at(0.2))
	link := fmt.Sprintf(`,"links":[{"trace_id":%q,"id":"1111111111111111"},{"trace_id":%q,"id":"1111111111111111"},{"trace_id":"x","id":"y"}]`, traceID("1"), traceID("9"))
	put(t, s, span("shop", "a", "1", 0, 1, send), span("worker", "b", "2", 5.1, 6.1, link))
	var worker *types.Edge
	services := graph(t, s, 0, 60)
	for _, n := range services {
		for _, e := range n.Edges {
			if aws.ToString(e.EdgeType) == "link" {
				if worker != nil || *n.Name != "shop" || *services[*e.ReferenceId].Name != "worker" {
					t.Errorf("a link leads from %s to %s", *n.Name, *services[*e.ReferenceId].Name)
				}
				worker = &e
			}
		}
	}
	if worker == nil {
		t.Fatalf("no link in %v", describe(services))
	}
	if got := counts(*worker.SummaryStatistics) + bars(worker.ResponseTimeHistogram) + bars(worker.ReceivedEventAgeHistogram); got != "1/0/0/0 1s 1:1 5:1" {
		t.Errorf("link = %s, want one receipt of a second, of a message five seconds old", got)
	}
}

func TestAsynchronousDuration(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	put(t, s, span("a", "a", "1", 0, 1, ""), span("later", "b", "1", 0.5, 3, `,"type":"subsegment","parent_id":"aaaaaaaaaaaaaaaa"`))
	n := graph(t, s, 0, 60)[0]
	if got := bars(n.DurationHistogram); got != " 3:1" {
		t.Errorf("durations%s, want 3:1", got)
	}
	if got := bars(n.ResponseTimeHistogram); got != " 1:1" {
		t.Errorf("response times%s, want 1:1", got)
	}
}

func TestHistogramGetsCoarser(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	const n = 1000
	for i := range n {
		put(t, s, fmt.Sprintf(`{"name":"a","id":"%016x","trace_id":"1-00000000-%024x","start_time":%.3f,"end_time":%.3f}`, i, i, at(0), at(float64(i)/1000)))
	}
	h := graph(t, s, 0, 60)[0].ResponseTimeHistogram
	var sum int32
	for i, e := range h {
		sum += e.Count
		if i > 0 && e.Value <= h[i-1].Value {
			t.Fatalf("entry %d is not above the one before", i)
		}
	}
	if sum != n || len(h) != 200 || h[0].Value != 0.002 || h[0].Count != 5 {
		t.Errorf("%d entries of %d items, first %+v; want 200 of %d, the first 5 at 2 ms", len(h), sum, h[0], n)
	}
}

func TestGraphErrors(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	_, err := s.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{})
	wantError(t, err, "InvalidRequestException", "required")
	_, err = s.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: seconds(0), EndTime: seconds(6*3600 + 1)})
	wantError(t, err, "InvalidRequestException", "exceeds 6 hours")
	_, err = s.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: seconds(1), EndTime: seconds(0)})
	wantError(t, err, "InvalidRequestException", "before")
	_, err = s.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: seconds(0), EndTime: seconds(1), GroupName: aws.String("none")})
	wantError(t, err, "InvalidRequestException", `no group "none"`)
	_, err = s.GetTraceGraph(t.Context(), &xray.GetTraceGraphInput{})
	wantError(t, err, "InvalidRequestException", "missing")
}

func TestGroupNarrowsGraph(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	put(t, s, shop("1", 0)...)
	put(t, s, span("lone", "d", "3", 10, 10.5, ""))
	_, err := s.CreateGroup(t.Context(), &xray.CreateGroupInput{GroupName: aws.String("quick"), FilterExpression: aws.String("responsetime < 1")})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: seconds(0), EndTime: seconds(60), GroupName: aws.String("quick")})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"lone [] active root 1/0/0/0 0.5s 0.5:1", "lone [client] unknown", "  → lone [] 1/0/0/0 0.5s 0.5:1"}
	if diff := cmp.Diff(want, describe(out.Services)); diff != "" {
		t.Errorf("graph (-want +got):\n%s", diff)
	}
}

func TestTimeSeries(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	put(t, s, shop("1", 0)...)
	put(t, s, shop("2", 30)...)
	put(t, s, shop("3", 130)...)
	for selector, want := range map[string][]string{
		"":                                   {"0 edge 2/2/2/6 10.454s", "120 edge 1/1/1/3 5.227s"},
		`service("payments")`:                {"0 node 0/0/0/2 3.38s", "120 node 0/0/0/1 1.69s"},
		`edge("payments", "tokens")`:         {"0 edge 2/2/0/0 0.02s", "120 edge 1/1/0/0 0.01s"},
		`id(name: "cart") OR edge("x", "y")`: {"0 node 0/0/2/0 0.01s", "120 node 0/0/1/0 0.005s"},
		`service("none")`:                    nil,
	} {
		in := &xray.GetTimeSeriesServiceStatisticsInput{StartTime: seconds(0), EndTime: seconds(300), Period: aws.Int32(60)}
		if selector != "" {
			in.EntitySelectorExpression = &selector
		}
		out, err := s.GetTimeSeriesServiceStatistics(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range out.TimeSeriesServiceStatistics {
			at := p.Timestamp.Sub(noon).Seconds()
			if p.EdgeSummaryStatistics != nil {
				got = append(got, fmt.Sprintf("%g edge %s", at, counts(*p.EdgeSummaryStatistics)))
			}
			if p.ServiceSummaryStatistics != nil {
				got = append(got, fmt.Sprintf("%g node %s", at, counts(types.EdgeStatistics(*p.ServiceSummaryStatistics))))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("series of %q (-want +got):\n%s", selector, diff)
		}
	}
	for text, in := range map[string]*xray.GetTimeSeriesServiceStatisticsInput{
		"Period":    {StartTime: seconds(0), EndTime: seconds(1), Period: aws.Int32(7)},
		"forecasts": {StartTime: seconds(0), EndTime: seconds(1), ForecastStatistics: aws.Bool(true)},
		"position":  {StartTime: seconds(0), EndTime: seconds(1), EntitySelectorExpression: aws.String("fault")},
	} {
		_, err := s.GetTimeSeriesServiceStatistics(t.Context(), in)
		wantError(t, err, "InvalidRequestException", text)
	}
}
