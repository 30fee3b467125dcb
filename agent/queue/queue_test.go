package queue_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/internal/pack"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
	"github.com/sidelight-dev/sidelight/internal/spare"
)

func finish(b *sidelight.Block) { pack.Seal(queuetest.Encoder{}, b, false) }

func open(t testing.TB, cfg queue.Config) *queue.Queue {
	t.Helper()
	cfg.Finish, cfg.Spare = finish, spare.New(1<<20)
	q, err := queue.Open(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestContract(t *testing.T) {
	for name, cfg := range map[string]queue.Config{
		"from memory": {Memory: 1 << 20},
		"from disk":   {Memory: 1},
		"spilling":    {Memory: 500, Spill: true},
	} {
		t.Run(name, func(t *testing.T) {
			queuetest.Run(t, func(t *testing.T, limit int64) sidelight.Queue {
				cfg.Dir, cfg.Disk, cfg.Segment = t.TempDir(), limit, limit/4
				q := open(t, cfg)
				t.Cleanup(func() { _ = q.Release() })
				return q
			})
		})
	}
}

// A block that is read back has the hash of its body, also when it has been tried
// before.
func TestReadBackHash(t *testing.T) {
	q := open(t, queue.Config{Dir: t.TempDir(), Memory: 1})
	t.Cleanup(func() { _ = q.Release() })
	pieces := queuetest.Growing("d", "a1")
	if err := q.Write(pieces); err != nil {
		t.Fatal(err)
	}
	queuetest.Grow(pieces, "a2")
	if err := q.Write(pieces); err != nil {
		t.Fatal(err)
	}
	pack.Seal(queuetest.Encoder{}, pieces, false)
	for _, b := range []*sidelight.Block{pieces, queuetest.Block("d", strings.Repeat("whole", 50_000))} {
		want := string(b.Body)
		if err := q.Put(b); err != nil {
			t.Fatal(err)
		}
		for try := range 3 {
			l, err := q.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := l.Block()
			if string(got.Body) != want || got.Sum != sha256.Sum256([]byte(want)) || !got.Sealed {
				t.Errorf("attempt %d: %.20q…, hash %x", try, got.Body, got.Sum)
			}
			if try < 2 {
				err = l.Return(0)
			} else {
				err = l.Commit()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// write lays down blocks in every state and returns the bodies that must be
// found after a restart.
func write(t testing.TB, q *queue.Queue) []string {
	t.Helper()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	done := queuetest.Block("d", "done")
	ok(q.Put(done))
	l, err := q.Take(t.Context())
	ok(err)
	ok(l.Commit())

	sealed := queuetest.Growing("d", "a1")
	ok(q.Write(sealed))
	open := queuetest.Growing("e", "b1", "b2")
	ok(q.Write(open))
	queuetest.Grow(sealed, "a2")
	ok(q.Write(sealed))
	finish(sealed)
	ok(q.Put(sealed))
	queuetest.Grow(open, "b3")
	ok(q.Write(open))
	ok(q.Put(queuetest.Block("f", "c")))
	return []string{"[a1,a2]", "[b1,b2,b3]", "[c]"}
}

func drain(t testing.TB, q *queue.Queue) []string {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		l, err := q.Take(t.Context())
		if err != nil {
			return got
		}
		b := l.Block()
		sum := b.Sum
		if b.Rehash(); b.Sum != sum || !b.Sealed || b.Events != len(b.Marks) || b.Dest.Value().Exporter != "test" {
			t.Errorf("block %s is not whole: %+v", b.Body, b)
		}
		got = append(got, string(b.Body))
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

// A process that dies leaves its files open and unreleased; a second Queue on a
// copy of the directory sees what a restart would.
func TestRestartFindsEverything(t *testing.T) {
	dir := t.TempDir()
	q := open(t, queue.Config{Dir: dir})
	want := write(t, q)
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	after := open(t, queue.Config{Dir: copied})
	if n := after.Recovered()[sidelight.Logs]; n != 6 {
		t.Errorf("recovered %d events, want 6", n)
	}
	if got := drain(t, after); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("found %v, want %v", got, want)
	}
	if err := after.Release(); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(copied, "*.seg"))
	if len(left) != 0 {
		t.Errorf("a drained queue leaves %v", left)
	}
}

// Whatever byte the last write reached, the queue opens and holds a prefix of
// what was written.
func TestCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	write(t, open(t, queue.Config{Dir: dir}))
	data, err := os.ReadFile(filepath.Join(dir, "00000001.seg"))
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for cut := 0; cut <= len(data); cut++ {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00000001.seg"), data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		q := open(t, queue.Config{Dir: dir})
		events := q.Recovered()[sidelight.Logs]
		if events < last && events+1 != last { // one done frame takes an event away
			t.Errorf("cut at %d: %d events, before %d", cut, events, last)
		}
		last = events
		if err := q.Put(queuetest.Block("d", "new")); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if got := drain(t, q); got[len(got)-1] != "[new]" {
			t.Errorf("cut at %d: drained %v", cut, got)
		}
		_ = q.Release()
	}
	if last != 6 {
		t.Errorf("the whole file holds %d events, want 6", last)
	}
}

// Any damage is survived: the queue opens, says so, and goes on.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	write(t, open(t, queue.Config{Dir: dir}))
	data, err := os.ReadFile(filepath.Join(dir, "00000001.seg"))
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		dir := t.TempDir()
		bad := bytes.Clone(data)
		bad[rnd.IntN(len(bad))] ^= byte(1 + rnd.IntN(255))
		for i, content := range [][]byte{bad, data[:len("SLQUEUE1")]} {
			name := filepath.Join(dir, fmt.Sprintf("%08d.seg", i+1))
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		q := open(t, queue.Config{Dir: dir})
		drain(t, q)
		_ = q.Release()
		aside, _ := filepath.Glob(filepath.Join(dir, "*.damaged"))
		if len(aside) != 1 {
			t.Fatalf("%d files set aside, want 1", len(aside))
		}
	}
}

func TestSegmentsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	q := open(t, queue.Config{Dir: dir, Segment: 1024, Memory: 1})
	for i := range 100 {
		if err := q.Put(queuetest.Block("d", strings.Repeat("x", 300)+fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if len(before) < 20 {
		t.Errorf("%d segments, want many", len(before))
	}
	for range 100 {
		l, err := q.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	after, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if s := q.Stats(); len(after) > 2 || s.Disk > 7*1024 {
		t.Errorf("an empty queue keeps %d segments, %d bytes", len(after), s.Disk)
	}
	if err := q.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	q := open(t, queue.Config{Dir: dir})
	_, err := queue.Open(queue.Config{Dir: dir, Finish: finish}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second Open = %v, want an error that names the cause", err)
	}
	_ = q.Release()
	open(t, queue.Config{Dir: dir})
}

func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	write(f, open(f, queue.Config{Dir: dir}))
	data, err := os.ReadFile(filepath.Join(dir, "00000001.seg"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add(slices.Concat(data, data[len("SLQUEUE1"):])) // every block moved
	f.Add(slices.Concat(data, make([]byte, 20), data)) // an end, and an earlier use
	dir = f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(emptied(t, dir), "00000001.seg"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		q := open(t, queue.Config{Dir: dir})
		drain(t, q)
		_ = q.Release()
	})
}

func BenchmarkWrite(b *testing.B) {
	doc := strings.Repeat("x", 500)
	q := open(b, queue.Config{Dir: b.TempDir()})
	b.SetBytes(20 * 500)
	b.ReportAllocs()
	for b.Loop() {
		block := queuetest.Growing("d")
		for range 20 {
			queuetest.Grow(block, doc)
		}
		if err := q.Write(block); err != nil {
			b.Fatal(err)
		}
		finish(block)
		if err := q.Put(block); err != nil {
			b.Fatal(err)
		}
		l, err := q.Take(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}
