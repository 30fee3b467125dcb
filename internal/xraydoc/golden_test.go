package xraydoc_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/xraydoc"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// attributes is attributes in the short form of the test files.
type attributes map[string]any

// testCase is a span in a short form, and what it is translated with.
type testCase struct {
	Config   xraydoc.Config
	Resource attributes
	Span     testSpan
}

type testSpan struct {
	Name       *string
	Kind       int
	Root       bool
	Status     int
	Message    string
	Dropped    [3]int // attributes, events, links
	Attributes attributes
	Events     []struct {
		Name       string
		Attributes attributes
	}
	Links []struct {
		Trace, Span string
		Attributes  attributes
	}
}

const (
	traceID = "5759e988bd862e3fe1be46a994272793"
	spanID  = "53995c3f42cd8ad8"
	parent  = "70de5b6f19ff9a0a"
)

type object = map[string]any

// anyValue is a JSON value in OTLP/JSON. Whole numbers are integers.
func anyValue(v any) any {
	switch v := v.(type) {
	case string:
		return object{"stringValue": v}
	case bool:
		return object{"boolValue": v}
	case json.Number:
		if strings.ContainsAny(v.String(), ".e") {
			return object{"doubleValue": v}
		}
		return object{"intValue": v.String()}
	case []any:
		values := []any{}
		for _, e := range v {
			values = append(values, anyValue(e))
		}
		return object{"arrayValue": object{"values": values}}
	case map[string]any:
		return object{"kvlistValue": object{"values": attributes(v).list()}}
	}
	return object{}
}

// list is the attributes in OTLP/JSON, sorted by name.
func (a attributes) list() []any {
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		list = append(list, object{"key": name, "value": anyValue(a[name])})
	}
	return list
}

// request is the case as an OTLP/JSON request.
func (c testCase) request(t *testing.T) []byte {
	s := c.Span
	name := "op"
	if s.Name != nil {
		name = *s.Name
	}
	span := object{
		"traceId": traceID, "spanId": spanID, "name": name, "kind": s.Kind,
		"startTimeUnixNano": "1478293361271000500", "endTimeUnixNano": "1478293361449123456",
		"attributes": s.Attributes.list(), "status": object{"code": s.Status, "message": s.Message},
		"droppedAttributesCount": s.Dropped[0], "droppedEventsCount": s.Dropped[1], "droppedLinksCount": s.Dropped[2],
	}
	if !s.Root {
		span["parentSpanId"] = parent
	}
	events, links := []any{}, []any{}
	for _, e := range s.Events {
		events = append(events, object{"timeUnixNano": "1478293361300000000", "name": e.Name, "attributes": e.Attributes.list()})
	}
	for _, l := range s.Links {
		links = append(links, object{"traceId": l.Trace, "spanId": l.Span, "attributes": l.Attributes.list()})
	}
	span["events"], span["links"] = events, links
	body, err := json.Marshal(object{"resourceSpans": []any{object{
		"resource":   object{"attributes": c.Resource.list()},
		"scopeSpans": []any{object{"spans": []any{span}}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// wireForm rewrites an OTLP/JSON request of traces.
func wireForm(t testing.TB, request []byte) []byte {
	t.Helper()
	j := otlpwire.NewJSON()
	body, err := j.Append(nil, j.Traces, request)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	return body
}

// translate returns the documents of a request in protobuf.
func translate(t testing.TB, tr *xraydoc.Translator, body []byte) []string {
	t.Helper()
	var in otlpwire.Traces
	var res xraydoc.Resource
	var docs xraydoc.Docs
	err := in.Decode(body, func() error { tr.Prepare(&res, in.Resource.Attrs); return nil }, func() error {
		return tr.Append(&docs, &res, &in.Span)
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range docs.Ends {
		out = append(out, string(docs.Doc(i)))
	}
	return out
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.json")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c testCase
			dec := json.NewDecoder(bytes.NewReader(text))
			dec.UseNumber()
			dec.DisallowUnknownFields()
			if err := dec.Decode(&c); err != nil {
				t.Fatal(err)
			}
			docs := translate(t, xraydoc.New(c.Config), wireForm(t, c.request(t)))
			checkGolden(t, strings.TrimSuffix(file, ".json")+".golden", docs)
		})
	}
}

func checkGolden(t *testing.T, file string, docs []string) {
	t.Helper()
	var got bytes.Buffer
	for _, d := range docs {
		if err := json.Indent(&got, []byte(d), "", " "); err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		got.WriteByte('\n')
	}
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
}
