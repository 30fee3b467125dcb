package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/internal/problem"
)

func scope() expr.Scope {
	quantity := func(s string) expr.Value { v, _ := expr.Quantity(s); return v }
	row := expr.Table([]string{"pct"}, map[string]expr.Value{"pct": quantity("5")})
	table := expr.Table([]string{"prod"}, map[string]expr.Value{"prod": row})
	list := expr.Value{Kind: expr.List, List: []expr.Value{expr.Text("a"), expr.Text("b")}}
	return expr.Scope{
		Roots: map[string]expr.Value{
			"env":   expr.Text("prod"),
			"map":   expr.Table([]string{"by_env"}, map[string]expr.Value{"by_env": table}),
			"param": expr.Table([]string{"p99", "size", "list", "share"}, map[string]expr.Value{"p99": quantity("500ms"), "size": quantity("2GiB"), "list": list, "share": quantity("20%")}),
		},
		ARN:     func(service, resource string) (string, error) { return "arn:" + service + ":" + resource, nil },
		Nearest: problem.Nearest,
	}
}

func eval(text string) (expr.Value, error) {
	t, err := expr.Parse(text)
	if err != nil {
		return expr.Value{}, err
	}
	return t.Eval(scope())
}

func values() map[string]string {
	return map[string]string{
		`plain`:                                 "plain",
		`$(1 + 2 * 3)`:                          "7",
		`$((1 + 2) * 3)`:                        "9",
		`$(0.1 + 0.2)`:                          "0.3",
		`$(1 / 3)`:                              "0.3333333333333333",
		`$(10 - 2 - 3)`:                         "5",
		`$(-2 * -3)`:                            "6",
		`$(500ms + 1s)`:                         "1500ms",
		`$(2 * 30m)`:                            "1h",
		`$(1h / 30m)`:                           "2",
		`$(2h30m)`:                              "150m",
		`$(param.p99)`:                          "500ms",
		`$(param.p99 / 3)`:                      "0.16666666666666666s",
		`$(param.size / 2)`:                     "1GiB",
		`$(param.share * 2)`:                    "40%",
		`$(map.by_env(env).pct)`:                "5",
		`$(map.by_env("dev").pct ?? 9)`:         "9",
		`$(param.nope ?? "x")`:                  "x",
		`$(if env == "prod" then 1 else 2)`:     "1",
		`$(if not (1 < 2) then 1 else 2)`:       "2",
		`$(not 1 == 2)`:                         "true",
		`$(1 <= 1 and 2 > 1 or false)`:          "true",
		`$(false and nope)`:                     "false",
		`$(500ms < 1s)`:                         "true",
		`a-$(env)-$(1+1)`:                       "a-prod-2",
		`$$(env) and $$$(env)`:                  "$(env) and $$(env)",
		`$`:                                     "$",
		`$(min(3, 1, 2))$(max(1s, 2m))`:         "12m",
		`$(round(2.5)) $(round(-2.5))`:          "3 -3",
		`$(floor(-1.5)) $(ceil(-1.5))`:          "-2 -1",
		`$(abs(-3ms))`:                          "3ms",
		`$(upper(lower("AbC")))`:                "ABC",
		`$(replace("a.b.c", ".", "-"))`:         "a-b-c",
		`$(trim("  x "))`:                       "x",
		`$(join(param.list, "+"))`:              "a+b",
		`$(join(split("a/b", "/"), ","))`:       "a,b",
		`$(len(param.list)) $(len("üü"))`:       "2 2",
		`$(contains(param.list, "b"))`:          "true",
		`$(contains("abc", "d"))`:               "false",
		`$(starts_with("abc", "ab"))`:           "true",
		`$(join(keys(map.by_env), ","))`:        "prod",
		`$(len(values(map.by_env)))`:            "1",
		`$(lookup(map.by_env("prod"), "x", 3))`: "3",
		`$(topic("t")) $(arn("sqs", "q"))`:      "arn:sns:t arn:sqs:q",
		`$(hash8("orders"))`:                    "1c168adb",
		`$('it''s')`:                            "",
		`$("quote \" and )")`:                   `quote " and )`,
		`$(1e3)`:                                "1000",
	}
}

func TestEval(t *testing.T) {
	for in, want := range values() {
		v, err := eval(in)
		if want == "" {
			if err == nil {
				t.Errorf("%s = %q, want an error", in, v)
			}
			continue
		}
		if err != nil || v.String() != want {
			t.Errorf("%s = %q, %v, want %q", in, v, err, want)
		}
	}
}

