package refused_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/internal/dirlock"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// reading is queuetest's encoder, able to read what it wrote.
type reading struct{ queuetest.Encoder }

func (reading) Read(raw []byte) ([]byte, error) {
	if bytes.HasPrefix(raw, []byte("unreadable")) {
		return nil, errors.New("scripted")
	}
	return bytes.TrimRight(raw, ",]"), nil
}

func open(t testing.TB, cfg refused.Config) *refused.Store {
	t.Helper()
	s, err := refused.Open(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// texts returns "id reason event" of what is chosen.
func texts(t testing.TB, from refused.Reader, f refused.Filter) []string {
	t.Helper()
	var out []string
	if err := from.Each(f, func(r *refused.Record) bool {
		out = append(out, fmt.Sprintf("%d %s %s", r.ID, r.Reason, r.Body()))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func keep(s *refused.Store, dest, reason string, docs ...string) {
	at := make([]int, len(docs))
	for i := range at {
		at[i] = i
	}
	s.Shelf("logs", reading{}).Keep(queuetest.Block(dest, docs...), at, reason, nil)
}

func TestKeepAndRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "refused")
	s := open(t, refused.Config{Dir: dir, Limit: 1 << 20})
	s.Shelf("logs", reading{}).Keep(queuetest.Block("/a", "one", "two", "three"), []int{0, 2}, "too_old", errors.New("the service says so"))
	s.Shelf("traces", reading{}).Keep(queuetest.Block("", "\xff\xfe"), []int{0}, "rejected", nil)
	want := []string{"1 too_old one", "2 too_old three", "3 rejected \xff\xfe"}
	if got := texts(t, s, refused.Filter{}); !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
	if st := s.Stats(); st.Events != 3 || st.Lost != 0 || st.Displaced != 0 || st.Bytes == 0 || st.Limit != 1<<20 {
		t.Errorf("stats %+v", st)
	}
	groups, err := refused.Summarize(s, refused.Filter{Queue: "logs"})
	if err != nil || len(groups) != 1 || groups[0].Events != 2 || groups[0].Bytes != 8 || groups[0].Destination != "/a" || groups[0].Error != "the service says so" {
		t.Errorf("groups %+v, %v", groups, err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if len(names) != 1 {
		t.Fatalf("files %v", names)
	}
	if info, err := os.Stat(names[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(names[0])
	if err != nil || !strings.Contains(string(text), `"reason":"too_old","error":"the service says so","at":1,"event":"one"}`+"\n") {
		t.Errorf("%v in\n%s", err, text)
	}
}

func TestFilters(t *testing.T) {
	s := open(t, refused.Config{Dir: t.TempDir(), Limit: 1 << 20})
	keep(s, "/a", "too_old", "one")
	keep(s, "/b", "too_old", "two")
	keep(s, "/b", "too_new", "three")
	for name, c := range map[string]struct {
		filter refused.Filter
		want   string
	}{
		"all":         {refused.Filter{}, "1 2 3"},
		"id":          {refused.Filter{IDs: []uint64{3, 1, 9}}, "1 3"},
		"destination": {refused.Filter{Destination: "/b"}, "2 3"},
		"reason":      {refused.Filter{Reason: "too_old"}, "1 2"},
		"both":        {refused.Filter{Reason: "too_old", Destination: "/b"}, "2"},
		"queue":       {refused.Filter{Queue: "traces"}, ""},
		"before":      {refused.Filter{Before: 3}, "1 2"},
	} {
		t.Run(name, func(t *testing.T) {
			var ids []string
			for _, text := range texts(t, s, c.filter) {
				id, _, _ := strings.Cut(text, " ")
				ids = append(ids, id)
			}
			if got := strings.Join(ids, " "); got != c.want {
				t.Errorf("chose %q, want %q", got, c.want)
			}
		})
	}
}

// Whatever is removed, no ID is used twice, also not after a restart.
func TestRemove(t *testing.T) {
	cfg := refused.Config{Dir: t.TempDir(), Limit: 8 * 300}
	s := open(t, cfg)
	for i := range 6 {
		keep(s, "/a", "too_old", fmt.Sprint("event ", i))
	}
	n, err := s.Remove(refused.Filter{IDs: []uint64{2, 5}})
	if err != nil || n != 2 {
		t.Fatalf("removed %d, %v", n, err)
	}
	keep(s, "/a", "too_old", "event 6")
	want := []string{"1 too_old event 0", "3 too_old event 2", "4 too_old event 3", "6 too_old event 5", "7 too_old event 6"}
	if got := texts(t, s, refused.Filter{}); !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
	if n, err := s.Remove(refused.Filter{}); err != nil || n != 5 {
		t.Errorf("removed %d, %v, want the other 5", n, err)
	}
	if st := s.Stats(); st.Events != 0 || st.Bytes != 0 {
		t.Errorf("an empty store says %+v", st)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, cfg)
	keep(again, "/a", "too_old", "event 7")
	if n := again.Stats().Events; n != 1 {
		t.Errorf("after a restart %d events are counted, want 1", n)
	}
	if got := texts(t, again, refused.Filter{}); !slices.Equal(got, []string{"8 too_old event 7"}) {
		t.Errorf("after a restart: %q", got)
	}
}

func TestLimit(t *testing.T) {
	const limit = 4000
	cfg := refused.Config{Dir: t.TempDir(), Limit: limit}
	s := open(t, cfg)
	for i := range 200 {
		keep(s, "/a", "too_old", fmt.Sprint("event ", i))
		if st := s.Stats(); st.Bytes > limit || st.Events+int(st.Displaced) != i+1 {
			t.Fatalf("after %d events: %+v", i+1, st)
		}
	}
	keep(s, "/a", "too_old", strings.Repeat("x", limit))
	st := s.Stats()
	if st.Lost != 1 || st.Events == 0 {
		t.Errorf("an event longer than the limit: %+v", st)
	}
	onDisk := int64(0)
	names, _ := filepath.Glob(filepath.Join(cfg.Dir, "*.jsonl"))
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		onDisk += info.Size()
	}
	if onDisk != st.Bytes {
		t.Errorf("%d bytes on disk, counted %d", onDisk, st.Bytes)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Limit = 0
	off := open(t, cfg)
	keep(off, "/a", "too_old", "more")
	if now := off.Stats(); now.Events != st.Events {
		t.Errorf("with no limit %d events, before %d: it should keep what is there and no more", now.Events, st.Events)
	}
}

func TestUnreadableIsCounted(t *testing.T) {
	s := open(t, refused.Config{Dir: t.TempDir(), Limit: 1 << 20})
	keep(s, "/a", "too_old", "fine", "unreadable")
	s.Shelf("logs", reading{}).Keep(queuetest.Block("/a", "x"), []int{1}, "too_old", nil)
	if st := s.Stats(); st.Lost != 3 || st.Events != 0 {
		t.Errorf("stats %+v, want 3 lost", st)
	}
}

// A write that was cut short at any byte costs its own events alone.
func TestCutAtEveryByte(t *testing.T) {
	dir := t.TempDir()
	s := open(t, refused.Config{Dir: dir, Limit: 1 << 20})
	keep(s, "/a", "too_old", "one", "two")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, fmt.Sprintf("%016d.jsonl", 1))
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range data {
		if err := os.WriteFile(name, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, refused.Config{Dir: dir, Limit: 1 << 20})
		whole := bytes.Count(data[:cut], []byte("\n"))
		keep(s, "/a", "too_old", "new")
		got := texts(t, s, refused.Filter{})
		if len(got) != whole+1 || got[whole] != fmt.Sprintf("%d too_old new", whole+1) {
			t.Errorf("cut at %d: %q", cut, got)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneWriterManyReaders(t *testing.T) {
	dir := t.TempDir()
	s := open(t, refused.Config{Dir: dir, Limit: 1 << 20})
	keep(s, "/a", "too_old", "one")
	if _, err := refused.Open(refused.Config{Dir: dir}, slog.New(slog.DiscardHandler)); !errors.Is(err, dirlock.ErrHeld) {
		t.Errorf("a second writer: %v, want ErrHeld", err)
	}
	v, err := refused.Look(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	held, err := v.Held()
	if got := texts(t, v, refused.Filter{}); err != nil || !held || len(got) != 1 {
		t.Errorf("a reader sees %q, held %v, %v", got, held, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if held, err := v.Held(); held || err != nil {
		t.Errorf("held after Close: %v, %v", held, err)
	}
}

// Whatever the files hold, they can be read, written to, and emptied.
func FuzzFiles(f *testing.F) {
	dir := f.TempDir()
	s := open(f, refused.Config{Dir: dir, Limit: 1 << 20})
	keep(s, "/a", "too_old", "one", "two\n\x00")
	name := fmt.Sprintf("%016d.jsonl", 1)
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)-3])
	f.Add([]byte("{\"id\":18446744073709551615,\"queue\":\"q\"}\n{}\n\n\xff\n"))
	// One directory for all: to make and remove one each time costs more than
	// what is tested.
	dir = f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		files, err := filepath.Glob(filepath.Join(dir, "*"+filepath.Ext(name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, refused.Config{Dir: dir, Limit: 1 << 20})
		before := texts(t, s, refused.Filter{})
		keep(s, "/a", "too_old", "new")
		if after := texts(t, s, refused.Filter{}); len(after) != len(before)+1 {
			t.Fatalf("%d events, after one more %d: %q", len(before), len(after), after)
		}
		if n, err := s.Remove(refused.Filter{}); err != nil || n != len(before)+1 {
			t.Fatalf("removed %d of %d, %v", n, len(before)+1, err)
		}
		if st := s.Stats(); st.Events != 0 || st.Bytes != 0 {
			t.Fatalf("an emptied store says %+v", st)
		}
	})
}

var _ sidelight.Reader = reading{}

// A directory that cannot be written to costs the events, not the delivery.
func TestDirectoryIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "refused")
	s := open(t, refused.Config{Dir: dir, Limit: 1 << 20})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	keep(s, "/a", "too_old", "one", "two")
	if st := s.Stats(); st.Lost != 2 || st.Events != 0 || st.Bytes != 0 {
		t.Errorf("stats %+v, want 2 lost", st)
	}
	if n, err := s.Remove(refused.Filter{}); n != 0 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
}
