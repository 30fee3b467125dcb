package queue_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// resting has blocks for the destination "parked" rest.
func resting(d sidelight.DestHandle) time.Duration {
	if d.Value().Group == "parked" {
		return time.Hour
	}
	return 0
}

// park lays down blocks of every kind for a destination that rests, and returns
// their bodies.
func park(t testing.TB, q *queue.Queue) []string {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(q.Put(queuetest.Block("parked", "whole")))
	pieces := queuetest.Growing("parked", "p1")
	ok(q.Write(pieces))
	for i := range 5 {
		queuetest.Grow(pieces, fmt.Sprint("p", i+2))
		ok(q.Write(pieces))
	}
	finish(pieces)
	ok(q.Put(pieces))
	one := queuetest.Growing("parked", "alone", strings.Repeat("y", 200))
	ok(q.Write(one))
	finish(one)
	ok(q.Put(one))
	return []string{"[whole]", "[p1,p2,p3,p4,p5,p6]", "[alone," + strings.Repeat("y", 200) + "]"}
}

// flow puts a block for a destination that does not rest, and delivers it.
func flow(t testing.TB, q *queue.Queue, size int) {
	t.Helper()
	b := queuetest.Growing("flowing", strings.Repeat("x", size))
	if err := q.Write(b); err != nil {
		t.Fatal(err)
	}
	finish(b)
	if err := q.Put(b); err != nil {
		t.Fatal(err)
	}
	l, err := q.TakeUnless(t.Context(), resting)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
}

// A destination that is denied for long while another flows: the files stay
// small, its blocks are whole at any moment, once and in order, for this process
// and for one that starts after a crash.
func TestParkedBlocksDoNotPinTheFiles(t *testing.T) {
	const segment = 4096
	dir := t.TempDir()
	q := open(t, queue.Config{Dir: dir, Segment: segment, Disk: 1 << 20, Memory: 1})
	want := park(t, q)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 1500 {
		flow(t, q, rnd.IntN(500))
		if s := q.Stats(); s.Disk > 7*segment {
			t.Fatalf("after %d blocks the files have %d bytes, %d segments", i, s.Disk, len(segments(t, dir)))
		}
		if i%100 == 0 {
			if found := reopened(t, dir); !slices.Equal(found, want) {
				t.Fatalf("after %d blocks a restart finds %.60q, want %.60q", i, found, want)
			}
		}
	}
	if n := len(segments(t, dir)); n > 7 {
		t.Errorf("%d segments", n)
	}
	if found := reopened(t, dir); !slices.Equal(found, want) {
		t.Errorf("at the end a restart finds %.60q, want %.60q", found, want)
	}
	if err := q.Release(); err != nil {
		t.Fatal(err)
	}
}

// With more parked than what flows, files may be as large as the limit, and no
// more is moved than is gained.
func TestManyParkedBlocks(t *testing.T) {
	const segment, limit = 4096, 128 << 10
	dir := t.TempDir()
	q := open(t, queue.Config{Dir: dir, Segment: segment, Disk: limit, Memory: 1})
	var want []string
	for i := range 100 {
		text := fmt.Sprint(i, strings.Repeat("y", 700))
		if err := q.Put(queuetest.Block("parked", text)); err != nil {
			t.Fatal(err)
		}
		want = append(want, "["+text+"]")
	}
	for range 400 {
		flow(t, q, 300)
		if s := q.Stats(); s.Disk > limit {
			t.Fatalf("the files have %d bytes, the limit is %d", s.Disk, limit)
		}
	}
	if found := reopened(t, dir); !slices.Equal(found, want) {
		t.Errorf("a restart finds %d blocks, want %d in order", len(found), len(want))
	}
	_ = q.Release()
}

func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, name := range segments(t, dir) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = data
	}
	return out
}

// A process that dies while blocks are moved, after any byte of the write: each
// parked block is there, once.
func TestMoveIsCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	q := open(t, queue.Config{Dir: dir, Segment: 1024, Disk: 1 << 20, Memory: 1})
	want := park(t, q)
	moves, cuts := 0, 0
	for i := 0; moves < 2; i++ {
		if i > 1000 {
			t.Fatal("nothing is moved")
		}
		before := files(t, dir)
		flow(t, q, 200)
		after := files(t, dir)
		if len(after) >= len(before) {
			continue
		}
		// Files went: their live frames were moved to what is now longer.
		moves++
		for name, data := range after {
			for cut := len(before[name]); cut < len(data); cut++ {
				found := cutAt(t, before, after, name, cut)
				found = slices.DeleteFunc(found, func(s string) bool { return strings.HasPrefix(s, "[xx") })
				if !slices.Equal(found, want) {
					t.Fatalf("%s cut at %d: found %.60q", name, cut, found)
				}
				cuts++
			}
		}
	}
	if cuts == 0 {
		t.Error("no write was cut")
	}
	_ = q.Release()
}

// cutAt returns what a restart finds when the file name was written up to cut,
// files before it wholly and files after it not, and nothing was removed yet.
func cutAt(t testing.TB, before, after map[string][]byte, name string, cut int) []string {
	t.Helper()
	dir := t.TempDir()
	content := map[string][]byte{}
	for n, data := range before {
		content[n] = data
	}
	for n, data := range after {
		if n < name {
			content[n] = data
		}
	}
	content[name] = after[name][:cut]
	for n, data := range content {
		if err := os.WriteFile(filepath.Join(dir, n), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q := open(t, queue.Config{Dir: dir})
	defer func() { _ = q.Release() }()
	return drain(t, q)
}

// Blocks are read back while others of their kind are moved.
func TestTakeWhileMoving(t *testing.T) {
	const blocks = 1000
	q := open(t, queue.Config{Dir: t.TempDir(), Segment: 2048, Disk: 1 << 20, Memory: 1})
	want := map[string]bool{}
	for _, body := range park(t, q) {
		want[body] = true
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range blocks {
			if err := q.Put(queuetest.Block("flowing", fmt.Sprint(i, strings.Repeat("x", 100)))); err != nil {
				t.Errorf("put: %v", err)
			}
		}
	})
	turn := 0
	// One lease in four may be of a parked block.
	rest := func(d sidelight.DestHandle) time.Duration {
		if turn%4 != 0 && d.Value().Group == "parked" {
			return time.Nanosecond
		}
		return 0
	}
	for done := 0; done < blocks; turn++ {
		l, err := q.TakeUnless(t.Context(), rest)
		if err != nil {
			t.Fatal(err)
		}
		b := l.Block()
		if b.Dest.Value().Group == "flowing" {
			done++
			_ = l.Commit()
			continue
		}
		if !want[string(b.Body)] {
			t.Errorf("took %.60q", b.Body)
		}
		_ = l.Return(0)
	}
	wg.Wait()
	if s := q.Stats(); s.Blocks != len(want) || s.Disk > 20<<10 {
		t.Errorf("%d blocks left in %d bytes, want %d, and the rest of 100 KB removed", s.Blocks, s.Disk, len(want))
	}
	_ = q.Release()
}
