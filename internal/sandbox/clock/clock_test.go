package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
)

func TestRunsWithTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		start := c.Now()
		if err := c.Wait(t.Context(), start.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got := c.Now().Sub(start); got != time.Minute {
			t.Errorf("clock moved by %v, want 1m", got)
		}
	})
}

func TestFrozenStandsUntilAdvanced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Date(2026, 3, 1, 9, 40, 0, 0, time.UTC)
		c := clock.NewFrozen(at)
		done := make(chan error, 1)
		go func() { done <- c.Wait(t.Context(), at.Add(time.Hour)) }()
		for range 3 {
			synctest.Wait()
			select {
			case err := <-done:
				t.Fatalf("waited too short: %v at %v", err, c.Now())
			default:
			}
			if err := c.Advance(20 * time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if !c.Now().Equal(at.Add(time.Hour)) {
			t.Errorf("clock reads %v", c.Now())
		}
	})
}

func TestFreezeAndRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		c.Freeze()
		at := c.Now()
		<-time.After(time.Hour)
		if !c.Frozen() || !c.Now().Equal(at) {
			t.Errorf("a frozen clock moved from %v to %v", at, c.Now())
		}
		c.Run()
		<-time.After(time.Minute)
		if got := c.Now().Sub(at); got != time.Minute || c.Frozen() {
			t.Errorf("after Run the clock moved by %v in a minute", got)
		}
	})
}

func TestBackwards(t *testing.T) {
	c := clock.NewFrozen(time.Unix(1000, 0))
	if err := c.Set(time.Unix(999, 0)); !errors.Is(err, clock.ErrBackwards) {
		t.Errorf("Set to the past: %v", err)
	}
	if err := c.Advance(-1); !errors.Is(err, clock.ErrBackwards) {
		t.Errorf("Advance by -1: %v", err)
	}
	if err := c.Set(time.Unix(2000, 0)); err != nil || c.Now().Unix() != 2000 {
		t.Errorf("Set to the future: %v, clock reads %v", err, c.Now())
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	c := clock.NewFrozen(time.Unix(1000, 0))
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if err := c.Wait(ctx, time.Unix(1001, 0)); !errors.Is(err, cause) {
		t.Errorf("Wait = %v, want %v", err, cause)
	}
	if err := c.Wait(ctx, time.Unix(1000, 0)); err != nil {
		t.Errorf("Wait for now = %v", err)
	}
}
