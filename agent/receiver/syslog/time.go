package syslog

import (
	"bytes"
	"time"
)

// isoTime reads a time of RFC 3339 at the start of b, with a space instead of
// the T too, and returns how long it is, 0 if there is none. Without zone it must
// name its own; otherwise it may leave that to zone.
func isoTime(b []byte, zone *time.Location) (time.Time, int) {
	if len(b) < 19 || b[4] != '-' || b[7] != '-' || b[10] != 'T' && b[10] != 't' && b[10] != ' ' {
		return time.Time{}, 0
	}
	year, ok1 := number(b[:4])
	month, ok2 := number(b[5:7])
	day, ok3 := number(b[8:10])
	c, n, ok4 := clock(b[11:])
	i := 11 + n
	if !ok1 || !ok2 || !ok3 || !ok4 || year < 1 || month < 1 || month > 12 || day < 1 || day > 31 {
		return time.Time{}, 0
	}
	at := zone
	if offset, n, ok := offset(b[i:]); ok {
		// In UTC and moved: a time.FixedZone would be an allocation.
		return c.on(year, time.Month(month), day, time.UTC).Add(-offset), i + n
	}
	if at == nil {
		return time.Time{}, 0
	}
	return c.on(year, time.Month(month), day, at), i
}

// oclock is a time of day.
type oclock struct{ hour, minute, second, nanos int }

func (c oclock) on(year int, month time.Month, day int, zone *time.Location) time.Time {
	return time.Date(year, month, day, c.hour, c.minute, c.second, c.nanos, zone)
}

// clock reads hh:mm:ss with a fraction or without, and returns its length.
func clock(b []byte) (c oclock, n int, ok bool) {
	if len(b) < 8 || b[2] != ':' || b[5] != ':' {
		return c, 0, false
	}
	var ok1, ok2, ok3 bool
	c.hour, ok1 = number(b[:2])
	c.minute, ok2 = number(b[3:5])
	c.second, ok3 = number(b[6:8])
	if !ok1 || !ok2 || !ok3 || c.hour > 23 || c.minute > 59 || c.second > 60 {
		return c, 0, false
	}
	n = 8
	if n < len(b)-1 && (b[n] == '.' || b[n] == ',') && isDigit(b[n+1]) {
		unit := int(time.Second)
		for n++; n < len(b) && isDigit(b[n]); n++ {
			unit /= 10
			c.nanos += unit * int(b[n]-'0')
		}
	}
	return c, n, true
}

// offset reads Z, +hh:mm or +hhmm.
func offset(b []byte) (time.Duration, int, bool) {
	if len(b) > 0 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, 1, true
	}
	if len(b) < 5 || b[0] != '+' && b[0] != '-' {
		return 0, 0, false
	}
	n := 3
	if b[3] == ':' {
		n = 4
	}
	if len(b) < n+2 {
		return 0, 0, false
	}
	hours, ok1 := number(b[1:3])
	minutes, ok2 := number(b[n : n+2])
	if !ok1 || !ok2 || hours > 23 || minutes > 59 {
		return 0, 0, false
	}
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if b[0] == '-' {
		d = -d
	}
	return d, n + 2, true
}

func number(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, len(b) > 0
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// month reads the English abbreviation of a month.
func month(b []byte) (time.Month, bool) {
	if len(b) < 3 {
		return 0, false
	}
	for i := 0; i < len(months); i += 3 {
		if string(b[:3]) == months[i:i+3] {
			return time.Month(i/3 + 1), true
		}
	}
	return 0, false
}

// oldTime reads the time at the start of b in the ways that are found in
// messages of the old form: "Nov  2 15:04:05", with a fraction, with the year
// after the day or before the month or without, and RFC 3339. Cisco's routers
// put a * or . before it, if their clock is not set, and a colon behind it.
func oldTime(b []byte, now time.Time, zone *time.Location) (at time.Time, rest []byte, ok bool) {
	if at, n := isoTime(b, zone); n > 0 {
		if n < len(b) && b[n] == ':' {
			n++
		}
		return at, b[n:], n == len(b) || b[n] == ' '
	}
	b = bytes.TrimLeft(b, "*.")
	year := 0
	if len(b) > 5 && b[4] == ' ' {
		if y, ok := number(b[:4]); ok {
			year, b = y, b[5:]
		}
	}
	mon, ok := month(b)
	if !ok || len(b) < 4 || b[3] != ' ' {
		return at, b, false
	}
	day, b, ok := cutNumber(b[4:], 2)
	if !ok || day < 1 || day > 31 {
		return at, b, false
	}
	if y, tail, ok := cutNumber(b, 4); ok && y > 1900 {
		year, b = y, tail
	}
	c, n, ok := clock(b)
	if !ok {
		return at, b, false
	}
	b = b[n:]
	if len(b) > 0 && b[0] == ':' {
		b = b[1:]
	}
	if len(b) > 0 && b[0] != ' ' {
		return at, b, false
	}
	return guess(c, year, mon, day, now, zone), b, true
}

// cutNumber cuts a number of at most digits digits and the space behind it off
// b. One digit may have a space in place of the first.
func cutNumber(b []byte, digits int) (n int, rest []byte, ok bool) {
	i := 0
	for i < len(b) && b[i] == ' ' && i < 2 {
		i++
	}
	start := i
	for i < len(b) && isDigit(b[i]) && i-start < digits {
		i++
	}
	if i == start || i >= len(b) || b[i] != ' ' {
		return 0, b, false
	}
	n, ok = number(b[start:i])
	return n, b[i+1:], ok
}

// What is further from the time of arrival was not meant: by a wrong guess of
// the zone, or a clock that was never set. CloudWatch Logs takes nothing more
// than two hours ahead or 14 days late.
const (
	mostAhead  = time.Hour
	mostBehind = 13 * 24 * time.Hour
)

// guess completes a time that names no zone and maybe no year: the year is the
// one that brings it closest to now.
func guess(c oclock, year int, mon time.Month, day int, now time.Time, zone *time.Location) time.Time {
	at := c.on(year, mon, day, zone)
	if year == 0 {
		here := now.In(zone).Year()
		at = c.on(here, mon, day, zone)
		for _, y := range [2]int{here - 1, here + 1} {
			if other := c.on(y, mon, day, zone); other.Sub(now).Abs() < at.Sub(now).Abs() {
				at = other
			}
		}
	}
	if ahead := at.Sub(now); ahead > mostAhead || ahead < -mostBehind {
		return now
	}
	return at
}
