package ship

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/sdk/instrumentation"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
)

const (
	// sendFrom is how much must wait to be sent without delay.
	sendFrom = 256 << 10

	// lookEvery is how often a waiting pipe looks for a new socket file.
	lookEvery = 250 * time.Millisecond

	drainAttempts = 4
	drainBackoff  = 100 * time.Millisecond
)

// Cause is why an item was lost.
type Cause int

// The causes.
const (
	// Full: the buffer had no room.
	Full Cause = iota
	// Rejected: the agent refused it for good.
	Rejected
	// Oversize: it alone is larger than a quarter of the buffer.
	Oversize
	// AtShutdown: it could not be delivered before the end.
	AtShutdown
	numCauses
)

// String returns the cause as Status and metrics show it.
func (c Cause) String() string {
	return [numCauses]string{"full", "rejected", "oversize", "shutdown"}[c]
}

// Counts describes a pipe since it was made. Accepted equals Delivered plus
// Queued plus the sum of Dropped.
type Counts struct {
	Accepted, Delivered uint64
	Queued              int
	Dropped             [numCauses]uint64
}

// Config describes a Pipe.
type Config struct {
	// Signal is "traces", "metrics" or "logs"; it names the request's path.
	Signal   string
	Resource otlp.Resource
	// Limit bounds the buffer in bytes.
	Limit int
	// Classes is the number of classes of value.
	Classes int
	// Delay is how long the first item waits for company.
	Delay time.Duration
}

// Pipe is one signal's way to the agent.
type Pipe struct {
	cfg    Config
	client *Client
	health *Health
	wake   chan struct{}

	mu      sync.Mutex
	buf     buffer
	counts  Counts // Queued is kept in buf
	closed  bool
	gone    bool
	due     time.Time // when to send what waits, if nothing hurries
	rest    time.Time // no attempt before, by our own backoff
	told    time.Time // no attempt before, by the agent's wish
	fails   int       // in a row
	lastErr error
	appear  func() bool
	waiters []chan error
}

// NewPipe returns an empty pipe. Nothing is sent until Run is called.
func NewPipe(cfg Config, c *Client, h *Health) *Pipe {
	p := &Pipe{
		cfg: cfg, client: c, health: h,
		wake: make(chan struct{}, 1),
		buf: buffer{
			limit:   cfg.Limit,
			classes: make([][]*chunk, cfg.Classes),
			index:   make(map[instrumentation.Scope]int),
		},
	}
	h.onReach(p.hurry)
	return p
}

// Signal returns the configured signal.
func (p *Pipe) Signal() string { return p.cfg.Signal }

// Add keeps a copy of body, the content of one message that holds count spans,
// points or records. It never waits for more than the pipe's lock.
func (p *Pipe) Add(scope instrumentation.Scope, class, count int, body []byte) {
	p.mu.Lock()
	p.counts.Accepted += uint64(count)
	lost, cause := p.addLocked(scope, class, count, body)
	p.counts.Dropped[cause] += uint64(lost)
	wake := p.dueLocked()
	p.mu.Unlock()
	if lost > 0 {
		p.health.lose(lost)
	}
	if wake {
		p.nudge()
	}
}

func (p *Pipe) addLocked(scope instrumentation.Scope, class, count int, body []byte) (lost int, cause Cause) {
	switch {
	case p.closed:
		return count, AtShutdown
	case len(body) > p.cfg.Limit/4:
		return count, Oversize
	}
	return p.buf.add(p.buf.scope(scope), class, count, body), Full
}

// dueLocked sets when to send and tells whether Run must be woken to know.
func (p *Pipe) dueLocked() bool {
	switch {
	case p.buf.queued == 0:
		return false
	case p.due.IsZero():
		p.due = time.Now().Add(p.cfg.Delay)
		return true
	case p.buf.used >= min(sendFrom, p.cfg.Limit/2) && p.fails == 0 && time.Now().Before(p.due):
		p.due = time.Now()
		return true
	}
	return false
}

func (p *Pipe) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// hurry ends the pipe's own backoff: another pipe reached the agent.
func (p *Pipe) hurry() {
	p.mu.Lock()
	p.rest = time.Time{}
	p.mu.Unlock()
	p.nudge()
}

// Counts returns a copy of the counters.
func (p *Pipe) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	c.Queued = p.buf.queued
	return c
}

// Run sends until ctx ends.
func (p *Pipe) Run(ctx context.Context) {
	for p.wait(ctx) {
		waiters, blocked := p.begin()
		err := blocked
		if err == nil {
			err = p.round(ctx)
		}
		for _, w := range waiters {
			w <- err
		}
	}
	waiters, _ := p.begin()
	for _, w := range waiters {
		w <- context.Cause(ctx)
	}
}

// wait returns true when it is time to send, false when ctx ended.
func (p *Pipe) wait(ctx context.Context) bool {
	for ctx.Err() == nil {
		d, timed := p.next()
		if timed && d <= 0 {
			return true
		}
		if !timed {
			select {
			case <-ctx.Done():
			case <-p.wake:
			}
			continue
		}
		t := time.NewTimer(d)
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-t.C:
		}
		t.Stop()
	}
	return false
}

// next tells how long to wait, if there is anything to wait for.
func (p *Pipe) next() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiters) > 0 {
		return 0, true
	}
	if p.buf.queued == 0 {
		return 0, false
	}
	now := time.Now()
	if told := p.told.Sub(now); told > 0 {
		return told, true
	}
	rest := p.rest.Sub(now)
	if rest <= 0 {
		return p.due.Sub(now), true
	}
	if p.appear == nil {
		return rest, true
	}
	if p.appear() {
		p.rest, p.appear = time.Time{}, nil
		return 0, true
	}
	return min(rest, lookEvery), true
}

// Flush sends what the pipe holds, at once unless the agent asked for rest,
// and waits for the result or for ctx.
func (p *Pipe) Flush(ctx context.Context) error {
	done := make(chan error, 1)
	p.mu.Lock()
	p.waiters = append(p.waiters, done)
	p.mu.Unlock()
	p.nudge()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Drain refuses further items and flushes, several times if an attempt fails
// and ctx leaves time. The error is of the last attempt.
func (p *Pipe) Drain(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for attempt := range drainAttempts {
		err := p.Flush(ctx)
		if err == nil || attempt == drainAttempts-1 || !p.pause(ctx, drainBackoff<<attempt) {
			return err
		}
	}
	return nil
}

// pause waits d, or as long as the agent asked for. It returns false at once
// if ctx would end before.
func (p *Pipe) pause(ctx context.Context, d time.Duration) bool {
	p.mu.Lock()
	d = max(d, time.Until(p.told))
	p.mu.Unlock()
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Abandon drops what is left, also what is out for sending, and returns its
// count. The result of a request that is still under way counts no more.
func (p *Pipe) Abandon() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := p.buf.queued
	p.closed, p.gone = true, true
	p.counts.Dropped[AtShutdown] += uint64(left)
	p.buf.queued, p.buf.used = 0, 0
	clear(p.buf.classes)
	return left
}
