package forward

import (
	"context"
	"errors"
	"sync"
	"time"
)

var errMemory = errors.New("no memory left for unfinished messages")

// memoryWait is how long a connection waits for others to give memory back
// before it gives up its own: two that wait for each other must not do so for
// ever.
const memoryWait = 5 * time.Second

// memory is the budget of bytes for large messages.
type memory struct {
	limit int64

	mu      sync.Mutex
	used    int64
	changed chan struct{}
}

func newMemory(limit int64) *memory {
	return &memory{limit: limit, changed: make(chan struct{})}
}

// take waits until n bytes are free and takes them. It fails after a while, and
// when ctx ends.
func (m *memory) take(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, memoryWait)
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
			return errMemory
		case <-changed:
		}
	}
}

// give returns n bytes.
func (m *memory) give(n int) {
	if n == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= int64(n)
	close(m.changed)
	m.changed = make(chan struct{})
}
