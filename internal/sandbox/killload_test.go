package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/aws/smithy-go"
)

// loader writes something with each call, numbered from 0, and reads how many of
// the first n are there.
type loader struct {
	write func(ctx context.Context, c *awsClients, n int) error
	count func(t *testing.T, c *awsClients, n int) int
	acked atomic.Int64
}

type awsClients struct {
	logs    *cwl.Client
	metrics *cloudwatch.Client
	traces  *xray.Client
}

func clientsOf(conf aws.Config) *awsClients {
	return &awsClients{logs: cwl.NewFromConfig(conf), metrics: cloudwatch.NewFromConfig(conf), traces: xray.NewFromConfig(conf)}
}

// TestKillUnderLoad kills a sandbox to which logs, metrics, traces, alarms and what
// else a recipe makes are written at once. All that was acknowledged is there.
func TestKillUnderLoad(t *testing.T) {
	dir := t.TempDir()
	started := time.Now().Truncate(time.Minute)
	loads := map[string]*loader{
		"logs": logLoad(), "metrics": metricLoad(started), "traces": traceLoad(started), "alarms": alarmLoad(),
		"dashboards": dashboardLoad(), "sampling rules": ruleLoad(), "metric filters": filterLoad(), "queries": queryLoad(),
	}
	for round := range 3 {
		c := startChild(t, dir)
		conn := clientsOf(c.conf)
		if round == 0 {
			good(conn.logs.CreateLogGroup(t.Context(), &cwl.CreateLogGroupInput{LogGroupName: aws.String("/app")}))(t)
			good(conn.logs.CreateLogStream(t.Context(), &cwl.CreateLogStreamInput{LogGroupName: aws.String("/app"), LogStreamName: aws.String("s")}))(t)
		}
		underLoad(t, c, conn, loads, 4+3*round)
		again := startChild(t, dir)
		for name, l := range loads {
			n := int(l.acked.Load())
			if got := l.count(t, clientsOf(again.conf), n); n == 0 || got < n {
				t.Errorf("round %d, %s: of %d acknowledged calls %d are there", round, name, n, got)
			}
		}
		again.kill()
	}
}

// underLoad writes until each has written enough, and kills the sandbox then, while
// they go on.
func underLoad(t *testing.T, c *child, conn *awsClients, loads map[string]*loader, enough int) {
	t.Helper()
	var wg, ready sync.WaitGroup
	for name, l := range loads {
		ready.Add(1)
		wg.Go(func() {
			signal := sync.OnceFunc(ready.Done)
			defer signal()
			for i := 0; ; i++ {
				if i == enough {
					signal()
				}
				err := l.write(t.Context(), conn, int(l.acked.Load()))
				if refused, ok := errors.AsType[smithy.APIError](err); ok {
					t.Errorf("%s: refused: %s, %v", name, refused.ErrorCode(), err)
				}
				if err != nil {
					return
				}
				l.acked.Add(1)
			}
		})
	}
	ready.Wait()
	c.kill()
	wg.Wait()
}

const loadEvents = 200

func logLoad() *loader {
	return &loader{
		write: func(ctx context.Context, c *awsClients, n int) error {
			events := make([]logtypes.InputLogEvent, loadEvents)
			for i := range events {
				events[i] = logtypes.InputLogEvent{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String(fmt.Sprintf("%06d %03d %s", n, i, strings.Repeat("x", 400)))}
			}
			_, err := c.logs.PutLogEvents(ctx, &cwl.PutLogEventsInput{LogGroupName: aws.String("/app"), LogStreamName: aws.String("s"), LogEvents: events})
			return err
		},
		count: func(t *testing.T, c *awsClients, n int) int {
			seen := make(map[string]bool)
			pages := cwl.NewFilterLogEventsPaginator(c.logs, &cwl.FilterLogEventsInput{LogGroupName: aws.String("/app")})
			for pages.HasMorePages() {
				for _, e := range good(pages.NextPage(t.Context()))(t).Events {
					if (*e.Message)[:6] < fmt.Sprintf("%06d", n) {
						seen[(*e.Message)[:10]] = true
					}
				}
			}
			return len(seen) / loadEvents
		},
	}
}

func metricLoad(at time.Time) *loader {
	return &loader{
		write: func(ctx context.Context, c *awsClients, _ int) error {
			_, err := c.metrics.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String("App"), MetricData: []cwtypes.MetricDatum{
				{MetricName: aws.String("Calls"), Timestamp: &at, Value: aws.Float64(1)},
			}})
			return err
		},
		count: func(t *testing.T, c *awsClients, _ int) int {
			got := good(c.metrics.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
				Namespace: aws.String("App"), MetricName: aws.String("Calls"), StartTime: &at, EndTime: aws.Time(at.Add(time.Minute)),
				Period: aws.Int32(60), Statistics: []cwtypes.Statistic{"SampleCount"},
			}))(t)
			if len(got.Datapoints) != 1 {
				return 0
			}
			return int(*got.Datapoints[0].SampleCount)
		},
	}
}

func loadTrace(at time.Time, n int) string { return fmt.Sprintf("1-%08x-%024x", at.Unix(), n+1) }

