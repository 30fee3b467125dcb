package prometheus

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/decimal"
)

// errLine is a line that is not in the format.
var errLine = errors.New("not a sample")

// sample is a line that was taken apart. It borrows the line.
type sample struct {
	series   []byte // the name and the labels in braces, as they stand
	name     []byte
	labels   []byte // within the braces
	value    float64
	time     int64 // Unix milliseconds, if timed
	timed    bool
	exemplar bool
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

func trimLeft(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	return b
}

// token returns what stands before the next blank, and what follows the blanks.
func token(b []byte) (word, rest []byte) {
	i := 0
	for i < len(b) && !blank(b[i]) {
		i++
	}
	return b[:i], trimLeft(b[i:])
}

// parseSample takes name{label="value",…} value [time] [# exemplar] apart. The
// labels are only found, not read. In OpenMetrics times are seconds, with a
// fraction, and may be followed by an exemplar.
func parseSample(line []byte, open bool) (sample, error) {
	line = trimLeft(line)
	i := 0
	for i < len(line) && line[i] != '{' && !blank(line[i]) {
		i++
	}
	s := sample{name: line[:i], series: line[:i]}
	if !validName(s.name, true) {
		return s, errLine
	}
	rest := trimLeft(line[i:])
	if len(rest) > 0 && rest[0] == '{' {
		end := closing(rest)
		if end < 0 {
			return s, errLine
		}
		s.labels = rest[1:end]
		s.series = line[:len(line)-len(rest)+end+1]
		rest = trimLeft(rest[end+1:])
	}
	value, rest := token(rest)
	var ok bool
	if s.value, ok = number(value); !ok {
		return s, errLine
	}
	if len(rest) > 0 && rest[0] != '#' {
		var at []byte
		if at, rest = token(rest); !s.setTime(at, open) {
			return s, errLine
		}
	}
	s.exemplar = len(rest) > 0
	if s.exemplar && (!open || !bytes.HasPrefix(rest, []byte("# {"))) {
		return s, errLine
	}
	return s, nil
}

// closing returns where the brace that b begins with is closed, -1 if it is not.
func closing(b []byte) int {
	quoted := false
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == '}' && !quoted:
			return i
		}
	}
	return -1
}

// number reads a value: a number, NaN or an infinity.
func number(b []byte) (float64, bool) {
	if f, ok := decimal.Parse(b); ok {
		return f, true
	}
	switch strings.ToLower(string(b)) {
	case "nan":
		return math.NaN(), true
	case "inf", "+inf", "infinity", "+infinity":
		return math.Inf(1), true
	case "-inf", "-infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

func (s *sample) setTime(b []byte, seconds bool) bool {
	f, ok := decimal.Parse(b)
	if seconds {
		f *= 1000
	}
	if !ok || math.Abs(f) > 1e15 {
		return false
	}
	s.time, s.timed = int64(math.Round(f)), true
	return true
}

// validName reports whether b is a name: letters, digits and underscores, and
// colons in names of metrics.
func validName(b []byte, metric bool) bool {
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':' && metric:
		case c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return len(b) > 0
}

// parseLabels reads a="b",c="d" into labels sorted by name. Labels without a
// value are as good as not there. It copies what it returns.
func parseLabels(b []byte) ([]sidelight.Dimension, error) {
	var out []sidelight.Dimension
	for b = trimLeft(b); len(b) > 0; b = trimLeft(b) {
		eq := bytes.IndexByte(b, '=')
		if eq < 0 {
			return nil, errLine
		}
		name := bytes.TrimRight(b[:eq], " \t")
		b = trimLeft(b[eq+1:])
		if !validName(name, false) || len(b) == 0 || b[0] != '"' {
			return nil, errLine
		}
		value, n := unquote(b)
		if n < 0 || !utf8.ValidString(value) {
			return nil, errLine
		}
		at, twice := slices.BinarySearchFunc(out, string(name), func(d sidelight.Dimension, name string) int { return strings.Compare(d.Name, name) })
		if twice {
			return nil, errLine
		}
		out = slices.Insert(out, at, sidelight.Dimension{Name: string(name), Value: value})
		b = trimLeft(b[n:])
		if len(b) > 0 {
			if b[0] != ',' {
				return nil, errLine
			}
			b = b[1:]
		}
	}
	return slices.DeleteFunc(out, func(d sidelight.Dimension) bool { return d.Value == "" }), nil
}

// unquote reads the string in quotes that b begins with, and returns how much of
// b it takes, -1 if it has no end. The escapes are \\, \" and \n; what follows any
// other backslash stays as it is, with it.
func unquote(b []byte) (string, int) {
	var out strings.Builder
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return out.String(), i + 1
		case c == '\\' && i+1 < len(b):
			i++
			switch b[i] {
			case 'n':
				out.WriteByte('\n')
			case '\\', '"':
				out.WriteByte(b[i])
			default:
				out.Write(b[i-1 : i+1])
			}
		default:
			out.WriteByte(c)
		}
	}
	return "", -1
}
