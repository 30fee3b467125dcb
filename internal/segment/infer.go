package segment

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
)

// Types of service graph nodes that are not resource types.
const (
	TypeClient = "client"
	TypeRemote = "remote"
)

// Calls reports whether d is a subsegment that calls another service.
func (d *Document) Calls() bool { return d.Namespace == "aws" || d.Namespace == "remote" }

// Callee names what a calling subsegment calls: for AWS the resource, if the
// document tells it, else the service; for others the subsegment's own name,
// with type [TypeRemote].
func Callee(d *Document) (name, typ string) {
	if d.Namespace != "aws" {
		return d.Name, TypeRemote
	}
	if a := d.AWS; a != nil {
		switch {
		case a.TableName != "":
			return a.TableName, "AWS::DynamoDB::Table"
		case len(a.TableNames) == 1:
			return a.TableNames[0], "AWS::DynamoDB::Table"
		case a.QueueURL != "":
			return a.QueueURL, "AWS::SQS::Queue"
		case a.TopicARN != "":
			return a.TopicARN, "AWS::SNS::Topic"
		case a.BucketName != "":
			return a.BucketName, "AWS::S3::Bucket"
		case a.FunctionName != "":
			return a.FunctionName, "AWS::Lambda::Function"
		}
	}
	return d.Name, "AWS::" + awsService(d.Name)
}

// awsService reduces the ways to write a service's name, "AWS.SDK.S3",
// "AWS::S3", "Amazon S3", to the last part.
func awsService(name string) string {
	for _, prefix := range []string{"AWS.SDK.", "AWS::", "Amazon ", "AWS "} {
		name = strings.TrimPrefix(name, prefix)
	}
	return strings.ReplaceAll(name, " ", "")
}

// Infer makes a segment for every calling subsegment whose callee sent none. An
// inferred segment has the subsegment as parent and its times, HTTP and AWS
// blocks and flags; its ID is a function of the trace's and the subsegment's.
func Infer(trees []*Tree) []*Document {
	called := map[string]bool{}
	for _, t := range trees {
		if !t.Top.Subsegment() {
			called[t.Top.ParentID] = true
		}
	}
	var out []*Document
	for _, t := range trees {
		traceID := t.Top.TraceID
		t.Walk(func(d, parent *Document) {
			if isSub := parent != nil || d.Subsegment(); isSub && d.Calls() && !called[d.ID] {
				out = append(out, inferred(traceID, d))
			}
		})
	}
	return out
}

func inferred(traceID string, d *Document) *Document {
	name, typ := Callee(d)
	if typ == TypeRemote {
		typ = ""
	}
	return &Document{
		Name: name, ID: inferredID(traceID, d.ID), TraceID: traceID, ParentID: d.ID, Origin: typ,
		StartTime: d.StartTime, EndTime: d.EndTime, InProgress: d.InProgress,
		HTTP: d.HTTP, AWS: d.AWS, Error: d.Error, Throttle: d.Throttle, Fault: d.Fault, Inferred: true,
	}
}

// Text returns the document as JSON: as it was read, or else, for an inferred
// segment, written from its fields.
func (d *Document) Text() ([]byte, error) {
	if d.Raw != nil {
		return d.Raw, nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write document %s: %w", d.ID, err)
	}
	return text, nil
}

func inferredID(traceID, subsegment string) string {
	h := fnv.New64a()
	h.Write([]byte(traceID))
	h.Write([]byte{0})
	h.Write([]byte(subsegment))
	return fmt.Sprintf("%016x", h.Sum64())
}
