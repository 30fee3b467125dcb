package metricmath_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/metricmath"
)

// strip reads values a minute apart, "-" for a missing point.
func strip(id, text string) metricmath.Series {
	s := metricmath.Series{ID: id, Label: id, Period: time.Minute}
	for i, f := range strings.Fields(text) {
		if f == "-" {
			continue
		}
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			panic(err)
		}
		s.Points = append(s.Points, metricmath.Point{Time: int64(i) * 60, Value: v})
	}
	return s
}

// show is the reverse of strip, over n minutes.
func show(s metricmath.Series, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = "-"
	}
	for _, p := range s.Points {
		out[p.Time/60] = strconv.FormatFloat(p.Value, 'g', 6, 64)
	}
	return strings.Join(out, " ")
}

func env(strips map[string]string) *metricmath.Env {
	e := &metricmath.Env{Period: time.Minute}
	all := map[string]metricmath.Series{}
	for _, id := range []string{"m1", "m2", "m3", "a", "b", "c", "bad", "requests"} {
		text, ok := strips[id]
		if !ok {
			continue
		}
		all[id] = strip(id, text)
		e.Metrics = append(e.Metrics, all[id])
		for i := len(e.Times); i < len(strings.Fields(text)); i++ {
			e.Times = append(e.Times, int64(i)*60)
		}
	}
	e.Lookup = func(id string) (metricmath.Value, bool) {
		s, ok := all[id]
		return metricmath.Of(s), ok
	}
	return e
}

func TestEval(t *testing.T) {
	// The rows that AWS prints in its guide come first.
	m := map[string]string{"m1": "30 20 0 0", "m2": "20 - 20 -"}
	cond := map[string]string{"a": "30 - 0 0 30", "b": "0 0 20 - 20", "c": "1 1 0 0 -"}
	pct := map[string]string{"bad": "- 5 - 3", "requests": "100 50 - 0"}
	gaps := map[string]string{"m1": "- 2 - 6 -"}
	tests := []struct {
		name, expr string
		in         map[string]string
		want       string // series joined by " | "
	}{
		{"guide: missing counts as zero", "m1 < m2", m, "0 0 1 0"},
		{"guide: IF", "IF(c, a, b)", cond, "30 0 20 - -"},
		{"guide: IF with a number", "IF(c, 5, b)", cond, "5 5 20 - -"},
		{"IF without else", "IF(c, a)", cond, "30 0 - - -"},
		{"percentage without FILL", "100 * bad / requests", pct, "0 10 - -"},
		{"guard", "IF(requests >= 50, 100 * bad / requests, 0)", pct, "0 10 - 0"},
		{"sum of two", "m1 + m2", m, "50 20 20 0"},
		{"difference", "m2 - m1", m, "-10 -20 20 0"},
		{"division by zero drops the point", "m2 / m1", m, "0.666667 0 - -"},
		{"power", "m1 ^ 2", m, "900 400 0 0"},
		{"power binds tighter than minus", "-m1 ^ 2", m, "-900 -400 -0 -0"},
		{"power groups right", "2 ^ 3 ^ 2 + m1 * 0", m, "512 512 512 512"},
		{"minus groups left", "m1 - 1 - 1", m, "28 18 -2 -2"},
		{"precedence", "1 + 2 * m1 > 40 AND m1 != 30", m, "0 1 0 0"},
		{"or binds loosest", "m1 > 0 OR m2 > 0 AND m2 > 100", m, "1 1 0 0"},
		{"symbols", "m1 > 0 && m2 > 0 || m2 == 20", m, "1 0 1 0"},
		{"FILL number", "FILL(m1, 0)", gaps, "0 2 0 6 0"},
		{"FILL repeat", "FILL(m1, REPEAT)", gaps, "- 2 2 6 6"},
		{"FILL linear", "FILL(m1, LINEAR)", gaps, "- 2 4 6 -"},
		{"FILL with a scalar expression", "FILL(m1, AVG(m1) + 1)", gaps, "5 2 5 6 5"},
		{"array sum", "SUM([m1, m2])", m, "50 20 20 0"},
		{"array average over what exists", "AVG([m1, m2])", m, "25 20 10 0"},
		{"array minimum", "MIN([m1, m2])", m, "20 20 0 0"},
		{"array maximum", "MAX(METRICS())", m, "30 20 20 0"},
		{"array deviation", "STDDEV([m1, m2])", m, "5 0 10 0"},
		{"METRICS by part of the ID", "SUM(METRICS('2'))", m, "20 - 20 -"},
		{"METRIC_COUNT", "m1 * METRIC_COUNT(METRICS())", m, "60 40 0 0"},
		{"array with number", "METRICS() * 2", m, "60 40 0 0 | 40 - 40 -"},
		{"array with series", "METRICS() - m1", m, "0 0 0 0 | -10 -20 20 0"},
		{"ABS", "ABS(m1 - 25)", m, "5 5 25 25"},
		{"CEIL and FLOOR", "CEIL(m1 / 8) + FLOOR(m1 / 8)", m, "7 5 0 0"},
		{"LOG10 of zero drops", "LOG10(m1 * 10)", m, "2.47712 2.30103 - -"},
		{"DIFF", "DIFF(m1)", m, "- -10 -20 0"},
		{"DIFF_TIME", "DIFF_TIME(m2)", m, "- - 120 -"},
		{"RATE", "RATE(m1)", m, "- -0.166667 -0.333333 0"},
		{"PERIOD", "m1 / PERIOD(m1)", m, "0.5 0.333333 0 0"},
		{"RUNNING_SUM", "RUNNING_SUM(m1)", m, "30 50 50 50"},
		{"scalar aggregate", "m1 - AVG(m1)", m, "17.5 7.5 -12.5 -12.5"},
		{"undefined scalar", "m1 * AVG(m2 / 0)", m, "- - - -"},
		{"comparison with an undefined scalar", "m1 != AVG(m2 / 0)", m, "- - - -"},
		{"TIME_SERIES", "TIME_SERIES(MAX(m1))", m, "30 30 30 30"},
		{"SORT", "SORT(METRICS(), MIN, ASC)", m, "30 20 0 0 | 20 - 20 -"},
		{"SORT descending, limited", "SORT(METRICS(), MIN, DESC, 1)", m, "20 - 20 -"},
		{"SLICE", "SLICE(METRICS(), 1)", m, "20 - 20 -"},
		{"SLICE beyond", "SLICE(METRICS(), 5, 1e30)", m, ""},
		{"FIRST of sorted", "FIRST(SORT(METRICS(), AVG))", m, "20 - 20 -"},
		{"REMOVE_EMPTY", "REMOVE_EMPTY([m1, m2 / 0])", m, "30 20 0 0"},
		{"DATAPOINT_COUNT", "DATAPOINT_COUNT(METRICS())", m, "2 1 2 1"},
		{"MINUTE", "MINUTE(m1) + HOUR(m1) * 100 + DAY(m1)", m, "4 5 6 7"}, // 1970 began on a Thursday
		{"functions in lower case", "sum([m1, m2])", m, "50 20 20 0"},
		{"numbers", "m1 * 1.5e1 + .5", m, "450.5 300.5 0.5 0.5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := metricmath.Parse(tt.expr)
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.expr, err)
			}
			en := env(tt.in)
			v, err := e.Eval(en)
			if err != nil {
				t.Fatalf("Eval(%q): %v", tt.expr, err)
			}
			var got []string
			for _, s := range v.Series {
				got = append(got, show(s, len(en.Times)))
			}
			if d := cmp.Diff(tt.want, strings.Join(got, " | ")); d != "" {
				t.Errorf("%s (-want +got):\n%s", tt.expr, d)
			}
		})
	}
}

