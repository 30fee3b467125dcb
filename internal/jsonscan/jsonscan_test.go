package jsonscan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

func TestDocumentKind(t *testing.T) {
	tests := map[string]jsonscan.Kind{
		` {"a":1} `:  jsonscan.Object,
		"[1]\n":      jsonscan.Array,
		`"x"`:        jsonscan.String,
		`-1.5e3`:     jsonscan.Number,
		`true`:       jsonscan.True,
		`false`:      jsonscan.False,
		`null`:       jsonscan.Null,
		``:           jsonscan.Missing,
		`{`:          jsonscan.Missing,
		`{"a":1`:     jsonscan.Missing,
		`x`:          jsonscan.Missing,
		`1 2`:        jsonscan.Missing,
		`tru`:        jsonscan.Missing,
		`"a" b`:      jsonscan.Missing,
		`GET {"a"}`:  jsonscan.Missing,
		"\t[ ] \r\n": jsonscan.Array,
	}
	for in, want := range tests {
		if got := jsonscan.Document([]byte(in)).Kind; got != want {
			t.Errorf("Document(%q).Kind = %d, want %d", in, got, want)
		}
	}
}

func TestMember(t *testing.T) {
	long := strings.Repeat("z", 40)
	doc := `{ "a" : 1 , "b":{"c":[10,{"d":"x\"y"}],"}":2}, "e\u0041":true,` +
		`"` + long + `":"` + long + `\\", "q":"\\\"", "n":null, "a":2, "last":"end"}`
	v := jsonscan.Document([]byte(doc))
	tests := map[string]struct {
		got  jsonscan.Value
		kind jsonscan.Kind
		text string
	}{
		"first of two":   {v.Member("a"), jsonscan.Number, "1"},
		"nested":         {v.Member("b").Member("c").Element(1).Member("d"), jsonscan.String, `x"y`},
		"brace in key":   {v.Member("b").Member("}"), jsonscan.Number, "2"},
		"escaped key":    {v.Member("eA"), jsonscan.True, "true"},
		"long string":    {v.Member(long), jsonscan.String, long + `\`},
		"escaped quote":  {v.Member("q"), jsonscan.String, `\"`},
		"null":           {v.Member("n"), jsonscan.Null, "null"},
		"after the rest": {v.Member("last"), jsonscan.String, "end"},
		"absent":         {v.Member("zz"), jsonscan.Missing, ""},
		"past the end":   {v.Member("b").Member("c").Element(2), jsonscan.Missing, ""},
		"negative":       {v.Member("b").Member("c").Element(-1), jsonscan.Missing, ""},
		"of a scalar":    {v.Member("a").Member("x"), jsonscan.Missing, ""},
		"index object":   {v.Element(0), jsonscan.Missing, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.got.Kind != tt.kind || string(tt.got.Text(nil)) != tt.text {
				t.Errorf("got kind %d text %q, want kind %d text %q", tt.got.Kind, tt.got.Text(nil), tt.kind, tt.text)
			}
		})
	}
}

func TestScannerStopsAtTheFirstError(t *testing.T) {
	v := jsonscan.Document([]byte(`{"a":1,"b":?,"c":3}`))
	if got := v.Member("a").Kind; got != jsonscan.Number {
		t.Errorf("member before the error has kind %d, want a number", got)
	}
	if got := v.Member("c").Kind; got != jsonscan.Missing {
		t.Errorf("member after the error has kind %d, want missing", got)
	}
}

func TestTextKeepsBuffer(t *testing.T) {
	buf := append(make([]byte, 0, 64), "keep"...)
	v := jsonscan.Document([]byte(`"a\tb"`))
	if got := string(v.Text(buf)); got != "a\tb" {
		t.Errorf("Text = %q, want %q", got, "a\tb")
	}
	if string(buf) != "keep" {
		t.Errorf("buffer became %q", buf)
	}
}

