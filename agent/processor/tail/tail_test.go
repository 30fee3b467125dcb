package tail_test

import (
	"bytes"
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
	"github.com/sidelight-dev/sidelight/agent/processor/tail"
	"github.com/sidelight-dev/sidelight/internal/bothforms"
	"github.com/sidelight-dev/sidelight/internal/memq"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

// stage is a sampler with the queue in front of it and a sink behind it.
type stage struct {
	*tail.Sampler
	queue  *memq.Queue
	packer *pack.Packer
	books  meter.Account
	ended  chan error

	mu   sync.Mutex
	docs []string
	err  error
	full bool
	// refuse is the group whose batches are refused.
	refuse string
}

var errRefused = errors.New("refused")

func (s *stage) Push(ctx context.Context, b *sidelight.Batch) error {
	if s.full {
		<-ctx.Done()
		return sidelight.ErrFull
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.refuse != "" && b.Dest.Value().Group == s.refuse {
		return errRefused
	}
	for _, e := range b.Events {
		s.docs = append(s.docs, string(e.Body))
	}
	return nil
}

// kept returns the ids of the traces that went on, with the number of their
// spans.
func (s *stage) kept() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := map[string]int{}
	for _, d := range s.docs {
		_, rest, _ := strings.Cut(d, `"trace_id":"1-`)
		m[rest[:8]]++
	}
	return m
}

func newStage(t testing.TB, cfg tail.Config) *stage {
	t.Helper()
	s := &stage{queue: memq.New(memq.Config{Limit: 1 << 30}), ended: make(chan error, 1)}
	log := slog.New(slog.DiscardHandler)
	s.packer = pack.New(pack.Config{}, tail.Encoder{}, s.queue, &s.books, log)
	s.Sampler = tail.New(cfg, s.queue, s, sidelight.Dest{Exporter: "traces"}, &s.books, log)
	return s
}

func (s *stage) start(ctx context.Context) { go func() { s.ended <- s.Run(ctx) }() }

// send pushes documents through the packer into the queue.
func (s *stage) send(t testing.TB, docs ...string) {
	t.Helper()
	b := &sidelight.Batch{Signal: sidelight.Traces, Dest: sidelight.Dest{Exporter: "traces"}.Handle()}
	for _, d := range docs {
		b.Events = append(b.Events, sidelight.Event{Time: time.Now().UnixMilli(), Body: []byte(d)})
	}
	if err := s.packer.Push(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.packer.Flush(); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) finish(t testing.TB) {
	t.Helper()
	if err := errors.Join(s.packer.Close(), s.Close(), <-s.ended); err != nil {
		t.Error(err)
	}
}

// span is a document of trace n.
func span(n int, members string) string {
	now := float64(time.Now().UnixMilli()) / 1000
	return fmt.Sprintf(`{"name":"orders","id":"%016x","trace_id":"1-%08x-%08x%016x","start_time":%f,"end_time":%f%s}`,
		rand.Uint64(), n+1, n, uint64(n+1)*0x9e3779b97f4a7c15, now-0.1, now, members)
}

func id(n int) string { return fmt.Sprintf("%08x", n+1) }

const child = `,"type":"subsegment","parent_id":"70de5b6f19ff9a0a"`

func TestDecisions(t *testing.T) {
	for name, c := range map[string]struct {
		policy tail.Policy
		spans  []string // of trace 0
		keep   bool
		why    string
		at     time.Duration // the decision must not come after
	}{
		"nothing keeps it":        {tail.Policy{Errors: true}, []string{span(0, "")}, false, "rate", time.Minute},
		"a fault keeps at once":   {tail.Policy{Errors: true}, []string{span(0, child), span(0, `,"fault":true`)}, true, "error", 0},
		"an error":                {tail.Policy{Errors: true}, []string{span(0, `,"error":true`)}, true, "error", 0},
		"a throttle within":       {tail.Policy{Errors: true}, []string{span(0, `,"subsegments":[{"name":"q","throttle":true}]`)}, true, "error", 0},
		"a fault that is wanted":  {tail.Policy{}, []string{span(0, `,"fault":true`)}, false, "rate", 0},
		"slow":                    {tail.Policy{Slower: 100 * time.Millisecond}, []string{span(0, "")}, true, "slow", 0},
		"not slow enough":         {tail.Policy{Slower: 101 * time.Millisecond}, []string{span(0, "")}, false, "rate", time.Minute},
		"everything":              {tail.Policy{Rate: 1}, []string{span(0, "")}, true, "rate", 0},
		"rare":                    {tail.Policy{Rare: 1}, []string{span(0, "")}, true, "rare", time.Minute},
		"rare, no request":        {tail.Policy{Rare: 1}, []string{span(0, child)}, false, "rate", time.Minute},
		"its service":             {tail.Policy{Services: map[string]float64{"orders": 1}}, []string{span(0, "")}, true, "rate", 0},
		"another service":         {tail.Policy{Rate: 1, Services: map[string]float64{"orders": 0}}, []string{span(0, "")}, false, "rate", 0},
		"a sender's rule":         {tail.Policy{Senders: true}, []string{span(0, `,"aws":{"xray":{"sampling_rule_name":"r"}}`)}, true, "sender", 0},
		"a sender's rule ignored": {tail.Policy{}, []string{span(0, `,"aws":{"xray":{"sampling_rule_name":"r"}}`)}, false, "rate", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, tail.Config{Policy: c.policy, Wait: time.Minute})
				s.start(t.Context())
				s.send(t, c.spans...)
				time.Sleep(c.at)
				synctest.Wait()
				st := s.Stats()
				if n := st.Kept[c.why] + st.LeftOut[c.why]; n != 1 || st.Waiting != 0 {
					t.Errorf("decided %+v, want one by %q", st, c.why)
				}
				want := map[string]int{}
				if c.keep {
					want[id(0)] = len(c.spans)
				}
				if d := cmp.Diff(want, s.kept()); d != "" {
					t.Errorf("kept (-want +got):\n%s", d)
				}
				s.finish(t)
				if s.Stats().Bytes != 0 || s.queue.Stats().Events != 0 {
					t.Errorf("held at the end: %+v, %+v", s.Stats(), s.queue.Stats())
				}
			})
		})
	}
}

