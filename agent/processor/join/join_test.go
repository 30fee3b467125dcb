package join_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/container"
	"github.com/sidelight-dev/sidelight/agent/processor/join"
	"github.com/sidelight-dev/sidelight/agent/processor/multiline"
)

// sink keeps what is pushed and the tickets of it.
type sink struct {
	mu      sync.Mutex
	bodies  []string
	times   []int64
	tickets []*sidelight.Ticket
	err     error
	lost    int
}

func (s *sink) Push(_ context.Context, b *sidelight.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	for _, e := range b.Events {
		s.bodies = append(s.bodies, string(e.Body))
		s.times = append(s.times, e.Time)
	}
	if b.Ticket != nil {
		b.Ticket.Hold()
		s.tickets = append(s.tickets, b.Ticket)
	}
	return nil
}

func (s *sink) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies)
}

// deliver makes everything that was pushed safe.
func (s *sink) deliver() {
	s.mu.Lock()
	tickets := s.tickets
	s.tickets = nil
	s.mu.Unlock()
	for _, t := range tickets {
		t.Release(nil)
	}
}

func (s *sink) Lose(_ sidelight.Signal, _ string, n int) { s.lost += n }

func rule(t testing.TB, cfg multiline.Config) *multiline.Rule {
	t.Helper()
	r, err := multiline.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func batch(source string, lines ...string) *sidelight.Batch {
	b := &sidelight.Batch{Source: source, Dest: sidelight.Dest{Group: "g"}.Handle()}
	for i, l := range lines {
		b.Events = append(b.Events, sidelight.Event{Time: int64(i + 1), Body: []byte(l)})
	}
	return b
}

func stage(cfg join.Config, s *sink) *join.Stage {
	return join.New(cfg, s, s, slog.New(slog.DiscardHandler))
}

const stamp = "2026-11-22T15:04:05Z "

func TestJoin(t *testing.T) {
	java := rule(t, multiline.Config{Stacks: []string{"java"}})
	for name, c := range map[string]struct {
		cfg     join.Config
		batches [][]string
		want    []string // before the close
		last    []string // after it
	}{
		"cri": {join.Config{Read: container.CRI}, [][]string{
			{stamp + "stdout F one", stamp + "stdout P tw", stamp + "stderr F err", stamp + "stdout P -"},
			{stamp + "stdout F o", stamp + "stdout P thr", "not cri"},
		}, []string{"one", "err", "tw-o", "not cri"}, []string{"thr"}},
		"cri and empty lines": {join.Config{Read: container.CRI}, [][]string{{stamp + "stdout F ", stamp + "stdout F x"}}, []string{"x"}, nil},
		"docker": {join.Config{Read: container.Docker}, [][]string{
			{`{"log":"one\n"}`, `{"log":"tw"}`}, {`{"log":"o\n"}`},
		}, []string{"one", "two"}, nil},
		"records": {join.Config{Read: container.Record}, [][]string{
			{`{"log":"one","c":1}`, `{"log":"tw\"","c":1,"partial_message":"true","partial_last":"false"}`},
			{`{"log":"o","c":1,"partial_message":"true","partial_last":"true"}`, `{"x":1}`},
		}, []string{`{"log":"one","c":1}`, `{"log":"tw\"o","c":1,"partial_message":"true","partial_last":"false"}`, `{"x":1}`}, nil},
		"lines": {join.Config{Rule: rule(t, multiline.Config{Start: `^\d`})}, [][]string{
			{"0", "1", " a"}, {" b"}, {" c", "2", "3"}, {" d"},
		}, []string{"0", "1\n a\n b\n c", "2"}, []string{"3\n d"}},
		"cri lines of two streams": {join.Config{Read: container.CRI, Rule: java}, [][]string{
			{stamp + "stderr F ERROR x", stamp + "stdout F INFO y"},
			{stamp + "stderr F a.b.CException: z", stamp + "stdout F INFO w", stamp + "stderr P \tat a.b"},
			{stamp + "stderr F .c()"},
		}, []string{"INFO y"}, []string{"INFO w", "ERROR x\na.b.CException: z\n\tat a.b.c()"}},
		"records of lines": {join.Config{Read: container.Record, Rule: java}, [][]string{
			{`{"c":1,"log":"ERROR x"}`}, {`{"c":1,"log":"a.b.CException: \"z\""}`, `{"c":2,"log":"INFO"}`},
		}, []string{`{"c":1,"log":"ERROR x\na.b.CException: \"z\""}`}, []string{`{"c":2,"log":"INFO"}`}},
		"too long": {join.Config{Rule: rule(t, multiline.Config{Start: `^\d`}), Bytes: 6, Lines: 3}, [][]string{
			{"1", "a", "b", "c", "dddd", "eeeee"},
		}, []string{"1\na\nb", "c\ndddd"}, []string{"eeeee"}},
		"too long a piece": {join.Config{Read: container.CRI, Bytes: 4}, [][]string{
			{stamp + "stdout P abc", stamp + "stdout P def", stamp + "stdout F g"},
		}, []string{"abcdef", "g"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sink{}
			j := stage(c.cfg, s)
			for _, lines := range c.batches {
				if err := j.Push(t.Context(), batch("a", lines...)); err != nil {
					t.Fatal(err)
				}
			}
			if d := cmp.Diff(c.want, s.bodies); d != "" {
				t.Errorf("events (-want +got):\n%s", d)
			}
			s.bodies = nil
			if err := j.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.last, s.bodies); d != "" {
				t.Errorf("events at the close (-want +got):\n%s", d)
			}
			if j.Held() != 0 {
				t.Error("something is held after the close")
			}
		})
	}
}

