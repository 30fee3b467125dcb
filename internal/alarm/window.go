package alarm

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// Window is a span of time that yields one datapoint: from Start up to but not
// including End.
type Window struct{ Start, End time.Time }

// Windows returns the windows that r reads when it is evaluated at now, oldest
// first. Sliding windows lie back to back before the last whole multiple of the
// evaluation interval, and are not aligned to their own period: a five-minute
// alarm evaluated at 12:07 looks at 12:02 to 12:07. Wall clock windows are
// complete, aligned periods, exactly N of them.
func (r Rule) Windows(now time.Time) []Window {
	if r.N < 1 || r.Period <= 0 {
		return nil
	}
	if r.WallClock != nil {
		return r.wallClock(now)
	}
	end := now.Truncate(r.Interval())
	if r.Period < time.Minute {
		// High-resolution windows end on a whole period of the clock: a 30 s
		// alarm is evaluated every 10 s, over the last complete half minute.
		end = now.Truncate(r.Period)
	}
	n := r.N + r.Extra
	ws := make([]Window, n)
	for i := n - 1; i >= 0; i-- {
		ws[i] = Window{Start: end.Add(-r.Period), End: end}
		end = ws[i].Start
	}
	return ws
}

func (r Rule) wallClock(now time.Time) []Window {
	ws := make([]Window, r.N)
	end := alignDown(now.In(r.WallClock), r.Period)
	for i := r.N - 1; i >= 0; i-- {
		start := previous(end, r.Period)
		ws[i] = Window{Start: start.UTC(), End: end.UTC()}
		end = start
	}
	return ws
}

// alignDown returns the last boundary of period p at or before t, in t's zone.
// Weeks start on Monday.
func alignDown(t time.Time, p time.Duration) time.Time {
	y, m, d := t.Date()
	switch p {
	case week:
		return time.Date(y, m, d-(int(t.Weekday())+6)%7, 0, 0, 0, 0, t.Location())
	case day:
		return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	}
	_, offset := t.Zone()
	shift := time.Duration(offset) * time.Second
	return t.Add(shift).Truncate(p).Add(-shift)
}

// previous returns the boundary before t, which is one. Days and weeks follow
// the calendar, so a day on which clocks change has 23 or 25 hours.
func previous(t time.Time, p time.Duration) time.Time {
	switch p {
	case week:
		return t.AddDate(0, 0, -7)
	case day:
		return t.AddDate(0, 0, -1)
	}
	return t.Add(-p)
}

var fixedOffset = regexp.MustCompile(`^(?:UTC|GMT)?([+-])(\d{2}):?(\d{2})$`)

// Location resolves the time zone of a wall clock window: an IANA name, a fixed
// offset such as +05:30, or one with a prefix such as UTC+05:30. Empty is UTC.
// Offsets must be multiples of five minutes.
func Location(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if m := fixedOffset.FindStringSubmatch(name); m != nil {
		h, _ := strconv.Atoi(m[2]) // two digits, by the expression
		mins, _ := strconv.Atoi(m[3])
		if h > 14 || mins > 59 || mins%5 != 0 {
			return nil, fmt.Errorf("time zone offset %q is not a multiple of five minutes up to 14 hours", name)
		}
		seconds := h*3600 + mins*60
		if m[1] == "-" {
			seconds = -seconds
		}
		return time.FixedZone(name, seconds), nil
	}
	// LoadLocation("Local") would depend on the machine.
	if strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return loc, nil
}
