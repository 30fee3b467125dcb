// Package expr holds the expression language of recipes, $(...): exact decimal
// arithmetic over numbers, durations, sizes and percentages, and text. It has no
// loops, no clock, no environment and no network: an expression's value is
// decided by its scope alone.
package expr

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// Kind is the type of a value.
type Kind int

// The types. Rate is a number per second, which only the quantities of alarm
// conditions have.
const (
	Null Kind = iota
	Bool
	Number
	Duration
	Bytes
	Percent
	Rate
	String
	List
	Map
)

// String returns the name of the type.
func (k Kind) String() string {
	return [...]string{"null", "bool", "number", "duration", "bytes", "percent", "rate", "string", "list", "map"}[k]
}

// Value is the value of an expression or of a scalar of a recipe.
type Value struct {
	Kind Kind
	Bool bool
	// Rat is the number: of seconds for a duration, of bytes for a size, 5 for
	// 5 %. It is never changed once it stands in a value.
	Rat *big.Rat
	// Str is the text of a string, or that which a quantity was written as.
	Str  string
	List []Value
	// Keys are a map's keys in order.
	Keys []string
	// Get returns a map's value for one of its keys.
	Get func(key string) (Value, error)
}

// Text makes a string.
func Text(s string) Value { return Value{Kind: String, Str: s} }

// Truth makes a bool.
func Truth(b bool) Value { return Value{Kind: Bool, Bool: b} }

// Int makes a number.
func Int(n int64) Value { return Value{Kind: Number, Rat: new(big.Rat).SetInt64(n)} }

// Table makes a map of values that are known.
func Table(keys []string, values map[string]Value) Value {
	return Value{Kind: Map, Keys: keys, Get: func(k string) (Value, error) { return values[k], nil }}
}

// Float returns the float64 nearest to the number, and whether it is finite.
func (v Value) Float() (float64, bool) {
	if v.Rat == nil {
		return 0, false
	}
	// The nearest float64 of the shortest decimal text is the same as that of
	// the rational itself; overflow is the only case to refuse.
	f, _ := v.Rat.Float64()
	return f, f-f == 0
}

// String returns the value as it is put into text.
func (v Value) String() string {
	switch v.Kind {
	case Bool:
		return strconv.FormatBool(v.Bool)
	case String:
		return v.Str
	case Number, Duration, Bytes, Percent, Rate:
		if v.Str != "" {
			return v.Str
		}
		return quantityText(v)
	case List:
		parts := make([]string, len(v.List))
		for i, e := range v.List {
			parts[i] = e.String()
		}
		return strings.Join(parts, ", ")
	case Map:
		return strings.Join(v.Keys, ", ")
	}
	return ""
}

type unit struct {
	name string
	kind Kind
	num  int64
	den  int64
}

// units from the smallest to the largest of each kind.
func units() []unit {
	return []unit{
		{"us", Duration, 1, 1e6},
		{"ms", Duration, 1, 1e3},
		{"s", Duration, 1, 1},
		{"m", Duration, 60, 1},
		{"h", Duration, 3600, 1},
		{"d", Duration, 86400, 1},
		{"B", Bytes, 1, 1},
		{"KB", Bytes, 1e3, 1},
		{"KiB", Bytes, 1 << 10, 1},
		{"MB", Bytes, 1e6, 1},
		{"MiB", Bytes, 1 << 20, 1},
		{"GB", Bytes, 1e9, 1},
		{"GiB", Bytes, 1 << 30, 1},
		{"TB", Bytes, 1e12, 1},
		{"TiB", Bytes, 1 << 40, 1},
		{"%", Percent, 1, 1},
		{"/s", Rate, 1, 1},
	}
}

func unitOf(name string) (unit, bool) {
	for _, u := range units() {
		if u.name == name {
			return u, true
		}
	}
	return unit{}, false
}

// UnitNames lists the units that a quantity may have.
func UnitNames() []string {
	var names []string
	for _, u := range units() {
		names = append(names, u.name)
	}
	return names
}

// maxDigits bounds the digits of a written number, maxBits the size of a
// computed one: both are far beyond what a float64 tells apart.
const (
	maxDigits = 64
	maxBits   = 4096
)

var quantityForm = lazyregexp.New(`^([-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2})?)(us|ms|s|m|h|d|%|/s|[KMGT]i?B|B)?((?:[0-9]+(?:us|ms|s|m|h))*)$`)

// Quantity reads a number with or without a unit: "5", "0.5", "500ms",
// "2h30m", "20%", "2GiB", "100/s".
func Quantity(s string) (Value, bool) {
	m := quantityForm.FindStringSubmatch(s)
	if m == nil || len(m[1]) > maxDigits || len(s) > 2*maxDigits {
		return Value{}, false
	}
	r, ok := new(big.Rat).SetString(m[1])
	if !ok {
		return Value{}, false
	}
	if m[2] == "" {
		return Value{Kind: Number, Rat: r}, m[3] == ""
	}
	u, ok := unitOf(m[2])
	if !ok || m[3] != "" && (u.kind != Duration || r.Sign() < 0) {
		return Value{}, false
	}
	r.Mul(r, big.NewRat(u.num, u.den))
	for rest, last := m[3], u; rest != ""; {
		n := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
		end := n + strings.IndexFunc(rest[n:]+"0", func(c rune) bool { return c >= '0' && c <= '9' })
		next, _ := unitOf(rest[n:end])
		part, ok := new(big.Rat).SetString(rest[:n])
		if !ok || big.NewRat(next.num, next.den).Cmp(big.NewRat(last.num, last.den)) >= 0 {
			return Value{}, false
		}
		r.Add(r, part.Mul(part, big.NewRat(next.num, next.den)))
		rest, last = rest[end:], next
	}
	return Value{Kind: u.kind, Rat: r, Str: s}, true
}

// quantityText writes a computed quantity in the largest unit in which it is a
// whole number, else in the base unit.
func quantityText(v Value) string {
	switch v.Kind {
	case Percent:
		return Decimal(v.Rat) + "%"
	case Rate:
		return Decimal(v.Rat) + "/s"
	case Number:
		return Decimal(v.Rat)
	}
	base, best := "s", unit{}
	if v.Kind == Bytes {
		base = "B"
	}
	if v.Rat.Sign() == 0 {
		return "0" + base
	}
	for _, u := range units() {
		if u.kind == v.Kind && new(big.Rat).Mul(v.Rat, big.NewRat(u.den, u.num)).IsInt() {
			if best.name == "" || big.NewRat(u.num, u.den).Cmp(big.NewRat(best.num, best.den)) > 0 {
				best = u
			}
		}
	}
	if best.name == "" {
		return Decimal(v.Rat) + base
	}
	return Decimal(new(big.Rat).Mul(v.Rat, big.NewRat(best.den, best.num))) + best.name
}

// Decimal writes a number exactly where that takes at most 17 decimals,
// otherwise as the shortest text that reads back as the same float64.
func Decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	if n, exact := r.FloatPrec(); exact && n <= 17 {
		return r.FloatString(n)
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'f', -1, 64)
}
