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

func TestPutTraceSegmentsPartialFailure(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	good := span("api", "a", "1", 0, 1, "")
	out, err := s.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{
		"{", good, strings.Replace(good, "1-69", "2-69", 1), `{"name":"x"}`, strings.Replace(good, `"end_time"`, `"ended"`, 1),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range out.UnprocessedTraceSegments {
		got = append(got, aws.ToString(u.Id)+" "+*u.ErrorCode+" | "+*u.Message)
	}
	want := []string{
		" ParseError | Invalid segment. ErrorCode: ParseError: document is not JSON: unexpected end of JSON input",
		"aaaaaaaaaaaaaaaa InvalidTraceId | Invalid segment. ErrorCode: InvalidTraceId",
		" MissingId | Invalid segment. ErrorCode: MissingId: id is missing",
		"aaaaaaaaaaaaaaaa InvalidSegment | Invalid segment. ErrorCode: InvalidSegment: end_time or in_progress is missing",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unprocessed (-want +got):\n%s", diff)
	}
	if st := s.Stats(); st.Documents != 1 || st.Refused != 4 {
		t.Errorf("stats = %+v, want 1 document and 4 refused", st)
	}
}

func TestPutTraceSegmentsLimits(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	docs := make([]string, 51)
	for i := range docs {
		docs[i] = span("api", fmt.Sprintf("%x", i%16), fmt.Sprintf("%x", i/16), 0, 1, "")
	}
	put(t, s, docs[:50]...)
	_, err := s.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{TraceSegmentDocuments: docs})
	wantError(t, err, "InvalidRequestException", "51 documents exceed 50")
	_, err = s.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{})
	wantError(t, err, "InvalidRequestException", "missing")
}

func TestTraceTimeCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		id      time.Time
		refused bool
	}{
		"now":        {noon, false},
		"29 days":    {noon.Add(-29 * 24 * time.Hour), false},
		"31 days":    {noon.Add(-31 * 24 * time.Hour), true},
		"in 4 min":   {noon.Add(4 * time.Minute), false},
		"in 6 min":   {noon.Add(6 * time.Minute), true},
		"a w3c id":   {time.Unix(0xffffffff, 0), true},
		"zero epoch": {time.Unix(0, 0), true},
	} {
		doc := strings.Replace(span("api", "a", "1", 0, 1, ""), "69a4b2c2", fmt.Sprintf("%08x", tc.id.Unix()), 1)
		strict, _ := newService(t, sandboxxray.Options{CheckTraceTime: true})
		out, err := strict.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{doc}})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(out.UnprocessedTraceSegments) == 1; got != tc.refused {
			t.Errorf("%s: refused %v, want %v", name, got, tc.refused)
		}
		lenient, _ := newService(t, sandboxxray.Options{})
		put(t, lenient, doc)
	}
}

func TestMemoryBound(t *testing.T) {
	const size = 1 << 10
	doc := func(i int) string {
		d := fmt.Sprintf(`{"name":"a","id":"%016x","trace_id":"1-00000000-%024x","start_time":%d,"end_time":%d`, i, i, noon.Unix(), noon.Unix())
		return d + `,"user":"` + strings.Repeat("x", size-len(d)-11) + `"}`
	}
	const room = 10
	s, _ := newService(t, sandboxxray.Options{MaxBytes: room * (size + sandboxxray.Overhead)})
	const sent = 3000
	for i := range sent {
		put(t, s, doc(i))
	}
	want := sandboxxray.Stats{
		Traces: room, Documents: room, Bytes: room * (size + sandboxxray.Overhead),
		EvictedTraces: sent - room, EvictedDocuments: sent - room,
	}
	if diff := cmp.Diff(want, s.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	for i, kept := range map[int]bool{sent - room - 1: false, sent - room: true, sent - 1: true} {
		out, err := s.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{fmt.Sprintf("1-00000000-%024x", i)}})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(out.Traces) == 1; got != kept {
			t.Errorf("trace %d is kept: %v, want %v", i, got, kept)
		}
	}
	s.Reset()
	if diff := cmp.Diff(sandboxxray.Stats{}, s.Stats()); diff != "" {
		t.Errorf("stats after reset (-want +got):\n%s", diff)
	}
}

func TestRetention(t *testing.T) {
	s, c := newService(t, sandboxxray.Options{})
	put(t, s, span("a", "a", "1", 0, 1, ""))
	c.now = noon.Add(15 * 24 * time.Hour)
	put(t, s, span("b", "b", "2", 0, 1, ""))
	c.now = noon.Add(31 * 24 * time.Hour)
	out, err := s.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{traceID("1"), traceID("2")}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Traces) != 1 || *out.Traces[0].Id != traceID("2") {
		t.Errorf("%d traces after 31 days, want the one of 16 days ago", len(out.Traces))
	}
	if got := s.Stats().ExpiredTraces; got != 1 {
		t.Errorf("expired traces = %d, want 1", got)
	}
}

func TestTraceLimit(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{MaxTraceBytes: 400})
	put(t, s, span("a", "a", "1", 0, 1, ""), span("b", "b", "1", 0, 1, ""), span("c", "c", "1", 0, 1, ""))
	tr := getTrace(t, s, "1")
	if len(tr.Segments) != 2 || !*tr.LimitExceeded {
		t.Errorf("%d segments, limit exceeded %v; want 2 and true", len(tr.Segments), *tr.LimitExceeded)
	}
	if got := s.Stats().Overflowed; got != 1 {
		t.Errorf("overflowed = %d, want 1", got)
	}
}

func TestPutTelemetryRecords(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	_, err := s.PutTelemetryRecords(t.Context(), &xray.PutTelemetryRecordsInput{TelemetryRecords: []types.TelemetryRecord{{Timestamp: &noon}}})
	if err != nil {
		t.Error(err)
	}
	_, err = s.PutTelemetryRecords(t.Context(), &xray.PutTelemetryRecordsInput{})
	wantError(t, err, "InvalidRequestException", "TelemetryRecords is missing")
	_, err = s.PutTelemetryRecords(t.Context(), &xray.PutTelemetryRecordsInput{TelemetryRecords: []types.TelemetryRecord{{}}})
	wantError(t, err, "InvalidRequestException", "Timestamp")
}
