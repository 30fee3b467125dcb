package insights

import (
	"strconv"
	"strings"
	"time"
)

// parse reads a time that the format describes, white space around aside. In
// zone unless the text names an offset.
func (f dateFormat) parse(s string, zone *time.Location) (time.Time, bool) {
	d := dateParts{year: 1970, month: 1, day: 1, zone: zone}
	s = strings.TrimSpace(s)
	for i, el := range f {
		adjacent := i+1 < len(f) && f[i+1].letter != 0
		rest, ok := d.read(el, s, adjacent)
		if !ok {
			return time.Time{}, false
		}
		s = rest
	}
	if s != "" {
		return time.Time{}, false
	}
	return d.time()
}

// dateParts is what has been read of a time.
type dateParts struct {
	year, month, day, yearDay   int
	hour, minute, second, nanos int
	half                        string // AM or PM
	unix                        int64
	isUnix                      bool
	zone                        *time.Location
}

func (d *dateParts) time() (time.Time, bool) {
	if d.isUnix {
		return time.Unix(d.unix, 0), true
	}
	if d.half != "" {
		d.hour %= 12
		if d.half == "PM" {
			d.hour += 12
		}
	}
	if d.yearDay > 0 {
		d.month, d.day = 1, d.yearDay
	}
	t := time.Date(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, d.nanos, d.zone)
	ok := d.month <= 12 && d.hour < 24 && d.minute < 60 && d.second < 60 && (d.yearDay > 0 || t.Day() == d.day)
	return t, ok
}

// read takes one element off the front of s.
func (d *dateParts) read(el dateElement, s string, adjacent bool) (string, bool) {
	switch el.letter {
	case 0:
		return strings.CutPrefix(s, el.literal)
	case 'E':
		return d.readName(s, 7, func(i int, long bool) string { return shortName(time.Weekday(i).String(), long) }, func(int) {})
	case 'a':
		return d.readName(strings.ToUpper(s[:min(2, len(s))])+s[min(2, len(s)):], 2, func(i int, _ bool) string { return [...]string{"AM", "PM"}[i] },
			func(i int) { d.half = [...]string{"AM", "PM"}[i] })
	case 'z', 'Z', 'X', 'x':
		return d.readZone(s)
	}
	if (el.letter == 'M' || el.letter == 'L') && el.width > 2 {
		return d.readName(s, 12, func(i int, long bool) string { return shortName(time.Month(i+1).String(), long) }, func(i int) { d.month = i + 1 })
	}
	return d.readNumber(el, s, adjacent)
}

func shortName(name string, long bool) string {
	if long {
		return name
	}
	return name[:3]
}

// readName takes the longest of n names off s.
func (d *dateParts) readName(s string, n int, name func(i int, long bool) string, set func(i int)) (string, bool) {
	for _, long := range [...]bool{true, false} {
		for i := range n {
			want := name(i, long)
			if len(s) >= len(want) && strings.EqualFold(s[:len(want)], want) {
				set(i)
				return s[len(want):], true
			}
		}
	}
	return s, false
}

func (d *dateParts) readZone(s string) (string, bool) {
	for _, utc := range [...]string{"UTC", "GMT", "Z"} {
		if rest, ok := strings.CutPrefix(s, utc); ok {
			d.zone = time.UTC
			return rest, true
		}
	}
	for _, layout := range [...]string{"-07:00", "-0700", "-07"} {
		if len(s) < len(layout) {
			continue
		}
		if t, err := time.Parse(layout, s[:len(layout)]); err == nil {
			d.zone = t.Location()
			return s[len(layout):], true
		}
	}
	return s, false
}

// readNumber takes digits off s: as many as the element is wide if another
// element follows directly, else as many as there are.
func (d *dateParts) readNumber(el dateElement, s string, adjacent bool) (string, bool) {
	digits := digitRun(s)
	if adjacent || el.letter == 'S' {
		digits = digits[:min(len(digits), el.width)]
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || el.letter != 'e' && len(digits) > 9 {
		return s, false
	}
	rest := s[len(digits):]
	switch el.letter {
	case 'y', 'u':
		if el.width == 2 {
			n += 2000
		}
		d.year = int(n)
	case 'M', 'L':
		d.month = int(n)
	case 'd':
		d.day = int(n)
	case 'D':
		d.yearDay = int(n)
	case 'H', 'h':
		d.hour = int(n)
	case 'm':
		d.minute = int(n)
	case 's':
		d.second = int(n)
	case 'S':
		for range 9 - len(digits) {
			n *= 10
		}
		d.nanos = int(n)
	case 'e':
		d.unix, d.isUnix = n, true
	}
	return rest, true
}
