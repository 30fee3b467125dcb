// Package promtext takes lines of Prometheus' text format, and of OpenMetrics,
// apart without allocating.
package promtext

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/decimal"
)

// ErrLine is a line that is not in the format.
var ErrLine = errors.New("not a sample")

// Sample is a line that was taken apart. It borrows the line.
type Sample struct {
	// Series is the name and the labels in braces, as they stand.
	Series []byte
	Name   []byte
	// Labels is what stands within the braces. See NextLabel.
	Labels []byte
	Value  float64
	// Time is in Unix milliseconds, if Timed.
	Time     int64
	Timed    bool
	Exemplar bool
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// TrimLeft takes blanks away.
func TrimLeft(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	return b
}

// trim returns b without blanks and ends of lines around it.
func trim(b []byte) []byte {
	space := func(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
	for len(b) > 0 && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	return b
}

// Word returns what stands before the next blank, and what follows the blanks.
func Word(b []byte) (word, rest []byte) {
	i := 0
	for i < len(b) && !blank(b[i]) {
		i++
	}
	return b[:i], TrimLeft(b[i:])
}

// Parse takes name{label="value",…} value [time] [# exemplar] apart. The
// labels are only found, not read. In OpenMetrics times are seconds, with a
// fraction, and may be followed by an exemplar.
func Parse(line []byte, open bool) (Sample, error) {
	line = TrimLeft(line)
	i := 0
	for i < len(line) && line[i] != '{' && !blank(line[i]) {
		i++
	}
	s := Sample{Name: line[:i], Series: line[:i]}
	if !validName(s.Name, true) {
		return s, ErrLine
	}
	rest := TrimLeft(line[i:])
	if len(rest) > 0 && rest[0] == '{' {
		end := closing(rest)
		if end < 0 {
			return s, ErrLine
		}
		s.Labels = rest[1:end]
		s.Series = line[:len(line)-len(rest)+end+1]
		rest = TrimLeft(rest[end+1:])
	}
	value, rest := Word(rest)
	var ok bool
	if s.Value, ok = Number(value); !ok {
		return s, ErrLine
	}
	if len(rest) > 0 && rest[0] != '#' {
		var at []byte
		if at, rest = Word(rest); !s.setTime(at, open) {
			return s, ErrLine
		}
	}
	s.Exemplar = len(rest) > 0
	if s.Exemplar && (!open || !bytes.HasPrefix(rest, []byte("# {"))) {
		return s, ErrLine
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

// Number reads a value: a number, NaN or an infinity.
func Number(b []byte) (float64, bool) {
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

func (s *Sample) setTime(b []byte, seconds bool) bool {
	f, ok := decimal.Parse(b)
	if seconds {
		f *= 1000
	}
	if !ok || math.Abs(f) > 1e15 {
		return false
	}
	s.Time, s.Timed = int64(math.Round(f)), true
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

// NextLabel takes name="value" and the comma behind it off b, the text within
// the braces of a sample. name is empty if there is none left. value is as it
// stands between the quotes: see Unescape.
func NextLabel(b []byte) (name, value, rest []byte, err error) {
	if b = TrimLeft(b); len(b) == 0 {
		return nil, nil, nil, nil
	}
	eq := bytes.IndexByte(b, '=')
	if eq < 0 {
		return nil, nil, nil, ErrLine
	}
	name = bytes.TrimRight(b[:eq], " \t")
	b = TrimLeft(b[eq+1:])
	if !validName(name, false) || len(b) == 0 || b[0] != '"' {
		return nil, nil, nil, ErrLine
	}
	end := quote(b)
	if end < 0 {
		return nil, nil, nil, ErrLine
	}
	value, b = b[1:end], TrimLeft(b[end+1:])
	if len(b) > 0 {
		if b[0] != ',' {
			return nil, nil, nil, ErrLine
		}
		b = b[1:]
	}
	return name, value, b, nil
}

// quote returns where the string in quotes that b begins with ends, -1 if it has
// no end.
func quote(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return -1
}

// Unescape returns a copy of a label's value with its escapes undone: \\, \" and
// \n. What follows any other backslash stays as it is, with it.
func Unescape(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			out.WriteByte(b[i])
			continue
		}
		i++
		switch b[i] {
		case 'n':
			out.WriteByte('\n')
		case '\\', '"':
			out.WriteByte(b[i])
		default:
			out.Write(b[i-1 : i+1])
		}
	}
	return out.String()
}

// Lines reads an exposition line by line.
type Lines struct{ in *bufio.Reader }

// NewLines returns a reader of lines of at most longest bytes, which it keeps
// room for.
func NewLines(longest int) *Lines { return &Lines{bufio.NewReaderSize(nil, longest)} }

// Reset makes it read from another one.
func (l *Lines) Reset(from io.Reader) { l.in.Reset(from) }

// Next returns the next line without its end and the blanks before and behind,
// valid until the next call. The last line comes with io.EOF. A line that is too
// long is bufio.ErrBufferFull.
func (l *Lines) Next() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	return trim(line), err
}
