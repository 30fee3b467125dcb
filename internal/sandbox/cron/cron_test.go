package cron_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/cron"
)

func TestMatches(t *testing.T) {
	sunday := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	tests := map[string]struct {
		yearly    bool
		text      string
		at        time.Time
		different bool
	}{
		"every minute":       {text: "* * * * *", at: sunday},
		"sunday as 0":        {text: "30 9 * * 0", at: sunday},
		"sunday as 7":        {text: "30 9 * * 7", at: sunday},
		"sunday of six":      {yearly: true, text: "30 9 ? * 1 *", at: sunday},
		"saturday of six":    {yearly: true, text: "30 9 ? * 7 *", at: sunday.AddDate(0, 0, -1)},
		"weekdays":           {text: "30 9 * * MON-FRI", at: sunday, different: true},
		"weekdays of six":    {yearly: true, text: "30 9 ? * MON-FRI *", at: sunday.AddDate(0, 0, 1)},
		"steps":              {text: "*/15 * * * *", at: sunday},
		"off step":           {text: "*/20 * * * *", at: sunday, different: true},
		"from and step":      {text: "10/20 * * * *", at: sunday},
		"day of month":       {yearly: true, text: "30 9 22 NOV ? *", at: sunday},
		"either day":         {text: "30 9 1 * SUN", at: sunday},
		"another month":      {text: "30 9 22 1,2 *", at: sunday, different: true},
		"local time of zone": {text: "30 10 * * *", at: sunday.In(time.FixedZone("x", 3600))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			parse := cron.Parse
			if tt.yearly {
				parse = cron.ParseYearly
			}
			x, err := parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if x.Matches(tt.at) == tt.different {
				t.Errorf("%s matches %v: %v", tt.text, tt.at, !tt.different)
			}
		})
	}
}

func TestBadExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"* * * *":     "5 fields",
		"60 * * * *":  "minute",
		"*/0 * * * *": "bad step",
		"* 5-2 * * *": "hour",
		"* * * FOO *": "month",
	} {
		if _, err := cron.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q) = %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{"* * * * *": "6 fields", "* * * * 0 *": "day of week", "* * * * ? 2027": "year"} {
		if _, err := cron.ParseYearly(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseYearly(%q) = %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("*/5 1-2,3 ? JAN MON-FRI")
	f.Add("0 9 ? * 1 *")
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) (*cron.Expression, error){cron.Parse, cron.ParseYearly} {
			if x, err := parse(text); err == nil {
				x.Matches(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
			}
		}
	})
}
