package alarm_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/alarm"
)

// states: a and q are in ALARM, o is OK, i lacks data.
func states(name string) alarm.State {
	switch name {
	case "a", `q "x" (y)`, "arn:aws:cloudwatch:us-east-1:1:alarm:a":
		return alarm.StateAlarm
	case "o":
		return alarm.StateOK
	}
	return alarm.StateInsufficientData
}

func TestCompositeRule(t *testing.T) {
	for rule, want := range map[string]bool{
		"ALARM(a)":                      true,
		"ALARM(o)":                      false,
		"OK(o)":                         true,
		"INSUFFICIENT_DATA(i)":          true,
		"TRUE":                          true,
		"false":                         false,
		"NOT ALARM(o)":                  true,
		"NOT NOT ALARM(a)":              true,
		"ALARM(a) AND ALARM(o)":         false,
		"ALARM(a) OR ALARM(o)":          true,
		"FALSE AND FALSE OR TRUE":       true, // AND binds tighter
		"TRUE OR FALSE AND FALSE":       true,
		"(TRUE OR FALSE) AND FALSE":     false,
		"NOT FALSE AND FALSE":           false, // NOT binds tightest
		"NOT (ALARM(a) AND OK(o))":      false,
		`ALARM("q \"x\" (y)")`:          true,
		"  ALARM ( a )\n AND\tOK( o ) ": true,
		"ALARM(arn:aws:cloudwatch:us-east-1:1:alarm:a)": true,
	} {
		r, err := alarm.ParseComposite(rule)
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		if got := r.Eval(states); got != want {
			t.Errorf("%s = %v, want %v", rule, got, want)
		}
	}
}

func TestCompositeChildren(t *testing.T) {
	r, err := alarm.ParseComposite(`ALARM(b) AND (OK("a c") OR ALARM(b) OR TRUE)`)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"b", "a c"}, r.Children()); d != "" {
		t.Errorf("children (-want +got):\n%s", d)
	}
}

func TestCompositeErrors(t *testing.T) {
	var many []string
	for i := range 101 {
		many = append(many, "ALARM(a"+strings.Repeat("x", i)+")")
	}
	for rule, want := range map[string]string{
		"":                                       "1 to 10240",
		"  ":                                     "1 to 10240",
		strings.Repeat("x", 10241):               "1 to 10240",
		"ALARM":                                  `expected "("`,
		"ALARM()":                                "name or ARN",
		"ALARM(a":                                `expected ")"`,
		`ALARM("a)`:                              "in quotes",
		`ALARM("")`:                              "in quotes",
		"ALARM(a) OR":                            "the end",
		"ALARM(a) ALARM(b)":                      "unexpected",
		"BROKEN(a)":                              "BROKEN",
		"(TRUE":                                  `expected ")"`,
		"TRUE)":                                  "unexpected",
		strings.Repeat("NOT ", 400) + "TRUE":     "nested too deeply",
		strings.Repeat("TRUE OR ", 500) + "TRUE": "at most 500 elements",
		strings.Join(many, " OR "):               "at most 100 alarms",
	} {
		_, err := alarm.ParseComposite(rule)
		e, ok := errors.AsType[*alarm.RuleError](err)
		if !ok || !strings.Contains(e.Error(), want) {
			t.Errorf("%.40q: error %v, want one about %q", rule, err, want)
		}
	}
}

// FuzzParseComposite: no rule may panic, and what parses can be evaluated and
// names at most a hundred alarms, none of them empty.
func FuzzParseComposite(f *testing.F) {
	for _, s := range []string{`ALARM(a) AND NOT ("OK"(b))`, `(OK("x\"y") OR FALSE)`, "NOT TRUE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		r, err := alarm.ParseComposite(rule)
		if err != nil {
			return
		}
		r.Eval(states)
		for _, c := range r.Children() {
			if c == "" {
				t.Error("an alarm without a name")
			}
		}
		if len(r.Children()) > 100 {
			t.Errorf("%d children", len(r.Children()))
		}
	})
}
