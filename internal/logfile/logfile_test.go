package logfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/logfile"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, f *logfile.File, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if n, err := f.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatalf("write %q: %d, %v", line, n, err)
		}
	}
}

// The file holds the last lines, the one before it those before, and what is older
// is gone.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	if err := os.WriteFile(path, []byte("earlier\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := logfile.Open(path, 16)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, "first\n")
	if got := read(t, path); got != "earlier\nfirst\n" {
		t.Errorf("the file holds %q", got)
	}
	write(t, f, "second\n", "third\n", "fourth\n", "a line that is longer than a file may be\n", "last\n")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got, before := read(t, path), read(t, path+".1"); got != "last\n" || before != "a line that is longer than a file may be\n" {
		t.Errorf("the files hold %q and %q", got, before)
	}
	if _, err := f.Write([]byte("late\n")); err == nil || f.Close() != nil {
		t.Error("a closed file is written to")
	}
}

func TestWithoutLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	f, err := logfile.Open(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, f, strings.Repeat("x", 1<<16)+"\n", "y\n")
	if got := read(t, path); len(got) != 1<<16+3 {
		t.Errorf("%d bytes", len(got))
	}
}

// Where the file cannot be renamed it grows on.
func TestCannotRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	if err := os.MkdirAll(path+".1/in the way", 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := logfile.Open(path, 8)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(t, f, "first\n", "second\n", "third\n")
	if got := read(t, path); got != "first\nsecond\nthird\n" {
		t.Errorf("the file holds %q", got)
	}
}

func TestOpenFails(t *testing.T) {
	if _, err := logfile.Open(filepath.Join(t.TempDir(), "none", "agent.log"), 0); err == nil || !strings.Contains(err.Error(), "open the log file") {
		t.Errorf("error %v", err)
	}
}

// Lines of several goroutines stay whole, and none is lost while a file is renamed.
func TestConcurrent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	const writers, each = 4, int64(100)
	// Half of all lines fit, so that there is one change of files.
	f, err := logfile.Open(path, writers*each*11/2)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range int64(writers) {
		wg.Go(func() {
			for i := range each {
				if _, err := fmt.Fprintf(f, "line %d %03d\n", w, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(read(t, path+".1") + read(t, path)) {
		seen[line] = true
	}
	if int64(len(seen)) != writers*each {
		t.Errorf("%d lines, want %d", len(seen), writers*each)
	}
}
