package xray_test

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	sandboxxray "github.com/sidelight-dev/sidelight/internal/sandbox/xray"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

func getTrace(t testing.TB, s *sandboxxray.Service, digit string) types.Trace {
	t.Helper()
	out, err := s.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{traceID(digit)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Traces) != 1 {
		t.Fatalf("%d traces, want 1", len(out.Traces))
	}
	return out.Traces[0]
}

// shape writes a trace as its segments' names with subsegments in parentheses;
// "~" marks what is inferred and "…" what is in progress.
func shape(t testing.TB, tr types.Trace) []string {
	t.Helper()
	var out []string
	for _, s := range tr.Segments {
		d, err := segment.ReadAny([]byte(*s.Document))
		if err != nil {
			t.Fatal(err)
		}
		if d.ID != *s.Id {
			t.Errorf("segment %s holds document %s", *s.Id, d.ID)
		}
		out = append(out, write(d))
	}
	return out
}

func write(d *segment.Document) string {
	text := d.Name
	if d.Inferred {
		text = "~" + text
	}
	if d.InProgress {
		text += "…"
	}
	var parts []string
	for _, s := range d.Subsegments {
		parts = append(parts, write(s))
	}
	if len(parts) > 0 {
		text += "(" + strings.Join(parts, " ") + ")"
	}
	return text
}

func TestAssembly(t *testing.T) {
	root := span("api", "a", "1", 0, 1, "")
	running := strings.Replace(root, fmt.Sprintf(`"end_time":%.3f`, at(1)), `"in_progress":true`, 1)
	work := span("work", "b", "1", 0.1, 0.9, `,"type":"subsegment","parent_id":"aaaaaaaaaaaaaaaa"`)
	query := span("query", "c", "1", 0.2, 0.3, `,"type":"subsegment","parent_id":"bbbbbbbbbbbbbbbb"`)
	remote := span("cart", "d", "1", 0.4, 0.5, `,"type":"subsegment","parent_id":"aaaaaaaaaaaaaaaa","namespace":"remote"`)
	callee := span("cart service", "e", "1", 0.41, 0.49, `,"parent_id":"dddddddddddddddd"`)
	for name, tc := range map[string]struct {
		docs, want []string
	}{
		"minimal":                 {[]string{root}, []string{"api"}},
		"in order":                {[]string{root, work, query}, []string{"api(work(query))"}},
		"out of order":            {[]string{query, work, root}, []string{"api(work(query))"}},
		"without the segment":     {[]string{query, work}, []string{"work(query)"}},
		"with the middle missing": {[]string{query, root}, []string{"api", "query"}},
		"in progress, then whole": {[]string{running, root}, []string{"api"}},
		"whole, then in progress": {[]string{root, running}, []string{"api"}},
		"in progress only":        {[]string{running, work}, []string{"api…(work)"}},
		"a callee inferred":       {[]string{root, remote}, []string{"api(cart)", "~cart"}},
		"a callee known":          {[]string{remote, root, callee}, []string{"api(cart)", "cart service"}},
		"an orphan's callee":      {[]string{remote}, []string{"cart", "~cart"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newService(t, sandboxxray.Options{})
			for _, d := range tc.docs {
				put(t, s, d)
				getTrace(t, s, "1") // what is computed early must not stay
				graph(t, s, 0, 60)
			}
			got := shape(t, getTrace(t, s, "1"))
			sort.Strings(got)
			sort.Strings(tc.want)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("trace (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBatchGetTraces(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	first := span("api", "a", "1", 0, 1, `,"metadata":{"n":1.50}`)
	put(t, s, first, span("api", "b", "2", 0, 3, ""))
	out, err := s.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{traceID("2"), traceID("f"), traceID("1"), traceID("1")}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Traces) != 2 || *out.Traces[0].Id != traceID("2") || *out.Traces[1].Duration != 1 {
		t.Fatalf("traces = %+v, want 2 and then 1", out.Traces)
	}
	if got := *out.Traces[1].Segments[0].Document; got != first {
		t.Errorf("document = %s, want it as it was sent", got)
	}
	_, err = s.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{})
	wantError(t, err, "InvalidRequestException", "missing")
	_, err = s.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: make([]string, 6)})
	wantError(t, err, "InvalidRequestException", "6 trace IDs exceed 5")
	_, err = s.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{"x"}})
	wantError(t, err, "InvalidRequestException", `"x" is malformed`)
	_, err = s.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{}, NextToken: aws.String("x")})
	wantError(t, err, "InvalidRequestException", "NextToken")
}

// BenchmarkBatchGetTraces finds one trace among many.
func BenchmarkBatchGetTraces(b *testing.B) {
	s, _ := newService(b, sandboxxray.Options{MaxBytes: 1 << 30})
	const traces, perTrace = 20000, 10
	for i := range traces {
		var docs []string
		for j := range perTrace {
			docs = append(docs, fmt.Sprintf(`{"name":"api","id":"%016x","trace_id":"1-00000000-%024x","start_time":%d,"end_time":%d}`,
				j, i, noon.Unix(), noon.Unix()+1))
		}
		put(b, s, docs...)
	}
	in := &xray.BatchGetTracesInput{TraceIds: []string{fmt.Sprintf("1-00000000-%024x", traces/2)}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.BatchGetTraces(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
