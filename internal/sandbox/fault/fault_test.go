package fault_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
)

func add(t *testing.T, s *fault.Set, r fault.Rule) fault.Rule {
	t.Helper()
	r, err := s.Add(r)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMatchByServiceAndOperation(t *testing.T) {
	s := fault.NewSet(1)
	add(t, s, fault.Rule{Kind: fault.Throttle, Service: "logs", Operation: "PutLogEvents"})
	for _, c := range []struct {
		service, operation string
		want               int
	}{
		{"logs", "PutLogEvents", 1}, {"logs", "CreateLogGroup", 0}, {"xray", "PutLogEvents", 0},
	} {
		if got := len(s.Match(c.service, c.operation, "AKID")); got != c.want {
			t.Errorf("Match(%s, %s) gives %d rules, want %d", c.service, c.operation, got, c.want)
		}
	}
}

func TestCountUsesUp(t *testing.T) {
	s := fault.NewSet(1)
	add(t, s, fault.Rule{Kind: fault.Error, Count: 2})
	for i, want := range []int{1, 1, 0} {
		if got := len(s.Match("logs", "X", "AKID")); got != want {
			t.Errorf("call %d: %d rules, want %d", i, got, want)
		}
	}
	if l := s.List(); len(l) != 0 {
		t.Errorf("a used up rule is listed: %v", l)
	}
}

func TestDurationExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := fault.NewSet(1)
		add(t, s, fault.Rule{Kind: fault.Refuse, Duration: fault.Duration(time.Minute)})
		if !s.Outage("", "") {
			t.Error("no outage at once")
		}
		<-time.After(61 * time.Second)
		if s.Outage("", "") {
			t.Error("outage after its end")
		}
	})
}

func TestRateIsAShare(t *testing.T) {
	s := fault.NewSet(7)
	add(t, s, fault.Rule{Kind: fault.DropAfter, Rate: 0.25})
	n := 0
	for range 10000 {
		n += len(s.Match("logs", "X", "AKID"))
	}
	if n < 2300 || n > 2700 {
		t.Errorf("a rate of 0.25 met %d of 10000", n)
	}
}

func TestDelaysAddToOneOther(t *testing.T) {
	s := fault.NewSet(1)
	add(t, s, fault.Rule{Kind: fault.Throttle})
	add(t, s, fault.Rule{Kind: fault.Error})
	add(t, s, fault.Rule{Kind: fault.Delay, Wait: fault.Duration(time.Second)})
	got := s.Match("logs", "X", "AKID")
	if len(got) != 2 || got[0].Kind != fault.Throttle || got[1].Kind != fault.Delay {
		t.Errorf("Match = %v", got)
	}
	if s.Outage("logs", "X") {
		t.Error("outage without a rule for one")
	}
}

func TestRemoveAndClear(t *testing.T) {
	s := fault.NewSet(1)
	a := add(t, s, fault.Rule{Kind: fault.Throttle})
	add(t, s, fault.Rule{Kind: fault.Throttle})
	if !s.Remove(a.ID) || s.Remove(a.ID) || len(s.List()) != 1 {
		t.Errorf("Remove: %v left", s.List())
	}
	s.Clear()
	if len(s.List()) != 0 {
		t.Errorf("Clear: %v left", s.List())
	}
}

func TestBadRules(t *testing.T) {
	for name, r := range map[string]fault.Rule{
		"no kind":       {},
		"unknown kind":  {Kind: "explode"},
		"rate":          {Kind: fault.Throttle, Rate: 1.5},
		"count":         {Kind: fault.Throttle, Count: -1},
		"status":        {Kind: fault.Error, Status: 200},
		"delay of none": {Kind: fault.Delay},
		"duration":      {Kind: fault.Throttle, Duration: -1},
	} {
		if _, err := fault.NewSet(1).Add(r); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRuleJSON(t *testing.T) {
	var r fault.Rule
	if err := json.Unmarshal([]byte(`{"kind":"delay","wait":"1.5s","rate":0.5}`), &r); err != nil {
		t.Fatal(err)
	}
	if time.Duration(r.Wait) != 1500*time.Millisecond || r.Rate != 0.5 {
		t.Errorf("decoded %+v", r)
	}
	b, err := json.Marshal(r)
	if err != nil || string(b) != `{"id":"","kind":"delay","rate":0.5,"wait":"1.5s","hits":0}` {
		t.Errorf("Marshal = %s, %v", b, err)
	}
}