// pair is the event of a span in both forms; its entry is its document with another
// first letter.
func pair(doc string) string {
	return string(bothforms.Append(nil, []byte(doc), []byte("\x0a"+doc)))
}

// The forms that leave are those that are wanted, of spans that came with both: one
// decision is about both.
func TestBothForms(t *testing.T) {
	spans := sidelight.Dest{Exporter: "traces", Group: "spans"}
	for name, c := range map[string]struct {
		cfg  tail.Config
		want func(doc string) []string
	}{
		"documents": {tail.Config{Documents: true}, func(doc string) []string { return []string{doc} }},
		"spans":     {tail.Config{Spans: spans}, func(doc string) []string { return []string{"\x0a" + doc} }},
		"both":      {tail.Config{Spans: spans, Documents: true}, func(doc string) []string { return []string{doc, "\x0a" + doc} }},
		// A configuration that wants neither gets what an earlier one left.
		"neither": {tail.Config{}, func(doc string) []string { return []string{doc} }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.cfg.Policy, c.cfg.Wait = tail.Policy{Errors: true}, time.Minute
				s := newStage(t, c.cfg)
				s.start(t.Context())
				failed, alone := span(1, `,"fault":true`), span(2, `,"fault":true`)
				s.send(t, pair(span(0, "")), pair(failed), alone)
				s.finish(t)
				want := append(c.want(failed), alone)
				s.mu.Lock()
				defer s.mu.Unlock()
				slices.Sort(want)
				slices.Sort(s.docs)
				if d := cmp.Diff(want, s.docs); d != "" {
					t.Errorf("went on (-want +got):\n%s", d)
				}
				if b := s.books.Totals(sidelight.Traces); b.Accepted != 3 || b.Dropped[tail.LeftOut] != 1 || s.queue.Stats().Events != 0 {
					t.Errorf("books %+v, queue %+v", b, s.queue.Stats())
				}
			})
		})
	}
}

// Where documents alone were taken and spans were not, the documents are not sent
// again with the spans.
func TestSpansAreNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, tail.Config{Spans: sidelight.Dest{Exporter: "traces", Group: "spans"}, Policy: tail.Policy{Rate: 1}})
		s.refuse = "spans"
		s.start(t.Context())
		paired, alone := span(0, ""), span(1, "")
		s.send(t, pair(paired), alone)
		if err := s.packer.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-s.ended; !errors.Is(err, errRefused) {
			t.Fatalf("ended with %v", err)
		}
		s.mu.Lock()
		if len(s.docs) != 1 || s.docs[0] != alone {
			t.Errorf("went on: %q", s.docs)
		}
		s.docs, s.refuse = nil, ""
		s.mu.Unlock()
		s.start(t.Context())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-s.ended; err != nil {
			t.Fatal(err)
		}
		if len(s.docs) != 1 || s.docs[0] != "\x0a"+paired {
			t.Errorf("went on afterwards: %q", s.docs)
		}
	})
}

