package agent

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// intake watches what is pushed, so that a stop can wait until the senders have
// said their last: the containers of a task often end after the agent was told
// to.
type intake struct {
	last atomic.Int64 // Unix nanoseconds of the last push
}

// watch returns a Sink that pushes to next.
func (i *intake) watch(next sidelight.Sink) sidelight.Sink {
	return sidelight.SinkFunc(func(ctx context.Context, b *sidelight.Batch) error {
		i.last.Store(time.Now().UnixNano())
		return next.Push(ctx, b)
	})
}

// settle returns once nothing was pushed for quiet, or when atMost has passed.
func (i *intake) settle(ctx context.Context, quiet, atMost time.Duration) {
	end := time.Now().Add(atMost)
	for {
		idle := time.Since(time.Unix(0, i.last.Load()))
		wait := min(quiet-idle, time.Until(end))
		if wait <= 0 {
			return
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}
