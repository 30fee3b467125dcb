package traces_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
	"github.com/sidelight-dev/sidelight/internal/traces"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newReader returns a reader of a sandbox that holds one trace for each offset
// from noon; trace i takes i+1 seconds.
func newReader(t *testing.T, offsets ...time.Duration) *traces.Reader {
	t.Helper()
	client := xray.NewFromConfig(sandboxtest.Config(sandboxtest.New(t)))
	for i, off := range offsets {
		start := float64(noon.Add(off).Unix())
		doc := fmt.Sprintf(`{"name":"api","id":"%016x","trace_id":%q,"start_time":%f,"end_time":%f}`, i, id(i), start, start+float64(i+1))
		out, err := client.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{doc}})
		if err != nil || len(out.UnprocessedTraceSegments) > 0 {
			t.Fatal(err, out)
		}
	}
	return &traces.Reader{API: client}
}

func id(i int) string { return fmt.Sprintf("1-69a4b2c2-%024x", i) }

func ids(list []types.TraceSummary) (out []string) {
	for _, s := range list {
		out = append(out, strings.TrimLeft((*s.Id)[11:], "0"))
	}
	return out
}

func TestList(t *testing.T) {
	r := newReader(t, 0, time.Hour, 6*time.Hour, 13*time.Hour, 40*time.Hour)
	all := traces.Query{From: noon, To: noon.Add(48 * time.Hour)}
	for name, tc := range map[string]struct {
		change func(*traces.Query)
		want   []string
		more   bool
	}{
		"all":      {func(*traces.Query) {}, []string{"4", "3", "2", "1", ""}, false},
		"limit":    {func(q *traces.Query) { q.Limit = 2 }, []string{"4", "3"}, true},
		"exact":    {func(q *traces.Query) { q.Limit = 5 }, []string{"4", "3", "2", "1", ""}, false},
		"filter":   {func(q *traces.Query) { q.Filter = "responsetime > 2 AND responsetime < 5" }, []string{"3", "2"}, false},
		"range":    {func(q *traces.Query) { q.From, q.To = noon.Add(time.Minute), noon.Add(7*time.Hour) }, []string{"2", "1"}, false},
		"no match": {func(q *traces.Query) { q.Filter = "fault" }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			q := all
			tc.change(&q)
			l, err := r.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, ids(l.Traces)); diff != "" || l.More != tc.more {
				t.Errorf("more: %v, traces (-want +got):\n%s", l.More, diff)
			}
		})
	}
	_, err := r.List(t.Context(), traces.Query{From: noon, To: noon.Add(time.Hour), Filter: "fault )"})
	if err == nil || !strings.Contains(err.Error(), "position 7") {
		t.Errorf("error = %v, want the position of the fault", err)
	}
}

