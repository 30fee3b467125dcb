package queue_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/queue"
)

// emptied returns a directory that a fuzz test uses again and again: to make and
// remove one for each execution costs more than what is tested.
func emptied(t testing.TB, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*[0-9]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// FuzzFrames opens segments whose frames are what the input says, with checksums
// that are right: behind them a reader believes what it reads. The numbers add up
// and a second start finds nothing that the first took out.
func FuzzFrames(f *testing.F) {
	dir := f.TempDir()
	write(f, open(f, queue.Config{Dir: dir}))
	data, err := os.ReadFile(filepath.Join(dir, "00000001.seg"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(slices.Concat(data, data[len("SLQUEUE1"):]))
	dir = f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(emptied(t, dir), "00000001.seg")
		if err := os.WriteFile(name, queue.Reseal(data), 0o600); err != nil {
			t.Fatal(err)
		}
		damaged := 0
		cfg := queue.Config{Dir: dir, Damaged: func(_ sidelight.Signal, n int) { damaged += n }}
		q := open(t, cfg)
		held := q.Stats().Events
		if got := taken(t, q) + damaged; got != held {
			t.Errorf("took %d events, %d of them damaged, of %d", got, damaged, held)
		}
		if s := q.Stats(); s.Events != 0 || s.Bytes != 0 || s.Memory != 0 {
			t.Errorf("an emptied queue says %+v", s)
		}
		if err := q.Release(); err != nil {
			t.Errorf("release: %v", err)
		}
		q = open(t, cfg)
		if s := q.Stats(); s.Events != 0 {
			t.Errorf("found %+v again", s)
		}
		_ = q.Release()
	})
}

// taken commits all that q holds and returns how many events that were.
func taken(t testing.TB, q *queue.Queue) (events int) {
	t.Helper()
	_ = q.Close()
	for {
		l, err := q.Take(t.Context())
		if err != nil {
			return events
		}
		b := l.Block()
		if !b.Sealed || b.Events != len(b.Marks) {
			t.Errorf("block %d of %d events has %d marks, sealed %v", b.ID, b.Events, len(b.Marks), b.Sealed)
		}
		events += b.Events
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}
