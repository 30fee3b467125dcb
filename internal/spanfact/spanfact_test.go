package spanfact_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

// seen is a fact in words.
type seen struct {
	Role                             spanfact.Role
	Service, Operation, Remote, Asks string
	Error, Fault, Throttle           bool
	Root, Decided, Unsampled         bool
	Millis                           uint64
}

func words(f *spanfact.Fact) seen {
	s := seen{
		Role: f.Role, Service: string(f.Service), Remote: string(f.Remote), Asks: string(f.RemoteOperation),
		Error: f.Error, Fault: f.Fault, Throttle: f.Throttle, Root: f.Root, Decided: f.Decided, Unsampled: f.Unsampled,
		Millis: f.Duration() / 1e6,
	}
	if f.Role == spanfact.Entry {
		s.Operation = string(f.AppendOperation(nil))
	}
	return s
}

func attr(k string, v any) *commonpb.KeyValue {
	x := &commonpb.AnyValue{}
	switch v := v.(type) {
	case string:
		x.Value = &commonpb.AnyValue_StringValue{StringValue: v}
	case int:
		x.Value = &commonpb.AnyValue_IntValue{IntValue: int64(v)}
	case bool:
		x.Value = &commonpb.AnyValue_BoolValue{BoolValue: v}
	}
	return &commonpb.KeyValue{Key: k, Value: x}
}

func attrs(kv ...any) (out []*commonpb.KeyValue) {
	for i := 0; i < len(kv); i += 2 {
		out = append(out, attr(kv[i].(string), kv[i+1]))
	}
	return out
}

