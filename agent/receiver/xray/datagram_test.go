package xray_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/sidelight-dev/sidelight/agent/receiver/xray"
)

func TestDocument(t *testing.T) {
	tests := map[string]struct{ in, doc, cause string }{
		"sdk for go":     {header + `{"a":1}`, `{"a":1}`, ""},
		"compact":        {`{"format":"json","version":1}` + "\n" + `{"a":1}`, `{"a":1}`, ""},
		"other order":    {`{"version": 1, "format": "Json"}` + "\n" + `{}`, `{}`, ""},
		"carriage":       {"{\"format\":\"json\",\"version\":1}\r\n{}\r\n", `{}`, ""},
		"many lines":     {header + "{\n\"a\":1\n}\n", "{\n\"a\":1\n}", ""},
		"version 2":      {`{"format":"json","version":2}` + "\n{}", "", "bad_header"},
		"version text":   {`{"format":"json","version":"1"}` + "\n{}", "", "bad_header"},
		"format":         {`{"format":"cbor","version":1}` + "\n{}", "", "bad_header"},
		"no newline":     {`{"format":"json","version":1}`, "", "bad_header"},
		"no header":      {`{"name":"a"}`, "", "bad_header"},
		"long header":    {`{"format":"json","version":1,"x":"` + strings.Repeat("y", 300) + "\"}\n{}", "", "bad_header"},
		"empty":          {"", "", "bad_header"},
		"empty document": {header, "", "bad_document"},
		"array":          {header + "[]", "", "bad_document"},
		"cut":            {header + `{"a":`, "", "bad_document"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			doc, cause := xray.Document([]byte(tc.in))
			if string(doc) != tc.doc || cause != tc.cause {
				t.Errorf("document(%q) = %q, %q, want %q, %q", tc.in, doc, cause, tc.doc, tc.cause)
			}
		})
	}
}

// TestRecorded reads what the X-Ray SDK for Go, v1.8.5, was seen to send.
func TestRecorded(t *testing.T) {
	datagram, err := os.ReadFile("testdata/sdk-go-1.8.5.datagram")
	if err != nil {
		t.Fatal(err)
	}
	doc, cause := xray.Document(datagram)
	var seg struct {
		Name        string
		TraceID     string `json:"trace_id"`
		Subsegments []struct{ Name string }
	}
	if err := json.Unmarshal(doc, &seg); err != nil || cause != "" {
		t.Fatalf("document = %q, %q: %v", doc, cause, err)
	}
	if seg.Name != "checkout" || len(seg.TraceID) != 35 || len(seg.Subsegments) != 1 {
		t.Errorf("document = %s", doc)
	}
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(header + `{"id":"1"}`))
	f.Add([]byte("{\"version\":1,\"format\":\"JSON\"}\n{}"))
	f.Add([]byte("\n\n{}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		doc, cause := xray.Document(in)
		if (cause == "") != (doc != nil) {
			t.Fatalf("document(%q) = %q and %q", in, doc, cause)
		}
		if doc != nil && (!strings.Contains(string(in), string(doc)) || doc[0] != '{' || doc[len(doc)-1] != '}') {
			t.Fatalf("document(%q) = %q", in, doc)
		}
	})
}
