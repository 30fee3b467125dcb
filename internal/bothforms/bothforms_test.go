package bothforms_test

import (
	"bytes"
	"testing"

	"github.com/sidelight-dev/sidelight/internal/bothforms"
)

func TestSplit(t *testing.T) {
	for name, c := range map[string]struct{ event, doc, entry string }{
		"both":             {string(bothforms.Append(nil, []byte(`{"a":1}`), []byte("\n\x01x"))), `{"a":1}`, "\n\x01x"},
		"a document":       {`{"a":1}`, `{"a":1}`, ""},
		"nothing":          {"", "", ""},
		"the mark alone":   {"\x01", "\x01", ""},
		"no entry":         {"\x01\x02ab", "\x01\x02ab", ""},
		"too long":         {"\x01\x7fab", "\x01\x7fab", ""},
		"no length at all": {"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", ""},
	} {
		t.Run(name, func(t *testing.T) {
			doc, entry := bothforms.Split([]byte(c.event))
			if string(doc) != c.doc || string(entry) != c.entry {
				t.Errorf("%q and %q", doc, entry)
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(`{"a":1}`), []byte("\n\x01x"))
	f.Add(bytes.Repeat([]byte("x"), 300), []byte("y"))
	f.Fuzz(func(t *testing.T, doc, entry []byte) {
		bothforms.Split(doc) // whatever it is
		if len(entry) == 0 {
			return
		}
		gotDoc, gotEntry := bothforms.Split(bothforms.Append(nil, doc, entry))
		if !bytes.Equal(gotDoc, doc) || !bytes.Equal(gotEntry, entry) {
			t.Errorf("%q and %q, want %q and %q", gotDoc, gotEntry, doc, entry)
		}
	})
}