func TestOfSpan(t *testing.T) {
	const (
		server, client, internal = tracepb.Span_SPAN_KIND_SERVER, tracepb.Span_SPAN_KIND_CLIENT, tracepb.Span_SPAN_KIND_INTERNAL
		consumer, producer       = tracepb.Span_SPAN_KIND_CONSUMER, tracepb.Span_SPAN_KIND_PRODUCER
	)
	for name, c := range map[string]struct {
		span *tracepb.Span
		want seen
	}{
		"route": {
			&tracepb.Span{Kind: server, Attributes: attrs("http.request.method", "GET", "http.route", "/orders/{id}", "url.path", "/orders/7", "http.response.status_code", 503)},
			seen{Role: spanfact.Entry, Operation: "GET /orders/{id}", Fault: true, Root: true},
		},
		"old names, no route": {
			&tracepb.Span{Kind: server, Name: "GET", Attributes: attrs("http.method", "GET", "http.target", "/orders/7f3a9c/items?page=2", "http.status_code", 429)},
			seen{Role: spanfact.Entry, Operation: "GET /orders/*/items", Error: true, Throttle: true, Root: true},
		},
		"status of HTTP before that of the span": {
			&tracepb.Span{Kind: server, Attributes: attrs("http.request.method", "GET", "http.route", "/", "http.response.status_code", 404), Status: &tracepb.Status{Code: 2}},
			seen{Role: spanfact.Entry, Operation: "GET /", Error: true, Root: true},
		},
		"rpc": {
			&tracepb.Span{Kind: server, ParentSpanId: []byte("12345678"), Attributes: attrs("rpc.system", "grpc", "rpc.service", "shop.Orders", "rpc.method", "Place")},
			seen{Role: spanfact.Entry, Operation: "shop.Orders/Place"},
		},
		"rpc by the stable names": {
			&tracepb.Span{Kind: server, ParentSpanId: []byte("12345678"), Attributes: attrs("rpc.system.name", "grpc", "rpc.method", "shop.Orders/Place")},
			seen{Role: spanfact.Entry, Operation: "shop.Orders/Place"},
		},
		"call by the stable names": {
			&tracepb.Span{Kind: client, ParentSpanId: []byte("12345678"), Attributes: attrs("rpc.system.name", "grpc", "rpc.method", "shop.Orders/Place", "server.address", "h")},
			seen{Role: spanfact.Call, Remote: "shop.Orders", Asks: "Place"},
		},
		"message": {
			&tracepb.Span{Kind: consumer, ParentSpanId: []byte("12345678"), Attributes: attrs("messaging.system", "aws_sqs", "messaging.operation.name", "process", "messaging.operation.type", "receive", "messaging.destination.name", "orders")},
			seen{Role: spanfact.Entry, Operation: "process orders"},
		},
		"temporary queue": {
			&tracepb.Span{Kind: consumer, Attributes: attrs("messaging.operation", "receive", "messaging.destination.name", "amq.gen-7F3A", "messaging.destination.temporary", true)},
			seen{Role: spanfact.Entry, Operation: "receive (temporary)", Root: true},
		},
		"root of local work, named by a path": {
			&tracepb.Span{Kind: internal, Name: "rebuild /index/2026-11-22"},
			seen{Role: spanfact.Entry, Operation: "rebuild /index/*", Root: true},
		},
		"local work": {
			&tracepb.Span{Kind: internal, Name: "parse", ParentSpanId: []byte("12345678")},
			seen{},
		},
		"call over HTTP": {
			&tracepb.Span{Kind: client, ParentSpanId: []byte("12345678"), Attributes: attrs("http.request.method", "POST", "server.address", "payments", "url.full", "http://payments/charge")},
			seen{Role: spanfact.Call, Remote: "payments", Asks: "POST"},
		},
		"call of AWS": {
			&tracepb.Span{Kind: client, ParentSpanId: []byte("12345678"), Attributes: attrs("rpc.system", "aws-api", "rpc.service", "DynamoDB", "rpc.method", "GetItem", "aws.remote.service", "AWS::DynamoDB")},
			seen{Role: spanfact.Call, Remote: "DynamoDB", Asks: "GetItem"},
		},
		"call of a database": {
			&tracepb.Span{Kind: client, ParentSpanId: []byte("12345678"), Attributes: attrs("db.system.name", "postgresql", "db.operation.name", "SELECT", "server.address", "db1")},
			seen{Role: spanfact.Call, Remote: "postgresql", Asks: "SELECT"},
		},
		"publish": {
			&tracepb.Span{Kind: producer, ParentSpanId: []byte("12345678"), Attributes: attrs("messaging.system", "kafka")},
			seen{Role: spanfact.Call, Remote: "kafka", Asks: "publish"},
		},
		"chosen by a share": {
			&tracepb.Span{Kind: server, Name: "x", TraceState: "a=b,ot=rv:0;th:c"},
			seen{Role: spanfact.Entry, Operation: "x", Root: true, Decided: true},
		},
		"a share of everything": {
			&tracepb.Span{Kind: server, Name: "x", TraceState: "ot=th:0", Flags: 0x101},
			seen{Role: spanfact.Entry, Operation: "x", Root: true},
		},
		"left out by the sender": {
			&tracepb.Span{Kind: server, Name: "x", Flags: 0x100},
			seen{Role: spanfact.Entry, Operation: "x", Root: true, Unsampled: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.span.TraceId = []byte("0123456789abcdef")
			c.span.StartTimeUnixNano, c.span.EndTimeUnixNano = 1e18, 1e18+250e6
			c.want.Service, c.want.Millis = "orders", 250
			body, err := proto.Marshal(&collectorpb.ExportTraceServiceRequest{ResourceSpans: []*tracepb.ResourceSpans{{
				Resource:   &resourcepb.Resource{Attributes: attrs("service.name", "orders")},
				ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{c.span}}},
			}}})
			if err != nil {
				t.Fatal(err)
			}
			var d otlpwire.Traces
			var sender spanfact.Sender
			n := 0
			err = d.Decode(body, func() error { sender = spanfact.SenderOf(d.Resource.Attrs); return nil }, func() error {
				n++
				f := spanfact.OfSpan(sender, &d.Span)
				if diff := cmp.Diff(c.want, words(&f)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				return nil
			})
			if err != nil || n != 1 {
				t.Fatalf("%d spans, %v", n, err)
			}
		})
	}
}

