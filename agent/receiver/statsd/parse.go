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
