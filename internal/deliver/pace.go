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

// The gap between attempts under throttling. It doubles when the service
// throttles and shrinks by a fifth with each success, which settles where about
// a quarter of the attempts are throttled. At its longest an agent makes one
// attempt in two seconds: ten thousand of them stay within the 5,000 requests a
// second that CloudWatch Logs takes. The longer the gap may grow the longer it
// takes to close up again, ten seconds from two.
const (
	firstGap = 10 * time.Millisecond
	maxGap   = 2 * time.Second
)

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
	widened  time.Time     // when the gap last grew
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
	if p.gap = p.gap * 4 / 5; p.gap < time.Millisecond {
		p.gap = 0
	}
}

// failed returns how long the block should rest.
func (p *pace) failed(after time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Attempts that were under way together fail together, and make the pause no
	// longer than one of them.
	if left := time.Until(p.pause); left > 0 {
		return max(after, left)
	}
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
	now := time.Now()
	// Attempts that were under way together are throttled together, and say the
	// same thing once.
	if now.Sub(p.widened) >= p.gap {
		p.gap, p.widened = min(max(p.gap*2, firstGap), maxGap, p.max), now
	}
	p.next = now.Add(jitter(p.gap))
	if after > 0 {
		p.pause = now.Add(after)
	}
	return max(after, jitter(p.min))
}
