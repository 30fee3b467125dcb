package pack_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// tight is an encoder with small limits and a doubling escape for 'x'.
type tight struct{ queuetest.Encoder }

func (tight) Limits() sidelight.Limits {
	return sidelight.Limits{Events: 4, Weight: 40, Wire: 50, Span: time.Hour, Sorted: true}
}

func (tight) Append(dst []byte, e *sidelight.Event) []byte {
	return append(append(dst, strings.ReplaceAll(string(e.Body), "x", "xx")...), ',')
}

func events(docs ...string) []sidelight.Event {
	out := make([]sidelight.Event, len(docs))
	for i, d := range docs {
		out[i] = sidelight.Event{Time: int64(i), Body: []byte(d)}
	}
	return out
}

func batch(events []sidelight.Event) *sidelight.Batch {
	return &sidelight.Batch{Dest: sidelight.Dest{Exporter: "test", Group: "g"}.Handle(), Events: events}
}

// packed pushes the batches, closes the packer and returns the bodies.
func packed(t *testing.T, books *meter.Account, batches ...*sidelight.Batch) []string {
	t.Helper()
	q := memq.New(memq.Config{})
	p := pack.New(pack.Config{}, tight{}, q, books, slog.New(slog.DiscardHandler))
	for _, b := range batches {
		if err := p.Push(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes, n := p.Stats(); bytes != 0 || n != 0 {
		t.Errorf("a closed packer holds %d bytes, %d events", bytes, n)
	}
	_ = q.Close()
	var out []string
	for {
		l, err := q.Take(t.Context())
		if err != nil {
			return out
		}
		out = append(out, string(l.Block().Body))
		_ = l.Commit()
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("y", 20)
	cases := map[string]struct {
		in   []sidelight.Event
		want string
	}{
		"one block":       {events("a", "b"), "[a,b]"},
		"count":           {events("a", "b", "c", "d", "e"), "[a,b,c,d] [e]"},
		"weight":          {events(long, long, "z"), "[" + long + "," + long + "] [z]"},
		"oversize":        {events("a", strings.Repeat("y", 41), "b"), "[a,b]"},
		"empty":           {events("a", "", "b"), "[a,b]"},
		"wire moves":      {events("a", strings.Repeat("x", 24)), "[a] [" + strings.Repeat("x", 48) + "]"},
		"wire drops":      {events("a", strings.Repeat("x", 30), "b"), "[a] [b]"},
		"order":           {[]sidelight.Event{{Time: 3, Body: []byte("c")}, {Time: 1, Body: []byte("a")}, {Time: 3, Body: []byte("d")}, {Time: 2, Body: []byte("b")}}, "[a,b,c,d]"},
		"span":            {[]sidelight.Event{{Time: 0, Body: []byte("a")}, {Time: 3600001, Body: []byte("b")}}, "[a] [b]"},
		"span, backwards": {[]sidelight.Event{{Time: 3600001, Body: []byte("a")}, {Time: 0, Body: []byte("b")}}, "[a] [b]"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var books meter.Account
			got := packed(t, &books, batch(c.in))
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("packed %s, want %s", s, c.want)
			}
			out := strings.Count(strings.Join(got, ","), ",") + len(got)
			if len(got) > 0 {
				out -= len(got) - 1
			}
			tot := books.Totals(sidelight.Logs)
			if int(tot.Accepted) != len(c.in) || int(tot.Accepted-tot.Lost()) != out {
				t.Errorf("books %+v for %d events in, %d out", tot, len(c.in), out)
			}
		})
	}
}

func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := memq.New(memq.Config{})
		p := pack.New(pack.Config{Age: time.Second}, tight{}, q, &meter.Account{}, slog.New(slog.DiscardHandler))
		ended := make(chan error, 1)
		go func() { ended <- p.Run(t.Context()) }()
		start := time.Now()
		if err := p.Push(t.Context(), batch(events("a"))); err != nil {
			t.Fatal(err)
		}
		l, err := q.Take(t.Context())
		if err != nil || string(l.Block().Body) != "[a]" {
			t.Fatalf("Take = %v", err)
		}
		if d := time.Since(start); d < 750*time.Millisecond || d > 1300*time.Millisecond {
			t.Errorf("sealed after %v, want about 1s", d)
		}
		if err := errors.Join(p.Close(), <-ended); err != nil {
			t.Error(err)
		}
		if err := p.Push(t.Context(), batch(events("b"))); !errors.Is(err, sidelight.ErrClosed) {
			t.Errorf("Push after Close = %v, want ErrClosed", err)
		}
	})
}

// A full queue refuses a batch before any of it is taken.
func TestFullQueueTakesNothing(t *testing.T) {
	q := memq.New(memq.Config{Limit: 1})
	var books meter.Account
	p := pack.New(pack.Config{}, tight{}, q, &books, slog.New(slog.DiscardHandler))
	if err := q.Put(queuetest.Block("d", "full")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	released := false
	b := batch(events("a", "b"))
	b.Ticket = sidelight.NewTicket(func(error) { released = true })
	if err := p.Push(ctx, b); !errors.Is(err, sidelight.ErrFull) {
		t.Fatalf("Push = %v, want ErrFull", err)
	}
	if n := books.Totals(sidelight.Logs).Accepted; n != 0 {
		t.Errorf("accepted %d events of a refused batch", n)
	}
	b.Ticket.Release(nil)
	if !released {
		t.Error("somebody still holds the ticket")
	}
}

func TestOpenBytesAreBounded(t *testing.T) {
	q := memq.New(memq.Config{})
	p := pack.New(pack.Config{Open: 1000}, queuetest.Encoder{}, q, &meter.Account{}, slog.New(slog.DiscardHandler))
	for i := range 100 {
		b := batch(events(strings.Repeat("y", 100)))
		b.Dest = sidelight.Dest{Group: fmt.Sprint(i)}.Handle()
		if err := p.Push(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if bytes, _ := p.Stats(); bytes > 1000 {
			t.Fatalf("%d bytes open after %d pushes, limit 1000", bytes, i+1)
		}
	}
}

func TestGzipDivides(t *testing.T) {
	b := queuetest.Growing("d", "a", "b", "c")
	pack.Seal(queuetest.Encoder{}, b, true)
	part, err := pack.Divide(queuetest.Encoder{}, b, []int{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	again, err := pack.Divide(queuetest.Encoder{}, part, []int{1})
	if err != nil {
		t.Fatal(err)
	}
	if again.Coding != sidelight.Gzip || again.First != 3 || again.Last != 3 || again.Events != 1 {
		t.Errorf("part of a part = %+v", again)
	}
}

func BenchmarkPush(b *testing.B) {
	doc := strings.Repeat("y", 480) + `"quoted" \n`
	in := make([]sidelight.Event, 100)
	for i := range in {
		in[i] = sidelight.Event{Time: int64(i), Body: []byte(doc)}
	}
	q := memq.New(memq.Config{})
	p := pack.New(pack.Config{}, queuetest.Encoder{}, q, &meter.Account{}, slog.New(slog.DiscardHandler))
	b.SetBytes(int64(len(in) * len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Push(b.Context(), batch(in)); err != nil {
			b.Fatal(err)
		}
		for q.Stats().Blocks > 0 {
			l, err := q.Take(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			_ = l.Commit()
		}
	}
}
