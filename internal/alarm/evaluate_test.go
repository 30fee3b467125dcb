package alarm_test

import (
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/alarm"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// slots reads a strip, newest right: X breaches the threshold 1, 0 does not,
// - is missing.
func slots(strip string) []alarm.Slot {
	out := make([]alarm.Slot, 0, len(strip))
	for i, c := range strip {
		s := alarm.Slot{Start: noon.Add(time.Duration(i-len(strip)) * time.Minute)}
		switch c {
		case 'X':
			s.Present, s.Value, s.Samples = true, 2, 1
		case '0':
			s.Present, s.Value, s.Samples = true, 0, 1
		}
		out = append(out, s)
	}
	return out
}

func rule(m, n int, missing alarm.Missing) alarm.Rule {
	return alarm.Rule{
		Operator: alarm.Greater, Threshold: 1, Period: time.Minute,
		N: n, M: m, Missing: missing, Extra: alarm.DefaultExtra, Statistic: "Average",
	}
}

// TestDocumentedTables holds all 40 cells of the two tables in the CloudWatch
// user guide, "Configuring how CloudWatch alarms treat missing data".
func TestDocumentedTables(t *testing.T) {
	treatments := []alarm.Missing{alarm.MissingData, alarm.Ignore, alarm.Breaching, alarm.NotBreaching}
	tests := []struct {
		m     int
		strip string
		want  string // one letter a treatment: A alarm, O ok, I insufficient, K keep
	}{
		{3, "0-X-X", "OOOO"},
		{3, "0----", "OOOO"},
		{3, "-----", "IKAO"},
		{3, "0XX-X", "AAAA"},
		{3, "--X--", "AKAO"},
		{2, "0-X-X", "AAAA"},
		{2, "00X0X", "AAAA"},
		{2, "0-X--", "OOAO"},
		{2, "----0", "OOAO"},
		{2, "---X-", "AKAO"},
	}
	for _, tt := range tests {
		for i, missing := range treatments {
			// Two current states tell "keep" from a verdict.
			a := rule(tt.m, 3, missing).Evaluate(slots(tt.strip), alarm.StateAlarm, noon)
			o := rule(tt.m, 3, missing).Evaluate(slots(tt.strip), alarm.StateOK, noon)
			if got := letter(a, o); got != tt.want[i] {
				t.Errorf("%d of 3, %s, %s = %c, want %c", tt.m, tt.strip, missing, got, tt.want[i])
			}
			if a.Undocumented {
				t.Errorf("%d of 3, %s, %s is marked undocumented, but the guide shows it", tt.m, tt.strip, missing)
			}
		}
	}
}

// letter tells what two evaluations, one from ALARM and one from OK, decided.
func letter(fromAlarm, fromOK alarm.Result) byte {
	if fromAlarm.State != fromOK.State {
		return 'K'
	}
	switch fromOK.State {
	case alarm.StateAlarm:
		return 'A'
	case alarm.StateOK:
		return 'O'
	}
	return 'I'
}

func TestDecider(t *testing.T) {
	tests := map[string]struct {
		m, n         int
		missing      alarm.Missing
		strip        string
		want         alarm.State
		by           alarm.Decider
		undocumented bool
	}{
		"full window":                     {2, 3, alarm.MissingData, "000XX", alarm.StateAlarm, alarm.RuleA, false},
		"older breaches do not count":     {2, 3, alarm.MissingData, "XX00X", alarm.StateOK, alarm.RuleA, false},
		"range fills the gap":             {3, 3, alarm.Breaching, "0X0-X", alarm.StateOK, alarm.RuleB, false},
		"breaching is unused in rule B":   {1, 2, alarm.Breaching, "00--", alarm.StateOK, alarm.RuleB, false},
		"heartbeat still in range":        {1, 1, alarm.Breaching, "0--", alarm.StateOK, alarm.RuleB, false},
		"heartbeat gone":                  {1, 1, alarm.Breaching, "---", alarm.StateAlarm, alarm.RuleC, false},
		"too young for alarm":             {3, 3, alarm.MissingData, "----X", alarm.StateOK, alarm.RuleC, true},
		"still too young":                 {3, 3, alarm.MissingData, "---X-", alarm.StateOK, alarm.RuleC, true},
		"old enough":                      {3, 3, alarm.MissingData, "--X--", alarm.StateAlarm, alarm.Premature, false},
		"one good point is enough for ok": {3, 3, alarm.Ignore, "0---X", alarm.StateOK, alarm.RuleC, false},
		"M defaults to N":                 {0, 3, alarm.MissingData, "00XX0", alarm.StateOK, alarm.RuleA, false},
		"M defaults to N, alarm":          {0, 3, alarm.MissingData, "00XXX", alarm.StateAlarm, alarm.RuleA, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := rule(tt.m, tt.n, tt.missing).Evaluate(slots(tt.strip), alarm.StateInsufficientData, noon)
			if got.State != tt.want || got.By != tt.by || got.Undocumented != tt.undocumented {
				t.Errorf("got %s by %s (undocumented %v), want %s by %s (%v)",
					got.State, got.By, got.Undocumented, tt.want, tt.by, tt.undocumented)
			}
		})
	}
}

