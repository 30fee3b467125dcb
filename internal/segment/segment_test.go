package segment_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/segment"
)

const traceID = "1-581cf771-a006649127e371903a2de979"

// full is the fuller document of the developer guide's kind: every block that
// this package reads.
const full = `{"name":"api","id":"70de5b6f19ff9a0a","trace_id":"1-581cf771-a006649127e371903a2de979","start_time":1478293361.271,"end_time":1478293361.449,
 "origin":"AWS::ECS::Fargate","service":{"version":"1.4.2"},"user":"u1",
 "http":{"request":{"method":"GET","url":"http://api/x","client_ip":"10.0.0.9","user_agent":"curl/8"},"response":{"status":500,"content_length":12}},
 "fault":true,"cause":{"working_directory":"/app","paths":[],"exceptions":[{"id":"0123456789abcdef","type":"IOError","message":"boom","remote":false,
   "stack":[{"path":"main.go","line":42,"label":"main.handler"}]}]},
 "annotations":{"tenant":"a","retries":2,"vip":true},"metadata":{"default":{"cart":{"items":3}}},
 "aws":{"ecs":{"container":"ip-10-0-0-1"},"xray":{"sdk":"opentelemetry for go","auto_instrumentation":false}},
 "subsegments":[{"id":"53995c3f42cd8ad8","name":"orders","namespace":"aws","start_time":1478293361.28,"end_time":1478293361.33,
   "aws":{"operation":"GetItem","region":"us-east-1","table_name":"orders","request_id":"R"},"http":{"response":{"status":200}}}]}`

