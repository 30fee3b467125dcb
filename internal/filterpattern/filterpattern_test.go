package filterpattern_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/filterpattern"
)

func compile(t *testing.T, pattern string) *filterpattern.Pattern {
	t.Helper()
	p, err := filterpattern.Compile(pattern)
	if err != nil {
		t.Fatalf("Compile(%q): %v", pattern, err)
	}
	return p
}

// matches is what a pattern does to messages.
type matches struct {
	pattern string
	yes, no []string
}

func (m matches) check(t *testing.T) {
	t.Helper()
	p := compile(t, m.pattern)
	for _, s := range m.yes {
		if !p.Match([]byte(s)) {
			t.Errorf("%s does not match %q", m.pattern, s)
		}
	}
	for _, s := range m.no {
		if p.Match([]byte(s)) {
			t.Errorf("%s matches %q", m.pattern, s)
		}
	}
}

func TestTerms(t *testing.T) {
	tests := map[string]matches{
		"empty":         {"", []string{"", "x"}, nil},
		"blank":         {" \t", []string{"", "x"}, nil},
		"one":           {"ERROR", []string{"ERROR", "an ERROR here", "xERRORx"}, []string{"error", ""}},
		"all":           {"ERROR ARGUMENTS", []string{"ARGUMENTS then ERROR"}, []string{"ERROR", "ARGUMENTS"}},
		"phrase":        {`"two words"`, []string{"these two words"}, []string{"two  words", "words two"}},
		"punctuation":   {`"[ERROR]"`, []string{"at [ERROR] x"}, []string{"ERROR"}},
		"escaped quote": {`"say \"hi\""`, []string{`say "hi" now`}, []string{"say hi"}},
		"exclusion":     {`ERROR -Exiting -"not me"`, []string{"ERROR"}, []string{"ERROR Exiting", "ERROR not me", "x"}},
		"only excluded": {"-DEBUG", []string{"", "INFO"}, []string{"DEBUG x"}},
		"alternatives":  {"?ERROR ?WARN", []string{"ERROR", "a WARN"}, []string{"INFO", ""}},
		"ignored":       {"?ERROR ?WARN disk", []string{"disk full"}, []string{"ERROR"}},
		"also ignored":  {"?ERROR -WARN", []string{"INFO"}, []string{"ERROR WARN"}},
		"unicode":       {"größe", []string{"die größe"}, []string{"grosse"}},
		"regex":         {"%AUTHORIZED%", []string{"UNAUTHORIZED", "AUTHORIZED x"}, []string{"authorized"}},
		"regex class":   {`%^\d+\s[a-f]{2}\x21$%`, []string{"12 ab!"}, []string{"12 ag!", "x 12 ab!"}},
		"after space":   {"  ERROR  ", []string{"ERROR"}, []string{"x"}},
	}
	for name, tt := range tests {
		t.Run(name, tt.check)
	}
}

const event = `{"level":"error","n":5,"f":-1.5e2,"s":"200","ok":true,"bad":false,"nil":null,` +
	`"a":{"b":[{"c":1},{"c":2}]},"tags":["red","blue"],"cluster.name":"c1","ip":"123.123.4.5","msg":"say \"hi\"","obj":{"x":1}}`

