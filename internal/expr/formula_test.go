package expr_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/expr"
)

func TestFormula(t *testing.T) {
	for text, c := range map[string]struct {
		want     float64
		operands string
	}{
		"a + b*2":             {1 + 2*2, "[{ a} { b}]"},
		"100*a/b":             {50, "[{ a} { b}]"},
		"(a - b) * -3":        {3, "[{ a} { b}]"},
		"a-1-1":               {-1, "[{ a}]"},
		"b-1":                 {0, "[{ b}]"}, // b is the first here
		"sum(a) / count(a.x)": {0.5, "[{sum a} {count a.x}]"},
		`max("a b") - min(c)`: {-1, "[{max a b} {min c}]"},
		"a + a - avg(a)":      {0, "[{ a} {avg a}]"},
		"a / (b - b)":         {math.NaN(), "[{ a} { b}]"},
		"1 / (1 / (a - a))":   {math.NaN(), "[{ a}]"},
	} {
		f, err := expr.ParseFormula(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, ok := f.Eval([]float64{1, 2})
		if ok == math.IsNaN(c.want) || ok && got != c.want || fmt.Sprint(f.Operands()) != c.operands || f.String() != text {
			t.Errorf("%s = %v, %v of %v; want %v of %s", text, got, ok, f.Operands(), c.want, c.operands)
		}
	}
}

func TestBadFormula(t *testing.T) {
	for text, want := range map[string]string{
		"":           "at 1: the formula is empty; expected one such as 100 * used / total",
		"100":        "at 1: the formula is the same for all metrics; expected the name of a metric",
		"a b":        `at 3: unexpected "b"; expected + - * / or the end`,
		"mean(a)":    `at 1: there is no function "mean"; did you mean "max"?`,
		"sum(1)":     `at 5: sum takes the name of a metric; expected sum(name)`,
		"a * / b":    `at 5: expected a number or a name, found "/"`,
		"a > b":      `at 3: unexpected ">"; expected + - * / or the end`,
		"10% * a":    `at 1: "10%" is not a number; units have no meaning here; write a plain number`,
		"(a":         `at 3: expected ")", found the end`,
		`a + "open`:  "at 5: the text has no closing quote",
		"a % b":      `at 3: unexpected "%"`,
		`"" + a`:     "at 1: a name is empty",
		"sum(a, b)":  `at 6: expected ")", found ","`,
		"a + \"\\\"": "at 5: the text has no closing quote",
	} {
		_, err := expr.ParseFormula(text)
		var x *expr.Error
		if !errors.As(err, &x) || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzFormula(f *testing.F) {
	for _, s := range []string{"100 * mem_used / mem_limit", `max("a b") - -min(c)`, "((((a", "1e9*x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x, err := expr.ParseFormula(text)
		if err != nil {
			return
		}
		if v, ok := x.Eval(make([]float64, len(x.Operands()))); ok && (math.IsNaN(v) || math.IsInf(v, 0)) {
			t.Errorf("%q is %v", text, v)
		}
	})
}