func TestOfDocument(t *testing.T) {
	const head = `"trace_id":"1-581cf771-a006649127e371903a2de979","id":"70de5b6f19ff9a0a","start_time":1478293361.25,"end_time":1478293361.5`
	for name, c := range map[string]struct {
		doc  string
		want []seen
	}{
		"segment of HTTP with calls": {
			`{"name":"orders",` + head + `,"http":{"request":{"method":"GET","url":"http://shop/orders/42?x=1"},"response":{"status":500}},"fault":true,
			"subsegments":[{"name":"parse","start_time":1,"end_time":2,"subsegments":[{"name":"DynamoDB","namespace":"aws","start_time":1,"end_time":2,"aws":{"operation":"GetItem"},"throttle":true,"error":true}]},
			{"name":"pay\"ments","namespace":"remote","in_progress":true,"start_time":1}]}`,
			[]seen{
				{Role: spanfact.Entry, Service: "orders", Operation: "GET /orders/*", Fault: true, Root: true, Millis: 250},
				{Role: spanfact.Call, Service: "orders", Remote: "DynamoDB", Asks: "GetItem", Error: true, Throttle: true, Millis: 1000},
			},
		},
		"route of a translated span": {
			`{"name":"shown name",` + head + `,"parent_id":"70de5b6f19ff9a0b","http":{"request":{"method":"GET","url":"http://shop/orders/42"}},"metadata":{"default":{"http.route":"/orders/{id}","otel.resource.service.name":"orders"}}}`,
			[]seen{{Role: spanfact.Entry, Service: "orders", Operation: "GET /orders/{id}", Millis: 250}},
		},
		"name of a translated span": {
			`{"name":"billing",` + head + `,"parent_id":"70de5b6f19ff9a0b","metadata":{"default":{"messaging.system":"kafka"},"otel":{"name":"process orders"}}}`,
			[]seen{{Role: spanfact.Entry, Service: "billing", Operation: "process orders", Millis: 250}},
		},
		"segment without a request":          {`{"name":"nightly",` + head + `}`, []seen{{Role: spanfact.Entry, Service: "nightly", Operation: "nightly", Root: true, Millis: 250}}},
		"chosen by a rule":                   {`{"name":"n",` + head + `,"aws":{"xray":{"sampling_rule_name":"Default"}}}`, []seen{{Role: spanfact.Entry, Service: "n", Operation: "n", Root: true, Decided: true, Millis: 250}}},
		"call on its own":                    {`{"type":"subsegment","name":"pay","namespace":"remote",` + head + `,"parent_id":"1","http":{"request":{"method":"POST"}}}`, []seen{{Role: spanfact.Call, Remote: "pay", Asks: "POST", Millis: 250}}},
		"local work on its own":              {`{"type":"subsegment","name":"parse",` + head + `,"parent_id":"1"}`, []seen{{Millis: 250}}},
		"in progress":                        {`{"name":"n","in_progress":true,"start_time":1}`, nil},
		"not a document":                     {`[1]`, nil},
		"an end before the start, bad times": {`{"name":"n","start_time":5,"end_time":1}`, []seen{{Role: spanfact.Entry, Service: "n", Operation: "n", Root: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			var d spanfact.Document
			var got []seen
			d.Each([]byte(c.doc), func(f *spanfact.Fact) { got = append(got, words(f)) })
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The head of a document is its own work, in progress or not, and as bad as the
// worst within it.
func TestHead(t *testing.T) {
	const head = `{"name":"orders","trace_id":"1-581cf771-a006649127e371903a2de979","start_time":5,`
	within := func(s string) string { return head + `"subsegments":[{"subsegments":[{"name":"pay"},` + s + `]}]}` }
	for name, c := range map[string]struct {
		doc                    string
		ok                     bool
		failed, fault, delayed bool
	}{
		"well":             {within(`{}`), true, false, false, false},
		"its own fault":    {head + `"fault":true}`, true, false, true, false},
		"a fault within":   {within(`{"fault":true},{"fault":false}`), true, false, true, false},
		"an error within":  {within(`{"error":true,"throttle":true}`), true, true, false, true},
		"in progress":      {head + `"in_progress":true}`, true, false, false, false},
		"no trace":         {`{"name":"orders"}`, false, false, false, false},
		"no document":      {`[]`, false, false, false, false},
		"cut short":        {head + `"fault":true`, false, false, false, false},
		"an error of JSON": {within(`{"fault":true,}`), false, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var d spanfact.Document
			f, ok := d.Head([]byte(c.doc))
			if ok != c.ok || ok && (string(f.Service) != "orders" || f.Start != 5e9 || f.Error != c.failed || f.Fault != c.fault || f.Throttle != c.delayed) {
				t.Errorf("%v, %+v", ok, words(&f))
			}
		})
	}
}

// Documents of many calls, whose memory is not kept, and of few take turns.
func TestDocumentsOfManyCalls(t *testing.T) {
	var d spanfact.Document
	count := func(calls int) (n int) {
		doc := `{"subsegments":[{"namespace":"aws"}` + strings.Repeat(`,{"namespace":"aws"}`, calls-1) + `]}`
		d.Each([]byte(doc), func(*spanfact.Fact) { n++ })
		return n
	}
	for _, calls := range []int{3000, 1, 256, 257, 2} {
		if n := count(calls); n != calls+1 {
			t.Errorf("%d facts of a document with %d calls", n, calls)
		}
	}
}

// What names an operation never holds a number that could be an id.
func TestPathsBecomeTemplates(t *testing.T) {
	for path, want := range map[string]string{
		"/":                              "/",
		"":                               "UnknownOperation",
		"/orders":                        "/orders",
		"/orders/":                       "/orders/",
		"/api/v2/orders/1":               "/api/v2/orders/*",
		"/a/b/c/d/e/f":                   "/a/b/c/d/*",
		"/u/ann@example.com":             "/u/*",
		"/x/550e8400-e29b-41d4-a716-446": "/x/*",
		"/%F0%9F/..":                     "/*/..",
		"/file?id=7#top":                 "/file",
	} {
		f := spanfact.Fact{Role: spanfact.Entry, Method: []byte("GET"), Path: []byte(path)}
		if path != "" {
			want = "GET " + want
		} else {
			want = "GET"
		}
		if got := string(f.AppendOperation(nil)); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"name":"a\u0062","trace_id":"1-581cf771-a006649127e371903a2de979","start_time":1.5,"end_time":2,"subsegments":[{"name":"c","namespace":"aws"}]}`))
	f.Add([]byte(`{"http":{"request":{"url":"http://u@h?"}},"metadata":{"default":{"http.route":1}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var d spanfact.Document
		entries := 0
		d.Each(doc, func(f *spanfact.Fact) {
			if f.Role == spanfact.Entry {
				entries++
				if len(f.AppendOperation(nil)) == 0 && len(f.Operation) == 0 {
					t.Error("an operation without a name")
				}
			}
		})
		if entries > 1 {
			t.Errorf("%d entries in one document", entries)
		}
		if legible(doc) {
			check(t, &d, doc)
		}
		own, ok := d.Head(doc)
		if ok && (len(own.TraceID) != 16 || !jsonscan.Valid(doc)) {
			t.Errorf("the head of %q: %+v", doc, own)
		}
	})
}

func BenchmarkOfSpan(b *testing.B) {
	span := otlpwire.Span{Kind: otlpwire.Server, TraceID: []byte("0123456789abcdef"), Name: []byte("GET /orders/{id}")}
	for k, v := range map[string]string{
		"http.request.method": "GET", "http.route": "/orders/{id}", "url.path": "/orders/7", "url.scheme": "http", "server.address": "shop",
		"user_agent.original": "curl/8", "client.address": "10.0.0.9", "network.protocol.version": "1.1",
	} {
		span.Attrs = append(span.Attrs, otlpwire.Attr{Key: []byte(k), Value: otlpwire.StringValue(v)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if f := spanfact.OfSpan(spanfact.Sender{}, &span); f.Role != spanfact.Entry {
			b.Fatal("no entry")
		}
	}
}

// BenchmarkDocument reads a document that translation wrote, and one of an X-Ray
// SDK with a call in it.
func BenchmarkDocument(b *testing.B) {
	for name, doc := range map[string]string{
		"translated": `{"name":"orders","id":"70de5b6f19ff9a0a","trace_id":"1-581cf771-a006649127e371903a2de979","start_time":1478293361.271,"end_time":1478293361.449,"http":{"request":{"method":"GET","url":"http://shop/orders/42","user_agent":"curl/8"},"response":{"status":200,"content_length":0}},"aws":{"xray":{"sdk":"opentelemetry for go","auto_instrumentation":false}},"metadata":{"default":{"http.route":"/orders/{id}","otel.resource.service.name":"orders","otel.resource.host.name":"h1"}}}`,
		"sdk": `{"trace_id":"1-581cf771-a006649127e371903a2de979","id":"70de5b6f19ff9a0a","name":"checkout","start_time":1478293361.271123,"end_time":1478293361.449123,"origin":"AWS::ECS::Container",` +
			`"http":{"request":{"method":"POST","url":"https://checkout.example.com/v1/orders/00000007","user_agent":"Mozilla/5.0 (X11; Linux x86_64)","client_ip":"203.0.113.7"},` +
			`"response":{"status":201,"content_length":512}},"aws":{"ecs":{"container":"6f2a0d6d84b64c3f"},"xray":{"sdk":"X-Ray for Go","sdk_version":"1.8.5","sampling_rule_name":"Default"}},` +
			`"annotations":{"tenant":"t-0007","currency":"EUR"},"metadata":{"default":{"cart":{"items":3,"total":41.7},"flags":["new-checkout","fast-path"]}},` +
			`"subsegments":[{"id":"70de5b6f19ff9a0b","name":"orders-db.internal","start_time":1478293361.272123,"end_time":1478293361.301123,"namespace":"remote",` +
			`"sql":{"database_type":"postgresql","sanitized_query":"SELECT id, state, total FROM orders WHERE id = $1"}}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			text := []byte(doc)
			var d spanfact.Document
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				d.Each(text, func(*spanfact.Fact) { n++ })
				if n == 0 {
					b.Fatal("no facts")
				}
			}
		})
	}
}
