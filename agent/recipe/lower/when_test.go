package lower_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/recipe/expr"
	"github.com/sidelight-dev/sidelight/agent/recipe/lower"
)

func evaluate(x *expr.Expr) (expr.Value, error) {
	q, _ := expr.Quantity("500ms")
	return x.Eval(expr.Scope{Roots: map[string]expr.Value{
		"p99": q, "name": expr.Text("a,b}c"), "ns": expr.Text("AWS/ECS"),
		"list": {Kind: expr.List}, "text": expr.Text("10m"),
	}})
}

func describe(c *lower.Condition) string {
	var dims []string
	for _, d := range c.Dims {
		dims = append(dims, d.Name+"="+d.Value)
	}
	return fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s %s", c.Stat, c.Ident, c.Namespace, c.Name, strings.Join(dims, ";"), c.Cmp, c.Quantity.Kind, c.Quantity)
}

func TestParseWhen(t *testing.T) {
	for in, want := range map[string]string{
		`cpu > 80`:                             "|cpu||||>|number 80",
		`p99(latency)>=0.5`:                    "p99|latency||||>=|number 0.5",
		`sum(Shop:Errors{service=orders}) > 3`: "sum||Shop|Errors|service=orders|>|number 3",
		`avg( AWS/ECS:CPUUtilization { ClusterName = prod , ServiceName = a b } ) < 5 %`: "avg||AWS/ECS|CPUUtilization|ClusterName=prod;ServiceName=a b|<|percent 5%",
		`max(A:B{}) <= 2 GiB`:                  "max||A|B||<=|bytes 2GiB",
		`max(A:B{x="a,b} \" c"}) > 1`:          `max||A|B|x=a,b} " c|>|number 1`,
		`max(A:B{x=$(name)}) > $(p99)`:         "max||A|B|x=a,b}c|>|duration 500ms",
		`max(A:B{x=y-$(name)-z}) > $(p99 * 2)`: "max||A|B|x=y-a,b}c-z|>|duration 1s",
		`max($(ns):B) > $(text)`:               "max||AWS/ECS|B||>|duration 10m",
		`max(A:B) > $(1 + 1)ms`:                "max||A|B||>|duration 2ms",
		`tm(10%:90%)(A:B) > 1`:                 "tm(10%:90%)||A|B||>|number 1",
		`pr(:0.5)(A:B) < 99%`:                  "pr(:0.5)||A|B||<|percent 99%",
		`max(A:job:rate) > 100/s`:              "max||A|job:rate||>|rate 100/s",
		`max("A b":C) > 1`:                     "max||A b|C||>|number 1",
	} {
		c, err := lower.ParseWhen(in, evaluate)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := describe(c); got != want {
			t.Errorf("%s = %s, want %s", in, got, want)
		}
	}
}

func TestParseWhenFaults(t *testing.T) {
	// The fault's place is marked between the brackets of the wanted text.
	for in, want := range map[string]string{
		``:                        "a condition begins with",
		`> 5`:                     "a condition begins with",
		`cpu`:                     "no comparison",
		`cpu == 5`:                `"==" is not a comparison`,
		`cpu >`:                   "no quantity",
		`cpu > lots`:              `"lots" is not a quantity`,
		`cpu > 5 6x`:              `"5 6x" is not a quantity`,
		`cpu above band(2)`:       "anomaly bands are not supported",
		`avg() > 5`:               "avg of what?",
		`avg(:M) > 5`:             "a metric is written Namespace:Name",
		`avg(A:M > 5`:             `expected ")"`,
		`avg(A:M{x}) > 5`:         "a dimension is written Name=value",
		`avg(A:M{x=}) > 5`:        `the dimension "x" has no value`,
		`avg(A:M{x=y) > 5`:        `expected "}"`,
		`avg(A:M{x="y}) > 5`:      "the quote is not closed",
		`avg(cpu{x=y}) > 5`:       "which has its own dimensions",
		`tm(10%:90%) > 5`:         "tm needs a range and a metric",
		`avg(A:M) > $(nope)`:      `no name "nope"`,
		`avg(A:M) > $(name)`:      "the quantity is a string, not a number",
		`avg(A:M{x=$(list)}) > 5`: "a list cannot stand here",
	} {
		_, err := lower.ParseWhen(in, evaluate)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func FuzzParseWhen(f *testing.F) {
	for _, s := range []string{`cpu > 80`, `sum(Shop:Errors{service=orders}) > 3`, `p99(l) >= 500ms`, `tm(10%:90%)(A:B{x="y"}) < $(p99)`, `max(A:B{x=$(name)}) > 1`, `avg(A:M{`, `a outside band(3)`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := lower.ParseWhen(text, evaluate)
		if err == nil {
			if c.Quantity.Rat == nil || c.Cmp == "" || c.Ident == "" && (c.Namespace == "" || c.Name == "") {
				t.Fatalf("%q: %+v", text, c)
			}
			return
		}
		if e, ok := err.(*expr.Error); !ok || e.Offset < 0 || e.Width < 1 || e.Offset > len(text) {
			t.Fatalf("%q: %#v", text, err)
		}
	})
}
