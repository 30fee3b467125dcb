package xray_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/xray"

	sandboxxray "github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

// TestConcurrentUse has writers and readers work on the same traces; what was
// computed while documents arrived must not outlive them.
func TestConcurrentUse(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	const writers, each = 4, 50
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for i := range each {
				doc := fmt.Sprintf(`{"name":"w%d","id":"%08x%08x","trace_id":%q,"start_time":%.3f,"end_time":%.3f}`, w, w, i, traceID(fmt.Sprint(i%5)), at(0), at(1))
				if _, err := s.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{doc}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Go(func() {
		for range each {
			if _, err := s.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: seconds(0), EndTime: seconds(60)}); err != nil {
				t.Error(err)
			}
			if _, err := s.GetTraceSummaries(t.Context(), &xray.GetTraceSummariesInput{StartTime: seconds(0), EndTime: seconds(60)}); err != nil {
				t.Error(err)
			}
		}
	})
	work.Wait()
	var total int64
	for _, n := range graph(t, s, 0, 60) {
		if n.SummaryStatistics != nil {
			total += *n.SummaryStatistics.TotalCount
		}
	}
	if total != writers*each {
		t.Errorf("graph counts %d segments, want %d", total, writers*each)
	}
}
