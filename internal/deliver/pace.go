package deliver

import (
	"context"
	"sync"
	"time"
)

// failuresBeforePause is how many attempts in a row must fail before all of the
// exporter's attempts pause: a single reset connection says nothing about the
// service.
const failuresBeforePause = 3

// pace decides when the next attempt may begin. Failures in a row pause the
// whole exporter, exponentially; throttling spaces attempts out and lets them
// close up again with each success, so that a fleet slows down smoothly.
type pace struct {
	min, max time.Duration

	mu       sync.Mutex
	failures int           // in a row
	pause    time.Time     // no attempt before this
	gap      time.Duration // between attempts
	next     time.Time     // earliest next attempt by gap
}

func newPace(minBackoff, maxBackoff time.Duration) *pace {
	return &pace{min: minBackoff, max: maxBackoff}
}

// wait blocks until an attempt may begin.
func (p *pace) wait(ctx context.Context) error {
	for {
		d := p.reserve(time.Now())
		if d <= 0 {
			return nil
		}
		t := time.NewTimer(d)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}

// reserve returns how long to wait; zero takes the place.
func (p *pace) reserve(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.pause.Sub(now); d > 0 {
		return d
	}
	if p.gap == 0 {
		return 0
	}
	if d := p.next.Sub(now); d > 0 {
		return d
	}
	p.next = now.Add(p.gap)
	return 0
}

func (p *pace) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = 0
	p.pause = time.Time{}
	if p.gap = p.gap * 9 / 10; p.gap < time.Millisecond {
		p.gap = 0
	}
}

// failed returns how long the block should rest.
func (p *pace) failed(after time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures++
	rest := max(after, jitter(p.backoffLocked()))
	if p.failures >= failuresBeforePause {
		p.pause = time.Now().Add(rest)
	}
	return rest
}

func (p *pace) backoffLocked() time.Duration {
	d := p.min
	for i := 1; i < p.failures && d < p.max; i++ {
		d *= 2
	}
	return min(d, p.max)
}

// throttled widens the gap and returns how long the block should rest.
func (p *pace) throttled(after time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gap = min(max(p.gap*3/2, 10*time.Millisecond), p.max)
	p.next = time.Now().Add(jitter(p.gap))
	if after > 0 {
		p.pause = time.Now().Add(after)
	}
	return max(after, jitter(p.min))
}
