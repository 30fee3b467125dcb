package cloudwatch

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func of(values ...float64) *distribution {
	d := &distribution{}
	for _, v := range values {
		d.add(v, 1)
	}
	return d
}

func oneTo(n int) *distribution {
	d := &distribution{}
	for i := range n {
		d.add(float64(i+1), 1)
	}
	return d
}

func TestStatistics(t *testing.T) {
	weightedPair := &distribution{}
	weightedPair.add(80, 980)
	weightedPair.add(2000, 20)
	tests := []struct {
		stat string
		of   *distribution
		want float64
	}{
		{"SampleCount", weightedPair, 1000},
		{"Sum", of(1, 2, 3.5), 6.5},
		{"Average", of(1, 2, 6), 3},
		{"Minimum", of(3, -2, 7), -2},
		{"Maximum", of(3, -2, 7), 7},
		{"p0", oneTo(10), 1},
		{"p50", oneTo(10), 5},
		{"p7", oneTo(100), 7},
		{"p90", oneTo(10), 9},
		{"p99", oneTo(10), 10},
		{"p100", oneTo(10), 10},
		{"p98", weightedPair, 80},
		{"p98.1", weightedPair, 2000},
		{"p99.9", weightedPair, 2000},
		{"tm50", oneTo(10), 3},
		{"TM(:50%)", oneTo(10), 3},
		{"tm99", of(7), 7},
		{"IQM", oneTo(8), 4.5},
		{"TM(25%:75%)", oneTo(8), 4.5},
		{"TM(50%:)", oneTo(10), 8},
		{"TM(2:5)", oneTo(10), 4}, // above 2, up to 5
		{"TC(2:5)", oneTo(10), 3},
		{"TS(2:5)", oneTo(10), 12},
		{"tc90", oneTo(10), 9},
		{"ts90", oneTo(10), 45},
		{"TC(10%:90%)", oneTo(10), 8},
		{"WM(20%:80%)", oneTo(10), 5.3}, // of 2 2 3 4 5 6 7 8 8 8
		{"wm80", oneTo(10), 5.2},
		{"PR(:3)", oneTo(10), 30},
		{"PR(3:)", oneTo(10), 70},
		{"PR(100:2000)", weightedPair, 2},
		{"TC(100:)", oneTo(10), 0},
		{"TS(-5:0)", of(-5, -4, 0, 3), -4},
	}
	for _, tt := range tests {
		st, err := parseStatistic(tt.stat)
		if err != nil {
			t.Errorf("%s: %v", tt.stat, err)
			continue
		}
		got, ok := st.eval(tt.of)
		if !ok || math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s = %v (%v), want %v", tt.stat, got, ok, tt.want)
		}
		if _, ok := st.eval(&distribution{}); ok {
			t.Errorf("%s of nothing has a value", tt.stat)
		}
	}
}

func TestStatisticNames(t *testing.T) {
	for _, bad := range []string{
		"", "average", "p", "p101", "p-1", "p1.12345678901", "P99", "tm", "iqm", "TM()", "TM(:)", "TM(10:90%)",
		"TM(90%:10%)", "PR(10%:20%)", "TM(0%:101%)", "TM(a:b)", "TM(NaN:1)", "TM(1:Inf)", "XX(1:2)", "p99 ", "STDDEV",
	} {
		if _, err := parseStatistic(bad); err == nil {
			t.Errorf("parseStatistic(%q) accepts it", bad)
		}
	}
}

// TestStatisticSetPercentiles is AWS's rule for sets: percentiles only where
// all samples are equal.
func TestStatisticSetPercentiles(t *testing.T) {
	p50, _ := parseStatistic("p50")
	var d distribution
	d.addSet(4, 10, 1, 4)
	if v, ok := p50.eval(&d); ok {
		t.Errorf("p50 of a set of different samples = %v, want none", v)
	}
	if d.count != 4 || d.sum != 10 || d.min != 1 || d.max != 4 {
		t.Errorf("the set itself is lost: %+v", d)
	}
	d.addSet(3, 21, 7, 7)
	if v, ok := p50.eval(&d); !ok || v != 7 {
		t.Errorf("p50 = %v (%v), want 7 of the set of equal samples", v, ok)
	}
}

