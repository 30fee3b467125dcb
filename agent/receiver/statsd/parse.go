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

// line is one parsed StatsD sample. Its strings alias the datagram.
type line struct {
	m     sidelight.Measurement
	delta bool // a gauge that was given with a sign
}

// parser holds what parsing reuses.
type parser struct {
	line line
	dims []sidelight.Dimension
}

// text makes a string of bytes that it aliases.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// parse reads name:value|type[|@rate][|#tag:value,…] and calls emit for each of
// its values; name:1:2:3|ms carries several. It returns a short reason if the
// line is not StatsD, or "".
func (p *parser) parse(b []byte, emit func(*line)) string {
	colon := bytes.IndexByte(b, ':')
	if colon <= 0 {
		return "no_name"
	}
	name, rest := b[:colon], b[colon+1:]
	bar := bytes.IndexByte(rest, '|')
	if bar <= 0 {
		return "no_type"
	}
	values, fields := rest[:bar], rest[bar+1:]
	l := &p.line
	*l = line{m: sidelight.Measurement{Name: text(name)}}
	kind, fields := cut(fields, '|')
	if !setKind(&l.m, kind) {
		return "unknown_type"
	}
	rate := 1.0
	for len(fields) > 0 {
		var f []byte
		f, fields = cut(fields, '|')
		switch {
		case len(f) > 1 && f[0] == '@':
			r, err := strconv.ParseFloat(text(f[1:]), 64)
			if err != nil || r <= 0 || r > 1 {
				return "bad_rate"
			}
			rate = r
		case len(f) > 0 && f[0] == '#':
			l.m.Dimensions = p.tags(f[1:])
		}
		// Other fields (container id, timestamp) say nothing that is kept.
	}
	if l.m.Kind != sidelight.Gauge {
		l.m.Count = 1 / rate
	}
	return emitValues(values, l, emit)
}

func emitValues(values []byte, l *line, emit func(*line)) string {
	for len(values) > 0 {
		var v []byte
		v, values = cut(values, ':')
		f, err := strconv.ParseFloat(text(v), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return "bad_value"
		}
		l.m.Value = f
		l.delta = l.m.Kind == sidelight.Gauge && (v[0] == '+' || v[0] == '-')
		emit(l)
	}
	return ""
}

// setKind understands counters, gauges, timers, histograms and distributions.
func setKind(m *sidelight.Measurement, kind []byte) bool {
	switch string(kind) {
	case "c":
		m.Kind, m.Unit = sidelight.Sum, "Count"
	case "g":
		m.Kind = sidelight.Gauge
	case "ms":
		m.Kind, m.Unit = sidelight.Sample, "Milliseconds"
	case "h", "d":
		m.Kind = sidelight.Sample
	default:
		return false
	}
	return true
}

// tags reads a:b,c,d:e. A tag without a value has the value "true"; of two with
// the same name the later wins.
func (p *parser) tags(b []byte) []sidelight.Dimension {
	p.dims = p.dims[:0]
	for len(b) > 0 {
		var tag []byte
		tag, b = cut(b, ',')
		name, value := cut(tag, ':')
		if len(name) == 0 {
			continue
		}
		d := sidelight.Dimension{Name: text(name), Value: "true"}
		if len(value) > 0 {
			d.Value = text(value)
		}
		at, found := slices.BinarySearchFunc(p.dims, d, func(a, b sidelight.Dimension) int { return strings.Compare(a.Name, b.Name) })
		if found {
			p.dims[at] = d
			continue
		}
		p.dims = slices.Insert(p.dims, at, d)
	}
	return p.dims
}

// cut splits at the first sep.
func cut(b []byte, sep byte) (before, after []byte) {
	if i := bytes.IndexByte(b, sep); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}
