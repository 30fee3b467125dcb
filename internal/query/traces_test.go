package query_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
	"github.com/sidelight-dev/sidelight/internal/traces"
)

func TestTraceID(t *testing.T) {
	const want = "1-69a4b2c2-7f3d0e61a0b94c5d8e2f1a37"
	for _, text := range []string{
		want, "69a4b2c27f3d0e61a0b94c5d8e2f1a37", "69A4B2C27F3D0E61A0B94C5D8E2F1A37", " " + want + "\n",
		"00-69a4b2c27f3d0e61a0b94c5d8e2f1a37-53995c3f42cd8ad8-01",
		"Root=" + want + ";Parent=53995c3f42cd8ad8;Sampled=1", "Self=1-67891234-12456789abcdef012345678;Root=" + want,
	} {
		if got, ok := query.TraceID(text); got != want || !ok {
			t.Errorf("TraceID(%q) = %q, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "latest", "1-69a4b2c2", want + "0", "69a4b2c27f3d0e61a0b94c5d8e2f1a3", "69a4b2c27f3d0e61a0b94c5d8e2f1a3g", "Parent=53995c3f42cd8ad8"} {
		if got, ok := query.TraceID(text); ok {
			t.Errorf("TraceID(%q) = %q", text, got)
		}
	}
	if got := query.W3CTraceID(want); got != "69a4b2c27f3d0e61a0b94c5d8e2f1a37" {
		t.Errorf("W3C form %q", got)
	}
}

func TestFindTrace(t *testing.T) {
	w := newWorld(t)
	client := xray.NewFromConfig(sandboxtest.Config(w.Server))
	now := float64(time.Now().Add(-time.Minute).Unix())
	for i, seconds := range []float64{5, 1} {
		id := fmt.Sprintf("1-69a4b2c2-%024x", i)
		doc := func(name, span, parent string, start, end float64) string {
			return fmt.Sprintf(`{"name":%q,"id":%q,"trace_id":%q,"start_time":%f,"end_time":%f%s}`, name, span, id, now+float64(i)+start, now+float64(i)+end, parent)
		}
		docs := []string{
			doc("late", fmt.Sprintf("c%015x", i), fmt.Sprintf(`,"parent_id":"a%015x"`, i), 0.2, 0.3),
			doc("api", fmt.Sprintf("a%015x", i), "", 0, seconds),
		}
		out, err := client.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{TraceSegmentDocuments: docs})
		if err != nil || len(out.UnprocessedTraceSegments) > 0 {
			t.Fatal(err, out)
		}
	}
	q := traces.Query{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Minute)}
	for word, want := range map[string]string{"slowest": "0", "latest": "1", "69a4b2c2" + fmt.Sprintf("%024x", 1): "1"} {
		tr, err := w.Traces.Find(t.Context(), word, q)
		if err != nil {
			t.Fatal(err)
		}
		if tr.ID[len(tr.ID)-1:] != want || len(tr.Segments) != 2 || tr.Segments[0].Name != "api" {
			t.Errorf("%s: %s with %d segments, first %q", word, tr.ID, len(tr.Segments), tr.Segments[0].Name)
		}
	}
	_, err := w.Traces.Find(t.Context(), "newest", q)
	if _, ok := errors.AsType[*query.NotTraceID](err); !ok {
		t.Errorf("error = %v", err)
	}
	if _, err := w.Traces.Find(t.Context(), "1-00000000-000000000000000000000000", q); !errors.Is(err, traces.ErrNotFound) {
		t.Errorf("error = %v", err)
	}
}
