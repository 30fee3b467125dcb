package forward

import (
	"context"
	"net"
	"sync"
	"time"
)

// acks answers the chunks of one connection as their tickets end, in whatever
// order that is.
type acks struct {
	nc    net.Conn
	stall time.Duration
	wake  chan struct{}
	quit  chan struct{}
	wg    sync.WaitGroup

	mu      sync.Mutex
	started bool
	pending int
	out     []byte
	failed  bool
	drained chan struct{} // non-nil while finish waits for pending to be 0
}

func newAcks(nc net.Conn, stall time.Duration) *acks {
	return &acks{nc: nc, stall: stall, wake: make(chan struct{}, 1), quit: make(chan struct{})}
}

// expect announces a chunk. done must be called for it, once, later. The first
// starts the goroutine that writes, which finish ends.
func (a *acks) expect() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending++
	if !a.started {
		a.started = true
		a.wg.Go(a.write)
	}
}

// done ends the wait for chunk: it is answered if err is nil. It does not block
// and may be called after finish.
func (a *acks) done(chunk []byte, err error) {
	a.mu.Lock()
	a.pending--
	if err == nil {
		a.out = appendAck(a.out, chunk)
	} else {
		a.failed = true
	}
	if a.pending == 0 && a.drained != nil {
		close(a.drained)
		a.drained = nil
	}
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// appendAck appends {"ack": chunk}: Forward protocol v1, "Response".
func appendAck(dst, chunk []byte) []byte {
	dst = append(dst, 0x81, 0xa3, 'a', 'c', 'k')
	switch n := len(chunk); {
	case n < 32:
		dst = append(dst, 0xa0|byte(n))
	case n < 1<<8:
		dst = append(dst, 0xd9, byte(n))
	case n < 1<<16:
		dst = append(dst, 0xda, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0xdb, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, chunk...)
}

func (a *acks) write() {
	var buf []byte
	for {
		select {
		case <-a.wake:
		case <-a.quit:
			a.flush(buf)
			return
		}
		buf = a.flush(buf)
	}
}

// flush writes what is ready. A chunk that failed closes the connection: its
// sender learns by that, sooner than by waiting, to offer it again.
func (a *acks) flush(buf []byte) []byte {
	a.mu.Lock()
	out, failed := a.out, a.failed
	a.out = buf[:0]
	a.mu.Unlock()
	if len(out) > 0 {
		if err := a.nc.SetWriteDeadline(time.Now().Add(a.stall)); err != nil {
			failed = true
		} else if _, err := a.nc.Write(out); err != nil {
			failed = true
		}
	}
	if failed {
		a.nc.Close()
	}
	return out
}

// finish waits until every chunk is answered, for wait at most or until ctx
// ends, and ends the goroutine. It reports whether there were any chunks.
func (a *acks) finish(ctx context.Context, wait time.Duration) bool {
	a.mu.Lock()
	if !a.started {
		a.mu.Unlock()
		return false
	}
	var drained chan struct{}
	if a.pending > 0 && !a.failed {
		drained = make(chan struct{})
		a.drained = drained
	}
	a.mu.Unlock()
	if drained != nil && wait > 0 {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		select {
		case <-drained:
		case <-ctx.Done():
		}
	}
	close(a.quit)
	a.wg.Wait()
	return true
}
