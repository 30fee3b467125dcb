package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
)

// Settle waits until all full blocks are sealed.
func (s *Store) Settle() { s.sealer.wait() }

// texts are the messages of a group in order of arrival.
func texts(t *testing.T, g *Group) (out []string) {
	t.Helper()
	for _, b := range g.Blocks() {
		if err := b.Scan(func(e *Event) bool { out = append(out, fmt.Sprint(e.Seq, e.Time, string(e.Message))); return true }); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// numbered appends n events of 1 kB in one call.
func numbered(t *testing.T, g *Group, st *Stream, from, n int) {
	t.Helper()
	in := make([]Input, n)
	for i := range in {
		in[i] = Input{Time: int64(from + i), Message: fmt.Sprintf("%d %s", from+i, strings.Repeat("x", 1000))}
	}
	if err := g.Append(st, int64(from), in); err != nil {
		t.Fatal(err)
	}
}

func groupIn(t *testing.T, s *Store) (*Group, *Stream) {
	t.Helper()
	g, err := s.NewGroup()
	if err != nil {
		t.Fatal(err)
	}
	st, err := g.NewStream("s", 1)
	if err != nil {
		t.Fatal(err)
	}
	return g, st
}

// TestKilledBeforeSealing: full blocks that nobody came to seal are read from
// their logs, and sealed then.
func TestKilledBeforeSealing(t *testing.T) {
	dir := t.TempDir()
	s, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	g, st := groupIn(t, s)
	numbered(t, g, st, 0, 600)
	s.Settle()
	// One that is never done: the goroutine is not started.
	s.sealer.waiting = append(s.sealer.waiting, nil)
	numbered(t, g, st, 600, 900)
	want := texts(t, g)
	sealed, _ := filepath.Glob(filepath.Join(dir, "1", "*.block"))
	logs, _ := filepath.Glob(filepath.Join(dir, "1", "*.open"))
	if len(sealed) != 2 || len(logs) != 4 {
		t.Fatalf("%d blocks are sealed and %d have logs", len(sealed), len(logs))
	}
	for range 2 {
		again, err := New(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		h := again.Claim(g.ID())
		if got := texts(t, h); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%d events are there, of %d", len(got), len(want))
		}
		var kept int64
		for _, b := range h.Blocks() {
			kept += b.kept()
		}
		if st := again.Stats(); st.Blocks != 5 || st.Bytes < kept*9/10 {
			t.Errorf("%+v for %d bytes", st, kept)
		}
		if logs, _ := filepath.Glob(filepath.Join(dir, "1", "*.open")); len(logs) != 1 {
			t.Errorf("logs stay: %v", logs)
		}
	}
}

// TestSealingFails: who writes next is told, and nothing is lost.
func TestSealingFails(t *testing.T) {
	dir := t.TempDir()
	s, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	g, st := groupIn(t, s)
	// A folder where the block's file would be written first.
	if err := os.Mkdir(filepath.Join(dir, "1", name(1, blockSuffix)+".new"), 0o700); err != nil {
		t.Fatal(err)
	}
	numbered(t, g, st, 0, 300)
	s.Settle()
	if err := g.Append(st, 1, []Input{{Time: 1, Message: "x"}}); err == nil {
		t.Error("the failure is not told")
	}
	if err := g.Append(st, 1, []Input{{Time: 1, Message: "y"}}); err != nil {
		t.Errorf("the failure is told twice: %v", err)
	}
	want := texts(t, g)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "1", name(1, blockSuffix)+".new")); err != nil {
		t.Fatal(err)
	}
	again, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(t, again.Claim(1)); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d events are there, of %d", len(got), len(want))
	}
}

// TestGoneBeforeSealing: a block that is dropped or expires while it waits leaves
// nothing behind.
func TestGoneBeforeSealing(t *testing.T) {
	for name, drop := range map[string]func(*Group) error{
		"dropped": (*Group).Drop,
		"expired": func(g *Group) error { g.Expire(1000); return g.Drop() },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New(Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			g, st := groupIn(t, s)
			s.sealer.waiting = append(s.sealer.waiting, nil)
			numbered(t, g, st, 0, 600)
			waiting := s.sealer.waiting[1:]
			if err := drop(g); err != nil {
				t.Fatal(err)
			}
			for _, b := range waiting {
				s.sealer.seal(b)
			}
			if st := s.Stats(); len(waiting) != 2 || st.Bytes != 0 || st.Blocks != 0 || s.sealer.err != nil {
				t.Errorf("of %d blocks there are %+v, %v", len(waiting), st, s.sealer.err)
			}
		})
	}
}

// TestOldBlocks reads blocks that were compressed by S2.
func TestOldBlocks(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	g, st := groupIn(t, s)
	numbered(t, g, st, 0, 300)
	want := texts(t, g)
	s.Settle()
	b := g.sealed[0]
	records, err := s.packer.unpack(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	old := &Block{old: true, sealed: true, first: b.first, n: b.n, min: b.min, max: b.max, sums: b.sums, ids: b.ids, payload: b.payload, raw: b.raw, data: s2.Encode(nil, records)}
	for range 2 { // the second time it is written as it was read
		if old, err = decodeBlock(old.encode(nil)); err != nil {
			t.Fatal(err)
		}
	}
	old.group, old.streams = g, g.streams
	g.sealed[0] = old
	if got := texts(t, g); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d events are there, of %d", len(got), len(want))
	}
}
