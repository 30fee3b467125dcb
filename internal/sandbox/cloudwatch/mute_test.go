package cloudwatch

import (
	"strings"
	"testing"
	"time"
)

func TestSchedules(t *testing.T) {
	day := func(text string) time.Time {
		at, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for name, tc := range map[string]struct {
		expression, duration, zone string
		active, idle               []string
		bad                        string
	}{
		"nights":    {"cron(0 2 * * *)", "PT90M", "", []string{"2026-03-01 02:00", "2026-03-01 03:29"}, []string{"2026-03-01 01:59", "2026-03-01 03:30"}, ""},
		"zone":      {"cron(0 2 * * *)", "PT1H", "Asia/Tokyo", []string{"2026-03-01 17:30"}, []string{"2026-03-01 02:30"}, ""},
		"weekend":   {"cron(0 0 * * SAT,SUN)", "P1D", "", []string{"2026-02-28 12:00", "2026-03-01 23:59"}, []string{"2026-03-02 00:00", "2026-02-27 12:00"}, ""},
		"sunday":    {"cron(30 */6 * 3 7)", "PT5M", "", []string{"2026-03-01 06:34"}, []string{"2026-03-01 06:35", "2026-03-02 06:31", "2026-04-05 06:31"}, ""},
		"either":    {"cron(0 0 13 * FRI)", "PT1H", "", []string{"2026-03-13 00:30", "2026-03-06 00:30", "2026-04-13 00:30"}, []string{"2026-03-14 00:30"}, ""},
		"once":      {"at(2026-03-01T10:00)", "P1DT1H", "", []string{"2026-03-02 10:59"}, []string{"2026-03-01 09:59", "2026-03-02 11:00"}, ""},
		"four":      {"cron(0 2 * *)", "PT1H", "", nil, nil, "5 fields"},
		"range":     {"cron(60 2 * * *)", "PT1H", "", nil, nil, "minute"},
		"step":      {"cron(*/0 2 * * *)", "PT1H", "", nil, nil, "step"},
		"duration":  {"cron(0 2 * * *)", "1h", "", nil, nil, "Duration"},
		"too long":  {"cron(0 2 * * *)", "P16D", "", nil, nil, "P15D"},
		"nowhere":   {"cron(0 2 * * *)", "PT1H", "Moon/Base", nil, nil, "Timezone"},
		"neither":   {"rate(5 minutes)", "PT1H", "", nil, nil, "neither"},
		"bad time":  {"at(tomorrow)", "PT1H", "", nil, nil, "Expression"},
		"unclosed":  {"cron(0 2 * * *", "PT1H", "", nil, nil, "neither"},
		"only time": {"cron(0 2 * * *)", "PT", "", nil, nil, "Duration"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parseSchedule(tc.expression, tc.duration, tc.zone)
			if tc.bad != "" {
				if err == nil || !strings.Contains(err.Error(), tc.bad) {
					t.Errorf("error is %v, want one of %s", err, tc.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range tc.active {
				if !s.active(day(at), time.Time{}) {
					t.Errorf("is idle at %s", at)
				}
				if s.active(day(at), day(at).Add(time.Minute)) {
					t.Errorf("is active at %s, before its start", at)
				}
			}
			for _, at := range tc.idle {
				if s.active(day(at), time.Time{}) {
					t.Errorf("is active at %s", at)
				}
			}
		})
	}
}

func FuzzSchedule(f *testing.F) {
	f.Add("cron(0 2 * * MON-FRI)", "PT1H", "UTC")
	f.Add("at(2026-03-01T10:00)", "P1D", "")
	f.Fuzz(func(t *testing.T, expression, duration, zone string) {
		if s, err := parseSchedule(expression, duration, zone); err == nil {
			_ = s.active(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), time.Time{})
		}
	})
}
