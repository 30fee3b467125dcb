package meter

import (
	"maps"
	"sync"

	"github.com/sidelight-dev/sidelight"
)

// Account keeps the books of one agent: every item it accepted is delivered,
// refused by AWS, dropped, or still queued. Items are log events, segment
// documents or metric datums. The zero Account is empty. Its methods are safe
// for concurrent use and cost one uncontended lock, so call them per batch.
type Account struct {
	books [sidelight.NumSignals]book
}

type book struct {
	mu                             sync.Mutex
	accepted, recovered, delivered uint64
	refused, dropped               map[string]uint64
}

// Totals is a consistent copy of one signal's books.
type Totals struct {
	// Accepted counts items taken in by this process, Recovered those found in
	// the queue on disk at start.
	Accepted  uint64            `json:"accepted"`
	Recovered uint64            `json:"recovered"`
	Delivered uint64            `json:"delivered"`
	Refused   map[string]uint64 `json:"refused,omitempty"`
	Dropped   map[string]uint64 `json:"dropped,omitempty"`
}

// Queued is what is in none of the other books: packed or waiting.
func (t Totals) Queued() int64 {
	return int64(t.Accepted+t.Recovered) - int64(t.Delivered) - int64(sum(t.Refused)) - int64(sum(t.Dropped))
}

// Lost is the sum of what was refused and dropped.
func (t Totals) Lost() uint64 { return sum(t.Refused) + sum(t.Dropped) }

func sum(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

// Accept books n items taken in.
func (a *Account) Accept(s sidelight.Signal, n int) {
	a.post(s, func(b *book) { b.accepted += uint64(n) })
}

// Withdraw takes n items back that were accepted and not delivered, and that
// their source still has, as a file has its lines: they are not the agent's any
// more, and not lost.
func (a *Account) Withdraw(s sidelight.Signal, n int) {
	a.post(s, func(b *book) { b.accepted -= uint64(n) })
}

// Recover books n items found on disk.
func (a *Account) Recover(s sidelight.Signal, n int) {
	a.post(s, func(b *book) { b.recovered += uint64(n) })
}

// Deliver books n items that AWS has.
func (a *Account) Deliver(s sidelight.Signal, n int) {
	a.post(s, func(b *book) { b.delivered += uint64(n) })
}

// Refuse books n accepted items that AWS will never take.
func (a *Account) Refuse(s sidelight.Signal, reason string, n int) {
	a.post(s, func(b *book) { add(&b.refused, reason, n) })
}

// Drop books n accepted items that the agent gave up.
func (a *Account) Drop(s sidelight.Signal, cause string, n int) {
	a.post(s, func(b *book) { add(&b.dropped, cause, n) })
}

// Lose books n items that arrived but could not be taken in: accepted and
// dropped in one step.
func (a *Account) Lose(s sidelight.Signal, cause string, n int) {
	a.post(s, func(b *book) {
		b.accepted += uint64(n)
		add(&b.dropped, cause, n)
	})
}

// Totals returns a consistent copy of s's books.
func (a *Account) Totals(s sidelight.Signal) Totals {
	b := &a.books[s]
	b.mu.Lock()
	defer b.mu.Unlock()
	return Totals{
		Accepted: b.accepted, Recovered: b.recovered, Delivered: b.delivered,
		Refused: maps.Clone(b.refused), Dropped: maps.Clone(b.dropped),
	}
}

func (a *Account) post(s sidelight.Signal, f func(*book)) {
	b := &a.books[s]
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b)
}

func add(m *map[string]uint64, key string, n int) {
	if n == 0 {
		return
	}
	if *m == nil {
		*m = map[string]uint64{}
	}
	(*m)[key] += uint64(n)
}
