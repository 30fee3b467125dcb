package receiver

import (
	"log/slog"
	"sync"
	"time"
)

// warnEvery is how often a Warner lets the same kind of complaint through.
const warnEvery = time.Minute

// Warner writes a warning the first time and then at most once a minute, with
// the number of those it kept to itself. It is safe for concurrent use.
type Warner struct {
	log *slog.Logger

	mu     sync.Mutex
	last   map[string]time.Time
	silent map[string]int
}

// NewWarner returns a Warner that writes to log.
func NewWarner(log *slog.Logger) *Warner {
	return &Warner{log: log, last: map[string]time.Time{}, silent: map[string]int{}}
}

// Warn writes msg, which must be a constant, with args unless it did so within
// the last minute.
func (w *Warner) Warn(msg string, args ...any) {
	w.mu.Lock()
	now := time.Now()
	if last, ok := w.last[msg]; ok && now.Sub(last) < warnEvery {
		w.silent[msg]++
		w.mu.Unlock()
		return
	}
	w.last[msg] = now
	if n := w.silent[msg]; n > 0 {
		args = append(args, slog.Int("repeated", n))
		w.silent[msg] = 0
	}
	w.mu.Unlock()
	w.log.Warn(msg, args...)
}