func TestJSON(t *testing.T) {
	yes := []string{
		`{ $.level = "error" }`, `{$.level=error}`, `{ $.level = "err*" }`, `{ $.level = *rr* }`, `{ $.level != "info" }`,
		`{ $.level = %^err% }`, `{ $.level != %warn% }`,
		`{ $.n = 5 }`, `{ $.n = 5.0 }`, `{ $.n > 4 }`, `{ $.n >= 5 }`, `{ $.n < 5.5 }`, `{ $.n <= 5 }`, `{ $.n != 6 }`,
		`{ $.f = -150 }`, `{ $.f < -1.4e2 }`, `{ $.f = -1.5* }`, `{ $.s = "200" }`, `{ $.s = 200 }`, `{ $.s != 404 }`,
		`{ $.ok IS TRUE }`, `{ $.bad IS FALSE }`, `{ $.nil IS NULL }`, `{ $.zz NOT EXISTS }`, `{ $.a.zz NOT EXISTS }`,
		`{ $.a.b[1].c = 2 }`, `{ $.a.b[*].c = 2 }`, `{ $.tags[0] = "red" }`, `{ $.tags[*] = "blue" }`, `{ $.obj.* = 1 }`, `{ $.* = 5 }`,
		`{ $.['cluster.name'] = "c1" }`, `{ $['cluster.name'] = c1 }`, `{ $.ip = 123.123.* }`, `{ $.msg = "say \"hi\"" }`,
		`{ $.n = 1 || $.n = 5 }`, `{ $.n = 5 && $.level = "error" }`,
		`{ $.n = 5 || $.n = 1 && $.n = 2 }`, `{ ($.n = 5) && (($.level = "x") || ($.level = "error")) }`,
	}
	no := []string{
		`{ $.level = "Error" }`, `{ $.level = "error x" }`, `{ $.n = 6 }`, `{ $.n > 5 }`, `{ $.level > 5 }`, `{ $.n = "5" }`,
		`{ $.zz = 1 }`, `{ $.zz != 1 }`, `{ $.zz IS NULL }`, `{ $.nil = "null" }`, `{ $.nil != 1 }`, `{ $.nil NOT EXISTS }`,
		`{ $.obj = * }`, `{ $.obj != "x" }`, `{ $.obj NOT EXISTS }`, `{ $.a.b = 1 }`, `{ $.ok IS FALSE }`, `{ $.ok IS NULL }`,
		`{ $.tags[2] = "red" }`, `{ $.tags.x = "red" }`, `{ $.level[0] = "e" }`,
		`{ ($.n = 5 || $.n = 1) && $.n = 2 }`, `{ $.a.b[*].c = 3 }`,
	}
	for _, pattern := range yes {
		matches{pattern, []string{event, " " + event + "\n"}, []string{"", "plain", `{"other":`}}.check(t)
	}
	for _, pattern := range no {
		matches{pattern, nil, []string{event, "", "plain"}}.check(t)
	}
}

func TestJSONArrayDocument(t *testing.T) {
	matches{`{ $[0].a = 1 }`, []string{`[{"a":1}]`}, []string{`[{"a":2}]`, `{"a":1}`}}.check(t)
}

const access = `127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534`

func TestFields(t *testing.T) {
	yes := []string{
		`[ip, id, user, time, request, status, bytes]`, `[...]`, `[..., bytes]`, `[ip, ...]`, `[ip, ..., bytes]`,
		`[ip, id, user, time, request, status, bytes, ...]`,
		`[..., status = 404, bytes]`, `[..., status = 4*, bytes > 1000]`, `[..., status = 404 || status = 410, bytes]`,
		`[..., status >= 400 && status < 500, bytes]`, `[ip, id, user = frank, ...]`, `[ip, id, user != bob, ...]`,
		`[ip = 127.0.0.*, ...]`, `[ip = %127\.0\.0\.[1-9]%, ...]`, `[ip, id, user, time, request = "*.html*", ...]`,
		`[ip, id, user, time, request = "GET /index.html HTTP/1.0", ...]`, `[..., (status = 1 || status = 404) && status != 2, bytes]`,
		`[ip, id, user, time = 10/Oct/2000*, ...]`, `[..., bytes = 1.534e3]`, `[..., id != 5, user, time, request, status, bytes]`,
	}
	no := []string{
		`[ip, id, user]`, `[a, b, c, d, e, f, g, h]`, `[a, b, c, d, e, f, g, h, ...]`, `[..., status = 405, bytes]`,
		`[..., bytes < 1000]`, `[ip > 100, ...]`, `[..., status != 404, bytes]`,
	}
	for _, pattern := range yes {
		matches{pattern, []string{access, access + "\n"}, nil}.check(t)
	}
	for _, pattern := range no {
		matches{pattern, nil, []string{access, ""}}.check(t)
	}
}

