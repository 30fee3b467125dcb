package sidelight

import "iter"

// Point is one metric over one interval, ready to leave: a number of values
// with their counts or, where too many differed to keep them, a statistic set.
type Point struct {
	// Time is the start of the interval in Unix milliseconds.
	Time int64
	// Namespace is CloudWatch's, such as "Sidelight/Host".
	Namespace, Name string
	// Unit is one of CloudWatch's StandardUnit names, or "" for none.
	Unit string
	// Dimensions are sorted by name; at most 30.
	Dimensions []Dimension
	// Resolution is the storage resolution in seconds, 1 or 60.
	Resolution int
	// Kind says what the values are: levels, one increase, or observations.
	Kind MeasurementKind
	// Values and Counts have equal length, at most 600. Values are distinct and
	// ascend. What takes fewer takes Parts.
	Values, Counts []float64
	// Stats holds if Values is empty.
	Stats Stats
	// Via names where a rule of the configuration sends the point: api, emf, otlp
	// or none. Empty means where metrics go by default.
	Via string
}

// Parts yields p as points of at most n values each, which together say what p
// does. They share p's memory.
func (p *Point) Parts(n int) iter.Seq[Point] {
	return func(yield func(Point) bool) {
		part, values, counts := *p, p.Values, p.Counts
		for len(values) > n {
			part.Values, part.Counts = values[:n], counts[:n]
			values, counts = values[n:], counts[n:]
			if !yield(part) {
				return
			}
		}
		part.Values, part.Counts = values, counts
		yield(part)
	}
}

// Dimension is a name and a value that, together with others, tell one series
// of a metric from another.
type Dimension struct{ Name, Value string }

// Stats is a statistic set. It allows averages and sums, but no percentiles.
type Stats struct{ Count, Sum, Min, Max float64 }
