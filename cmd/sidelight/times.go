//go:build !agentonly

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// timeRange is the range that --since, or --from and --to, ask for.
type timeRange struct {
	since, from, to string
	given           func(name string) bool
}

// timeFlags adds the flags of a time range that begins at since unless told
// otherwise and ends now.
func (a *app) timeFlags(cmd *cobra.Command, since string) *timeRange {
	r := &timeRange{given: func(name string) bool { return cmd.Flags().Changed(name) }}
	cmd.Flags().StringVarP(&r.since, "since", "s", since, "begin this long ago, as 15m, 2h30m or 3d, or at a `TIME`")
	cmd.Flags().StringVar(&r.from, "from", "", "begin at this `TIME`, as 2026-03-01T09:00")
	cmd.Flags().StringVar(&r.to, "to", "", "end at this `TIME`; now if left out")
	return r
}

// resolve returns the range.
func (r *timeRange) resolve(now time.Time, zone *time.Location) (from, to time.Time, err error) {
	if r.given("since") && r.given("from") {
		return from, to, usage("--since and --from both say when to begin")
	}
	begin, flag := r.since, "--since"
	if r.given("from") {
		begin, flag = r.from, "--from"
	}
	if from, err = parseTime(begin, now, zone); err != nil {
		return from, to, usage("%s %v", flag, err)
	}
	to = now
	if r.given("to") {
		if to, err = parseTime(r.to, now, zone); err != nil {
			return from, to, usage("--to %v", err)
		}
	}
	if !from.Before(to) {
		return from, to, usage("the time range ends at %s, before it begins at %s", to.In(zone).Format(time.DateTime), from.In(zone).Format(time.DateTime))
	}
	return from, to, nil
}

// timeLayouts are the forms of a time without a zone.
func timeLayouts() []string {
	return []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly, "15:04:05", "15:04"}
}

// parseTime reads a time, or a duration before now. A time of the day alone is of
// the day of now.
func parseTime(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if d, err := parseSpan(text); err == nil {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if text == "now" {
		return now, nil
	}
	for _, layout := range timeLayouts() {
		t, err := time.ParseInLocation(layout, text, zone)
		if err != nil {
			continue
		}
		if !strings.Contains(layout, "2006") {
			y, m, d := now.In(zone).Date()
			t = time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, zone)
		}
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q: expected a duration such as 15m, 2h30m or 3d, or a time such as 2026-03-01T09:00", text)
}

var spanPart = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(ms|w|d|h|m|s)`)

// parseSpan reads a duration with days and weeks: 15m, 2h30m, 3d, 1w.
func parseSpan(text string) (time.Duration, error) {
	units := map[string]time.Duration{
		"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second, "ms": time.Millisecond,
	}
	var total float64
	rest := text
	for rest != "" {
		m := spanPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("%q: expected a duration such as 30s, 15m, 2h30m or 3d", text)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, fmt.Errorf("%q: %w", text, err)
		}
		total += n * float64(units[m[2]])
		rest = rest[len(m[0]):]
	}
	// A hundred years is more than any service remembers, and less than overflows.
	if text == "" || total > float64(100*365*24*time.Hour) {
		return 0, fmt.Errorf("%q: expected a duration such as 30s, 15m, 2h30m or 3d", text)
	}
	return time.Duration(total), nil
}

// rfc writes a time as JSON output has it.
func rfc(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
