package insights_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Values of the naive evaluator: nil is missing, a json.Number is spelled by the
// event or the query, a float64 is computed, a bool is the outcome of a
// comparison, and JSON's true and false are texts.

// naiveShown is how a value is shown: whole numbers without a fraction, very
// large and very small ones with an exponent, booleans as 1 and 0.
func naiveShown(v any) string {
	switch v := v.(type) {
	case float64:
		size := math.Abs(v)
		switch {
		case v == math.Trunc(v) && size < 1e15:
			return fmt.Sprintf("%.0f", v+0)
		case size >= 1e21 || size < 1e-6:
			return strconv.FormatFloat(v, 'E', -1, 64)
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return map[bool]string{true: "1", false: "0"}[v]
	}
	return fmt.Sprint(v)
}

// naiveValue is the number that functions of numbers see.
func naiveValue(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case bool:
		return map[bool]float64{true: 1}[v], true
	}
	return naiveNumber(v)
}

// naiveOrder compares as = and < do.
func naiveOrder(a, b any) (int, bool) {
	if a == nil || b == nil {
		return 0, false
	}
	_, aText := a.(string)
	_, bText := b.(string)
	if aText && bText {
		return strings.Compare(a.(string), b.(string)), true
	}
	a, b = naiveTruth(a, b), naiveTruth(b, a)
	x, aNum := naiveValue(a)
	y, bNum := naiveValue(b)
	if aNum && bNum {
		switch {
		case x < y:
			return -1, true
		case x > y:
			return 1, true
		}
		return 0, true
	}
	return strings.Compare(naiveShown(a), naiveShown(b)), true
}

// naiveTruth makes the words true and false booleans where they meet one.
func naiveTruth(v, other any) any {
	if _, meets := other.(bool); meets && (v == "true" || v == "false") {
		return v == "true"
	}
	return v
}

// expression is a random expression: its text and its naive meaning.
type expression struct {
	text string
	of   func(naiveRow) any
}

func finite(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return x
}

func randomLeaf(r *rand.Rand) expression {
	switch r.IntN(6) {
	case 0:
		text, v := randomLiteral(r)
		return expression{text, func(naiveRow) any { return v }}
	case 1:
		return expression{"null", func(naiveRow) any { return nil }}
	}
	f := naiveFields[r.IntN(len(naiveFields))]
	return expression{f, func(v naiveRow) any { return v.get(f) }}
}

// randomExpression nests functions, arithmetic and conditions.
func randomExpression(r *rand.Rand, depth int) expression {
	if depth == 0 {
		return randomLeaf(r)
	}
	a, b := randomExpression(r, depth-1), randomExpression(r, r.IntN(depth))
	switch r.IntN(6) {
	case 0:
		return randomArithmetic(r, a, b)
	case 1:
		c := randomTest(r, depth-1)
		return expression{"if(" + c.text + ", " + a.text + ", " + b.text + ")", func(v naiveRow) any {
			if c.hold(v) {
				return a.of(v)
			}
			return b.of(v)
		}}
	case 2:
		c := randomTest(r, depth-1)
		return expression{"(not " + c.text + ")", func(v naiveRow) any { return !c.hold(v) }}
	case 3:
		return numberFunction(r, a, b)
	case 4:
		return textFunction(r, a, b)
	}
	return otherFunction(r, a, b)
}

func randomArithmetic(r *rand.Rand, a, b expression) expression {
	op := []string{"+", "-", "*", "/", "%"}[r.IntN(5)]
	return expression{"(" + a.text + " " + op + " " + b.text + ")", func(v naiveRow) any {
		x, ok := naiveValue(a.of(v))
		y, ok2 := naiveValue(b.of(v))
		if !ok || !ok2 {
			return nil
		}
		return finite(map[string]func() float64{
			"+": func() float64 { return x + y }, "-": func() float64 { return x - y }, "*": func() float64 { return x * y },
			"/": func() float64 { return x / y }, "%": func() float64 { return math.Mod(x, y) },
		}[op]())
	}}
}

// randomTest is a condition on expressions.
func randomTest(r *rand.Rand, depth int) condition {
	if depth > 0 && r.IntN(3) == 0 {
		a, b := randomTest(r, depth-1), randomTest(r, depth-1)
		switch r.IntN(3) {
		case 0:
			return condition{"(" + a.text + " and " + b.text + ")", func(v naiveRow) bool { return a.hold(v) && b.hold(v) }}
		case 1:
			return condition{"(" + a.text + " or " + b.text + ")", func(v naiveRow) bool { return a.hold(v) || b.hold(v) }}
		}
		return condition{"not (" + a.text + ")", func(v naiveRow) bool { return !a.hold(v) }}
	}
	a, b := randomExpression(r, min(depth, 2)), randomExpression(r, min(depth, 1))
	switch r.IntN(4) {
	case 0:
		c := randomLeaf(r)
		not, want := "", true
		if r.IntN(2) == 0 {
			not, want = "not ", false
		}
		return condition{"(" + a.text + " " + not + "in [" + b.text + ", " + c.text + "])", func(v naiveRow) bool {
			one, ok := naiveOrder(a.of(v), b.of(v))
			two, ok2 := naiveOrder(a.of(v), c.of(v))
			return a.of(v) != nil && (ok && one == 0 || ok2 && two == 0) == want
		}}
	case 1:
		return condition{a.text, func(v naiveRow) bool {
			x, ok := naiveValue(a.of(v))
			if s, text := a.of(v).(string); text && !ok {
				return strings.EqualFold(s, "true")
			}
			return ok && x != 0
		}}
	}
	op := []string{"=", "!=", "<", "<=", ">", ">="}[r.IntN(6)]
	return condition{"(" + a.text + " " + op + " " + b.text + ")", func(v naiveRow) bool {
		c, ok := naiveOrder(a.of(v), b.of(v))
		return ok && map[string]bool{"=": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op]
	}}
}

