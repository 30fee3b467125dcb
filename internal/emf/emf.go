// Package emf writes documents in CloudWatch's embedded metric format: log events
// of which CloudWatch Logs makes metrics.
package emf

import (
	"slices"
	"strconv"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// Limits of a document, from the specification in CloudWatch's user guide.
const (
	maxMetrics = 100
	// maxValues is how many values a metric of a document may have.
	maxValues = 100
	// maxDimensions is how many names a set of dimensions may have.
	maxDimensions = 30
	// maxKey is how many characters such a name may have; PutMetricData takes 255.
	maxKey = 250
	// maxDocument is how many bytes CloudWatch Logs takes in an event, less the 26
	// that it adds.
	maxDocument = 1<<20 - 26
)

// reserved is the member that makes a document one. A metric or a dimension of
// that name is written with another.
const (
	reserved = "_aws"
	instead  = "_aws_"
)

// Documents makes log events of points: one for all metrics that agree in
// namespace, dimensions, time and resolution, as far as they fit. Their bodies are
// new memory.
func Documents(points []sidelight.Point) []sidelight.Event {
	var groups [][]sidelight.Point
	open := map[string]int{} // the group that still takes points
	var key []byte
	for i := range points {
		for p := range points[i].Parts(maxValues) {
			key = appendKey(key[:0], &p)
			at, ok := open[string(key)]
			if !ok || len(groups[at]) == maxMetrics || has(groups[at], p.Name) {
				at = len(groups)
				groups = append(groups, nil)
				open[string(key)] = at
			}
			groups[at] = append(groups[at], p)
		}
	}
	events := make([]sidelight.Event, 0, len(groups))
	for _, g := range groups {
		events = appendEvents(events, g)
	}
	return events
}

// appendEvents makes one event of points that agree, or more if one would be too
// long.
func appendEvents(events []sidelight.Event, points []sidelight.Point) []sidelight.Event {
	body := Append(nil, points)
	if half := len(points) / 2; len(body) > maxDocument && half > 0 {
		return appendEvents(appendEvents(events, points[:half]), points[half:])
	}
	return append(events, sidelight.Event{Time: points[0].Time, Body: body})
}

// has reports whether a document has a metric of that name: it can have only
// one.
func has(points []sidelight.Point, name string) bool {
	for i := range points {
		if member(points[i].Name) == member(name) {
			return true
		}
	}
	return false
}

// member is the name of a metric's or a dimension's value in a document.
func member(name string) string {
	if name == reserved {
		return instead
	}
	return name
}

// key is the name of a dimension in a document.
func key(name string) string {
	if len(name) <= maxKey {
		return member(name)
	}
	n := 0
	for at := range name {
		if n == maxKey {
			return name[:at]
		}
		n++
	}
	return name
}

// hides reports whether a metric has the name of one of its dimensions, which a
// document then cannot have.
func hides(p *sidelight.Point) bool {
	for _, d := range p.Dimensions {
		if key(d.Name) == member(p.Name) {
			return true
		}
	}
	return false
}

// appendKey appends what points of one document agree in. One that would take a
// dimension from the others has a document of its own.
func appendKey(dst []byte, p *sidelight.Point) []byte {
	if hides(p) {
		dst = append(dst, p.Name...)
	}
	dst = append(dst, 0)
	dst = strconv.AppendInt(dst, p.Time, 10)
	dst = append(strconv.AppendInt(append(dst, 0), int64(p.Resolution), 10), 0)
	dst = append(append(dst, p.Namespace...), 0)
	for _, d := range p.Dimensions {
		dst = append(append(append(append(dst, d.Name...), 0), d.Value...), 0)
	}
	return dst
}

// Append appends the document of points that agree in all but name, unit and
// values, and have different names. A dimension is left out whose name a metric
// has too, since both would be the same member, and one whose first 250
// characters, which is all that is kept, another has.
func Append(dst []byte, points []sidelight.Point) []byte {
	first := &points[0]
	dims := make([]sidelight.Dimension, 0, len(first.Dimensions))
	for _, d := range first.Dimensions[:min(len(first.Dimensions), maxDimensions)] {
		d.Name = key(d.Name)
		if !has(points, d.Name) && !slices.ContainsFunc(dims, func(o sidelight.Dimension) bool { return o.Name == d.Name }) {
			dims = append(dims, d)
		}
	}
	dst = strconv.AppendInt(append(dst, `{"_aws":{"Timestamp":`...), first.Time, 10)
	dst = text(append(dst, `,"CloudWatchMetrics":[{"Namespace":`...), first.Namespace)
	dst = append(dst, `,"Dimensions":[[`...)
	for i, d := range dims {
		dst = text(comma(dst, i), d.Name)
	}
	dst = append(dst, `]],"Metrics":[`...)
	for i := range points {
		dst = AppendDefinition(comma(dst, i), &points[i])
	}
	dst = append(dst, `]}]}`...)
	for _, d := range dims {
		dst = text(append(text(append(dst, ','), d.Name), ':'), d.Value)
	}
	for i := range points {
		dst = AppendValue(append(text(append(dst, ','), member(points[i].Name)), ':'), &points[i])
	}
	return append(dst, '}')
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

func text(dst []byte, s string) []byte { return wire.AppendString(dst, []byte(s)) }

// AppendDefinition appends what a document says of a metric beside its value.
func AppendDefinition(dst []byte, p *sidelight.Point) []byte {
	dst = text(append(dst, `{"Name":`...), member(p.Name))
	if p.Unit != "" {
		dst = text(append(dst, `,"Unit":`...), p.Unit)
	}
	if p.Resolution == 1 {
		dst = append(dst, `,"StorageResolution":1`...)
	}
	return append(dst, '}')
}

// AppendValue appends a metric's value: a number if there is one, else the
// structured form, which keeps percentiles: values, their counts, and the
// statistics of both. CloudWatch's own agents write it; the specification does
// not name it.
func AppendValue(dst []byte, p *sidelight.Point) []byte {
	if len(p.Values) == 1 && p.Counts[0] == 1 {
		return wire.AppendFloat(dst, p.Values[0])
	}
	return AppendDistribution(dst, p)
}

// AppendDistribution appends a metric's value in the structured form.
func AppendDistribution(dst []byte, p *sidelight.Point) []byte {
	s := p.Stats
	dst = append(dst, '{')
	if len(p.Values) > 0 {
		s = sidelight.Stats{Min: p.Values[0], Max: p.Values[0]}
		for i, v := range p.Values {
			s.Min, s.Max = min(s.Min, v), max(s.Max, v)
			s.Count += p.Counts[i]
			s.Sum += v * p.Counts[i]
		}
		dst = appendNumbers(append(dst, `"Values":`...), p.Values)
		dst = append(appendNumbers(append(dst, `,"Counts":`...), p.Counts), ',')
	}
	dst = wire.AppendFloat(append(dst, `"Max":`...), s.Max)
	dst = wire.AppendFloat(append(dst, `,"Min":`...), s.Min)
	dst = wire.AppendFloat(append(dst, `,"Count":`...), s.Count)
	dst = wire.AppendFloat(append(dst, `,"Sum":`...), s.Sum)
	return append(dst, '}')
}

func appendNumbers(dst []byte, list []float64) []byte {
	dst = append(dst, '[')
	for i, v := range list {
		dst = wire.AppendFloat(comma(dst, i), v)
	}
	return append(dst, ']')
}
