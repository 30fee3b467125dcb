package promtext_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/promtext"
)

// labels takes all labels off s.
func labels(s string) (out []string, err error) {
	for b := []byte(s); ; {
		name, value, rest, err := promtext.NextLabel(b)
		if err != nil || len(name) == 0 {
			return out, err
		}
		out = append(out, string(name)+" "+promtext.Unescape(value))
		b = rest
	}
}

func TestNextLabel(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                  nil,
		` a = "b" , c="d",`:                 {"a b", "c d"},
		`id="/a\\x2d\"b\n\q",pod="",x="\\"`: {"id /a\\x2d\"b\n\\q", "pod ", "x \\"},
		`ü="x"`:                             {"error"},
		`a="b`:                              {"error"},
		`a="b\"`:                            {"error"},
		`a`:                                 {"error"},
		`a=b`:                               {"error"},
		`a="b"c="d"`:                        {"error"},
	} {
		got, err := labels(text)
		if err != nil {
			got = []string{"error"}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
}

func TestLines(t *testing.T) {
	l := promtext.NewLines(16)
	l.Reset(strings.NewReader(" a 1 \r\n\nb 2"))
	var got []string
	for {
		line, err := l.Next()
		got = append(got, string(line))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff([]string{"a 1", "", "b 2"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	l.Reset(strings.NewReader(strings.Repeat("x", 17)))
	if _, err := l.Next(); !errors.Is(err, bufio.ErrBufferFull) {
		t.Errorf("a line that is too long: %v", err)
	}
}

// Nothing is taken for labels that cannot be put together again, and nothing
// panics.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`a{b="c\\\"",d="e"} 1 2`, `a 1 # {x="y"} 2`, `a{} NaN`, `a{b="`} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, open bool) {
		s, err := promtext.Parse([]byte(text), open)
		if err != nil {
			return
		}
		if !strings.Contains(text, string(s.Name)) || !strings.Contains(text, string(s.Labels)) {
			t.Errorf("%q: %+v is not of it", text, s)
		}
		for b := s.Labels; len(b) > 0; {
			name, value, rest, err := promtext.NextLabel(b)
			if err != nil || len(name) == 0 {
				break
			}
			if len(rest) >= len(b) || len(promtext.Unescape(value)) > len(value) {
				t.Errorf("%q: label %q with %q leaves %q", b, name, value, rest)
			}
			b = rest
		}
	})
}
