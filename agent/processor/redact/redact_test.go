package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/redact"
)

func apply(t testing.TB, r *redact.Redactor, body string) string {
	t.Helper()
	b := &sidelight.Batch{Events: []sidelight.Event{{Body: []byte(body)}}}
	if err := r.Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return string(b.Events[0].Body)
}

func redactor(t testing.TB, cfg redact.Config) *redact.Redactor {
	t.Helper()
	r, err := redact.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A JWT that says {"alg":"HS256"} and {"sub":"1"}, with no key of anybody.
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"

func TestRedact(t *testing.T) {
	all := redact.Detectors()
	for name, c := range map[string]struct {
		what       []string
		body, want string
	}{
		"email":            {all, "mail to Ann.O+x@mail.example.co.uk, now", "mail to [email], now"},
		"emails":           {all, "<a@b.io>;c@d.org", "<[email]>;[email]"},
		"no emails":        {all, "a@b user@host @x.y a@.com .@x.com x@y.c1", "a@b user@host @x.y a@.com .@x.com x@y.c1"},
		"card":             {all, "card 4111 1111 1111 1111.", "card [card]."},
		"cards":            {all, "5500-0000-0000-0004/340000000000009", "[card]/[card]"},
		"no luhn":          {all, "4111 1111 1111 1112", "4111 1111 1111 1112"},
		"times":            {all, "1795359845123 1795359845123000000", "1795359845123 1795359845123000000"},
		"in a word":        {all, "x4111111111111111 4111111111111111y 0.4111111111111111", "x4111111111111111 4111111111111111y 0.4111111111111111"},
		"key id":           {all, "key=AKIAIOSFODNN7EXAMPLE;", "key=[aws_key];"},
		"no key id":        {all, "AKIAIOSFODNN7EXAMPLEX AKIAiosfodnn7example", "AKIAIOSFODNN7EXAMPLEX AKIAiosfodnn7example"},
		"secret":           {all, "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = [aws_key]"},
		"a hash":           {all, "commit da39a3ee5e6b4b0d3255bfef95601890afd80709", "commit da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		"jwt":              {all, "token " + jwt + " end", "token [jwt] end"},
		"no jwt":           {all, "eyJhbGciOiJIUzI1NiJ9.x.y eyJx", "eyJhbGciOiJIUzI1NiJ9.x.y eyJx"},
		"bearer":           {all, "Authorization: Bearer abcdef0123==", "Authorization: Bearer [bearer]"},
		"no bearer":        {all, "the bearer is ill; forbearer abcdefgh01", "the bearer is ill; forbearer abcdefgh01"},
		"pattern":          {[]string{`password=\S+`}, "x password=hunter2 y", "x [redacted] y"},
		"group":            {[]string{`password=(\S+)`}, "x password=hunter2 password=b", "x password=[redacted] password=[redacted]"},
		"json":             {all, `{"to":"a@b.io","n":4111111111111111,"list":["c@d.org",1],"a@b.io":"x"}`, `{"to":"[email]","n":"[card]","list":["[email]",1],"a@b.io":"x"}`},
		"json escapes":     {[]string{`n\d+`, "email"}, `{"a":"line\n1 \"a@b.io\" n22"}`, `{"a":"line\n1 \"[email]\" [redacted]"}`},
		"json pattern":     {[]string{`password=\S+`}, `{"q":"password=a\"b c","z":1}`, `{"q":"[redacted] c","z":1}`},
		"json number":      {all, `{"n":-4111111111111111,"f":4111111111111111.5,"e":41111111111111e11}`, `{"n":-4111111111111111,"f":4111111111111111.5,"e":41111111111111e11}`},
		"json cut":         {all, `{"to":"a@b.io","x":"}`, `{"to":"[email]","x":"}`},
		"one in the other": {[]string{"bearer", "jwt", "email"}, "bearer " + jwt + " a@b.io", "bearer [bearer] [email]"},
		"nothing":          {all, "hello", "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := apply(t, redactor(t, redact.Config{What: c.what}), c.body); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestActions(t *testing.T) {
	body := "a@b.io c@d.io a@b.io"
	if got := apply(t, redactor(t, redact.Config{What: []string{"email"}, Action: redact.Remove}), body); got != "  " {
		t.Errorf("remove: %q", got)
	}
	hash := func(salt string) []string {
		return strings.Fields(apply(t, redactor(t, redact.Config{What: []string{"email"}, Action: redact.Hash, Salt: salt}), body))
	}
	a, b := hash("s"), hash("t")
	if len(a) != 3 || a[0] != a[2] || a[0] == a[1] || a[0] == b[0] || !strings.HasPrefix(a[0], "[email:") || len(a[0]) != len("[email:]")+16 {
		t.Errorf("hash: %q and %q", a, b)
	}
}

func TestBadConfigs(t *testing.T) {
	for name, c := range map[string]redact.Config{
		"pattern": {What: []string{"("}}, "empty": {What: []string{"x*"}}, "action": {Action: "burn"},
	} {
		if _, err := redact.New(c); err == nil {
			t.Errorf("%s: no fault", name)
		}
	}
}

func TestAllocs(t *testing.T) {
	// The standard library's HMAC copies its state once in a while.
	for action, most := range map[redact.Action]float64{redact.Mask: 0, redact.Hash: 3} {
		r := redactor(t, redact.Config{What: append(redact.Detectors(), `password=\S+`), Action: action})
		bodies := [][]byte{[]byte(`{"to":"a@b.io","msg":"x \"y\"","n":4111111111111111}`), []byte("hello Bearer abcdef0123 c@d.io")}
		b := &sidelight.Batch{Events: make([]sidelight.Event, 2)}
		if n := testing.AllocsPerRun(100, func() {
			for i := range bodies {
				b.Events[i].Body = bodies[i]
			}
			_ = r.Process(t.Context(), b)
		}); n > most {
			t.Errorf("%s: %v allocations", action, n)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(`{"to":"a@b.io","n":4111111111111111,"s":"\u0061@b.io"}`)
	f.Add("Bearer " + jwt + " 4111 1111 1111 1111")
	f.Add("secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	r := redactor(f, redact.Config{What: append(redact.Detectors(), `p=(\S+)`)})
	f.Fuzz(func(t *testing.T, body string) {
		once := apply(t, r, body)
		// Only an object is a document; a number alone on a line is text.
		object := json.Valid([]byte(body)) && strings.HasPrefix(strings.TrimSpace(body), "{")
		if object && !json.Valid([]byte(once)) {
			t.Errorf("%q became %q, which is no JSON", body, once)
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	r := redactor(b, redact.Config{What: redact.Detectors()})
	body := []byte(`{"time":"2026-11-22T15:04:05.123Z","level":"info","msg":"handled a request","route":"/orders/1795359845","user":"a@b.io","took":12.5}`)
	batch := &sidelight.Batch{Events: make([]sidelight.Event, 1)}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		batch.Events[0].Body = body
		_ = r.Process(b.Context(), batch)
	}
}
