package metricmath

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// function is a function of metric math.
type function struct {
	least, most int // number of arguments
	eval        func(env *Env, n *node, args []Value) (Value, error)
}

// functions returns the functions by name. It is a function and not a variable
// because the functions evaluate nodes, which look functions up.
func functions(name string) (function, bool) {
	switch name {
	case "ABS":
		return mapped(math.Abs), true
	case "CEIL":
		return mapped(math.Ceil), true
	case "FLOOR":
		return mapped(math.Floor), true
	case "LOG":
		return mapped(math.Log), true
	case "LOG10":
		return mapped(math.Log10), true
	case "AVG":
		return aggregate(average), true
	case "SUM":
		return aggregate(sum), true
	case "MIN":
		return aggregate(func(vs []float64) float64 { return slices.Min(vs) }), true
	case "MAX":
		return aggregate(func(vs []float64) float64 { return slices.Max(vs) }), true
	case "STDDEV":
		return aggregate(deviation), true
	case "DATAPOINT_COUNT":
		return aggregate(func(vs []float64) float64 { return float64(len(vs)) }), true
	case "IF":
		return function{2, 3, conditional}, true
	case "FILL":
		return function{2, 2, fill}, true
	case "METRICS":
		return function{0, 1, metrics}, true
	case "METRIC_COUNT":
		return function{1, 1, count}, true
	case "PERIOD":
		return function{1, 1, period}, true
	case "FIRST", "LAST":
		return function{1, 1, firstOrLast}, true
	case "SORT":
		return function{2, 4, sorted}, true
	case "SLICE":
		return function{2, 3, slice}, true
	case "REMOVE_EMPTY":
		return function{1, 1, removeEmpty}, true
	case "TIME_SERIES":
		return function{1, 1, constant}, true
	case "ANOMALY_DETECTION_BAND":
		return function{1, 2, band}, true
	case "SEARCH":
		return function{2, 3, search}, true
	}
	if f, ok := stepwise(name); ok {
		return f, true
	}
	return calendar(name)
}

func (env *Env) call(n *node) (Value, error) {
	f, ok := functions(n.text)
	if !ok {
		return Value{}, errorAt(n.offset, "the function %s is unknown or not supported", n.text)
	}
	if len(n.args) < f.least || len(n.args) > f.most {
		return Value{}, errorAt(n.offset, "%s takes %s, found %d", n.text, f.arity(), len(n.args))
	}
	args := make([]Value, len(n.args))
	for i, a := range n.args {
		v, err := env.eval(a)
		if err != nil {
			return Value{}, err
		}
		args[i] = v
	}
	return f.eval(env, n, args)
}

func (f function) arity() string {
	numbers := []string{"no arguments", "one argument", "two arguments", "three arguments", "four arguments"}
	if f.least == f.most {
		return numbers[f.least]
	}
	first, _, _ := strings.Cut(numbers[f.least], " ")
	return first + " to " + numbers[f.most]
}

// want fails unless argument i has one of the kinds.
func want(n *node, args []Value, i int, kinds ...Kind) error {
	if slices.Contains(kinds, args[i].Kind) {
		return nil
	}
	names := make([]string, len(kinds))
	for j, k := range kinds {
		names[j] = k.String()
	}
	return errorAt(n.args[i].offset, "%s wants %s here, found %s", n.text, strings.Join(names, " or "), args[i].Kind)
}

func mapped(f func(float64) float64) function {
	return function{1, 1, func(_ *Env, n *node, args []Value) (Value, error) { return apply(n.args[0], args[0], f) }}
}

// aggregate makes a number of one series, and a series of an array: at each
// time, f of the points that exist there. f never sees an empty slice.
func aggregate(f func([]float64) float64) function {
	return function{1, 1, func(_ *Env, n *node, args []Value) (Value, error) {
		if err := want(n, args, 0, TimeSeries, Array); err != nil {
			return Value{}, err
		}
		if args[0].Kind == TimeSeries {
			vs := args[0].Series[0].values()
			if len(vs) == 0 {
				return Number(math.NaN()), nil
			}
			return Number(f(vs)), nil
		}
		return Of(across(args[0].Series, f)), nil
	}}
}

// across applies f to the values that the series have at each time.
func across(series []Series, f func([]float64) float64) Series {
	at := make(map[int64][]float64)
	var out Series
	for _, s := range series {
		out.Period = max(out.Period, s.Period)
		for _, p := range s.Points {
			at[p.Time] = append(at[p.Time], p.Value)
		}
	}
	points := make([]Point, 0, len(at))
	for _, t := range slices.Sorted(maps.Keys(at)) {
		points = append(points, Point{t, f(at[t])})
	}
	return out.with(points)
}

func sum(vs []float64) float64 {
	var s float64
	for _, v := range vs {
		s += v
	}
	return s
}

func average(vs []float64) float64 { return sum(vs) / float64(len(vs)) }

func deviation(vs []float64) float64 {
	mean := average(vs)
	var squares float64
	for _, v := range vs {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(vs)))
}

