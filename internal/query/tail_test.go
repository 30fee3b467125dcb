package query_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
)

func TestTailOnce(t *testing.T) {
	w := newWorld(t)
	w.put(t, "/a", "one", map[int]string{50: "a50", 30: "a30", 10: "a10 error"})
	w.put(t, "/b", "two", map[int]string{40: "b40 error", 20: "b20"})
	for name, tc := range map[string]struct {
		tail query.Tail
		want []string
	}{
		"merged":  {query.Tail{Groups: []string{"/a", "/b"}}, []string{"a50", "b40 error", "a30", "b20", "a10 error"}},
		"pattern": {query.Tail{Groups: []string{"/a", "/b"}, Pattern: "error"}, []string{"b40 error", "a10 error"}},
		"stream":  {query.Tail{Groups: []string{"/a", "/b"}, StreamPrefix: "tw"}, []string{"b40 error", "b20"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.tail.From, tc.tail.To = time.Now().Add(-time.Minute), time.Now()
			var got []string
			err := w.Logs.Tail(t.Context(), tc.tail, func(lines []query.Line) error {
				for _, l := range lines {
					got = append(got, l.Message)
				}
				return nil
			})
			if d := cmp.Diff(tc.want, got); d != "" || err != nil {
				t.Errorf("%v, (-want +got):\n%s", err, d)
			}
		})
	}
	err := w.Logs.Tail(t.Context(), query.Tail{Groups: []string{"/none"}, From: time.Now()}, nil)
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("error = %v, want one of a missing group", err)
	}
}

// A tail of the sandbox sees each event once: of streams that are new, those that
// come late, and through throttles.
func TestTailFollows(t *testing.T) {
	w := newWorld(t)
	w.put(t, "/a", "one", map[int]string{30: "first"})
	w.fault(t, fault.Rule{Kind: fault.Throttle, Operation: "FilterLogEvents", Count: 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	slowed := 0
	tail := query.Tail{Groups: []string{"/a"}, From: time.Now().Add(-time.Minute), Slowed: func(error, time.Duration) { slowed++ }}
	err := w.Logs.Tail(ctx, tail, func(lines []query.Line) error {
		for _, l := range lines {
			got = append(got, l.Stream+" "+l.Message)
			switch l.Message {
			case "first":
				w.put(t, "/a", "two", map[int]string{1: "second"})
			case "second":
				w.put(t, "/a", "one", map[int]string{5: "late"})
			case "late":
				cancel()
			}
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	if d := cmp.Diff([]string{"one first", "two second", "one late"}, got); d != "" || slowed != 1 {
		t.Errorf("slowed %d times, (-want +got):\n%s", slowed, d)
	}
}

// filterFunc is a client that only filters.
type filterFunc func(*cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error)

func (f filterFunc) FilterLogEvents(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	return f(in)
}

type filtersOnly struct {
	query.LogsAPI
	filterFunc
}

func (f filtersOnly) FilterLogEvents(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput, o ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	return f.filterFunc.FilterLogEvents(ctx, in, o...)
}

// The pauses grow while nothing comes, and more when the service asks for it.
func TestTailPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		api := filterFunc(func(*cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
			at = append(at, time.Since(began))
			out := &cloudwatchlogs.FilterLogEventsOutput{}
			switch n := len(at); {
			case n == 6:
				out.Events = []types.FilteredLogEvent{{EventId: aws.String("e"), Timestamp: aws.Int64(time.Now().UnixMilli())}}
			case n > 7:
				return nil, &smithy.GenericAPIError{Code: "ThrottlingException"}
			}
			return out, nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		l := &query.Logs{API: filtersOnly{filterFunc: api}}
		err := l.Tail(ctx, query.Tail{Groups: []string{"g"}, From: began}, func([]query.Line) error { return nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v", err)
		}
		var pauses []time.Duration
		for i := range at[1:] {
			pauses = append(pauses, at[i+1]-at[i])
		}
		want := "[1.5s 2.25s 3.375s 5s 5s 1s 1.5s 3s 6s 12s]"
		if got := fmt.Sprint(pauses); got != want {
			t.Errorf("pauses %s, want %s", got, want)
		}
	})
}

// Pages of several groups are merged by time although none is there as a whole,
// and no page is read before it is needed.
func TestTailMergesPages(t *testing.T) {
	pages := map[string][][]int64{"a": {{1, 4}, {}, {9}}, "b": {{2, 3}, {5, 6, 7}, {8}}}
	api := filterFunc(func(in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
		group, at := *in.LogGroupIdentifier, 0
		if in.NextToken != nil {
			fmt.Sscan(*in.NextToken, &at)
		}
		out := &cloudwatchlogs.FilterLogEventsOutput{}
		for _, ms := range pages[group][at] {
			out.Events = append(out.Events, types.FilteredLogEvent{EventId: aws.String(fmt.Sprint(group, ms)), Timestamp: aws.Int64(ms), Message: aws.String(fmt.Sprint(group, ms))})
		}
		if at+1 < len(pages[group]) {
			out.NextToken = aws.String(fmt.Sprint(at + 1))
		}
		return out, nil
	})
	l := &query.Logs{API: filtersOnly{filterFunc: api}}
	var got []string
	err := l.Tail(t.Context(), query.Tail{Groups: []string{"a", "b"}, From: time.UnixMilli(0), To: time.UnixMilli(100)}, func(lines []query.Line) error {
		for _, line := range lines {
			got = append(got, line.Message)
		}
		return nil
	})
	want := "[a1 b2 b3 a4 b5 b6 b7 b8 a9]"
	if fmt.Sprint(got) != want || err != nil {
		t.Errorf("%v, got %v, want %s", err, got, want)
	}
}
