package receiver_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight/agent/receiver"
)

func TestBudgetIsWaitedForButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := receiver.NewBudget(100)
		if err := m.Take(t.Context(), 60); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		time.AfterFunc(time.Second, func() { m.Give(60) })
		if err := m.Take(t.Context(), 50); err != nil || time.Since(begin) != time.Second {
			t.Errorf("Take = %v after %v", err, time.Since(begin))
		}
		begin = time.Now()
		if err := m.Take(t.Context(), 51); !errors.Is(err, receiver.ErrMemory) || time.Since(begin) != 5*time.Second {
			t.Errorf("Take = %v after %v", err, time.Since(begin))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := m.Take(ctx, 51); !errors.Is(err, receiver.ErrMemory) {
			t.Errorf("Take = %v", err)
		}
		if err := m.Take(t.Context(), 50); err != nil {
			t.Error(err)
		}
	})
}

func TestBudgetTry(t *testing.T) {
	b := receiver.NewBudget(100)
	if !b.Try(60) || b.Try(41) || !b.Try(40) {
		t.Error("the limit does not hold")
	}
	b.Give(100)
	if !b.Try(100) {
		t.Error("what was given back is not there")
	}
}
