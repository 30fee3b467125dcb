package spanfact

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/otlpwire"
)

// The types of AWS resources that calls name, as CloudFormation has them.
var (
	typeTable   = []byte("AWS::DynamoDB::Table")
	typeBucket  = []byte("AWS::S3::Bucket")
	typeQueue   = []byte("AWS::SQS::Queue")
	typeTopic   = []byte("AWS::SNS::Topic")
	typeStream  = []byte("AWS::Kinesis::Stream")
	typeMachine = []byte("AWS::StepFunctions::StateMachine")
	typeSecret  = []byte("AWS::SecretsManager::Secret")
)

// asked reads the attributes by which a call of AWS says what it asks for.
func (t *traits) asked(a *otlpwire.Attr) {
	v := a.Value
	switch string(a.Key) {
	case "aws.remote.resource.identifier":
		t.resource = text(v)
	case "aws.remote.resource.type":
		t.resourceType = text(v)
	case "aws.dynamodb.table_names":
		v.Each(func(first otlpwire.Attr) bool { t.ask(typeTable, text(first.Value)); return false })
	case "aws.table_name", "aws.table.name":
		t.ask(typeTable, text(v))
	case "aws.s3.bucket":
		t.ask(typeBucket, text(v))
	case "aws.sqs.queue.url", "aws.queue_url", "aws.queue.url":
		t.ask(typeQueue, lastPart(text(v), '/'))
	case "aws.sns.topic.arn":
		t.ask(typeTopic, lastPart(text(v), ':'))
	case "aws.kinesis.stream_name", "aws.kinesis.stream.name":
		t.ask(typeStream, text(v))
	case "aws.step_functions.state_machine.arn", "aws.stepfunctions.state_machine.arn":
		t.ask(typeMachine, lastPart(text(v), ':'))
	case "aws.secretsmanager.secret.arn":
		t.ask(typeSecret, lastPart(text(v), ':'))
	}
}

// ask notes a resource, unless the sender says outright which it is.
func (t *traits) ask(kind, name []byte) {
	if t.resource == nil && t.resourceType == nil && name != nil {
		t.resource, t.resourceType = name, kind
	}
}

func lastPart(s []byte, sep byte) []byte { return s[bytes.LastIndexByte(s, sep)+1:] }
