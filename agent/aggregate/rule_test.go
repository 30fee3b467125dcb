package aggregate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/aggregate"
	"github.com/sidelight-dev/sidelight/internal/expr"
)

// match compiles an expression.
func match(t *testing.T, text string) *expr.Expr {
	t.Helper()
	x, err := expr.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// show writes a point as "namespace name{dimensions} values unit/resolution via".
func show(p sidelight.Point) string {
	var dims []string
	for _, d := range p.Dimensions {
		dims = append(dims, d.Name+"="+d.Value)
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s{%s} %v %s/%d %s", p.Namespace, p.Name, strings.Join(dims, " "), p.Values, p.Unit, p.Resolution, p.Via))
}

func flush(t *testing.T, a *aggregate.Aggregate, points *[]sidelight.Point) []string {
	t.Helper()
	*points = nil
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range *points {
		out = append(out, show(p))
	}
	slices.Sort(out)
	return out
}

func TestRules(t *testing.T) {
	dims := []sidelight.Dimension{{Name: "pod", Value: "p1"}, {Name: "route", Value: "/x"}}
	for name, c := range map[string]struct {
		rules []aggregate.Rule
		want  []string
	}{
		"none": {nil, []string{"App hits{pod=p1 route=/x service=shop} [2] Count/60"}},
		"drop": {[]aggregate.Rule{{Match: match(t, `name = "hits" and unit = "Count"`), Drop: true}}, nil},
		"names": {
			[]aggregate.Rule{{Namespace: "New", Rename: "web.{name}", Unit: "None", Via: "emf"}},
			[]string{"New web.hits{pod=p1 route=/x service=shop} [2] /60 emf"},
		},
		"in order": {[]aggregate.Rule{
			{Match: match(t, `name = "other" or name = "hits"`), Rename: "first"},
			{Match: match(t, `name = "hits"`), Drop: true},
			{Match: match(t, `name = "first" and dimensions.pod = "p1" and kind = "sum"`), Remove: []string{"pod", "service"}},
			{Match: match(t, `not exists(pod)`), Add: []sidelight.Dimension{{Name: "a", Value: "b"}, {Name: "route", Value: "*"}}},
		}, []string{"App first{a=b route=*} [2] Count/60"}},
		"keep": {[]aggregate.Rule{{KeepOnly: true, Keep: []string{"route"}}}, []string{"App hits{route=/x} [2] Count/60"}},
		"roll up": {
			[]aggregate.Rule{{Rollup: [][]string{{"service"}, {}, {"service"}, {"zone"}, {"pod", "route", "service"}}}},
			[]string{"App hits{pod=p1 route=/x service=shop} [2] Count/60", "App hits{service=shop} [2] Count/60", "App hits{} [2] Count/60"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, points := collect(aggregate.Config{Rules: c.rules, Dimensions: []sidelight.Dimension{{Name: "service", Value: "shop"}}})
			for range 2 {
				a.Record(&sidelight.Measurement{Namespace: "App", Name: "hits", Unit: "Count", Kind: sidelight.Sum, Value: 1, Dimensions: dims})
			}
			if d := cmp.Diff(c.want, flush(t, a, points)); d != "" {
				t.Errorf("points (-want +got):\n%s", d)
			}
			if st := a.Stats(); len(st.Lost) > 0 || a.Entries() != 1 {
				t.Errorf("lost %v, %d entries", st.Lost, a.Entries())
			}
		})
	}
}

// A rule that takes a tag with endless values away, or rolls it up, keeps exact
// sums; and a bound by rule holds for its metric alone.
func TestRulesAndLimits(t *testing.T) {
	a, points := collect(aggregate.Config{MaxSeries: 100, Rules: []aggregate.Rule{
		{Match: match(t, `name = "dropped"`), Remove: []string{"id"}},
		{Match: match(t, `name = "rolled"`), Rollup: [][]string{{}}, MaxSeries: 7},
		{Match: match(t, `name = "fine"`), Resolution: 1},
	}})
	for i := range 3000 {
		for _, name := range []string{"dropped", "rolled"} {
			a.Record(&sidelight.Measurement{Name: name, Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: "id", Value: fmt.Sprint(i)}}})
		}
	}
	a.Record(&sidelight.Measurement{Name: "fine", Kind: sidelight.Sum, Value: 1})
	got := flush(t, a, points)
	if len(got) != 1+1+7+1 || !slices.Contains(got, "Sidelight dropped{} [3000] /60") || !slices.Contains(got, "Sidelight fine{} [1] /1") ||
		!slices.Contains(got, "Sidelight rolled{} [3000] /60") || !slices.Contains(got, "Sidelight rolled{sidelight.overflow=true} [2994] /60") {
		t.Errorf("points:\n%s", strings.Join(got, "\n"))
	}
}

func TestDerived(t *testing.T) {
	formula := func(text string) *expr.Formula {
		f, err := expr.ParseFormula(text)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, points := collect(aggregate.Config{
		Dimensions: []sidelight.Dimension{{Name: "service", Value: "shop"}},
		Rules:      []aggregate.Rule{{Match: match(t, `name = "share"`), Via: "emf"}, {Match: match(t, `name in ("used", "limit")`), Remove: []string{"service"}}},
		Derived: []aggregate.Derived{
			{Name: "share", Unit: "Percent", Namespace: "Out", From: "Mem", Value: formula("100 * used / limit")},
			{Name: "rest", Namespace: "Out", Value: formula("100 - share")},
		},
	})
	record := func(name, container string, v float64, resolution int) {
		a.Record(&sidelight.Measurement{Namespace: "Mem", Name: name, Value: v, Resolution: resolution, Dimensions: []sidelight.Dimension{{Name: "container", Value: container}}})
	}
	record("used", "a", 20, 0)
	record("used", "a", 40, 0)
	record("limit", "a", 60, 0)
	record("used", "b", 1, 0)
	record("limit", "b", 0, 0)
	record("used", "c", 1, 0)
	want := []string{
		"Mem limit{container=a} [60] /60", "Mem limit{container=b} [0] /60", "Mem used{container=a} [20 40] /60",
		"Mem used{container=b} [1] /60", "Mem used{container=c} [1] /60",
		"Out rest{container=a} [50] /60", "Out share{container=a} [50] Percent/60 emf",
	}
	if d := cmp.Diff(want, flush(t, a, points)); d != "" {
		t.Errorf("points (-want +got):\n%s", d)
	}
	for _, p := range *points {
		if p.Time != (*points)[0].Time {
			t.Errorf("%s has the time %d", show(p), p.Time)
		}
	}
	if st := a.Stats().Lost; st["derived_missing"] != 1 || st["derived_undefined"] != 1 || len(st) != 2 {
		t.Errorf("not derived: %v", st)
	}
	// Each second has its own.
	now := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	for i := range 3 {
		for name, v := range map[string]float64{"used": float64(i), "limit": 4} {
			a.Record(&sidelight.Measurement{Namespace: "Mem", Name: name, Value: v, Resolution: 1, Time: now.Add(time.Duration(i) * time.Second).UnixMilli()})
		}
	}
	flush(t, a, points)
	n := 0
	for _, p := range *points {
		if p.Name == "share" {
			if want := float64(25 * ((p.Time - now.UnixMilli()) / 1000)); p.Values[0] != want || p.Resolution != 1 {
				t.Errorf("%s at %d, want %v", show(p), p.Time, want)
			}
			n++
		}
	}
	if n != 3 {
		t.Errorf("%d points of three seconds", n)
	}
}