// Whatever the order and the times in which spans come, a trace is kept or left
// out whole, and every span is counted once.
func TestTracesAreWhole(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			s := newStage(t, tail.Config{Wait: 10 * time.Second, Policy: tail.Policy{Errors: true, Rate: 0.3, Rare: rng.IntN(3), PerSecond: rng.IntN(2) * 2}})
			s.start(t.Context())
			const traces = 200
			sent, all, failed := map[string]int{}, 0, map[string]bool{}
			for all < 2000 {
				docs := make([]string, 1+rng.IntN(20))
				for i := range docs {
					n, members := rng.IntN(traces), child
					if rng.IntN(4) == 0 {
						members = `,"http":{"request":{"method":"GET","url":"http://x/` + strings.Repeat("a", rng.IntN(5)) + `"}}`
					}
					if n%17 == 0 && sent[id(n)] == 0 { // at first, so that no decision came before
						members += `,"fault":true`
						failed[id(n)] = true
					}
					docs[i] = span(n, members)
					sent[id(n)]++
				}
				all += len(docs)
				s.send(t, docs...)
				time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
			}
			s.finish(t)
			got, passed := s.kept(), 0
			for trace, n := range got {
				passed += n
				if n != sent[trace] {
					t.Errorf("seed %d: %d of %d spans of trace %s", seed, n, sent[trace], trace)
				}
			}
			for trace := range failed {
				if got[trace] == 0 {
					t.Errorf("seed %d: trace %s failed and was left out", seed, trace)
				}
			}
			b := s.books.Totals(sidelight.Traces)
			if int(b.Accepted) != all || int(b.Dropped[tail.LeftOut]) != all-passed || len(b.Dropped) > 1 {
				t.Errorf("seed %d: sent %d, passed %d, books %+v", seed, all, passed, b)
			}
			st := s.Stats()
			if st.Bytes != 0 || s.queue.Stats().Events != 0 {
				t.Errorf("seed %d: held at the end: %+v", seed, st)
			}
		})
	}
}

// At ten times the rate that memory is for, it stays under its limit, and what is
// decided early is counted; nothing is lost and traces with failures are kept.
func TestMemoryStaysUnderItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, tail.Config{Wait: 10 * time.Second, Memory: tail.MinMemory, Policy: tail.Policy{Errors: true, Rate: 0.1}})
		s.start(t.Context())
		// 10 KB a span: 4 MiB hold about 300 spans, 30/s for 10 s. This is ten
		// times as many, and each trace's spans come within a second.
		filler := `,"metadata":{"default":{"x":"` + strings.Repeat("y", 10_000) + `"}}`
		sent := map[string]int{}
		total := 0
		for second := range 12 {
			for part := range 5 {
				var docs []string
				for i := range 60 {
					n := second*20 + i/3
					members := child + filler
					if n%10 == 0 && part == 0 {
						members += `,"fault":true`
					}
					docs = append(docs, span(n, members))
					sent[id(n)]++
				}
				total += len(docs)
				s.send(t, docs...)
				time.Sleep(200 * time.Millisecond)
				synctest.Wait()
				if st := s.Stats(); st.Bytes > tail.MinMemory {
					t.Fatalf("%d bytes held, limit %d", st.Bytes, int(tail.MinMemory))
				}
			}
		}
		s.finish(t)
		st := s.Stats()
		if st.Early["memory"] == 0 || st.Peak > tail.MinMemory {
			t.Errorf("stats %+v: want early decisions and a peak under the limit", st)
		}
		got, passed := s.kept(), 0
		for trace, n := range got {
			passed += n
			if n != sent[trace] {
				t.Errorf("%d of %d spans of trace %s", n, sent[trace], trace)
			}
		}
		for n := 0; n < 12*20; n += 10 {
			if got[id(n)] == 0 {
				t.Errorf("trace %d failed and was left out", n)
			}
		}
		if b := s.books.Totals(sidelight.Traces); int(b.Accepted) != total || int(b.Dropped[tail.LeftOut]) != total-passed {
			t.Errorf("sent %d, passed %d, books %+v", total, passed, b)
		}
	})
}

