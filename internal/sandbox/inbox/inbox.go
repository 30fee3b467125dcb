// Package inbox keeps the notifications that the sandbox's alarms send: what
// would go to SNS topics, functions and the like stays here to be read.
package inbox

import (
	"context"
	"slices"
	"sync"
	"time"
)

// DefaultLimit is how many notifications a Box keeps.
const DefaultLimit = 1000

// Notification is one message to one target.
type Notification struct {
	Time time.Time `json:"time"`
	// Target is the ARN of the action: a topic, a function, a policy.
	Target string `json:"target"`
	// Source is the ARN or the name of what sent it: an alarm.
	Source  string `json:"source"`
	Subject string `json:"subject,omitempty"`
	// Message is the text that the target would get, JSON as a rule.
	Message string `json:"message"`
}

// Notifier takes notifications. Notify does not block for long and keeps
// nothing of ctx.
type Notifier interface {
	Notify(ctx context.Context, n Notification)
}

// Box is a Notifier that keeps the latest notifications. It is safe for
// concurrent use.
type Box struct {
	limit int

	mu      sync.Mutex
	items   []Notification
	total   int
	changed chan struct{}
}

var _ Notifier = (*Box)(nil)

// New returns a Box for limit notifications, DefaultLimit if it is not
// positive.
func New(limit int) *Box {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Box{limit: limit, changed: make(chan struct{})}
}

// Notify implements Notifier.
func (b *Box) Notify(_ context.Context, n Notification) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.items) == b.limit {
		b.items = slices.Delete(b.items, 0, 1)
	}
	b.items = append(b.items, n)
	b.total++
	close(b.changed)
	b.changed = make(chan struct{})
}

// List returns the notifications that are kept, oldest first.
func (b *Box) List() []Notification {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.items)
}

// Total is how many notifications have come since the last Reset.
func (b *Box) Total() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total
}

// WaitTotal returns when n notifications have come, or with ctx's error.
func (b *Box) WaitTotal(ctx context.Context, n int) error {
	for {
		b.mu.Lock()
		total, changed := b.total, b.changed
		b.mu.Unlock()
		if total >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Reset empties the box.
func (b *Box) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items, b.total = nil, 0
}
