package bucket_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sidelight-dev/sidelight/internal/bucket"
)

func TestValues(t *testing.T) {
	for name, c := range map[string]struct {
		h    bucket.Histogram
		want [][2]float64
	}{
		"middles": {
			bucket.Histogram{Bounds: []float64{1, 2}, Counts: []float64{4, 2, 0}},
			[][2]float64{{0.5, 4}, {1.5, 2}},
		},
		"by the sum": {
			bucket.Histogram{Bounds: []float64{1, 2}, Counts: []float64{4, 2, 0}, Sum: 3.5, HasSum: true},
			[][2]float64{{0.25, 4}, {1.25, 2}},
		},
		"a sum that cannot be": {
			bucket.Histogram{Bounds: []float64{1, 2}, Counts: []float64{4, 2, 0}, Sum: 100, HasSum: true},
			[][2]float64{{0.5, 4}, {1.5, 2}},
		},
		"beyond the last bound": {
			bucket.Histogram{Bounds: []float64{1, 2}, Counts: []float64{4, 0, 2}, Sum: 22, HasSum: true},
			[][2]float64{{0.5, 4}, {10, 2}},
		},
		"hardly beyond": {
			bucket.Histogram{Bounds: []float64{1, 2}, Counts: []float64{4, 0, 2}, Sum: 5, HasSum: true},
			[][2]float64{{0.25, 4}, {2, 2}},
		},
		"no sum beyond": {
			bucket.Histogram{Bounds: []float64{1, 2}, Counts: []float64{0, 0, 2}},
			[][2]float64{{2, 2}},
		},
		"extremes": {
			bucket.Histogram{Bounds: []float64{1, 2}, Counts: []float64{1, 0, 2}, Min: 0.5, Max: 4, HasMin: true, HasMax: true},
			[][2]float64{{0.75, 1}, {3, 2}},
		},
		"extremes inside a bucket": {
			bucket.Histogram{Bounds: []float64{1, 2}, Counts: []float64{0, 3, 0}, Min: 1.25, Max: 1.75, HasMin: true, HasMax: true, Sum: 3.9, HasSum: true},
			[][2]float64{{1.3, 3}},
		},
		"negative": {
			bucket.Histogram{Bounds: []float64{-5, 0}, Counts: []float64{1, 1, 0}},
			[][2]float64{{-5, 1}, {-2.5, 1}},
		},
		"below zero by the least": {
			bucket.Histogram{Bounds: []float64{-5, 0}, Counts: []float64{1, 0, 0}, Min: -7, HasMin: true},
			[][2]float64{{-6, 1}},
		},
		"no bounds": {bucket.Histogram{Counts: []float64{3}}, [][2]float64{{0, 3}}},
		"the mean":  {bucket.Histogram{Counts: []float64{4}, Sum: -6, HasSum: true}, [][2]float64{{-1.5, 4}}},
		"nothing":   {bucket.Histogram{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got [][2]float64
			c.h.Values(func(v, n float64) bool { got = append(got, [2]float64{v, n}); return true })
			if d := cmp.Diff(c.want, got, cmpopts.EquateApprox(1e-12, 0)); d != "" {
				t.Errorf("values (-want +got):\n%s", d)
			}
		})
	}
}

// Whatever positive values there are, the sum is right, and every value is in
// its bucket.
func TestSums(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bounds := []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	for range 1000 {
		h := bucket.Histogram{Bounds: bounds, Counts: make([]float64, len(bounds)+1), HasSum: true}
		for range 1 + r.IntN(50) {
			v := math.Exp(r.NormFloat64() * 3)
			h.Sum += v
			i := 0
			for i < len(bounds) && v > bounds[i] {
				i++
			}
			h.Counts[i]++
		}
		var sum float64
		h.Values(func(v, n float64) bool { sum += v * n; return true })
		if math.Abs(sum-h.Sum) > 1e-9*h.Sum {
			t.Fatalf("the values of %v sum up to %v, want %v", h.Counts, sum, h.Sum)
		}
	}
}
