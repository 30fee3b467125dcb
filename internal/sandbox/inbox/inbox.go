// Package inbox keeps the notifications that the sandbox's alarms send: what
// would go to SNS topics, functions and the like stays here to be read.
package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// ExportState returns what the box has, by key.
func (b *Box) ExportState() (map[string]any, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]any{totalKey: b.total}
	for i := range b.items {
		out[strconv.Itoa(b.total-len(b.items)+i)] = b.items[i]
	}
	return out, nil
}

// totalKey is that of the count; the others are the places of notifications.
const totalKey = "total"

// ImportState puts what ExportState returned in the place of what the box has.
func (b *Box) ImportState(values map[string]json.RawMessage) error {
	total := 0
	if v, ok := values[totalKey]; ok {
		if err := json.Unmarshal(v, &total); err != nil {
			return fmt.Errorf("read inbox: %w", err)
		}
	}
	items := make(map[int]Notification)
	for key, v := range values {
		i, err := strconv.Atoi(key)
		if err != nil {
			continue // the count
		}
		var n Notification
		if err := json.Unmarshal(v, &n); err != nil {
			return fmt.Errorf("read inbox, %s: %w", key, err)
		}
		items[i] = n
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items, b.total = nil, total
	for _, i := range slices.Sorted(maps.Keys(items)) {
		b.items = append(b.items, items[i])
	}
	b.items = b.items[max(0, len(b.items)-b.limit):]
	return nil
}

// Reset empties the box.
func (b *Box) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items, b.total = nil, 0
}
