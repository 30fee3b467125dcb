// Package spare keeps the memory of blocks that are done with for those that
// begin. A body has a megabyte: to ask the runtime for one, to have it zeroed and
// to have the collector find out when it is free costs more than to fill it.
package spare

import (
	"slices"
	"sync"

	"github.com/sidelight-dev/sidelight"
)

// wasteful is how much more than asked for a spare may have, in bytes and as a
// multiple: the block of a quiet destination must not hold a busy one's memory.
const (
	wastefulBytes = 64 << 10
	wastefulTimes = 2
)

// small is what is not worth keeping.
const small = 8 << 10

// most is how many spares of a kind are kept.
const most = 16

// Memory holds spare bodies and marks, up to a number of bytes. It is safe for
// concurrent use. A nil *Memory is valid and keeps nothing.
type Memory struct {
	limit int

	mu     sync.Mutex
	bytes  int
	bodies shelf[byte]
	marks  shelf[sidelight.Mark]
}

// New returns an empty Memory that keeps limit bytes at most.
func New(limit int64) *Memory { return &Memory{limit: int(limit)} }

// markSize is the bytes of a sidelight.Mark.
const markSize = 16

// Body returns an empty slice with room for size bytes at least.
func (m *Memory) Body(size int) []byte {
	if m == nil {
		return make([]byte, 0, size)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.bodies.take(size)
	if b == nil {
		return make([]byte, 0, size)
	}
	m.bytes -= cap(b)
	return b
}

// Marks returns an empty slice with room for n marks at least.
func (m *Memory) Marks(n int) []sidelight.Mark {
	if m == nil {
		return make([]sidelight.Mark, 0, n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.marks.take(n)
	if s == nil {
		return make([]sidelight.Mark, 0, n)
	}
	m.bytes -= cap(s) * markSize
	return s
}

// Keep takes the body and the marks from b, which nobody may use any more.
func (m *Memory) Keep(b *sidelight.Block) {
	if m == nil {
		return
	}
	body, marks := b.Body, b.Marks
	b.Body, b.Marks = nil, nil
	m.KeepBody(body)
	if cap(marks)*markSize < small {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := cap(marks) * markSize; m.bytes+n <= m.limit && m.marks.put(marks) {
		m.bytes += n
	}
}

// KeepBody takes b, which nobody may use any more.
func (m *Memory) KeepBody(b []byte) {
	if m == nil || cap(b) < small {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bytes+cap(b) <= m.limit && m.bodies.put(b) {
		m.bytes += cap(b)
	}
}

// Age lets go of what was not needed since the call before.
func (m *Memory) Age() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes -= m.bodies.age() + m.marks.age()*markSize
}

// shelf holds slices in the order in which they came.
type shelf[T any] struct {
	spares [][]T
	idle   int // the fewest there were since the last age
}

// take returns the spare that was used last, of those that fit n, or nil.
func (s *shelf[T]) take(n int) []T {
	for i := len(s.spares) - 1; i >= 0; i-- {
		b := s.spares[i]
		if c := cap(b); c >= n && (c <= n*wastefulTimes || c <= n+wastefulBytes) {
			s.spares = slices.Delete(s.spares, i, i+1)
			s.idle = min(s.idle, len(s.spares))
			return b
		}
	}
	return nil
}

func (s *shelf[T]) put(b []T) bool {
	if len(s.spares) == most {
		return false
	}
	s.spares = append(s.spares, b[:0])
	return true
}

// age drops the oldest spares, as many as stood idle, and returns their
// capacity.
func (s *shelf[T]) age() int {
	n := 0
	for _, b := range s.spares[:s.idle] {
		n += cap(b)
	}
	s.spares = slices.Delete(s.spares, 0, s.idle)
	s.idle = len(s.spares)
	return n
}
