// Package line is the order of service that both queues share: items stand in
// the order they were put, are leased from the front, and are given back to
// where they stood, at once or after a rest.
package line

import (
	"context"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Line holds items of type T. Its methods are safe for concurrent use. The
// zero Line is empty and open.
type Line[T any] struct {
	mu     sync.Mutex
	items  []*Item[T] // in order; done items are cut off lazily
	head   int        // everything before it is done
	leased int
	live   int
	closed bool
	wake   chan struct{} // closed and forgotten at each change while someone waits
}

type state uint8

const (
	ready state = iota
	leased
	done
)

// Item is one place in the line.
type Item[T any] struct {
	Value T

	line  *Line[T]
	state state
	rest  time.Time // when ready: not before this, if set
}

// Put appends v. It reports false, and does nothing, when the line is closed.
func (l *Line[T]) Put(v T) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.putLocked(v)
	return true
}

func (l *Line[T]) putLocked(v T) {
	l.items = append(l.items, &Item[T]{Value: v, line: l})
	l.live++
	l.broadcastLocked()
}

// Take waits for the first item that is neither leased nor resting. Once the
// line is closed and every item is done it returns sidelight.ErrClosed. rest, if
// not nil, is asked whether an item that would be next must rest, and how long;
// it is called with the line's lock held and must not call back into the line.
func (l *Line[T]) Take(ctx context.Context, rest func(T) time.Duration) (*Item[T], error) {
	for {
		l.mu.Lock()
		it, next := l.frontLocked(time.Now(), rest)
		if it != nil {
			it.state = leased
			l.leased++
			l.mu.Unlock()
			return it, nil
		}
		if l.closed && l.live == 0 {
			l.mu.Unlock()
			return nil, sidelight.ErrClosed
		}
		wake := l.waitLocked()
		l.mu.Unlock()
		if err := wait(ctx, wake, next); err != nil {
			return nil, err
		}
	}
}

// frontLocked returns the first item to serve, or when the next one is rested.
func (l *Line[T]) frontLocked(now time.Time, rest func(T) time.Duration) (*Item[T], time.Time) {
	var next time.Time
	for _, it := range l.items[l.head:] {
		if it.state != ready {
			continue
		}
		if rest != nil && !it.rest.After(now) {
			if d := rest(it.Value); d > 0 {
				it.rest = now.Add(d)
			}
		}
		if it.rest.After(now) {
			if next.IsZero() || it.rest.Before(next) {
				next = it.rest
			}
			continue
		}
		return it, next
	}
	return nil, next
}

func wait(ctx context.Context, wake <-chan struct{}, next time.Time) error {
	var timer <-chan time.Time
	if !next.IsZero() {
		t := time.NewTimer(time.Until(next))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-wake:
	case <-timer:
	}
	return nil
}

// Done takes a leased item out of the line. What is left of it is put at the
// end, even if the line is closed.
func (it *Item[T]) Done(left ...T) {
	l := it.line
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range left {
		l.putLocked(v)
	}
	if it.state != leased {
		panic("BUG: Done on an item that is not leased")
	}
	it.state = done
	l.leased--
	l.live--
	l.trimLocked()
	l.broadcastLocked()
}

// Return gives a leased item back to its place, to be served again after rest.
func (it *Item[T]) Return(rest time.Duration) {
	l := it.line
	l.mu.Lock()
	defer l.mu.Unlock()
	if it.state != leased {
		panic("BUG: Return on an item that is not leased")
	}
	it.state = ready
	it.rest = time.Time{}
	if rest > 0 {
		it.rest = time.Now().Add(rest)
	}
	l.leased--
	l.broadcastLocked()
}

// Close lets no more items in.
func (l *Line[T]) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.broadcastLocked()
}

// Closed reports whether Close was called.
func (l *Line[T]) Closed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Abandon takes every item that is not leased out of the line and returns
// their values in order.
func (l *Line[T]) Abandon() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []T
	for _, it := range l.items[l.head:] {
		if it.state == ready {
			out = append(out, it.Value)
			it.state = done
			l.live--
		}
	}
	l.trimLocked()
	l.broadcastLocked()
	return out
}

// Each calls f for every live item in order, until f returns false. f must not
// call back into the line.
func (l *Line[T]) Each(f func(v T, leased bool) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, it := range l.items[l.head:] {
		if it.state != done && !f(it.Value, it.state == leased) {
			return
		}
	}
}

// Len is the number of live items.
func (l *Line[T]) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live
}

// Changed returns a channel that is closed at the next change of the line.
func (l *Line[T]) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waitLocked()
}

// trimLocked cuts off what is done at the front. Where an item rests there for
// long, what is done behind it is taken out too, once it is most of the line.
func (l *Line[T]) trimLocked() {
	for l.head < len(l.items) && l.items[l.head].state == done {
		l.items[l.head] = nil
		l.head++
	}
	if l.head == len(l.items) {
		l.items, l.head = l.items[:0], 0
		return
	}
	if len(l.items) < 128 || len(l.items) < 2*l.live {
		return
	}
	n := 0
	for _, it := range l.items[l.head:] {
		if it.state != done {
			l.items[n] = it
			n++
		}
	}
	clear(l.items[n:])
	l.items, l.head = l.items[:n], 0
}

func (l *Line[T]) waitLocked() <-chan struct{} {
	if l.wake == nil {
		l.wake = make(chan struct{})
	}
	return l.wake
}

func (l *Line[T]) broadcastLocked() {
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
}
