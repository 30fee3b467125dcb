package procfile_test

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/procfile"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReader(t *testing.T) {
	dir := t.TempDir()
	r := procfile.NewReader(dir)
	defer r.Close()
	if _, err := r.Read("x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	// Longer than the first buffer, then shorter.
	for _, text := range []string{strings.Repeat("12345 ", 5000), "7\n", ""} {
		write(t, filepath.Join(dir, "x"), text)
		if b, err := r.Read("x"); err != nil || string(b) != text {
			t.Errorf("read %d bytes, %v, want %d", len(b), err, len(text))
		}
		if b, err := r.ReadOnce("x"); err != nil || string(b) != text {
			t.Errorf("read once %d bytes, %v, want %d", len(b), err, len(text))
		}
	}
}

// The kernel's own files are made anew for each reading of a file kept open.
func TestKept(t *testing.T) {
	r := procfile.NewReader("/proc")
	defer r.Close()
	uptime := func() float64 {
		b, err := r.Read("self/stat")
		if err != nil {
			t.Fatal(err)
		}
		b = b[strings.LastIndexByte(string(b), ')')+2:]
		v := make([]float64, 12)
		procfile.Numbers(b, v)
		return v[11] // utime
	}
	before := uptime()
	for n, x := 0, 1.0; uptime() == before; n++ {
		for range 1_000_000 {
			x = math.Sqrt(x + 1)
		}
		if n > 10_000 {
			t.Fatalf("the process's time stays %v (%v)", before, x)
		}
	}
}

func TestReadAllocates(t *testing.T) {
	r := procfile.NewReader("/proc")
	defer r.Close()
	n := testing.AllocsPerRun(100, func() {
		b, err := r.Read("stat")
		if err != nil || math.IsNaN(procfile.Keyed(b, "ctxt")) {
			t.Fatal("no ctxt", err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a reading, want none", n)
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "42": 42, "-1": -1, "0.25": 0.25, "18446744073709551615": math.MaxUint64, "9223372036854771712": 1<<63 - 4096,
	} {
		if got := procfile.Number([]byte(text)); got != want {
			t.Errorf("Number(%q) = %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{"", "-", "max", "1e3", "1.2.3", ".", "-.", "18446744073709551616", "0x1", "1 2", strings.Repeat("9", 400)} {
		if got := procfile.Number([]byte(text)); !math.IsNaN(got) {
			t.Errorf("Number(%q) = %v, want none", text, got)
		}
	}
}

func TestKeyed(t *testing.T) {
	text := []byte("usage_usec 12\nuser 3\nuser_usec 7\nMemFree:   5 kB\nbad\n")
	for key, want := range map[string]float64{"usage_usec": 12, "user_usec": 7, "user": 3, "MemFree": 5} {
		if got := procfile.Keyed(text, key); got != want {
			t.Errorf("Keyed(%q) = %v, want %v", key, got, want)
		}
	}
	for _, key := range []string{"usage", "bad", "none"} {
		if got := procfile.Keyed(text, key); !math.IsNaN(got) {
			t.Errorf("Keyed(%q) = %v, want none", key, got)
		}
	}
}

func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1", "-2.5", "max", "99999999999999999999", "0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := procfile.Number([]byte(s))
		if math.IsInf(got, 0) {
			t.Fatalf("Number(%q) is infinite", s)
		}
		want, err := strconv.ParseFloat(s, 64)
		if !math.IsNaN(got) && (err != nil || math.Abs(got-want) > 1e-9*math.Abs(want)) {
			t.Fatalf("Number(%q) = %v, ParseFloat says %v, %v", s, got, want, err)
		}
	})
}
