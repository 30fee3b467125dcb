package sandbox_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

func TestPartialSuccess(t *testing.T) {
	s := sandboxtest.New(t)
	ctx, now := t.Context(), time.Now().UnixMilli()
	logs, traces := cwl.NewFromConfig(sandboxtest.Config(s)), xray.NewFromConfig(sandboxtest.Config(s))
	g := aws.String("/app")
	good(logs.CreateLogGroup(ctx, &cwl.CreateLogGroupInput{LogGroupName: g}))(t)
	good(logs.CreateLogStream(ctx, &cwl.CreateLogStreamInput{LogGroupName: g, LogStreamName: g}))(t)
	for _, op := range []string{"PutLogEvents", "PutTraceSegments"} {
		good(s.Faults().Add(fault.Rule{Kind: fault.Partial, Operation: op, Count: 1}))(t)
	}
	if _, err := s.Faults().Add(fault.Rule{Kind: fault.Partial}); err == nil {
		t.Error("partial success of everything is taken")
	}
	event := func(at int64, text string) types.InputLogEvent {
		return types.InputLogEvent{Timestamp: &at, Message: &text}
	}
	for round, want := range []string{"6", "none"} {
		out := good(logs.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: g, LogStreamName: g, LogEvents: []types.InputLogEvent{
			event(now-20*24*3600*1000, "old"), event(now-20*24*3600*1000, "old"), event(now, "1"), event(now, "2"), event(now, "3"), event(now, "4"), event(now, "5"), event(now, "6"), event(now, "7"), event(now, "8"),
		}}))(t)
		got := "none"
		if i := out.RejectedLogEventsInfo; i != nil && i.TooNewLogEventStartIndex != nil {
			got = fmt.Sprint(*i.TooNewLogEventStartIndex)
		}
		if got != want {
			t.Errorf("round %d: rejected from %s on, want %s", round, got, want)
		}
	}
	if kept := good(logs.FilterLogEvents(ctx, &cwl.FilterLogEventsInput{LogGroupName: g}))(t); len(kept.Events) != 4+8 {
		t.Errorf("%d events are kept", len(kept.Events))
	}
	var docs []string
	for i := range 4 {
		docs = append(docs, fmt.Sprintf(`{"trace_id":%q,"id":"%016x","name":"web","start_time":1,"end_time":2}`, traceID, i+1))
	}
	for _, want := range []int{2, 0} {
		out := good(traces.PutTraceSegments(ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: docs}))(t)
		if len(out.UnprocessedTraceSegments) != want {
			t.Errorf("%d documents are unprocessed, want %d", len(out.UnprocessedTraceSegments), want)
		}
	}
}

func TestBadSignature(t *testing.T) {
	s := sandboxtest.New(t)
	good(s.Faults().Add(fault.Rule{Kind: fault.BadSignature, Service: "logs", Count: 1}))(t)
	logs := cwl.NewFromConfig(sandboxtest.Config(s))
	_, err := logs.DescribeLogGroups(t.Context(), &cwl.DescribeLogGroupsInput{})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "InvalidSignatureException" {
		t.Errorf("error is %v", err)
	}
	good(logs.DescribeLogGroups(t.Context(), &cwl.DescribeLogGroupsInput{}))(t)
}

// A service whose clock is off says so, and takes signatures of its own time
// alone.
func TestClockSkew(t *testing.T) {
	s := sandboxtest.New(t)
	good(s.Faults().Add(fault.Rule{Kind: fault.ClockSkew, Wait: fault.Duration(10 * time.Minute)}))(t)
	cfg := sandboxtest.Config(s)
	_, err := cwl.NewFromConfig(cfg).DescribeLogGroups(t.Context(), &cwl.DescribeLogGroupsInput{})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "InvalidSignatureException" {
		t.Errorf("a signature of another time: %v", err)
	}
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); !ok {
		t.Errorf("no answer: %v", err)
	} else if at, err := http.ParseTime(r.Response.Header.Get("Date")); err != nil || time.Until(at) < 9*time.Minute {
		t.Errorf("Date is %v, %v", at, err)
	}
	// The SDK learns the time from the refusal, and tries again.
	cfg.RetryMaxAttempts = 3
	good(cwl.NewFromConfig(cfg).DescribeLogGroups(t.Context(), &cwl.DescribeLogGroupsInput{}))(t)
}

// Credentials that expire are an error for those who use them.
func TestExpiredKey(t *testing.T) {
	s := sandboxtest.New(t)
	expired := fault.Rule{Kind: fault.Error, Status: 400, Shape: "ExpiredTokenException", AccessKey: sandboxtest.AccessKey}
	good(s.Faults().Add(expired))(t)
	if _, err := s.Faults().Add(fault.Rule{Kind: fault.Refuse, AccessKey: "X"}); err == nil {
		t.Error("an outage for one key is taken")
	}
	cfg := sandboxtest.Config(s)
	_, err := xray.NewFromConfig(cfg).GetGroups(t.Context(), &xray.GetGroupsInput{})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "ExpiredTokenException" {
		t.Errorf("error is %v", err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider("AKIDRENEWED", "secret", "")
	good(xray.NewFromConfig(cfg).GetGroups(t.Context(), &xray.GetGroupsInput{}))(t)
}
