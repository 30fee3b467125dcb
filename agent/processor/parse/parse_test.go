package parse_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/parse"
)

func format(t *testing.T, pattern string) parse.Format {
	t.Helper()
	f, err := parse.Regexp(regexp.MustCompile(pattern))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFormats(t *testing.T) {
	nginx := format(t, `^(?P<ip>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d+) (?P<bytes>\d+)(?: "(?P<agent>[^"]*)")?`)
	for name, c := range map[string]struct {
		format     parse.Format
		line, want string // "": not in the format
	}{
		"logfmt": {
			parse.Logfmt, `time=2026-11-22T15:04:05Z level=info msg="hello \"world\"" n=3 f=-1.5 took=3ms ok=true cached`,
			`{"time":"2026-11-22T15:04:05Z","level":"info","msg":"hello \"world\"","n":3,"f":-1.5,"took":"3ms","ok":true,"cached":true}`,
		},
		"logfmt plain quotes":  {parse.Logfmt, `a="b c" d=`, `{"a":"b c","d":""}`},
		"logfmt odd escape":    {parse.Logfmt, `a="\q"`, `{"a":"\\q"}`},
		"logfmt id":            {parse.Logfmt, `id=12345678901234567890 z=007 e=1e3`, `{"id":"12345678901234567890","z":"007","e":"1e3"}`},
		"logfmt equals inside": {parse.Logfmt, `q=a=b`, `{"q":"a=b"}`},
		"logfmt bytes":         {parse.Logfmt, "a=\xff\x01", `{"a":"\ufffd` + `\u0001"}`},
		"text":                 {parse.Logfmt, `hello world=1`, ""},
		"quote":                {parse.Logfmt, `a="b`, ""},
		"no name":              {parse.Logfmt, `=b`, ""},
		"second without name":  {parse.Logfmt, `a=b =c`, ""},
		"empty":                {parse.Logfmt, ` `, ""},
		"regexp": {
			nginx, `10.0.0.1 - ann [22/Nov/2026:15:04:05 +0000] "GET / HTTP/1.1" 200 512`,
			`{"ip":"10.0.0.1","user":"ann","time":"22/Nov/2026:15:04:05 +0000","request":"GET / HTTP/1.1","status":200,"bytes":512}`,
		},
		"regexp optional": {
			nginx, `10.0.0.1 - - [x] "GET /\" 404 0 "curl"`,
			`{"ip":"10.0.0.1","user":"-","time":"x","request":"GET /\\","status":404,"bytes":0,"agent":"curl"}`,
		},
		"regexp no match":  {nginx, `hello`, ""},
		"json":             {parse.JSON, ` {"a":1} `, `{"a":1}`},
		"json cut":         {parse.JSON, `{"a":{"b":1}`, ""},
		"json two":         {parse.JSON, `{"a":1} {"b":2}`, ""},
		"json inside":      {parse.JSON, `{"a":}`, ""},
		"json array":       {parse.JSON, `[1]`, ""},
		"regexp two names": {format(t, `(?P<a>\d+)|(?P<b>[a-z]+)`), "zz", `{"b":"zz"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := c.format([]byte("x"), []byte(c.line))
			if ok != (c.want != "") {
				t.Fatalf("ok = %v with %s", ok, got)
			}
			if ok && string(got) != "x"+strings.ReplaceAll(c.want, `\ufffd`, "\ufffd") {
				t.Errorf("got  %s\nwant x%s", got, c.want)
			}
		})
	}
	if _, err := parse.Regexp(regexp.MustCompile(`(a)(b)`)); err == nil {
		t.Error("an expression without names is taken")
	}
}

// With a key the members take the place of the text they were found in.
func TestLift(t *testing.T) {
	for name, c := range map[string]struct {
		format     parse.Format
		body, want string
	}{
		"json":        {parse.JSON, `{"c":"x","log":"{\"level\":\"info\",\"n\":1}","z":2}`, `{"c":"x","level":"info","n":1,"z":2}`},
		"first":       {parse.JSON, `{ "log" : "{\"a\":1}" , "z":2}`, `{ "a":1 , "z":2}`},
		"only":        {parse.JSON, `{"log":"{ }"}`, `{}`},
		"empty mid":   {parse.JSON, `{"a":1,"log":"{}","z":2}`, `{"a":1,"z":2}`},
		"empty last":  {parse.JSON, `{"a":1, "log":"{}"}`, `{"a":1}`},
		"logfmt":      {parse.Logfmt, `{"log":"level=warn x=\"y z\"","c":1}`, `{"level":"warn","x":"y z","c":1}`},
		"not json":    {parse.JSON, `{"log":"hello","c":1}`, `{"log":"hello","c":1}`},
		"no log":      {parse.JSON, `{"c":1}`, `{"c":1}`},
		"no document": {parse.JSON, `hello`, `hello`},
	} {
		t.Run(name, func(t *testing.T) {
			var failed atomic.Int64
			p := parse.New(c.format, "log", &failed)
			b := &sidelight.Batch{Events: []sidelight.Event{{Body: []byte(c.body)}}}
			if err := p.Process(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if got := string(b.Events[0].Body); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if n := failed.Load(); n != 0 != (c.body == c.want) {
				t.Errorf("%d counted", n)
			}
		})
	}
}

// The bodies of a batch do not share memory that a growing arena leaves behind.
func TestManyInOneBatch(t *testing.T) {
	p := parse.New(parse.Logfmt, "", nil)
	for range 3 {
		b := &sidelight.Batch{}
		lifted := &sidelight.Batch{}
		for i := range 9 {
			lifted.Events = append(lifted.Events, sidelight.Event{Body: []byte(`{"log":"n=1` + strings.Repeat(`1`, i) + strings.Repeat(`\u0031`, i) + `"}`)})
		}
		l := parse.New(parse.Logfmt, "log", nil)
		if err := l.Process(t.Context(), lifted); err != nil {
			t.Fatal(err)
		}
		for i, e := range lifted.Events {
			if want := `{"n":1` + strings.Repeat(`11`, i) + `}`; i < 7 && string(e.Body) != want {
				t.Errorf("lifted %s, want %s", e.Body, want)
			}
		}
		for i := range 300 {
			b.Events = append(b.Events, sidelight.Event{Body: []byte("n=" + strings.Repeat("1", 1+i%9))})
		}
		if err := p.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for i, e := range b.Events {
			if want := `{"n":` + strings.Repeat("1", 1+i%9) + `}`; string(e.Body) != want {
				t.Fatalf("event %d is %s, want %s", i, e.Body, want)
			}
		}
	}
}

func TestAllocs(t *testing.T) {
	for name, p := range map[string]*parse.Parser{"logfmt": parse.New(parse.Logfmt, "", nil), "lift": parse.New(parse.JSON, "log", nil)} {
		bodies := [][]byte{[]byte(`level=info msg="hello world" n=3`), []byte(`{"log":"{\"a\":1}","c":1}`)}
		b := &sidelight.Batch{Events: make([]sidelight.Event, 2)}
		if n := testing.AllocsPerRun(100, func() {
			for i := range bodies {
				b.Events[i].Body = bodies[i]
			}
			_ = p.Process(t.Context(), b)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzFormats(f *testing.F) {
	f.Add([]byte(`level=info msg="hello \"w\"" n=3 cached`))
	f.Add([]byte(`{"log":"a=1","c":[1]}`))
	f.Add([]byte(`{"log":"{\"a\":1}"}`))
	re, err := parse.Regexp(regexp.MustCompile(`(?P<a>\S+) (?P<b>.*)`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		for name, format := range map[string]parse.Format{"logfmt": parse.Logfmt, "regexp": re, "json": parse.JSON} {
			if got, ok := format(nil, line); ok && !json.Valid(got) {
				t.Errorf("%s of %q is no JSON: %s", name, line, got)
			}
			if !json.Valid(line) {
				continue
			}
			b := &sidelight.Batch{Events: []sidelight.Event{{Body: line}}}
			if err := parse.New(format, "log", nil).Process(t.Context(), b); err != nil || !json.Valid(b.Events[0].Body) {
				t.Errorf("%s lifted from %q: %s, %v", name, line, b.Events[0].Body, err)
			}
		}
	})
}

func BenchmarkLogfmt(b *testing.B) {
	line := []byte(`time=2026-11-22T15:04:05Z level=info msg="hello world" route=/pay status=200 took=3ms`)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = parse.Logfmt(dst[:0], line)
	}
}
