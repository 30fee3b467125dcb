package queue_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/queue"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// What an agent of this format's version wrote is read by every later one: format1
// is of the time before frames told the use of their file.
func TestGoldenFiles(t *testing.T) {
	for name, lay := range map[string]func(t *testing.T, q *queue.Queue) []string{
		"states": func(t *testing.T, q *queue.Queue) []string { return write(t, q) },
		"moved": func(t *testing.T, q *queue.Queue) []string {
			want := park(t, q)
			for range 40 {
				flow(t, q, 20)
			}
			return want
		},
	} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", "uses", name)
			dir := t.TempDir()
			q := open(t, queue.Config{Dir: dir, Segment: 300})
			want := lay(t, q)
			_ = q.Release()
			if *update {
				replace(t, golden, files(t, dir))
			}
			for _, dir := range []string{golden, filepath.Join("testdata", "format1", name)} {
				if found := reopened(t, dir); !slices.Equal(found, want) {
					t.Errorf("%s holds %.60q, want %.60q", dir, found, want)
				}
			}
			if got, want := fmt.Sprint(files(t, dir)), fmt.Sprint(files(t, golden)); got != want {
				t.Error("the same blocks make other files: a new format needs a new version")
			}
		})
	}
}

// replace makes dir hold the files and no others.
func replace(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
