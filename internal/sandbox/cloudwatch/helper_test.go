package cloudwatch_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/cloudwatch"
)

var noon = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// rig is a service on a frozen clock and what its alarms sent.
type rig struct {
	*cloudwatch.Service
	clock *clock.Clock
	sent  *outbox
}

func newRig(t *testing.T, opts ...func(*cloudwatch.Options)) *rig {
	t.Helper()
	r := &rig{clock: clock.NewFrozen(noon), sent: &outbox{}}
	o := cloudwatch.Options{Clock: r.clock, Notifier: r.sent}
	for _, opt := range opts {
		opt(&o)
	}
	r.Service = cloudwatch.New(o)
	return r
}

// advance moves the clock.
func (r *rig) advance(t *testing.T, d time.Duration) {
	t.Helper()
	if err := r.clock.Advance(d); err != nil {
		t.Fatal(err)
	}
}

// put records values of App/latency now.
func (r *rig) put(t *testing.T, values ...float64) {
	t.Helper()
	r.putAt(t, r.clock.Now(), values...)
}

func (r *rig) putAt(t *testing.T, at time.Time, values ...float64) {
	t.Helper()
	_, err := r.PutMetricData(t.Context(), &sdk.PutMetricDataInput{
		Namespace:  aws.String("App"),
		MetricData: []types.MetricDatum{{MetricName: aws.String("latency"), Values: values, Timestamp: aws.Time(at)}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outbox keeps notifications; fail makes it refuse them.
type outbox struct {
	mu   sync.Mutex
	list []cloudwatch.Notification
	fail error
}

func (o *outbox) Notify(_ context.Context, n cloudwatch.Notification) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, n)
	return o.fail
}

func (o *outbox) all() []cloudwatch.Notification {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]cloudwatch.Notification(nil), o.list...)
}

// refusal returns err as the service's error, or fails the test.
func refusal(t *testing.T, err error) *api.Error {
	t.Helper()
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		t.Fatalf("error = %v, want a refusal", err)
	}
	return e
}

const topic = "arn:aws:sns:us-east-1:000000000000:ops"

// latencyAlarm is a valid alarm on App/latency: average above 100, 2 of 2
// minutes.
func latencyAlarm() *sdk.PutMetricAlarmInput {
	return &sdk.PutMetricAlarmInput{
		AlarmName: aws.String("latency"), Namespace: aws.String("App"), MetricName: aws.String("latency"),
		Statistic: types.StatisticAverage, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(2), DatapointsToAlarm: aws.Int32(2),
		Threshold: aws.Float64(100), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
		AlarmActions: []string{topic}, OKActions: []string{topic},
	}
}

// alarmState returns the state and the description of an alarm.
func (r *rig) alarmState(t *testing.T, name string) types.MetricAlarm {
	t.Helper()
	out, err := r.DescribeAlarms(t.Context(), &sdk.DescribeAlarmsInput{AlarmNames: []string{name}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.MetricAlarms) != 1 {
		t.Fatalf("DescribeAlarms(%s) found %d alarms, want 1", name, len(out.MetricAlarms))
	}
	return out.MetricAlarms[0]
}
