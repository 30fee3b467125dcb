package loglink_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/loglink"
)

const (
	head = `{"name":"shop","id":"70de5b6f19ff9a0a","trace_id":"1-581cf771-a006649127e371903a2de979","start_time":1.5,"end_time":2`
	list = `"cloudwatch_logs":[{"log_group":"/sidelight/shop"}]`
)

func TestAppend(t *testing.T) {
	l := loglink.New(loglink.Group{Name: "/sidelight/shop"})
	for name, c := range map[string]struct{ doc, want string }{
		"a segment":            {head + `}`, `{"aws":{` + list + `},` + head[1:] + `}`},
		"of an SDK":            {head + `,"aws":{"xray":{"sdk":"X-Ray for Go"}}}`, head + `,"aws":{` + list + `,"xray":{"sdk":"X-Ray for Go"}}}`},
		"of one on ECS":        {head + `,"aws":{"ecs":{"container":"c"},"xray":{}}}`, head + `,"aws":{` + list + `,"ecs":{"container":"c"},"xray":{}}}`},
		"on ECS, with a group": {head + `,"aws":{"ecs":{},"cloudwatch_logs":[]}}`, ""},
		"white space":          {head + ` , "aws" : { "xray":{}}}`, head + ` , "aws" : {` + list + `, "xray":{}}}`},
		"nothing about AWS":    {head + `,"aws":{ }}`, head + `,"aws":{` + list + ` }}`},
		"aws in a subsegment":  {head + `,"subsegments":[{"name":"a","aws":{"region":"r"}}]}`, `{"aws":{` + list + `},` + head[1:] + `,"subsegments":[{"name":"a","aws":{"region":"r"}}]}`},
		"in one, then its own": {head + `,"subsegments":[{"aws":{"a":1}}],"aws":{"b":2}}`, head + `,"subsegments":[{"aws":{"a":1}}],"aws":{` + list + `,"b":2}}`},
		"aws as a value":       {head + `,"user":"aws"}`, `{"aws":{` + list + `},` + head[1:] + `,"user":"aws"}`},
		"in progress":          {`{"in_progress":true}`, `{"aws":{` + list + `},"in_progress":true}`},
		"holds subsegments":    {head + `,"user":"subsegment"}`, `{"aws":{` + list + `},` + head[1:] + `,"user":"subsegment"}`},
		"empty":                {`{}`, `{"aws":{` + list + `}}`},
		"names a group":        {head + `,"aws":{"cloudwatch_logs":[{"log_group":"/mine"}]}}`, ""},
		"a subsegment":         {head + `,"type":"subsegment"}`, ""},
		"aws is null":          {head + `,"aws":null}`, ""},
		"aws is a text":        {head + `,"aws":"{"}`, ""},
		"no room":              {head + `,"user":"` + strings.Repeat("x", 65_400) + `"}`, ""},
		"no document":          {`[1]`, ""},
		"nothing":              {``, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(l.Append(nil, []byte(c.doc)))
			if got != c.want {
				t.Fatalf("Append(%s) = %s, want %s", c.doc, got, c.want)
			}
			if got != "" && !json.Valid([]byte(got)) {
				t.Errorf("not JSON: %s", got)
			}
		})
	}
}

func TestARN(t *testing.T) {
	for other, want := range map[string]string{
		"arn:aws:ecs:eu-west-1:123456789012:task/c/0123":     "arn:aws:logs:eu-west-1:123456789012:log-group:/g",
		"arn:aws-cn:ecs:cn-north-1:123456789012:task/c/0123": "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/g",
		"": "", "task/0123": "", "arn:aws:iam::123456789012:role/r": "",
	} {
		if got := loglink.GroupARN("/g", other); got != want {
			t.Errorf("GroupARN(%q) = %q, want %q", other, got, want)
		}
	}
	doc := loglink.New(loglink.Group{Name: `/g"`, ARN: "arn:x"}).Append(nil, []byte(`{}`))
	if want := `{"aws":{"cloudwatch_logs":[{"log_group":"/g\"","arn":"arn:x"}]}}`; string(doc) != want {
		t.Errorf("%s, want %s", doc, want)
	}
}

