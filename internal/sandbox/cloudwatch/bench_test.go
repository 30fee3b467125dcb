package cloudwatch_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/clock"
	"github.com/sidelight-dev/sidelight/internal/sandbox/cloudwatch"
)

// BenchmarkPutMetricData stores full requests of 1,000 series, minute after
// minute.
func BenchmarkPutMetricData(b *testing.B) {
	for _, values := range []int{1, 150} {
		b.Run(fmt.Sprintf("values=%d", values), func(b *testing.B) {
			c := clock.NewFrozen(noon)
			s := cloudwatch.New(cloudwatch.Options{Clock: c})
			in := &sdk.PutMetricDataInput{Namespace: aws.String("App")}
			for i := range 1000 {
				d := types.MetricDatum{MetricName: aws.String(fmt.Sprint("m", i)), Dimensions: []types.Dimension{{Name: aws.String("host"), Value: aws.String("a")}}}
				for v := range values {
					d.Values = append(d.Values, float64(v*7919%1000))
				}
				in.MetricData = append(in.MetricData, d)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.PutMetricData(b.Context(), in); err != nil {
					b.Fatal(err)
				}
				if err := c.Advance(time.Minute); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEvaluate evaluates 1,000 alarms of five periods on as many metrics.
func BenchmarkEvaluate(b *testing.B) {
	c := clock.NewFrozen(noon)
	s := cloudwatch.New(cloudwatch.Options{Clock: c})
	for i := range 1000 {
		name := fmt.Sprint("m", i)
		in := latencyAlarm()
		in.AlarmName, in.MetricName, in.EvaluationPeriods = &name, &name, aws.Int32(5)
		if _, err := s.PutMetricAlarm(b.Context(), in); err != nil {
			b.Fatal(err)
		}
		for m := range 60 {
			_, err := s.PutMetricData(b.Context(), &sdk.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []types.MetricDatum{
				{MetricName: &name, Value: aws.Float64(1), Timestamp: aws.Time(noon.Add(time.Duration(m-60) * time.Minute))},
			}})
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		s.EvaluateNow(b.Context())
	}
}
