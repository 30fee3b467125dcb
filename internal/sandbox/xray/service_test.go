package xray_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/xray"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	sandboxxray "github.com/sidelight-dev/sidelight/internal/sandbox/xray"
)

// clock stands still until moved.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Wait(ctx context.Context, t time.Time) error {
	if t.After(c.now) {
		return errors.New("nobody moves this clock")
	}
	return ctx.Err()
}

// noon is the time at which the tests' clock starts.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newService(t testing.TB, o sandboxxray.Options) (*sandboxxray.Service, *clock) {
	t.Helper()
	c := &clock{now: noon}
	o.Clock = c
	return sandboxxray.New(o), c
}

// put sends documents and fails if any is refused.
func put(t testing.TB, s *sandboxxray.Service, docs ...string) {
	t.Helper()
	out, err := s.PutTraceSegments(t.Context(), &xray.PutTraceSegmentsInput{TraceSegmentDocuments: docs})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range out.UnprocessedTraceSegments {
		t.Fatalf("document refused: %s", *u.Message)
	}
}

// at returns noon plus some seconds as epoch seconds.
func at(seconds float64) float64 { return float64(noon.Unix()) + seconds }

// span writes a document: a name, an ID of one repeated digit, a start and end
// in seconds after noon, and further members.
func span(name, digit, trace string, start, end float64, more string) string {
	return fmt.Sprintf(`{"name":%q,"id":%q,"trace_id":%q,"start_time":%.3f,"end_time":%.3f%s}`,
		name, id(digit), traceID(trace), at(start), at(end), more)
}

func id(digit string) string { return strings.Repeat(digit, 16) }

func traceID(digit string) string { return "1-69a4b2c2-" + strings.Repeat(digit, 24) }

// wantError fails unless err is an api.Error of the shape whose message contains
// text.
func wantError(t testing.TB, err error, shape, text string) {
	t.Helper()
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Shape != shape || !strings.Contains(e.Message, text) {
		t.Errorf("error = %v, want %s with %q", err, shape, text)
	}
}

func TestOperations(t *testing.T) {
	s, _ := newService(t, sandboxxray.Options{})
	if s.Name() != "xray" {
		t.Errorf("Name() = %q", s.Name())
	}
	seen := map[string]bool{}
	for _, op := range s.Operations() {
		if seen[op.Name] {
			t.Errorf("operation %s is listed twice", op.Name)
		}
		seen[op.Name] = true
		// An empty input is answered or refused, and never an internal failure.
		if _, err := op.Do(t.Context(), op.NewInput()); err != nil {
			if _, ok := errors.AsType[*api.Error](err); !ok {
				t.Errorf("%s of an empty input: %v is not in AWS's terms", op.Name, err)
			}
		}
	}
	if len(seen) < 24 {
		t.Errorf("%d operations", len(seen))
	}
}
