package spanmetrics

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/otlpwire"
	"github.com/sidelight-dev/sidelight/internal/spanfact"
)

// SignalsNamespace is what Application Signals reads. Its metrics arrive as
// documents in the embedded metric format in SignalsGroup, as the CloudWatch
// agent writes them.
const (
	SignalsNamespace = "ApplicationSignals"
	SignalsGroup     = "/aws/application-signals/data"
)

// The lengths that Application Signals allows for (CloudWatch agent,
// awsapplicationsignals processor); other dimensions have CloudWatch's.
const (
	maxSignalService     = 255
	maxSignalEnvironment = 259
)

// Annotations are the attributes that become annotations of segments for
// Application Signals, which finds the traces of a service by them: those that
// the CloudWatch agent indexes.
func Annotations() []string {
	return []string{
		"aws.local.service", "aws.local.operation", "aws.local.environment", "aws.remote.service", "aws.remote.operation",
		"aws.remote.environment", "aws.remote.resource.identifier", "aws.remote.resource.type",
	}
}

// Annotate appends to attrs those of Annotations that f tells, in the form that
// the metrics have, unless the sender has written them.
func (m *Metrics) Annotate(attrs []otlpwire.Attr, f *spanfact.Fact) []otlpwire.Attr {
	if f.Role == spanfact.Local {
		return attrs
	}
	for i := range attrs {
		if k := string(attrs[i].Key); k == "aws.local.service" || k == "aws.remote.service" {
			return attrs
		}
	}
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, otlpwire.Attr{Key: []byte(name), Value: otlpwire.StringValue(value)})
		}
	}
	service, environment := string(f.Service), string(f.Environment)
	if service == "" {
		service = m.cfg.Service
	}
	if environment == "" {
		environment = m.signalEnvironment()
	}
	add("aws.local.service", cut(service, maxSignalService))
	add("aws.local.environment", cut(environment, maxSignalEnvironment))
	if f.Role == spanfact.Entry {
		add("aws.local.operation", string(f.AppendOperation(nil)))
		return attrs
	}
	add("aws.local.operation", string(appendCaller(nil, f)))
	add("aws.remote.service", cut(string(appendRemote(nil, f)), maxSignalService))
	add("aws.remote.operation", string(appendRemoteOperation(nil, f)))
	add("aws.remote.resource.identifier", string(f.Resource))
	add("aws.remote.resource.type", string(f.ResourceType))
	return attrs
}

// signalEnvironment is the Environment of senders without one.
func (m *Metrics) signalEnvironment() string {
	if m.cfg.Environment != "" {
		return m.cfg.Environment
	}
	return m.cfg.Platform
}

// cut returns what fits of s, up to the end of a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}

// appendRemote appends the name that Application Signals has for a remote
// service: AWS::S3 for a service of AWS, shop.example.com:8080 where a port is
// known.
func appendRemote(dst []byte, f *spanfact.Fact) []byte {
	if f.AWS {
		return append(append(dst, "AWS::"...), serviceOfAWS(f.Remote)...)
	}
	dst = append(dst, f.Remote...)
	if f.Port > 0 && bytes.Equal(f.Remote, f.Host) {
		dst = strconv.AppendInt(append(dst, ':'), f.Port, 10)
	}
	return dst
}

// serviceOfAWS is the name of a service of AWS as Application Signals has it. The
// SDKs each have their own.
func serviceOfAWS(name []byte) string {
	s := string(bytes.ReplaceAll(name, []byte{' '}, nil))
	for _, prefix := range [...]string{"Amazon", "AWS"} {
		if len(s) > len(prefix) && s[:len(prefix)] == prefix {
			s = s[len(prefix):]
		}
	}
	switch s {
	case "DynamoDb", "DynamoDBv2", "dynamodb":
		return "DynamoDB"
	case "Sqs", "sqs":
		return "SQS"
	case "Sns", "sns":
		return "SNS"
	case "s3":
		return "S3"
	case "Sfn", "SFN", "sfn":
		return "StepFunctions"
	case "BedrockAgent", "BedrockAgentRuntime":
		return "Bedrock"
	}
	return s
}

// appendRemoteOperation appends what is asked of a remote service: of one over
// HTTP, method and the first part of the path.
func appendRemoteOperation(dst []byte, f *spanfact.Fact) []byte {
	dst = append(dst, f.RemoteOperation...)
	if len(f.Path) > 0 && !f.AWS && bytes.Equal(f.RemoteOperation, f.Method) {
		dst = f.AppendFirstPart(append(dst, ' '))
	}
	return dst
}

// appendCaller appends the operation that made a call, if the sender says it.
func appendCaller(dst []byte, f *spanfact.Fact) []byte {
	if len(f.Operation) > 0 {
		return append(dst, f.Operation...)
	}
	return append(dst, unknownOperation...)
}

// signal records the metrics of Application Signals, where the average of Fault
// and Error is the rate: one sample a request, of one or zero.
func (e *emitter) signal(c *counts, dims []sidelight.Dimension) {
	if !e.signals || c.requests == 0 {
		return
	}
	for _, x := range [...]struct {
		name string
		n    float64
	}{{"Error", c.errors}, {"Fault", c.faults}} {
		for _, part := range [...]struct{ v, n float64 }{{0, c.requests - x.n}, {1, x.n}} {
			if part.n > 0 {
				e.rec.Record(&sidelight.Measurement{
					Namespace: SignalsNamespace, Name: x.name, Dimensions: dims, Kind: sidelight.Sample, Value: part.v, Count: part.n,
				})
			}
		}
	}
	e.latency(c, SignalsNamespace, dims)
}
