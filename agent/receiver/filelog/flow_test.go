package filelog

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight"
)

func TestRotatedNames(t *testing.T) {
	for name, want := range map[string]bool{
		"app.log.1": true, "app.log.12": true, "app.log-20260102": true, "app.log.2026-01-02T03:04:05Z": true,
		"app-2026-01-02.log": true, "app.1.log": true, "app.log.old": true, "app-old.log": true,
		"app.log": false, "app.log.1.gz": false, "app.log.err": false, "app.log.": false, "apple.log": false, "other.log.1": false,
		"app-access.log": false, "app.log1": false, "app1.log": false,
	} {
		if got := rotated("app.log", name); got != want {
			t.Errorf("rotated(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"/a/*.log", "/a/x.log", true},
		{"/a/*.log", "/a/b/x.log", false},
		{"/a/**/*.log", "/a/x.log", true},
		{"/a/**/*.log", "/a/b/c/x.log", true},
		{"/a/**", "/a/b/c", true},
		{"/**/b/**/x", "/a/b/c/d/x", true},
		{"/**/b/**/x", "/a/c/d/x", false},
		{"/a/?.log", "/a/ab.log", false},
		{"*.tmp", "x.tmp", true},
	} {
		if got := match(split(tc.pattern), split(tc.path)); got != tc.want {
			t.Errorf("match(%q, %q) = %v, want %v", tc.pattern, tc.path, got, tc.want)
		}
	}
}

// logs returns a receiver and one open file of about size bytes.
func logs(tb testing.TB, size int, stamp string) (*Receiver, *tail, int) {
	tb.Helper()
	line := `{"time":"2026-01-02T03:04:05.678Z","level":"info","msg":"` + strings.Repeat("served a request ", 6) + "\"}\n"
	path := filepath.Join(tb.TempDir(), "a.log")
	lines := size / len(line)
	if err := os.WriteFile(path, []byte(strings.Repeat(line, lines)), 0o600); err != nil {
		tb.Fatal(err)
	}
	h := sidelight.Dest{Group: "g"}.Handle()
	r, err := New(Config{Include: []string{path}, Timestamp: stamp, Dest: func(string) sidelight.DestHandle { return h }}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	t := r.open(path, path, 0, nil)
	if t == nil {
		tb.Fatal("the file did not open")
	}
	tb.Cleanup(func() { t.rest() })
	return r, t, lines * len(line)
}

// readAll reads t to its end, from the start.
func readAll(tb testing.TB, r *Receiver, t *tail) (events int) {
	t.restart()
	out := sidelight.SinkFunc(func(_ context.Context, b *sidelight.Batch) error {
		events += len(b.Events)
		return nil
	})
	for more := true; more; {
		var err error
		if more, err = r.turn(tb.Context(), t, out, false); err != nil {
			tb.Fatal(err)
		}
	}
	return events
}

func TestNoAllocationPerLine(t *testing.T) {
	for _, stamp := range []string{"", "time"} {
		r, file, _ := logs(t, 4<<20, stamp)
		lines := readAll(t, r, file)
		allocs := testing.AllocsPerRun(3, func() { readAll(t, r, file) })
		if allocs > float64(lines)/100 {
			t.Errorf("stamp %q: %v allocations for %d lines", stamp, allocs, lines)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for name, stamp := range map[string]string{"plain": "", "stamp": "time"} {
		b.Run(name, func(b *testing.B) {
			r, file, size := logs(b, 16<<20, stamp)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				readAll(b, r, file)
			}
		})
	}
}

// CheckDecode decodes b at once and through a buffer of size bytes, for the fuzz
// test outside of the package.
func CheckDecode(t *testing.T, e Encoding, size int, b []byte) {
	t.Helper()
	whole, taken := decode(e, make([]byte, 4*len(b)+utf8.UTFMax), b, true)
	if taken != len(b) || !utf8.Valid(whole) {
		t.Fatalf("%s: %d of %d bytes, %q", e, taken, len(b), whole)
	}
	var parts []byte
	for rest := b; len(rest) > 0; {
		text, n := decode(e, make([]byte, size), rest, true)
		c := chunk{text: text, taken: n, encoding: e}
		used := len(text) / 2
		for used > 0 && !utf8.RuneStart(append(text, 0)[used]) {
			used--
		}
		if raw := c.raw(used); raw > n || used > 0 && raw == 0 {
			t.Fatalf("%s: %q is %d bytes of %d", e, text[:used], raw, n)
		} else if again, _ := decode(e, make([]byte, size), rest[:raw], true); string(again) != string(text[:used]) {
			t.Fatalf("%s: %d bytes are %q, not %q", e, raw, again, text[:used])
		}
		if n == 0 {
			t.Fatalf("%s: nothing of %q was decoded", e, rest)
		}
		parts, rest = append(parts, text...), rest[n:]
	}
	if string(parts) != string(whole) {
		t.Fatalf("%s: %q in parts, %q at once", e, parts, whole)
	}
}
