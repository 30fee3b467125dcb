package metricmath

import (
	"cmp"
	"math"
	"slices"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// stepwise are the functions that look at neighbouring points.
func stepwise(name string) (function, bool) {
	var f func(prev, p Point) float64
	switch name {
	case "DIFF":
		f = func(prev, p Point) float64 { return p.Value - prev.Value }
	case "DIFF_TIME":
		f = func(prev, p Point) float64 { return float64(p.Time - prev.Time) }
	case "RATE":
		f = func(prev, p Point) float64 { return (p.Value - prev.Value) / float64(p.Time-prev.Time) }
	case "RUNNING_SUM":
		return perSeries(runningSum), true
	default:
		return function{}, false
	}
	return perSeries(func(s Series) Series {
		var points []Point
		for i, p := range s.Points[min(1, len(s.Points)):] {
			points = append(points, Point{p.Time, f(s.Points[i], p)})
		}
		return s.with(points)
	}), true
}

func runningSum(s Series) Series {
	var total float64
	return s.each(func(p Point) float64 {
		total += p.Value
		return total
	})
}

// perSeries applies f to a series, or to each of an array.
func perSeries(f func(Series) Series) function {
	return function{1, 1, func(_ *Env, n *node, args []Value) (Value, error) {
		if err := want(n, args, 0, TimeSeries, Array); err != nil {
			return Value{}, err
		}
		if args[0].Kind == TimeSeries {
			return Of(f(args[0].Series[0])), nil
		}
		return arrayWith(args[0], f), nil
	}}
}

// fill is FILL: it gives a value to every period that has none.
func fill(env *Env, n *node, args []Value) (Value, error) {
	if err := want(n, args, 0, TimeSeries, Array); err != nil {
		return Value{}, err
	}
	var missing func(s Series, i int, t int64) float64
	switch filler := args[1]; {
	case filler.Kind == Scalar:
		missing = func(Series, int, int64) float64 { return filler.Number }
	case filler.Kind == TimeSeries:
		missing = func(_ Series, _ int, t int64) float64 {
			v, ok := filler.at(t)
			if !ok {
				return math.NaN()
			}
			return v
		}
	case filler.text == "REPEAT":
		missing = repeat
	case filler.text == "LINEAR":
		missing = interpolate
	default:
		return Value{}, errorAt(n.args[1].offset, "FILL wants a number, a time series, REPEAT or LINEAR here")
	}
	one := func(s Series) Series { return env.fillSeries(s, missing) }
	if args[0].Kind == TimeSeries {
		return Of(one(args[0].Series[0])), nil
	}
	return arrayWith(args[0], one), nil
}

// fillSeries asks missing for each time without a point; i is the index of the
// first point after it.
func (env *Env) fillSeries(s Series, missing func(s Series, i int, t int64) float64) Series {
	points := make([]Point, 0, len(env.Times)+len(s.Points))
	i := 0
	for _, t := range env.Times {
		for i < len(s.Points) && s.Points[i].Time < t {
			points = append(points, s.Points[i])
			i++
		}
		if i < len(s.Points) && s.Points[i].Time == t {
			continue
		}
		points = append(points, Point{t, missing(s, i, t)})
	}
	return s.with(append(points, s.Points[i:]...))
}

// repeat is the last value before; NaN before the first.
func repeat(s Series, i int, _ int64) float64 {
	if i == 0 {
		return math.NaN()
	}
	return s.Points[i-1].Value
}

// interpolate lies between the neighbours; NaN at the ends.
func interpolate(s Series, i int, t int64) float64 {
	if i == 0 || i == len(s.Points) {
		return math.NaN()
	}
	a, b := s.Points[i-1], s.Points[i]
	return a.Value + (b.Value-a.Value)*float64(t-a.Time)/float64(b.Time-a.Time)
}

func firstOrLast(_ *Env, n *node, args []Value) (Value, error) {
	if err := want(n, args, 0, Array); err != nil {
		return Value{}, err
	}
	all := args[0].Series
	switch {
	case len(all) == 0:
		return Of(Series{}), nil
	case n.text == "FIRST":
		return Of(all[0]), nil
	}
	return Of(all[len(all)-1]), nil
}

// sorted is SORT(array, function, direction, limit).
func sorted(_ *Env, n *node, args []Value) (Value, error) {
	if err := want(n, args, 0, Array); err != nil {
		return Value{}, err
	}
	rank, ok := ranks(args[1].text)
	if !ok {
		return Value{}, errorAt(n.args[1].offset, "SORT wants AVG, MIN, MAX or SUM here")
	}
	sign := -1 // AWS sorts descending unless told otherwise
	if len(args) > 2 {
		switch args[2].text {
		case "ASC":
			sign = 1
		case "DESC":
		default:
			return Value{}, errorAt(n.args[2].offset, "SORT wants ASC or DESC here")
		}
	}
	all := slices.Clone(args[0].Series)
	order.Stable(all, func(a, b Series) int {
		av, bv := rank(a), rank(b)
		if math.IsNaN(av) || math.IsNaN(bv) { // series without points go last
			return cmp.Compare(truth(math.IsNaN(av)), truth(math.IsNaN(bv)))
		}
		return sign * cmp.Compare(av, bv)
	})
	if len(args) == 4 {
		if err := want(n, args, 3, Scalar); err != nil {
			return Value{}, err
		}
		all = all[:clamp(args[3].Number, 0, len(all))]
	}
	return ArrayOf(all...), nil
}

func ranks(name string) (func(Series) float64, bool) {
	var f func([]float64) float64
	switch name {
	case "AVG":
		f = average
	case "SUM":
		f = sum
	case "MIN":
		f = func(vs []float64) float64 { return slices.Min(vs) }
	case "MAX":
		f = func(vs []float64) float64 { return slices.Max(vs) }
	default:
		return nil, false
	}
	return func(s Series) float64 {
		if len(s.Points) == 0 {
			return math.NaN()
		}
		return f(s.values())
	}, true
}

// slice is SLICE(array, start) and SLICE(array, start, end), end exclusive.
func slice(_ *Env, n *node, args []Value) (Value, error) {
	if err := want(n, args, 0, Array); err != nil {
		return Value{}, err
	}
	all := args[0].Series
	if err := want(n, args, 1, Scalar); err != nil {
		return Value{}, err
	}
	from, to := clamp(args[1].Number, 0, len(all)), len(all)
	if len(args) == 3 {
		if err := want(n, args, 2, Scalar); err != nil {
			return Value{}, err
		}
		to = clamp(args[2].Number, from, len(all))
	}
	return ArrayOf(all[from:to]...), nil
}

// clamp makes an index of v; what is no number counts as low.
func clamp(v float64, low, high int) int {
	if !(v > float64(low)) {
		return low
	}
	if v >= float64(high) {
		return high
	}
	return int(v)
}

func removeEmpty(_ *Env, n *node, args []Value) (Value, error) {
	if err := want(n, args, 0, Array); err != nil {
		return Value{}, err
	}
	kept := slices.DeleteFunc(slices.Clone(args[0].Series), func(s Series) bool { return len(s.Points) == 0 })
	return ArrayOf(kept...), nil
}