// Every document of a batch is linked, however large the batch is, and the next
// batch may use the memory again.
func TestWatch(t *testing.T) {
	var got []string
	sink := loglink.New(loglink.Group{Name: "/g"}).Watch(sidelight.SinkFunc(func(_ context.Context, b *sidelight.Batch) error {
		for _, e := range b.Events {
			got = append(got, string(e.Body))
		}
		return nil
	}))
	var want []string
	for n := range 3 {
		b := &sidelight.Batch{Signal: sidelight.Traces}
		for i := range 100 * (n + 1) {
			doc := fmt.Sprintf(`{"id":"%d","user":"%s"}`, i, strings.Repeat("u", i))
			if i%7 == 0 {
				doc = `{"type":"subsegment"}`
				want = append(want, doc)
			} else {
				want = append(want, `{"aws":{"cloudwatch_logs":[{"log_group":"/g"}]},`+doc[1:])
			}
			b.Events = append(b.Events, sidelight.Event{Body: []byte(doc)})
		}
		if err := sink.Push(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// FuzzAppend holds what is made of a valid document to being one: with the group
// in it, and all that was there before.
func FuzzAppend(f *testing.F) {
	for _, doc := range []string{
		head + `}`, head + `,"aws":{"xray":{}}}`, `{}`, `{"aws":{"a":[{"aws":1}]}}`, `{ "a":"\"aws\":{" }`, `{"type":"subsegment","aws":{}}`,
		`{"subsegments":[{"type":"subsegment"}]}`, `{"":{"aws":{}}}`,
	} {
		f.Add(doc)
	}
	l := loglink.New(loglink.Group{Name: "/g"})
	f.Fuzz(func(t *testing.T, doc string) {
		out := l.Append(nil, []byte(doc))
		var before, after map[string]json.RawMessage
		if len(out) == 0 || json.Unmarshal([]byte(doc), &before) != nil {
			return
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q became %q: %v", doc, out, err)
		}
		for name, v := range before {
			if name != "aws" && string(after[name]) != string(v) {
				t.Errorf("%q became %q: %s differs", doc, out, name)
			}
		}
		if strings.Count(doc, `"aws"`) <= 1 && !strings.Contains(doc, `\u`) && !strings.Contains(string(after["aws"]), `"cloudwatch_logs":[{"log_group":"/g"}]`) {
			t.Errorf("%q became %q, without a group", doc, out)
		}
	})
}

// The documents of AWS's SDK for Go: name and times, what lies in it, and itself.
func documents() map[string][]byte {
	return map[string][]byte{
		"sdk":         []byte(`{"trace_id":"1-581cf771-a006649127e371903a2de979","id":"70de5b6f19ff9a0a","name":"shop","start_time":1478293361.271,"end_time":1478293361.449,"http":{"request":{"method":"GET","url":"http://shop.example.com/orders/17","client_ip":"203.0.113.9","user_agent":"curl/8"},"response":{"status":200,"content_length":512}},"aws":{"xray":{"sdk_version":"1.8.5","sdk":"X-Ray for Go"}},"service":{"compiler":"gc","compiler_version":"go1.26"},"annotations":{"tenant":"acme"}}`),
		"with a call": []byte(`{"trace_id":"1-581cf771-a006649127e371903a2de979","id":"70de5b6f19ff9a0a","name":"shop","start_time":1478293361.271,"end_time":1478293361.449,"subsegments":[{"id":"53995c3f42cd8ad8","name":"payments","start_time":1478293361.28,"end_time":1478293361.33,"namespace":"remote","http":{"request":{"method":"POST","url":"http://payments/charge"},"response":{"status":200}}}],"aws":{"xray":{"sdk_version":"1.8.5","sdk":"X-Ray for Go"}},"service":{"compiler":"gc","compiler_version":"go1.26"}}`),
		"on ecs":      []byte(`{"trace_id":"1-581cf771-a006649127e371903a2de979","id":"70de5b6f19ff9a0a","name":"shop","start_time":1478293361.271,"end_time":1478293361.449,"http":{"request":{"method":"GET","url":"http://shop.example.com/orders/17","client_ip":"203.0.113.9","user_agent":"curl/8"},"response":{"status":200,"content_length":512}},"aws":{"ecs":{"container":"6f2a0d6d84b64c3f"},"xray":{"sdk_version":"1.8.5","sdk":"X-Ray for Go"}},"service":{"compiler":"gc","compiler_version":"go1.26"},"annotations":{"tenant":"acme"}}`),
		"plain":       []byte(`{"name":"shop","id":"70de5b6f19ff9a0a","trace_id":"1-581cf771-a006649127e371903a2de979","start_time":1478293361.271,"end_time":1478293361.449}`),
		"subsegment":  []byte(`{"type":"subsegment","name":"db","id":"70de5b6f19ff9a0a","parent_id":"53995c3f42cd8ad8","trace_id":"1-581cf771-a006649127e371903a2de979","start_time":1478293361.271,"end_time":1478293361.449,"namespace":"remote"}`),
	}
}

func BenchmarkAppend(b *testing.B) {
	l := loglink.New(loglink.Group{Name: "/sidelight/shop", ARN: "arn:aws:logs:eu-west-1:123456789012:log-group:/sidelight/shop"})
	for name, doc := range documents() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(doc)))
			var buf []byte
			for b.Loop() {
				buf = l.Append(buf[:0], doc)
			}
		})
	}
}
