package aggregate_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/aggregate"
)

// collect returns an Aggregate and where its points go.
func collect(cfg aggregate.Config) (*aggregate.Aggregate, *[]sidelight.Point) {
	var points []sidelight.Point
	a := aggregate.New(cfg, func(_ context.Context, p []sidelight.Point) error {
		points = append(points, p...)
		return nil
	}, slog.New(slog.DiscardHandler))
	return a, &points
}

func TestKinds(t *testing.T) {
	a, points := collect(aggregate.Config{Dimensions: []sidelight.Dimension{{Name: "service", Value: "orders"}, {Name: "environment"}}})
	route := []sidelight.Dimension{{Name: "route", Value: "/x"}}
	for _, m := range []sidelight.Measurement{
		{Name: "requests", Kind: sidelight.Sum, Value: 2, Unit: "Count", Dimensions: route},
		{Name: "requests", Kind: sidelight.Sum, Value: 1, Count: 10, Unit: "Count", Dimensions: route},
		{Name: "heap", Kind: sidelight.Gauge, Value: 5, Namespace: "Sidelight/Host"},
		{Name: "heap", Kind: sidelight.Gauge, Value: 7, Namespace: "Sidelight/Host"},
		{Name: "took", Kind: sidelight.Sample, Value: 3, Unit: "Milliseconds", Resolution: 1},
		{Name: "took", Kind: sidelight.Sample, Value: 3, Count: 2, Unit: "Milliseconds", Resolution: 1},
		{Name: "bad", Value: math.NaN()},
	} {
		a.Record(&m)
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	service := sidelight.Dimension{Name: "service", Value: "orders"}
	at := (*points)[0].Time
	if second := (*points)[1].Time; second < at || second%1000 != 0 {
		t.Errorf("a series of one second's resolution has the time %d", second)
	}
	(*points)[1].Time = at
	want := []sidelight.Point{
		{Time: at, Namespace: "Sidelight", Name: "requests", Kind: sidelight.Sum, Unit: "Count", Dimensions: []sidelight.Dimension{route[0], service}, Resolution: 60, Values: []float64{12}, Counts: []float64{1}},
		{Time: at, Namespace: "Sidelight", Name: "took", Kind: sidelight.Sample, Unit: "Milliseconds", Dimensions: []sidelight.Dimension{service}, Resolution: 1, Values: []float64{3}, Counts: []float64{3}},
		{Time: at, Namespace: "Sidelight/Host", Name: "heap", Dimensions: []sidelight.Dimension{service}, Resolution: 60, Values: []float64{5, 7}, Counts: []float64{1, 1}},
	}
	if d := cmp.Diff(want, *points); d != "" {
		t.Errorf("points (-want +got):\n%s", d)
	}
	if n := a.Stats().Lost["invalid"]; n != 1 {
		t.Errorf("%d invalid, want 1", n)
	}
}

// Every interval's points carry the interval's start, and the last interval
// leaves at Close.
func TestIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, points := collect(aggregate.Config{Interval: 10 * time.Second})
		var wg sync.WaitGroup
		wg.Go(func() { _ = a.Run(t.Context()) })
		began := time.Now().UnixMilli()
		for range 3 {
			a.Record(&sidelight.Measurement{Name: "n", Kind: sidelight.Sum, Value: 1})
			<-time.After(10*time.Second + time.Millisecond)
		}
		a.Record(&sidelight.Measurement{Name: "n", Kind: sidelight.Sum, Value: 9})
		a.Close()
		wg.Wait()
		var got []string
		for _, p := range *points {
			got = append(got, fmt.Sprintf("%d:%v/%d", (p.Time-began)/1000, p.Values[0], p.Resolution))
		}
		if want := "[0:1/1 10:1/1 20:1/1 30:9/1]"; fmt.Sprint(got) != want {
			t.Errorf("points %v, want %s", got, want)
		}
	})
}