// TestExactUpTo150 checks that 150 distinct values stay exact and that more
// keep count, sum and extremes exact and quantiles within the stated error.
func TestExactUpTo150(t *testing.T) {
	d := oneTo(maxExact)
	if d.sketch != nil {
		t.Error("150 values went into a sketch")
	}
	d.add(3, 5)
	if d.sketch != nil || len(d.values) != maxExact {
		t.Error("a repeated value needs no room")
	}
	r := rand.New(rand.NewPCG(1, 2))
	var all []float64
	big := &distribution{}
	var sum float64
	for range 20000 {
		v := math.Exp(r.NormFloat64()*2) * float64(1-2*r.IntN(2))
		all = append(all, v)
		sum += v
		big.add(v, 1)
	}
	slices.Sort(all)
	if big.count != 20000 || big.min != all[0] || big.max != all[len(all)-1] || math.Abs(big.sum-sum) > 1e-6 {
		t.Errorf("count, min, max, sum = %v, %v, %v, %v are not exact", big.count, big.min, big.max, big.sum)
	}
	for _, p := range []float64{0, 1, 10, 25, 49, 75, 90, 99, 99.9, 100} {
		got, _ := big.percentile(p)
		want := all[max(0, int(rankOf(p, 20000))-1)]
		if math.Abs(got-want) > sketchError*math.Abs(want)+1e-12 {
			t.Errorf("p%v = %v, want %v within %v", p, got, want, sketchError)
		}
	}
}

// TestMerge checks that merging in any order agrees with adding everything.
func TestMerge(t *testing.T) {
	var whole, merged distribution
	r := rand.New(rand.NewPCG(3, 4))
	for part := range 10 {
		var d distribution
		for range 20 + part*40 { // exact ones and sketches
			v := math.Round(r.ExpFloat64()*1e6) / 100
			whole.add(v, 2)
			d.add(v, 2)
		}
		before := d.count
		merged.merge(&d)
		if d.count != before {
			t.Fatal("merge changed its argument")
		}
	}
	if whole.count != merged.count || whole.min != merged.min || whole.max != merged.max || math.Abs(whole.sum-merged.sum) > 1e-3 {
		t.Errorf("merged = %v %v %v %v, want %v %v %v %v", merged.count, merged.min, merged.max, merged.sum, whole.count, whole.min, whole.max, whole.sum)
	}
	for _, p := range []float64{1, 50, 99} {
		a, _ := whole.percentile(p)
		b, _ := merged.percentile(p)
		if math.Abs(a-b) > 2.1*sketchError*a {
			t.Errorf("p%v = %v merged, %v whole", p, b, a)
		}
	}
}

// TestSketchWidens bounds the bins; the error grows, the order stays.
func TestSketchWidens(t *testing.T) {
	s, o := newSketch(), newSketch()
	s.maxBins, o.maxBins = 64, 4096
	for i := range 1000 {
		s.add(math.Ldexp(1, i%700-350), 1)
		o.add(-math.Ldexp(1, i%700-350), 1)
	}
	s.add(0, 3)
	s.merge(o)
	if n := len(s.positive) + len(s.negative); n > 64 {
		t.Errorf("%d bins, want at most 64", n)
	}
	var total float64
	last := math.Inf(-1)
	for w := range s.ascending() {
		if w.value < last {
			t.Fatalf("%v after %v", w.value, last)
		}
		last = w.value
		total += w.weight
	}
	if total != 2003 {
		t.Errorf("total weight = %v, want 2003", total)
	}
}

// FuzzParseStatistic: no name may panic, and what parses must be computable.
func FuzzParseStatistic(f *testing.F) {
	for _, s := range []string{"p99.9", "TM(10%:90%)", "PR(:300)", "IQM", "wm98", "TS(1e3:)"} {
		f.Add(s)
	}
	samples := of(-1, 0, 1, 2, 500)
	f.Fuzz(func(t *testing.T, name string) {
		st, err := parseStatistic(name)
		if err != nil {
			if !strings.Contains(err.Error(), "\"") {
				t.Errorf("error %q does not name the statistic", err)
			}
			return
		}
		if v, ok := st.eval(samples); ok && (math.IsNaN(v) || math.IsInf(v, 0)) {
			t.Errorf("%q = %v", name, v)
		}
	})
}
