package insights

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

type kind uint8

const (
	missing   kind = iota
	text           // b
	number         // num, and b if an event spells it
	instant        // num: Unix milliseconds
	boolean        // num: 1 or 0
	structure      // b: a JSON object or array
)

// value is what an expression yields for one row. Its bytes are borrowed from
// the row or from the env's arena and die with the row, unless cloned.
type value struct {
	kind kind
	num  float64
	b    []byte
}

func textValue(b []byte) value { return value{kind: text, b: b} }

func instantValue(ms float64) value {
	// The range of times that four-digit years can show.
	if !(ms > -62e12 && ms < 253402300800000) {
		return value{}
	}
	return value{kind: instant, num: math.Floor(ms)}
}

// numberValue is n, or missing if n is no number that can be shown.
func numberValue(n float64) value {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return value{}
	}
	return value{kind: number, num: n}
}

func boolValue(b bool) value {
	if b {
		return value{kind: boolean, num: 1}
	}
	return value{kind: boolean}
}

// jsonValue is a JSON value in terms of the language. Escapes are resolved in
// e's arena.
func (e *env) jsonValue(v jsonscan.Value) value {
	switch v.Kind {
	case jsonscan.String:
		inner := v.Raw[1 : len(v.Raw)-1]
		if bytes.IndexByte(inner, '\\') < 0 {
			return textValue(inner)
		}
		start := len(e.arena)
		e.arena = jsonscan.Unescape(e.arena, inner)
		return textValue(e.since(start))
	case jsonscan.Number:
		if n, ok := parseNumber(v.Raw); ok {
			return value{kind: number, num: n, b: v.Raw}
		}
		return textValue(v.Raw)
	case jsonscan.True, jsonscan.False:
		return textValue(v.Raw)
	case jsonscan.Array, jsonscan.Object:
		return value{kind: structure, b: v.Raw}
	}
	return value{}
}

func (v value) clone() value {
	v.b = bytes.Clone(v.b)
	return v
}

// number coerces v, as numeric functions and operators do.
func (v value) number() (float64, bool) {
	switch v.kind {
	case number, instant, boolean:
		return v.num, true
	case text:
		return parseNumber(v.b)
	}
	return 0, false
}

// truth is what a condition makes of v.
func (v value) truth() bool {
	if n, ok := v.number(); ok {
		return n != 0
	}
	return v.kind == text && bytes.EqualFold(v.b, []byte("true"))
}

// isPlain reports whether v is there and has a text.
func (v value) isPlain() bool { return v.kind != missing && v.kind != structure }

// appendTo appends v as results show it. A missing value has no text.
func (v value) appendTo(dst []byte) []byte {
	switch {
	case v.kind == instant:
		return time.UnixMilli(int64(v.num)).UTC().AppendFormat(dst, "2006-01-02 15:04:05.000")
	case v.kind == boolean || v.kind == number && v.b == nil:
		return appendNumber(dst, v.num)
	}
	return append(dst, v.b...)
}

// text returns v's text, false if v is missing or a structure.
func (e *env) text(v value) ([]byte, bool) {
	if !v.isPlain() {
		return nil, false
	}
	if v.kind == text || v.b != nil {
		return v.b, true
	}
	start := len(e.arena)
	e.arena = v.appendTo(e.arena)
	return e.since(start), true
}

// appendNumber writes whole numbers without a fraction and others with as many
// digits as it takes to tell them apart.
func appendNumber(dst []byte, n float64) []byte {
	size := math.Abs(n)
	switch {
	case n == math.Trunc(n) && size < 1e15:
		return strconv.AppendInt(dst, int64(n), 10)
	case size >= 1e21 || size < 1e-6:
		return strconv.AppendFloat(dst, n, 'E', -1, 64)
	}
	return strconv.AppendFloat(dst, n, 'f', -1, 64)
}

// parseNumber reads a decimal number that b consists of.
func parseNumber(b []byte) (float64, bool) {
	i, digits, fraction := 0, 0, 0
	var mantissa uint64
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		i++
	}
	point := false
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if point {
			fraction++
		}
		if digits <= exactDigits {
			mantissa = mantissa*10 + uint64(c-'0')
		}
	}
	if digits == 0 || i < len(b) && !isExponent(b[i:]) {
		return 0, false
	}
	if i < len(b) || digits > exactDigits {
		n, err := strconv.ParseFloat(string(b), 64)
		return n, err == nil
	}
	// Both are exact in a float64, so the quotient is rounded once.
	n := float64(mantissa) / powersOfTen[fraction]
	if b[0] == '-' {
		n = -n
	}
	return n, true
}

// exactDigits is how many decimal digits a float64 always holds.
const exactDigits = 15

var powersOfTen = [exactDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

func isExponent(b []byte) bool {
	if b[0] != 'e' && b[0] != 'E' {
		return false
	}
	b = b[1:]
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}