func TestEvalLeavesInputAlone(t *testing.T) {
	en := env(map[string]string{"m1": "1 0 2", "m2": "- 1 -"})
	before, _ := en.Lookup("m1")
	copied := append([]metricmath.Point(nil), before.Series[0].Points...)
	for _, text := range []string{"1 / m1", "FILL(m2, 0)", "SORT(METRICS(), AVG)", "LOG(m1)", "RUNNING_SUM(m1)", "-m1"} {
		e, err := metricmath.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Eval(en); err != nil {
			t.Fatal(err)
		}
	}
	after, _ := en.Lookup("m1")
	if d := cmp.Diff(copied, after.Series[0].Points); d != "" {
		t.Errorf("m1 was changed (-before +after):\n%s", d)
	}
}

func TestErrors(t *testing.T) {
	tests := map[string]struct {
		offset int
		part   string
	}{
		"":                           {0, "found the end"},
		"m1 +":                       {4, "found the end"},
		"m1 m2":                      {3, "unexpected"},
		"(m1":                        {3, `expected ")"`},
		"[m1, m2":                    {7, `expected "]"`},
		"m1 # m2":                    {3, "unexpected character"},
		"'open":                      {0, "closing quote"},
		"1.2.3":                      {0, "not a number"},
		"1e999":                      {0, "not a number"},
		"M1 + 1":                     {0, "lower-case"},
		"m1 + m9":                    {5, `no metric or expression with the ID "m9"`},
		"NOPE(m1)":                   {0, "unknown or not supported"},
		"ABS()":                      {0, "one argument"},
		"IF(m1)":                     {0, "two to three arguments"},
		"1 + FILL(m1, DESC)":         {13, "REPEAT or LINEAR"},
		"METRICS() + METRICS()":      {10, "two arrays"},
		"AVG(3)":                     {4, "a time series or an array"},
		"[1, 2]":                     {1, "only time series"},
		"m1 + 'x'":                   {3, "text"},
		"SORT(METRICS(), P99)":       {16, "lower-case"},
		"SORT(METRICS(), 'p99')":     {16, "AVG, MIN, MAX or SUM"},
		"ANOMALY_DETECTION_BAND(m1)": {0, "not supported here"},
		"SEARCH('x', 'Sum', 60)":     {0, "not supported here"},
		"SEARCH('x', 'Sum', 0)":      {19, "number of seconds"},
		"SEARCH(m1, 'Sum')":          {7, "wants text"},
		strings.Repeat("(", 1000):    {100, "nested too deeply"},
		strings.Repeat("-", 1000):    {100, "nested too deeply"},
	}
	for text, tt := range tests {
		t.Run(text[:min(len(text), 20)], func(t *testing.T) {
			e, err := metricmath.Parse(text)
			if err == nil {
				_, err = e.Eval(env(map[string]string{"m1": "1 2", "m2": "3 4"}))
			}
			got, ok := errors.AsType[*metricmath.Error](err)
			if !ok {
				t.Fatalf("error = %v, want an *Error", err)
			}
			if got.Offset != tt.offset || !strings.Contains(got.Msg, tt.part) {
				t.Errorf("error at %d: %s; want at %d: %s", got.Offset, got.Msg, tt.offset, tt.part)
			}
		})
	}
}

