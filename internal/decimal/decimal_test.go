package decimal_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/decimal"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "-", ".", "0", "-0", "1.", ".5", "+12.75", "999999999999999", "1234567890123456", "0.1", "1e-7", "NaN", "-Inf", "1_0", "0x1p-2", "1e999"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := decimal.Parse(b)
		want, err := strconv.ParseFloat(string(b), 64)
		if valid := err == nil && !math.IsNaN(want) && !math.IsInf(want, 0); ok != valid || ok && math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("Parse(%q) = %v, %v, want %v, %v", b, got, ok, want, err)
		}
	})
}

func TestParseDoesNotAllocate(t *testing.T) {
	for _, s := range []string{"12.5", "1.7976931348623157e308"} {
		b := []byte(s)
		if n := testing.AllocsPerRun(100, func() { decimal.Parse(b) }); n != 0 {
			t.Errorf("Parse(%q) allocates %v times", s, n)
		}
	}
}