// conditional is IF: no point where the condition has none; 0 where it is true
// and the second argument is missing; no point where it is false and the third
// is missing or was left out.
func conditional(_ *Env, n *node, args []Value) (Value, error) {
	for i := range args {
		if err := want(n, args, i, Scalar, TimeSeries); err != nil {
			return Value{}, err
		}
	}
	if args[0].Kind == Scalar {
		if args[0].Number != 0 && !math.IsNaN(args[0].Number) {
			return args[1], nil
		}
		if len(args) == 3 {
			return args[2], nil
		}
		return Value{}, errorAt(n.offset, "IF with a number as its condition needs three arguments")
	}
	cond := args[0].Series[0]
	points := make([]Point, 0, len(cond.Points))
	for _, c := range cond.Points {
		if c.Value != 0 {
			v, _ := args[1].at(c.Time)
			points = append(points, Point{c.Time, v})
			continue
		}
		if len(args) == 3 {
			if v, ok := args[2].at(c.Time); ok {
				points = append(points, Point{c.Time, v})
			}
		}
	}
	return Of(cond.with(points)), nil
}

// at is the value of a number or a series at t.
func (v Value) at(t int64) (float64, bool) {
	if v.Kind == Scalar {
		return v.Number, true
	}
	return v.Series[0].lookup(t)
}

func metrics(env *Env, n *node, args []Value) (Value, error) {
	if len(args) == 0 {
		return ArrayOf(slices.Clone(env.Metrics)...), nil
	}
	if err := want(n, args, 0, Text); err != nil {
		return Value{}, err
	}
	out := Value{Kind: Array}
	for _, s := range env.Metrics {
		if strings.Contains(s.ID, args[0].text) {
			out.Series = append(out.Series, s)
		}
	}
	return out, nil
}

func count(_ *Env, n *node, args []Value) (Value, error) {
	if err := want(n, args, 0, Array); err != nil {
		return Value{}, err
	}
	return Number(float64(len(args[0].Series))), nil
}

func period(env *Env, n *node, args []Value) (Value, error) {
	if err := want(n, args, 0, TimeSeries); err != nil {
		return Value{}, err
	}
	return Number(cmp.Or(args[0].Series[0].Period, env.Period).Seconds()), nil
}

// constant is TIME_SERIES: a series with the same value in every period.
func constant(env *Env, n *node, args []Value) (Value, error) {
	if err := want(n, args, 0, Scalar); err != nil {
		return Value{}, err
	}
	points := make([]Point, len(env.Times))
	for i, t := range env.Times {
		points[i] = Point{t, args[0].Number}
	}
	return Of(Series{Period: env.Period}.with(points)), nil
}

func band(env *Env, n *node, args []Value) (Value, error) {
	if err := want(n, args, 0, TimeSeries); err != nil {
		return Value{}, err
	}
	deviations := 2.0
	if len(args) == 2 {
		if err := want(n, args, 1, Scalar); err != nil {
			return Value{}, err
		}
		deviations = args[1].Number
	}
	if env.Band == nil {
		return Value{}, errorAt(n.offset, "the function %s is not supported here", n.text)
	}
	if !(deviations > 0) {
		return Value{}, errorAt(n.args[1].offset, "the number of standard deviations must be greater than 0")
	}
	lower, upper, err := env.Band(args[0].Series[0], deviations)
	if err != nil {
		return Value{}, errorAt(n.offset, "%v", err)
	}
	return ArrayOf(lower, upper), nil
}

func search(env *Env, n *node, args []Value) (Value, error) {
	for i, kind := range []Kind{Text, Text, Scalar}[:len(args)] {
		if err := want(n, args, i, kind); err != nil {
			return Value{}, err
		}
	}
	var period time.Duration
	if len(args) == 3 {
		if v := args[2].Number; !(v >= 1 && v <= math.MaxInt32) {
			return Value{}, errorAt(n.args[2].offset, "the period must be a number of seconds")
		}
		period = time.Duration(args[2].Number) * time.Second
	}
	if env.Search == nil {
		return Value{}, errorAt(n.offset, "the function %s is not supported here", n.text)
	}
	found, err := env.Search(args[0].text, args[1].text, period)
	if err != nil {
		return Value{}, errorAt(n.offset, "%v", err)
	}
	return ArrayOf(found...), nil
}

// calendar are the functions that make numbers of the time, in UTC.
func calendar(name string) (function, bool) {
	var f func(time.Time) int
	switch name {
	case "MINUTE":
		f = time.Time.Minute
	case "HOUR":
		f = time.Time.Hour
	case "DATE":
		f = time.Time.Day
	case "MONTH":
		f = func(t time.Time) int { return int(t.Month()) }
	case "YEAR":
		f = time.Time.Year
	case "DAY": // Monday is 1, Sunday 7
		f = func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }
	case "EPOCH":
		f = func(t time.Time) int { return int(t.Unix()) }
	default:
		return function{}, false
	}
	return function{1, 1, func(_ *Env, n *node, args []Value) (Value, error) {
		if err := want(n, args, 0, TimeSeries); err != nil {
			return Value{}, err
		}
		return Of(args[0].Series[0].each(func(p Point) float64 { return float64(f(time.Unix(p.Time, 0).UTC())) })), nil
	}}, true
}
