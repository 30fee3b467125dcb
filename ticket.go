package sidelight

import "sync/atomic"

// Ticket counts the owners of a batch and tells the receiver, once, how it
// ended. An owner is anyone who could still lose the batch's bytes: first the
// receiver itself, then each block that took a part of it.
//
// A nil *Ticket is valid and does nothing, so that receivers with nothing to
// acknowledge pay nothing.
type Ticket struct {
	holds atomic.Int32
	err   atomic.Pointer[error]
	done  func(error)
}

// NewTicket returns a ticket with one hold, the caller's. done is called
// exactly once, by whichever goroutine releases the last hold; it must not
// block. Its argument is nil if every owner released with nil, else the first
// failure.
func NewTicket(done func(error)) *Ticket {
	t := &Ticket{done: done}
	t.holds.Store(1)
	return t
}

// Hold adds an owner. Only a current owner may call it.
func (t *Ticket) Hold() {
	if t == nil {
		return
	}
	if t.holds.Add(1) < 2 {
		panic("BUG: Hold on a released ticket")
	}
}

// Release ends one owner's interest. A nil err means that this owner's share
// is safe, by being durable, delivered, or dropped by a counted decision. Any
// other err means "not now": the receiver should offer the data again. It
// never means "dropped".
func (t *Ticket) Release(err error) {
	if t == nil {
		return
	}
	if err != nil {
		t.err.CompareAndSwap(nil, &err)
	}
	switch n := t.holds.Add(-1); {
	case n > 0:
	case n < 0:
		panic("BUG: Release on a released ticket")
	default:
		if e := t.err.Load(); e != nil {
			t.done(*e)
		} else {
			t.done(nil)
		}
	}
}
