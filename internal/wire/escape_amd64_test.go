package wire

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// plain is AppendEscaped without any cleverness.
func plain(dst, s []byte) []byte {
	for len(s) > 0 {
		switch c := s[0]; {
		case c < utf8.RuneSelf && special(c):
			dst = appendEscape(dst, c)
			s = s[1:]
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			s = s[1:]
		default:
			r, size := utf8.DecodeRune(s)
			dst = utf8.AppendRune(dst, r)
			s = s[size:]
		}
	}
	return dst
}

// checkEscaped compares every way through AppendEscaped with the plain one: with
// and without the processor's help, with room and without, behind other text.
func checkEscaped(t *testing.T, s []byte) {
	t.Helper()
	defer func(was bool) { hasBlocks = was }(hasBlocks)
	for _, blocks := range []bool{hasBlocks, false} {
		hasBlocks = blocks
		for _, room := range []int{0, len(s), 2*len(s) + 40, 8 * len(s)} {
			dst := append(make([]byte, 0, room+3), "abc"...)
			if got, want := AppendEscaped(dst, s), plain([]byte("abc"), s); !bytes.Equal(got, want) {
				t.Fatalf("blocks %v, room %d: AppendEscaped(%q) = %q, want %q", blocks, room, s, got, want)
			}
		}
	}
}

// Every length up to a few blocks, with each kind of byte at each place.
func TestEscapedEveryWay(t *testing.T) {
	for _, special := range []string{`"`, `\`, "\n", "\x00", "\x1f", " ", "\x7f", "é", "漢", "\xff", `""`, `"\"\"\"\"\"\"\"\"`} {
		for n := range 50 {
			for at := range n + 1 {
				s := strings.Repeat("x", at) + special + strings.Repeat("y", n-at)
				checkEscaped(t, []byte(s))
			}
		}
	}
	for set := range 1 << 10 {
		s := []byte("0123456789abcdef0123456789")
		for i := range 10 {
			if set>>i&1 == 1 {
				s[i+3] = `"\`[i&1]
			}
		}
		checkEscaped(t, s)
	}
}

func FuzzEscapedEveryWay(f *testing.F) {
	f.Add([]byte(`{"a":"b\n","c":"` + strings.Repeat("é", 9) + `"}` + strings.Repeat(`"`, 40) + "\t\xff"))
	f.Fuzz(checkEscaped)
}
