// Package timestamp reads the times that log events carry: in a layout that the
// configuration gives, or in those that loggers commonly use.
package timestamp

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Layout reads times that are written in one way. The zero Layout is that of
// New("", nil). It is safe for concurrent use.
type Layout struct {
	kind  kind
	text  string // Go's layout
	zone  *time.Location
	words int
	year  bool // text has a year
}

type kind uint8

const (
	common kind = iota
	epoch
	seconds
	millis
	micros
	nanos
	golang
)

// New returns the layout that text describes:
//
//	""          RFC 3339 and its relatives, Apache's, seconds to nanoseconds
//	            since 1970
//	rfc3339     the same as ""
//	unix        a number since 1970, its unit told by its size; unix_s, unix_ms,
//	            unix_us and unix_ns say the unit
//	%d/%b/%Y    with a percent sign: the conversions of strftime
//	2006-01-02  otherwise: a layout of Go's package time
//
// zone is for times that name none; nil is UTC.
func New(text string, zone *time.Location) (Layout, error) {
	l := Layout{zone: zone, words: 1}
	switch text {
	case "", "rfc3339":
		return l, nil
	case "unix":
		l.kind = epoch
	case "unix_s":
		l.kind = seconds
	case "unix_ms":
		l.kind = millis
	case "unix_us":
		l.kind = micros
	case "unix_ns":
		l.kind = nanos
	default:
		var err error
		if strings.Contains(text, "%") {
			if text == "%s" {
				l.kind = seconds
				return l, nil
			}
			text, err = strftime(text)
		}
		if err == nil {
			err = checkLayout(text)
		}
		if err != nil {
			return Layout{}, err
		}
		l.kind, l.text = golang, text
		l.words = 1 + strings.Count(strings.TrimSpace(text), " ")
		l.year = strings.Contains(text, "06")
	}
	return l, nil
}

// Names returns the layouts that have names.
func Names() []string { return []string{"rfc3339", "unix", "unix_s", "unix_ms", "unix_us", "unix_ns"} }

// checkLayout refuses a layout in which no two different times differ.
func checkLayout(text string) error {
	a := time.Date(2001, 2, 3, 4, 5, 6, 7e8, time.UTC)
	b := time.Date(2012, 11, 10, 19, 8, 7, 6e8, time.UTC)
	if a.Format(text) == b.Format(text) {
		return errors.New("expected rfc3339, unix, unix_ms, conversions of strftime such as %Y-%m-%d %H:%M:%S, or a Go layout such as 2006-01-02 15:04:05")
	}
	return nil
}

// conversions are those of strftime in Go's terms.
func conversions() map[byte]string {
	return map[byte]string{
		'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'j': "002", 'b': "Jan", 'h': "Jan", 'B': "January",
		'a': "Mon", 'A': "Monday", 'H': "15", 'k': "15", 'I': "03", 'l': "3", 'M': "04", 'S': "05", 'p': "PM",
		'z': "-0700", 'Z': "MST", 'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04",
		'c': "Mon Jan _2 15:04:05 2006", '%': "%", 'n': "\n", 't': "\t",
	}
}

// strftime turns a layout of strftime into one of Go. A fraction behind the
// seconds (%f, %L, %N) is left out with its separator, as Go reads one wherever
// seconds are.
func strftime(text string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		if i++; i == len(text) {
			return "", errors.New("the layout ends in a percent sign; write %% for one")
		}
		if strings.IndexByte("fLN", text[i]) >= 0 {
			s := b.String()
			if !strings.HasSuffix(s, "05.") && !strings.HasSuffix(s, "05,") {
				return "", fmt.Errorf("%%%c must stand behind the seconds and a point or comma: %%S.%%%c", text[i], text[i])
			}
			b.Reset()
			b.WriteString(s[:len(s)-1])
			continue
		}
		c, ok := conversions()[text[i]]
		if !ok {
			return "", fmt.Errorf("%%%c is not a known conversion; known: %%Y %%y %%m %%d %%e %%j %%b %%B %%a %%A %%H %%I %%M %%S %%f %%p %%z %%Z %%F %%T %%R %%D %%s", text[i])
		}
		b.WriteString(c)
	}
	return b.String(), nil
}

