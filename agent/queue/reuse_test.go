package queue_test

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// write1 is a write to a segment's file.
type write1 struct {
	off  int64
	data []byte
}

// tape records what is written to segments, and how many files were made.
type tape struct {
	writes []write1
	made   int
}

func (tp *tape) open(_ string, open func() (queue.File, error)) (queue.File, error) {
	f, err := open()
	tp.made++
	return &taped{File: f, tape: tp}, err
}

type taped struct {
	queue.File
	tape *tape
}

func (f *taped) WriteAt(p []byte, off int64) (int, error) {
	f.tape.writes = append(f.tape.writes, write1{off, slices.Clone(p)})
	return f.File.WriteAt(p, off)
}

// overwriting opens a queue and has it fill and empty files until it writes in
// the middle of one that it used before. All blocks of flow have the same size, so
// that frames of an earlier use begin where new ones end.
func overwriting(t testing.TB, dir string, cfg queue.Config) (*queue.Queue, *tape) {
	t.Helper()
	tp := &tape{}
	cfg.Dir = dir
	queue.OpenThrough(&cfg, tp.open)
	q := open(t, cfg)
	for range 1000 {
		flow(t, q, int(cfg.Segment)/20)
		data := files(t, dir)
		last := slices.Max(slices.Collect(maps.Keys(data)))
		if at := end(data[last]); last > "00000006" && at > int(cfg.Segment)/5 && at+int(cfg.Segment)/2 < len(data[last]) {
			return q, tp
		}
	}
	t.Fatal("no file is written over")
	return nil, nil
}

// end returns where the frames of a segment end.
func end(data []byte) int {
	at := len("SLQUEUE1")
	for at+20 <= len(data) && string(data[at:at+20]) != strings.Repeat("\x00", 20) {
		at += 20 + int(binary.LittleEndian.Uint32(data[at:]))
	}
	return min(at, len(data))
}

const small = 2048

// A flow that lasts makes a few files and writes over them: through more than 255
// uses, after which a frame's number of its use begins again. At any moment a
// restart finds what is not delivered, and nothing of an earlier use.
func TestFilesAreWrittenOver(t *testing.T) {
	dir := t.TempDir()
	tp := &tape{}
	cfg := queue.Config{Dir: dir, Segment: small, Disk: 1 << 20}
	queue.OpenThrough(&cfg, tp.open)
	q := open(t, cfg)
	last := ""
	for i := range 5000 {
		flow(t, q, 100+i%3)
		if i%97 == 0 {
			if found := reopened(t, dir); len(found) > 0 {
				t.Fatalf("after %d blocks a restart finds %.80q", i, found)
			}
		}
		last = slices.Max(segments(t, dir))
	}
	if last := filepath.Base(last); last < "00000300" || tp.made > 5 {
		t.Errorf("%d files were made for the segments up to %s, want a few for more than 300", tp.made, last)
	}
	if s := q.Stats(); s.Disk > 5*small {
		t.Errorf("the files have %d bytes", s.Disk)
	}
	if err := q.Release(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.s*")); len(left) > 0 {
		t.Errorf("an empty queue leaves %v", left)
	}
}

// A process dies at any byte of what it writes over an earlier use: a small frame
// and its end in one write, a large one in three, and marks. What was there before
// is found, what was written wholly too, and nothing of the earlier use.
func TestOverwriteIsCutAtEveryByte(t *testing.T) {
	for name, c := range map[string]struct {
		segment int64
		do      func(q *queue.Queue) error
		then    []string // what may be found beside the block from before
		step    int
	}{
		"small": {small, func(q *queue.Queue) error { return q.Write(queuetest.Growing("d", strings.Repeat("x", 100))) }, []string{"[" + strings.Repeat("x", 100) + "]"}, 1},
		"whole": {small, func(q *queue.Queue) error { return q.Put(queuetest.Block("d", "w1", "w2")) }, []string{"[w1,w2]"}, 1},
		"large": {1 << 20, func(q *queue.Queue) error { return q.Write(queuetest.Growing("d", largeEvent(1))) }, []string{"[" + largeEvent(1) + "]"}, 1009},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			q, tp := overwriting(t, dir, queue.Config{Segment: c.segment, Disk: 64 * c.segment})
			first := strings.Repeat("f", 40)
			if err := q.Put(queuetest.Block("d", first)); err != nil {
				t.Fatal(err)
			}
			before := files(t, dir)
			tp.writes = nil
			if err := c.do(q); err != nil {
				t.Fatal(err)
			}
			dirs := t.TempDir()
			last := slices.Max(slices.Collect(maps.Keys(before)))
			state := slices.Clone(before[last])
			whole := 0
			for _, w := range tp.writes {
				for n := 0; n < len(w.data); n += min(c.step, max(len(w.data)-n-1, 1)) {
					now := overlay(state, w.off, w.data[:n])
					found := laid(t, dirs, before, last, now)
					if len(found) == 0 || found[0] != "["+first+"]" || len(found) > 1 && !slices.Equal(found[1:], c.then) {
						t.Fatalf("cut after %d bytes of a write of %d at %d: a restart finds %.80q", n, len(w.data), w.off, found)
					}
					whole += len(found) - 1
				}
				state = overlay(state, w.off, w.data)
			}
			if found := laid(t, dirs, before, last, state); len(found) != 2 {
				t.Errorf("all is written: a restart finds %.80q", found)
			}
			if name == "small" && whole == 0 {
				t.Error("a frame whose end was not yet marked is not found")
			}
			_ = q.Release()
		})
	}
}

