package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/deliver"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
	"github.com/sidelight-dev/sidelight/internal/spare"
)

// exporter plays a script: what each attempt answers.
type exporter struct {
	queuetest.Encoder
	answer func(attempt int, b *sidelight.Block) (sidelight.Receipt, error)

	mu       sync.Mutex
	attempts int
	bodies   []string
}

func (x *exporter) Export(ctx context.Context, b *sidelight.Block) (sidelight.Receipt, error) {
	x.mu.Lock()
	x.attempts++
	n := x.attempts
	x.mu.Unlock()
	r, err := x.answer(n, b)
	if err == nil {
		x.mu.Lock()
		x.bodies = append(x.bodies, string(b.Body))
		x.mu.Unlock()
	}
	return r, err
}

func all(b *sidelight.Block) (sidelight.Receipt, error) {
	return sidelight.Receipt{Accepted: b.Events}, nil
}

func fault(k sidelight.FaultKind) error {
	return &sidelight.Fault{Kind: k, Op: "test", Err: errors.New("scripted")}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// queueOf returns a closed queue of the blocks and the books that they are in.
func queueOf(t *testing.T, blocks ...*sidelight.Block) (*memq.Queue, *meter.Account) {
	t.Helper()
	q := memq.New(memq.Config{})
	var books meter.Account
	for _, b := range blocks {
		books.Accept(b.Signal, b.Events)
		if err := q.Put(b); err != nil {
			t.Fatal(err)
		}
	}
	_ = q.Close()
	return q, &books
}

// run delivers the blocks and returns when the queue is empty.
func run(t *testing.T, cfg deliver.Config, x *exporter, blocks ...*sidelight.Block) (*meter.Account, *deliver.Delivery) {
	t.Helper()
	q, books := queueOf(t, blocks...)
	d := deliver.New(cfg, "test", q, x, books, quiet())
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := books.Totals(sidelight.Logs).Queued(); n != 0 {
		t.Errorf("%d events unaccounted for", n)
	}
	return books, d
}

func TestFaults(t *testing.T) {
	block := func() *sidelight.Block { return queuetest.Block("d", "a", "b", "c") }
	first := func(k sidelight.FaultKind) func(int, *sidelight.Block) (sidelight.Receipt, error) {
		return func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if n <= 2 {
				return sidelight.Receipt{}, fault(k)
			}
			return all(b)
		}
	}
	cases := map[string]struct {
		answer   func(int, *sidelight.Block) (sidelight.Receipt, error)
		bodies   string
		refused  uint64
		attempts int
	}{
		"transient": {first(sidelight.Transient), "[a,b,c]", 0, 3},
		"throttled": {first(sidelight.Throttled), "[a,b,c]", 0, 3},
		"denied":    {first(sidelight.Denied), "[a,b,c]", 0, 3},
		"rejected":  {first(sidelight.Rejected), "", 3, 1},
		"too large": {func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if b.Events > 1 {
				return sidelight.Receipt{}, fault(sidelight.TooLarge)
			}
			return all(b)
		}, "[a] [b] [c]", 0, 5},
		"one event too large": {func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if strings.Contains(string(b.Body), "b") {
				return sidelight.Receipt{}, fault(sidelight.TooLarge)
			}
			return all(b)
		}, "[a] [c]", 1, 5},
		"unclassified": {func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if n == 1 {
				return sidelight.Receipt{}, errors.New("who knows")
			}
			return all(b)
		}, "[a,b,c]", 0, 2},
		"panic": {func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if n == 1 {
				panic("a bug in the exporter")
			}
			return all(b)
		}, "[a,b,c]", 0, 2},
		"partial": {func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if n == 1 {
				return sidelight.Receipt{Accepted: 1, Retry: []int{2}, Refused: []sidelight.Refusal{{Reason: "too_old", Events: 1}}}, nil
			}
			return all(b)
		}, "[a,b,c] [c]", 1, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := &exporter{answer: c.answer}
				released := 0
				ticket := sidelight.NewTicket(func(err error) { released++ })
				b := block()
				b.Attach(ticket)
				ticket.Release(nil)
				books, _ := run(t, deliver.Config{Workers: 1}, x, b)
				if got := strings.Join(x.bodies, " "); got != c.bodies {
					t.Errorf("delivered %s, want %s", got, c.bodies)
				}
				tot := books.Totals(sidelight.Logs)
				if tot.Lost() != c.refused || tot.Delivered != 3-c.refused {
					t.Errorf("books %+v, want %d refused", tot, c.refused)
				}
				if x.attempts != c.attempts || released != 1 {
					t.Errorf("%d attempts, ticket released %d times; want %d and 1", x.attempts, released, c.attempts)
				}
			})
		})
	}
}