// A stop does not wait long for room: what was kept stays in the queue.
func TestStopWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, tail.Config{Policy: tail.Policy{Errors: true}, Wait: time.Minute, Linger: 3 * time.Second})
		s.full = true
		s.start(t.Context())
		s.send(t, span(1, `,"fault":true`), span(2, child))
		synctest.Wait()
		began := time.Now()
		s.finish(t)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("stopped after %v", d)
		}
		if n := s.queue.Stats().Events; n != 2 || s.Stats().Bytes != 0 {
			t.Errorf("%d spans in the queue, want both; %+v", n, s.Stats())
		}
	})
}

// What a sender says beside its documents holds.
func TestNotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, tail.Config{Policy: tail.Policy{Senders: true, Rate: 1}, Wait: time.Minute})
		s.start(t.Context())
		trace := func(n int) []byte {
			var d spanfact.Document
			f, ok := d.Head([]byte(span(n, "")))
			if !ok {
				t.Fatal("no trace id")
			}
			return bytes.Clone(f.TraceID)
		}
		s.Note([]spanfact.Fact{{TraceID: trace(1), Decided: true}, {TraceID: trace(2), Unsampled: true}, {TraceID: []byte("short"), Decided: true}})
		s.send(t, span(1, child), span(2, child), span(3, child))
		synctest.Wait()
		if d := cmp.Diff(map[string]int{id(1): 1, id(3): 1}, s.kept()); d != "" {
			t.Errorf("kept (-want +got):\n%s", d)
		}
		if st := s.Stats(); st.Noted != 2 {
			t.Errorf("stats %+v", st)
		}
		s.finish(t)
	})
}

// A push that fails leaves in the queue what was not settled, once.
func TestGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, tail.Config{Policy: tail.Policy{Errors: true}, Wait: time.Second})
		broken := errors.New("broken")
		s.err = broken
		s.start(t.Context())
		s.send(t, span(1, ""), span(2, child), span(2, child))
		time.Sleep(2 * time.Second)
		// Trace 1 and 2 are left out; now one is to be kept and cannot be.
		s.send(t, span(3, child), span(4, `,"fault":true`), span(3, child))
		if err := <-s.ended; !errors.Is(err, broken) {
			t.Fatalf("Run = %v", err)
		}
		if n := s.queue.Stats().Events; n != 3 {
			t.Errorf("%d spans in the queue, want the 3 that are not settled", n)
		}
		s.err = nil
		s.start(t.Context())
		s.finish(t)
		if d := cmp.Diff(map[string]int{id(4): 1}, s.kept()); d != "" {
			t.Errorf("kept (-want +got):\n%s", d)
		}
		if b := s.books.Totals(sidelight.Traces); b.Accepted != 6 || b.Dropped[tail.LeftOut] != 5 {
			t.Errorf("books %+v", b)
		}
	})
}

// Documents that say no trace go on: X-Ray refuses them, and says why.
func TestOddDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, tail.Config{Policy: tail.Policy{}})
		s.start(t.Context())
		odd := []string{`{}`, `{"trace_id":"x"}`, `{"trace_id":7,"name":`, `[]`}
		s.send(t, odd...)
		s.finish(t)
		s.mu.Lock()
		defer s.mu.Unlock()
		if d := cmp.Diff(odd, s.docs); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}

func BenchmarkSampler(b *testing.B) {
	const spans, perTrace = 100, 5
	docs := make([][]byte, spans)
	var marks []sidelight.Mark
	for i := range docs {
		members := child
		if i%perTrace == 0 {
			members = `,"http":{"request":{"method":"GET","url":"http://shop/orders/42","user_agent":"curl/8"},"response":{"status":200}}`
		}
		docs[i] = []byte(span(i/perTrace, members+`,"metadata":{"default":{"thread.id":12,"code.function":"main.handler","otel.resource.service.name":"orders"}}`))
	}
	s := newStage(b, tail.Config{Policy: tail.Policy{Errors: true, Rate: 0.1}, Wait: 50 * time.Millisecond})
	s.start(b.Context())
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		block := &sidelight.Block{Signal: sidelight.Traces, Events: spans, Marks: slices.Clone(marks)}
		for _, d := range docs {
			// Other traces each time.
			at := bytes.Index(d, []byte(`"1-`)) + 12
			copy(d[at:], fmt.Appendf(nil, "%08x", n))
			block.Body = append(block.Body, d...)
			block.Marks = append(block.Marks, sidelight.Mark{End: uint32(len(block.Body))})
		}
		n++
		if err := s.queue.Put(block); err != nil {
			b.Fatal(err)
		}
	}
	s.finish(b)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*spans), "ns/span")
	b.ReportMetric(float64(s.Stats().Peak), "peak-B")
}
