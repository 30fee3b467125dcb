package apply_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// The example of a whole service works as one: errors in its log group go through
// its filter and its metric into its alarm, and to its topic.
func TestSandboxServiceFires(t *testing.T) {
	t.Parallel()
	cw, c, s := over(t)
	l := c.Logs.(*logs.Client)
	group, stream := aws.String("/sidelight/checkout"), aws.String("task-1")
	// The agent was first: the recipe takes its group over.
	if _, err := l.CreateLogGroup(t.Context(), &logs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		t.Fatal(err)
	}
	run(t, c, "../../../examples/recipes/service.yaml")
	if _, err := l.CreateLogStream(t.Context(), &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		t.Fatal(err)
	}
	in := &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream}
	for range 6 {
		in.LogEvents = append(in.LogEvents, logtypes.InputLogEvent{Message: aws.String(`{"level":"error","route":"/orders"}`), Timestamp: aws.Int64(s.Clock().Now().UnixMilli())})
	}
	if _, err := l.PutLogEvents(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if err := s.Clock().Advance(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Inbox().WaitTotal(ctx, 1); err != nil {
		out, _ := cw.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
		t.Fatalf("no notification: %v; %+v", err, out)
	}
	if n := s.Inbox().List()[0]; !strings.Contains(n.Message, "checkout-dev-errors") || !strings.HasSuffix(n.Target, ":checkout-alerts") {
		t.Errorf("notified %s: %s", n.Target, n.Message)
	}
}
