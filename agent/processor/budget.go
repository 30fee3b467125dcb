package processor

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/loglevel"
)

// overhead is what CloudWatch Logs charges for each event beside its message, in
// bytes.
const overhead = 26

// Budget is how many bytes of log events may be sent, for all pipelines that
// share it. It grows evenly and can save up a day's share; an agent begins with
// an hour's. When it is spent, events below warn are left out until there is some
// again. Worse ones and metrics always go on, on credit of up to a day's share.
type Budget struct {
	day float64 // bytes
	log *slog.Logger

	mu   sync.Mutex
	left float64
	last time.Time
	over bool
}

// NewBudget returns a Budget of so many bytes a day, as of now. log is told when
// it is spent and when there is some again.
func NewBudget(perDay float64, now time.Time, log *slog.Logger) *Budget {
	return &Budget{day: perDay, left: perDay / 24, last: now, log: log}
}

// spent reports whether nothing is left.
func (b *Budget) spent(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := now.Sub(b.last); d > 0 {
		b.left = min(b.day, b.left+b.day*d.Hours()/24)
		b.last = now
	}
	// A little must be saved before it counts as having some, or every batch
	// would end one state and begin the other.
	if over := b.left <= 0 || b.over && b.left < b.day/24/60; over != b.over {
		b.over = over
		if over {
			b.log.Warn("the budget for log events is spent: those below warn are left out and counted", "bytes_a_day", int64(b.day))
		} else {
			b.log.Info("the budget for log events has room again")
		}
	}
	return b.over
}

func (b *Budget) spend(bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = max(-b.day, b.left-float64(bytes))
}

// saver drops what there is no budget for.
type saver struct {
	budget *Budget
	tally  *tally
}

// Process drops events of b. It never fails.
func (s *saver) Process(_ context.Context, b *sidelight.Batch) error {
	over := s.budget.spent(time.Now())
	kept := b.Events[:0]
	for _, e := range b.Events {
		if over && loglevel.Of(e.Body) < loglevel.Warn && !isEMF(e.Body) {
			s.tally.overBudget++
			continue
		}
		s.tally.spent += len(e.Body) + overhead
		kept = append(kept, e)
	}
	b.Events = kept
	return nil
}