func TestRefsAndCalls(t *testing.T) {
	e, err := metricmath.Parse("FILL(m1, REPEAT) + IF(m2 > 1, m1, METRICS('x'))")
	if err != nil {
		t.Fatal(err)
	}
	want := []metricmath.Ref{{ID: "m1", Offset: 5}, {ID: "m2", Offset: 22}, {ID: "m1", Offset: 30}}
	if d := cmp.Diff(want, e.Refs()); d != "" {
		t.Errorf("Refs (-want +got):\n%s", d)
	}
	if !e.Calls("METRICS") || e.Calls("SEARCH") {
		t.Errorf("Calls(METRICS), Calls(SEARCH) = %v, %v, want true, false", e.Calls("METRICS"), e.Calls("SEARCH"))
	}
}

func TestBand(t *testing.T) {
	en := env(map[string]string{"m1": "10 20"})
	en.Band = func(s metricmath.Series, k float64) (lower, upper metricmath.Series, err error) {
		lower, upper = s, s
		lower.Points = []metricmath.Point{{Time: 0, Value: 10 - k}}
		upper.Points = []metricmath.Point{{Time: 0, Value: 10 + k}}
		return lower, upper, nil
	}
	e, err := metricmath.Parse("ANOMALY_DETECTION_BAND(m1, 3)")
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Eval(en)
	if err != nil {
		t.Fatal(err)
	}
	if got := show(v.Series[0], 1) + " " + show(v.Series[1], 1); got != "7 13" {
		t.Errorf("band = %s, want 7 13", got)
	}
}

func TestSearch(t *testing.T) {
	en := env(map[string]string{"m1": "1 2", "m2": "3 4"})
	en.Search = func(query, stat string, period time.Duration) ([]metricmath.Series, error) {
		if query != "{App} x" || stat != "Sum" || period != time.Minute {
			return nil, errors.New("no such search")
		}
		return en.Metrics, nil
	}
	e, err := metricmath.Parse("SUM(SEARCH('{App} x', 'Sum', 60))")
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Eval(en)
	if err != nil {
		t.Fatal(err)
	}
	if got := show(v.Series[0], 2); got != "4 6" {
		t.Errorf("sum = %s, want 4 6", got)
	}
	if e, err = metricmath.Parse("1 + SEARCH('y', 'Sum')"); err != nil {
		t.Fatal(err)
	}
	_, err = e.Eval(en)
	if got, ok := errors.AsType[*metricmath.Error](err); !ok || got.Offset != 4 || got.Msg != "no such search" {
		t.Errorf("error = %v, want the search's own at 4", err)
	}
}

// FuzzEval parses and evaluates anything: it must not panic, and what it
// returns must be finite, ascending points.
func FuzzEval(f *testing.F) {
	for _, s := range []string{
		"IF(requests >= 50, 100 * bad / requests, 0)", "FILL(METRICS(), LINEAR) ^ -2",
		"SORT(METRICS(), AVG, DESC, 2)", "[m1, m2] / SUM([m1])", "RATE(m1) && 'x'", "((((m1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := metricmath.Parse(text)
		if err != nil {
			return
		}
		e.Refs()
		v, err := e.Eval(env(map[string]string{"m1": "1 - 0 -3", "m2": "- - 5 7", "bad": "1 2 3 4", "requests": "- 0 - 1"}))
		if err != nil {
			return
		}
		for _, s := range v.Series {
			last := int64(math.MinInt64)
			for _, p := range s.Points {
				if p.Time <= last || math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
					t.Fatalf("%q yields %v", text, s.Points)
				}
				last = p.Time
			}
		}
	})
}