func TestListPages(t *testing.T) {
	const n = 250
	offsets := make([]time.Duration, n)
	for i := range offsets {
		offsets[i] = time.Duration(i) * time.Second
	}
	r := newReader(t, offsets...)
	l, err := r.List(t.Context(), traces.Query{From: noon, To: noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Traces) != n || l.Scanned != n {
		t.Errorf("%d traces of %d scanned, want %d", len(l.Traces), l.Scanned, n)
	}
	if !slices.IsSortedFunc(l.Traces, func(a, b types.TraceSummary) int { return b.StartTime.Compare(*a.StartTime) }) {
		t.Error("traces are not in order, newest first")
	}
}

func TestLatestAndSlowest(t *testing.T) {
	r := newReader(t, 10*time.Hour, 3*time.Hour, time.Hour)
	q := traces.Query{From: noon, To: noon.Add(24 * time.Hour), Limit: 1}
	latest, err := r.Latest(t.Context(), q)
	if err != nil || *latest.Id != id(0) {
		t.Errorf("latest = %v, %v", latest, err)
	}
	slowest, err := r.Slowest(t.Context(), q)
	if err != nil || *slowest.Id != id(2) {
		t.Errorf("slowest = %v, %v", slowest, err)
	}
	q.Filter = "error"
	if _, err := r.Latest(t.Context(), q); !errors.Is(err, traces.ErrNotFound) {
		t.Errorf("latest of nothing: %v", err)
	}
	if _, err := r.Slowest(t.Context(), q); !errors.Is(err, traces.ErrNotFound) {
		t.Errorf("slowest of nothing: %v", err)
	}
}

func TestGet(t *testing.T) {
	r := newReader(t, 0, 0, 0, 0, 0, 0, 0)
	want := []string{id(6), id(0), id(3), id(1), id(5), id(2)}
	got, err := r.Get(t.Context(), append(slices.Clone(want), id(99), id(6))...)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, tr := range got {
		have = append(have, tr.ID)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("traces (-want +got):\n%s", diff)
	}
	if d := got[0]; d.Duration != 7*time.Second || len(d.Segments) != 1 || d.Segments[0].Name != "api" || !strings.HasPrefix(d.Raw[0], `{"name":"api"`) {
		t.Errorf("trace = %+v", d)
	}
	if _, err := r.Get(t.Context(), id(99)); !errors.Is(err, traces.ErrNotFound) || !strings.Contains(err.Error(), id(99)) {
		t.Errorf("error = %v", err)
	}
}

func TestGraph(t *testing.T) {
	r := newReader(t, 0, time.Minute)
	g, err := r.Graph(t.Context(), noon, noon.Add(time.Hour), "")
	if err != nil || len(g) != 2 || *g[0].SummaryStatistics.TotalCount != 2 {
		t.Errorf("graph = %+v, %v", g, err)
	}
	if _, err := r.Graph(t.Context(), noon, noon.Add(time.Hour), "none"); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("error = %v, want the group's name", err)
	}
	if _, err := r.Graph(t.Context(), noon, noon.Add(7*time.Hour), ""); err == nil {
		t.Error("a graph of seven hours was made")
	}
}

// paged answers in pages that overlap and in parts, as the service may.
type paged struct{ traces.API }

func (paged) GetTraceSummaries(_ context.Context, in *xray.GetTraceSummariesInput, _ ...func(*xray.Options)) (*xray.GetTraceSummariesOutput, error) {
	switch aws.ToString(in.NextToken) {
	case "":
		return &xray.GetTraceSummariesOutput{NextToken: aws.String("2"), TraceSummaries: []types.TraceSummary{{Id: aws.String(id(1)), StartTime: &noon}}}, nil
	case "2":
		late := noon.Add(time.Second)
		return &xray.GetTraceSummariesOutput{NextToken: aws.String("3"), TraceSummaries: []types.TraceSummary{{Id: aws.String(id(1)), StartTime: &noon}, {Id: aws.String(id(2)), StartTime: &late}}}, nil
	}
	return nil, errors.New("connection lost")
}

func (paged) BatchGetTraces(_ context.Context, in *xray.BatchGetTracesInput, _ ...func(*xray.Options)) (*xray.BatchGetTracesOutput, error) {
	doc := `{"name":"a"}`
	out := &xray.BatchGetTracesOutput{NextToken: aws.String("2"), Traces: []types.Trace{{Id: aws.String(id(1)), Segments: []types.Segment{{Document: &doc}}}}}
	if in.NextToken != nil {
		out.NextToken, doc = nil, "{"
		out.Traces[0].LimitExceeded = aws.Bool(true)
	}
	return out, nil
}

func TestOddPages(t *testing.T) {
	r := &traces.Reader{API: paged{}}
	l, err := r.List(t.Context(), traces.Query{From: noon, To: noon.Add(time.Hour)})
	if err == nil || !strings.Contains(err.Error(), "connection lost") || len(l.Traces) != 2 || *l.Traces[0].Id != id(2) {
		t.Errorf("list = %v, %v; want both traces, the newest first, and the error", ids(l.Traces), err)
	}
	got, err := r.Get(t.Context(), id(1))
	if err != nil || len(got) != 1 || len(got[0].Raw) != 2 || len(got[0].Segments) != 1 || !got[0].Limited {
		t.Errorf("trace in two parts = %+v, %v", got, err)
	}
}
