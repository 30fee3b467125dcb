// Package cron reads the cron expressions of the services that the sandbox
// emulates: of five fields, as mute rules have them, or of six with a year, as
// schedules of CloudWatch Logs have them.
package cron

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Expression is a set of minutes. It does not change.
type Expression struct {
	fields [5]uint64 // sets of minutes, hours, days of month, months, days of week
	anyDay [2]bool   // the day of month or of week is "*"
}

// field is the range of a field and the names of its values.
type field struct {
	name        string
	least, most int
	words       string
}

func fieldList() [5]field {
	return [5]field{
		{"minute", 0, 59, ""},
		{"hour", 0, 23, ""},
		{"day of month", 1, 31, ""},
		{"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
		{"day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT"},
	}
}

// Parse reads the fields of an expression of five fields: "0 2 * * MON-FRI".
// Days of the week count from Sunday, 0 or 7.
func Parse(text string) (*Expression, error) {
	fields := strings.Fields(text)
	if len(fields) != 5 {
		return nil, fmt.Errorf("a cron expression has 5 fields, not %d", len(fields))
	}
	return parse(fields, fieldList())
}

// ParseYearly reads six fields, of which the last is a year: "0 9 ? * MON *".
// Days of the week count from Sunday, 1. A year other than * is refused.
func ParseYearly(text string) (*Expression, error) {
	fields := strings.Fields(text)
	if len(fields) != 6 {
		return nil, fmt.Errorf("a cron expression with a year has 6 fields, not %d", len(fields))
	}
	if year := fields[5]; year != "*" {
		return nil, fmt.Errorf("year: only * is understood, not %q", year)
	}
	list := fieldList()
	list[4].least = 1
	x, err := parse(fields[:5], list)
	if err != nil {
		return nil, err
	}
	x.fields[4] = x.fields[4] >> 1 & 0x7f
	return x, nil
}

func parse(fields []string, list [5]field) (*Expression, error) {
	x := &Expression{}
	for i, f := range list {
		for part := range strings.SplitSeq(fields[i], ",") {
			set, err := f.parse(part)
			if err != nil {
				return nil, err
			}
			x.fields[i] |= set
		}
	}
	if list[4].least == 0 {
		x.fields[4] |= x.fields[4] >> 7 & 1 // 7 is Sunday too
	}
	x.anyDay = [2]bool{fields[2] == "*" || fields[2] == "?", fields[4] == "*" || fields[4] == "?"}
	return x, nil
}

// parse reads one part of a field: "*", "5", "1-5", "*/15", "MON-FRI".
func (f *field) parse(part string) (uint64, error) {
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

func (f *field) number(text string) (int, bool) {
	if i := strings.Index(f.words, strings.ToUpper(text)); len(text) == 3 && i >= 0 && i%3 == 0 {
		return i/3 + f.least, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= f.least && n <= f.most
}

// Matches says whether the minute of t, in its zone, belongs to the set.
func (x *Expression) Matches(t time.Time) bool {
	has := func(i, n int) bool { return x.fields[i]>>n&1 == 1 }
	if !has(0, t.Minute()) || !has(1, t.Hour()) || !has(3, int(t.Month())) {
		return false
	}
	month, week := has(2, t.Day()), has(4, int(t.Weekday()))
	if x.anyDay[0] || x.anyDay[1] {
		return month && week
	}
	return month || week // as cron has it, if both are given
}