// A tag with endless values does not grow without bound, loses no count, and
// leaves other metrics alone.
func TestSeriesBound(t *testing.T) {
	a, points := collect(aggregate.Config{MaxSeries: 160})
	a.Record(&sidelight.Measurement{Name: "calm", Kind: sidelight.Sum, Value: 1})
	const n = 5000
	for i := range n {
		a.Record(&sidelight.Measurement{Name: "wild", Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: "id", Value: fmt.Sprint(i)}}})
	}
	st := a.Stats()
	if st.Series > 161 || st.Overflow["wild"] < n-200 || st.Overflow["calm"] != 0 {
		t.Errorf("stats %+v", st)
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, p := range *points {
		if p.Name == "wild" {
			sum += p.Values[0]
		}
	}
	if sum != n {
		t.Errorf("sum over all series %v, want %d", sum, n)
	}
}

// Percentiles are within the stated error for inputs of many distinct values.
func TestDistributionError(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for name, next := range map[string]func() float64{
		"uniform 1..20":  func() float64 { return 1 + 19*rnd.Float64() },
		"lognormal":      func() float64 { return math.Exp(rnd.NormFloat64() * 0.5) },
		"bimodal":        func() float64 { return []float64{10, 200}[rnd.IntN(2)] * (1 + 0.1*rnd.Float64()) },
		"exact integers": func() float64 { return float64(rnd.IntN(100)) },
	} {
		t.Run(name, func(t *testing.T) {
			a, points := collect(aggregate.Config{})
			var all []float64
			for range 20_000 {
				v := next()
				all = append(all, v)
				a.Record(&sidelight.Measurement{Name: "x", Kind: sidelight.Sample, Value: v})
			}
			if err := a.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			p := (*points)[0]
			count := 0.0
			for _, c := range p.Counts {
				count += c
			}
			if count != 20_000 || len(p.Values) > 600 {
				t.Errorf("count %v in %d values", count, len(p.Values))
			}
			slices.Sort(all)
			limit := 1.0 / 32
			if name == "exact integers" {
				limit = 0
			}
			for _, q := range []float64{0.5, 0.9, 0.99} {
				want := all[int(q*float64(len(all)))]
				got := quantile(p, q)
				if math.Abs(got-want) > limit*want+1e-9 {
					t.Errorf("p%v = %v, want %v within %v", q*100, got, want, limit)
				}
			}
		})
	}
}

func quantile(p sidelight.Point, q float64) float64 {
	rank, seen := q*20_000, 0.0
	for i, v := range p.Values {
		if seen += p.Counts[i]; seen > rank {
			return v
		}
	}
	return math.Inf(1)
}

func TestRecordDoesNotAllocate(t *testing.T) {
	a, _ := collect(aggregate.Config{})
	m := sidelight.Measurement{Name: "x", Kind: sidelight.Sample, Value: 1, Dimensions: []sidelight.Dimension{{Name: "route", Value: "/x"}}}
	a.Record(&m)
	if n := testing.AllocsPerRun(100, func() { a.Record(&m) }); n != 0 {
		t.Errorf("Record allocates %v times", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	a, _ := collect(aggregate.Config{})
	m := sidelight.Measurement{Name: "x", Kind: sidelight.Sum, Value: 1, Dimensions: []sidelight.Dimension{{Name: "route", Value: "/x"}}}
	b.ReportAllocs()
	for b.Loop() {
		a.Record(&m)
	}
}

// Namespaces whose series others know get no dimensions of ours.
func TestExact(t *testing.T) {
	a, points := collect(aggregate.Config{
		Interval: time.Hour, Dimensions: []sidelight.Dimension{{Name: "service", Value: "orders"}}, Exact: []string{"theirs"},
	})
	for _, ns := range []string{"ours", "theirs"} {
		a.Record(&sidelight.Measurement{Namespace: ns, Name: "n", Value: 1, Dimensions: []sidelight.Dimension{{Name: "own", Value: "x"}}})
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range *points {
		got[p.Namespace] = fmt.Sprint(p.Dimensions)
	}
	if want := map[string]string{"ours": "[{own x} {service orders}]", "theirs": "[{own x}]"}; !maps.Equal(got, want) {
		t.Errorf("dimensions %v, want %v", got, want)
	}
}
