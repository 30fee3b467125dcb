package metricmath

import (
	"math"
	"time"
)

// Point is a value at a time, in Unix seconds.
type Point struct {
	Time  int64
	Value float64
}

// Series is a time series: points in ascending order of time, each time once.
type Series struct {
	// ID is the query that it came from, Label what is shown for it.
	ID, Label string
	// Period is the distance of its points.
	Period time.Duration
	Points []Point
}

// Kind is the type of a Value.
type Kind int

// The kinds of values. Text and keywords occur only as arguments of functions.
const (
	Scalar Kind = iota
	TimeSeries
	Array
	Text
)

// String names k as the CloudWatch documents do.
func (k Kind) String() string {
	switch k {
	case Scalar:
		return "a number"
	case TimeSeries:
		return "a time series"
	case Array:
		return "an array of time series"
	}
	return "text"
}

// Value is the result of an expression.
type Value struct {
	Kind Kind
	// Number is a scalar's value; NaN means that it is undefined, such as the
	// average of a series without points.
	Number float64
	// Series holds one series for TimeSeries, any number for Array.
	Series []Series
	text   string
}

// Number returns a scalar value.
func Number(v float64) Value { return Value{Kind: Scalar, Number: v} }

// Of returns a time series value.
func Of(s Series) Value { return Value{Kind: TimeSeries, Series: []Series{s}} }

// ArrayOf returns an array value.
func ArrayOf(s ...Series) Value { return Value{Kind: Array, Series: s} }

// with returns s with other points, without those that are not numbers.
func (s Series) with(points []Point) Series {
	kept := points[:0]
	for _, p := range points {
		if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
			kept = append(kept, p)
		}
	}
	s.Points = kept
	return s
}

// values returns the values of s.
func (s Series) values() []float64 {
	vs := make([]float64, len(s.Points))
	for i, p := range s.Points {
		vs[i] = p.Value
	}
	return vs
}

// each returns a copy of s with f applied to every value.
func (s Series) each(f func(Point) float64) Series {
	points := make([]Point, len(s.Points))
	for i, p := range s.Points {
		points[i] = Point{p.Time, f(p)}
	}
	return s.with(points)
}

// union calls f for every time of a or b, with the value of each and whether it
// has one; the value of a missing point is 0.
func union(a, b Series, f func(t int64, av, bv float64, aok, bok bool)) {
	i, j := 0, 0
	for i < len(a.Points) || j < len(b.Points) {
		switch {
		case j == len(b.Points) || i < len(a.Points) && a.Points[i].Time < b.Points[j].Time:
			f(a.Points[i].Time, a.Points[i].Value, 0, true, false)
			i++
		case i == len(a.Points) || b.Points[j].Time < a.Points[i].Time:
			f(b.Points[j].Time, 0, b.Points[j].Value, false, true)
			j++
		default:
			f(a.Points[i].Time, a.Points[i].Value, b.Points[j].Value, true, true)
			i, j = i+1, j+1
		}
	}
}

// lookup finds the value at t.
func (s Series) lookup(t int64) (float64, bool) {
	lo, hi := 0, len(s.Points)
	for lo < hi {
		mid := (lo + hi) / 2
		if s.Points[mid].Time < t {
			lo = mid + 1
			continue
		}
		hi = mid
	}
	if lo < len(s.Points) && s.Points[lo].Time == t {
		return s.Points[lo].Value, true
	}
	return 0, false
}
