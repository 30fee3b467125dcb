package alarm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/alarm"
)

func TestValidate(t *testing.T) {
	ok := rule(2, 3, alarm.Ignore)
	tests := map[string]struct {
		change func(*alarm.Rule)
		want   string // part of the error, empty for none
	}{
		"valid":                {func(*alarm.Rule) {}, ""},
		"operator":             {func(r *alarm.Rule) { r.Operator = "Above" }, "comparison operator"},
		"missing data":         {func(r *alarm.Rule) { r.Missing = "zero" }, "missing data"},
		"no periods":           {func(r *alarm.Rule) { r.N, r.M = 0, 0 }, "at least 1"},
		"M above N":            {func(r *alarm.Rule) { r.M = 4 }, "between 1 and the 3"},
		"odd period":           {func(r *alarm.Rule) { r.Period = 45 * time.Second }, "multiple of 60"},
		"no period":            {func(r *alarm.Rule) { r.Period = 0 }, "multiple of 60"},
		"a day of minutes":     {func(r *alarm.Rule) { r.N = 1440 }, ""},
		"more than a day":      {func(r *alarm.Rule) { r.N = 1441 }, "must not exceed 24h"},
		"a week of hours":      {func(r *alarm.Rule) { r.Period, r.N = time.Hour, 168 }, ""},
		"more than a week":     {func(r *alarm.Rule) { r.Period, r.N = time.Hour, 169 }, "must not exceed 168h"},
		"overflow":             {func(r *alarm.Rule) { r.Period, r.N = time.Hour, 1<<62 }, "must not exceed"},
		"wall clock period":    {func(r *alarm.Rule) { r.Period, r.WallClock = 2*time.Minute, time.UTC }, "wall clock"},
		"wall clock of a week": {func(r *alarm.Rule) { r.Period, r.N, r.M, r.WallClock = 168*time.Hour, 1, 1, time.UTC }, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := ok
			tt.change(&r)
			err := r.Validate()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("Validate() = %v, want nil", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Validate() = %v, want an error about %q", err, tt.want)
			}
		})
	}
}

func TestWindows(t *testing.T) {
	at := time.Date(2026, 1, 5, 12, 7, 42, 500, time.UTC)
	paris, err := alarm.Location("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		rule alarm.Rule
		now  time.Time
		want []string // start of each window, then the last end
	}{
		"five minutes slide by the minute": {
			alarm.Rule{Period: 5 * time.Minute, N: 2},
			at,
			[]string{"11:57:00", "12:02:00", "12:07:00"},
		},
		"extra windows": {
			alarm.Rule{Period: time.Minute, N: 1, Extra: 2},
			at,
			[]string{"12:04:00", "12:05:00", "12:06:00", "12:07:00"},
		},
		"ten seconds": {
			alarm.Rule{Period: 10 * time.Second, N: 2},
			at,
			[]string{"12:07:20", "12:07:30", "12:07:40"},
		},
		"half minutes are aligned": {
			alarm.Rule{Period: 30 * time.Second, N: 1},
			at,
			[]string{"12:07:00", "12:07:30"},
		},
		"more than a day ends at the hour": {
			alarm.Rule{Period: time.Hour, N: 25, Extra: -24},
			at,
			[]string{"11:00:00", "12:00:00"},
		},
		"wall clock ignores extra": {
			alarm.Rule{Period: 5 * time.Minute, N: 1, Extra: 2, WallClock: time.UTC},
			at,
			[]string{"12:00:00", "12:05:00"},
		},
		"wall clock day": {
			alarm.Rule{Period: 24 * time.Hour, N: 1, WallClock: paris},
			at,
			[]string{"23:00:00", "23:00:00"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			ws := tt.rule.Windows(tt.now)
			for i, w := range ws {
				got = append(got, w.Start.Format(time.TimeOnly))
				if i+1 < len(ws) && !w.End.Equal(ws[i+1].Start) {
					t.Errorf("window %d ends at %v, the next starts at %v", i, w.End, ws[i+1].Start)
				}
			}
			got = append(got, ws[len(ws)-1].End.Format(time.TimeOnly))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("windows (-want +got):\n%s", d)
			}
		})
	}
}

// TestWallClockChange covers the day on which Paris skips an hour, and a week.
func TestWallClockChange(t *testing.T) {
	paris, err := alarm.Location("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 30, 9, 0, 0, 0, paris) // Monday after the change
	days := alarm.Rule{Period: 24 * time.Hour, N: 2, WallClock: paris}.Windows(now)
	if got := days[1].End.Sub(days[1].Start); got != 23*time.Hour {
		t.Errorf("the day of the change has %v, want 23h", got)
	}
	if got := days[0].End.Sub(days[0].Start); got != 24*time.Hour {
		t.Errorf("the day before has %v, want 24h", got)
	}
	weeks := alarm.Rule{Period: 168 * time.Hour, N: 1, WallClock: paris}.Windows(now)
	if got := weeks[0].Start.In(paris).Format(time.DateTime); got != "2026-03-23 00:00:00" {
		t.Errorf("the last week starts %s, want Monday the 23rd at midnight", got)
	}
}

func TestLocation(t *testing.T) {
	tests := map[string]struct {
		offset time.Duration
		ok     bool
	}{
		"":             {0, true},
		"UTC":          {0, true},
		"+05:30":       {5*time.Hour + 30*time.Minute, true},
		"UTC-03:00":    {-3 * time.Hour, true},
		"Asia/Tokyo":   {9 * time.Hour, true},
		"+05:33":       {0, false},
		"+25:00":       {0, false},
		"Local":        {0, false},
		"Mars/Olympus": {0, false},
		"../etc":       {0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			loc, err := alarm.Location(name)
			if (err == nil) != tt.ok {
				t.Fatalf("Location(%q) error = %v, want ok %v", name, err, tt.ok)
			}
			if !tt.ok {
				return
			}
			if _, got := noon.In(loc).Zone(); time.Duration(got)*time.Second != tt.offset {
				t.Errorf("Location(%q) is %ds from UTC, want %v", name, got, tt.offset)
			}
		})
	}
}

func TestInterval(t *testing.T) {
	tests := map[string]struct {
		period time.Duration
		n      int
		want   time.Duration
	}{
		"high resolution": {30 * time.Second, 1, 10 * time.Second},
		"minutes":         {time.Minute, 5, time.Minute},
		"exactly a day":   {time.Hour, 24, time.Minute},
		"beyond a day":    {time.Hour, 25, time.Hour},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (alarm.Rule{Period: tt.period, N: tt.n}).Interval(); got != tt.want {
				t.Errorf("Interval() = %v, want %v", got, tt.want)
			}
		})
	}
}
