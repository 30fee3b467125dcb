// Package queuetest holds the contract of sidelight.Queue as tests. Every
// queue's own tests call Run.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/pack"
)

// Encoder writes bodies such as [one,two]; it stands in for an exporter's.
type Encoder struct{}

// Limits returns limits that tests do not reach.
func (Encoder) Limits() sidelight.Limits {
	return sidelight.Limits{Events: 10_000, Weight: 1 << 20, Wire: 1 << 20, Sorted: true}
}

// Weigh returns the body's length.
func (Encoder) Weigh(e *sidelight.Event) int { return len(e.Body) }

// Begin opens the list.
func (Encoder) Begin(dst []byte, _ sidelight.Dest) []byte { return append(dst, '[') }

// Append writes the body and a comma.
func (Encoder) Append(dst []byte, e *sidelight.Event) []byte {
	return append(append(dst, e.Body...), ',')
}

// End replaces the last comma.
func (Encoder) End(dst []byte) []byte {
	dst[len(dst)-1] = ']'
	return dst
}

// Block returns a sealed block of the given documents, with times 1, 2, 3 ….
func Block(dest string, docs ...string) *sidelight.Block {
	b := Growing(dest, docs...)
	pack.Seal(Encoder{}, b, false)
	return b
}

// Growing returns an unsealed block of the given documents.
func Growing(dest string, docs ...string) *sidelight.Block {
	b := &sidelight.Block{Dest: sidelight.Dest{Exporter: "test", Group: dest}.Handle(), Body: []byte("["), Head: 1}
	for _, d := range docs {
		Grow(b, d)
	}
	return b
}

// Grow appends a document to an unsealed block.
func Grow(b *sidelight.Block, doc string) {
	b.Events++
	b.Body = Encoder{}.Append(b.Body, &sidelight.Event{Body: []byte(doc)})
	b.Marks = append(b.Marks, sidelight.Mark{End: uint32(len(b.Body)), Time: int64(b.Events)})
	b.First, b.Last = 1, int64(b.Events)
}

// Run checks that the queues that open returns keep the contract. open gives
// an empty queue whose limit is about limit bytes; a test calls it once.
func Run(t *testing.T, open func(t *testing.T, limit int64) sidelight.Queue) {
	cases := map[string]func(*testing.T, func(*testing.T, int64) sidelight.Queue){
		"oldest first":                    testOrder,
		"returned block is first in line": testReturn,
		"resting block lets others pass":  testRest,
		"rest ends":                       testRestEnds,
		"resting destination is left out": testPark,
		"room waits and wakes":            testRoom,
		"room ends with the context":      testRoomContext,
		"close drains":                    testClose,
		"commit leaves parts":             testParts,
		"every ticket is released once":   testTickets,
		"counts":                          testStats,
		"concurrent":                      testConcurrent,
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) { f(t, open) })
	}
}

const plenty = 1 << 20

func put(t *testing.T, q sidelight.Queue, blocks ...*sidelight.Block) {
	t.Helper()
	for _, b := range blocks {
		if err := q.Put(b); err != nil {
			t.Fatalf("Put: %v", err)
		}
	}
}

func take(t *testing.T, q sidelight.Queue, want string) sidelight.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	l, err := q.Take(ctx)
	if err != nil {
		t.Fatalf("Take: %v, want block %s", err, want)
	}
	if got := string(l.Block().Body); got != want {
		t.Fatalf("Take gives %s, want %s", got, want)
	}
	return l
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testOrder(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	q := open(t, plenty)
	put(t, q, Block("d", "a"), Block("d", "b"), Block("e", "c"))
	for _, want := range []string{"[a]", "[b]", "[c]"} {
		ok(t, take(t, q, want).Commit())
	}
}

func testReturn(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	q := open(t, plenty)
	put(t, q, Block("d", "a"), Block("d", "b"))
	first := take(t, q, "[a]")
	second := take(t, q, "[b]")
	ok(t, second.Return(0))
	ok(t, first.Return(0))
	ok(t, take(t, q, "[a]").Commit())
	ok(t, take(t, q, "[b]").Commit())
}

func testRest(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	q := open(t, plenty)
	put(t, q, Block("denied", "a"), Block("d", "b"))
	ok(t, take(t, q, "[a]").Return(time.Hour))
	ok(t, take(t, q, "[b]").Commit())
}

func testRestEnds(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, plenty)
		put(t, q, Block("d", "a"))
		ok(t, take(t, q, "[a]").Return(5*time.Second))
		start := time.Now()
		l, err := q.Take(t.Context())
		ok(t, err)
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("taken again after %v, want 5s", d)
		}
		ok(t, l.Commit())
	})
}

// testPark holds for queues that are a sidelight.Parker.
func testPark(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, plenty)
		p, can := q.(sidelight.Parker)
		if !can {
			t.Fatal("a queue must be able to leave out a destination that rests")
		}
		put(t, q, Block("denied", "a"), Block("denied", "b"), Block("d", "c"))
		start := time.Now()
		rest := func(d sidelight.DestHandle) time.Duration {
			if d.Value().Group == "denied" {
				return time.Minute - time.Since(start)
			}
			return 0
		}
		for _, want := range []string{"[c]", "[a]", "[b]"} {
			l, err := p.TakeUnless(t.Context(), rest)
			ok(t, err)
			if got := string(l.Block().Body); got != want {
				t.Errorf("took %s, want %s", got, want)
			}
			ok(t, l.Commit())
		}
		if d := time.Since(start); d != time.Minute {
			t.Errorf("what rests for a minute was taken after %v", d)
		}
	})
}

