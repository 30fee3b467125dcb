package insights

import (
	"strings"
	"time"
)

// period is a length of time as bin and its relatives take it. Months and
// longer have no fixed length, so they are counted in months.
type period struct {
	ms     int64
	months int
	weeks  bool
}

// unit is one unit of time: its length, and the largest number of it that
// counts. A larger number is clamped, not refused: the service turns 300s into
// 60s (user guide, "bin").
type unit struct {
	names []string
	one   period
	most  int64
}

const day = 24 * time.Hour

var units = []unit{
	{[]string{"ms", "msec", "msecs"}, period{ms: 1}, 1000},
	{[]string{"s", "sec", "secs"}, period{ms: time.Second.Milliseconds()}, 60},
	{[]string{"m", "min", "mins"}, period{ms: time.Minute.Milliseconds()}, 60},
	{[]string{"h", "hr", "hrs"}, period{ms: time.Hour.Milliseconds()}, 24},
	{[]string{"d"}, period{ms: day.Milliseconds()}, 0},
	{[]string{"w"}, period{ms: 7 * day.Milliseconds(), weeks: true}, 0},
	{[]string{"mo", "mon", "mons", "mos"}, period{months: 1}, 0},
	{[]string{"q", "qtr", "qtrs"}, period{months: 3}, 0},
	{[]string{"y", "yr", "yrs"}, period{months: 12}, 0},
}

// parsePeriod reads 5m.
func parsePeriod(s string) (period, bool) {
	digits := digitRun(s)
	n, ok := parseNumber([]byte(digits))
	if !ok || n < 1 || n > 1e6 {
		return period{}, false
	}
	name := strings.ToLower(s[len(digits):])
	for _, u := range units {
		for _, candidate := range u.names {
			if name != candidate {
				continue
			}
			count := int64(n)
			if u.most > 0 {
				count = min(count, u.most)
			}
			return period{ms: u.one.ms * count, months: u.one.months * int(count), weeks: u.one.weeks}, true
		}
	}
	return period{}, false
}

// mondayMs is the first Monday after the epoch: weeks begin there.
const mondayMs = 4 * 24 * 3600 * 1000

// floor returns the beginning of the period that ms lies in, counted in UTC.
func (p period) floor(ms int64) int64 {
	if p.months == 0 {
		origin := int64(0)
		if p.weeks {
			origin = mondayMs
		}
		return ms - ((ms-origin)%p.ms+p.ms)%p.ms
	}
	t := time.UnixMilli(ms).UTC()
	months := t.Year()*12 + int(t.Month()) - 1
	months -= months % p.months
	return time.Date(months/12, time.Month(months%12+1), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
}

// next returns the beginning of the period after the one that begins at ms.
func (p period) next(ms int64) int64 {
	if p.months == 0 {
		return ms + p.ms
	}
	return time.UnixMilli(ms).UTC().AddDate(0, p.months, 0).UnixMilli()
}

// ceil returns ms if a period begins there, else the beginning of the next.
func (p period) ceil(ms int64) int64 {
	if begin := p.floor(ms); begin != ms {
		return p.next(begin)
	}
	return ms
}
