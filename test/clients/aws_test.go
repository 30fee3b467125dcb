//go:build clients

package clients_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// config is the configuration of AWS's own Go clients for s.
func (s *sandbox) config() aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &s.url,
		Credentials: awscredentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	}
}

func (s *sandbox) logs() *cloudwatchlogs.Client   { return cloudwatchlogs.NewFromConfig(s.config()) }
func (s *sandbox) xray() *xray.Client             { return xray.NewFromConfig(s.config()) }
func (s *sandbox) cloudwatch() *cloudwatch.Client { return cloudwatch.NewFromConfig(s.config()) }
func hour() (from, to time.Time)                  { now := time.Now(); return now.Add(-time.Hour), now.Add(time.Minute) }

func texts[T any](in []T, f func(T) string) []string {
	out := []string{}
	for _, v := range in {
		out = append(out, f(v))
	}
	return out
}

// messages returns every message of the group that the pattern matches, none if
// there is no such group yet.
func (s *sandbox) messages(t *testing.T, group, pattern string) []string {
	t.Helper()
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group}
	if pattern != "" {
		in.FilterPattern = &pattern
	}
	var out []string
	for {
		page, err := s.logs().FilterLogEvents(t.Context(), in)
		if err != nil {
			return nil
		}
		for _, e := range page.Events {
			out = append(out, *e.Message)
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return out
		}
	}
}

// traces returns the summaries of the last hour's traces that the expression
// matches.
func (s *sandbox) traces(t *testing.T, expression string) []xraytypes.TraceSummary {
	t.Helper()
	from, to := hour()
	in := &xray.GetTraceSummariesInput{StartTime: &from, EndTime: &to}
	if expression != "" {
		in.FilterExpression = &expression
	}
	out, err := s.xray().GetTraceSummaries(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.TraceSummaries
}

// segments returns the documents of a trace by the names of their segments.
func (s *sandbox) segments(t *testing.T, id string) map[string]string {
	t.Helper()
	out, err := s.xray().BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	for _, tr := range out.Traces {
		for _, seg := range tr.Segments {
			docs[field(t, *seg.Document, "name")] = *seg.Document
		}
	}
	return docs
}

// total is the sum of a metric's statistic over the last hour.
func (s *sandbox) total(t *testing.T, stat, name string, dimensions ...string) float64 {
	t.Helper()
	from, to := hour()
	m := &cwtypes.Metric{Namespace: aws.String("Sidelight"), MetricName: &name}
	for i := 0; i < len(dimensions); i += 2 {
		m.Dimensions = append(m.Dimensions, cwtypes.Dimension{Name: &dimensions[i], Value: &dimensions[i+1]})
	}
	out, err := s.cloudwatch().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: &from, EndTime: &to,
		MetricDataQueries: []cwtypes.MetricDataQuery{{
			Id: aws.String("m"), MetricStat: &cwtypes.MetricStat{Metric: m, Period: aws.Int32(60), Stat: &stat},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, v := range out.MetricDataResults[0].Values {
		sum += v
	}
	return sum
}