func testRoom(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, 4096)
		ok(t, q.Room(t.Context()))
		n := 0
		for ; n < 1000; n++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := q.Room(ctx)
			cancel()
			if errors.Is(err, sidelight.ErrFull) {
				break
			}
			ok(t, err)
			put(t, q, Block("d", strings.Repeat("x", 400)))
		}
		if n < 2 || n == 1000 {
			t.Fatalf("full after %d blocks of 400 bytes, limit 4096", n)
		}
		woken := make(chan error, 1)
		go func() { woken <- q.Room(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-woken:
			t.Fatalf("Room of a full queue returned %v", err)
		default:
		}
		for range n {
			l, err := q.Take(t.Context())
			ok(t, err)
			ok(t, l.Commit())
		}
		ok(t, <-woken)
	})
}

func testRoomContext(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	q := open(t, plenty)
	ok(t, q.Close())
	if err := q.Room(t.Context()); !errors.Is(err, sidelight.ErrClosed) {
		t.Errorf("Room of a closed queue = %v, want ErrClosed", err)
	}
}

func testClose(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	q := open(t, plenty)
	put(t, q, Block("d", "a"))
	ok(t, q.Close())
	if err := q.Put(Block("d", "b")); !errors.Is(err, sidelight.ErrClosed) {
		t.Fatalf("Put after Close = %v, want ErrClosed", err)
	}
	ok(t, take(t, q, "[a]").Commit())
	if _, err := q.Take(t.Context()); !errors.Is(err, sidelight.ErrClosed) {
		t.Fatalf("Take of a drained queue = %v, want ErrClosed", err)
	}
}

func testParts(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	q := open(t, plenty)
	released := 0
	ticket := sidelight.NewTicket(func(error) { released++ })
	b := Block("d", "a", "b", "c")
	b.Attach(ticket)
	put(t, q, b)
	ticket.Release(nil)
	ok(t, q.Close())
	l := take(t, q, "[a,b,c]")
	part, err := pack.Divide(Encoder{}, l.Block(), []int{0, 2})
	ok(t, err)
	ok(t, l.Commit(part))
	ok(t, take(t, q, "[a,c]").Commit())
	if released != 1 {
		t.Errorf("ticket released %d times, want 1", released)
	}
	if _, err := q.Take(t.Context()); !errors.Is(err, sidelight.ErrClosed) {
		t.Fatalf("Take of a drained queue = %v, want ErrClosed", err)
	}
}

func testTickets(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	q := open(t, plenty)
	var ends []error
	for i := range 3 {
		ticket := sidelight.NewTicket(func(err error) { ends = append(ends, err) })
		b := Block("d", fmt.Sprint(i))
		b.Attach(ticket)
		put(t, q, b)
		ticket.Release(nil)
	}
	for i := range 3 {
		ok(t, take(t, q, fmt.Sprintf("[%d]", i)).Commit())
	}
	if len(ends) != 3 || errors.Join(ends...) != nil {
		t.Errorf("tickets ended %v, want three nils", ends)
	}
}

func testStats(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	q := open(t, plenty)
	put(t, q, Block("d", "a", "b"), Block("d", "c"))
	if s := q.Stats(); s.Blocks != 2 || s.Events != 3 || s.Bytes != 8 || s.Oldest.IsZero() {
		t.Errorf("Stats = %+v, want 2 blocks, 3 events, 8 bytes", s)
	}
	ok(t, take(t, q, "[a,b]").Commit())
	ok(t, take(t, q, "[c]").Commit())
	if s := q.Stats(); s.Blocks != 0 || s.Events != 0 || s.Bytes != 0 || s.Memory != 0 || !s.Oldest.IsZero() {
		t.Errorf("Stats of an empty queue = %+v", s)
	}
}

func testConcurrent(t *testing.T, open func(*testing.T, int64) sidelight.Queue) {
	q := open(t, 2048)
	const writers, each = 4, 50
	var mu sync.Mutex
	seen := map[string]int{}
	var readers, wg sync.WaitGroup
	for r := range 3 {
		readers.Go(func() {
			for n := 0; ; n++ {
				l, err := q.Take(t.Context())
				if err != nil {
					return
				}
				if n%7 == r {
					_ = l.Return(0)
					continue
				}
				mu.Lock()
				seen[string(l.Block().Body)]++
				mu.Unlock()
				_ = l.Commit()
			}
		})
	}
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := q.Room(t.Context()); err != nil {
					t.Errorf("Room: %v", err)
				}
				if err := q.Put(Block("d", fmt.Sprintf("%d-%d", w, i))); err != nil {
					t.Errorf("Put: %v", err)
				}
			}
		})
	}
	wg.Wait()
	ok(t, q.Close())
	readers.Wait()
	if len(seen) != writers*each {
		t.Errorf("%d blocks arrived, want %d", len(seen), writers*each)
	}
	for body, n := range seen {
		if n != 1 {
			t.Errorf("%s was committed %d times", body, n)
		}
	}
}
