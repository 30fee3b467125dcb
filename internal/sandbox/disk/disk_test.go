package disk

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func records(t *testing.T, path string) (*Log, []string) {
	t.Helper()
	var got []string
	l, err := Open(path, func(r []byte) error { got = append(got, string(r)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, got
}

// TestTornAnywhere cuts a log at every byte: the records before the cut are
// there, and what is appended then follows them.
func TestTornAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, _ := records(t, path)
	want := []string{"one", "", "three", strings.Repeat("x", 50)}
	var ends []int64
	for _, r := range want {
		if err := l.Append([]byte(r)); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, l.Size())
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) + 1 {
		torn := filepath.Join(t.TempDir(), "torn")
		if err := os.WriteFile(torn, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		n := 0
		for n < len(ends) && ends[n] <= int64(cut) {
			n++
		}
		l, got := records(t, torn)
		if d := cmp.Diff(append([]string(nil), want[:n]...), got); d != "" {
			t.Fatalf("cut at %d: %s", cut, d)
		}
		if err := l.Append([]byte("ne"), []byte("xt")); err != nil {
			t.Fatal(err)
		}
		if _, got := records(t, torn); len(got) != n+1 || got[n] != "next" {
			t.Fatalf("cut at %d, then appended: %q", cut, got)
		}
	}
}

// TestDamage flips each byte of a log: no record is made up.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, _ := records(t, path)
	want := map[string]bool{"first": true, "second": true}
	for r := range want {
		if err := l.Append([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		b := append([]byte(nil), whole...)
		b[i] ^= 0x41
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, got := records(t, path)
		if len(got) > 1 {
			t.Errorf("with byte %d flipped there are %d records", i, len(got))
		}
		for _, r := range got {
			if !want[r] {
				t.Errorf("with byte %d flipped there is a record %q", i, r)
			}
		}
	}
}

func TestRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, _ := records(t, path)
	for i := range 100 {
		if err := l.Append(fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	if !l.Bloated(10) || l.Bloated(1<<20) {
		t.Error("the log does not know when it has grown")
	}
	failure := errors.New("no")
	if err := l.Rewrite(func(func([]byte) error) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("a dump that fails: %v", err)
	}
	if _, got := records(t, path); len(got) != 100 {
		t.Errorf("after it the log has %d records", len(got))
	}
	if err := l.Rewrite(func(add func([]byte) error) error { return add([]byte("all")) }); err != nil {
		t.Fatal(err)
	}
	if err := l.Append([]byte("more")); err != nil {
		t.Fatal(err)
	}
	if _, got := records(t, path); !cmp.Equal(got, []string{"all", "more"}) {
		t.Errorf("the rewritten log has %q", got)
	}
}

func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s, err := OpenState(path)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]json.RawMessage{}
	save := func() {
		t.Helper()
		if err := s.Save(func() (map[string]json.RawMessage, error) { return values, nil }); err != nil {
			t.Fatal(err)
		}
	}
	big, _ := json.Marshal(strings.Repeat("v", 1000))
	for i := range 5000 {
		values["k"] = json.RawMessage(fmt.Sprint(i))
		values["big"] = append(big[:len(big):len(big)], fmt.Sprintf("%*s", i%7, "")...)
		values[fmt.Sprint("t", i%3)] = json.RawMessage("1")
		delete(values, fmt.Sprint("t", (i+1)%3))
		values = maps.Clone(values)
		save()
	}
	if size := s.log.Size(); size > 3*stateSlack {
		t.Errorf("the file has %d bytes for %d values", size, len(values))
	}
	again, err := OpenState(path) // as if the process had been killed
	if err != nil {
		t.Fatal(err)
	}
	got := again.Values()
	if string(got["k"]) != "4999" || len(got) != len(values) {
		t.Errorf("the state is %d values, k is %s", len(got), got["k"])
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(appendFrame(nil, []byte("record")))
	f.Add([]byte{255, 255, 255, 3, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, got := records(t, path)
		if err := l.Append([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, again := records(t, path); len(again) != len(got)+1 {
			t.Errorf("%d records, then %d", len(got), len(again))
		}
	})
}
