package dist_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/dist"
)

// inputs returns makers of values of many shapes.
func inputs() map[string]func(*rand.Rand) float64 {
	return map[string]func(*rand.Rand) float64{
		"uniform":   func(r *rand.Rand) float64 { return 1 + 999*r.Float64() },
		"lognormal": func(r *rand.Rand) float64 { return math.Exp(3 + r.NormFloat64()) },
		"bimodal":   func(r *rand.Rand) float64 { return []float64{2, 3000}[r.IntN(2)] * (1 + 0.3*r.Float64()) },
		"signed":    func(r *rand.Rand) float64 { return 50 * r.NormFloat64() },
		"wide":      func(r *rand.Rand) float64 { return math.Exp(40 * r.Float64()) },
		"wider": func(r *rand.Rand) float64 {
			return math.Ldexp(float64(r.IntN(2)*2-1)*(1+r.Float64()), r.IntN(1900)-950)
		},
		"integers": func(r *rand.Rand) float64 { return float64(r.IntN(150)) },
		"close":    func(r *rand.Rand) float64 { return 1e9 + r.Float64() },
	}
}

// bounds are the errors that the documentation states for the inputs' spans.
func bounds() map[string]float64 {
	return map[string]float64{
		"uniform": 1.0 / 32, "lognormal": 1.0 / 32, "bimodal": 1.0 / 128, "signed": 1.0 / 16, "wide": 1.0 / 8,
		"wider": 255, "integers": 0, "close": 1.0 / 128,
	}
}

func TestErrors(t *testing.T) {
	for name, next := range inputs() {
		for _, narrow := range []bool{false, true} {
			d := dist.Dist{Narrow: narrow}
			r := rand.New(rand.NewPCG(1, 2))
			var all []float64
			sum := 0.0
			for range 50_000 {
				v := next(r)
				all = append(all, v)
				sum += v
				d.Add(v, 1)
			}
			slices.Sort(all)
			most, stated := dist.Wide, bounds()[name]
			if narrow {
				most, stated = dist.MaxValues, max(4*stated, math.Pow(stated+1, 4))
			}
			if e := d.Error(); e > stated {
				t.Errorf("%s, narrow %v: states an error of %v, want at most %v", name, narrow, e, stated)
			}
			values, counts := d.Append(nil, nil)
			check(t, name, all, sum, values, counts, d.Error())
			if len(values) > most || len(values) > d.Len() {
				t.Errorf("%s, narrow %v: %d values, Len %d", name, narrow, len(values), d.Len())
			}
			if n, s, low, high := d.Stats(); n != 50_000 || !near(s, sum) || low != all[0] || high != all[len(all)-1] {
				t.Errorf("%s: stats %v %v %v %v, want 50000 %v %v %v", name, n, s, low, high, sum, all[0], all[len(all)-1])
			}
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1e-300, math.Abs(a), math.Abs(b)) }

// check compares what was handed out with what was put in.
func check(t *testing.T, name string, all []float64, sum float64, values, counts []float64, limit float64) {
	t.Helper()
	n, s := 0.0, 0.0
	for i, v := range values {
		n += counts[i]
		s += v * counts[i]
		if i > 0 && v <= values[i-1] {
			t.Errorf("%s: value %v stands behind %v", name, v, values[i-1])
		}
	}
	if n != float64(len(all)) || !near(s, sum) && name != "signed" && name != "wider" {
		t.Errorf("%s: %v values of the sum %v, want %v and %v", name, n, s, len(all), sum)
	}
	if values[0] != all[0] || values[len(values)-1] != all[len(all)-1] {
		t.Errorf("%s: from %v to %v, want %v to %v", name, values[0], values[len(values)-1], all[0], all[len(all)-1])
	}
	at, seen := 0, counts[0]
	for i, want := range all {
		for float64(i) >= seen {
			at++
			seen += counts[at]
		}
		if math.Abs(values[at]-want) > limit*math.Abs(want)*(1+1e-12) {
			t.Fatalf("%s: sample %d of %d is %v, want %v within %v", name, i, len(all), values[at], want, limit)
		}
	}
}

// What a Dist hands out and another takes is off by no more than before.
func TestTwice(t *testing.T) {
	for name, next := range inputs() {
		r := rand.New(rand.NewPCG(3, 4))
		var first, second dist.Dist
		var all []float64
		sum := 0.0
		for range 20_000 {
			v := next(r)
			all, sum = append(all, v), sum+v
			first.Add(v, 1)
		}
		slices.Sort(all)
		values, counts := first.Append(nil, nil)
		for i, v := range values {
			second.Add(v, counts[i])
		}
		values, counts = second.Append(values[:0], counts[:0])
		check(t, name, all, sum, values, counts, first.Error())
	}
}

func TestEdges(t *testing.T) {
	var d dist.Dist
	if v, c := d.Append(nil, nil); len(v)+len(c) != 0 || !d.Empty() {
		t.Errorf("an empty one hands out %v, %v", v, c)
	}
	if n, s, low, high := d.Stats(); n+s+low+high != 0 {
		t.Error("an empty one has statistics")
	}
	d.Add(math.Copysign(0, -1), 2.5)
	d.Add(0, 0.5)
	if v, c := d.Append(nil, nil); len(v) != 1 || v[0] != 0 || math.Signbit(v[0]) || c[0] != 3 {
		t.Errorf("zeros are %v, %v", v, c)
	}
	d.Reset()
	for i := range 1000 {
		d.Add(7, 1)
		d.Add(float64(i), 0.1)
	}
	d.Reset()
	d.Add(5, 1)
	if v, c := d.Append(nil, nil); len(v) != 1 || v[0] != 5 || c[0] != 1 || d.Error() != 0 {
		t.Errorf("after Reset %v, %v, error %v", v, c, d.Error())
	}
}

// Fractional counts, as sample rates make them, add up.
func TestFractions(t *testing.T) {
	var d dist.Dist
	want, sum := 0.0, 0.0
	for i := range 10_000 {
		v, n := 1+float64(i%777)/3, 1/0.3
		d.Add(v, n)
		want, sum = want+n, sum+v*n
	}
	values, counts := d.Append(nil, nil)
	n, s := 0.0, 0.0
	for i, v := range values {
		if counts[i] <= 0 {
			t.Errorf("%v occurred %v times", v, counts[i])
		}
		n, s = n+counts[i], s+v*counts[i]
	}
	if !near(n, want) || !near(s, sum) {
		t.Errorf("count %v, sum %v; want %v, %v", n, s, want, sum)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	values := make([]float64, 5000)
	for i := range values {
		values[i] = math.Exp(2 * r.NormFloat64())
	}
	var d dist.Dist
	interval := func() {
		d.Reset()
		for _, v := range values {
			d.Add(v, 1)
		}
	}
	interval()
	if n := testing.AllocsPerRun(10, interval); n != 0 {
		t.Errorf("an interval allocates %v times", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	for name, next := range map[string]func() float64{
		"one":       func() float64 { return 3 },
		"exact":     func() float64 { return float64(r.IntN(100)) },
		"lognormal": func() float64 { return math.Exp(r.NormFloat64()) },
	} {
		values := make([]float64, 4096)
		for i := range values {
			values[i] = next()
		}
		b.Run(name, func(b *testing.B) {
			var d dist.Dist
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				d.Add(values[i&4095], 1)
			}
		})
	}
}
