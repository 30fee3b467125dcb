package xraysample

import (
	"sync"
	"testing"
	"time"
)

// TestRuleTable is the documented behaviour of one rule, written out. rate 0
// and 1 make the decisions exact.
func TestRuleTable(t *testing.T) {
	const now = 1_700_000_000
	tests := map[string]struct {
		size   int
		rate   float64
		target *target
		want   [2]int // of ten requests in each of two seconds
		borrow int64
	}{
		"no reservoir, nothing":       {size: 0, rate: 0, want: [2]int{0, 0}},
		"no reservoir, everything":    {size: 0, rate: 1, want: [2]int{10, 10}},
		"borrows one a second":        {size: 50, rate: 0, want: [2]int{1, 1}, borrow: 2},
		"borrows, then by rate":       {size: 50, rate: 1, want: [2]int{10, 10}, borrow: 2},
		"takes its quota":             {size: 50, rate: 0, target: &target{quota: 4, expires: now + 10}, want: [2]int{4, 4}},
		"a quota of zero":             {size: 50, rate: 0, target: &target{quota: 0, expires: now + 10}, want: [2]int{0, 0}},
		"quota expires":               {size: 50, rate: 0, target: &target{quota: 4, expires: now + 1}, want: [2]int{4, 1}, borrow: 1},
		"target without quota":        {size: 50, rate: 0, target: &target{quota: -1}, want: [2]int{1, 1}, borrow: 2},
		"target's rate wins":          {size: 0, rate: 0, target: &target{rate: 1, quota: -1}, want: [2]int{10, 10}},
		"target's rate beyond quota":  {size: 9, rate: 0, target: &target{rate: 1, quota: 2, expires: now + 10}, want: [2]int{10, 10}},
		"target without a reservoir":  {size: 0, rate: 1, target: &target{rate: 0, quota: -1}, want: [2]int{0, 0}},
		"quota for an empty rule":     {size: 0, rate: 0, target: &target{quota: 3, expires: now + 10}, want: [2]int{3, 3}},
		"expired long ago, no size":   {size: 0, rate: 0, target: &target{quota: 3, expires: now - 10}, want: [2]int{0, 0}},
		"expired long ago, with size": {size: 1, rate: 0, target: &target{quota: 3, expires: now - 10}, want: [2]int{1, 1}, borrow: 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := Rule{Document: Document{ReservoirSize: tc.size, FixedRate: tc.rate}, state: &state{}}
			r.state.target.Store(tc.target)
			for s, want := range tc.want {
				got := 0
				for range 10 {
					if r.Sample(time.Unix(now+int64(s), 0)) {
						got++
					}
				}
				if got != want {
					t.Errorf("second %d: %d of 10 sampled, want %d", s, got, want)
				}
			}
			if n := r.state.requests.Load(); n != 20 {
				t.Errorf("%d requests counted, want 20", n)
			}
			if n := r.state.sampled.Load(); n != int64(tc.want[0]+tc.want[1]) {
				t.Errorf("%d counted as sampled, want %d", n, tc.want[0]+tc.want[1])
			}
			if n := r.state.borrowed.Load(); n != tc.borrow {
				t.Errorf("%d counted as borrowed, want %d", n, tc.borrow)
			}
		})
	}
}

func TestReservoirIsExactUnderContention(t *testing.T) {
	var r reservoir
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 8 {
		wg.Go(func() {
			mine := 0
			for range 1000 {
				if r.take(42, 100) {
					mine++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			taken += mine
		})
	}
	wg.Wait()
	if taken != 100 {
		t.Errorf("%d taken of 100", taken)
	}
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"a", "", false},
		{"?", "", false},
		{"a*", "a", true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbY", false},
		{"*a", "ba", true},
		{"**", "x", true},
		{"?*", "x", true},
		{"?*", "", false},
		{"A?c", "aBC", true},
		{"*.*", "a.b", true},
		{"*.*", "ab", false},
	}
	for _, tc := range tests {
		if got := Glob(tc.pattern, tc.s); got != tc.want {
			t.Errorf("Glob(%q, %q) = %v, want %v", tc.pattern, tc.s, got, tc.want)
		}
	}
}

// FuzzGlob compares with a matcher that tries everything.
func FuzzGlob(f *testing.F) {
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 24 {
			return
		}
		if got, want := Glob(pattern, s), slowGlob(pattern, s); got != want {
			t.Errorf("Glob(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func slowGlob(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return slowGlob(pattern[1:], s) || s != "" && slowGlob(pattern, s[1:])
	case s == "":
		return false
	}
	return (pattern[0] == '?' || lower(pattern[0]) == lower(s[0])) && slowGlob(pattern[1:], s[1:])
}

// A target that was given for the rule as it was does not outlive it; one for an
// unchanged rule does, and so do the counts.
func TestChangedRuleForgetsItsTarget(t *testing.T) {
	r := New(Config{})
	now := time.Now()
	doc := Document{RuleName: "a", Version: 1, FixedRate: 0, ServiceName: "*"}
	r.install([]Document{doc}, now)
	first := r.Current(now)[0]
	first.state.target.Store(&target{rate: 0, quota: -1})
	first.Sample(now)
	r.install([]Document{doc}, now)
	if same := r.Current(now)[0].state; same.target.Load() == nil || same.requests.Load() != 1 {
		t.Error("an unchanged rule lost its state")
	}
	doc.FixedRate = 1
	r.install([]Document{doc}, now)
	changed := r.Current(now)[0]
	if !changed.Sample(now) || changed.state.requests.Load() != 2 {
		t.Errorf("the new rate does not hold, or the counts are lost: %d", changed.state.requests.Load())
	}
}