func TestExtract(t *testing.T) {
	tests := map[string]struct {
		pattern, message string
		want             map[string]string
	}{
		"json": {
			`{ $.n = 5 && ($.level = "x" || $.msg = "say*") && $.zz NOT EXISTS }`, event,
			map[string]string{"$.n": "5", "$.level": "error", "$.msg": `say "hi"`},
		},
		"fields": {
			`[ip, ..., request, status = 4*, bytes]`, access,
			map[string]string{
				"$ip": "127.0.0.1", "$2": "-", "$3": "frank", "$4": "10/Oct/2000:13:25:15 -0700",
				"$request": "GET /index.html HTTP/1.0", "$status": "404", "$bytes": "1534",
			},
		},
		"terms":        {"ERROR", "ERROR 1", map[string]string{}},
		"no match":     {`[a, b]`, "one", nil},
		"open quote":   {`[a, b]`, `"one two`, map[string]string{"$a": `"one`, "$b": "two"}},
		"quote inside": {`[a, b]`, `"one"x two`, map[string]string{"$a": `"one"x`, "$b": "two"}},
		"escape":       {`[a, b]`, `"o\"n e" two`, map[string]string{"$a": `o\"n e`, "$b": "two"}},
		"open bracket": {`[a, b]`, `[one  two`, map[string]string{"$a": `[one`, "$b": "two"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := compile(t, tt.pattern).Extract([]byte(tt.message))
			if ok != (tt.want != nil) {
				t.Fatalf("matched = %v", ok)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSelector(t *testing.T) {
	tests := map[string]struct{ pattern, selector, message, want string }{
		"not in pattern": {`{ $.level = * }`, "$.a.b[1].c", event, "2"},
		"wildcard":       {`{ $.level = * }`, "$.tags[*]", event, "red"},
		"object":         {`{ $.level = * }`, "$.obj", event, ""},
		"null":           {`{ $.level = * }`, "$.nil", event, ""},
		"column":         {`[ip, ..., bytes]`, "$bytes", access, "1534"},
		"too few":        {`[ip, ..., bytes]`, "$bytes", "one", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := compile(t, tt.pattern).Selector(tt.selector)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := s.Value([]byte(tt.message))
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("Value = %q, %v, want %q", got, ok, tt.want)
			}
		})
	}
	for pattern, selector := range map[string]string{"ERROR": "$.a", "[a]": "$b", "[b]": "b", "{$.a = 1}": "$.a b", "{$.b = 1}": "a"} {
		if _, err := compile(t, pattern).Selector(selector); err == nil {
			t.Errorf("pattern %s accepts the selector %s", pattern, selector)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	tests := map[string]struct {
		offset int
		want   string
	}{
		`foo-bar`:                      {3, "double quotes"},
		`"open`:                        {0, "closing"},
		`ERROR -`:                      {7, "expected a term"},
		`a %x%`:                        {2, "whole pattern"},
		`%x% a`:                        {4, "stands alone"},
		`%a(b)%`:                       {2, `found '('`},
		`%a b%`:                        {2, `found ' '`},
		`%`:                            {0, "closing %"},
		`%%`:                           {1, "regular expression"},
		`%[a%`:                         {1, "valid regular expression"},
		`{`:                            {1, "selector"},
		`{ }`:                          {2, "selector"},
		`{ $.a }`:                      {6, "NOT EXISTS"},
		`{ $.a IS NOT NULL }`:          {6, "IS NULL"},
		`{ $.a EXISTS }`:               {6, "NOT EXISTS"},
		`{ $.a = }`:                    {8, "a number, a word"},
		`{ $.a = 1`:                    {9, "&&, || or }"},
		`{ $.a = 1 } x`:                {12, "end of the pattern"},
		`{ $.a = a-b/c }`:              {11, "double quotes"},
		`{ $.a > x }`:                  {8, "a number after >"},
		`{ $.a > "5" }`:                {8, "a number after >"},
		`{ $ = 1 }`:                    {3, ". or ["},
		`{ $. = 1 }`:                   {4, "a name"},
		`{ $.a[x] = 1 }`:               {6, "a number, *"},
		`{ $.a[1 = 1 }`:                {7, "]"},
		`{ $.['a = 1 }`:                {5, "closing '"},
		`{ $.*.* = 1 }`:                {2, "one wildcard"},
		`{ $.a* = 1 }`:                 {5, "NOT EXISTS"},
		`{ ($.a = 1 }`:                 {11, ")"},
		`{ $.a = 1 & $.b = 2 }`:        {10, "&&"},
		`{$.*=1||$.*=1||$.*=1||$.*=1}`: {22, "at most 3"},
		`{$.a=%a%||$.a=%b%||$.a=%c%}`:  {23, "at most 2"},
		`[a`:                           {2, ", or ]"},
		`[]`:                           {1, "name of a column"},
		`[a,,b]`:                       {3, "name of a column"},
		`[a, a]`:                       {4, "second column"},
		`[..., ...]`:                   {6, "only once"},
		`[a=1 && b=2]`:                 {8, `condition on "a"`},
		`[a] b`:                        {4, "end of the pattern"},
		`[a > x]`:                      {5, "a number after >"},
		strings.Repeat("x", 1025):      {0, "1024"},
		`{ $.a = 1 } ` + strings.Repeat(" ", 3) + "y": {15, "end of the pattern"},
	}
	for pattern, tt := range tests {
		t.Run(pattern, func(t *testing.T) {
			_, err := filterpattern.Compile(pattern)
			se, ok := errors.AsType[*filterpattern.SyntaxError](err)
			if !ok {
				t.Fatalf("Compile = %v, want a syntax error", err)
			}
			if se.Offset != tt.offset || !strings.Contains(se.Error(), tt.want) {
				t.Errorf("got %v, want offset %d and %q", se, tt.offset, tt.want)
			}
		})
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	for _, pattern := range []string{"ERROR -x", `{ $.level = "error" && $.n > 3 && $.ip = "*.4.*" }`} {
		p := compile(t, pattern)
		message := []byte(event)
		if n := testing.AllocsPerRun(100, func() { p.Match(message) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", pattern, n)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(`{ $.a = "x*" && ($.b[*].c >= 1e3 || $.d IS NULL) }`, event)
	f.Add(`[a, b = 4* || b != %x%, ...]`, access)
	f.Add(`ERROR -"a b" ?c`, "an ERROR")
	f.Add(`%\d{2}%`, "22")
	f.Fuzz(func(t *testing.T, pattern, message string) {
		p, err := filterpattern.Compile(pattern)
		if err != nil {
			se, ok := errors.AsType[*filterpattern.SyntaxError](err)
			if !ok || se.Offset < 0 || se.Offset > len(pattern) {
				t.Errorf("Compile(%q): bad error %v", pattern, err)
			}
			return
		}
		if _, ok := p.Extract([]byte(message)); ok != p.Match([]byte(message)) {
			t.Errorf("pattern %q: Extract and Match differ on %q", pattern, message)
		}
	})
}

// FuzzPhrase holds a quoted phrase to a plain substring search.
func FuzzPhrase(f *testing.F) {
	f.Add(`a"b\`, `xa"b\x`)
	f.Fuzz(func(t *testing.T, phrase, message string) {
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(phrase) + `"`
		p, err := filterpattern.Compile(quoted)
		if err != nil {
			return
		}
		if got, want := p.Match([]byte(message)), strings.Contains(message, phrase); got != want {
			t.Errorf("phrase %q in %q: %v, want %v", phrase, message, got, want)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for name, pattern := range map[string]string{
		"terms": "ERROR -debug", "json": `{ $.level = "error" && $.n > 3 }`, "last_member": `{ $.obj.x = 1 }`,
	} {
		b.Run(name, func(b *testing.B) {
			p, err := filterpattern.Compile(pattern)
			if err != nil {
				b.Fatal(err)
			}
			message := []byte(event)
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				p.Match(message)
			}
		})
	}
}
