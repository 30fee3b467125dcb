package traces_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/traces"
)

// script answers each look by its number.
type script struct {
	traces.API
	looks  int
	ranges []time.Duration
	answer func(look int) ([]types.TraceSummary, error)
}

func (s *script) GetTraceSummaries(_ context.Context, in *xray.GetTraceSummariesInput, _ ...func(*xray.Options)) (*xray.GetTraceSummariesOutput, error) {
	if in.TimeRangeType != types.TimeRangeTypeEvent {
		return nil, fmt.Errorf("range of %s", in.TimeRangeType)
	}
	s.ranges = append(s.ranges, in.EndTime.Sub(*in.StartTime))
	list, err := s.answer(s.looks)
	s.looks++
	return &xray.GetTraceSummariesOutput{TraceSummaries: list}, err
}

func summary(id string, at time.Time, revision int32, partial bool) types.TraceSummary {
	return types.TraceSummary{Id: &id, StartTime: &at, Revision: revision, IsPartial: &partial}
}

// A trace is told once, when it no longer grows, however often X-Ray shows it.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		api := &script{answer: func(look int) ([]types.TraceSummary, error) {
			a, b := summary("a", began.Add(time.Second), min(int32(look), 3), false), summary("b", began, 1, false)
			c := summary("c", began, int32(look), true) // never over
			switch look {
			case 0:
				return nil, nil
			case 3:
				return nil, &smithy.GenericAPIError{Code: "ThrottledException"}
			case 1:
				return []types.TraceSummary{a, c}, nil
			}
			return []types.TraceSummary{a, b, c}, nil
		}}
		var told []string
		var slowed int
		end := errors.New("enough")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		err := (&traces.Reader{API: api}).Watch(ctx, traces.Watch{
			From: began, Interval: 5 * time.Second, Slowed: func(error, time.Duration) { slowed++ },
		}, func(list []types.TraceSummary) error {
			for _, x := range list {
				told = append(told, fmt.Sprint(aws.ToString(x.Id), time.Since(began)))
			}
			if len(told) == 3 {
				return end
			}
			return nil
		})
		if !errors.Is(err, end) {
			t.Fatal(err)
		}
		// Looks: 0 s, 5, 10, 15 throttled, 25, 30, 35. A is at its third revision at
		// 25 s, b was the same at 10 and 25; c is given up waiting for at 35.
		want := []string{"b25s", "a30s", "c35s"}
		if d := cmp.Diff(want, told); d != "" || slowed != 1 {
			t.Errorf("slowed %d times, told (-want +got):\n%s", slowed, d)
		}
		for i, r := range api.ranges {
			if r > 40*time.Second {
				t.Errorf("look %d is %v wide", i, r)
			}
		}
	})
}

// What came long before the watch began is told too, in order, though only the
// first look sees it.
func TestWatchFromBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now().Add(-5 * time.Minute)
		api := &script{answer: func(look int) ([]types.TraceSummary, error) {
			if look > 0 {
				return nil, nil
			}
			return []types.TraceSummary{summary("b", began.Add(time.Second), 1, false), summary("a", began, 1, false)}, nil
		}}
		end := errors.New("enough")
		var told []string
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := (&traces.Reader{API: api}).Watch(ctx, traces.Watch{From: began, Interval: time.Second}, func(list []types.TraceSummary) error {
			for _, x := range list {
				told = append(told, aws.ToString(x.Id))
			}
			return end
		})
		if d := cmp.Diff([]string{"a", "b"}, told); d != "" || !errors.Is(err, end) {
			t.Errorf("%v, told (-want +got):\n%s", err, d)
		}
	})
}

func TestWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		api := &script{answer: func(int) ([]types.TraceSummary, error) { return nil, nil }}
		err := (&traces.Reader{API: api}).Watch(ctx, traces.Watch{From: time.Now(), Interval: 5 * time.Second}, nil)
		if !errors.Is(err, context.DeadlineExceeded) || api.looks != 3 {
			t.Errorf("after %d looks: %v", api.looks, err)
		}
		api.answer = func(int) ([]types.TraceSummary, error) {
			return nil, errors.New("refused")
		}
		if err := (&traces.Reader{API: api}).Watch(t.Context(), traces.Watch{From: time.Now(), Interval: time.Second}, nil); err == nil {
			t.Error("a refusal did not end it")
		}
	})
}
