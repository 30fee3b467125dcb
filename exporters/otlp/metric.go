package otlp

import (
	"math"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// Numbers of opentelemetry/proto/metrics/v1/metrics.proto.
const (
	delta = 1 // AggregationTemporality

	// maxBuckets is how many buckets a histogram may have on either side of zero;
	// SDKs have 160, too.
	maxBuckets = 160
	maxScale   = 10
)

// AppendMetric appends p, which covers the interval that begins at its time, as
// the fields of a Metric: a level as a Gauge, with the mean of what was seen; an
// increase as a Sum of delta temporality; observations as an ExponentialHistogram,
// whose count, sum, least and greatest value are p's. The namespace is not in it:
// a request's scope has its name.
func AppendMetric(dst []byte, p *sidelight.Point, interval time.Duration) []byte {
	dst = otlpwire.AppendBytes(dst, 1, valid(p.Name))
	if u := unit(p.Unit); u != "" {
		dst = otlpwire.AppendBytes(dst, 3, u)
	}
	field := uint64(5)
	switch p.Kind {
	case sidelight.Sum:
		field = 7
	case sidelight.Sample:
		field = 10
	}
	dst = otlpwire.Open(dst, field)
	data := len(dst)
	dst = otlpwire.Open(dst, 1)
	start := len(dst)
	if p.Kind == sidelight.Sample {
		dst = appendHistogram(dst, p, interval)
	} else {
		dst = appendDataPoint(dst, p, interval)
	}
	dst = otlpwire.Close(dst, start)
	switch p.Kind {
	case sidelight.Sum:
		dst = otlpwire.AppendUint(dst, 2, delta)
		if stats(p).Min >= 0 {
			dst = otlpwire.AppendUint(dst, 3, 1) // monotonic
		}
	case sidelight.Sample:
		dst = otlpwire.AppendUint(dst, 2, delta)
	}
	return otlpwire.Close(dst, data)
}

// appendDataPoint appends the fields of a NumberDataPoint.
func appendDataPoint(dst []byte, p *sidelight.Point, interval time.Duration) []byte {
	dst = appendTimes(dst, p, interval)
	s := stats(p)
	v := s.Sum
	if p.Kind == sidelight.Gauge && s.Count > 0 {
		v /= s.Count
	}
	dst = otlpwire.AppendFixed64(dst, 4, math.Float64bits(v))
	return appendDimensions(dst, 7, p)
}

func appendTimes(dst []byte, p *sidelight.Point, interval time.Duration) []byte {
	dst = otlpwire.AppendFixed64(dst, 2, uint64(p.Time)*1e6)
	return otlpwire.AppendFixed64(dst, 3, uint64(p.Time)*1e6+uint64(interval))
}

func appendDimensions(dst []byte, field uint64, p *sidelight.Point) []byte {
	for _, d := range p.Dimensions {
		dst = otlpwire.AppendTextAttr(dst, field, valid(d.Name), valid(d.Value))
	}
	return dst
}

func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// stats sums p up.
func stats(p *sidelight.Point) sidelight.Stats {
	if len(p.Values) == 0 {
		return p.Stats
	}
	s := sidelight.Stats{Min: p.Values[0], Max: p.Values[0]}
	for i, v := range p.Values {
		s.Count += p.Counts[i]
		s.Sum += v * p.Counts[i]
		s.Min, s.Max = min(s.Min, v), max(s.Max, v)
	}
	return s
}

// appendHistogram appends the fields of an ExponentialHistogramDataPoint.
func appendHistogram(dst []byte, p *sidelight.Point, interval time.Duration) []byte {
	h := bucketize(p)
	dst = appendDimensions(dst, 1, p)
	dst = appendTimes(dst, p, interval)
	s := stats(p)
	dst = otlpwire.AppendFixed64(dst, 4, h.count)
	dst = otlpwire.AppendFixed64(dst, 5, math.Float64bits(s.Sum))
	dst = otlpwire.AppendUint(dst, 6, zigzag(h.scale))
	dst = otlpwire.AppendFixed64(dst, 7, h.zero)
	dst = h.positive.append(dst, 8)
	dst = h.negative.append(dst, 9)
	dst = otlpwire.AppendFixed64(dst, 12, math.Float64bits(s.Min))
	return otlpwire.AppendFixed64(dst, 13, math.Float64bits(s.Max))
}

// histogram is an exponential histogram: bucket i is (2^(i/2^scale),
// 2^((i+1)/2^scale)].
type histogram struct {
	scale              int
	count, zero        uint64
	positive, negative side
}

// side are the buckets on one side of zero.
type side struct {
	offset int
	counts []uint64
}

// index returns the bucket that |v| is in.
func index(v float64, scale int) int {
	return int(math.Ceil(math.Log2(math.Abs(v))*math.Ldexp(1, scale))) - 1
}

// bucketize puts p's values into as fine buckets as there may be. Counts may be
// fractions, as of what was sampled: what rounding leaves goes to the next
// value.
func bucketize(p *sidelight.Point) histogram {
	values, counts := p.Values, p.Counts
	if len(values) == 0 {
		// A statistic set has no more to say than where its mean is.
		values, counts = []float64{p.Stats.Sum / max(1, p.Stats.Count)}, []float64{p.Stats.Count}
	}
	h := histogram{scale: maxScale}
	for !fits(values, h.scale) {
		h.scale--
	}
	rest := 0.0
	for i, v := range values {
		exact := counts[i] + rest
		n := uint64(math.Round(max(0, exact)))
		rest = exact - float64(n)
		h.count += n
		switch {
		case v > 0:
			h.positive.add(index(v, h.scale), n)
		case v < 0:
			h.negative.add(index(v, h.scale), n)
		default:
			h.zero += n
		}
	}
	return h
}

// fits reports whether values need no more than maxBuckets on either side.
func fits(values []float64, scale int) bool {
	var low, high [2]int
	var any [2]bool
	for _, v := range values {
		if v == 0 {
			continue
		}
		s := 0
		if v < 0 {
			s = 1
		}
		i := index(v, scale)
		if !any[s] {
			low[s], high[s], any[s] = i, i, true
		}
		low[s], high[s] = min(low[s], i), max(high[s], i)
	}
	return high[0]-low[0] < maxBuckets && high[1]-low[1] < maxBuckets
}

// add counts n in bucket i. Buckets come in any order.
func (s *side) add(i int, n uint64) {
	switch {
	case len(s.counts) == 0:
		s.offset = i
	case i < s.offset:
		s.counts = append(make([]uint64, s.offset-i), s.counts...)
		s.offset = i
	}
	for len(s.counts) <= i-s.offset {
		s.counts = append(s.counts, 0)
	}
	s.counts[i-s.offset] += n
}

// append appends a Buckets message as a field, unless it is empty.
func (s *side) append(dst []byte, field uint64) []byte {
	if len(s.counts) == 0 {
		return dst
	}
	dst = otlpwire.Open(dst, field)
	start := len(dst)
	dst = otlpwire.AppendUint(dst, 1, zigzag(s.offset))
	dst = otlpwire.Open(dst, 2)
	packed := len(dst)
	for _, n := range s.counts {
		dst = otlpwire.AppendVarint(dst, n)
	}
	dst = otlpwire.Close(dst, packed)
	return otlpwire.Close(dst, start)
}

func zigzag(v int) uint64 { return uint64(v<<1) ^ uint64(v>>63) }

// unit returns the code of UCUM for one of CloudWatch's units, as OTLP has them.
func unit(name string) string {
	if base, ok := strings.CutSuffix(name, "/Second"); ok {
		if u := unit(base); u != "" {
			return u + "/s"
		}
	}
	switch name {
	case "Seconds":
		return "s"
	case "Milliseconds":
		return "ms"
	case "Microseconds":
		return "us"
	case "Bytes":
		return "By"
	case "Kilobytes":
		return "kBy"
	case "Megabytes":
		return "MBy"
	case "Gigabytes":
		return "GBy"
	case "Terabytes":
		return "TBy"
	case "Bits":
		return "bit"
	case "Kilobits":
		return "kbit"
	case "Megabits":
		return "Mbit"
	case "Gigabits":
		return "Gbit"
	case "Terabits":
		return "Tbit"
	case "Percent":
		return "%"
	case "Count":
		return "{count}"
	}
	return ""
}
