package sandbox

import (
	"sync"

	"github.com/sidelight-dev/sidelight/internal/sandbox/awsproto"
)

// maxCalls is how many calls the record keeps.
const maxCalls = 1000

// callRing keeps the latest calls.
type callRing struct {
	mu    sync.Mutex
	ring  []awsproto.Call
	next  int // where the next call goes, once the ring is full
	total int
}

func (c *callRing) add(call awsproto.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total++
	if len(c.ring) < maxCalls {
		c.ring = append(c.ring, call)
		return
	}
	c.ring[c.next] = call
	c.next = (c.next + 1) % maxCalls
}

// list returns the calls that are kept, oldest first.
func (c *callRing) list() []awsproto.Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]awsproto.Call, 0, len(c.ring))
	return append(append(out, c.ring[c.next:]...), c.ring[:c.next]...)
}

func (c *callRing) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

func (c *callRing) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring, c.next, c.total = nil, 0, 0
}
