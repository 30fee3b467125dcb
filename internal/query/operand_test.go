package query_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/query"
)

func TestParseOperand(t *testing.T) {
	for text, want := range map[string]string{
		"avg(AWS/ECS:CPUUtilization)":                          "Average AWS/ECS:CPUUtilization",
		"p99(Shop:ms{route=/pay})":                             "p99 Shop:ms{route=/pay}",
		"Maximum( Shop : ms { a = 1 , b = two words } )":       `Maximum Shop:ms{a=1,b="two words"}`,
		`sum(Shop:"a (b)"{x="}, \""})`:                         `Sum Shop:a (b){x="}, \""}`,
		"tm(10%:90%)(Shop:ms)":                                 "TM(10%:90%) Shop:ms",
		"pr(:300)(Shop:ms{})":                                  "PR(:300) Shop:ms",
		"Shop:ms{route=/pay}":                                  "p50 Shop:ms{route=/pay}",
		"Shop:ms{f=a(b)}":                                      "p50 Shop:ms{f=\"a(b)\"}",
		"avg(Sidelight/Host:cpu_usage_active{service=orders})": "Average Sidelight/Host:cpu_usage_active{service=orders}",
		"IQM(a:b)": "IQM a:b",
	} {
		o, err := query.ParseOperand(text, "p50")
		if got := o.Stat + " " + o.Metric.String(); got != want || err != nil {
			t.Errorf("ParseOperand(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                    "character 1: a metric is written",
		"avg()":               "character 5: a metric is written",
		"avg(Shop)":           "character 5: a metric is written",
		"mean(Shop:ms)":       `character 1: "mean" is not a statistic`,
		"avg(Shop:ms":         `character 12: expected ")"`,
		"avg(Shop:ms{a})":     "character 13: a dimension is written",
		"avg(Shop:ms{a=})":    `character 15: the dimension "a" has no value`,
		"avg(Shop:ms{a=1)":    `character 17: expected "}"`,
		`avg(Shop:ms{a="x})`:  "character 15: the quote is not closed",
		"avg(Shop:ms) > 3":    "character 14: nothing is expected",
		"avg(Shop:ms{a=1,})":  "character 17: a dimension is written",
		"tm(10:90)(Shop:ms)x": "character 19: nothing is expected",
		"p101(Shop:ms)":       "is not a statistic",
	} {
		if _, err := query.ParseOperand(text, "avg"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseOperand(%q) = %v, want %q", text, err, want)
		}
	}
}

// What was read and is written again reads the same.
func FuzzParseOperand(f *testing.F) {
	for _, s := range []string{"avg(A/B:c{d=e,f=\"g h\"})", "tm(1%:2%)(a:b)", "a:b{", `p50(a:"\"){}")`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := query.ParseOperand(text, "avg")
		if err != nil || strings.ContainsAny(o.Metric.Namespace+o.Metric.Name, "\"\\(){}:") || !plainNames(o.Metric) {
			return
		}
		again, err := query.ParseOperand(o.Stat+"("+o.Metric.String()+")", "")
		if err != nil {
			t.Fatalf("%q became %q: %v", text, o.Metric, err)
		}
		if d := cmp.Diff(o.Metric, again.Metric); d != "" || again.Stat != o.Stat {
			t.Errorf("%q: stat %q, %q (-first +second):\n%s", text, o.Stat, again.Stat, d)
		}
	})
}

// plainNames leaves out names that only quotes can write: String quotes values.
func plainNames(m query.Metric) bool {
	for _, name := range []string{m.Namespace, m.Name} {
		if strings.TrimSpace(name) != name || strings.ContainsAny(name, "\t") {
			return false
		}
	}
	for _, d := range m.Dimensions {
		if strings.TrimSpace(d.Name) != d.Name || strings.ContainsAny(d.Name, "=,{}()\"\\") {
			return false
		}
	}
	return true
}
