package awsproto

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// limited is a service with the limits of its spec's models.
func limited(tb testing.TB, spec Spec) *service {
	tb.Helper()
	s := &service{spec: spec, plans: newPlans(&spec)}
	var err error
	if s.plans.limits, err = readLimits(spec.Service); err != nil {
		tb.Fatal(err)
	}
	if len(s.plans.limits) == 0 {
		tb.Fatalf("there are no limits for %s", spec.Service)
	}
	return s
}

func TestLimits(t *testing.T) {
	logs, metrics := limited(t, Logs()), limited(t, CloudWatch())
	long := strings.Repeat("x", 513)
	for name, tc := range map[string]struct {
		s    *service
		in   any
		want []string // parts of the message; none: no error
	}{
		"good": {logs, &cwl.CreateLogGroupInput{LogGroupName: aws.String("/a"), Tags: map[string]string{"k": ""}}, nil},
		"missing": {logs, &cwl.CreateLogGroupInput{}, []string{
			"1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be null",
		}},
		"too long": {logs, &cwl.CreateLogGroupInput{LogGroupName: &long}, []string{"'logGroupName'", "Member must have length less than or equal to 512", "xxx..."}},
		"pattern":  {logs, &cwl.CreateLogGroupInput{LogGroupName: aws.String("a b")}, []string{"Value 'a b'", `satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`}},
		"enumeration": {logs, &cwl.CreateLogGroupInput{LogGroupName: aws.String("a"), LogGroupClass: "FAST"}, []string{
			"Value 'FAST' at 'logGroupClass' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, INFREQUENT_ACCESS, DELIVERY",
		}},
		"in a list": {logs, &cwl.PutLogEventsInput{
			LogGroupName: aws.String("a"), LogStreamName: aws.String("b"),
			LogEvents: []logtypes.InputLogEvent{{Message: aws.String("m"), Timestamp: aws.Int64(1)}, {Message: aws.String("")}},
		}, []string{
			"2 validation errors detected", "Value '' at 'logEvents.2.member.message'", "Value null at 'logEvents.2.member.timestamp'",
		}},
		"map key": {logs, &cwl.CreateLogGroupInput{LogGroupName: aws.String("a"), Tags: map[string]string{"": "v"}}, []string{"Value '' at 'tags'"}},
		"number":  {metrics, &cloudwatch.DescribeAlarmsInput{MaxRecords: aws.Int32(101)}, []string{"Value '101' at 'maxRecords'", "value less than or equal to 100"}},
		"nested": {metrics, &cloudwatch.PutMetricDataInput{Namespace: aws.String("n"), MetricData: []cwtypes.MetricDatum{{Unit: "Miles"}}}, []string{
			"'metricData.1.member.metricName'", "'metricData.1.member.unit'",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := tc.s.check(tc.in)
			if e == nil {
				if tc.want != nil {
					t.Fatalf("nothing is refused, want %q", tc.want)
				}
				return
			}
			if tc.want == nil || e.Shape != tc.s.spec.Codes.Invalid.Name || e.Status != 400 {
				t.Errorf("is refused: %v", e)
			}
			for _, part := range tc.want {
				if !strings.Contains(e.Message, part) {
					t.Errorf("message lacks %q: %s", part, e.Message)
				}
			}
		})
	}
}

// BenchmarkCheck checks the largest batch of log events that a call may carry.
func BenchmarkCheck(b *testing.B) {
	s := limited(b, Logs())
	in := &cwl.PutLogEventsInput{LogGroupName: aws.String("/app"), LogStreamName: aws.String("s"), LogEvents: make([]logtypes.InputLogEvent, 10000)}
	for i := range in.LogEvents {
		in.LogEvents[i] = logtypes.InputLogEvent{Message: aws.String(strings.Repeat("m", 80)), Timestamp: aws.Int64(int64(i))}
	}
	b.ReportAllocs()
	for b.Loop() {
		if e := s.check(in); e != nil {
			b.Fatal(e)
		}
	}
}
