package cloudwatch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// schedule is when a mute rule begins: at one time, or whenever a cron
// expression of five fields matches.
type schedule struct {
	zone     *time.Location
	duration time.Duration
	at       time.Time // zero for cron
	fields   [5]uint64 // sets of minutes, hours, days of month, months, days of week
	anyDay   [2]bool   // the day of month or of week is "*"
}

// Limits of a mute rule's schedule (SDK: Schedule).
const (
	minMute = time.Minute
	maxMute = 15 * 24 * time.Hour
)

// parseSchedule reads "cron(0 2 * * *)" or "at(2026-03-01T09:00)", and an ISO
// 8601 duration. Without a zone times are UTC.
func parseSchedule(expression, duration, zone string) (*schedule, error) {
	s := &schedule{zone: time.UTC}
	var err error
	if zone != "" {
		if s.zone, err = time.LoadLocation(zone); err != nil {
			return nil, fmt.Errorf("Timezone: %w", err)
		}
	}
	if s.duration, err = parsePeriod(duration); err != nil {
		return nil, fmt.Errorf("Duration: %w", err)
	}
	if s.duration < minMute || s.duration > maxMute {
		return nil, errors.New("Duration: must be between PT1M and P15D")
	}
	kind, rest, _ := strings.Cut(expression, "(")
	body, closed := strings.CutSuffix(rest, ")")
	switch {
	case !closed:
	case kind == "at":
		if s.at, err = time.ParseInLocation("2006-01-02T15:04", body, s.zone); err != nil {
			return nil, fmt.Errorf("Expression: %w", err)
		}
		return s, nil
	case kind == "cron":
		if err := s.parseCron(strings.Fields(body)); err != nil {
			return nil, fmt.Errorf("Expression: %w", err)
		}
		return s, nil
	}
	return nil, fmt.Errorf("Expression: %q is neither cron(…) nor at(…)", expression)
}

// periodPattern is the part of ISO 8601 durations that schedules use.
var periodPattern = lazyregexp.New(`^P(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?)?$`)

func parsePeriod(text string) (time.Duration, error) {
	m := periodPattern.FindStringSubmatch(text)
	if m == nil || strings.HasSuffix(text, "T") || text == "P" {
		return 0, fmt.Errorf("%q is no duration such as PT30M or P1DT2H", text)
	}
	var d time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		n, _ := strconv.Atoi(m[i+1]) // digits or nothing
		d += time.Duration(n) * unit
	}
	return d, nil
}

// cronField is the range of a field and the names of its values.
type cronField struct {
	name        string
	least, most int
	words       string
}

func cronFields() [5]cronField {
	return [5]cronField{
		{"minute", 0, 59, ""},
		{"hour", 0, 23, ""},
		{"day of month", 1, 31, ""},
		{"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
		{"day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT"},
	}
}

func (s *schedule) parseCron(fields []string) error {
	if len(fields) != 5 {
		return fmt.Errorf("a cron expression has 5 fields, not %d", len(fields))
	}
	for i, f := range cronFields() {
		for _, part := range strings.Split(fields[i], ",") {
			set, err := f.parse(part)
			if err != nil {
				return err
			}
			s.fields[i] |= set
		}
	}
	s.fields[4] |= s.fields[4] >> 7 & 1 // 7 is Sunday too
	s.anyDay = [2]bool{fields[2] == "*" || fields[2] == "?", fields[4] == "*" || fields[4] == "?"}
	return nil
}

// parse reads one part of a field: "*", "5", "1-5", "*/15", "MON-FRI".
func (f *cronField) parse(part string) (uint64, error) {
	span, stepText, stepped := strings.Cut(part, "/")
	step := 1
	if stepped {
		var err error
		if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
			return 0, fmt.Errorf("%s: bad step in %q", f.name, part)
		}
	}
	from, to := f.least, f.most
	if span != "*" && span != "?" {
		a, b, ranged := strings.Cut(span, "-")
		var ok, ok2 bool
		from, ok = f.number(a)
		to, ok2 = from, true
		if ranged {
			to, ok2 = f.number(b)
		} else if stepped {
			to = f.most
		}
		if !ok || !ok2 || from > to {
			return 0, fmt.Errorf("%s: %q is not within %d and %d", f.name, part, f.least, f.most)
		}
	}
	var set uint64
	for n := from; n <= to; n += step {
		set |= 1 << n
	}
	return set, nil
}

func (f *cronField) number(text string) (int, bool) {
	if i := strings.Index(f.words, strings.ToUpper(text)); len(text) == 3 && i >= 0 && i%3 == 0 {
		return i/3 + f.least, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= f.least && n <= f.most
}

// matches says whether the rule begins in the minute of t.
func (s *schedule) matches(t time.Time) bool {
	t = t.In(s.zone)
	has := func(i, n int) bool { return s.fields[i]>>n&1 == 1 }
	if !has(0, t.Minute()) || !has(1, t.Hour()) || !has(3, int(t.Month())) {
		return false
	}
	month, week := has(2, t.Day()), has(4, int(t.Weekday()))
	if s.anyDay[0] || s.anyDay[1] {
		return month && week
	}
	return month || week // as cron has it, if both are given
}

// active says whether t is within the duration of a beginning that is not
// before start.
func (s *schedule) active(t, start time.Time) bool {
	if !s.at.IsZero() {
		return !t.Before(s.at) && t.Before(s.at.Add(s.duration)) && !s.at.Before(start)
	}
	for b := t.Truncate(time.Minute); t.Sub(b) < s.duration && !b.Before(start); b = b.Add(-time.Minute) {
		if s.matches(b) {
			return true
		}
	}
	return false
}
