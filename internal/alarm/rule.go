package alarm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// State is an alarm's state in CloudWatch's words.
type State string

// The states of an alarm.
const (
	StateOK               State = "OK"
	StateAlarm            State = "ALARM"
	StateInsufficientData State = "INSUFFICIENT_DATA"
)

// Missing says how windows without data are treated, in the words of
// PutMetricAlarm's TreatMissingData.
type Missing string

// The treatments of missing data. The empty value means MissingData.
const (
	MissingData  Missing = "missing"
	Ignore       Missing = "ignore"
	Breaching    Missing = "breaching"
	NotBreaching Missing = "notBreaching"
)

// Operator compares a value (left) with the threshold (right). Its values are
// CloudWatch's ComparisonOperator names.
type Operator string

// The comparison operators. The last three compare with a band of two values a
// window instead of one threshold.
const (
	GreaterOrEqual Operator = "GreaterThanOrEqualToThreshold"
	Greater        Operator = "GreaterThanThreshold"
	Less           Operator = "LessThanThreshold"
	LessOrEqual    Operator = "LessThanOrEqualToThreshold"
	OutsideBand    Operator = "LessThanLowerOrGreaterThanUpperThreshold"
	BelowBand      Operator = "LessThanLowerThreshold"
	AboveBand      Operator = "GreaterThanUpperThreshold"
)

// Band reports whether o compares with a band of two values.
func (o Operator) Band() bool {
	return o == OutsideBand || o == BelowBand || o == AboveBand
}

// Valid reports whether o is one of the seven operators.
func (o Operator) Valid() bool {
	switch o {
	case GreaterOrEqual, Greater, Less, LessOrEqual, OutsideBand, BelowBand, AboveBand:
		return true
	}
	return false
}

// DefaultExtra is how many windows beyond N an alarm with a sliding window
// reads. AWS says that it reads more than N and does not say how many; two fits
// its published examples (N of 3 reads 5) and the cases observed.
const DefaultExtra = 2

// Limits of PutMetricAlarm: an alarm looks back at most seven days, and at most
// one day if its period is shorter than an hour.
const (
	maxSpan      = 7 * 24 * time.Hour
	maxShortSpan = 24 * time.Hour
)

// Rule is what an alarm watches for. Its zero value is not valid.
type Rule struct {
	Operator  Operator
	Threshold float64 // unused by band operators
	// Period is the length of a window: 10, 20 or 30 s, or whole minutes.
	Period time.Duration
	// N is how many of the newest datapoints count, at least 1.
	N int
	// M is how many of them must breach; 0 means all N, and makes the reason
	// text the shorter one of alarms that were put without DatapointsToAlarm.
	M int
	// Missing is the treatment of windows without data; empty is MissingData.
	Missing Missing
	// Extra is how many windows beyond N Windows returns for a sliding window,
	// normally DefaultExtra.
	Extra int
	// Statistic is the name of the statistic, "Average" or "p99". It is shown in
	// the reason data, and a percentile gives IgnoreLowSamples its meaning.
	Statistic string
	// IgnoreLowSamples keeps the state while the newest datapoint of a
	// percentile rests on too few samples (EvaluateLowSampleCountPercentile).
	IgnoreLowSamples bool
	// WallClock aligns windows to the clock of that zone; nil means sliding.
	WallClock *time.Location
	// Unit is shown in the reason data if it is set.
	Unit string
}

// Validate joins everything that is wrong with r.
func (r Rule) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !r.Operator.Valid() {
		bad("unknown comparison operator %q", r.Operator)
	}
	switch r.Missing {
	case "", MissingData, Ignore, Breaching, NotBreaching:
	default:
		bad("unknown treatment of missing data %q", r.Missing)
	}
	if r.N < 1 {
		bad("evaluation periods must be at least 1, got %d", r.N)
	}
	if r.M < 0 || r.M > r.N {
		bad("datapoints to alarm must be between 1 and the %d evaluation periods, got %d", r.N, r.M)
	}
	if r.Extra < 0 {
		bad("extra windows must not be negative, got %d", r.Extra)
	}
	errs = append(errs, r.validatePeriod()...)
	return errors.Join(errs...)
}

func (r Rule) validatePeriod() []error {
	var errs []error
	if !ValidPeriod(r.Period) {
		return append(errs, fmt.Errorf("period must be 10, 20 or 30 seconds or a multiple of 60, got %v", r.Period))
	}
	limit := maxSpan
	if r.Period < time.Hour {
		limit = maxShortSpan
	}
	if r.N > 0 && r.N > int(limit/r.Period) {
		errs = append(errs, fmt.Errorf("period of %v times %d evaluation periods must not exceed %v", r.Period, r.N, limit))
	}
	if r.WallClock != nil && !ValidWallClockPeriod(r.Period) {
		errs = append(errs, fmt.Errorf("a wall clock window needs a period of 60, 300, 3600, 86400 or 604800 seconds, got %v", r.Period))
	}
	return errs
}

// ValidPeriod reports whether an alarm may have the period p.
func ValidPeriod(p time.Duration) bool {
	switch p {
	case 10 * time.Second, 20 * time.Second, 30 * time.Second:
		return true
	}
	return p > 0 && p%time.Minute == 0
}

// ValidWallClockPeriod reports whether p may be used with a wall clock window.
func ValidWallClockPeriod(p time.Duration) bool {
	switch p {
	case time.Minute, 5 * time.Minute, time.Hour, day, week:
		return true
	}
	return false
}

// need is M with its default.
func (r Rule) need() int {
	if r.M == 0 {
		return r.N
	}
	return r.M
}

// Interval is how often CloudWatch evaluates the alarm: every 10 s for periods
// below a minute, hourly if it looks back more than a day, else every minute.
func (r Rule) Interval() time.Duration {
	switch {
	case r.Period < time.Minute:
		return 10 * time.Second
	case time.Duration(r.N)*r.Period > day:
		return time.Hour
	default:
		return time.Minute
	}
}

// MinSamples is how many samples a datapoint of r's statistic needs to be
// significant, or 0 if the statistic is not a percentile: 10/(1-p) from the
// median up, 10/p below it.
func (r Rule) MinSamples() float64 {
	digits, ok := strings.CutPrefix(r.Statistic, "p")
	if !ok {
		return 0
	}
	percent, err := strconv.ParseFloat(digits, 64)
	if err != nil || percent <= 0 || percent >= 100 {
		return 0
	}
	// In hundredths: 1-0.99 is not 0.01 in binary, 100-99 is 1.
	if percent >= 50 {
		return 1000 / (100 - percent)
	}
	return 1000 / percent
}
