package otlp

import (
	"bytes"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

var (
	errNoMetrics = errors.New("metrics are not taken here")
	errNotFinite = errors.New("a value is not a finite number within CloudWatch's range")
	errTooMany   = errors.New("too many series of cumulative metrics; use delta temporality")
	errNameless  = errors.New("a metric has no name")
	errBuckets   = errors.New("a histogram does not have one bucket more than bounds")
)

// maxValue is the greatest magnitude that PutMetricData takes.
var maxValue = math.Exp2(360)

// converter makes measurements of data points. It remembers cumulative series.
type converter struct {
	rec   sidelight.Recorder // nil: metrics are refused
	since uint64             // Unix nanoseconds at which it began to see points

	mu   sync.Mutex
	past past
}

func newConverter(rec sidelight.Recorder, maxSeries int) *converter {
	return &converter{rec: rec, since: uint64(time.Now().UnixNano()), past: newPast(maxSeries)}
}

// conversion is one request on its way.
type conversion struct {
	*converter
	in  *otlpwire.Metrics
	res result

	service  string
	resource []byte // tells senders apart
	key      []byte // tells series apart
	dims     []sidelight.Dimension
	factor   float64
	m        sidelight.Measurement
}

// record makes measurements of all points of a request. The request is checked
// as a whole before anything is recorded.
func (c *converter) record(s *scratch, body []byte, defaults []otlpwire.Attr) (result, error) {
	if c.rec == nil {
		return result{}, errNoMetrics
	}
	nothing := func() error { return nil }
	if err := s.points.Decode(body, nothing, nothing); err != nil {
		return result{}, err
	}
	v := &conversion{converter: c, in: &s.points}
	err := s.points.Decode(body, func() error {
		s.points.Resource.Attrs = withDefaults(s.points.Resource.Attrs, defaults)
		v.prepare(s.points.Resource.Attrs)
		return nil
	}, func() error {
		if err := v.point(); err != nil {
			v.res.reject(err)
		}
		return nil
	})
	return v.res, err
}

func (v *conversion) prepare(attrs []otlpwire.Attr) {
	v.service, v.resource = "", v.resource[:0]
	sortAttrs(attrs)
	for _, a := range attrs {
		v.resource = appendIdentity(v.resource, a)
		if string(a.Key) == "service.name" {
			v.service = string(otlpwire.AppendText(nil, a.Value))
		}
	}
}

func appendIdentity(dst []byte, a otlpwire.Attr) []byte {
	dst = append(append(dst, a.Key...), 0)
	return append(otlpwire.AppendJSON(dst, a.Value, 0), 0)
}

func (v *conversion) point() error {
	p, metric := &v.in.Point, &v.in.Metric
	if len(metric.Name) == 0 {
		return errNameless
	}
	if p.Missing {
		return nil
	}
	sortAttrs(p.Attrs)
	v.dimensions(p.Attrs)
	unit, factor := unitOf(string(metric.Unit))
	v.factor = factor
	v.m = sidelight.Measurement{Name: string(metric.Name), Unit: unit, Dimensions: v.dims, Time: millis(p.Time)}
	switch metric.Kind {
	case otlpwire.Gauge:
		return v.emit(sidelight.Gauge, p.Value, 1)
	case otlpwire.Sum:
		return v.sum()
	case otlpwire.Histogram, otlpwire.Exponential:
		return v.distribution()
	case otlpwire.Summary:
		return v.summary()
	}
	return nil
}

// maxDimensions is CloudWatch's limit.
const maxDimensions = 30

// dimensions makes dimensions of a point's attributes, which are sorted, and of
// the sender's service.
func (v *conversion) dimensions(attrs []otlpwire.Attr) {
	v.dims = v.dims[:0]
	add := func(name, value string) {
		if name != "" && value != "" && len(v.dims) < maxDimensions {
			v.dims = append(v.dims, sidelight.Dimension{Name: name, Value: value})
		}
	}
	own := v.service == ""
	for i, a := range attrs {
		if i > 0 && bytes.Equal(a.Key, attrs[i-1].Key) {
			continue
		}
		name := string(a.Key)
		if !own && name >= "service" {
			own = true
			if name != "service" {
				add("service", v.service)
			}
		}
		add(name, string(otlpwire.AppendText(nil, a.Value)))
	}
	if !own {
		add("service", v.service)
	}
}

// emit records one value that was seen n times.
func (v *conversion) emit(kind sidelight.MeasurementKind, value, n float64) error {
	value *= v.factor
	if math.IsNaN(value) || math.Abs(value) > maxValue {
		return errNotFinite
	}
	v.m.Kind, v.m.Value, v.m.Count = kind, value, n
	v.rec.Record(&v.m)
	return nil
}

// sum records an increase. A cumulative sum becomes the increase since the
// point before, one that may fall a level.
func (v *conversion) sum() error {
	p, metric := &v.in.Point, &v.in.Metric
	if !metric.Cumulative {
		return v.emit(sidelight.Sum, p.Value, 1)
	}
	if !metric.Monotonic {
		return v.emit(sidelight.Gauge, p.Value, 1)
	}
	if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
		return errNotFinite
	}
	v.mu.Lock()
	delta, known, err := v.past.advance(v.identity(), p, v.since)
	v.mu.Unlock()
	if err != nil || !known {
		return err
	}
	return v.emit(sidelight.Sum, delta, 1)
}

// summary records the sum and the count of a summary as levels: its quantiles
// cannot be merged with anything.
func (v *conversion) summary() error {
	p, name := &v.in.Point, v.m.Name
	v.m.Name = name + "_sum"
	if err := v.emit(sidelight.Gauge, p.Sum, 1); err != nil {
		return err
	}
	v.m.Name, v.m.Unit, v.factor = name+"_count", "Count", 1
	return v.emit(sidelight.Gauge, float64(p.Count), 1)
}

// identity returns what tells the point's series from all others.
func (v *conversion) identity() []byte {
	v.key = append(append(v.key[:0], v.resource...), 1)
	v.key = append(append(v.key, v.in.Scope.Name...), 0)
	v.key = append(append(v.key, v.in.Metric.Name...), 0, byte(v.in.Metric.Kind))
	for _, a := range v.in.Point.Attrs {
		v.key = appendIdentity(v.key, a)
	}
	return v.key
}
