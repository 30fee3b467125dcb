package store_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

func everything() store.Query {
	return store.Query{Start: math.MinInt64, End: math.MaxInt64, Limit: 1 << 20}
}

// names is what is left of the streams.
func names(g *store.Group) (out []string) {
	for _, s := range g.Streams() {
		out = append(out, s.Name())
	}
	return out
}

func claim(t *testing.T, s *store.Store, id uint32) *store.Group {
	t.Helper()
	g := s.Claim(id)
	if g == nil {
		t.Fatalf("group %d is not there", id)
	}
	return g
}

// TestReopen opens the files of a store that was never closed, as after a kill.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, store.Options{Dir: dir})
	g, gone, left := newGroup(t, s), newGroup(t, s), newGroup(t, s)
	fill(t, g, 6000, 7)
	fill(t, gone, 100, 8)
	if err := gone.Drop(); err != nil {
		t.Fatal(err)
	}
	for _, st := range g.Streams() {
		if st.Name() == "b" {
			if err := st.Delete(); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Settle()
	want := readAll(t, g, everything())
	size := g.Size()
	for range 3 {
		again := newStore(t, store.Options{Dir: dir})
		h := claim(t, again, g.ID())
		if d := cmp.Diff(want, readAll(t, h, everything())); d != "" {
			t.Fatalf("events after the kill: %s", d)
		}
		if d := cmp.Diff([]string{"a", "c"}, names(h)); d != "" {
			t.Errorf("streams: %s", d)
		}
		if h.Size() != size || again.Claim(gone.ID()) != nil || again.Claim(g.ID()) != nil {
			t.Errorf("size %d, want %d", h.Size(), size)
		}
		first, last, ingested := h.Streams()[0].Read()
		if first > last || ingested == 0 {
			t.Errorf("stream a was read with events from %d to %d, the last ingested at %d", first, last, ingested)
		}
		// What is added goes on from there.
		if err := h.Append(h.Streams()[0], 9000, []store.Input{{Time: 9000, Message: "more"}}); err != nil {
			t.Fatal(err)
		}
		want, size = readAll(t, h, everything()), h.Size()
		if want[len(want)-1].Text != "more" {
			t.Fatal("what was added is not there")
		}
		if err := again.Sweep(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "3")); !os.IsNotExist(err) {
		t.Errorf("group %d, which nobody claimed, is there: %v", left.ID(), err)
	}
}

// TestTornFiles cuts the log of the open block anywhere and leaves the files of
// a kill while sealing: what is left is a prefix, and all of the sealed blocks.
func TestTornFiles(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, store.Options{Dir: dir})
	g := newGroup(t, s)
	fill(t, g, 4000, 9)
	s.Settle()
	inOrder := arrival(t, g)
	sealed := 0
	for _, b := range g.Blocks()[:len(g.Blocks())-1] {
		sealed += b.Len()
	}
	opens, err := filepath.Glob(filepath.Join(dir, "1", "*.open"))
	if err != nil || len(opens) != 1 {
		t.Fatalf("logs of the open block: %v, %v", opens, err)
	}
	whole, err := os.ReadFile(opens[0])
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(whole); cut += 9973 {
		if err := os.WriteFile(opens[0], whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		h := claim(t, newStore(t, store.Options{Dir: dir}), 1)
		got := arrival(t, h)
		if len(got) < sealed || !cmp.Equal(got, inOrder[:len(got)]) {
			t.Fatalf("cut at %d: %d events, of which %d were sealed", cut, len(got), sealed)
		}
	}
	// The log of a block that was sealed, which the kill left.
	blocks, err := filepath.Glob(filepath.Join(dir, "1", "*.block"))
	if err != nil || len(blocks) < 2 {
		t.Fatalf("blocks: %v, %v", blocks, err)
	}
	stale := strings.TrimSuffix(blocks[0], ".block") + ".open"
	for _, path := range []string{opens[0], stale, blocks[1] + ".new"} {
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := arrival(t, claim(t, newStore(t, store.Options{Dir: dir}), 1)); !cmp.Equal(got, inOrder) {
		t.Errorf("with files of a kill there are %d events, want %d", len(got), len(inOrder))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "1", "*")); len(left) != len(blocks)+2 {
		t.Errorf("files of a kill stay: %v", left)
	}
}

func arrival(t *testing.T, g *store.Group) (out []event) {
	t.Helper()
	for _, b := range g.Blocks() {
		if err := b.Scan(func(e *store.Event) bool { out = append(out, seen(e)); return true }); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestFilesAreBounded: what goes out of memory goes from the folder.
func TestFilesAreBounded(t *testing.T) {
	dir := t.TempDir()
	s := newStore(t, store.Options{Dir: dir})
	g := newGroup(t, s)
	fill(t, g, 20000, 10)
	s.Settle()
	before, _ := filepath.Glob(filepath.Join(dir, "1", "*.block"))
	again := newStore(t, store.Options{Dir: dir, MaxBytes: s.Stats().Bytes / 2})
	h := claim(t, again, 1)
	fill(t, h, 3000, 11)
	again.Settle()
	after, _ := filepath.Glob(filepath.Join(dir, "1", "*.block"))
	if len(before) < 10 || len(after) > len(before)*2/3+4 {
		t.Errorf("there were %d blocks in files, and are %d with half the room", len(before), len(after))
	}
	h.Expire(math.MaxInt64)
	if after, _ := filepath.Glob(filepath.Join(dir, "1", "*.block")); len(after) != 0 {
		t.Errorf("expired blocks stay: %v", after)
	}
}

func TestSnapshot(t *testing.T) {
	s := newStore(t, store.Options{})
	g := newGroup(t, s)
	fill(t, g, 3000, 12)
	s.Settle()
	if err := g.Streams()[1].Delete(); err != nil {
		t.Fatal(err)
	}
	want := arrival(t, g)
	for _, dir := range []string{"", t.TempDir()} {
		copied := newStore(t, store.Options{Dir: dir})
		l := copied.Load()
		if err := s.Dump(l.Add); err != nil {
			t.Fatal(err)
		}
		h := claim(t, copied, g.ID())
		if d := cmp.Diff(want, arrival(t, h)); d != "" {
			t.Errorf("loaded: %s", d)
		}
		if dir != "" {
			if got := arrival(t, claim(t, newStore(t, store.Options{Dir: dir}), g.ID())); !cmp.Equal(got, want) {
				t.Errorf("loaded and opened again: %d events", len(got))
			}
		}
	}
}

// FuzzLoad feeds the loader and the decoder of blocks what they did not write.
func FuzzLoad(f *testing.F) {
	f.Add([]byte("g\x01"), []byte("s\x00\x00a"), []byte("bSLB3"))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		s := newStore(t, store.Options{})
		l := s.Load()
		for _, r := range [][]byte{a, b, c} {
			_ = l.Add(r)
		}
		if g := s.Claim(1); g != nil {
			_, _ = g.Page(t.Context(), &store.Query{End: math.MaxInt64, Limit: 10})
		}
	})
}
