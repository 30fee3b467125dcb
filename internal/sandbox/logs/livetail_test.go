package logs_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// noHostPrefix keeps the client from calling stream-127.0.0.1.
func noHostPrefix(o *cwl.Options) {
	o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("noHostPrefix",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
			}), middleware.Before)
	})
}

// tail starts a session and waits for its start. Each has a client of its own:
// smithy-go v1.28.8 decodes the events of all sessions of a client into one
// buffer, without a lock.
func (w *world) tail(in *cwl.StartLiveTailInput) *cwl.StartLiveTailEventStream {
	w.t.Helper()
	client := cwl.NewFromConfig(sandboxtest.Config(w.sb), noHostPrefix)
	s := must(client.StartLiveTail(w.t.Context(), in))(w.t).GetStream()
	w.t.Cleanup(func() { _ = s.Close() })
	first, ok := (<-s.Events()).(*types.StartLiveTailResponseStreamMemberSessionStart)
	if !ok || first.Value.SessionId == nil || !cmp.Equal(first.Value.LogGroupIdentifiers, in.LogGroupIdentifiers) {
		w.t.Fatalf("session starts with %v, %v", first, s.Err())
	}
	return s
}

// update returns the next update that has events, or any.
func update(t *testing.T, s *cwl.StartLiveTailEventStream, empty bool) types.LiveTailSessionUpdate {
	t.Helper()
	for e := range s.Events() {
		u, ok := e.(*types.StartLiveTailResponseStreamMemberSessionUpdate)
		if !ok {
			t.Fatalf("event is %T", e)
		}
		if empty || len(u.Value.SessionResults) > 0 {
			return u.Value
		}
	}
	t.Fatalf("session ended: %v", s.Err())
	panic("unreachable")
}

func TestLiveTail(t *testing.T) {
	w := newWorld(t)
	w.group("/app")
	w.group("/other")
	w.stream("/app", "s")
	w.stream("/app", "x")
	w.stream("/other", "s")
	arn := "arn:aws:logs:us-east-1:123456789012:log-group:/app"
	s := w.tail(&cwl.StartLiveTailInput{LogGroupIdentifiers: []string{arn}, LogStreamNamePrefixes: []string{"s"}, LogEventFilterPattern: aws.String("ERROR")})
	many := w.tail(&cwl.StartLiveTailInput{LogGroupIdentifiers: []string{arn}, LogStreamNames: []string{"x"}})
	w.put("/other", "s", event(0, "ERROR elsewhere"))
	var lots []types.InputLogEvent
	for i := range 700 {
		lots = append(lots, event(0, "ERROR %d", i))
	}
	w.put("/app", "x", lots...)
	w.put("/app", "s", event(0, "fine"), event(1e6, "ERROR here"))
	u := update(t, s, false)
	want := []types.LiveTailSessionLogEvent{{LogGroupIdentifier: &arn, LogStreamName: aws.String("s"), Message: aws.String("ERROR here"), Timestamp: at(1e6), IngestionTime: at(0)}}
	if d := cmp.Diff(fmt.Sprint(tailed(want)), fmt.Sprint(tailed(u.SessionResults))); d != "" || u.SessionMetadata.Sampled {
		t.Errorf("update differs: %s", d)
	}
	if u := update(t, many, false); len(u.SessionResults) != 500 || !u.SessionMetadata.Sampled {
		t.Errorf("of 700 events %d came, sampled is %v", len(u.SessionResults), u.SessionMetadata.Sampled)
	}
	if u := update(t, s, true); u.SessionResults == nil || len(u.SessionResults) != 0 {
		t.Errorf("an update without events has %v", u.SessionResults)
	}
	for _, in := range []*cwl.StartLiveTailInput{
		{LogGroupIdentifiers: []string{}},
		{LogGroupIdentifiers: []string{"/app"}},
		{LogGroupIdentifiers: []string{arn + ":*"}},
		{LogGroupIdentifiers: []string{arn}, LogStreamNames: []string{"a"}, LogStreamNamePrefixes: []string{"a"}},
		{LogGroupIdentifiers: []string{arn, arn}, LogStreamNames: []string{"a"}},
	} {
		_, err := w.StartLiveTail(t.Context(), in, noHostPrefix)
		wantError(t, err, "InvalidParameterException")
	}
}

func tailed(events []types.LiveTailSessionLogEvent) (out []string) {
	for _, e := range events {
		out = append(out, fmt.Sprint(*e.LogGroupIdentifier, *e.LogStreamName, *e.Message, *e.Timestamp, *e.IngestionTime))
	}
	return out
}
