package wire_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/sidelight-dev/sidelight/internal/wire"
)

func TestAppendString(t *testing.T) {
	for _, s := range []string{
		"", "plain", `with "quotes" and \ slash`, "tab\tnew\nline\r", "\x00\x01\x1f", "é ü 漢字 😀",
		"bad \xff utf8 \xc3", "\u2028", strings.Repeat("abcdefg\"", 20), "12345678\x7f", "aaaaaaa!\"", "!\"\"\"\"\"\"\"\"",
	} {
		checkString(t, []byte(s))
	}
}

// Every pattern of quotes in a word, at every place of a word.
func TestAppendStringPatterns(t *testing.T) {
	for pattern := range 256 {
		s := []byte("abcdefgh")
		for i := range s {
			if pattern>>i&1 == 1 {
				s[i] = `"\\`[i&1]
			}
		}
		checkString(t, s)
		checkString(t, append([]byte("1234567"), s...))
		checkString(t, append(append([]byte("\x01"), s...), "é12345678\""...))
	}
}

func checkString(t *testing.T, s []byte) {
	t.Helper()
	got := wire.AppendString([]byte("x"), s)
	var back string
	if err := json.Unmarshal(got[1:], &back); err != nil {
		t.Fatalf("AppendString(%q) = %q: %v", s, got[1:], err)
	}
	if want := strings.ToValidUTF8(string(s), "\ufffd"); back != want && back != perByte(s) {
		t.Errorf("AppendString(%q) reads back as %q, want %q", s, back, want)
	}
}

// perByte replaces every invalid byte by itself, as encoding/json does.
func perByte(s []byte) string { return string([]rune(string(s))) }

func FuzzAppendString(f *testing.F) {
	f.Add([]byte("a\"b\\c\n\xff漢"))
	f.Fuzz(func(t *testing.T, s []byte) { checkString(t, s) })
}

func TestAppendFloat(t *testing.T) {
	for _, f := range []float64{0, 1, -1.5, 1e-9, 1e22, 123456789.125, math.MaxFloat64} {
		var back float64
		got := wire.AppendFloat(nil, f)
		if err := json.Unmarshal(got, &back); err != nil || back != f {
			t.Errorf("AppendFloat(%v) = %s, reads back as %v, %v", f, got, back, err)
		}
	}
	if got := wire.AppendFloat(nil, math.NaN()); string(got) != "null" {
		t.Errorf("AppendFloat(NaN) = %s, want null", got)
	}
}

func TestCBOR(t *testing.T) {
	b := []byte{wire.CBORMap}
	b = wire.AppendCBORText(b, "i")
	b = wire.AppendCBORInt(b, -300)
	b = wire.AppendCBORText(b, "u")
	b = wire.AppendCBORInt(b, 1<<33)
	b = wire.AppendCBORText(b, "f")
	b = wire.AppendCBORFloat(b, 12.5)
	b = wire.AppendCBORText(b, "t")
	b = wire.AppendCBORTime(b, 1795348800500)
	b = wire.AppendCBORText(b, strings.Repeat("k", 300))
	b = append(b, wire.CBORArray, wire.CBORTrue, wire.CBORFalse, wire.CBORBreak, wire.CBORBreak)
	var got map[string]any
	if err := cbor.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got["i"] != int64(-300) || got["u"] != uint64(1<<33) || got["f"] != 12.5 {
		t.Errorf("got %v", got)
	}
	if l := got[strings.Repeat("k", 300)].([]any); len(l) != 2 || l[0] != true {
		t.Errorf("list = %v", l)
	}
}

// A number takes as few bytes as it can, and is the same when it is read.
func TestCBORNumber(t *testing.T) {
	for _, c := range []struct {
		f    float64
		size int
	}{
		{0, 1},
		{1, 1},
		{23, 1},
		{24, 2},
		{256, 3},
		{65536, 5},
		{1<<32 - 1, 5},
		{1 << 32, 5},
		{1<<32 + 1, 9},
		{1<<53 - 1, 9},
		{1 << 53, 5},
		{-1, 1},
		{-25, 2},
		{-300, 3},
		{1 - 1<<32, 5},
		{math.Copysign(0, -1), 5},
		{0.5, 5},
		{12.25, 5},
		{-0.125, 5},
		{0.1, 9},
		{math.Pi, 9},
		{1e300, 9},
		{5e-324, 9},
		{-math.MaxFloat64, 9},
		{math.MaxFloat32, 5},
		{math.SmallestNonzeroFloat32, 5},
		{math.Inf(1), 5},
	} {
		f, size := c.f, c.size
		b := wire.AppendCBORNumber(nil, f)
		var back float64
		if err := cbor.Unmarshal(b, &back); err != nil || math.Float64bits(back) != math.Float64bits(f) || len(b) != size {
			t.Errorf("%v is % x, %d bytes, and reads as %v (%v); want %d bytes", f, b, len(b), back, err, size)
		}
	}
}

func TestAllocs(t *testing.T) {
	s := []byte(`{"level":"info","msg":"hello \n world"}`)
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { wire.AppendString(dst, s) }); n != 0 {
		t.Errorf("AppendString allocates %v times", n)
	}
}

func BenchmarkAppendString(b *testing.B) {
	for name, s := range map[string]string{
		"text": strings.Repeat("GET /orders/42 200 12ms agent ", 16),
		"json": strings.Repeat(`{"level":"info","route":"/x"},`, 16),
	} {
		b.Run(name, func(b *testing.B) {
			src, dst := []byte(s), make([]byte, 0, 4096)
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				wire.AppendString(dst, src)
			}
		})
	}
}
