package sandbox_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox"
)

// outlives puts a variant into a sandbox with a folder. It is there in a sandbox
// that begins with what the folder had when the answer came, as after a kill, and in
// one that loads a snapshot.
func (k *kept[In]) outlives(t *testing.T, i int) {
	dir := t.TempDir()
	s := frozenIn(t, dir)
	c := clientsIn(t, s)
	if k.before != nil {
		k.before(t, c)
	}
	if err := k.put(t, c, k.variants()[i]); err != nil {
		t.Fatal(err)
	}
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	want := flat(k.get(t, c, k.variants()[i])...)
	for name, again := range map[string]*sandbox.Server{"kill": frozenIn(t, killed), "snapshot": fromSnapshot(t, s)} {
		got := flat(k.get(t, clientsIn(t, again), k.variants()[i])...)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("after a %s (-before +after):\n%s", name, d)
		}
	}
}

// fromSnapshot is a sandbox with all that s has.
func fromSnapshot(t *testing.T, s *sandbox.Server) *sandbox.Server {
	t.Helper()
	var file bytes.Buffer
	if err := s.SaveSnapshot(&file); err != nil {
		t.Fatal(err)
	}
	again := frozenIn(t, "")
	if err := again.LoadSnapshot(&file); err != nil {
		t.Fatal(err)
	}
	return again
}