func TestFaults(t *testing.T) {
	for in, want := range map[string]string{
		`$(500ms + 3)`:          "cannot compute duration + number",
		`$("a" + "b")`:          "cannot compute string + string",
		`$(1 / 0)`:              "division by zero",
		`$(5% * 20%)`:           "cannot compute percent * percent",
		`$(1 < 1s)`:             "cannot compare a number with a duration",
		`$(true < false)`:       "a bool has no order",
		`$(param.p98)`:          `no parameter "p98"`,
		`$(parm.p99)`:           `no name "parm"`,
		`$(foo(1))`:             `no function "foo"`,
		`$(min())`:              "min needs an argument",
		`$(min(1, 1s))`:         "min of a number and a duration",
		`$(round("a"))`:         "round cannot take a string here",
		`$(upper("a", "b"))`:    "upper takes 1 arguments, not 2",
		`$(if 1 then 2 else 3)`: "the condition is a number, not true or false",
		`$(1 and true)`:         `"and" needs true or false, and this is a number`,
		`$(not 1)`:              `"not" needs true or false, and this is a number`,
		`$(env.x)`:              "a string has no entries",
		`$(1 +)`:                "expected a value, found )",
		`$(1`:                   "the expression has no closing parenthesis",
		`$(1 2)`:                "unexpected 2 in an expression",
		`$(5parsecs)`:           `"5parsecs" is not a number with a unit (us ms s m h d B KB KiB MB MiB GB GiB TB TiB % /s)`,
		`$(a[0])`:               `unexpected "[" in an expression`,
		`$("open)`:              "the string has no closing quote",
		`x $(param.list)`:       "a list cannot stand inside a text",
		`$()`:                   "expected a value, found )",
		`$(a.)`:                 "expected a name after the dot, found )",
	} {
		_, err := eval(in)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", in, err, want)
			continue
		}
		e, ok := err.(*expr.Error)
		if !ok || e.Offset < 0 || e.Offset > len(in) || e.Width < 1 {
			t.Errorf("%s: place %+v", in, err)
		}
	}
}

func TestFaultsPointAtThePlace(t *testing.T) {
	for in, want := range map[string]string{
		`x $(1 + param.p98)`:   "p98",
		`$(1s + (2 * "a"))`:    `2 * "a"`,
		`$(lower(upper(3)))`:   "3",
		`$(map.by_env("dev"))`: `"dev")`,
	} {
		_, err := eval(in)
		e, ok := err.(*expr.Error)
		if !ok {
			t.Fatalf("%s: %v", in, err)
		}
		if got := in[e.Offset : e.Offset+e.Width]; got != want {
			t.Errorf("%s points at %q, want %q", in, got, want)
		}
	}
}

// Expressions cannot be made to take long or to grow without bound.
func TestExpressionsAreBounded(t *testing.T) {
	for name, in := range map[string]string{
		"nested":  "$(" + strings.Repeat("(", 500) + "1" + strings.Repeat(")", 500) + ")",
		"minus":   "$(" + strings.Repeat("- ", 500) + "1)",
		"long":    "$(" + strings.Repeat("1+", 5000) + "1)",
		"digits":  "$(" + strings.Repeat("9", 100) + ")",
		"powers":  "$(" + strings.Repeat(strings.Repeat("9", 60)+"*", 60) + "1)",
		"exp":     "$(1e999999999)",
		"replace": `$(replace(replace("` + strings.Repeat("a", 1000) + `","a","` + strings.Repeat("a", 1000) + `"),"a","b"))`,
	} {
		if v, err := eval(in); err == nil {
			t.Errorf("%s: no error, value of %d bytes", name, len(v.String()))
		}
	}
}

func TestQuantity(t *testing.T) {
	for in, want := range map[string]string{
		"5": "number 5", "0.5": "number 0.5", "-3": "number -3", "1e3": "number 1000", "500ms": "duration 1/2", "2h30m": "duration 9000",
		"1d": "duration 86400", "10us": "duration 1/100000", "20%": "percent 20", "2GiB": "bytes 2147483648", "1KB": "bytes 1000", "100/s": "rate 100",
		"5x": "", "": "", "m": "", "5 m": "", "1m2h": "", "1h1h": "", "-1h30m": "", "5%5m": "", "1_000": "", "0x10": "", ".5": "",
	} {
		v, ok := expr.Quantity(in)
		got := ""
		if ok {
			got = fmt.Sprintf("%s %s", v.Kind, strings.TrimSuffix(v.Rat.String(), "/1"))
			if v.Kind == expr.Number {
				got = "number " + expr.Decimal(v.Rat)
			}
		}
		if got != want {
			t.Errorf("Quantity(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"$(1 + 2)", "$$(x) $(param.p99 * 2)", `$(if env == "a" then 1 else min(2, 3))`, "$(map.by_env(env).pct ?? 5%)", `$(join(split("a,b", ","), ""))`, "$(((", "$('"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tpl, err := expr.Parse(text)
		if err == nil {
			_, err = tpl.Eval(scope())
		}
		if err == nil {
			return
		}
		e, ok := err.(*expr.Error)
		if !ok {
			t.Fatalf("%q: an error of type %T", text, err)
		}
		if e.Msg == "" || e.Offset < 0 || e.Width < 1 || e.Offset > len(text) {
			t.Fatalf("%q: %+v", text, e)
		}
	})
}
