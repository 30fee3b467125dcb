package cloudwatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/sidelight-dev/sidelight/internal/alarm"
)

var start = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func obsAt(name string, at time.Time, resolution time.Duration, v float64) observation {
	return observation{
		identity: newIdentity("n", name, nil), unit: "None", at: at, resolution: resolution, values: []weighted{{v, 1}},
	}
}

func (st *store) sumOf(name string, now, from time.Time, period time.Duration) (count, sum float64) {
	d := st.read(scope{}, newIdentity("n", name, nil), "", now, span{period, []alarm.Window{{Start: from, End: from.Add(period)}}})
	return d[0].count, d[0].sum
}

// TestRollUp follows seconds, minutes, five minutes and hours as data ages.
func TestRollUp(t *testing.T) {
	st := newStore(10, 1<<20)
	for i := range 120 {
		st.add(scope{}, start, []observation{obsAt("m", start.Add(time.Duration(i)*time.Second), time.Second, 1)})
	}
	tests := []struct {
		age    time.Duration
		period time.Duration
		want   float64 // samples in the first period
	}{
		{time.Hour, time.Second, 1},
		{time.Hour, 10 * time.Second, 10},
		{time.Hour, time.Minute, 60},
		{4 * time.Hour, 10 * time.Second, 0}, // only minutes are left
		{4 * time.Hour, time.Minute, 60},
		{16 * 24 * time.Hour, time.Minute, 0},
		{16 * 24 * time.Hour, 5 * time.Minute, 120},
		{64 * 24 * time.Hour, 5 * time.Minute, 0},
		{64 * 24 * time.Hour, time.Hour, 120},
		{456 * 24 * time.Hour, time.Hour, 0},
	}
	for _, tt := range tests {
		if got, _ := st.sumOf("m", start.Add(tt.age), start, tt.period); got != tt.want {
			t.Errorf("after %v, period %v: %v samples, want %v", tt.age, tt.period, got, tt.want)
		}
	}
}

func TestOutOfOrder(t *testing.T) {
	st := newStore(10, 1<<20)
	for _, m := range []int{5, 1, 3, 1, 4, 0} {
		st.add(scope{}, start.Add(time.Hour), []observation{obsAt("m", start.Add(time.Duration(m)*time.Minute), time.Minute, float64(m))})
	}
	for m, want := range map[int]float64{0: 1, 1: 2, 2: 0, 3: 1, 4: 1, 5: 1} {
		if got, _ := st.sumOf("m", start.Add(time.Hour), start.Add(time.Duration(m)*time.Minute), time.Minute); got != want {
			t.Errorf("minute %d: %v samples, want %v", m, got, want)
		}
	}
	if _, got := st.sumOf("m", start.Add(time.Hour), start, time.Hour); got != 14 {
		t.Errorf("sum of the hour = %v, want 14", got)
	}
}

// TestBounds fills a store and finds that it forgets the longest silent.
func TestBounds(t *testing.T) {
	st := newStore(100, 1<<30)
	forgotten := 0
	for i := range 150 {
		now := start.Add(time.Duration(i) * time.Second)
		forgotten += st.add(scope{}, now, []observation{obsAt(fmt.Sprintf("m%03d", i), now, time.Minute, 1)})
	}
	if st.count > 100 || forgotten != 150-st.count {
		t.Errorf("%d metrics kept, %d forgotten, want at most 100 and the rest", st.count, forgotten)
	}
	names := st.list(scope{}, func(identity) bool { return true })
	if last := names[len(names)-1].name; last != "m149" {
		t.Errorf("the newest metric kept is %s, want m149", last)
	}
	if first := names[0].name; first < "m040" {
		t.Errorf("the old metric %s was kept", first)
	}
}

// TestBytesAreCounted compares the running account with a fresh measurement,
// and checks the bound.
func TestBytesAreCounted(t *testing.T) {
	const limit = 300_000
	st := newStore(1000, limit)
	for i := range 20_000 {
		now := start.Add(time.Duration(i) * time.Second)
		st.add(scope{}, now, []observation{obsAt(fmt.Sprintf("m%d", i%7), now, time.Second, float64(i%1000))})
		if st.bytes > limit {
			t.Fatalf("%d bytes after %d points, want at most %d", st.bytes, i, limit)
		}
	}
	var fresh int
	for _, m := range st.scopes[scope{}] {
		size := 256 + len(m.namespace) + len(m.name) + 64*len(m.dims)
		for _, s := range m.units {
			size += s.size()
		}
		fresh += size
	}
	// Sketches and lists grow in place between measurements.
	if ratio := float64(st.bytes) / float64(fresh); ratio < 0.9 || ratio > 1.1 {
		t.Errorf("account says %d bytes, measurement %d", st.bytes, fresh)
	}
}

func TestIdentityOrder(t *testing.T) {
	a := newIdentity("n", "m", []dimension{{"x", "1"}, {"a", "2"}})
	b := newIdentity("n", "m", []dimension{{"a", "2"}, {"x", "1"}})
	if a.key() != b.key() {
		t.Error("the order of dimensions makes another metric")
	}
	if c := newIdentity("n", "m", []dimension{{"a", "2"}}); c.key() == a.key() {
		t.Error("a subset of the dimensions is the same metric")
	}
}