// Parse returns the time that b consists of, in Unix milliseconds. now, in Unix
// milliseconds too, tells the year of times that have none.
func (l *Layout) Parse(b []byte, now int64) (int64, bool) {
	switch l.kind {
	case common:
		if ms, ok := iso(b, l.zone); ok {
			return ms, true
		}
		if ms, ok := number(b, epoch); ok {
			return ms, true
		}
		return l.parse("02/Jan/2006:15:04:05 -0700", b)
	case golang:
		ms, ok := l.parse(l.text, b)
		if ok && !l.year {
			ms = withYear(ms, now, l.location())
		}
		return ms, ok
	}
	return number(b, l.kind)
}

func (l *Layout) location() *time.Location {
	if l.zone == nil {
		return time.UTC
	}
	return l.zone
}

func (l *Layout) parse(layout string, b []byte) (int64, bool) {
	if len(b) > 64 {
		return 0, false
	}
	t, err := time.ParseInLocation(layout, string(b), l.location())
	if err != nil {
		return 0, false
	}
	return t.UnixMilli(), true
}

// withYear moves ms, which lies in the year 0, to the year in which it is
// nearest to now without lying more than a day behind it in the future.
func withYear(ms, now int64, zone *time.Location) int64 {
	t, at := time.UnixMilli(ms).In(zone), time.UnixMilli(now).In(zone)
	year := at.Year()
	moved := t.AddDate(year-t.Year(), 0, 0)
	if moved.Sub(at) > 24*time.Hour {
		moved = t.AddDate(year-1-t.Year(), 0, 0)
	}
	return moved.UnixMilli()
}

// Leading returns the part of line that l's time would be at its start: as many
// words as the layout has, without brackets around them.
func (l *Layout) Leading(line []byte) []byte {
	line = bytes.TrimLeft(line, " [")
	end := 0
	for range max(l.words, 1) {
		for end < len(line) && line[end] == ' ' {
			end++ // days are padded with one
		}
		n := bytes.IndexByte(line[end:], ' ')
		if n < 0 {
			end = len(line)
			break
		}
		end += n
	}
	if l.kind == common {
		end = l.second(line, end)
	}
	return bytes.TrimRight(line[:end], "]:,|")
}

// second returns the end of the second word, if a date of its own ends at end.
func (l *Layout) second(line []byte, end int) int {
	if (end != 10 || line[4] != '-') && !(end > 14 && line[2] == '/') || end == len(line) {
		return end
	}
	if n := bytes.IndexByte(line[end+1:], ' '); n >= 0 {
		return end + 1 + n
	}
	return len(line)
}

// As a number of seconds, a time of this age in the unit would lie beyond the
// year 5000: it is taken for the next smaller unit.
const sized = 1e11

// earliest is the least number that is taken for a time without its unit being
// known, in seconds: what is called time and is smaller is a duration.
const earliest = 1e8

// number reads an amount of unit since 1970.
func number(b []byte, unit kind) (int64, bool) {
	if len(b) == 0 || len(b) > 32 || b[0] < '0' || b[0] > '9' {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || !(f > 0 && f < 1e21) {
		return 0, false
	}
	if unit == epoch {
		if f < earliest {
			return 0, false
		}
		for unit = seconds; unit < nanos && f >= sized; unit++ {
			f /= 1000
		}
		f *= 1000
	} else {
		f *= math.Pow(1000, 1-float64(unit-seconds))
	}
	if f < 1 || f > 253402300799999 { // the year 9999
		return 0, false
	}
	return int64(math.Round(f)), true
}
