package receiver

import (
	"bytes"
	"strings"
	"testing"
	"testing/quick"
	"unicode/utf8"
)

// FuzzSplit reads a text in windows of any size, as a file is read, and holds
// the lines against those of the standard library.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("one\r\ntwo\n\n"+strings.Repeat("x", 100)+"\nlast"), 30, 20)
	f.Add([]byte(strings.Repeat("é", 50)+"\r\n\x00\x00a\n"), 17, 1)
	f.Fuzz(func(t *testing.T, text []byte, limit, window int) {
		s := Splitter{Max: 16 + abs(limit)%100}
		size := s.Max + 2 + abs(window)%200
		var got, want []string
		for at := 0; at < len(text); {
			end := min(at+size, len(text))
			used := s.Split(text[at:end], end == len(text), 1)
			if used == 0 {
				t.Fatalf("no progress at %d of %d", at, len(text))
			}
			at += used
			if len(s.Ends) != len(s.Events) || len(s.Ends) > 0 && s.Ends[len(s.Ends)-1] > used {
				t.Fatalf("ends %v of %d events, %d used", s.Ends, len(s.Events), used)
			}
			for _, e := range s.Events {
				if len(e.Body) == 0 || len(e.Body) > s.Max {
					t.Fatalf("body of %d bytes, limit %d", len(e.Body), s.Max)
				}
				got = append(got, string(e.Body))
			}
		}
		for line := range bytes.Lines(text) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			want = append(want, string(bytes.TrimSuffix(line, []byte("\r"))))
		}
		if s.Cuts == 0 && !bytes.Contains(text, []byte{0}) {
			want = remove(want, "")
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		if utf8.Valid(text) {
			for _, line := range got {
				if !utf8.ValidString(line) {
					t.Fatalf("%q was cut inside a character", line)
				}
			}
		}
	})
}

func abs(n int) int { return max(n, -(n + 1)) }

func remove(lines []string, what string) []string {
	var kept []string
	for _, line := range lines {
		if line != what {
			kept = append(kept, line)
		}
	}
	return kept
}

func TestTimeOfNeverFails(t *testing.T) {
	f := func(value string) bool {
		timeOf([]byte(`{"t":`+value+`}`), "t", 1)
		timeOf([]byte(`{"t":"`+value+`"}`), "t", 1)
		return true
	}
	if err := quick.Check(f, nil); err != nil {
		t.Error(err)
	}
}
