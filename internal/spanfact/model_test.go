package spanfact_test

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

// told is a Fact in words, all of it.
type told struct {
	Role                                                spanfact.Role
	AWS                                                 bool
	Resource, ResourceType                              string
	TraceID, ID, Service, Remote, Asks, Operation, Verb string
	Joint                                               byte
	Object, Host, Method, Path, Origin, ARN             string
	Start, End                                          uint64
	Error, Fault, Throttle, Root, Decided               bool
}

func tell(f *spanfact.Fact) told {
	return told{
		Role: f.Role, AWS: f.AWS, Resource: string(f.Resource), ResourceType: string(f.ResourceType), TraceID: hex.EncodeToString(f.TraceID), ID: string(f.ID), Service: string(f.Service), Remote: string(f.Remote),
		Asks: string(f.RemoteOperation), Operation: string(f.Operation), Verb: string(f.Verb), Joint: f.Joint, Object: string(f.Object),
		Host: string(f.Host), Method: string(f.Method), Path: string(f.Path), Origin: string(f.Origin), ARN: string(f.ResourceARN),
		Start: f.Start, End: f.End, Error: f.Error, Fault: f.Fault, Throttle: f.Throttle, Root: f.Root, Decided: f.Decided,
	}
}

// node is a JSON value as encoding/json reads it, with its members in order.
type node struct {
	value   any // string, json.Number, bool, nil, or a json.Delim
	members []member
}

type member struct {
	name string
	node node
}

func decode(d *json.Decoder) (n node, err error) {
	if n.value, err = d.Token(); err != nil {
		return n, err
	}
	if delim, ok := n.value.(json.Delim); ok {
		for d.More() {
			var m member
			if delim == '{' {
				name, err := d.Token()
				if err != nil {
					return n, err
				}
				m.name = name.(string)
			}
			if m.node, err = decode(d); err != nil {
				return n, err
			}
			n.members = append(n.members, m)
		}
		_, err = d.Token()
	}
	return n, err
}

// all returns the members of that name of all objects in list, in order.
func all(list []node, name string) (found []node) {
	for _, n := range list {
		for _, m := range n.members {
			if n.value == json.Delim('{') && m.name == name {
				found = append(found, m.node)
			}
		}
	}
	return found
}

// at returns what stands at a path, of members given more than once all of them.
func (n node) at(path ...string) []node {
	list := []node{n}
	for _, name := range path {
		list = all(list, name)
	}
	return list
}

// text is the last text at a path.
func (n node) text(path ...string) (s string) {
	if list := n.at(path...); len(list) > 0 {
		s, _ = list[len(list)-1].value.(string)
	}
	return s
}

func (n node) is(name string) bool {
	list := n.at(name)
	return len(list) > 0 && list[len(list)-1].value == true
}

// attribute is the last text that an attribute has.
func (n node) attribute(names ...string) (s string) {
	for _, m := range n.members {
		lists := []node{m.node}
		if m.name == "metadata" {
			lists = m.node.at("default")
		} else if m.name != "annotations" {
			continue
		}
		for _, list := range lists {
			for _, a := range list.members {
				if text, _ := a.node.value.(string); list.value == json.Delim('{') && slices.Contains(names, a.name) && text != "" {
					s = text
				}
			}
		}
	}
	return s
}

// resource is the last resource of AWS that is named.
func (n node) resource() (name, kind string) {
	for _, list := range n.at("aws") {
		for _, m := range list.members {
			text, _ := m.node.value.(string)
			i := map[string]int{"queue_url": strings.LastIndexByte(text, '/') + 1, "topic_arn": strings.LastIndexByte(text, ':') + 1}[m.name]
			k := map[string]string{
				"table_name": "AWS::DynamoDB::Table", "queue_url": "AWS::SQS::Queue", "topic_arn": "AWS::SNS::Topic", "bucket_name": "AWS::S3::Bucket",
			}[m.name]
			if text[i:] != "" && k != "" {
				name, kind = text[i:], k
			}
		}
	}
	return name, kind
}

// nanos is a time in whole microseconds, exactly if it is written without an
// exponent.
func (n node) nanos(name string) uint64 {
	list := n.at(name)
	if len(list) == 0 {
		return 0
	}
	number, _ := list[len(list)-1].value.(json.Number)
	if strings.ContainsAny(string(number), "eE") {
		f, err := number.Float64()
		if err != nil || f < 0 || f > 9_223_372_035 {
			return 0
		}
		return uint64(math.Round(f*1e6)) * 1000
	}
	seconds, ok := new(big.Rat).SetString(string(number))
	if !ok || seconds.Sign() < 0 || seconds.Cmp(big.NewRat(9_223_372_036, 1)) >= 0 {
		return 0
	}
	micros := seconds.Add(seconds.Mul(seconds, big.NewRat(1_000_000, 1)), big.NewRat(1, 2))
	return new(big.Int).Div(micros.Num(), micros.Denom()).Uint64() * 1000
}