func numberFunction(r *rand.Rand, a, b expression) expression {
	one := map[string]func(float64) float64{
		"abs": math.Abs, "ceil": math.Ceil, "floor": math.Floor, "toNumber": func(x float64) float64 { return x }, "toInt": math.Trunc, "sqrt": math.Sqrt, "round": math.Round,
	}
	if r.IntN(3) > 0 {
		name := []string{"abs", "ceil", "floor", "toNumber", "toInt", "sqrt", "round"}[r.IntN(7)]
		return expression{name + "(" + a.text + ")", func(v naiveRow) any {
			x, ok := naiveValue(a.of(v))
			if !ok {
				return nil
			}
			return finite(one[name](x))
		}}
	}
	name, pick := "greatest", math.Max
	if r.IntN(2) == 0 {
		name, pick = "least", math.Min
	}
	return expression{name + "(" + a.text + ", " + b.text + ")", func(v naiveRow) any {
		x, ok := naiveValue(a.of(v))
		y, ok2 := naiveValue(b.of(v))
		switch {
		case ok && ok2:
			return pick(x, y)
		case ok:
			return x
		case ok2:
			return y
		}
		return nil
	}}
}

func textFunction(r *rand.Rand, a, b expression) expression {
	// All but concat are missing if an argument is.
	with := func(text string, f func(x, y string) any) expression {
		return expression{text, func(v naiveRow) any {
			x, y := a.of(v), b.of(v)
			if x == nil || y == nil && strings.Contains(text, ", ") {
				return nil
			}
			return f(naiveShown(x), naiveShown(y))
		}}
	}
	switch r.IntN(8) {
	case 0:
		return expression{"concat(" + a.text + `, "-", ` + b.text + ")", func(v naiveRow) any {
			out := ""
			for _, x := range []any{a.of(v), "-", b.of(v)} {
				if x != nil {
					out += naiveShown(x)
				}
			}
			return out
		}}
	case 1:
		e := with("strlen("+a.text+")", nil)
		e.of = func(v naiveRow) any {
			if x := a.of(v); x != nil {
				return float64(utf8.RuneCountInString(naiveShown(x)))
			}
			return nil
		}
		return e
	case 2:
		e := expression{text: "toupper(" + a.text + ")"}
		e.of = func(v naiveRow) any {
			if x := a.of(v); x != nil {
				return strings.ToUpper(naiveShown(x))
			}
			return nil
		}
		return e
	case 3:
		return with("startsWith("+a.text+", "+b.text+")", func(x, y string) any { return strings.HasPrefix(x, y) })
	case 4:
		return with("endsWith("+a.text+", "+b.text+")", func(x, y string) any { return strings.HasSuffix(x, y) })
	case 5:
		return with("trim("+a.text+", "+b.text+")", func(x, y string) any { return strings.Trim(x, y) })
	case 6:
		e := with("strcontains("+a.text+", "+b.text+")", func(x, y string) any { return strings.Contains(x, y) })
		inner := e.of
		e.of = func(v naiveRow) any {
			if got := inner(v); got != nil {
				return naiveNum(got.(bool))
			}
			return 0.0
		}
		return e
	}
	e := expression{text: "substr(" + a.text + ", 1, 2)"}
	e.of = func(v naiveRow) any {
		x := a.of(v)
		if x == nil {
			return nil
		}
		runes := []rune(naiveShown(x))
		return string(runes[min(1, len(runes)):min(3, len(runes))])
	}
	return e
}

func naiveNum(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func otherFunction(r *rand.Rand, a, b expression) expression {
	switch r.IntN(5) {
	case 0:
		return expression{"coalesce(" + a.text + ", " + b.text + ")", func(v naiveRow) any {
			if x := a.of(v); x != nil {
				return x
			}
			return b.of(v)
		}}
	case 1:
		return expression{"ispresent(" + a.text + ")", func(v naiveRow) any { return a.of(v) != nil }}
	case 2:
		return expression{"isNumeric(" + a.text + ")", func(v naiveRow) any { _, ok := naiveValue(a.of(v)); return ok }}
	case 3:
		return expression{"isempty(" + a.text + ")", func(v naiveRow) any {
			return naiveNum(a.of(v) == nil || naiveShown(a.of(v)) == "")
		}}
	}
	c := randomTest(r, 0)
	return expression{"case(" + c.text + ", " + a.text + ", " + b.text + " = 7, " + b.text + ")", func(v naiveRow) any {
		if c.hold(v) {
			return a.of(v)
		}
		if n, ok := naiveOrder(b.of(v), json.Number("7")); ok && n == 0 {
			return b.of(v)
		}
		return nil
	}}
}
