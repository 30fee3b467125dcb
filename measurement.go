package sidelight

// MeasurementKind says how the measurements of a series within one interval
// become one point.
type MeasurementKind uint8

// The kinds of measurement.
const (
	// Gauge: a level. The values seen within an interval are kept as values.
	Gauge MeasurementKind = iota
	// Sum: an increase. The values seen within an interval are added up.
	Sum
	// Sample: one observation of a distribution, such as a duration. Values
	// and their counts are kept, so that percentiles can be asked for.
	Sample
)

// Measurement is one number on its way into the aggregate, from a scraper,
// StatsD, OTLP or a processor. Recording one borrows it.
type Measurement struct {
	// Namespace is CloudWatch's. Empty means the agent's default.
	Namespace, Name string
	// Unit is one of CloudWatch's StandardUnit names, or "".
	Unit string
	// Dimensions are sorted by name, without duplicates and without empty
	// values.
	Dimensions []Dimension
	Kind       MeasurementKind
	Value      float64
	// Count is how often Value was observed; more than one for sampled or
	// bucketed input. Zero means once.
	Count float64
	// Time is in Unix milliseconds; zero means now.
	Time int64
	// Resolution is the storage resolution in seconds, 1 or 60. Zero means 60.
	Resolution int
}

// Recorder takes measurements. Record never blocks and is safe for concurrent
// use; what cannot be kept, because a limit on series is reached, is counted by
// the implementation.
type Recorder interface {
	Record(m *Measurement)
}
