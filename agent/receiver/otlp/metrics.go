package otlp

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/bucket"
	"github.com/sidelight-dev/sidelight/internal/order"
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

	exemplars atomic.Uint64 // which are ignored
	// attrs are the names of attributes of resources that become dimensions.
	attrs []string

	mu   sync.Mutex
	past past
}

func newConverter(rec sidelight.Recorder, maxSeries int, attrs []string) *converter {
	return &converter{rec: rec, attrs: attrs, since: uint64(time.Now().UnixNano()), past: newPast(maxSeries)}
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
	shared   []otlpwire.Attr // of the resource, to be dimensions
	merged   []otlpwire.Attr // of a point and its resource
	factor   float64
	m        sidelight.Measurement
	hist     bucket.Histogram
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
	v.service, v.resource, v.shared = "", v.resource[:0], v.shared[:0]
	sortAttrs(attrs)
	for _, a := range attrs {
		v.resource = appendIdentity(v.resource, a)
		if string(a.Key) == "service.name" {
			v.service = string(otlpwire.AppendText(nil, a.Value))
		}
		if slices.Contains(v.attrs, string(a.Key)) {
			v.shared = append(v.shared, a)
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
	if p.Exemplars > 0 {
		v.exemplars.Add(uint64(p.Exemplars))
	}
	if p.Missing {
		return nil
	}
	sortAttrs(p.Attrs)
	v.dimensions(v.withResource(p.Attrs))
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

// withResource adds the attributes of the resource that are to be dimensions. A
// point's own comes before its resource's of the same name.
func (v *conversion) withResource(attrs []otlpwire.Attr) []otlpwire.Attr {
	if len(v.shared) == 0 {
		return attrs
	}
	v.merged = append(append(v.merged[:0], attrs...), v.shared...)
	order.Stable(v.merged, func(a, b otlpwire.Attr) int { return bytes.Compare(a.Key, b.Key) })
	return v.merged
}

// dimensions makes dimensions of a point's attributes, which are sorted, and of
// the sender's service. Of more than CloudWatch takes, those that are left out are
// counted later, when rules have had their say.
func (v *conversion) dimensions(attrs []otlpwire.Attr) {
	v.dims = v.dims[:0]
	add := func(name, value string) {
		if name != "" && value != "" {
			v.dims = append(v.dims, sidelight.Dimension{Name: name, Value: value})
		}
	}
	own := v.service == ""
	for i, a := range attrs {
		if i > 0 && bytes.Equal(a.Key, attrs[i-1].Key) {
			continue
		}
		name := again(v.before().Name, a.Key)
		if !own && name >= "service" {
			own = true
			if name != "service" {
				add("service", v.service)
			}
		}
		if a.Value.Kind == otlpwire.String {
			add(name, again(v.before().Value, a.Value.Raw))
			continue
		}
		add(name, string(otlpwire.AppendText(nil, a.Value)))
	}
	if !own {
		add("service", v.service)
	}
}

// before returns what stood in the place of the next dimension at the point before,
// which often has the same name and value.
func (v *conversion) before() sidelight.Dimension {
	if n := len(v.dims); n < cap(v.dims) {
		return v.dims[:n+1][n]
	}
	return sidelight.Dimension{}
}

// again is b as a string: old, if that says the same.
func again(old string, b []byte) string {
	if old == string(b) {
		return old
	}
	return string(b)
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

// summary records the quantiles of a summary as levels, as they cannot be merged
// with anything, and what its sum and count grew by.
func (v *conversion) summary() error {
	p, name := &v.in.Point, v.m.Name
	own := v.m.Dimensions
	for _, q := range p.Quantiles {
		at := sidelight.Dimension{Name: "quantile", Value: strconv.FormatFloat(q.Part, 'g', -1, 64)}
		i, _ := slices.BinarySearchFunc(own, at, func(a, b sidelight.Dimension) int { return strings.Compare(a.Name, b.Name) })
		v.m.Dimensions = slices.Insert(slices.Clone(own), i, at)
		if err := v.emit(sidelight.Gauge, q.Value, 1); err != nil {
			return err
		}
	}
	v.m.Dimensions = own
	v.mu.Lock()
	known, err := v.past.advanceDistribution(v.identity(), p, v.since)
	v.mu.Unlock()
	if err != nil || !known {
		return err
	}
	v.m.Name = name + "_sum"
	if err := v.emit(sidelight.Sum, p.Sum, 1); err != nil {
		return err
	}
	v.m.Name, v.m.Unit, v.factor = name+"_count", "Count", 1
	return v.emit(sidelight.Sum, float64(p.Count), 1)
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
