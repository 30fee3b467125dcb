package inotify_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/inotify"
)

func start(t *testing.T) *inotify.Watcher {
	t.Helper()
	w, err := inotify.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// read returns the next n events, in as many reads as it takes.
func read(t *testing.T, w *inotify.Watcher, n int) []inotify.Event {
	t.Helper()
	var all []inotify.Event
	for len(all) < n {
		events, err := w.Read()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, events...)
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDirectory(t *testing.T) {
	w, dir := start(t), t.TempDir()
	wd, err := w.Directory(dir)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "a.log"), []byte("text\n"), 0o600))
	must(t, os.Rename(filepath.Join(dir, "a.log"), filepath.Join(dir, "a.log.1")))
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	must(t, os.Remove(filepath.Join(dir, "a.log.1")))
	got := read(t, w, 5)
	if got[1].Cookie == 0 || got[1].Cookie != got[2].Cookie {
		t.Errorf("the cookies of a rename are %d and %d", got[1].Cookie, got[2].Cookie)
	}
	for i := range got {
		got[i].Cookie = 0
	}
	want := []inotify.Event{
		{Watch: wd, Op: inotify.Create, Name: "a.log"},
		{Watch: wd, Op: inotify.MovedFrom, Name: "a.log"},
		{Watch: wd, Op: inotify.MovedTo, Name: "a.log.1"},
		{Watch: wd, Op: inotify.Create | inotify.IsDir, Name: "sub"},
		{Watch: wd, Op: inotify.Delete, Name: "a.log.1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
}

func TestOnce(t *testing.T) {
	w := start(t)
	f, err := os.Create(filepath.Join(t.TempDir(), "a.log"))
	must(t, err)
	defer f.Close()
	wd, err := w.Once(f.Name())
	must(t, err)
	for range 3 {
		_, err = f.WriteString("more\n")
		must(t, err)
	}
	want := []inotify.Event{{Watch: wd, Op: inotify.Modify}, {Watch: wd, Op: inotify.Ignored}}
	if diff := cmp.Diff(want, read(t, w, 2)); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
	w.Remove(wd) // it has ended; that is no fault
}

func TestWrites(t *testing.T) {
	w, dir := start(t), t.TempDir()
	wd, err := w.Writes(dir)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("text\n"), 0o600))
	want := []inotify.Event{{Watch: wd, Op: inotify.Create, Name: "a"}, {Watch: wd, Op: inotify.Modify, Name: "a"}}
	if diff := cmp.Diff(want, read(t, w, 2)); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
}

func TestNotThere(t *testing.T) {
	w := start(t)
	if _, err := w.Directory(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Directory = %v, want that it does not exist", err)
	}
}

func TestCloseEndsRead(t *testing.T) {
	w := start(t)
	done := make(chan error)
	go func() {
		_, err := w.Read()
		done <- err
	}()
	must(t, w.Close())
	if err := <-done; err == nil {
		t.Error("Read = nil after Close")
	}
}

func TestSilent(t *testing.T) {
	for path, want := range map[string]bool{"/proc": false, t.TempDir(): false} {
		if got := inotify.Silent(path); got != want {
			t.Errorf("Silent(%q) = %v, want %v", path, got, want)
		}
	}
}