func TestOperators(t *testing.T) {
	tests := []struct {
		op    alarm.Operator
		value float64
		want  alarm.State
	}{
		{alarm.Greater, 5, alarm.StateOK},
		{alarm.Greater, 5.1, alarm.StateAlarm},
		{alarm.GreaterOrEqual, 5, alarm.StateAlarm},
		{alarm.GreaterOrEqual, 4.9, alarm.StateOK},
		{alarm.Less, 5, alarm.StateOK},
		{alarm.Less, 4.9, alarm.StateAlarm},
		{alarm.LessOrEqual, 5, alarm.StateAlarm},
		{alarm.LessOrEqual, 5.1, alarm.StateOK},
		{alarm.OutsideBand, 2, alarm.StateOK},
		{alarm.OutsideBand, 1.9, alarm.StateAlarm},
		{alarm.OutsideBand, 8.1, alarm.StateAlarm},
		{alarm.BelowBand, 8.1, alarm.StateOK},
		{alarm.BelowBand, 1, alarm.StateAlarm},
		{alarm.AboveBand, 1, alarm.StateOK},
		{alarm.AboveBand, 9, alarm.StateAlarm},
	}
	for _, tt := range tests {
		r := alarm.Rule{Operator: tt.op, Threshold: 5, Period: time.Minute, N: 1}
		got := r.Evaluate([]alarm.Slot{{Present: true, Value: tt.value, Lower: 2, Upper: 8}}, alarm.StateOK, noon)
		if got.State != tt.want {
			t.Errorf("%v %s = %s, want %s", tt.value, tt.op, got.State, tt.want)
		}
	}
}

func TestLowSamples(t *testing.T) {
	tests := map[string]struct {
		stat    string
		samples float64
		kept    bool
	}{
		"p99 needs a thousand":      {"p99", 999, true},
		"p99 has a thousand":        {"p99", 1000, false},
		"p99.9 needs ten thousand":  {"p99.9", 9999, true},
		"the median needs twenty":   {"p50", 19, true},
		"the median has twenty":     {"p50", 20, false},
		"p10 needs a hundred":       {"p10", 99, true},
		"p10 has a hundred":         {"p10", 100, false},
		"the average needs nothing": {"Average", 1, false},
		"p100 needs nothing":        {"p100", 1, false},
		"a trimmed mean is none":    {"tm99", 1, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := alarm.Rule{
				Operator: alarm.Greater, Threshold: 1, Period: time.Minute, N: 1,
				Statistic: tt.stat, IgnoreLowSamples: true,
			}
			slot := alarm.Slot{Present: true, Value: 2, Samples: tt.samples}
			got := r.Evaluate([]alarm.Slot{slot}, alarm.StateOK, noon)
			if got.Kept != tt.kept {
				t.Errorf("kept = %v, want %v", got.Kept, tt.kept)
			}
			if want := map[bool]alarm.State{true: alarm.StateOK, false: alarm.StateAlarm}[tt.kept]; got.State != want {
				t.Errorf("state = %s, want %s", got.State, want)
			}
			r.IgnoreLowSamples = false
			if got := r.Evaluate([]alarm.Slot{slot}, alarm.StateOK, noon); got.State != alarm.StateAlarm {
				t.Errorf("evaluate setting: state = %s, want ALARM", got.State)
			}
		})
	}
}

func TestEvaluateShortInput(t *testing.T) {
	for _, strip := range []string{"", "X", "-", "0X"} {
		for _, missing := range []alarm.Missing{"", alarm.Ignore, alarm.Breaching, alarm.NotBreaching} {
			got := rule(2, 5, missing).Evaluate(slots(strip), alarm.StateOK, noon)
			if got.State == "" {
				t.Errorf("%q with %q has no state", strip, missing)
			}
		}
	}
}
