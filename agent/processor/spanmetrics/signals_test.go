package spanmetrics_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

func list(kv ...string) (out []otlpwire.Attr) {
	for i := 0; i < len(kv); i += 2 {
		out = append(out, otlpwire.Attr{Key: []byte(kv[i]), Value: otlpwire.StringValue(kv[i+1])})
	}
	return out
}

// The names of remote services, operations and resources are those that AWS's
// instrumentation gives them (aws-otel-java-instrumentation,
// AwsMetricAttributeGenerator).
func TestAnnotate(t *testing.T) {
	m := spanmetrics.New(spanmetrics.Config{Service: "agent", Signals: true, Platform: "ecs:c"})
	for name, c := range map[string]struct {
		kind  otlpwire.SpanKind
		attrs []otlpwire.Attr
		want  map[string]string
	}{
		"request":    {otlpwire.Server, list("http.request.method", "GET", "http.route", "/a"), map[string]string{"aws.local.operation": "GET /a"}},
		"local work": {otlpwire.Internal, nil, nil},
		"named by its sender": {
			otlpwire.Client, list("aws.local.service", "own", "rpc.system", "aws-api", "rpc.service", "S3"), map[string]string{"aws.local.service": "own"},
		},
		"table": {
			otlpwire.Client, list("rpc.system", "aws-api", "rpc.service", "DynamoDb", "rpc.method", "GetItem", "aws.table_name", "orders"),
			map[string]string{
				"aws.local.operation": "UnknownOperation", "aws.remote.service": "AWS::DynamoDB", "aws.remote.operation": "GetItem",
				"aws.remote.resource.identifier": "orders", "aws.remote.resource.type": "AWS::DynamoDB::Table",
			},
		},
		"queue": {
			otlpwire.Producer, list("rpc.system.name", "aws-api", "rpc.method", "Sqs/SendMessage", "aws.sqs.queue.url", "https://sqs.eu-west-1.amazonaws.com/1/jobs"),
			map[string]string{
				"aws.local.operation": "UnknownOperation", "aws.remote.service": "AWS::SQS", "aws.remote.operation": "SendMessage",
				"aws.remote.resource.identifier": "jobs", "aws.remote.resource.type": "AWS::SQS::Queue",
			},
		},
		"topic": {
			otlpwire.Client, list("rpc.system", "aws-api", "rpc.service", "AmazonSNS", "rpc.method", "Publish", "aws.sns.topic.arn", "arn:aws:sns:r:1:news"),
			map[string]string{
				"aws.local.operation": "UnknownOperation", "aws.remote.service": "AWS::SNS", "aws.remote.operation": "Publish",
				"aws.remote.resource.identifier": "news", "aws.remote.resource.type": "AWS::SNS::Topic",
			},
		},
		"step functions": {
			otlpwire.Client, list("rpc.system", "aws-api", "rpc.service", "SFN", "rpc.method", "StartExecution"),
			map[string]string{"aws.local.operation": "UnknownOperation", "aws.remote.service": "AWS::StepFunctions", "aws.remote.operation": "StartExecution"},
		},
		"model": {
			otlpwire.Client, list("rpc.system", "aws-api", "rpc.service", "Bedrock Runtime", "rpc.method", "Converse"),
			map[string]string{"aws.local.operation": "UnknownOperation", "aws.remote.service": "AWS::BedrockRuntime", "aws.remote.operation": "Converse"},
		},
		"over HTTP": {
			otlpwire.Client, list("http.request.method", "POST", "server.address", "shop", "server.port", "8080", "url.full", "http://shop:8080/orders/7?x=1"),
			map[string]string{"aws.local.operation": "UnknownOperation", "aws.remote.service": "shop:8080", "aws.remote.operation": "POST /orders"},
		},
		"over HTTP, an id first": {
			otlpwire.Client, list("http.request.method", "GET", "server.address", "shop", "url.full", "http://shop/7f3a91"),
			map[string]string{"aws.local.operation": "UnknownOperation", "aws.remote.service": "shop", "aws.remote.operation": "GET /*"},
		},
		"a long name, cut at a character": {
			otlpwire.Client, list("peer.service", strings.Repeat("é", 200)),
			map[string]string{
				"aws.local.operation": "UnknownOperation", "aws.remote.service": strings.Repeat("é", 127), "aws.remote.operation": "UnknownRemoteOperation",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			span := otlpwire.Span{Kind: c.kind, ParentID: []byte("12345678"), Attrs: c.attrs}
			f := spanfact.OfSpan(spanfact.Sender{}, &span)
			got := map[string]string{}
			for _, a := range m.Annotate(c.attrs, &f) {
				if k := string(a.Key); len(k) > 10 && (k[:10] == "aws.local." || k[:10] == "aws.remote") {
					got[k] = string(a.Value.Raw)
				}
			}
			want := map[string]string{}
			if c.want != nil && c.want["aws.local.service"] == "" {
				want["aws.local.service"], want["aws.local.environment"] = "agent", "ecs:c"
			}
			for k, v := range c.want {
				want[k] = v
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