// The time of an event is that of its first line, and of the envelope where
// there is one.
func TestTime(t *testing.T) {
	s := &sink{}
	j := stage(join.Config{Read: container.CRI, Rule: rule(t, multiline.Config{Start: `^\d`})}, s)
	if err := j.Push(t.Context(), batch("a", "2026-11-22T15:04:05.5Z stdout F 1", "2026-11-22T15:04:06Z stdout F x", "not cri")); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int64{3, 1795359845500}, slices.Sorted(slices.Values(s.times))); d != "" {
		t.Error(d)
	}
}

// What is held back goes when nothing came for a while, and the inputs do not
// disturb one another.
func TestTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		j := stage(join.Config{Rule: rule(t, multiline.Config{Start: `^\d`}), Wait: time.Second}, s)
		ended := make(chan error)
		go func() { ended <- j.Run(t.Context()) }()
		released := map[string]bool{}
		push := func(source string, lines ...string) {
			b := batch(source, lines...)
			b.Ticket = sidelight.NewTicket(func(err error) { released[source] = err == nil })
			if err := j.Push(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			b.Ticket.Release(nil)
		}
		push("a", "1", "x")
		time.Sleep(900 * time.Millisecond)
		push("a", "y")
		push("b", "2")
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		if got := s.seen(); len(got) != 0 || released["a"] {
			t.Fatalf("too early: %q", got)
		}
		time.Sleep(400 * time.Millisecond)
		synctest.Wait()
		if d := cmp.Diff([]string{"1\nx\ny", "2"}, slices.Sorted(slices.Values(s.seen()))); d != "" {
			t.Error(d)
		}
		if released["a"] || released["b"] {
			t.Error("a ticket is released before its events are safe")
		}
		s.deliver()
		if !released["a"] || !released["b"] {
			t.Error("the tickets are not released")
		}
		time.Sleep(10 * time.Minute)
		if err := j.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// What cannot be pushed at the close is given back, or counted.
func TestGiveUp(t *testing.T) {
	s := &sink{}
	j := stage(join.Config{Rule: rule(t, multiline.Config{Start: `^\d`})}, s)
	var got error
	b := batch("a", "1")
	b.Ticket = sidelight.NewTicket(func(err error) { got = err })
	for _, b := range []*sidelight.Batch{b, batch("b", "2")} {
		if err := j.Push(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		b.Ticket.Release(nil)
	}
	s.err = sidelight.ErrFull
	if err := j.Close(t.Context()); !errors.Is(err, sidelight.ErrFull) {
		t.Errorf("close: %v", err)
	}
	if !errors.Is(got, sidelight.ErrFull) || s.lost != 1 {
		t.Errorf("ticket %v, lost %d", got, s.lost)
	}
}

// Whatever the batches and the failures, every line goes through once and in
// order, and no ticket is released with nil before all its lines are safe.
func TestTicketsInAnyOrder(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := &sink{}
		j := stage(join.Config{Read: container.CRI, Rule: rule(t, multiline.Config{Start: `^S`})}, s)
		safe := 0
		delivered := func() string { return strings.Join(s.bodies[:safe], "\n") + "\n" }
		check := func(lines []string) {
			all := delivered()
			for _, l := range lines {
				if !strings.Contains(all, l) {
					t.Fatalf("seed %d: the ticket of %q is released before it is safe", seed, l)
				}
			}
		}
		open, n := 0, 0
		for range 40 {
			var b sidelight.Batch
			var ids []string
			b.Dest = sidelight.Dest{Group: "g"}.Handle()
			for range 1 + r.IntN(4) {
				id := fmt.Sprintf("<%d>", n)
				head, tag, stream := " ", "F", "stdout"
				if r.IntN(2) == 0 {
					head = "S"
				}
				if r.IntN(5) == 0 {
					tag = "P"
				}
				if r.IntN(3) == 0 {
					stream = "stderr"
				}
				n++
				ids = append(ids, id)
				b.Events = append(b.Events, sidelight.Event{Body: []byte(stamp + stream + " " + tag + " " + head + id)})
			}
			for {
				s.err = nil
				if r.IntN(4) == 0 {
					s.err = sidelight.ErrFull
				}
				open++
				b.Ticket = sidelight.NewTicket(func(err error) {
					open--
					if err == nil {
						check(ids)
					}
				})
				err := j.Push(t.Context(), &b)
				b.Ticket.Release(err)
				if err == nil {
					break
				}
			}
			if r.IntN(3) == 0 {
				safe = len(s.bodies)
				s.deliver()
			}
		}
		s.err = nil
		if err := j.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		safe = len(s.bodies)
		s.deliver()
		if open != 0 {
			t.Errorf("seed %d: %d tickets are never released", seed, open)
		}
		for i := range n {
			if c := strings.Count(delivered(), fmt.Sprintf("<%d>", i)); c != 1 {
				t.Errorf("seed %d: line %d went through %d times", seed, i, c)
			}
		}
	}
}

func TestAllocs(t *testing.T) {
	discard := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil })
	for name, cfg := range map[string]join.Config{
		"cri":       {Read: container.CRI},
		"multiline": {Read: container.CRI, Rule: rule(t, multiline.Config{Stacks: []string{"auto"}})},
	} {
		t.Run(name, func(t *testing.T) {
			j := join.New(cfg, discard, &sink{}, slog.New(slog.DiscardHandler))
			var lines []string
			for range 200 {
				lines = append(lines, stamp+"stdout F 2026 ERROR boom", stamp+"stdout F \tat a.b.c", stamp+"stdout P x", stamp+"stdout F y")
			}
			b := batch("a", lines...)
			per := testing.AllocsPerRun(50, func() { _ = j.Push(t.Context(), b) }) / float64(len(lines))
			if per > 0.02 {
				t.Errorf("%v allocations a line", per)
			}
		})
	}
}

