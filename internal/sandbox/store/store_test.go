package store_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

func newStore(tb testing.TB, o store.Options) *store.Store {
	tb.Helper()
	s, err := store.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func newGroup(tb testing.TB, s *store.Store) *store.Group {
	tb.Helper()
	g, err := s.NewGroup()
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func newStream(tb testing.TB, g *store.Group, name string) *store.Stream {
	tb.Helper()
	s, err := g.NewStream(name, 1)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// event is what a test remembers of an event.
type event struct {
	Time, Ingested int64
	Seq            uint64
	Stream, Text   string
}

// fill appends n events in several streams, times in disorder, long enough for
// several blocks.
func fill(tb testing.TB, g *store.Group, n int, seed uint64) []event {
	tb.Helper()
	rnd := rand.New(rand.NewPCG(seed, 1))
	streams := []*store.Stream{newStream(tb, g, "a"), newStream(tb, g, "b"), newStream(tb, g, "c")}
	var all []event
	for len(all) < n {
		s := streams[rnd.IntN(3)]
		base := int64(len(all)) + rnd.Int64N(2000)
		var in []store.Input
		for range rnd.IntN(20) + 1 {
			base += rnd.Int64N(3)
			e := event{
				Time: base, Ingested: int64(len(all)), Stream: s.Name(),
				Seq: uint64(len(all) + 1), Text: fmt.Sprintf("event %d %s", len(all), strings.Repeat("x", rnd.IntN(300))),
			}
			if len(in) > 0 {
				e.Ingested = all[len(all)-1].Ingested
			}
			in = append(in, store.Input{Time: e.Time, Message: e.Text})
			all = append(all, e)
		}
		if err := g.Append(s, all[len(all)-1].Ingested, in); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

func seen(e *store.Event) event {
	return event{Time: e.Time, Ingested: e.Ingested, Seq: e.Seq, Stream: e.Stream.Name(), Text: string(e.Message)}
}

func TestScanGivesBackWhatWasAppended(t *testing.T) {
	g := newGroup(t, newStore(t, store.Options{}))
	want := fill(t, g, 5000, 1)
	var got []event
	blocks := g.Blocks()
	if len(blocks) < 3 {
		t.Fatalf("%d blocks are too few for this test", len(blocks))
	}
	for _, b := range blocks {
		n := 0
		if err := b.Scan(func(e *store.Event) bool {
			n++
			if e.Time < b.MinTime() || e.Time > b.MaxTime() {
				t.Fatalf("event at %d is outside its block's %d to %d", e.Time, b.MinTime(), b.MaxTime())
			}
			got = append(got, seen(e))
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if n != b.Len() {
			t.Errorf("block of %d events has %d", b.Len(), n)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events differ (-appended +scanned):\n%s", d[:min(len(d), 2000)])
	}
}

// TestPagesAgainstASort reads all pages of random queries and compares them
// with the sorted events.
func TestPagesAgainstASort(t *testing.T) {
	g := newGroup(t, newStore(t, store.Options{}))
	all := fill(t, g, 4000, 2)
	rnd := rand.New(rand.NewPCG(3, 3))
	for i := range 40 {
		q := store.Query{Start: rnd.Int64N(3000), End: 3000 + rnd.Int64N(3000), Limit: 1 + rnd.IntN(900), Backward: i%2 == 1}
		if i%3 == 0 {
			q.Match = func(s *store.Stream) bool { return s.Name() == "b" }
		}
		if i%4 == 0 {
			q.Filter = func(m []byte) bool { return m[6] == '7' }
		}
		if i%5 == 0 {
			q.MaxScan = 300 << 10
		}
		if i%7 == 0 {
			q.MaxBytes = 10000
		}
		want := expect(all, &q)
		got := readAll(t, g, q)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("query %d %+v: events differ (-want +got):\n%s", i, q, d[:min(len(d), 1500)])
		}
	}
}

func expect(all []event, q *store.Query) []event {
	var want []event
	for _, e := range all {
		if e.Time < q.Start || e.Time > q.End || q.Match != nil && e.Stream != "b" || q.Filter != nil && !q.Filter([]byte(e.Text)) {
			continue
		}
		want = append(want, e)
	}
	slices.SortFunc(want, func(a, b event) int {
		c := 2*cmpInt(a.Time, b.Time) + cmpInt(int64(a.Seq), int64(b.Seq))
		if q.Backward {
			return -c
		}
		return c
	})
	return want
}

func cmpInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func readAll(t *testing.T, g *store.Group, q store.Query) []event {
	t.Helper()
	var got []event
	for range 100000 {
		page, err := g.Page(t.Context(), &q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Events) > q.Limit {
			t.Fatalf("page of %d events, limit %d", len(page.Events), q.Limit)
		}
		size := 0
		for i := range page.Events {
			size += len(page.Events[i].Message)
			got = append(got, seen(&page.Events[i]))
		}
		if q.MaxBytes > 0 && size > q.MaxBytes && len(page.Events) > 1 {
			t.Fatalf("page of %d bytes, limit %d", size, q.MaxBytes)
		}
		if !page.More {
			return got
		}
		q.From = &page.Next
	}
	t.Fatal("pages do not end")
	return nil
}

func TestPositionsTurnRound(t *testing.T) {
	g := newGroup(t, newStore(t, store.Options{}))
	fill(t, g, 300, 4)
	q := store.Query{Start: 0, End: math.MaxInt64, Limit: 100}
	one, err := g.Page(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	back := store.Query{Start: 0, End: math.MaxInt64, Limit: 100, Backward: true, From: &one.Next}
	two, err := g.Page(t.Context(), &back)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(two.Events)
	if d := cmp.Diff(len(one.Events), len(two.Events)); d != "" {
		t.Fatal(d)
	}
	for i := range one.Events {
		if one.Events[i].Seq != two.Events[i].Seq {
			t.Fatalf("event %d is %d forward and %d backward", i, one.Events[i].Seq, two.Events[i].Seq)
		}
	}
}

func TestRefFindsItsEvent(t *testing.T) {
	s := newStore(t, store.Options{})
	newGroup(t, s)
	g := newGroup(t, s)
	fill(t, g, 3000, 5)
	for _, b := range g.Blocks() {
		var refs []store.Ref
		var want []event
		if err := b.Scan(func(e *store.Event) bool {
			if e.Seq%97 == 0 {
				refs, want = append(refs, e.Ref), append(want, seen(e))
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		for i, r := range refs {
			var got event
			if ok, err := s.Event(r, func(e *store.Event) { got = seen(e) }); !ok || err != nil || got != want[i] {
				t.Fatalf("Event(%d) = %v, %v, %v; want %v", r, got, ok, err, want[i])
			}
		}
	}
	for _, r := range []store.Ref{0, 1, store.Ref(3) << 40, store.Ref(2)<<40 | 1<<39} {
		if ok, err := s.Event(r, func(*store.Event) {}); ok || err != nil {
			t.Errorf("Event(%d) = %v, %v for an event that never was", r, ok, err)
		}
	}
}

func TestBoundDropsTheOldest(t *testing.T) {
	s := newStore(t, store.Options{MaxBytes: 1 << 20})
	g := newGroup(t, s)
	st := newStream(t, g, "a")
	rnd := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 1000)
	n := 0
	for range 400 {
		var in []store.Input
		for range 10 {
			for i := range noise {
				noise[i] = byte('!' + rnd.IntN(90))
			}
			in = append(in, store.Input{Time: int64(n), Message: string(noise)})
			n++
		}
		g.Append(st, 0, in)
		if got := s.Stats(); got.Bytes > 1<<20+2*(272<<10) {
			t.Fatalf("store has %d bytes", got.Bytes)
		}
	}
	stats := s.Stats()
	var kept int64
	first := int64(-1)
	for _, b := range g.Blocks() {
		kept += int64(b.Len())
		if first < 0 {
			first = b.MinTime()
		}
	}
	if stats.DroppedEvents == 0 || stats.DroppedEvents+kept != int64(n) || first != stats.DroppedEvents {
		t.Errorf("of %d events %d are kept from %d on, and %d dropped", n, kept, first, stats.DroppedEvents)
	}
}

func TestExpireDeleteAndDrop(t *testing.T) {
	s := newStore(t, store.Options{})
	g := newGroup(t, s)
	all := fill(t, g, 6000, 6)
	before := g.Size()
	g.Expire(4500)
	if g.Size() >= before {
		t.Errorf("nothing expired")
	}
	q := store.Query{Start: 4500, End: math.MaxInt64, Limit: 10000}
	if got, want := len(readAll(t, g, q)), len(expect(all, &q)); got != want {
		t.Errorf("%d events are left at or after the time, want %d", got, want)
	}
	page, err := g.Page(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	if err := page.Events[0].Stream.Delete(); err != nil {
		t.Fatal(err)
	}
	gone := page.Events[0].Stream.Name()
	for _, e := range readAll(t, g, q) {
		if e.Stream == gone {
			t.Fatalf("event of the deleted stream: %v", e)
		}
	}
	if err := g.Drop(); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Bytes != 0 || st.Blocks != 0 || len(g.Blocks()) != 0 {
		t.Errorf("after Drop: %+v, %d blocks", st, len(g.Blocks()))
	}
	if err := g.Append(newStream(t, g, "late"), 0, []store.Input{{Time: 1, Message: "x"}}); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Bytes != 0 {
		t.Errorf("a dropped group takes %d bytes", st.Bytes)
	}
}

func TestReadersBesideWriters(t *testing.T) {
	s := newStore(t, store.Options{MaxBytes: 600 << 10})
	g := newGroup(t, s)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { fill(t, g, 3000, uint64(i)) })
	}
	for range 2 {
		wg.Go(func() {
			for range 10 {
				for _, b := range g.Blocks() {
					n := 0
					if err := b.Scan(func(*store.Event) bool { n++; return true }); err != nil || n != b.Len() {
						t.Errorf("block of %d events: %d, %v", b.Len(), n, err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkScan(b *testing.B) {
	g := newGroup(b, newStore(b, store.Options{}))
	st := newStream(b, g, "a")
	in := make([]store.Input, 3000)
	for i := range in {
		in[i] = store.Input{Time: int64(i), Message: fmt.Sprintf(`{"level":"info","path":"/payments/%d","ms":%d,"pad":"%s"}`, i, i*7%311, strings.Repeat("lorem ipsum ", 20))}
	}
	var size int64
	for range 30 {
		if err := g.Append(st, 0, in); err != nil {
			b.Fatal(err)
		}
	}
	for _, bl := range g.Blocks() {
		size += int64(bl.Size())
	}
	b.SetBytes(size)
	for b.Loop() {
		for _, bl := range g.Blocks() {
			if err := bl.Scan(func(*store.Event) bool { return true }); err != nil {
				b.Fatal(err)
			}
		}
	}
}
