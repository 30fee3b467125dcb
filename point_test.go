package sidelight_test

import (
	"fmt"
	"testing"

	"github.com/sidelight-dev/sidelight"
)

func TestParts(t *testing.T) {
	for n, want := range map[int]string{0: "[0]", 1: "[1]", 3: "[3]", 4: "[3 1]", 9: "[3 3 3]"} {
		p := sidelight.Point{Name: "m", Time: 7, Via: "emf", Values: make([]float64, n), Counts: make([]float64, n)}
		for i := range p.Values {
			p.Values[i], p.Counts[i] = float64(i), float64(2*i)
		}
		var sizes []int
		next := 0.0
		for part := range p.Parts(3) {
			sizes = append(sizes, len(part.Values))
			if part.Name != "m" || part.Time != 7 || part.Via != "emf" || len(part.Counts) != len(part.Values) {
				t.Errorf("part %+v", part)
			}
			for i, v := range part.Values {
				if v != next || part.Counts[i] != 2*next {
					t.Errorf("value %v occurred %v times, want %v", v, part.Counts[i], next)
				}
				next++
			}
		}
		if fmt.Sprint(sizes) != want || next != float64(n) {
			t.Errorf("%d values in parts of %v, want %s", n, sizes, want)
		}
	}
	for range (&sidelight.Point{Values: make([]float64, 9), Counts: make([]float64, 9)}).Parts(3) {
		break
	}
}
