package aggregate_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/aggregate"
)

// What CloudWatch does not take in a name is written otherwise, always in the same
// way.
func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"/srv/ok":        "/srv/ok",
		"/mnt/grün":      `/mnt/gr\u00fcn`,
		"/mnt/gr?n":      "/mnt/gr?n",
		`/mnt/gr\u00fcn`: `/mnt/gr\u005cu00fcn`,
		`/mnt/gr\u00FCn`: `/mnt/gr\u005cu00FCn`,
		"日本":             `\u65e5\u672c`,
		"😀":              `\ud83d\ude00`,
		"tab\there":      `tab\u0009here`,
		"del\x7f":        `del\u007f`,
		"\xff":           `\xff`,
		`\xff`:           `\u005cxff`,
		"\ufffd":         `\ufffd`,
		":lead":          `\u003alead`,
		"::lead":         `\u003a:lead`,
		"a:b":            "a:b",
		" ":              `\u0020`,
		"  ":             `\u0020\u0020`,
		" a ":            " a ",
		`C:\users\x`:     `C:\users\x`,
		`C:\u12`:         `C:\u12`,
		`\\u0041`:        `\\u005cu0041`,
		"100%C3%BC":      "100%C3%BC",
	} {
		if got := aggregate.Clean(in, 1024); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// Too long a name is cut, and what was cut still tells it from others. The hash is
// FNV-1a of 64 bits: the same in each release, since a series is billed by its name.
func TestCleanLong(t *testing.T) {
	want := strings.Repeat("a", 255-17) + "~fd2916200943d825"
	if got := aggregate.Clean(strings.Repeat("a", 256), 255); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	seen := map[string]bool{}
	for i := range 1000 {
		for _, start := range []string{strings.Repeat("/x", 600), strings.Repeat("ü", 300)} {
			got := aggregate.Clean(start+strconv.Itoa(i), 1024)
			if len(got) != 1024 || seen[got] {
				t.Fatalf("name %d: %d characters, seen before: %v", i, len(got), seen[got])
			}
			seen[got] = true
		}
	}
}

// Different names of disks, tags and labels make different series, in all that a
// name stands in.
func TestNamesStayDistinct(t *testing.T) {
	a, points := collect(aggregate.Config{})
	for _, name := range []string{"grün", "gräu", "gr?n", `gr\u00fcn`} {
		a.Record(&sidelight.Measurement{Name: "by value", Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: "path", Value: name}}})
		a.Record(&sidelight.Measurement{Name: "by dimension", Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: name, Value: "1"}}})
		a.Record(&sidelight.Measurement{Name: name, Kind: sidelight.Sum, Value: 1})
		a.Record(&sidelight.Measurement{Namespace: name, Name: "by namespace", Kind: sidelight.Sum, Value: 1})
	}
	key := strings.Repeat("k", 249)
	a.Record(&sidelight.Measurement{Name: "two keys", Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: key + "1aaaa", Value: "1"}, {Name: key + "1bbbb", Value: "2"}}})
	a.Record(&sidelight.Measurement{Name: "two", Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: "ä", Value: "1"}, {Name: "ö", Value: "2"}}})
	var want []string
	for _, name := range []string{`gr\u00fcn`, `gr\u00e4u`, "gr?n", `gr\u005cu00fcn`} {
		want = append(want, fmt.Sprintf("Sidelight by value{path=%s} [1] /60", name), fmt.Sprintf("Sidelight by dimension{%s=1} [1] /60", name),
			fmt.Sprintf("Sidelight %s{} [1] /60", name), fmt.Sprintf("%s by namespace{} [1] /60", name))
	}
	want = append(want, `Sidelight two{\u00e4=1 \u00f6=2} [1] /60`)
	pairs := []string{aggregate.Clean(key+"1aaaa", 250) + "=1", aggregate.Clean(key+"1bbbb", 250) + "=2"}
	slices.Sort(pairs)
	want = append(want, "Sidelight two keys{"+strings.Join(pairs, " ")+"} [1] /60")
	slices.Sort(want)
	if d := cmp.Diff(want, flush(t, a, points)); d != "" {
		t.Errorf("points (-want +got):\n%s", d)
	}
}

// decode undoes what aggregate.Clean writes of names that are not too long.
func decode(s string) string {
	var out []byte
	number := func(at, digits int) (uint64, bool) {
		if at+digits > len(s) {
			return 0, false
		}
		n, err := strconv.ParseUint(s[at:at+digits], 16, 32)
		return n, err == nil && !strings.ContainsAny(s[at:at+digits], "+-_")
	}
	for i := 0; i < len(s); {
		if strings.HasPrefix(s[i:], `\x`) {
			if n, ok := number(i+2, 2); ok {
				out = append(out, byte(n))
				i += 4
				continue
			}
		}
		if strings.HasPrefix(s[i:], `\u`) {
			if n, ok := number(i+2, 4); ok {
				i += 6
				r := rune(n)
				if utf16.IsSurrogate(r) {
					low, _ := number(i+2, 4)
					r = utf16.DecodeRune(r, rune(low))
					i += 6
				}
				out = append(out, string(r)...)
				continue
			}
		}
		out = append(out, s[i])
		i++
	}
	return string(out)
}

// FuzzClean: CloudWatch takes the result, and what was can be told from it.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"a", " ", ":", "ü", "\xff\\xff", `\u005cu`, "\\", "😀\\ud83d", "\\u", "\\x4", "\x00", "\\\\xab"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if s == "" {
			return
		}
		got := aggregate.Clean(s, 1024)
		if strings.Trim(got, " ") == "" || got[0] == ':' || len(got) > 1024 {
			t.Fatalf("%q became %q", s, got)
		}
		for i := range len(got) {
			if got[i] < 0x20 || got[i] > 0x7e {
				t.Fatalf("%q became %q", s, got)
			}
		}
		if len(s) <= 170 && decode(got) != s {
			t.Fatalf("%q became %q, which says %q", s, got, decode(got))
		}
	})
}