func TestParseFull(t *testing.T) {
	d, err := segment.Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"name": d.Name, "origin": d.Origin, "user": d.User, "version": d.Service.Version, "status": d.HTTP.Response.Status,
		"url": d.HTTP.Request.URL, "seconds": d.Seconds(), "fault": d.Fault, "exception": d.Cause.Exceptions[0].Message,
		"tenant": d.Annotations["tenant"].V, "retries": d.Annotations["retries"].V, "vip": d.Annotations["vip"].V,
		"table": d.Subsegments[0].AWS.TableName, "calls": d.Subsegments[0].Calls(), "start": segment.Time(d.StartTime).Format("15:04:05.000000"),
	}
	want := map[string]any{
		"name": "api", "origin": "AWS::ECS::Fargate", "user": "u1", "version": "1.4.2", "status": int64(500),
		"url": "http://api/x", "seconds": 0.178, "fault": true, "exception": "boom",
		"tenant": "a", "retries": 2.0, "vip": true, "table": "orders", "calls": true, "start": "21:02:41.271000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func doc(members string) string {
	return `{"name":"api","id":"70de5b6f19ff9a0a","trace_id":"` + traceID + `","start_time":10,"end_time":11` + members + `}`
}

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		doc, code, id, reason string // code is empty for what is accepted
	}{
		"minimal":                 {doc: doc("")},
		"in progress":             {doc: `{"name":"a b_./:%&#=+\\-@é7","id":"70DE5b6f19ff9a0a","trace_id":"` + traceID + `","start_time":10,"in_progress":true}`},
		"w3c trace id":            {doc: strings.Replace(doc(""), "1-581cf771", "1-ffffffff", 1)},
		"wrong type of an option": {doc: doc(`,"http":7,"aws":"x","annotations":[],"user":{},"cause":3,"fault":"yes","subsegments":[null]`)},
		"wrong type inside":       {doc: doc(`,"http":{"request":{"method":5},"response":{"status":"200"}}`)},
		"cause by id":             {doc: doc(`,"cause":"0123456789abcdef"`)},
		"subsegment":              {doc: doc(`,"type":"subsegment","parent_id":"0123456789abcdef"`)},
		"huge number":             {doc: doc(`,"annotations":{"n":1e999}`)},

		"not JSON":             {doc: `{"name":`, code: segment.CodeParse},
		"empty":                {doc: ``, code: segment.CodeParse},
		"trailing":             {doc: doc("") + "x", code: segment.CodeParse},
		"array":                {doc: `[]`, code: segment.CodeParse, reason: "not a JSON object"},
		"null":                 {doc: `null`, code: segment.CodeParse, reason: "not a JSON object"},
		"too large":            {doc: doc(`,"user":"` + strings.Repeat("x", segment.MaxBytes) + `"`), code: segment.CodeSize},
		"no id":                {doc: `{"name":"a"}`, code: segment.CodeNoID},
		"numeric id":           {doc: `{"name":"a","id":7}`, code: segment.CodeNoID},
		"short id":             {doc: `{"name":"a","id":"70de"}`, code: segment.CodeID, id: "70de"},
		"bad hex":              {doc: `{"name":"a","id":"70de5b6f19ff9a0g"}`, code: segment.CodeID, id: "70de5b6f19ff9a0g"},
		"no trace id":          {doc: `{"name":"a","id":"70de5b6f19ff9a0a","start_time":1,"end_time":2}`, code: segment.CodeTraceID, id: "70de5b6f19ff9a0a"},
		"w3c form":             {doc: strings.Replace(doc(""), traceID, "581cf771a006649127e371903a2de979", 1), code: segment.CodeTraceID, id: "70de5b6f19ff9a0a"},
		"version 2":            {doc: strings.Replace(doc(""), "1-581", "2-581", 1), code: segment.CodeTraceID, id: "70de5b6f19ff9a0a"},
		"no name":              {doc: `{"id":"70de5b6f19ff9a0a"}`, code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "name is missing"},
		"long name":            {doc: strings.Replace(doc(""), `"api"`, `"`+strings.Repeat("é", 201)+`"`, 1), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "200"},
		"name of 200":          {doc: strings.Replace(doc(""), `"api"`, `"`+strings.Repeat("é", 200)+`"`, 1)},
		"name with a brace":    {doc: strings.Replace(doc(""), `"api"`, `"GET /{id}"`, 1), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "does not allow"},
		"no start":             {doc: strings.Replace(doc(""), `"start_time":10,`, ``, 1), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "start_time is missing"},
		"start as text":        {doc: strings.Replace(doc(""), `:10,`, `:"10",`, 1), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "start_time is missing"},
		"milliseconds":         {doc: strings.Replace(doc(""), `:10,`, `:1478293361271,`, 1), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "not in seconds"},
		"negative start":       {doc: strings.Replace(doc(""), `:10,`, `:-1,`, 1), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "not in seconds"},
		"no end":               {doc: strings.Replace(doc(""), `,"end_time":11`, ``, 1), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "end_time or in_progress"},
		"end and in progress":  {doc: doc(`,"in_progress":true`), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "exclude"},
		"end before start":     {doc: strings.Replace(doc(""), `:11`, `:9`, 1), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "before"},
		"end in milliseconds":  {doc: strings.Replace(doc(""), `:11`, `:1478293361271`, 1), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "not in seconds"},
		"unknown type":         {doc: doc(`,"type":"span"`), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "type"},
		"parentless":           {doc: doc(`,"type":"subsegment"`), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "parent_id"},
		"bad parent":           {doc: doc(`,"parent_id":"xyz"`), code: segment.CodeID, id: "70de5b6f19ff9a0a", reason: "parent_id"},
		"bad cause":            {doc: doc(`,"cause":"boom"`), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "cause"},
		"bad exception":        {doc: doc(`,"cause":{"exceptions":[{"message":"m"}]}`), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "exception id"},
		"too many links":       {doc: doc(`,"links":[` + strings.Repeat(`{},`, 20) + `{}]`), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: "links"},
		"bad subsegment":       {doc: doc(`,"subsegments":[{"id":"0123456789abcdef","name":"q","start_time":1}]`), code: segment.CodeSegment, id: "70de5b6f19ff9a0a", reason: `subsegment "q": end_time or`},
		"bad inner subsegment": {doc: doc(`,"subsegments":[{"id":"0123456789abcdef","name":"q","start_time":1,"end_time":2,"subsegments":[{}]}]`), code: segment.CodeNoID, id: "70de5b6f19ff9a0a", reason: "id is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := segment.Parse([]byte(tc.doc))
			if tc.code == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				if string(d.Raw) != tc.doc {
					t.Errorf("Raw = %s", d.Raw)
				}
				return
			}
			r, ok := errors.AsType[*segment.Refusal](err)
			if !ok {
				t.Fatalf("error = %v, want a *Refusal", err)
			}
			if r.Code != tc.code || r.ID != tc.id || !strings.Contains(r.Reason, tc.reason) {
				t.Errorf("refusal = %+v, want code %s, id %q, reason with %q", r, tc.code, tc.id, tc.reason)
			}
		})
	}
}

