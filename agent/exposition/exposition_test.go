package exposition_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/exposition"
)

func show(t *testing.T, s *exposition.Store) string {
	t.Helper()
	var b strings.Builder
	if err := s.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func one(kind sidelight.MeasurementKind, ns, name string, v float64, dims ...sidelight.Dimension) sidelight.Point {
	return sidelight.Point{Kind: kind, Namespace: ns, Name: name, Dimensions: dims, Values: []float64{v}, Counts: []float64{1}}
}

func TestText(t *testing.T) {
	var s exposition.Store
	odd := []sidelight.Dimension{{Name: "a.b", Value: "say \"hi\"\n\\"}, {Name: "a-b", Value: "x"}, {Name: "namespace", Value: "mine"}}
	took := sidelight.Point{
		Kind: sidelight.Sample, Namespace: "App", Name: "took",
		Values: []float64{1, 2, 100}, Counts: []float64{50, 48, 2},
	}
	for range 2 {
		s.Take([]sidelight.Point{
			one(sidelight.Sum, "App", "hits", 7), one(sidelight.Gauge, "App", "5xx rate", 0.5, odd...), took,
			one(sidelight.Gauge, "App", "load", 1), one(sidelight.Sum, "Host", "load", 2),
		})
	}
	want := `# TYPE _5xx_rate gauge
_5xx_rate{a_b="say \"hi\"\n\\",a_b_="x",namespace="App",namespace_="mine"} 0.5
# TYPE hits counter
hits{namespace="App"} 14
# TYPE load untyped
load{namespace="App"} 1
load{namespace="Host"} 4
# TYPE took summary
took{namespace="App",quantile="0.5"} 1
took{namespace="App",quantile="0.9"} 2
took{namespace="App",quantile="0.99"} 100
took_sum{namespace="App"} 692
took_count{namespace="App"} 200
`
	if d := cmp.Diff(want, show(t, &s)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Sums stay, so that what comes after a silence is an increase; quantiles are of
// the last interval only.
func TestQuietSums(t *testing.T) {
	var s exposition.Store
	took := sidelight.Point{Kind: sidelight.Sample, Namespace: "App", Name: "took", Values: []float64{3}, Counts: []float64{2}}
	s.Take([]sidelight.Point{one(sidelight.Sum, "App", "hits", 7), took})
	for range 100 {
		s.Take(nil)
	}
	want := `# TYPE hits counter
hits{namespace="App"} 7
# TYPE took summary
took_sum{namespace="App"} 6
took_count{namespace="App"} 2
`
	if d := cmp.Diff(want, show(t, &s)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got := map[string]float64{}
	s.Each(func(labels []sidelight.Dimension, v float64) { got[labels[0].Value] = v })
	if d := cmp.Diff(map[string]float64{"hits": 7, "took_sum": 6, "took_count": 2}, got); d != "" {
		t.Errorf("each (-want +got):\n%s", d)
	}
}

func TestBounded(t *testing.T) {
	var s exposition.Store
	s.Take([]sidelight.Point{one(sidelight.Sum, "App", "old", 1)})
	points := make([]sidelight.Point, exposition.Max)
	for i := range points {
		points[i] = one(sidelight.Sum, "App", "hits", 1, sidelight.Dimension{Name: "id", Value: strconv.Itoa(i)})
	}
	s.Take(points)
	n := 0
	s.Each(func(labels []sidelight.Dimension, _ float64) {
		n++
		if labels[0].Value == "old" {
			t.Error("the oldest is still there")
		}
	})
	if n > exposition.Max || n < exposition.Max*8/10 {
		t.Errorf("%d series", n)
	}
}

func TestForgets(t *testing.T) {
	var s exposition.Store
	s.Take([]sidelight.Point{one(sidelight.Gauge, "App", "gone", 1)})
	for range exposition.Keep - 1 {
		s.Take([]sidelight.Point{one(sidelight.Gauge, "App", "here", 1)})
	}
	if text := show(t, &s); !strings.Contains(text, "gone") {
		t.Errorf("forgotten too early:\n%s", text)
	}
	s.Take(nil)
	if text := show(t, &s); strings.Contains(text, "gone") || !strings.Contains(text, "here") {
		t.Errorf("kept for too long:\n%s", text)
	}
}
