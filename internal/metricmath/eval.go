package metricmath

import (
	"math"
	"time"
)

// Env is what an expression is evaluated in.
type Env struct {
	// Lookup returns the value of an ID; false if there is none.
	Lookup func(id string) (Value, bool)
	// Metrics are the series of the request that are metrics, for METRICS().
	Metrics []Series
	// Times are the starts of all periods of the request in Unix seconds,
	// ascending: where FILL and TIME_SERIES put points.
	Times []int64
	// Period is the distance of Times.
	Period time.Duration
	// Search, if set, finds the series of SEARCH(query, statistic, period); the
	// period is 0 if the expression gives none. Without it the function is
	// refused.
	Search func(query, stat string, period time.Duration) ([]Series, error)
	// Band, if set, computes ANOMALY_DETECTION_BAND for a series and a number of
	// standard deviations: its lower and upper edge. Without it the function is
	// refused.
	Band func(s Series, deviations float64) (lower, upper Series, err error)
}

// Eval computes e. Its error is an *Error.
func (e *Expr) Eval(env *Env) (Value, error) {
	return env.eval(e.root)
}

func (env *Env) eval(n *node) (Value, error) {
	switch n.op {
	case "number":
		return Number(n.number), nil
	case "text":
		return Value{Kind: Text, text: n.text}, nil
	case "name":
		return env.name(n)
	case "list":
		return env.list(n)
	case "call":
		return env.call(n)
	case "neg":
		return env.negate(n)
	}
	a, err := env.eval(n.args[0])
	if err != nil {
		return Value{}, err
	}
	b, err := env.eval(n.args[1])
	if err != nil {
		return Value{}, err
	}
	return combine(n, a, b)
}

func (env *Env) name(n *node) (Value, error) {
	if keywords[n.text] {
		return Value{Kind: Text, text: n.text}, nil
	}
	if env.Lookup != nil {
		if v, ok := env.Lookup(n.text); ok {
			return v, nil
		}
	}
	return Value{}, errorAt(n.offset, "there is no metric or expression with the ID %q", n.text)
}

func (env *Env) list(n *node) (Value, error) {
	out := Value{Kind: Array}
	for _, arg := range n.args {
		v, err := env.eval(arg)
		if err != nil {
			return Value{}, err
		}
		if v.Kind != TimeSeries && v.Kind != Array {
			return Value{}, errorAt(arg.offset, "an array can hold only time series, not %s", v.Kind)
		}
		out.Series = append(out.Series, v.Series...)
	}
	return out, nil
}

func (env *Env) negate(n *node) (Value, error) {
	v, err := env.eval(n.args[0])
	if err != nil {
		return Value{}, err
	}
	return apply(n, v, func(x float64) float64 { return -x })
}

// apply maps f over a number, a series, or every series of an array.
func apply(n *node, v Value, f func(float64) float64) (Value, error) {
	switch v.Kind {
	case Scalar:
		return Number(f(v.Number)), nil
	case Text:
		return Value{}, errorAt(n.offset, "expected a number or a time series, found text")
	}
	out := Value{Kind: v.Kind, Series: make([]Series, len(v.Series))}
	for i, s := range v.Series {
		out.Series[i] = s.each(func(p Point) float64 { return f(p.Value) })
	}
	return out, nil
}

// combine applies the operator of n. An array combines series by series with
// anything but another array.
func combine(n *node, a, b Value) (Value, error) {
	if a.Kind == Text || b.Kind == Text {
		return Value{}, errorAt(n.offset, "%s cannot be applied to text", n.op)
	}
	f := defined(operators[n.op])
	switch {
	case a.Kind == Scalar && b.Kind == Scalar:
		return Number(f(a.Number, b.Number)), nil
	case a.Kind == Array && b.Kind == Array:
		return Value{}, errorAt(n.offset, "%s cannot be applied to two arrays of time series", n.op)
	case b.Kind == Scalar:
		return apply(n, a, func(x float64) float64 { return f(x, b.Number) })
	case a.Kind == Scalar:
		return apply(n, b, func(x float64) float64 { return f(a.Number, x) })
	case b.Kind == Array:
		return arrayWith(b, func(s Series) Series { return combineSeries(a.Series[0], s, f) }), nil
	case a.Kind == Array:
		return arrayWith(a, func(s Series) Series { return combineSeries(s, b.Series[0], f) }), nil
	}
	return Of(combineSeries(a.Series[0], b.Series[0], f)), nil
}

// defined returns f for operands that are defined: comparing with an undefined
// number is undefined too, not false.
func defined(f func(x, y float64) float64) func(x, y float64) float64 {
	return func(x, y float64) float64 {
		if math.IsNaN(x) || math.IsNaN(y) {
			return math.NaN()
		}
		return f(x, y)
	}
}

func arrayWith(v Value, f func(Series) Series) Value {
	out := Value{Kind: Array, Series: make([]Series, len(v.Series))}
	for i, s := range v.Series {
		out.Series[i] = f(s)
		out.Series[i].ID, out.Series[i].Label = s.ID, s.Label
	}
	return out
}

// combineSeries applies f where either series has a point; the other then
// counts as 0, which is AWS's rule for arithmetic, comparisons and logic.
func combineSeries(a, b Series, f func(x, y float64) float64) Series {
	var points []Point
	union(a, b, func(t int64, x, y float64, _, _ bool) { points = append(points, Point{t, f(x, y)}) })
	a.Period = max(a.Period, b.Period)
	return a.with(points)
}

// operators never panic; a result that is no number drops its point. The map is
// only read.
var operators = map[string]func(x, y float64) float64{
	"+":   func(x, y float64) float64 { return x + y },
	"-":   func(x, y float64) float64 { return x - y },
	"*":   func(x, y float64) float64 { return x * y },
	"/":   func(x, y float64) float64 { return x / y },
	"^":   math.Pow,
	"==":  func(x, y float64) float64 { return truth(x == y) },
	"!=":  func(x, y float64) float64 { return truth(x != y) },
	"<":   func(x, y float64) float64 { return truth(x < y) },
	">":   func(x, y float64) float64 { return truth(x > y) },
	"<=":  func(x, y float64) float64 { return truth(x <= y) },
	">=":  func(x, y float64) float64 { return truth(x >= y) },
	"AND": func(x, y float64) float64 { return truth(x != 0 && y != 0) },
	"OR":  func(x, y float64) float64 { return truth(x != 0 || y != 0) },
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
