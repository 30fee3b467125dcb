package scraper_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

type lines []string

func (l *lines) Record(m *sidelight.Measurement) {
	var dims []string
	for _, d := range m.Dimensions {
		dims = append(dims, d.Name+"="+d.Value)
	}
	*l = append(*l, fmt.Sprintf("%s{%s} %g %s %d", m.Name, strings.Join(dims, " "), m.Value, m.Unit, m.Kind))
}

func table() *scraper.Table {
	return &scraper.Table{
		Namespace: "n", Labels: []string{"z", "", "a"}, With: []sidelight.Dimension{{Name: "m", Value: "1"}},
		Rows: []scraper.Row{
			{Name: "level", Unit: "Bytes", From: 0, Scale: 2},
			{Name: "amount", From: 0, Form: scraper.Amount},
			{Name: "growth", From: 1, Form: scraper.Growth, With: []sidelight.Dimension{{Name: "b", Value: "2"}}},
			{Name: "rate", From: 1, Form: scraper.Rate, Most: 1.5},
			{Name: "share", From: 1, Form: scraper.Share, Of: 2, Scale: 100},
			{Name: "part", From: 0, Form: scraper.Part, Of: 2},
		},
	}
}

func TestForms(t *testing.T) {
	x := scraper.NewThing(3, "last", "unnamed", "")
	var w scraper.Writer
	scrape := func(numbers ...float64) lines {
		copy(x.Now, numbers)
		var l lines
		w.Write(&l, table(), x, 10)
		x.Keep()
		return l
	}
	cases := []struct {
		name    string
		numbers []float64
		want    lines
	}{
		{"the first", []float64{3, 10, 100}, lines{"level{m=1 z=last} 6 Bytes 0", "amount{m=1 z=last} 3  1", "part{m=1 z=last} 0.03  0"}},
		{"growth", []float64{3, 20, 120}, lines{
			"level{m=1 z=last} 6 Bytes 0", "amount{m=1 z=last} 3  1", "growth{b=2 m=1 z=last} 10  1", "rate{m=1 z=last} 1  0", "share{m=1 z=last} 50  0", "part{m=1 z=last} 0.025  0",
		}},
		{"a reset counter, and a bounded rate", []float64{math.NaN(), 15, 120}, nil},
		{"bounded, and a whole that stood still", []float64{math.NaN(), 45, 120}, lines{"growth{b=2 m=1 z=last} 30  1", "rate{m=1 z=last} 1.5  0"}},
		{"nothing said", nil, nil},
		{"after nothing was said", []float64{math.NaN(), 50, 130}, nil},
		{"back again", []float64{0, 50, 140}, lines{
			"level{m=1 z=last} 0 Bytes 0", "amount{m=1 z=last} 0  1", "growth{b=2 m=1 z=last} 0  1", "rate{m=1 z=last} 0  0", "share{m=1 z=last} 0  0", "part{m=1 z=last} 0  0",
		}},
	}
	for _, c := range cases {
		if d := cmp.Diff(c.want, scrape(c.numbers...)); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	x.Forget()
	if got := scrape(math.NaN(), 60, 150); got != nil {
		t.Errorf("after Forget: %v", got)
	}
}

func TestThings(t *testing.T) {
	s := scraper.NewThings("things", 3)
	s.Max = 2
	var w scraper.Writer
	scrape := func(level float64, keys ...string) (l lines) {
		for _, k := range keys {
			if x := s.Find([]byte(k)); x != nil {
				x.Now[0] = level
			}
		}
		s.Write(&w, &l, &scraper.Table{Labels: []string{"id"}, Rows: []scraper.Row{{Name: "x", Form: scraper.Growth}}}, 1)
		s.Sweep()
		return l
	}
	scrape(1, "a", "b", "c", "d", "c")
	if s.Len() != 2 {
		t.Errorf("%d things, want no more than 2", s.Len())
	}
	if d := cmp.Diff(scraper.Excess{Kind: "things", Count: 2, Bound: 2}, s.Excess()); d != "" {
		t.Errorf("left out (-want +got):\n%s", d)
	}
	if d := cmp.Diff(lines{"x{id=b} 2  1"}, scrape(3, "b")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := s.Excess().Count; n != 0 {
		t.Errorf("%d left out of 1", n)
	}
	// a was forgotten: it has nothing to differ from.
	if d := cmp.Diff(lines{"x{id=b} 1  1"}, scrape(4, "a", "b")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestWriteAllocates(t *testing.T) {
	x, to, tab := scraper.NewThing(3, "last"), &counter{}, table()
	var w scraper.Writer
	n := testing.AllocsPerRun(100, func() {
		copy(x.Now, []float64{1, 2, 3})
		w.Write(to, tab, x, 1)
		x.Keep()
	})
	if n != 0 || to.n == 0 {
		t.Errorf("%v allocations for %d measurements", n, to.n)
	}
}

type counter struct{ n int }

func (c *counter) Record(*sidelight.Measurement) { c.n++ }

func TestFamilyOr(t *testing.T) {
	for in, want := range map[scraper.Family]scraper.Family{"": scraper.Sidelight, "otel": scraper.OTel} {
		if got, err := in.Or(); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if _, err := scraper.Family("prometheus").Or(); err == nil {
		t.Error("an unknown family is taken")
	}
}
