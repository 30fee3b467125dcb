package receiver

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// frames feeds b to a framing in steps of n bytes, as a connection does, and
// returns what comes out.
func frames(f framing, b []byte, n int) (out []string) {
	var have []byte
	for {
		m := min(n, len(b))
		have, b = append(have, b[:m]...), b[m:]
		for {
			msg, used, err := f.next(have, len(b) == 0)
			if f.lost {
				out = append(out, "LOST")
			}
			if err != nil {
				return append(out, "ERROR")
			}
			if used == 0 {
				break
			}
			if len(msg) > 0 {
				out = append(out, string(msg))
			}
			have = have[used:]
		}
		if len(b) == 0 {
			return out
		}
	}
}

func TestFraming(t *testing.T) {
	long := strings.Repeat("x", 40)
	for name, tc := range map[string]struct {
		in   string
		cfg  SocketsConfig
		want []string
	}{
		"lines":             {"a\r\nb\n\n\nlast", SocketsConfig{}, []string{"a", "b", "last"}},
		"digits are text":   {"12 <a\nb", SocketsConfig{}, []string{"12 <a", "b"}},
		"guessed lines":     {"<1>a\n12 <3>b\n", SocketsConfig{Octets: true}, []string{"<1>a", "12 <3>b"}},
		"no priority":       {"12 monkeys\nb\n", SocketsConfig{Octets: true}, []string{"12 monkeys", "b"}},
		"zeros":             {"<1>a\x00<1>b\n\x00<1>c", SocketsConfig{Octets: true}, []string{"<1>a", "<1>b\n", "<1>c"}},
		"counted":           {"4 <1>a6 <1>b\nc4 <1>d", SocketsConfig{Octets: true}, []string{"<1>a", "<1>b\nc", "<1>d"}},
		"counted and lines": {"4 <1>a\n4 <1>b\r\n", SocketsConfig{Octets: true}, []string{"<1>a", "<1>b"}},
		"counted, cut off":  {"4 <1>a9 <1>b", SocketsConfig{Octets: true}, []string{"<1>a", "<1>b"}},
		"counted, no more":  {"4 <1>axx", SocketsConfig{Octets: true}, []string{"<1>a", "ERROR"}},
		"no length":         {"4 <1>a0 <1>b", SocketsConfig{Octets: true}, []string{"<1>a", "ERROR"}},
		"long length":       {"4 <1>a1234567890 <1>b", SocketsConfig{Octets: true}, []string{"<1>a", "ERROR"}},
		"leading zero":      {"04 <1>\nb", SocketsConfig{Octets: true}, []string{"04 <1>", "b"}},
		"only digits":       {"123", SocketsConfig{Octets: true}, []string{"123"}},
		"exactly":           {long[:16] + "\n" + long[:16] + "\r\nb", SocketsConfig{MaxMessage: 16}, []string{long[:16], long[:16], "b"}},
		"cut":               {long + "\nb", SocketsConfig{MaxMessage: 16}, []string{long[:16], long[:16], long[:8], "b"}},
		"cut characters":    {strings.Repeat("é", 10) + "xy\nb", SocketsConfig{MaxMessage: 17}, []string{strings.Repeat("é", 8), "ééxy", "b"}},
		"refused":           {long + "\nb\n" + long, SocketsConfig{MaxMessage: 16, Refuse: true}, []string{"LOST", "b", "LOST"}},
		"counted, cut":      {"43 <1>" + long + "4 <1>b", SocketsConfig{Octets: true, MaxMessage: 16}, []string{"<1>" + long[:13], long[:16], long[:11], "<1>b"}},
		"counted, refused":  {"43 <1>" + long + "4 <1>b", SocketsConfig{Octets: true, MaxMessage: 16, Refuse: true}, []string{"LOST", "<1>b"}},
		"long, no end":      {long, SocketsConfig{MaxMessage: 16, Octets: true}, []string{long[:16], long[:16], long[:8]}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.cfg.MaxMessage = max(tc.cfg.MaxMessage, 16)
			if len(tc.in) < 40 && tc.cfg.MaxMessage == 16 {
				tc.cfg.MaxMessage = 1000
			}
			for n := 1; n <= len(tc.in); n++ {
				if d := cmp.Diff(tc.want, frames(newFraming(&tc.cfg), []byte(tc.in), n)); d != "" {
					t.Fatalf("in steps of %d (-want +got):\n%s", n, d)
				}
			}
		})
	}
}

// FuzzFraming holds a connection that comes in small pieces to one that comes at
// once, and expects every byte to be taken.
func FuzzFraming(f *testing.F) {
	for _, s := range []string{"a\nb\r\n", "<1>a\x00<2>b\x00", "5 <1>ab3 <1", "12", "999999999 <", "3 <1>\n\n4 <1>", strings.Repeat("é", 100)} {
		f.Add([]byte(s), byte(3), true, false)
		f.Add([]byte(s), byte(1), true, true)
		f.Add([]byte(s), byte(7), false, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, step byte, octets, refuse bool) {
		cfg := SocketsConfig{MaxMessage: 20, Octets: octets, Refuse: refuse}
		whole := frames(newFraming(&cfg), b, len(b)+1)
		if refuse {
			// What is too long is skipped as far as it has come, however it comes.
			for _, msg := range whole {
				if len(msg) > 20 {
					t.Errorf("message of %d bytes", len(msg))
				}
			}
		}
		pieces := frames(newFraming(&cfg), b, int(step)+1)
		if d := cmp.Diff(whole, pieces); d != "" {
			t.Errorf("in steps of %d (-whole +pieces):\n%s", step, d)
		}
	})
}

func BenchmarkFraming(b *testing.B) {
	msg := strings.Repeat("x", 200)
	for name, one := range map[string]string{"lines": "<1>" + msg + "\n", "counted": fmt.Sprintf("%d <1>%s", len(msg)+3, msg)} {
		b.Run(name, func(b *testing.B) {
			text := bytes.Repeat([]byte(one), 64)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				f := newFraming(&SocketsConfig{MaxMessage: 1 << 20, Octets: true})
				for rest := text; len(rest) > 0; {
					_, used, err := f.next(rest, false)
					if err != nil || used == 0 {
						b.Fatal(used, err)
					}
					rest = rest[used:]
				}
			}
		})
	}
}
