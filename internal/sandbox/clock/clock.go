// Package clock is the sandbox's time: the machine's, shifted, or frozen at an
// instant and moved by hand, so that what takes hours at AWS takes no time in a
// test.
package clock

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// ErrBackwards says that a clock was asked to go back, which the stores of the
// sandbox do not survive.
var ErrBackwards = errors.New("the clock does not go backwards")

// Clock implements api.Clock. It is safe for concurrent use.
type Clock struct {
	mu      sync.Mutex
	frozen  bool
	at      time.Time     // the time, if frozen
	offset  time.Duration // ahead of the machine's clock, if not
	changed chan struct{} // closed and replaced when the clock is set

	keeping sync.Mutex
	keep    func() error
}

// Keep makes each change of the clock call save, which may ask the clock; its
// error is that of the change, which is made all the same. Nil ends it.
func (c *Clock) Keep(save func() error) {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	c.keep = save
}

func (c *Clock) kept() error {
	c.keeping.Lock()
	defer c.keeping.Unlock()
	if c.keep == nil {
		return nil
	}
	return c.keep()
}

var _ api.Clock = (*Clock)(nil)

// New returns a clock that runs with the machine's.
func New() *Clock { return &Clock{changed: make(chan struct{})} }

// NewFrozen returns a clock that stands at t.
func NewFrozen(t time.Time) *Clock {
	return &Clock{changed: make(chan struct{}), frozen: true, at: t.UTC()}
}

// Now implements api.Clock. The result is in UTC and has no monotonic reading,
// so that it may be compared and stored.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nowLocked()
}

func (c *Clock) nowLocked() time.Time {
	if c.frozen {
		return c.at
	}
	return time.Now().Add(c.offset).UTC().Round(0)
}

// Frozen says whether the clock stands still.
func (c *Clock) Frozen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frozen
}

// Freeze stops the clock where it is.
func (c *Clock) Freeze() error {
	c.mu.Lock()
	c.moveLocked(c.nowLocked(), true)
	c.mu.Unlock()
	return c.kept()
}

// Run lets the clock go on from where it is, at the machine's speed.
func (c *Clock) Run() error {
	c.mu.Lock()
	c.moveLocked(c.nowLocked(), false)
	c.mu.Unlock()
	return c.kept()
}

// Advance moves the clock on by d. A frozen clock stays frozen. It returns
// ErrBackwards for a negative d.
func (c *Clock) Advance(d time.Duration) error {
	if d < 0 {
		return ErrBackwards
	}
	c.mu.Lock()
	c.moveLocked(c.nowLocked().Add(d), c.frozen)
	c.mu.Unlock()
	return c.kept()
}

// Set moves the clock on to t. It returns ErrBackwards if t is past.
func (c *Clock) Set(t time.Time) error {
	c.mu.Lock()
	past := t.Before(c.nowLocked())
	if !past {
		c.moveLocked(t.UTC().Round(0), c.frozen)
	}
	c.mu.Unlock()
	if past {
		return ErrBackwards
	}
	return c.kept()
}

func (c *Clock) moveLocked(t time.Time, frozen bool) {
	c.frozen, c.at, c.offset = frozen, t, 0
	if !frozen {
		c.offset = time.Until(t)
	}
	c.signalLocked()
}

func (c *Clock) signalLocked() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Wait implements api.Clock.
func (c *Clock) Wait(ctx context.Context, t time.Time) error {
	for {
		c.mu.Lock()
		left, frozen, changed := t.Sub(c.nowLocked()), c.frozen, c.changed
		c.mu.Unlock()
		if left <= 0 {
			return nil
		}
		if err := waitChange(ctx, left, frozen, changed); err != nil {
			return err
		}
	}
}

// waitChange returns when the clock was set, or has run for d.
func waitChange(ctx context.Context, d time.Duration, frozen bool, changed <-chan struct{}) error {
	var tick <-chan time.Time
	if !frozen {
		t := time.NewTimer(d)
		defer t.Stop()
		tick = t.C
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-changed:
	case <-tick:
	}
	return nil
}
