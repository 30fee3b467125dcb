package otlpwire

import (
	"encoding/binary"
	"math"
)

// MetricKind says how a metric's points are to be read.
type MetricKind uint8

// The kinds of metric.
const (
	NoKind MetricKind = iota
	Gauge
	Sum
	Histogram
	Exponential
	Summary
)

// Metric is what the points of one metric have in common.
type Metric struct {
	Name, Unit []byte
	Kind       MetricKind
	// Cumulative says that a point counts from its start time, and not from the
	// point before.
	Cumulative, Monotonic bool
}

// Buckets are one side of an exponential histogram: Counts[i] values lay
// between base^(Offset+i) and base^(Offset+i+1).
type Buckets struct {
	Offset int32
	Counts []uint64
}

// Point is one data point of any kind. Everything in it is valid until the next
// one is decoded.
type Point struct {
	Start, Time uint64 // Unix nanoseconds
	Attrs       []Attr
	// Missing says that the sender knows that there is no value.
	Missing bool
	// Value is that of a gauge or sum.
	Value float64
	// Count and Sum are those of a histogram or summary; HasSum, HasMin and
	// HasMax say that those were given.
	Count                  uint64
	Sum, Min, Max          float64
	HasSum, HasMin, HasMax bool
	// Bounds are the upper bounds of a Histogram's buckets but the last; Counts
	// has one more entry.
	Counts []uint64
	Bounds []float64
	// Scale, ZeroCount, Positive and Negative are those of an Exponential; base
	// is 2^(2^-Scale).
	Scale              int32
	ZeroCount          uint64
	Positive, Negative Buckets
	// ZeroThreshold is how far from zero the values that ZeroCount counts may lie.
	ZeroThreshold float64
	// Quantiles are those of a Summary.
	Quantiles []Quantile
	// Exemplars is how many there were. They are not decoded.
	Exemplars int
}

// Quantile is a value below which a part of all values, from 0 to 1, lies.
type Quantile struct{ Part, Value float64 }

// Metrics decodes metric requests. The zero Metrics is ready; it is scratch
// memory to be used again, by one goroutine at a time.
type Metrics struct {
	Group
	Metric Metric
	Point  Point
}

// Decode walks an ExportMetricsServiceRequest and calls resource for each
// resource and point for each data point; Group, Metric and Point hold what
// they are about. It stops at their first error.
func (m *Metrics) Decode(body []byte, resource, point func() error) error {
	return m.each(body, resource, func(raw []byte) error { return m.metric(raw, point) })
}

// metric walks one metric: its name and unit may stand behind its data.
func (m *Metrics) metric(b []byte, point func() error) error {
	m.Metric = Metric{}
	var data []byte
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | bytesType:
			m.Metric.Name = f.bytes
		case 3<<3 | bytesType:
			m.Metric.Unit = f.bytes
		case 5<<3 | bytesType:
			m.Metric.Kind, data = Gauge, f.bytes
		case 7<<3 | bytesType:
			m.Metric.Kind, data = Sum, f.bytes
		case 9<<3 | bytesType:
			m.Metric.Kind, data = Histogram, f.bytes
		case 10<<3 | bytesType:
			m.Metric.Kind, data = Exponential, f.bytes
		case 11<<3 | bytesType:
			m.Metric.Kind, data = Summary, f.bytes
		}
	}
	if f.err != nil {
		return f.err
	}
	return m.data(data, point)
}

func (m *Metrics) data(b []byte, point func() error) error {
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 2<<3 | varintType:
			m.Metric.Cumulative = f.bits == 2 // AGGREGATION_TEMPORALITY_CUMULATIVE
		case 3<<3 | varintType:
			m.Metric.Monotonic = f.bits != 0
		}
	}
	if f.err != nil {
		return f.err
	}
	for f = walk(b); f.next(); {
		if f.tag != 1<<3|bytesType {
			continue
		}
		if err := m.Point.decode(f.bytes, m.Metric.Kind); err != nil {
			return err
		}
		if err := point(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Point) decode(b []byte, kind MetricKind) error {
	*p = Point{
		Attrs: p.Attrs[:0], Counts: p.Counts[:0], Bounds: p.Bounds[:0], Quantiles: p.Quantiles[:0],
		Positive: Buckets{Counts: p.Positive.Counts[:0]}, Negative: Buckets{Counts: p.Negative.Counts[:0]},
	}
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 2<<3 | fixed64Type:
			p.Start = f.bits
		case 3<<3 | fixed64Type:
			p.Time = f.bits
		default:
			if err := p.field(&f, kind); err != nil {
				return err
			}
		}
	}
	return f.err
}

// field reads a field that not every kind has. A variable for the method would
// cost an allocation for each point.
func (p *Point) field(f *fields, kind MetricKind) error {
	switch kind {
	case Histogram:
		return p.histogram(f)
	case Exponential:
		return p.exponential(f)
	case Summary:
		return p.summary(f)
	}
	return p.number(f)
}

// noValue is the flag DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK.
const noValue = 1

