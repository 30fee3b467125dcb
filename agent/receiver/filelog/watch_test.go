package filelog_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver/filelog"
)

// gate lets nothing through until it is opened.
type gate struct {
	*sink
	entered, open chan struct{}
}

func (g *gate) Push(ctx context.Context, b *sidelight.Batch) error {
	select {
	case g.entered <- struct{}{}:
	default:
	}
	<-g.open
	return g.sink.Push(ctx, b)
}

// While there is no room to read, files are renamed again and again, and
// deleted: what they hold is read from their descriptors.
func TestRotatedAwayWhileThereIsNoRoom(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // nobody tells of the files
	}
	d, s := newDir(t), newSink()
	g := &gate{s, make(chan struct{}, 1), make(chan struct{})}
	d.append("app.log", text(number(0, 10)))
	r := d.startWith(filelog.Config{Include: []string{d.file("app.log")}}, nil, g)
	<-g.entered
	const rounds = 30
	for i := 1; i < rounds; i++ {
		const keep = 2
		_ = os.Remove(d.file(fmt.Sprintf("app.log.%d", keep)))
		d.shift(keep - 1)
		d.rename("app.log", "app.log.1")
		d.append("app.log", text(number(i*10, i*10+10)))
		eventually(t, "the new file is open", func() bool { return r.Stats().Open == int64(i+1) })
	}
	d.remove("app.log")
	close(g.open)
	s.wait(t, rounds*10)
	exactly(t, s.of("app.log"), rounds*10)
}

// A file that is renamed before it could be opened is opened under its new name.
func TestRenamedBeforeItIsOpened(t *testing.T) {
	d, s := newDir(t), newSink()
	d.append("app.log", "")
	r := d.start(filelog.Config{Include: []string{d.file("app.log")}}, nil, s)
	eventually(t, "the file is open", func() bool { return r.Stats().Files == 1 })
	for i := range 50 {
		d.append("app.log", text(number(i*2, i*2+2)))
		d.rename("app.log", fmt.Sprintf("app.log.%d", i+1))
	}
	s.wait(t, 100)
	exactly(t, s.of("app.log"), 100)
}

func TestNewDirectories(t *testing.T) {
	bothWays(t, func(t *testing.T, d *dir) {
		s := newSink()
		d.start(filelog.Config{Include: []string{d.file("pods/*/*/a.log"), d.file("deep/**/a.log")}}, nil, s)
		for i := range 20 {
			for _, name := range []string{fmt.Sprintf("pods/%d/x/a.log", i), fmt.Sprintf("deep/1/%d/2/a.log", i), fmt.Sprintf("pods/%d/y/b.log", i)} {
				if err := os.MkdirAll(filepath.Dir(d.file(name)), 0o700); err != nil {
					t.Fatal(err)
				}
				d.append(name, name+"\n")
			}
		}
		s.wait(t, 40)
	})
}

// Few files are open, many are followed.
func TestManyFilesFewDescriptors(t *testing.T) {
	bothWays(t, func(t *testing.T, d *dir) {
		s := newSink()
		const files, limit = 60, 10
		name := func(i int) string { return fmt.Sprintf("%02d.log", i) }
		for i := range files {
			d.append(name(i), "first\n")
		}
		store := d.store()
		r := d.start(filelog.Config{MaxFiles: limit, Quiet: 10 * time.Millisecond}, store, s)
		s.wait(t, files)
		for round := range 3 {
			for i := range files {
				d.append(name(i), fmt.Sprintf("round %d\n", round))
			}
			s.wait(t, (round+2)*files)
			eventually(t, "few are open", func() bool { return r.Stats().Open <= limit })
		}
		if n := r.Stats().Files; n != files {
			t.Errorf("%d files are followed, want %d", n, files)
		}
		// Those that are closed are found when they were renamed and when they
		// were deleted.
		d.rename(name(0), name(0)+".1")
		d.append(name(0)+".1", "renamed\n")
		d.remove(name(1))
		s.wait(t, 4*files+1)
		check(t, s.of(name(0)), []string{"first", "round 0", "round 1", "round 2", "renamed"})
		eventually(t, "what is gone is closed", func() bool { return r.Stats().Files == files-2 })
		r.stop()
		d.flush(store)
		if n := len(d.store().Saved()); n != files-2 {
			t.Errorf("%d checkpoints, want %d", n, files-2)
		}
	})
}

func TestMoreFilesThanAreFollowed(t *testing.T) {
	d, s := newDir(t), newSink()
	for i := range 30 {
		d.append(fmt.Sprintf("%02d.log", i), "line\n")
	}
	r := d.start(filelog.Config{MaxFiles: 1}, nil, s)
	s.wait(t, 10)
	if n := r.Stats().Files; n != 10 {
		t.Errorf("%d files are followed, want 10", n)
	}
}

// What a symbolic link names is read, and read on when the link names another.
func TestSymlinks(t *testing.T) {
	bothWays(t, func(t *testing.T, d *dir) {
		s := newSink()
		d.append("target.1", "one\n")
		d.append("target.2", "three\n")
		link := func(to string) {
			t.Helper()
			if err := os.Symlink(d.file(to), d.file("new")); err != nil {
				t.Fatal(err)
			}
			d.rename("new", "app.log")
		}
		link("target.1")
		d.start(filelog.Config{Quiet: time.Millisecond}, nil, s)
		s.wait(t, 1)
		d.append("target.1", "two\n")
		s.wait(t, 2)
		link("target.2")
		s.wait(t, 3)
		check(t, s.of("app.log"), []string{"one", "two", "three"})
	})
}

// A pipe is no file, and does not block.
func TestPipesAreNotRead(t *testing.T) {
	d, s := newDir(t), newSink()
	r := d.start(filelog.Config{}, nil, s)
	makePipe(t, d.file("pipe.log"))
	if err := os.Mkdir(d.file("dir.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.append("a.log", "one\n")
	s.wait(t, 1)
	if n := r.Stats().Files; n != 1 {
		t.Errorf("%d files are followed, want 1", n)
	}
}

func TestCompressedRotationsAreNotRead(t *testing.T) {
	bothWays(t, func(t *testing.T, d *dir) {
		s := newSink()
		d.start(filelog.Config{Include: []string{d.file("app.log*")}}, nil, s)
		for i, ext := range []string{".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip"} {
			d.append("app.log", fmt.Sprintf("line %d\n", i))
			s.wait(t, i+1)
			d.rename("app.log", "app.log.1")
			d.append("app.log.1"+ext, "not text\n")
			d.remove("app.log.1")
		}
		d.append("app.log", "the last\n")
		s.wait(t, 7)
		check(t, s.of("app.log"), []string{"line 0", "line 1", "line 2", "line 3", "line 4", "line 5", "the last"})
		if len(s.lines) != 1 {
			t.Errorf("lines of %d files", len(s.lines))
		}
	})
}
