package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
	"github.com/sidelight-dev/sidelight/internal/queuetest"
)

// disk is a disk that can be full or read-only.
type disk struct{ full, readOnly atomic.Bool }

func (d *disk) open(_ string, open func() (queue.File, error)) (queue.File, error) {
	if d.readOnly.Load() {
		return nil, syscall.EROFS
	}
	f, err := open()
	return &troubled{File: f, disk: d}, err
}

type troubled struct {
	queue.File
	disk *disk
}

// WriteAt of a full disk writes half of what it is given.
func (f *troubled) WriteAt(p []byte, off int64) (int, error) {
	if f.disk.readOnly.Load() {
		return 0, syscall.EROFS
	}
	if f.disk.full.Load() {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, syscall.ENOSPC
	}
	return f.File.WriteAt(p, off)
}

func (f *troubled) Truncate(n int64) error {
	if f.disk.readOnly.Load() {
		return syscall.EROFS
	}
	return f.File.Truncate(n)
}

// counting counts log lines by their message.
type counting struct {
	slog.Handler
	lines map[string]int
}

func (c counting) Enabled(context.Context, slog.Level) bool { return true }

func (c counting) Handle(_ context.Context, r slog.Record) error {
	c.lines[r.Message]++
	return nil
}

// A disk that refuses writes: what was written stays, what comes is held in
// memory, unacknowledged, until it is delivered, the memory budget pushes back,
// and when the disk writes again all of it is on disk. It is said once.
func TestDiskRefusesWrites(t *testing.T) {
	full := func(d *disk, refuse bool) { d.full.Store(refuse) }
	readOnly := func(d *disk, refuse bool) { d.readOnly.Store(refuse) }
	for name, c := range map[string]struct {
		set  func(d *disk, refuse bool)
		used int // blocks that went before, so that files are used again
	}{
		"full": {full, 0}, "read-only": {readOnly, 0},
		"full, writing over": {full, 100}, "read-only, writing over": {readOnly, 100},
	} {
		t.Run(name, func(t *testing.T) {
			d := &disk{}
			lines := map[string]int{}
			cfg := queue.Config{Dir: t.TempDir(), Memory: 2000, Segment: 4096, Finish: finish}
			queue.OpenThrough(&cfg, d.open)
			q, err := queue.Open(cfg, slog.New(counting{lines: lines}))
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			acked := 0
			put := func(text string) {
				t.Helper()
				b := queuetest.Growing("d", text)
				ticket := sidelight.NewTicket(func(err error) {
					if err == nil {
						acked++
					}
				})
				b.Attach(ticket)
				ticket.Release(nil)
				if err := q.Write(b); err == nil {
					b.Release(nil)
				}
				finish(b)
				if err := q.Put(b); err != nil {
					t.Fatal(err)
				}
				want = append(want, "["+text+"]")
			}
			for range c.used {
				flow(t, q, 400)
			}
			put("written before")
			c.set(d, true)
			full := func() bool {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				return q.Room(ctx) != nil
			}
			for i := 0; !full(); i++ {
				if i > 100 {
					t.Fatal("the memory budget does not push back")
				}
				put(fmt.Sprint(i, strings.Repeat("x", 200)))
			}
			if acked != 1 || q.Trouble().Err == nil || q.Trouble().Since.IsZero() {
				t.Fatalf("%d acknowledged, trouble %+v: nothing that the disk refused is safe", acked, q.Trouble())
			}
			// What is delivered is done, though it cannot be marked.
			l, err := q.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Commit(); err != nil {
				t.Fatal(err)
			}
			want = want[1:]
			// A block that comes back tries the disk again.
			l, err = q.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c.set(d, false)
			if err := l.Return(time.Nanosecond); err != nil {
				t.Fatal(err)
			}
			if full() || q.Trouble().Err != nil || acked != 2 {
				t.Errorf("with the disk back: room %v, trouble %+v, %d acknowledged", !full(), q.Trouble(), acked)
			}
			put("written after")
			for _, line := range []string{"the queue cannot write; holding data in memory", "the queue writes again"} {
				if lines[line] != 1 || len(lines) != 2 {
					t.Errorf("said %v, want %q once", lines, line)
				}
			}
			found := reopened(t, cfg.Dir)
			if fmt.Sprint(found) != fmt.Sprint(want) {
				t.Errorf("a restart finds %.80q, want %.80q", found, want)
			}
		})
	}
}