func FuzzJoin(f *testing.F) {
	f.Add([]byte("2026-11-22T15:04:05Z stdout P a\n2026-11-22T15:04:05Z stdout F b\n|2026-11-22T15:04:05Z stderr F panic: x"))
	f.Add([]byte("{\"log\":\"a\"}|{\"log\":\"b\\n\"}\n{\"log\":\" c\\n\"}"))
	r := rule(f, multiline.Config{Stacks: []string{"auto"}})
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, read := range []container.Reader{container.Plain, container.CRI, container.Docker, container.Record} {
			s := &sink{}
			j := stage(join.Config{Read: read, Rule: r, Bytes: 64, Lines: 5}, s)
			for part := range strings.SplitSeq(string(text), "|") {
				if err := j.Push(t.Context(), batch("a", strings.Split(part, "\n")...)); err != nil {
					t.Fatal(err)
				}
			}
			if err := j.Close(t.Context()); err != nil || j.Held() != 0 {
				t.Fatalf("close: %v, %d held", err, j.Held())
			}
		}
	})
}

func BenchmarkJoin(b *testing.B) {
	discard := sidelight.SinkFunc(func(context.Context, *sidelight.Batch) error { return nil })
	j := join.New(join.Config{Read: container.CRI, Rule: rule(b, multiline.Config{Stacks: []string{"auto"}})}, discard, &sink{}, slog.New(slog.DiscardHandler))
	var lines []string
	for range 500 {
		lines = append(lines, stamp+"stdout F 2026-11-22 15:04:05 INFO handled a request", stamp+"stderr F ERROR boom", stamp+"stderr F \tat a.b.c")
	}
	in := batch("a", lines...)
	b.ReportAllocs()
	for b.Loop() {
		_ = j.Push(b.Context(), in)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(lines)), "ns/line")
}