func overlay(old []byte, off int64, data []byte) []byte {
	out := slices.Clone(old)
	if grow := int(off) + len(data) - len(out); grow > 0 {
		out = append(out, make([]byte, grow)...)
	}
	copy(out[off:], data)
	return out
}

// laid returns what a restart finds in the files, of which name has other content.
// It uses dir up.
func laid(t testing.TB, dir string, all map[string][]byte, name string, content []byte) []string {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for n, data := range all {
		if n == name {
			data = content
		}
		if err := os.WriteFile(filepath.Join(dir, n), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q := open(t, queue.Config{Dir: dir})
	defer func() { _ = q.Release() }()
	return drain(t, q)
}

// A file that is used again and was cut anywhere, as a loss of power may do, or of
// which nothing new was written.
func TestReusedFileIsCut(t *testing.T) {
	dir := t.TempDir()
	q, _ := overwriting(t, dir, queue.Config{Segment: small, Disk: 1 << 20})
	if err := q.Put(queuetest.Block("d", "kept")); err != nil {
		t.Fatal(err)
	}
	all := files(t, dir)
	last := slices.Max(slices.Collect(maps.Keys(all)))
	size := end(all[last])
	used := t.TempDir()
	for cut := 0; cut < len(all[last]); cut++ {
		// Every byte of the last frame, its end, and what follows; elsewhere some.
		if cut > 20 && cut < size-60 || cut > size+60 {
			cut += 22
		}
		found := laid(t, used, all, last, all[last][:min(cut, len(all[last]))])
		if cut >= size && fmt.Sprint(found) != "[[kept]]" || len(found) > 1 {
			t.Fatalf("cut at %d of %d: a restart finds %.80q", cut, size, found)
		}
	}
	_ = q.Release()
}

// A process that dies between the steps of taking a file into use.
func TestDiesWhileReusing(t *testing.T) {
	dir := t.TempDir()
	q, _ := overwriting(t, dir, queue.Config{Segment: small, Disk: 1 << 20})
	if err := q.Put(queuetest.Block("d", "kept")); err != nil {
		t.Fatal(err)
	}
	all := files(t, dir)
	spares, err := filepath.Glob(filepath.Join(dir, "*.spare"))
	if err != nil || len(spares) == 0 {
		t.Fatalf("no spares: %v", err)
	}
	spare, err := os.ReadFile(spares[0])
	if err != nil {
		t.Fatal(err)
	}
	last := slices.Max(slices.Collect(maps.Keys(all)))
	var n int
	if _, err := fmt.Sscanf(last, "%d.seg", &n); err != nil {
		t.Fatal(err)
	}
	next := fmt.Sprintf("%08d.seg", n+1)
	ended := maps.Clone(all)
	ended[last] = all[last][:end(all[last])]
	for name, c := range map[string]map[string][]byte{
		"kept under its new name":      with(all, "00000001.spare", spare),
		"the last segment is ended":    with(ended, "00000001.spare", spare),
		"it has the segment's name":    with(ended, next, spare),
		"and the one before no end":    with(all, next, spare),
		"its pages never came to disk": with(ended, next, make([]byte, len(spare))),
		"nor did its size":             with(ended, next, nil),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			found := laid(t, dir, c, "", nil)
			if fmt.Sprint(found) != "[[kept]]" {
				t.Errorf("a restart finds %.80q", found)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*.spare")); len(left) > 0 {
				t.Errorf("it leaves %v", left)
			}
		})
	}
	_ = q.Release()
}

