package receiver

import (
	"sync"

	"github.com/sidelight-dev/sidelight"
)

// Range is a part of an input, in bytes from its start: [Start, End).
type Range struct{ Start, End int64 }

// Ledger knows how much of an input is safe. Ranges are opened in the order of
// the input and end in any order; what lies before the first range that has not
// ended well is safe, and only that may be written to a checkpoint. Its methods
// are safe for concurrent use.
type Ledger struct {
	mu   sync.Mutex
	safe int64
	next int64
	// spans are the ranges from safe on, oldest first. The first is never
	// done.
	spans  []*span
	failed int
	moved  func() // may be nil
}

type span struct {
	Range
	state state
}

type state uint8

const (
	open state = iota
	done
	failed
)

// NewLedger returns a Ledger for an input that is safe up to start.
func NewLedger(start int64) *Ledger { return &Ledger{safe: start, next: start} }

// Renew returns a Ledger for an input that has begun anew, with the same Notify.
func (l *Ledger) Renew() *Ledger { return &Ledger{moved: l.moved} }

// Notify has f called whenever more has become safe. f must not block, nor call the
// ledger. Call it before the first Open.
func (l *Ledger) Notify(f func()) { l.moved = f }

// Open begins the range from the end of the one before to end, and returns its
// ticket, which the caller holds. Released without an error the range is safe;
// released with one it is offered by Again.
func (l *Ledger) Open(end int64) *sidelight.Ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	if end < l.next {
		panic("BUG: ledger opened backwards")
	}
	s := &span{Range: Range{l.next, end}}
	l.next = end
	l.spans = append(l.spans, s)
	return l.ticket(s)
}

func (l *Ledger) ticket(s *span) *sidelight.Ticket {
	return sidelight.NewTicket(func(err error) { l.close(s, err) })
}

func (l *Ledger) close(s *span, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		s.state = failed
		l.failed++
		return
	}
	s.state = done
	n := 0
	for n < len(l.spans) && l.spans[n].state == done {
		l.safe = l.spans[n].End
		n++
	}
	clear(l.spans[:n])
	l.spans = l.spans[n:]
	if n > 0 && l.moved != nil {
		l.moved()
	}
}

// Again opens the oldest range that failed once more and returns it with a new
// ticket. It returns false if there is none.
func (l *Ledger) Again() (Range, *sidelight.Ticket, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == 0 {
		return Range{}, nil, false
	}
	for _, s := range l.spans {
		if s.state == failed {
			s.state = open
			l.failed--
			return s.Range, l.ticket(s), true
		}
	}
	panic("BUG: a failed range is missing")
}

// Safe returns the offset before which everything is safe.
func (l *Ledger) Safe() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.safe
}

// Pending returns how many ranges are not yet part of what is safe.
func (l *Ledger) Pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.spans)
}