func TestAnnotations(t *testing.T) {
	d, err := segment.Parse([]byte(doc(`,"annotations":{"s":"x","n":1.5,"b":false,"l":[1],"o":{},"z":null}`)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for k, v := range d.Annotations {
		got[k] = v.V
	}
	want := map[string]any{"s": "x", "n": 1.5, "b": false, "l": nil, "o": nil, "z": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	for key, want := range map[string]bool{"a_Z.9": true, "": false, "a-b": false, "é": false, strings.Repeat("k", 501): false} {
		if got := segment.IndexableKey(key); got != want {
			t.Errorf("IndexableKey(%q) = %v", key, got)
		}
	}
}

// part makes a document of a trace; kind is "seg", "sub" or "run", the last for
// a subsegment in progress.
func part(t *testing.T, kind, id, parent, name string, start float64, embedded ...*segment.Document) *segment.Document {
	t.Helper()
	m := map[string]any{"id": id, "name": name, "trace_id": traceID, "start_time": start}
	if parent != "" {
		m["parent_id"] = parent
	}
	if kind != "seg" {
		m["type"] = "subsegment"
	}
	if kind == "run" {
		m["in_progress"] = true
	} else {
		m["end_time"] = start + 1
	}
	var subs []json.RawMessage
	for _, e := range embedded {
		subs = append(subs, e.Raw)
	}
	if subs != nil {
		m["subsegments"] = subs
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	d, err := segment.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// outline writes a tree as name(child child(…)).
func outline(tree *segment.Tree) string {
	children := map[*segment.Document][]*segment.Document{}
	tree.Walk(func(d, parent *segment.Document) { children[parent] = append(children[parent], d) })
	var write func(d *segment.Document) string
	write = func(d *segment.Document) string {
		var parts []string
		for _, c := range children[d] {
			parts = append(parts, write(c))
		}
		if parts == nil {
			return d.Name
		}
		return d.Name + "(" + strings.Join(parts, " ") + ")"
	}
	return write(children[nil][0])
}

func TestAssemble(t *testing.T) {
	const a, b, c, d = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc", "dddddddddddddddd"
	root := part(t, "seg", a, "", "root", 1)
	embedded := part(t, "sub", b, a, "embedded", 2)
	running := part(t, "run", b, a, "running", 2)
	for name, tc := range map[string]struct {
		docs []*segment.Document
		want []string
	}{
		"nested":          {[]*segment.Document{root, part(t, "sub", b, a, "x", 3), part(t, "sub", c, b, "y", 4), part(t, "sub", d, a, "w", 2)}, []string{"root(w x(y))"}},
		"in an embedded":  {[]*segment.Document{part(t, "seg", a, "", "root", 1, embedded), part(t, "sub", c, b, "y", 4)}, []string{"root(embedded(y))"}},
		"orphan":          {[]*segment.Document{root, part(t, "sub", b, d, "x", 3), part(t, "sub", c, b, "y", 4)}, []string{"root", "x(y)"}},
		"two segments":    {[]*segment.Document{part(t, "seg", c, b, "callee", 3), root, part(t, "sub", b, a, "call", 2)}, []string{"root(call)", "callee"}},
		"ring":            {[]*segment.Document{part(t, "sub", b, c, "x", 3), part(t, "sub", c, b, "y", 4)}, []string{"x(y)"}},
		"own parent":      {[]*segment.Document{part(t, "sub", b, b, "x", 3)}, []string{"x"}},
		"embedded wins":   {[]*segment.Document{part(t, "seg", a, "", "root", 1, embedded), running}, []string{"root(embedded)"}},
		"finished wins":   {[]*segment.Document{part(t, "seg", a, "", "root", 1, running), embedded}, []string{"root(embedded)"}},
		"children follow": {[]*segment.Document{part(t, "seg", a, "", "root", 1, running), embedded, part(t, "sub", c, b, "y", 4)}, []string{"root(embedded(y))"}},
		"none":            {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				var got []string
				for _, tree := range segment.Assemble(tc.docs) {
					got = append(got, outline(tree))
					checkJSON(t, tree)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("trees (-want +got):\n%s", diff)
				}
				slices.Reverse(tc.docs)
				if name == "ring" {
					break // the cut depends on the order
				}
			}
		})
	}
}

// checkJSON compares what a tree's JSON reads back as with the tree.
func checkJSON(t *testing.T, tree *segment.Tree) {
	t.Helper()
	text, err := tree.JSON()
	if err != nil {
		t.Fatal(err)
	}
	back, err := segment.ReadAny(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outline(&segment.Tree{Top: back}), outline(tree); got != want {
		t.Errorf("JSON reads back as %s, want %s", got, want)
	}
	attached := map[string]bool{}
	for _, list := range tree.Attached {
		for _, d := range list {
			attached[d.ID] = true
		}
	}
	back.Walk(func(d *segment.Document) {
		if attached[d.ID] && (d.Type != "" || d.ParentID != "" || d.TraceID != "") {
			t.Errorf("embedded subsegment %s still says where it belongs", d.Name)
		}
	})
}

func TestJSONKeepsUnknown(t *testing.T) {
	top, err := segment.Parse([]byte(doc(`,"metadata":{"x":[1e400,{"é":"\u00e9"}]},"novel":1`)))
	if err != nil {
		t.Fatal(err)
	}
	sub := part(t, "sub", "bbbbbbbbbbbbbbbb", top.ID, "late", 10)
	text, err := segment.Assemble([]*segment.Document{sub, top})[0].JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"metadata":{"x":[1e400,{"é":"\u00e9"}]}`, `"novel":1`, `"name":"late"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
}

// A subsegment that is in its place twice counts once, also where another one is
// embedded beside it.
func TestTwice(t *testing.T) {
	const call = `{"id":"0000000000000002","name":"q","start_time":10,"end_time":11,"namespace":"remote"}`
	top, err := segment.Parse([]byte(doc(`,"subsegments":[` + call + `,null,` + call + `]`)))
	if err != nil {
		t.Fatal(err)
	}
	late := part(t, "sub", "0000000000000003", "0000000000000002", "late", 10)
	for name, docs := range map[string][]*segment.Document{"alone": {top}, "with another": {top, late}} {
		trees := segment.Assemble(docs)
		if len(trees) != 1 {
			t.Fatalf("%s: %d trees", name, len(trees))
		}
		calls := map[string]int{}
		trees[0].Walk(func(d, _ *segment.Document) { calls[d.ID]++ })
		for id, n := range calls {
			if n != 1 {
				t.Errorf("%s: %s is met %d times", name, id, n)
			}
		}
		if inferred := segment.Infer(trees); len(inferred) != 1 {
			t.Errorf("%s: %d callees are inferred, want 1", name, len(inferred))
		}
	}
	text, err := segment.Assemble([]*segment.Document{top, late})[0].JSON()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "0000000000000002"); n != 1 {
		t.Errorf("the call is in the text %d times: %s", n, text)
	}
}

func TestCallee(t *testing.T) {
	for sub, want := range map[string]string{
		`"name":"pay.internal","namespace":"remote"`:                             "pay.internal remote",
		`"name":"DynamoDB","namespace":"aws","aws":{"table_name":"orders"}`:      "orders AWS::DynamoDB::Table",
		`"name":"DynamoDB","namespace":"aws","aws":{"table_names":["orders"]}`:   "orders AWS::DynamoDB::Table",
		`"name":"DynamoDB","namespace":"aws","aws":{"table_names":["a","b"]}`:    "DynamoDB AWS::DynamoDB",
		`"name":"SQS","namespace":"aws","aws":{"queue_url":"https://sqs/1/q"}`:   "https://sqs/1/q AWS::SQS::Queue",
		`"name":"SNS","namespace":"aws","aws":{"topic_arn":"arn:aws:sns:r:1:t"}`: "arn:aws:sns:r:1:t AWS::SNS::Topic",
		`"name":"S3","namespace":"aws","aws":{"bucket_name":"b"}`:                "b AWS::S3::Bucket",
		`"name":"Lambda","namespace":"aws","aws":{"function_name":"f"}`:          "f AWS::Lambda::Function",
		`"name":"AWS.SDK.Secrets Manager","namespace":"aws"`:                     "AWS.SDK.Secrets Manager AWS::SecretsManager",
		`"name":"S3","namespace":"aws","aws":{"operation":"ListBuckets"}`:        "S3 AWS::S3",
	} {
		d, err := segment.Read([]byte("{" + sub + "}"))
		if err != nil {
			t.Fatal(err)
		}
		name, typ := segment.Callee(d)
		if got := name + " " + typ; got != want {
			t.Errorf("Callee(%s) = %s, want %s", sub, got, want)
		}
	}
}

func TestInfer(t *testing.T) {
	d, err := segment.Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	got := segment.Infer(segment.Assemble([]*segment.Document{d}))
	if len(got) != 1 {
		t.Fatalf("%d inferred segments, want 1", len(got))
	}
	want := `{"name":"orders","id":"` + got[0].ID + `","trace_id":"` + traceID + `","parent_id":"53995c3f42cd8ad8","start_time":1478293361.28,"end_time":1478293361.33,` +
		`"origin":"AWS::DynamoDB::Table","http":{"response":{"status":200}},"aws":{"operation":"GetItem","region":"us-east-1","table_name":"orders","request_id":"R"},"inferred":true}`
	text, err := got[0].Text()
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Errorf("inferred segment\n%s, want\n%s", text, want)
	}
	callee := part(t, "seg", "eeeeeeeeeeeeeeee", "53995c3f42cd8ad8", "callee", 1478293361.29)
	if got := segment.Infer(segment.Assemble([]*segment.Document{callee, d})); len(got) != 0 {
		t.Errorf("a callee with a segment was inferred: %+v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(doc(`,"type":"subsegment","parent_id":"70de5b6f19ff9a0a"`)))
	f.Add([]byte(doc(`,"subsegments":[null,{"id":"0123456789abcdef","name":"q","start_time":1,"end_time":2,"namespace":"remote","Subsegments":[{}]}]`)))
	f.Add([]byte(`{"id":1e999}`))
	f.Add([]byte("\xff"))
	late := part(&testing.T{}, "sub", "bbbbbbbbbbbbbbbb", "70de5b6f19ff9a0a", "late", 10)
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := segment.Parse(raw)
		if err != nil {
			if r, ok := errors.AsType[*segment.Refusal](err); !ok || r.Code == "" || r.Reason == "" {
				t.Fatalf("error %v tells nothing", err)
			}
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("accepted what is not JSON: %s", raw)
		}
		docs := []*segment.Document{late, d}
		if d.ID == late.ID {
			docs = docs[1:]
		}
		trees := segment.Assemble(docs)
		for _, s := range segment.Infer(trees) {
			text, err := s.Text()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := segment.Parse(text); err != nil && len(raw) < segment.MaxBytes/2 && segment.ValidName(s.Name) && len(s.Name) <= segment.MaxName && s.Name != "" {
				t.Fatalf("inferred segment is refused: %v\n%s", err, text)
			}
		}
		for _, tree := range trees {
			text, err := tree.JSON()
			if err == nil && !json.Valid(text) {
				t.Fatalf("JSON() = %s", text)
			}
		}
	})
}
