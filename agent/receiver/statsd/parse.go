package statsd

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/sidelight-dev/sidelight"
)

// series is what a line says beside its value. Its strings alias text.
type series struct {
	hash uint64
	name int    // text[:name] is the name, the rest what follows the value
	text []byte // also memory for the next series in its place
	m    sidelight.Measurement
	set  bool // the value is a member of a set
	dims []sidelight.Dimension

	level   *level   // of a gauge, once it was asked for
	members *members // of a set, once it was asked for
}

// textOf makes a string of bytes that it aliases.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// parse reads what stands around a value: name, and type[|@rate][|#tag:value,…]
// [|Ttime] with fields that say nothing which is kept, such as the container's
// id. It copies both into s.
func (s *series) parse(name, rest []byte) cause {
	s.text = append(append(s.text[:0], name...), rest...)
	s.name = len(name)
	s.m = sidelight.Measurement{Name: textOf(s.text[:s.name])}
	s.set, s.level, s.members, s.dims = false, nil, nil, s.dims[:0]
	kind, fields := cut(s.text[s.name:], '|')
	if !s.setKind(kind) {
		return unknownType
	}
	rate := 1.0
	for len(fields) > 0 {
		var f []byte
		f, fields = cut(fields, '|')
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case '@':
			r, err := strconv.ParseFloat(textOf(f[1:]), 64)
			if err != nil || !(r > 0 && r <= 1) {
				return badRate
			}
			rate = r
		case '#':
			s.tags(f[1:])
		case 'T':
			at, ok := seconds(f[1:])
			if !ok {
				return badTime
			}
			s.m.Time = at
		}
	}
	s.m.Dimensions = s.dims
	if s.m.Kind != sidelight.Gauge {
		s.m.Count = 1 / rate
	}
	return fine
}

// seconds reads a time in Unix seconds and returns it in milliseconds.
func seconds(b []byte) (int64, bool) {
	n, err := strconv.ParseInt(textOf(b), 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/1000 {
		return 0, false
	}
	return n * 1000, true
}

// setKind understands counters, gauges, timers, histograms, distributions and
// sets.
func (s *series) setKind(kind []byte) bool {
	switch string(kind) {
	case "c":
		s.m.Kind, s.m.Unit = sidelight.Sum, "Count"
	case "g":
		s.m.Kind = sidelight.Gauge
	case "ms":
		s.m.Kind, s.m.Unit = sidelight.Sample, "Milliseconds"
	case "h", "d":
		s.m.Kind = sidelight.Sample
	case "s":
		s.m.Kind, s.m.Unit, s.set = sidelight.Gauge, "Count", true
	default:
		return false
	}
	return true
}

// tags reads a:b,c,d:e into dims, which it keeps sorted. A tag without a value
// has the value "true"; of two with the same name the later wins.
func (s *series) tags(b []byte) {
	for len(b) > 0 {
		var tag []byte
		tag, b = cut(b, ',')
		name, value := cut(tag, ':')
		if len(name) == 0 {
			continue
		}
		d := sidelight.Dimension{Name: textOf(name), Value: "true"}
		if len(value) > 0 {
			d.Value = textOf(value)
		}
		at, found := slices.BinarySearchFunc(s.dims, d, func(a, b sidelight.Dimension) int { return strings.Compare(a.Name, b.Name) })
		if found {
			s.dims[at] = d
			continue
		}
		s.dims = slices.Insert(s.dims, at, d)
	}
}

// cut splits at the first sep.
func cut(b []byte, sep byte) (before, after []byte) {
	if i := bytes.IndexByte(b, sep); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// exactDigits is how many digits a float64 holds exactly, whatever they are.
const exactDigits = 15

// number reads a decimal number. Short ones, which nearly all are, are read
// here: digits and a power of ten that are both exact in a float64 have the
// nearest quotient.
func number(b []byte) (float64, bool) {
	i, digits, point := 0, 0, -1
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		i = 1
	}
	var n uint64
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			n = n*10 + uint64(c-'0')
			if digits++; digits > exactDigits {
				return longNumber(b)
			}
		case c == '.' && point < 0:
			point = digits
		default:
			return longNumber(b)
		}
	}
	if digits == 0 {
		return 0, false
	}
	f := float64(n)
	if point >= 0 {
		f /= power(digits - point)
	}
	if b[0] == '-' {
		f = -f
	}
	return f, true
}

// power returns ten to the n, which is at most exactDigits.
func power(n int) float64 {
	return [exactDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}[n]
}

func longNumber(b []byte) (float64, bool) {
	f, err := strconv.ParseFloat(textOf(b), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}