// reopened returns what another process would find in dir now.
func reopened(t testing.TB, dir string) []string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	q := open(t, queue.Config{Dir: copied})
	defer func() { _ = q.Release() }()
	return drain(t, q)
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A spilling queue whose blocks are delivered as they come leaves the disk alone.
func TestSpillStaysInMemory(t *testing.T) {
	dir := t.TempDir()
	q := open(t, queue.Config{Dir: dir, Spill: true})
	for i := range 200 {
		acked := false
		ticket := sidelight.NewTicket(func(err error) { acked = err == nil })
		b := queuetest.Growing("d", fmt.Sprint(i))
		b.Attach(ticket)
		ticket.Release(nil)
		if err := q.Write(b); err != nil {
			t.Fatal(err)
		}
		b.Release(nil)
		finish(b)
		if err := q.Put(b); err != nil {
			t.Fatal(err)
		}
		if !acked {
			t.Fatal("not acknowledged from memory")
		}
		l, err := q.Take(t.Context())
		if err != nil || string(l.Block().Body) != fmt.Sprintf("[%d]", i) {
			t.Fatalf("took %v, %v", l, err)
		}
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if names := segments(t, dir); len(names) != 0 || q.Stats().Disk != 0 {
		t.Errorf("files %v, %d bytes, want none", names, q.Stats().Disk)
	}
	if err := q.Release(); err != nil {
		t.Fatal(err)
	}
}

// When a spilling queue writes: what a killed process would leave, and what it
// would lose.
func TestSpillWrites(t *testing.T) {
	put := func(t *testing.T, q *queue.Queue, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if err := q.Put(queuetest.Block("d", text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		do   func(t *testing.T, q *queue.Queue)
		want string
	}{
		"not while delivery keeps up": {func(t *testing.T, q *queue.Queue) { put(t, q, "a", "b") }, "[]"},
		"what a failed attempt gives back": {func(t *testing.T, q *queue.Queue) {
			put(t, q, "a", "b")
			l, err := q.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Return(time.Second)
		}, "[[a]]"},
		"all, when nothing was delivered for a while": {func(t *testing.T, q *queue.Queue) {
			put(t, q, "a", "b")
			time.Sleep(3 * time.Second)
			put(t, q, "c")
		}, "[[a] [b] [c]]"},
		"all, also when nothing comes": {func(t *testing.T, q *queue.Queue) {
			put(t, q, "a", "b")
			time.Sleep(3 * time.Second)
			l, err := q.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Return(time.Second)
		}, "[[a] [b]]"},
		"what the memory has no room for": {func(t *testing.T, q *queue.Queue) { put(t, q, long, long, long, "d", "e"+long) }, "[[e" + long + "]]"},
		"all, at a stop": {func(t *testing.T, q *queue.Queue) {
			put(t, q, "a", "b")
			if lost := q.Abandon(); len(lost) != 0 {
				t.Errorf("given up %v", lost)
			}
		}, "[[a] [b]]"},
		"nothing twice": {func(t *testing.T, q *queue.Queue) {
			put(t, q, "a", "b")
			for range 3 {
				l, err := q.Take(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				_ = l.Return(time.Nanosecond)
			}
			q.Abandon()
			q.Abandon()
		}, "[[a] [b]]"},
		"not what is delivered": {func(t *testing.T, q *queue.Queue) {
			put(t, q, "a", "b")
			time.Sleep(3 * time.Second)
			put(t, q, "c")
			l, err := q.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Commit()
		}, "[[b] [c]]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				q := open(t, queue.Config{Dir: dir, Spill: true, Memory: 1000})
				c.do(t, q)
				if found := reopened(t, dir); fmt.Sprint(found) != c.want {
					t.Errorf("a restart finds %v, want %s", found, c.want)
				}
				_ = q.Release()
			})
		})
	}
}
