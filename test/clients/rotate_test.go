//go:build clients

package clients_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
)

// TestMain is also the program that writes and rotates, as a process of its own.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SIDELIGHT_TEST_ROTATE"); dir != "" {
		if err := writeAndRotate(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The program writes this many lines, as fast as it can, begins a new file after
// each part, and keeps so many old ones.
const (
	fastLines = 300_000
	fastPart  = 40_000
	fastKeep  = 5
)

func writeAndRotate(dir string) error {
	path := filepath.Join(dir, "app.log")
	for from := 0; from < fastLines; from += fastPart {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		w := bufio.NewWriterSize(f, 32<<10)
		for i := from; i < min(from+fastPart, fastLines); i++ {
			fmt.Fprintf(w, "<%d> a line of a program that writes more than anyone reads, %d of %d\n", i, i, fastLines)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		if err := shift(path, fastKeep); err != nil {
			return err
		}
	}
	return nil
}

// shift renames path to path.1, path.1 to path.2 and so on; the last is deleted.
func shift(path string, keep int) error {
	for i := keep; i >= 1; i-- {
		from := path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", path, i-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", path, i)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

var numbered = regexp.MustCompile(`<(\d+)>`)

// missing returns which of n lines have not arrived, and how many have twice.
func missing(t *testing.T, s *sandbox, n int) (none []int, twice int) {
	t.Helper()
	seen := make([]int, n)
	for _, m := range s.messages(t, group, "") {
		if g := numbered.FindStringSubmatch(m); g != nil {
			i, err := strconv.Atoi(g[1])
			if err != nil || i >= n {
				t.Fatalf("a line nobody wrote: %q", m)
			}
			seen[i]++
		}
	}
	for i, times := range seen {
		if times == 0 {
			none = append(none, i)
		}
		if times > 1 {
			twice++
		}
	}
	return none, twice
}

// Files that are rotated away and deleted within a moment are read nevertheless:
// the agent opens them when they come.
func TestFastRotation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startSandbox(t)
	a := startAgent(t, s, fmt.Sprintf("SIDELIGHT_CONFIG=receivers: {files: [{include: [%q]}]}\n", filepath.Join(dir, "app.log")))
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run(t, []string{"SIDELIGHT_TEST_ROTATE=" + dir}, self)
	eventually(t, "delivery", func() bool { return a.report(t).Signals["logs"].Delivered >= fastLines })
	none, twice := missing(t, s, fastLines)
	if len(none) > 0 || twice > 0 {
		t.Errorf("%d lines lost, %d arrived twice", len(none), twice)
	}
}

// A file that is rotated while the agent is down, after a kill -9, is found when
// it is up again; and so is all that was written in between.
func TestRotationWhileKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "app.log")
	s := startSandbox(t)
	a := startAgent(t, s, fmt.Sprintf("SIDELIGHT_CONFIG=receivers: {files: [{include: [%q]}]}\n", path))
	written := 0
	write := func(n int) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w := bufio.NewWriter(f)
		for range n {
			fmt.Fprintf(w, "<%d> a line\n", written)
			written++
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 6 {
		write(2000)
		if round%2 == 0 {
			eventually(t, "some delivery", func() bool { return len(s.messages(t, group, "")) > 0 })
		}
		a.signal(t, syscall.SIGKILL, patience)
		for range round % 3 { // none, one or two rotations while it is down
			write(300)
			if err := shift(path, 20); err != nil {
				t.Fatal(err)
			}
		}
		write(300)
		a = a.again(t, s)
	}
	var none []int
	var twice int
	eventually(t, "all lines", func() bool {
		none, twice = missing(t, s, written)
		return len(none) == 0
	})
	t.Logf("%d lines, %d of them arrived twice after six crashes", written, twice)
}
