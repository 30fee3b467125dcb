package insights

import (
	"bytes"
	"cmp"
	"unicode/utf8"
)

// compareValues orders a and b as comparison operators do; false means that
// they cannot be compared.
func compareValues(a, b value) (int, bool) {
	if !a.isPlain() || !b.isPlain() {
		return 0, false
	}
	if a.kind == text && b.kind == text {
		return bytes.Compare(a.b, b.b), true
	}
	a, b = sameTruth(a, b), sameTruth(b, a)
	if x, ok := a.number(); ok {
		if y, ok := b.number(); ok {
			return cmp.Compare(x, y), true
		}
	}
	var bufA, bufB [48]byte
	return bytes.Compare(a.appendTo(bufA[:0]), b.appendTo(bufB[:0])), true
}

// sameTruth makes JSON's words true and false booleans where they meet one.
func sameTruth(v, other value) value {
	if v.kind != text || other.kind != boolean {
		return v
	}
	switch string(v.b) {
	case "true":
		return boolValue(true)
	case "false":
		return boolValue(false)
	}
	return v
}

// holds reports whether the outcome of a comparison satisfies op.
func holds(op string, c int) bool {
	switch op {
	case "=":
		return c == 0
	case "!=":
		return c != 0
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

// sortKey is a value prepared for sorting. The order is that of the sort
// command: whatever is not a number comes before every number.
type sortKey struct {
	present, isNum bool
	num            float64
	text           string
}

func newSortKey(v value) sortKey {
	if !v.isPlain() {
		return sortKey{}
	}
	k := sortKey{present: true}
	k.num, k.isNum = v.number()
	if !k.isNum || v.kind == text {
		var buf [64]byte
		k.text = string(v.appendTo(buf[:0]))
	}
	return k
}

// compareKeys orders two present keys ascending.
func compareKeys(a, b sortKey) int {
	if a.isNum != b.isNum {
		if b.isNum {
			return -1
		}
		return 1
	}
	if a.isNum {
		if c := cmp.Compare(a.num, b.num); c != 0 {
			return c
		}
		return cmp.Compare(a.text, b.text)
	}
	return compareNatural(a.text, b.text)
}

// compareOrdered orders keys in either direction; missing ones are last in
// both.
func compareOrdered(a, b sortKey, descending bool) int {
	switch {
	case !a.present || !b.present:
		return cmp.Compare(presence(b), presence(a))
	case descending:
		return compareKeys(b, a)
	}
	return compareKeys(a, b)
}

func presence(k sortKey) int {
	if k.present {
		return 1
	}
	return 0
}

// compareNatural compares text run by run: runs of digits by length and then
// by value, anything else by code point.
func compareNatural(a, b string) int {
	for a != "" && b != "" {
		if isDigit(a[0]) && isDigit(b[0]) {
			x, y := digitRun(a), digitRun(b)
			if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[len(x):], b[len(y):]
			continue
		}
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if c := cmp.Or(cmp.Compare(x, y), cmp.Compare(a[:n], b[:m])); c != 0 {
			return c
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func digitRun(s string) string {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return s[:n]
}
