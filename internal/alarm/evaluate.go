package alarm

import "time"

// Slot is what one window yielded.
type Slot struct {
	// Start is the window's start, which is the datapoint's timestamp.
	Start time.Time
	// Present says that the window has a datapoint.
	Present bool
	Value   float64
	// Lower and Upper are the band at this window, for band operators.
	Lower, Upper float64
	// Samples is the number of samples behind Value, 0 if unknown (metric math).
	Samples float64
}

// Decider names the part of the algorithm that decided a state.
type Decider string

// The deciders. See [Rule.Evaluate].
const (
	// RuleA: the newest N windows all have data.
	RuleA Decider = "A"
	// RuleB: at least N of the windows read have data; the newest N of these
	// count and the treatment of missing data does not matter.
	RuleB Decider = "B"
	// RuleC: fewer than N windows have data.
	RuleC Decider = "C"
	// Premature: only breaching data, fewer than M, but the oldest is M windows
	// old. AWS calls it avoiding premature transitions to ALARM.
	Premature Decider = "premature"
	// LowSamples: a percentile of too few samples, with IgnoreLowSamples.
	LowSamples Decider = "low samples"
)

// Result is a verdict.
type Result struct {
	State State
	// Kept says that the rules leave the state as it was, whatever it was.
	Kept bool
	// By is what decided.
	By Decider
	// Undocumented says that AWS's documents exclude ALARM here but do not say
	// which state applies; OK is reported.
	Undocumented bool
	// Reason is CloudWatch's StateReason text, at most 1,023 bytes. It is empty if
	// the state was kept.
	Reason string
	// Data is the content of StateReasonData.
	Data Data
}

// tally is what the slots hold.
type tally struct {
	used             []Slot // the present slots that count, newest first
	breaching, good  int
	missing          int // windows to be filled by the treatment, never negative
	oldestBreachAge  int // 1 is the newest slot; 0 without a breach
	newestNAreFilled bool
}

// Evaluate decides the state from slots, oldest first, normally one for each
// of Windows; current is the state so far, and now goes into the reason data.
//
// With R the slots, x the breaching ones, o the good ones:
//
//	A  the newest N have data       count(x) >= M ? ALARM : OK, over those N
//	B  at least N of R have data    the same, over the newest N with data
//	C  fewer have data, N-x-o = m are missing:
//	   breaching     x+m >= M ? ALARM : OK
//	   notBreaching  x   >= M ? ALARM : OK
//	   otherwise, the first that applies:
//	     x >= M               ALARM
//	     nothing present      INSUFFICIENT_DATA, or with ignore the state is kept
//	     o > 0                OK
//	     ignore               the state is kept
//	     oldest x is at least M windows old   ALARM (premature rule)
//	     else                 OK, undocumented
func (r Rule) Evaluate(slots []Slot, current State, now time.Time) Result {
	t := r.tally(slots)
	res := r.verdict(t)
	if r.lowSamples(t) {
		res = Result{Kept: true, By: LowSamples}
	}
	res.Data = r.data(slots, t, now)
	if res.Kept {
		res.State = current
		return res
	}
	res.Reason = r.reason(res.State, t)
	return res
}

func (r Rule) tally(slots []Slot) tally {
	t := tally{newestNAreFilled: len(slots) >= r.N}
	for age := 1; age <= len(slots); age++ {
		s := slots[len(slots)-age]
		if !s.Present {
			if age <= r.N {
				t.newestNAreFilled = false
			}
			continue
		}
		if len(t.used) == r.N {
			break
		}
		t.used = append(t.used, s)
		if r.breaches(s) {
			t.breaching++
			t.oldestBreachAge = age
			continue
		}
		t.good++
	}
	t.missing = r.N - len(t.used)
	return t
}

func (r Rule) verdict(t tally) Result {
	need := r.need()
	if t.missing == 0 {
		by := RuleB
		if t.newestNAreFilled {
			by = RuleA
		}
		return Result{State: alarmIf(t.breaching >= need), By: by}
	}
	switch r.Missing {
	case Breaching:
		return Result{State: alarmIf(t.breaching+t.missing >= need), By: RuleC}
	case NotBreaching:
		return Result{State: alarmIf(t.breaching >= need), By: RuleC}
	}
	return r.unfilled(t, need)
}

// unfilled decides for the treatments missing and ignore.
func (r Rule) unfilled(t tally, need int) Result {
	keep := r.Missing == Ignore
	switch {
	case t.breaching >= need:
		return Result{State: StateAlarm, By: RuleC}
	case len(t.used) == 0 && keep:
		return Result{Kept: true, By: RuleC}
	case len(t.used) == 0:
		return Result{State: StateInsufficientData, By: RuleC}
	case t.good > 0:
		return Result{State: StateOK, By: RuleC}
	case keep:
		return Result{Kept: true, By: RuleC}
	case t.oldestBreachAge >= need:
		return Result{State: StateAlarm, By: Premature}
	}
	return Result{State: StateOK, By: RuleC, Undocumented: true}
}

func alarmIf(breaching bool) State {
	if breaching {
		return StateAlarm
	}
	return StateOK
}

// lowSamples reports whether the newest datapoint is not significant.
func (r Rule) lowSamples(t tally) bool {
	if !r.IgnoreLowSamples || len(t.used) == 0 {
		return false
	}
	return t.used[0].Samples < r.MinSamples()
}

// breaches compares with the value as the left operand.
func (r Rule) breaches(s Slot) bool {
	switch r.Operator {
	case GreaterOrEqual:
		return s.Value >= r.Threshold
	case Greater:
		return s.Value > r.Threshold
	case Less:
		return s.Value < r.Threshold
	case LessOrEqual:
		return s.Value <= r.Threshold
	case OutsideBand:
		return s.Value < s.Lower || s.Value > s.Upper
	case BelowBand:
		return s.Value < s.Lower
	case AboveBand:
		return s.Value > s.Upper
	}
	return false
}
