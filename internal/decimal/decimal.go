// Package decimal reads decimal numbers from bytes.
package decimal

import (
	"math"
	"strconv"
	"unsafe"
)

// exactDigits is how many digits a float64 holds exactly, whatever they are.
const exactDigits = 15

// Parse reads a finite decimal number, as strconv.ParseFloat does, and reports
// whether b is one. It allocates nothing. Short numbers, which nearly all are,
// are read without strconv: digits and a power of ten that are both exact in a
// float64 have the nearest quotient.
func Parse(b []byte) (float64, bool) {
	i, digits, point := 0, 0, -1
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		i = 1
	}
	var n uint64
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			n = n*10 + uint64(c-'0')
			if digits++; digits > exactDigits {
				return long(b)
			}
		case c == '.' && point < 0:
			point = digits
		default:
			return long(b)
		}
	}
	if digits == 0 {
		return 0, false
	}
	f := float64(n)
	if point >= 0 {
		f /= power(digits - point)
	}
	if b[0] == '-' {
		f = -f
	}
	return f, true
}

// power returns ten to the n, which is at most exactDigits.
func power(n int) float64 {
	return [exactDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}[n]
}

func long(b []byte) (float64, bool) {
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}
