package xray_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
	sandboxxray "github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

// retrieve starts a retrieval over the minutes about noon.
func retrieve(t testing.TB, s *sandboxxray.Service, ids ...string) *string {
	t.Helper()
	out, err := s.StartTraceRetrieval(t.Context(), &xray.StartTraceRetrievalInput{StartTime: seconds(-60), EndTime: seconds(60), TraceIds: ids})
	if err != nil {
		t.Fatal(err)
	}
	return out.RetrievalToken
}

func TestRetrievalPages(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	var ids []string
	for n := range 45 {
		id := fmt.Sprintf("1-69a4b2c2-%024x", n)
		ids = append(ids, id, id)
		put(t, s, fmt.Sprintf(`{"name":"a","id":"%016x","trace_id":%q,"start_time":%.3f,"end_time":%.3f}`, n+1, id, at(0), at(1)))
	}
	put(t, s, span("late", "9", "9", 61, 62, ""))
	token := retrieve(t, s, append(ids, traceID("9"), traceID("8"))...)
	var got []int
	seen := map[string]bool{}
	var next *string
	for range 9 {
		out, err := s.ListRetrievedTraces(t.Context(), &xray.ListRetrievedTracesInput{RetrievalToken: token, NextToken: next})
		if err != nil || out.RetrievalStatus != types.RetrievalStatusComplete {
			t.Fatalf("page = %+v, %v", out, err)
		}
		got = append(got, len(out.Traces))
		for _, tr := range out.Traces {
			seen[*tr.Id] = true
		}
		if next = out.NextToken; next == nil {
			break
		}
	}
	if d := cmp.Diff([]int{20, 20, 5}, got); d != "" || len(seen) != 45 {
		t.Errorf("%d traces in pages of %v (-want +got):\n%s", len(seen), got, d)
	}
	_, err := s.ListRetrievedTraces(t.Context(), &xray.ListRetrievedTracesInput{RetrievalToken: token, NextToken: aws.String("x")})
	wantError(t, err, "InvalidRequestException", "NextToken")
}

func TestRetrievalEnds(t *testing.T) {
	s, c := newService(t, sandboxxray.Options{})
	put(t, s, shop("1", 0)...)
	old, cancelled := retrieve(t, s, traceID("1")), retrieve(t, s, traceID("1"))
	if _, err := s.CancelTraceRetrieval(t.Context(), &xray.CancelTraceRetrievalInput{RetrievalToken: cancelled}); err != nil {
		t.Fatal(err)
	}
	for token, want := range map[*string]types.RetrievalStatus{old: "COMPLETE", cancelled: "CANCELLED"} {
		out, err := s.GetRetrievedTracesGraph(t.Context(), &xray.GetRetrievedTracesGraphInput{RetrievalToken: token})
		if err != nil || out.RetrievalStatus != want || (len(out.Services) > 0) != (want == "COMPLETE") {
			t.Errorf("graph = %+v, %v, want %s", out, err, want)
		}
	}
	c.now = c.now.Add(time.Hour)
	_, err := s.ListRetrievedTraces(t.Context(), &xray.ListRetrievedTracesInput{RetrievalToken: old})
	wantError(t, err, "ResourceNotFoundException", "no retrieval")
	fresh := retrieve(t, s, traceID("1"))
	s.Reset()
	_, err = s.CancelTraceRetrieval(t.Context(), &xray.CancelTraceRetrievalInput{RetrievalToken: fresh})
	wantError(t, err, "ResourceNotFoundException", "no retrieval")
}

// As many retrievals are kept as the bound says, the newest ones.
func TestRetrievalsAreBounded(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	first, last := retrieve(t, s, traceID("1")), (*string)(nil)
	for range 100 {
		last = retrieve(t, s, traceID("1"))
	}
	_, err := s.ListRetrievedTraces(t.Context(), &xray.ListRetrievedTracesInput{RetrievalToken: first})
	wantError(t, err, "ResourceNotFoundException", "no retrieval")
	if _, err := s.ListRetrievedTraces(t.Context(), &xray.ListRetrievedTracesInput{RetrievalToken: last}); err != nil {
		t.Error(err)
	}
}

func TestRetrievalRefuses(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	for text, in := range map[string]*xray.StartTraceRetrievalInput{
		"required":  {TraceIds: []string{traceID("1")}},
		"before":    {TraceIds: []string{traceID("1")}, StartTime: seconds(1), EndTime: seconds(0)},
		"missing":   {StartTime: seconds(0), EndTime: seconds(1)},
		"malformed": {TraceIds: []string{"x"}, StartTime: seconds(0), EndTime: seconds(1)},
		"exceed":    {TraceIds: make([]string, 501), StartTime: seconds(0), EndTime: seconds(1)},
	} {
		_, err := s.StartTraceRetrieval(t.Context(), in)
		wantError(t, err, "InvalidRequestException", text)
	}
	_, err := s.ListRetrievedTraces(t.Context(), &xray.ListRetrievedTracesInput{RetrievalToken: aws.String("x"), TraceFormat: types.TraceFormatTypeOtel})
	wantError(t, err, "InvalidRequestException", "OTEL")
	_, err = s.ListRetrievedTraces(t.Context(), &xray.ListRetrievedTracesInput{})
	wantError(t, err, "InvalidRequestException", "RetrievalToken")
}

func TestRetrievalOverTheWire(t *testing.T) {
	client, ctx := xray.NewFromConfig(sandboxtest.Config(sandboxtest.New(t))), t.Context()
	if _, err := client.PutTraceSegments(ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: shop("1", 0)}); err != nil {
		t.Fatal(err)
	}
	start, err := client.StartTraceRetrieval(ctx, &xray.StartTraceRetrievalInput{StartTime: seconds(-60), EndTime: seconds(60), TraceIds: []string{traceID("1")}})
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.ListRetrievedTraces(ctx, &xray.ListRetrievedTracesInput{RetrievalToken: start.RetrievalToken, TraceFormat: types.TraceFormatTypeXray})
	if err != nil || len(list.Traces) != 1 || *list.Traces[0].Duration != 1.84 || list.TraceFormat != types.TraceFormatTypeXray {
		t.Fatalf("traces = %+v, %v", list, err)
	}
	whole, err := client.BatchGetTraces(ctx, &xray.BatchGetTracesInput{TraceIds: []string{traceID("1")}})
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, sp := range list.Traces[0].Spans {
		got = append(got, *sp.Id+*sp.Document)
	}
	for _, seg := range whole.Traces[0].Segments {
		want = append(want, *seg.Id+*seg.Document)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("spans (-BatchGetTraces +got):\n%s", d)
	}
	graph, err := client.GetRetrievedTracesGraph(ctx, &xray.GetRetrievedTracesGraphInput{RetrievalToken: start.RetrievalToken})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := client.GetTraceGraph(ctx, &xray.GetTraceGraphInput{TraceIds: []string{traceID("1")}})
	if err != nil || len(graph.Services) != len(plain.Services) || len(plain.Services) == 0 {
		t.Errorf("%d services, want the %d of GetTraceGraph, %v", len(graph.Services), len(plain.Services), err)
	}
	if _, err := client.CancelTraceRetrieval(ctx, &xray.CancelTraceRetrievalInput{RetrievalToken: start.RetrievalToken}); err != nil {
		t.Error(err)
	}
}