func traceLoad(at time.Time) *loader {
	return &loader{
		write: func(ctx context.Context, c *awsClients, n int) error {
			_, err := c.traces.PutTraceSegments(ctx, &xray.PutTraceSegmentsInput{TraceSegmentDocuments: []string{
				fmt.Sprintf(`{"trace_id":%q,"id":"%016x","name":"web","start_time":%d,"end_time":%d}`, loadTrace(at, n), n+1, at.Unix(), at.Unix()+1),
			}})
			return err
		},
		count: func(t *testing.T, c *awsClients, n int) (there int) {
			for i := range n {
				there += len(good(c.traces.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{loadTrace(at, i)}}))(t).Traces)
			}
			return there
		},
	}
}

func alarmLoad() *loader {
	return &loader{
		write: func(ctx context.Context, c *awsClients, n int) error {
			_, err := c.metrics.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{
				AlarmName: aws.String(fmt.Sprint("alarm-", n)), Namespace: aws.String("App"), MetricName: aws.String("Calls"), Statistic: "Sum", Period: aws.Int32(60),
				EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(float64(n)), ComparisonOperator: "GreaterThanThreshold",
			})
			return err
		},
		count: func(t *testing.T, c *awsClients, n int) (there int) {
			pages := cloudwatch.NewDescribeAlarmsPaginator(c.metrics, &cloudwatch.DescribeAlarmsInput{})
			for pages.HasMorePages() {
				for _, a := range good(pages.NextPage(t.Context()))(t).MetricAlarms {
					if *a.Threshold < float64(n) && *a.AlarmName == fmt.Sprint("alarm-", *a.Threshold) {
						there++
					}
				}
			}
			return there
		},
	}
}

func dashboardLoad() *loader {
	return &loader{
		write: func(ctx context.Context, c *awsClients, n int) error {
			_, err := c.metrics.PutDashboard(ctx, &cloudwatch.PutDashboardInput{DashboardName: aws.String(fmt.Sprint("board-", n)), DashboardBody: aws.String(`{"widgets":[]}`)})
			return err
		},
		count: func(t *testing.T, c *awsClients, n int) int {
			for i := range n {
				good(c.metrics.GetDashboard(t.Context(), &cloudwatch.GetDashboardInput{DashboardName: aws.String(fmt.Sprint("board-", i))}))(t)
			}
			return n
		},
	}
}

// ruleLoad gives one sampling rule another rate with each call: there are at most
// 25 rules.
func ruleLoad() *loader {
	name, any := aws.String("rule"), aws.String("*")
	return &loader{
		write: func(ctx context.Context, c *awsClients, n int) error {
			if n > 0 {
				_, err := c.traces.UpdateSamplingRule(ctx, &xray.UpdateSamplingRuleInput{SamplingRuleUpdate: &xraytypes.SamplingRuleUpdate{RuleName: name, ReservoirSize: aws.Int32(int32(n))}})
				return err
			}
			_, err := c.traces.CreateSamplingRule(ctx, &xray.CreateSamplingRuleInput{SamplingRule: &xraytypes.SamplingRule{
				RuleName: name, Priority: aws.Int32(1), Version: aws.Int32(1), ServiceName: any, ServiceType: any, Host: any, HTTPMethod: any, URLPath: any, ResourceARN: any,
			}})
			return err
		},
		count: func(t *testing.T, c *awsClients, _ int) int {
			for _, r := range good(c.traces.GetSamplingRules(t.Context(), &xray.GetSamplingRulesInput{}))(t).SamplingRuleRecords {
				if *r.SamplingRule.RuleName == *name {
					return int(r.SamplingRule.ReservoirSize) + 1
				}
			}
			return 0
		},
	}
}

// filterLoad changes the pattern of one metric filter: a group has at most 100.
func filterLoad() *loader {
	g, name := aws.String("/app"), aws.String("f")
	return &loader{
		write: func(ctx context.Context, c *awsClients, n int) error {
			_, err := c.logs.PutMetricFilter(ctx, &cwl.PutMetricFilterInput{
				LogGroupName: g, FilterName: name, FilterPattern: aws.String(fmt.Sprintf("%d", n)),
				MetricTransformations: []logtypes.MetricTransformation{{MetricName: aws.String("Seen"), MetricNamespace: aws.String("App"), MetricValue: aws.String("1")}},
			})
			return err
		},
		count: func(t *testing.T, c *awsClients, _ int) int {
			last := -1
			for _, f := range good(c.logs.DescribeMetricFilters(t.Context(), &cwl.DescribeMetricFiltersInput{LogGroupName: g}))(t).MetricFilters {
				if _, err := fmt.Sscan(*f.FilterPattern, &last); err != nil {
					t.Error(err)
				}
			}
			return last + 1
		},
	}
}

func queryLoad() *loader {
	return &loader{
		write: func(ctx context.Context, c *awsClients, n int) error {
			_, err := c.logs.PutQueryDefinition(ctx, &cwl.PutQueryDefinitionInput{Name: aws.String(fmt.Sprintf("q%06d", n)), QueryString: aws.String("fields @message")})
			return err
		},
		count: func(t *testing.T, c *awsClients, n int) int {
			seen := make(map[string]bool)
			in := &cwl.DescribeQueryDefinitionsInput{}
			for {
				out := good(c.logs.DescribeQueryDefinitions(t.Context(), in))(t)
				for _, d := range out.QueryDefinitions {
					if *d.Name < fmt.Sprintf("q%06d", n) {
						seen[*d.Name] = true
					}
				}
				if in.NextToken = out.NextToken; in.NextToken == nil {
					return len(seen)
				}
			}
		},
	}
}
