package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/expr"
)

const doc = `{"level":"warn","route":"/healthz","status":503,"ms":"12.5","ok":true,"http.method":"GET",` +
	`"http":{"method":"nested","code":"200"},"user":{"id":7,"tags":["a"]},"none":null,"msg":"it \"broke\"","k8s/pod":"p-1"}`

func TestMatch(t *testing.T) {
	for text, want := range map[string]bool{
		`level >= info and not (route = "/healthz")`: false,
		`level >= info`:                         true,
		`level >= error`:                        false,
		`level = warning`:                       true,
		`level = "warn"`:                        true,
		`level in (warn, error)`:                true,
		`level in (debug)`:                      false,
		`route == '/healthz'`:                   true,
		`route != "/healthz"`:                   false,
		`status >= 500 and status < 600`:        true,
		`status = 503.0`:                        true,
		`status = "503"`:                        true,
		`ms > 9`:                                true, // as numbers
		`ms > "9"`:                              false,
		`ok`:                                    true,
		`not ok`:                                false,
		`ok = true`:                             true,
		`ok != false`:                           true,
		`http.method = "GET"`:                   true,
		`http.code = 200`:                       true,
		`user.id = 7`:                           true,
		`user.name = "x"`:                       false,
		`user.name != "x"`:                      true,
		`user.name = null`:                      true,
		`none = null`:                           true,
		`exists(none)`:                          false,
		`exists(user.tags)`:                     true,
		`user.name < 5 or user.name >= 5`:       false,
		`null <= none`:                          false,
		`field("k8s/pod") = "p-1"`:              true,
		`message = 'it "broke"'`:                true,
		`contains(message, "broke")`:            true,
		`starts_with(route, "/h")`:              true,
		`ends_with(route, "x")`:                 false,
		`matches(route, "^/(health|ready)z?$")`: true,
		`route =~ "\w+z$"`:                      true,
		`route !~ "ready"`:                      true,
		`missing =~ "x"`:                        false,
		`lower(http.method) = "get"`:            true,
		`upper(route) = "/HEALTHZ"`:             true,
		`len(route) = 8`:                        true,
		`status in (500, 502, 503)`:             true,
		`source = "/var/log/a.log"`:             true,
		`contains(source, "b.log")`:             false,
		`false or false and true`:               false,
		`true or false and false`:               true,
		`not false and not not true`:            true,
		`(status > 1) = true`:                   true,
		`-1 < status`:                           true,
	} {
		x, err := expr.Parse(text)
		if err != nil {
			t.Errorf("Parse(%s): %v", text, err)
			continue
		}
		var s expr.Subject
		s.Reset("/var/log/a.log", []byte(doc))
		if got := x.Match(&s); got != want {
			t.Errorf("%s = %v, want %v", text, got, want)
		}
	}
}

func TestMatchText(t *testing.T) {
	for text, want := range map[string]bool{
		`level = error`: true, `contains(message, "boom")`: true, `message =~ "^2026"`: true, `route = null`: true, `route = "/x"`: false,
	} {
		x, err := expr.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var s expr.Subject
		s.Reset("", []byte("2026-11-22 ERROR boom"))
		if got := x.Match(&s); got != want {
			t.Errorf("%s = %v, want %v", text, got, want)
		}
	}
}

// A fault says where it is and what was meant.
func TestErrors(t *testing.T) {
	for text, want := range map[string]string{
		``:                       `at 1: the expression is empty; expected one such as level >= info`,
		`level >= inf0`:          `at 10: level is compared with something that is no level; did you mean "info"?`,
		`level`:                  `at 1: level alone is neither true nor false; expected a comparison such as level >= info`,
		`status > level`:         `at 10: level can only be compared with the name of one; expected level first: level >= info`,
		`contain(message, "x")`:  `at 1: there is no function "contain"; did you mean "contains"?`,
		`a && b`:                 `at 3: unexpected "&&"; write "and"`,
		`a and !b`:               `at 7: unexpected "!"; write "not"`,
		`a = "x`:                 `at 5: the text has no closing quote`,
		`a =~ "("`:               `at 6: the regular expression is not valid: missing closing ): (`,
		`a =~ b`:                 `at 6: unexpected "b"; expected a regular expression in quotes`,
		`a = 5ms`:                `at 5: "5ms" is not a number; units have no meaning here; write a plain number`,
		`(a = 1`:                 `at 7: expected ")", found the end`,
		`a = 1 b`:                `at 7: unexpected "b"; expected and, or, or the end`,
		`a = `:                   `at 5: expected a value, found the end`,
		`"x"`:                    `at 1: a text or a number is neither true nor false; expected a comparison`,
		`a = 1 = 2`:              `at 7: a comparison of a comparison; join two comparisons with and`,
		`field(a) = 1`:           `at 7: field takes the name of a member; expected a name in quotes: field("a b")`,
		`a = ü`:                  `at 5: unexpected "ü"`,
		`or`:                     `at 1: expected a value, found "or"; a member of that name is written field("or")`,
		strings.Repeat("(", 200): `at 101: the expression is nested more than 100 deep`,
	} {
		_, err := expr.Parse(text)
		if err == nil || err.Error() != want {
			t.Errorf("Parse(%s): %v, want %s", text, err, want)
		}
		if e, ok := errors.AsType[*expr.Error](err); !ok || e.Offset < 0 || e.Offset > len(text) || e.Width < 1 {
			t.Errorf("Parse(%s): place %+v", text, e)
		}
	}
}

func TestAllocs(t *testing.T) {
	x, err := expr.Parse(`level >= info and not (route = "/healthz" or status < 500) and contains(message, "broke") and route =~ "h.*z" and lower(route) != ""`)
	if err != nil {
		t.Fatal(err)
	}
	var s expr.Subject
	body := []byte(strings.Replace(doc, "/healthz", "/hotelz", 1))
	s.Reset("/var/log/a.log", body)
	if !x.Match(&s) {
		t.Fatal("does not match")
	}
	if n := testing.AllocsPerRun(100, func() { s.Reset("/var/log/a.log", body); x.Match(&s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`level >= info and not (route = "/healthz")`, `a.b in (1, "x") or matches(c, "x+")`, `not`, `field("`, `len(lower(a)) > 3`} {
		f.Add(s, doc)
	}
	f.Fuzz(func(t *testing.T, text, body string) {
		x, err := expr.Parse(text)
		if err != nil {
			if e, ok := errors.AsType[*expr.Error](err); !ok || e.Offset < 0 || e.Offset+e.Width > len(text)+1 {
				t.Errorf("Parse(%q): place of %v", text, err)
			}
			return
		}
		var s expr.Subject
		s.Reset("src", []byte(body))
		first := x.Match(&s)
		if x.Match(&s) != first {
			t.Errorf("%q changes its mind about %q", text, body)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	x, err := expr.Parse(`level >= info and not (route = "/healthz")`)
	if err != nil {
		b.Fatal(err)
	}
	var s expr.Subject
	body := []byte(doc)
	b.ReportAllocs()
	for b.Loop() {
		s.Reset("a", body)
		x.Match(&s)
	}
}
