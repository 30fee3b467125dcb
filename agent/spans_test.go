package agent_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// metricSeries returns the dimensions of a metric's series, in words.
func metricSeries(t *testing.T, s *sandbox.Server, namespace, metric string) map[string]bool {
	t.Helper()
	out, err := cloudwatch.NewFromConfig(sandboxtest.Config(s)).ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{
		Namespace: aws.String(namespace), MetricName: aws.String(metric),
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, m := range out.Metrics {
		all[dimensionWords(m.Dimensions)] = true
	}
	return all
}

func dimensionWords(dims []types.Dimension) string {
	words := make([]string, len(dims))
	for i, d := range dims {
		words[i] = *d.Name + "=" + *d.Value
	}
	return strings.Join(words, " ")
}

// metricSum is a metric's Sum over the last day.
func metricSum(t *testing.T, s *sandbox.Server, namespace, metric string, dims ...types.Dimension) (total float64) {
	t.Helper()
	out, err := cloudwatch.NewFromConfig(sandboxtest.Config(s)).GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String(namespace), MetricName: aws.String(metric), Dimensions: dims, Period: aws.Int32(3600),
		StartTime: aws.Time(time.Now().Add(-25 * time.Hour)), EndTime: aws.Time(time.Now().Add(time.Minute)), Statistics: []types.Statistic{types.StatisticSum},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range out.Datapoints {
		total += *p.Sum
	}
	return total
}

func dim(name, value string) types.Dimension {
	return types.Dimension{Name: aws.String(name), Value: aws.String(value)}
}

// segment is a datagram of a segment that ended just now.
func segment(i int, name, members string) string {
	now := float64(time.Now().UnixMilli()) / 1000
	return fmt.Sprintf("{\"format\":\"json\",\"version\":1}\n{\"name\":%q,\"id\":\"70de5b6f%08x\",\"trace_id\":\"1-%08x-a006649127e371903a2d%04x\",\"start_time\":%f,\"end_time\":%f%s}",
		name, i, int64(now), i, now-1, now, members)
}

// Requests are counted whichever way their spans come, and the metrics of
// Application Signals arrive by documents.
func TestSpanMetrics(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Traces.ApplicationSignals = true
	a := start(t, cfg)
	daemon, err := net.Dial("udp", a.address(t, "xray udp"))
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	for i := range 20 {
		fmt.Fprint(daemon, segment(i, "cart", fmt.Sprintf(`,"fault":%t,"http":{"request":{"method":"GET","url":"http://x/cart/%d"}},"subsegments":[{"name":"DynamoDB","namespace":"aws","id":"00000000000000aa","start_time":1,"end_time":2,"aws":{"operation":"GetItem"}}]`, i%4 == 0, i)))
	}
	sendOTLP(t, a.address(t, "otlp http"), a.address(t, "otlp grpc"))
	environment := dim("Environment", "test")
	operation := []types.Dimension{environment, dim("Operation", "GET /cart/*"), dim("Service", "cart")}
	eventually(t, "the segments' requests", func() bool { return metricSum(t, s, spanmetrics.Namespace, "Requests", operation...) == 20 })
	eventually(t, "the segments' faults", func() bool { return metricSum(t, s, spanmetrics.Namespace, "Faults", operation...) == 5 })
	for _, service := range []string{"over-http", "over-grpc"} {
		eventually(t, "requests "+service, func() bool {
			return metricSum(t, s, spanmetrics.Namespace, "Requests", environment, dim("Operation", "GET /"), dim("Service", service)) == 1
		})
	}
	eventually(t, "the calls", func() bool {
		return metricSeries(t, s, spanmetrics.Namespace, "Latency")["Environment=test RemoteService=DynamoDB Service=cart"]
	})
	eventually(t, "the signals", func() bool {
		return metricSum(t, s, spanmetrics.SignalsNamespace, "Fault", operation...) == 5 &&
			metricSum(t, s, spanmetrics.SignalsNamespace, "Fault", environment, dim("Service", "cart")) == 5
	})
	eventually(t, "the signals of calls", func() bool {
		return metricSeries(t, s, spanmetrics.SignalsNamespace, "Latency")["Environment=test Operation=UnknownOperation RemoteOperation=GetItem RemoteService=AWS::DynamoDB Service=cart"]
	})
	a.finish(t)
	for _, sig := range []sidelight.Signal{sidelight.Traces, sidelight.Metrics, sidelight.Logs} {
		if b := a.Books(sig); b.Queued() != 0 || b.Lost() != 0 || b.Delivered == 0 {
			t.Errorf("%s: books %+v", sig, b)
		}
	}
	if problems := metricSeries(t, s, "AWS/Logs", "EMFValidationErrors"); len(problems) > 0 {
		t.Errorf("documents that are not in the format: %v", problems)
	}
	// Each segment and span without a parent begins a trace, which X-Ray charges
	// for once.
	if n := a.Spend().Traces; n != 22 {
		t.Errorf("%d traces began", n)
	}
}
