package timestamp

import "time"

// iso reads 2026-11-22T15:04:05 with a T or a space or an underscore between,
// slashes for dashes, an optional fraction behind a point or a comma, and an
// optional zone: Z, +01:00, +0100, +01, also after a space.
func iso(b []byte, zone *time.Location) (int64, bool) {
	if len(b) < 19 || b[4] != '-' && b[4] != '/' || b[7] != b[4] || b[13] != ':' || b[16] != ':' ||
		b[10] != 'T' && b[10] != ' ' && b[10] != 't' && b[10] != '_' {
		return 0, false
	}
	year, month, day := digits(b[0:4]), digits(b[5:7]), digits(b[8:10])
	hour, minute, second := digits(b[11:13]), digits(b[14:16]), digits(b[17:19])
	if year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
		second < 0 || second > 60 {
		return 0, false
	}
	ms, rest := fraction(b[19:])
	offset, named, ok := zoneOf(rest)
	if !ok {
		return 0, false
	}
	if !named && zone != nil {
		return time.Date(year, time.Month(month), day, hour, minute, second, ms*1e6, zone).UnixMilli(), true
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if t.Day() != day && second < 60 {
		return 0, false // the 31st of a month with 30 days
	}
	return t.UnixMilli() + int64(ms) - offset, true
}

// digits returns the number that b's digits make, or -1.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// fraction reads a fraction of a second and returns its milliseconds and what
// follows.
func fraction(b []byte) (int, []byte) {
	if len(b) < 2 || b[0] != '.' && b[0] != ',' || b[1] < '0' || b[1] > '9' {
		return 0, b
	}
	ms, scale, i := 0, 100, 1
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		ms += int(b[i]-'0') * scale
		scale /= 10
	}
	return ms, b[i:]
}

// zoneOf reads a zone and returns its milliseconds east of UTC.
func zoneOf(b []byte) (offset int64, named, ok bool) {
	if len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	switch {
	case len(b) == 0:
		return 0, false, true
	case string(b) == "Z", string(b) == "z", string(b) == "UTC", string(b) == "GMT":
		return 0, true, true
	case b[0] != '+' && b[0] != '-':
		return 0, false, false
	}
	negative := b[0] == '-'
	hours, minutes := -1, 0
	switch b = b[1:]; {
	case len(b) == 2:
		hours = digits(b)
	case len(b) == 4:
		hours, minutes = digits(b[:2]), digits(b[2:])
	case len(b) == 5 && b[2] == ':':
		hours, minutes = digits(b[:2]), digits(b[3:])
	}
	if hours < 0 || hours > 18 || minutes < 0 || minutes > 59 {
		return 0, false, false
	}
	offset = int64(hours*60+minutes) * 60_000
	if negative {
		offset = -offset
	}
	return offset, true, true
}
