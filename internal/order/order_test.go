package order_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/order"
)

type item struct {
	Key, Number int
	Name        string
}

func byKey(a, b item) int { return cmp.Compare(a.Key, b.Key) }

func byAll(a, b item) int { return cmp.Or(byKey(a, b), cmp.Compare(a.Number, b.Number)) }

// items returns n items whose keys repeat, numbered in their order.
func items(n int) []item {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	out := make([]item, n)
	for i := range out {
		out[i] = item{Key: r.IntN(n/3 + 1), Number: i, Name: "name"}
	}
	return out
}

// Package slices is the measure.
func TestSorts(t *testing.T) {
	for _, n := range []int{1, 2, 11, 13, 50, 1000} {
		in := items(n)
		want := slices.SortedStableFunc(slices.Values(in), byKey)

		got := slices.Clone(in)
		order.Stable(got, byKey)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("Stable of %d (-want +got):\n%s", n, diff)
		}
		if diff := gocmp.Diff(want, order.Sorted(slices.Values(in), byKey)); diff != "" {
			t.Errorf("Sorted of %d (-want +got):\n%s", n, diff)
		}
		got = slices.Clone(in)
		order.By(got, byAll)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("By of %d (-want +got):\n%s", n, diff)
		}
	}
}

func BenchmarkBy(b *testing.B) {
	in := items(1000)
	s := make([]item, len(in))
	b.Run("order", func(b *testing.B) {
		for b.Loop() {
			copy(s, in)
			order.By(s, byAll)
		}
	})
	b.Run("slices", func(b *testing.B) {
		for b.Loop() {
			copy(s, in)
			slices.SortFunc(s, byAll)
		}
	})
}
