package multiline_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/processor/multiline"
)

// group returns the events that the lines make.
func group(r *multiline.Rule, lines []string) []string {
	var out []string
	var st multiline.State
	for _, l := range lines {
		if r.Continues(&st, []byte(l)) {
			out[len(out)-1] += "\n" + l
		} else {
			out = append(out, l)
		}
	}
	return out
}

// Each file of testdata holds events with a line of dashes between them.
func TestStacks(t *testing.T) {
	for _, language := range multiline.Languages()[1:] {
		text, err := os.ReadFile(filepath.Join("testdata", language+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n---\n")
		lines := strings.Split(strings.Join(want, "\n"), "\n")
		for _, set := range []string{language, "auto"} {
			t.Run(language+" by "+set, func(t *testing.T) {
				r, err := multiline.New(multiline.Config{Stacks: []string{set}})
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(want, group(r, lines)); d != "" {
					t.Errorf("events (-want +got):\n%s", d)
				}
			})
		}
	}
}

func TestPatterns(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  multiline.Config
		want string // events separated by bars, lines by commas
	}{
		"start":    {multiline.Config{Start: `^\d`}, "x|1 a,b,  c|2 d|3 e"},
		"continue": {multiline.Config{Continue: `^(\s|b)`}, "x|1 a,b,  c|2 d|3 e"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := multiline.New(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			got := group(r, []string{"x", "1 a", "b", "  c", "2 d", "3 e"})
			if s := strings.ReplaceAll(strings.Join(got, "|"), "\n", ","); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
}

func TestBadConfigs(t *testing.T) {
	for name, c := range map[string]multiline.Config{
		"start": {Start: "("}, "continue": {Continue: "["}, "both": {Start: "a", Continue: "b"},
		"stacks too": {Start: "a", Stacks: []string{"go"}}, "language": {Stacks: []string{"cobol"}},
	} {
		if _, err := multiline.New(c); err == nil {
			t.Errorf("%s: no fault", name)
		}
	}
}

func TestAllocs(t *testing.T) {
	r, err := multiline.New(multiline.Config{Stacks: []string{"auto"}})
	if err != nil {
		t.Fatal(err)
	}
	lines := [][]byte{[]byte("2026-11-22 ERROR x"), []byte("a.b.CException: y"), []byte("\tat a.b"), []byte("goroutine 1 [running]:")}
	var st multiline.State
	if n := testing.AllocsPerRun(100, func() {
		for _, l := range lines {
			r.Continues(&st, l)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzStacks(f *testing.F) {
	for _, l := range multiline.Languages()[1:] {
		text, err := os.ReadFile(filepath.Join("testdata", l+".txt"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	r, err := multiline.New(multiline.Config{Stacks: []string{"auto"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		if got := strings.Join(group(r, lines), "\n"); got != text {
			t.Errorf("lines changed: %q became %q", text, got)
		}
	})
}
