package pace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/smithy-go"

	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
	"github.com/sidelight-dev/sidelight/agent/recipe/recipetest"
)

func tagResource(ctx context.Context, c *pace.Client) error {
	arn := "arn:aws:cloudwatch:us-east-1:000000000000:alarm:none"
	_, err := c.ListTagsForResource(ctx, &cloudwatch.ListTagsForResourceInput{ResourceARN: &arn})
	if e, ok := errors.AsType[smithy.APIError](err); ok && e.ErrorCode() == "ResourceNotFoundException" {
		return nil
	}
	return err
}

func remove(ctx context.Context, c *pace.Client) error {
	_, err := c.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"x"}})
	return err
}

func TestRatesAreTwoThirdsOfTheDocumented(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(context.Context, *pace.Client) error
		rate float64
	}{"delete": {remove, 2}, "list": {tagResource, 20.0 / 3}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := pace.New(recipetest.New())
				const calls = 100
				start := time.Now()
				for range calls {
					if err := c.do(t.Context(), client); err != nil {
						t.Fatal(err)
					}
				}
				// The bucket is full at first: one second's worth comes at once.
				want := time.Duration((calls - c.rate) / c.rate * float64(time.Second))
				if got := time.Since(start); got < want-50*time.Millisecond || got > want+time.Second {
					t.Errorf("%d calls took %s, want %s", calls, got, want)
				}
			})
		})
	}
}

func TestThrottlingSlowsDownAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		throttled := 0
		cw.Before = func(string) error {
			if throttled < 6 {
				throttled++
				return recipetest.Throttled()
			}
			return nil
		}
		client := pace.New(cw)
		if err := remove(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		minute := func() int {
			n := 0
			for start := time.Now(); time.Since(start) < time.Minute; n++ {
				if err := remove(t.Context(), client); err != nil {
					t.Fatal(err)
				}
			}
			return n
		}
		first, second := minute(), minute()
		if first >= 118 || second < 118 || second > 125 {
			t.Errorf("%d calls in the first minute after throttling, %d in the second", first, second)
		}
	})
}

func TestWhatIsRetried(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"throttling":    {recipetest.Throttled(), 12},
		"server fault":  {&smithy.GenericAPIError{Code: "Strange", Fault: smithy.FaultServer}, 12},
		"internal":      {&smithy.GenericAPIError{Code: "InternalServiceFault"}, 12},
		"in progress":   {&smithy.GenericAPIError{Code: "ValidationError", Message: "A separate request to update this alarm is in progress."}, 12},
		"denied":        {&smithy.GenericAPIError{Code: "AccessDenied", Fault: smithy.FaultClient}, 1},
		"quota":         {&smithy.GenericAPIError{Code: "LimitExceededException", Message: "too many alarms"}, 1},
		"not connected": {errors.New("no such host"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cw := recipetest.New()
				cw.Before = func(string) error { return c.err }
				if err := remove(t.Context(), pace.New(cw)); !errors.Is(err, c.err) {
					t.Errorf("error = %v", err)
				}
				if got := cw.Calls("DeleteAlarms"); got != c.want {
					t.Errorf("%d calls, want %d", got, c.want)
				}
			})
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cw := recipetest.New()
		cw.Before = func(string) error { return recipetest.Throttled() }
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errors.New("enough"))
		defer cancel()
		start := time.Now()
		err := remove(ctx, pace.New(cw))
		if err == nil || time.Since(start) > 3*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestPacedClientIsPacedOnce(t *testing.T) {
	c := pace.New(recipetest.New())
	if pace.New(c) != c {
		t.Error("a paced client was paced again")
	}
}
