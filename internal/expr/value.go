package expr

import (
	"bytes"
	"strconv"
)

type valueKind uint8

const (
	nullValue valueKind = iota // also what is not there
	boolValue
	numberValue
	textValue
)

// value is what an operand comes to. A number is kept as its text until it is
// compared.
type value struct {
	kind  valueKind
	truth bool
	known bool // number is set
	text  []byte
	num   float64
}

// number returns v as a number; text must be one from end to end.
func (v value) number() (float64, bool) {
	if v.known {
		return v.num, true
	}
	if v.kind != numberValue && v.kind != textValue || len(v.text) == 0 || len(v.text) > 32 {
		return 0, false
	}
	if c := v.text[0]; c != '-' && !digit(c) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(v.text), 64)
	return f, err == nil
}

// bytes returns v's text; a truth value is spelled out.
func (v value) bytes() []byte {
	if v.kind == boolValue {
		return strconv.AppendBool(nil, v.truth)
	}
	return v.text
}

// compare orders a and b: negative, zero, positive. It reports false if they
// have no order.
func compare(a, b value) (int, bool) {
	if a.kind == nullValue || b.kind == nullValue {
		return 0, a.kind == b.kind
	}
	if a.kind == boolValue && b.kind == boolValue {
		if a.truth == b.truth {
			return 0, true
		}
		return 0, false
	}
	if a.kind == numberValue || b.kind == numberValue {
		x, ok := a.number()
		y, both := b.number()
		if ok && both {
			return order(x, y)
		}
	}
	return bytes.Compare(a.bytes(), b.bytes()), true
}

func order(x, y float64) (int, bool) {
	switch {
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, x == y
}

// holds reports whether a op b.
func holds(op string, a, b value) bool {
	c, ok := compare(a, b)
	switch op {
	case "=":
		return ok && c == 0
	case "!=":
		return !ok || c != 0
	}
	if !ok || a.kind == nullValue {
		return false
	}
	return sign(op, c)
}

// sign reports whether a comparison that came out as c is what op asks for.
func sign(op string, c int) bool {
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
