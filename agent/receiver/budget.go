package receiver

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrMemory is what Take returns when the budget stayed spent.
var ErrMemory = errors.New("no memory left for unfinished messages")

// budgetWait is how long a connection waits for others to give memory back
// before it gives up its own: two that wait for each other must not do so for
// ever.
const budgetWait = 5 * time.Second

// Budget bounds the bytes of unfinished messages, over all connections of a
// receiver. It is safe for concurrent use.
type Budget struct {
	limit int64

	mu      sync.Mutex
	used    int64
	changed chan struct{}
}

// NewBudget returns a Budget of limit bytes.
func NewBudget(limit int64) *Budget {
	return &Budget{limit: limit, changed: make(chan struct{})}
}

// Take waits until n bytes are free and takes them. It fails after a while, and
// when ctx ends.
func (m *Budget) Take(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, budgetWait)
	defer cancel()
	for {
		m.mu.Lock()
		if m.used+int64(n) <= m.limit {
			m.used += int64(n)
			m.mu.Unlock()
			return nil
		}
		changed := m.changed
		m.mu.Unlock()
		select {
		case <-ctx.Done():
			return ErrMemory
		case <-changed:
		}
	}
}

// Try takes n bytes if they are free.
func (m *Budget) Try(n int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used+int64(n) > m.limit {
		return false
	}
	m.used += int64(n)
	return true
}

// Give returns n bytes.
func (m *Budget) Give(n int) {
	if n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= int64(n)
	close(m.changed)
	m.changed = make(chan struct{})
}