func TestUnescape(t *testing.T) {
	tests := map[string]string{
		`plain`:              "plain",
		`\b\f\n\r\t\/\\\"`:   "\b\f\n\r\t/\\\"",
		`\u00e9\u20AC`:       "é€",
		`\ud83d\ude00`:       "😀",
		`\ud83d`:             "\uFFFD",
		`\ud83dx`:            "\uFFFDx",
		`\ud83d\u0041`:       "\uFFFDA",
		`\u12`:               "\uFFFD12",
		`\uzzzz`:             "\uFFFDzzzz",
		`\q`:                 "q",
		`end\`:               "end",
		`a\nb\u0043d\\e\tf`:  "a\nbCd\\e\tf",
		`\u0000`:             "\x00",
		`\ude00\ud83d\ude00`: "\uFFFD😀",
	}
	for in, want := range tests {
		if got := string(jsonscan.Unescape(nil, []byte(in))); got != want {
			t.Errorf("Unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMemberAllocatesNothing(t *testing.T) {
	doc := []byte(`{"time":"2026-03-01T09:40:02Z","level":"info","a":[1,2,{"b":3}],"route":"/cart","status":200}`)
	n := testing.AllocsPerRun(100, func() {
		if jsonscan.Document(doc).Member("status").Kind != jsonscan.Number {
			t.Fatal("status not found")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzAgainstDecoder holds the scanner to the standard decoder on every
// document that the latter accepts.
func FuzzAgainstDecoder(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `[1,"x",null]`, `{"a\n":{"b":[true,false]}}`, `{"a":"\ud83d\ude00"}`, `{`, `"\`, `[[[[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		v := jsonscan.Document(doc)
		walk(v, 0)
		var want any
		if json.Unmarshal(doc, &want) == nil {
			compare(t, v, want)
		}
	})
}

func walk(v jsonscan.Value, depth int) {
	if depth > 50 {
		return
	}
	v.Text(nil)
	s := v.Scan()
	for s.Next() {
		walk(s.Value, depth+1)
	}
}

func compare(t *testing.T, v jsonscan.Value, want any) {
	t.Helper()
	switch want := want.(type) {
	case string:
		if v.Kind != jsonscan.String || strings.ToValidUTF8(string(v.Text(nil)), "\uFFFD") != want && !strings.Contains(want, "\uFFFD") {
			t.Errorf("string %q read as %q", want, v.Text(nil))
		}
	case []any:
		for i, e := range want {
			compare(t, v.Element(i), e)
		}
		if got := v.Element(len(want)); got.Kind != jsonscan.Missing {
			t.Errorf("element past the end is %q", got.Raw)
		}
	case map[string]any:
		if v.Kind != jsonscan.Object {
			t.Errorf("object read as kind %d", v.Kind)
		}
		for key := range want {
			// Of equal names the decoder keeps the last, the scanner meets the
			// first: only presence can be compared.
			if !strings.Contains(key, "\uFFFD") && v.Member(key).Kind == jsonscan.Missing {
				t.Errorf("member %q of %q not found", key, v.Raw)
			}
		}
	case float64:
		if v.Kind != jsonscan.Number {
			t.Errorf("number %v read as %q", want, v.Raw)
		}
	case bool:
		if want != (v.Kind == jsonscan.True) || !want != (v.Kind == jsonscan.False) {
			t.Errorf("%v read as %q", want, v.Raw)
		}
	case nil:
		if v.Kind != jsonscan.Null {
			t.Errorf("null read as %q", v.Raw)
		}
	}
}

func BenchmarkMember(b *testing.B) {
	doc := []byte(`{"time":"2026-03-01T09:40:02.113Z","level":"INFO","service":"payments","route":"/api/v1/carts/{id}/items",` +
		`"method":"POST","user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36","duration":12.25,"bytes":5312,"status":200}`)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		jsonscan.Document(doc).Member("status")
	}
}