func (p *Point) number(f *fields) (err error) {
	switch f.tag {
	case 4<<3 | fixed64Type:
		p.Value = math.Float64frombits(f.bits)
	case 5<<3 | bytesType:
		p.Exemplars++
	case 6<<3 | fixed64Type:
		p.Value = float64(int64(f.bits))
	case 7<<3 | bytesType:
		p.Attrs, err = appendAttr(p.Attrs, f.bytes)
	case 8<<3 | varintType:
		p.Missing = f.bits&noValue != 0
	}
	return err
}

func (p *Point) histogram(f *fields) (err error) {
	switch f.tag {
	case 6<<3 | fixed64Type:
		p.Counts = append(p.Counts, f.bits)
	case 6<<3 | bytesType:
		p.Counts, err = appendFixed(p.Counts, f)
	case 7<<3 | fixed64Type:
		p.Bounds = append(p.Bounds, math.Float64frombits(f.bits))
	case 7<<3 | bytesType:
		p.Bounds, err = appendDoubles(p.Bounds, f)
	case 8<<3 | bytesType:
		p.Exemplars++
	case 9<<3 | bytesType:
		p.Attrs, err = appendAttr(p.Attrs, f.bytes)
	case 11<<3 | fixed64Type:
		p.Min, p.HasMin = math.Float64frombits(f.bits), true
	case 12<<3 | fixed64Type:
		p.Max, p.HasMax = math.Float64frombits(f.bits), true
	default:
		p.distribution(f)
	}
	return err
}

// distribution reads the fields that the two kinds of histogram share.
func (p *Point) distribution(f *fields) {
	switch f.tag {
	case 4<<3 | fixed64Type:
		p.Count = f.bits
	case 5<<3 | fixed64Type:
		p.Sum, p.HasSum = math.Float64frombits(f.bits), true
	case 10<<3 | varintType:
		p.Missing = f.bits&noValue != 0
	}
}

func (p *Point) exponential(f *fields) (err error) {
	switch f.tag {
	case 1<<3 | bytesType:
		p.Attrs, err = appendAttr(p.Attrs, f.bytes)
	case 6<<3 | varintType:
		p.Scale = unzigzag(f.bits)
	case 7<<3 | fixed64Type:
		p.ZeroCount = f.bits
	case 8<<3 | bytesType:
		err = p.Positive.decode(f.bytes)
	case 9<<3 | bytesType:
		err = p.Negative.decode(f.bytes)
	case 11<<3 | bytesType:
		p.Exemplars++
	case 14<<3 | fixed64Type:
		p.ZeroThreshold = math.Float64frombits(f.bits)
	case 12<<3 | fixed64Type:
		p.Min, p.HasMin = math.Float64frombits(f.bits), true
	case 13<<3 | fixed64Type:
		p.Max, p.HasMax = math.Float64frombits(f.bits), true
	default:
		p.distribution(f)
	}
	return err
}

func (p *Point) summary(f *fields) (err error) {
	switch f.tag {
	case 4<<3 | fixed64Type:
		p.Count = f.bits
	case 5<<3 | fixed64Type:
		p.Sum, p.HasSum = math.Float64frombits(f.bits), true
	case 6<<3 | bytesType:
		var q Quantile
		if q, err = quantile(f.bytes); err == nil {
			p.Quantiles = append(p.Quantiles, q)
		}
	case 7<<3 | bytesType:
		p.Attrs, err = appendAttr(p.Attrs, f.bytes)
	case 8<<3 | varintType:
		p.Missing = f.bits&noValue != 0
	}
	return err
}

func quantile(b []byte) (q Quantile, err error) {
	f := walk(b)
	for f.next() {
		switch f.tag {
		case 1<<3 | fixed64Type:
			q.Part = math.Float64frombits(f.bits)
		case 2<<3 | fixed64Type:
			q.Value = math.Float64frombits(f.bits)
		}
	}
	return q, f.err
}

func (b *Buckets) decode(raw []byte) error {
	f := walk(raw)
	for f.next() {
		switch f.tag {
		case 1<<3 | varintType:
			b.Offset = unzigzag(f.bits)
		case 2<<3 | varintType:
			b.Counts = append(b.Counts, f.bits)
		case 2<<3 | bytesType:
			for packed := walk(f.bytes); len(packed.rest) > 0; {
				b.Counts = append(b.Counts, packed.varint())
				if packed.err != nil {
					return packed.err
				}
			}
		}
	}
	return f.err
}

func unzigzag(v uint64) int32 { return int32(uint32(v)>>1) ^ -int32(v&1) }

func appendFixed(dst []uint64, f *fields) ([]uint64, error) {
	if len(f.bytes)%8 != 0 {
		f.fail("a packed field of %d bytes", len(f.bytes))
		return dst, f.err
	}
	for b := f.bytes; len(b) > 0; b = b[8:] {
		dst = append(dst, binary.LittleEndian.Uint64(b))
	}
	return dst, nil
}

func appendDoubles(dst []float64, f *fields) ([]float64, error) {
	if len(f.bytes)%8 != 0 {
		f.fail("a packed field of %d bytes", len(f.bytes))
		return dst, f.err
	}
	for b := f.bytes; len(b) > 0; b = b[8:] {
		dst = append(dst, math.Float64frombits(binary.LittleEndian.Uint64(b)))
	}
	return dst, nil
}