// One destination that is denied does not hold up another, and does not cost
// an attempt for each of its blocks.
func TestDeniedRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		denied := 0
		x := &exporter{answer: func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if b.Dest.Value().Group == "denied" && time.Since(start) < 10*time.Minute {
				denied++
				return sidelight.Receipt{}, fault(sidelight.Denied)
			}
			return all(b)
		}}
		var blocks []*sidelight.Block
		for i := range 50 {
			blocks = append(blocks, queuetest.Block("denied", fmt.Sprint("d", i)), queuetest.Block("good", fmt.Sprint("g", i)))
		}
		run(t, deliver.Config{Workers: 1}, x, blocks...)
		if len(x.bodies) != 100 || !strings.HasPrefix(x.bodies[49], "[g") {
			t.Errorf("%d delivered; the 50th is %s, want a good one", len(x.bodies), x.bodies[49])
		}
		if denied > 40 {
			t.Errorf("%d attempts were denied in 10 minutes, want a few", denied)
		}
	})
}

// An outage costs few attempts, and delivery resumes within the longest
// backoff.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		x := &exporter{answer: func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if time.Since(start) < 5*time.Minute {
				return sidelight.Receipt{}, fault(sidelight.Transient)
			}
			return all(b)
		}}
		var blocks []*sidelight.Block
		for i := range 20 {
			blocks = append(blocks, queuetest.Block("d", fmt.Sprint(i)))
		}
		_, d := run(t, deliver.Config{}, x, blocks...)
		if s := d.Stats(); s.Transient > 300 {
			t.Errorf("%d attempts in an outage of 5 minutes", s.Transient)
		}
		if took := time.Since(start); took > 5*time.Minute+11*time.Second {
			t.Errorf("delivered after %v", took)
		}
	})
}

// The whole path in a bubble: pack, queue, deliver, with every third attempt
// failing. Everything arrives once, and the last ticket is released.
func TestPathWithFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memq.New(memq.Config{Limit: 64 << 10})
		var books meter.Account
		x := &exporter{answer: func(n int, b *sidelight.Block) (sidelight.Receipt, error) {
			if n%3 == 0 {
				return sidelight.Receipt{}, fault(sidelight.Transient)
			}
			return all(b)
		}}
		log := slog.New(slog.DiscardHandler)
		memory := spare.New(1 << 20)
		p := pack.New(pack.Config{Target: 8 << 10, Spare: memory}, x, q, &books, log)
		d := deliver.New(deliver.Config{Spare: memory}, "test", q, x, &books, log)
		var wg sync.WaitGroup
		wg.Go(func() { _ = p.Run(t.Context()) })
		wg.Go(func() { _ = d.Run(t.Context()) })
		const batches, each = 200, 100
		var mu sync.Mutex
		safe := 0
		for i := range batches {
			b := &sidelight.Batch{Dest: sidelight.Dest{Group: "g"}.Handle()}
			b.Ticket = sidelight.NewTicket(func(err error) {
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					safe++
				}
			})
			for j := range each {
				b.Events = append(b.Events, sidelight.Event{Time: 1, Body: fmt.Appendf(nil, "<%d>", i*each+j)})
			}
			if err := p.Push(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			b.Ticket.Release(nil)
		}
		if err := errors.Join(p.Close(), q.Close()); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if joined := strings.Join(x.bodies, ""); strings.Count(joined, "<") != batches*each || !strings.Contains(joined, "<19999>") {
			t.Errorf("%d events arrived, want %d", strings.Count(joined, "<"), batches*each)
		}
		if safe != batches {
			t.Errorf("%d tickets released, want %d", safe, batches)
		}
		if tot := books.Totals(sidelight.Logs); tot.Delivered != batches*each || tot.Queued() != 0 {
			t.Errorf("books %+v", tot)
		}
	})
}
