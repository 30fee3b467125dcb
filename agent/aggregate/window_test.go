package aggregate_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/aggregate"
)

// seconds returns what points say, with times in seconds since begin.
func seconds(points []sidelight.Point, begin time.Time) []string {
	var out []string
	for _, p := range points {
		out = append(out, fmt.Sprintf("%s@%d:%v*%v/%d", p.Name, (p.Time-begin.UnixMilli())/1000, p.Values, p.Counts, p.Resolution))
	}
	return out
}

// Measurements that carry a time go to their interval, within bounds; the rest is
// counted by cause.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := map[string]int{}
		a, points := collect(aggregate.Config{Lose: func(cause string, n int) { lost[cause] += n }})
		began := time.Now().Truncate(time.Minute)
		at := func(d time.Duration) {
			a.Record(&sidelight.Measurement{Name: "n", Kind: sidelight.Sum, Value: 1, Time: began.Add(d).UnixMilli()})
		}
		for _, d := range []time.Duration{
			0, 59 * time.Second, -time.Millisecond, -90 * time.Second, time.Hour, // taken
			-14 * 24 * time.Hour, 3 * time.Hour, // not
		} {
			at(d)
		}
		if err := a.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(seconds(*points, began)), "[n@-120:[1]*[1]/60 n@-60:[1]*[1]/60 n@0:[2]*[1]/60 n@3600:[1]*[1]/60]"; got != want {
			t.Errorf("points %s, want %s", got, want)
		}
		*points = nil
		for i := range 40 {
			at(-time.Duration(i) * time.Minute)
		}
		if want := map[string]int{"too_old": 1, "too_new": 1, "late": 9}; !maps.Equal(lost, want) {
			t.Errorf("lost %v, want %v", lost, want)
		}
		if st := a.Stats().Lost; st["late"] != 9 || st["too_old"] != 1 {
			t.Errorf("stats %v", st)
		}
		if err := a.Flush(t.Context()); err != nil || len(*points) != 31 {
			t.Errorf("%d points, %v; want 31", len(*points), err)
		}
	})
}

// A series of one second's resolution leaves a point for each second, under the
// second's time, however long the interval is.
func TestSeconds(t *testing.T) {
	for _, interval := range []time.Duration{time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			a, points := collect(aggregate.Config{Interval: interval, Jitter: -1})
			began := time.Now().Truncate(time.Minute)
			var wg sync.WaitGroup
			wg.Go(func() { _ = a.Run(t.Context()) })
			for range 90 {
				a.Record(&sidelight.Measurement{Name: "fine", Value: 1, Resolution: 1})
				a.Record(&sidelight.Measurement{Name: "fine", Value: 2, Resolution: 1})
				a.Record(&sidelight.Measurement{Name: "coarse", Kind: sidelight.Sum, Value: 1})
				<-time.After(time.Second)
			}
			synctest.Wait()
			fine := 0
			for _, p := range *points {
				if p.Name == "fine" {
					if want := began.UnixMilli() + int64(fine)*1000; p.Time != want || len(p.Values) != 2 || p.Resolution != 1 {
						t.Errorf("point %d is %+v, want the time %d", fine, p, want)
					}
					fine++
				}
			}
			if fine != 60 {
				t.Errorf("%d points after a minute and a half", fine)
			}
			a.Close()
			wg.Wait()
			if n := len(*points); interval == time.Minute && n != 90+2 || interval == time.Hour && n != 90+1 {
				t.Errorf("interval %v: %d points at the end", interval, n)
			}
			if lost := a.Stats().Lost; len(lost) > 0 {
				t.Errorf("lost %v", lost)
			}
		})
	}
}

// Points wait a random time, the same each interval, but not at the end.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left []time.Duration
		began := time.Now()
		var a *aggregate.Aggregate
		waits := map[time.Duration]bool{}
		for range 20 {
			left = nil
			began = time.Now().Truncate(time.Minute)
			a = newAggregate(func([]sidelight.Point) { left = append(left, time.Since(began)) }, aggregate.Config{})
			var wg sync.WaitGroup
			wg.Go(func() { _ = a.Run(t.Context()) })
			<-time.After(time.Second) // no ends of intervals at the same time
			for range 2 {
				a.Record(&sidelight.Measurement{Name: "n", Value: 1})
				<-time.After(time.Minute)
			}
			<-time.After(10 * time.Second)
			a.Record(&sidelight.Measurement{Name: "n", Value: 1})
			end := time.Since(began)
			a.Close()
			wg.Wait()
			if len(left) != 3 || left[0] < time.Minute || left[0] > 65*time.Second || left[1] != left[0]+time.Minute || left[2] != end {
				t.Errorf("points left after %v, closed after %v", left, end)
			}
			waits[left[0]] = true
			<-time.After(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
		}
		if len(waits) < 15 {
			t.Errorf("of 20 agents many wait as long as others: %v", waits)
		}
	})
}

// A clock that is set back stops nothing.
func TestClockSetBack(t *testing.T) {
	a, points := collect(aggregate.Config{})
	m := sidelight.Measurement{Name: "n", Kind: sidelight.Sum, Value: 1}
	a.Record(&m)
	a.Cut(time.Now().Add(-time.Hour))
	a.Record(&m)
	for range 3 {
		if err := a.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sum := 0.0
	for _, p := range *points {
		sum += p.Values[0]
	}
	if sum != 2 {
		t.Errorf("sum %v, want 2: %v", sum, *points)
	}
}

// In a long interval what is measured now is not in the future, and what would
// leave under a time that CloudWatch takes no more is too old.
func TestTimesOfLongIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, points := collect(aggregate.Config{Interval: 24 * time.Hour})
		time.Sleep(20 * time.Hour)
		for _, d := range []time.Duration{0, time.Hour, 3 * time.Hour, -13*24*time.Hour - 23*time.Hour} {
			a.Record(&sidelight.Measurement{Name: "n", Kind: sidelight.Sum, Value: 1, Time: time.Now().Add(d).UnixMilli()})
		}
		if err := a.Flush(t.Context()); err != nil || len(*points) != 1 || (*points)[0].Values[0] != 2 {
			t.Errorf("points %+v, %v", *points, err)
		}
		if lost := a.Stats().Lost; !maps.Equal(lost, map[string]uint64{"too_new": 1, "too_old": 1}) {
			t.Errorf("lost %v", lost)
		}
	})
}
