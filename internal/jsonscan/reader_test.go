package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

func TestReader(t *testing.T) {
	type found struct {
		name, port string
		text       int
		up         bool
		tags       string
		valid      bool
	}
	for name, c := range map[string]struct {
		doc  string
		want found
	}{
		"all of it":              {`{"name":"a\u0062","port":80,"up":true,"tags":["x","y\n"],"more":{"name":[{}]}}`, found{"ab", "80", 2, true, "x,y\n", true}},
		"white space":            {" {\n\"name\" : \"ab\" ,\"tags\":[ \"x\" , \"y\" ] , \"up\":true}\r\n\t", found{"ab", "", 2, true, "x,y", true}},
		"a name with escapes":    {`{"n\u0061me":"ab","\u0070ort":8}`, found{"ab", "8", 0, false, "", true}},
		"other kinds than asked": {`{"name":{"name":"x"},"port":"80","up":"true","tags":{"a":["b"]}}`, found{valid: true}},
		"elements of two kinds":  {`{"tags":["x",1,["z"],"y"]}`, found{text: 2, tags: "x,,,y", valid: true}},
		"empty":                  {`{}`, found{valid: true}},
		"no object":              {`["name"]`, found{valid: true}},
		"nothing":                {``, found{}},
		"text behind it":         {`{"name":"ab"}{`, found{name: "ab"}},
		"a comma too many":       {`{"name":"ab",}`, found{name: "ab"}},
		"a comma too few":        {`{"name":"ab" "port":8}`, found{name: "ab"}},
		"a colon too few":        {`{"name" "ab"}`, found{}},
		"a bracket too few":      {`{"name":"ab"`, found{name: "ab"}},
		"the wrong bracket":      {`{"tags":["x"}`, found{text: 1, tags: "x"}},
		"an error in a text":     {"{\"name\":\"a\nb\"}", found{}},
		"an error in a number":   {`{"port":08}`, found{}},
		"an error in a word":     {`{"up":truth}`, found{}},
		"an error skipped over":  {`{"more":[1,{"a":tru}],"name":"ab"}`, found{}},
	} {
		t.Run(name, func(t *testing.T) {
			var got found
			var r jsonscan.Reader
			r.Reset([]byte(c.doc))
			for r.Object(); r.Member(); {
				switch string(r.Key) {
				case "name":
					got.name = string(r.Text())
				case "port":
					got.port = string(r.Number())
				case "up":
					got.up = r.True()
				case "tags":
					var tags []string
					for r.Array(); r.Element(); {
						text := r.Text()
						if text != nil {
							got.text++
						}
						tags = append(tags, string(text))
					}
					got.tags = strings.Join(tags, ",")
				default:
					r.Skip()
				}
			}
			if got.valid = r.Done(); got != c.want {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

// Texts with escapes stay what they are while the reader goes on.
func TestReaderKeepsTexts(t *testing.T) {
	var r jsonscan.Reader
	for range 2 {
		r.Reset([]byte(`["\u0061","b","\u0063\u0063\u0063"]`))
		var texts [][]byte
		for r.Array(); r.Element(); {
			texts = append(texts, r.Text())
		}
		if got := string(bytes.Join(texts, []byte{' '})); got != "a b ccc" {
			t.Errorf("%q", got)
		}
	}
}

// However deep a text nests, what is not valid is not read to its end.
func TestReaderDepth(t *testing.T) {
	for depth, want := range map[int]bool{512: true, 513: false, 100_000: false} {
		var r jsonscan.Reader
		r.Reset([]byte(strings.Repeat("[", depth) + "1" + strings.Repeat("]", depth)))
		descend(&r)
		if r.Done() != want {
			t.Errorf("%d deep: %v", depth, !want)
		}
	}
}

func descend(r *jsonscan.Reader) {
	for r.Array(); r.Element(); {
		descend(r)
	}
}

// FuzzReader takes values by whatever methods: a text is read to its end if it is
// valid and only then. Values are those that the Scanner finds.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5e3,"\u00e9",null]}`, `[{},[],"",true]`, `{"a":{"b":{"c":[[[]]]}}}`, "[1,]", `"\ud800"`, " 0 ", `{"a":1,"a":[2]}`, `{"a":{,}}`, "[[}", "{\"a\x01\":1}",
	} {
		f.Add([]byte(s), uint64(0x5b1d0c))
	}
	f.Fuzz(func(t *testing.T, doc []byte, ways uint64) {
		if bytes.Count(doc, []byte("["))+bytes.Count(doc, []byte("{")) > 512 {
			return
		}
		valid := json.Valid(doc)
		var r jsonscan.Reader
		r.Reset(doc)
		take(&r, &ways)
		if r.Done() != valid {
			t.Errorf("Done = %v of %q", !valid, doc)
		}
		if valid {
			r.Reset(doc)
			same(t, &r, jsonscan.Document(doc))
			if !r.Done() {
				t.Errorf("not done with %q", doc)
			}
		}
	})
}

// take takes a value by the method that the lowest bits of ways name.
func take(r *jsonscan.Reader, ways *uint64) {
	way := *ways & 7
	*ways = *ways>>3 | way<<61
	switch way {
	case 0, 1:
		for r.Object(); r.Member(); {
			take(r, ways)
		}
	case 2, 3:
		for r.Array(); r.Element(); {
			take(r, ways)
		}
	case 4:
		r.Text()
	case 5:
		r.Number()
	case 6:
		r.True()
	default:
		r.Skip()
	}
}

// same compares what r stands at with v.
func same(t *testing.T, r *jsonscan.Reader, v jsonscan.Value) {
	t.Helper()
	switch v.Kind {
	case jsonscan.Object:
		s := v.Scan()
		for r.Object(); r.Member(); {
			if !s.Next() || !jsonscan.KeyIs(s.Key, string(r.Key)) {
				t.Errorf("member %q, want %q", r.Key, s.Key)
			}
			same(t, r, s.Value)
		}
		if s.Next() {
			t.Errorf("no member %q", s.Key)
		}
	case jsonscan.Array:
		s := v.Scan()
		for r.Array(); r.Element(); {
			if !s.Next() {
				t.Error("an element too many")
			}
			same(t, r, s.Value)
		}
		if s.Next() {
			t.Error("an element too few")
		}
	case jsonscan.String:
		if got, want := r.Text(), v.Text(nil); got == nil || !bytes.Equal(got, want) {
			t.Errorf("text %q, want %q", got, want)
		}
	case jsonscan.Number:
		if got := r.Number(); !bytes.Equal(got, v.Raw) {
			t.Errorf("number %q, want %q", got, v.Raw)
		}
	default:
		if got := r.True(); got != (v.Kind == jsonscan.True) {
			t.Errorf("%v of %s", got, v.Raw)
		}
	}
}