func with(all map[string][]byte, name string, data []byte) map[string][]byte {
	out := maps.Clone(all)
	out[name] = data
	return out
}

// What this agent leaves, also when it is killed, an agent from before files were
// used again reads alike.
func TestOlderAgentReads(t *testing.T) {
	dir := t.TempDir()
	q, _ := overwriting(t, dir, queue.Config{Segment: small, Disk: 1 << 20})
	for i := range 40 {
		flow(t, q, 100)
		if err := q.Put(queuetest.Block("d", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		l, err := q.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i%3 > 0 {
			_ = l.Commit()
		} else {
			_ = l.Return(0)
			flow(t, q, 50)
		}
		if got, want := olderReads(t, files(t, dir)), len(reopened(t, dir)); got != want {
			t.Fatalf("after %d blocks the older agent finds %d, this one %d", i, got, want)
		}
	}
	_ = q.Release()
	if got, want := olderReads(t, files(t, dir)), len(reopened(t, dir)); got != want {
		t.Errorf("after the stop the older agent finds %d, this one %d", got, want)
	}
}

// olderReads counts the blocks that the first reader of this format finds: it
// takes every frame whose checksum is right, up to one that is not.
func olderReads(t testing.TB, all map[string][]byte) int {
	t.Helper()
	live := map[uint64]bool{}
	names := slices.SortedFunc(maps.Keys(all), cmp.Compare[string])
	for i, name := range names {
		data := all[name][len("SLQUEUE1"):]
		for len(data) >= 20 {
			size := 20 + int(binary.LittleEndian.Uint32(data))
			if size > len(data) || crc32.Checksum(data[8:size], crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(data[4:]) {
				break
			}
			id := binary.LittleEndian.Uint64(data[12:])
			switch data[8] {
			case 1, 4:
				live[id] = live[id] || data[20] == 1
			case 3:
				delete(live, id)
			}
			data = data[size:]
		}
		if len(data) > 0 && i < len(names)-1 {
			t.Errorf("the older agent finds %s damaged", name)
		}
	}
	return len(live)
}

// Files are not used again where each write is synced, and never those that
// another process wrote, whose frames may not tell their use.
func TestFilesThatAreNotReused(t *testing.T) {
	t.Run("synced", func(t *testing.T) {
		dir := t.TempDir()
		q := open(t, queue.Config{Dir: dir, Segment: small, Fsync: true})
		for range 50 {
			flow(t, q, 100)
		}
		if spares, _ := filepath.Glob(filepath.Join(dir, "*.spare")); len(spares) > 0 {
			t.Errorf("kept %v", spares)
		}
		_ = q.Release()
	})
	t.Run("found", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "format1", "moved"))); err != nil {
			t.Fatal(err)
		}
		q := open(t, queue.Config{Dir: dir, Segment: 300})
		if err := q.Write(queuetest.Growing("d", "grows")); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			l, err := q.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Commit()
		}
		if spares, _ := filepath.Glob(filepath.Join(dir, "*.spare")); len(spares) > 0 {
			t.Errorf("kept %v", spares)
		}
		if found := reopened(t, dir); fmt.Sprint(found) != "[[grows]]" {
			t.Errorf("a restart finds %.80q", found)
		}
		_ = q.Release()
	})
}

// Spares go before senders have to wait for room.
func TestSparesLeaveRoom(t *testing.T) {
	const limit = 16 * small
	q := open(t, queue.Config{Dir: t.TempDir(), Segment: small, Disk: limit, Memory: 1})
	for round := range 5 {
		n := 0
		for ; q.Stats().Disk < limit; n++ {
			if err := q.Put(queuetest.Block("d", strings.Repeat("x", 200))); err != nil {
				t.Fatal(err)
			}
		}
		if full := limit * 8 / 10 / 270; n < full {
			t.Errorf("round %d: full after %d blocks, want %d", round, n, full)
		}
		for range n {
			l, err := q.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Commit()
		}
		if s := q.Stats(); s.Disk > 4*small {
			t.Errorf("round %d: empty, but %d bytes", round, s.Disk)
		}
	}
	_ = q.Release()
}