var traceID = regexp.MustCompile("^1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})$")

// model is what Document is to find, from the whole document as encoding/json has
// it.
func model(doc []byte) (facts []told) {
	if !json.Valid(doc) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	top, err := decode(d)
	if err != nil || top.value != json.Delim('{') {
		return nil
	}
	f := fact(top, false)
	f.Root = top.text("parent_id") == ""
	if id := traceID.FindStringSubmatch(top.text("trace_id")); id != nil && strings.Trim(id[1]+id[2], "0") != "" {
		f.TraceID = strings.ToLower(id[1] + id[2])
	}
	if top.text("type") != "subsegment" {
		f.Service = cmp.Or(top.attribute("otel.resource.service.name"), top.text("name"))
	}
	if !top.is("in_progress") {
		facts = append(facts, f)
	}
	return append(facts, within(top, &f, 1)...)
}

// within returns the calls within n.
func within(n node, top *told, depth int) (facts []told) {
	for _, list := range n.at("subsegments") {
		for _, sub := range list.members {
			if list.value != json.Delim('[') || depth > 32 {
				break
			}
			if sub.node.text("namespace") != "" && !sub.node.is("in_progress") {
				f := fact(sub.node, true)
				f.TraceID, f.Service = top.TraceID, top.Service
				facts = append(facts, f)
			}
			facts = append(facts, within(sub.node, top, depth+1)...)
		}
	}
	return facts
}

func fact(n node, within bool) told {
	f := told{
		ID: n.text("id"), Method: n.text("http", "request", "method"), Origin: n.text("origin"), ARN: n.text("resource_arn"),
		Start: n.nanos("start_time"), End: n.nanos("end_time"), Error: n.is("error"), Fault: n.is("fault"), Throttle: n.is("throttle"),
		Decided: n.text("aws", "xray", "sampling_rule_name") != "",
	}
	if _, rest, ok := strings.Cut(n.text("http", "request", "url"), "://"); ok {
		f.Host, f.Path = rest, "/"
		if i := strings.IndexAny(rest, "/?#"); i >= 0 {
			f.Host = rest[:i]
			if rest[i] == '/' {
				f.Path = rest[i:]
			}
		}
		f.Host = f.Host[strings.LastIndexByte(f.Host, '@')+1:]
	}
	route := n.attribute("http.route", "http_route")
	switch {
	case n.text("namespace") != "":
		f.Role, f.Remote, f.Asks = spanfact.Call, n.text("name"), cmp.Or(n.text("aws", "operation"), f.Method)
		f.AWS = n.text("namespace") == "aws"
		f.Resource, f.ResourceType = n.resource()
	case within || n.text("type") == "subsegment":
	case route != "":
		f.Role, f.Verb, f.Joint, f.Object = spanfact.Entry, f.Method, ' ', route
	default:
		if f.Role = spanfact.Entry; f.Method == "" || f.Path == "" {
			f.Operation = cmp.Or(n.text("metadata", "otel", "name"), n.text("name"))
		}
	}
	return f
}

// check holds what Document finds in doc to the model.
func check(t *testing.T, d *spanfact.Document, doc []byte) {
	t.Helper()
	var got []told
	d.Each(doc, func(f *spanfact.Fact) { got = append(got, tell(f)) })
	if diff := gocmp.Diff(model(doc), got); diff != "" {
		t.Errorf("%s\n(-want +got):\n%s", doc, diff)
	}
}

// Whatever order a document has its members in, and however they are spelled, its
// facts are those that encoding/json finds.
func TestDocumentAsDecoded(t *testing.T) {
	var d spanfact.Document
	random := rand.New(rand.NewPCG(7, 11))
	facts := 0
	for range 100 {
		w := writer{random: random}
		w.work(0)
		check(t, &d, w.Bytes())
		facts += len(model(w.Bytes()))
		check(t, &d, w.Bytes()[:random.IntN(w.Len())])
		if t.Failed() {
			return
		}
	}
	if facts < 150 {
		t.Errorf("%d facts in all: the documents say too little", facts)
	}
}

// legible reports whether encoding/json and Document read the same texts: the former
// puts another character in the place of what is no UTF-8, and nests deeper.
func legible(doc []byte) bool {
	return utf8.Valid(doc) && bytes.Count(doc, []byte("["))+bytes.Count(doc, []byte("{")) < 500
}
