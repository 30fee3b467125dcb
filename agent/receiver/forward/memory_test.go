package forward

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryIsWaitedForButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(100)
		if err := m.take(t.Context(), 60); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		time.AfterFunc(time.Second, func() { m.give(60) })
		if err := m.take(t.Context(), 50); err != nil || time.Since(begin) != time.Second {
			t.Errorf("take = %v after %v", err, time.Since(begin))
		}
		begin = time.Now()
		if err := m.take(t.Context(), 51); !errors.Is(err, errMemory) || time.Since(begin) != memoryWait {
			t.Errorf("take = %v after %v", err, time.Since(begin))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := m.take(ctx, 51); !errors.Is(err, errMemory) {
			t.Errorf("take = %v", err)
		}
		if err := m.take(t.Context(), 50); err != nil {
			t.Error(err)
		}
	})
}
