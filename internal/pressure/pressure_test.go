package pressure_test

import (
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/pressure"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		text string
		want pressure.Totals
		ok   bool
	}{
		"both": {
			"some avg10=0.12 avg60=0.05 avg300=0.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n",
			pressure.Totals{Some: 2500 * time.Millisecond, Full: time.Second},
			true,
		},
		"no full line": {"some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", pressure.Totals{Some: 7 * time.Microsecond}, true},
		"empty":        {"", pressure.Totals{}, false},
		"no number":    {"some total=x\n", pressure.Totals{}, false},
		"too much":     {"some total=9223372036854775807\n", pressure.Totals{}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got, ok := pressure.Parse([]byte(c.text)); got != c.want || ok != c.ok {
				t.Errorf("Parse = %+v, %v, want %+v, %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestPercent(t *testing.T) {
	cases := map[string]struct {
		before, now, wall time.Duration
		want              float64
		ok                bool
	}{
		"a quarter": {time.Second, 3500 * time.Millisecond, 10 * time.Second, 25, true},
		"over all":  {0, 11 * time.Second, 10 * time.Second, 100, true},
		"fell":      {time.Second, 0, time.Second, 0, false},
		"no time":   {0, 0, 0, 0, false},
	}
	for name, c := range cases {
		if got, ok := pressure.Percent(c.before, c.now, c.wall); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %v, want %v, %v", name, got, ok, c.want, c.ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("some avg10=0.12 total=2500000\nfull total=-1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, _ := pressure.Parse(b); got.Some < 0 || got.Full < 0 {
			t.Errorf("negative: %+v", got)
		}
	})
}
