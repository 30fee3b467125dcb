package cloudwatch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
	"github.com/sidelight-dev/sidelight/internal/sandbox/cron"
)

// schedule is when a mute rule begins: at one time, or whenever a cron
// expression of five fields matches.
type schedule struct {
	zone     *time.Location
	duration time.Duration
	at       time.Time // zero for cron
	cron     *cron.Expression
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
		if s.cron, err = cron.Parse(body); err != nil {
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

// matches says whether the rule begins in the minute of t.
func (s *schedule) matches(t time.Time) bool { return s.cron.Matches(t.In(s.zone)) }

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
