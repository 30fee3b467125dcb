//go:build clients

package clients_test

import (
	"encoding/json"
	"os"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// The X-Ray SDK for Go streams subsegments of large segments on their own, with
// others nested in them, and the rest in what is left of the segment. Span metrics
// count each request and each call once.
func TestXRaySDKIsCountedOnce(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1s")
	p := launch(t, "go", []string{"AWS_XRAY_DAEMON_ADDRESS=" + a.address(t, "xray udp")}, os.Getenv("SIDELIGHT_TEST_XRAYGO"), "count", "200", "10")
	var sent struct{ Requests, Calls float64 }
	if err := json.Unmarshal([]byte(p.line(t, regexp.MustCompile(`(?m)^(\{"requests".*\})$`))[1]), &sent); err != nil {
		t.Fatal(err)
	}
	requests := func() float64 { return s.spanTotal(t, "checkout", "") }
	// What is streamed does not say whose it is: it counts for the agent's service.
	calls := func() float64 { return s.spanTotal(t, "checkout", "store") + s.spanTotal(t, "shop", "store") }
	eventually(t, "all that was sent", func() bool { return requests() >= sent.Requests && calls() >= sent.Calls })
	// Whatever is still to come, comes by the agent's end.
	a.signal(t, syscall.SIGTERM, 20*time.Second)
	if r, c := requests(), calls(); r != sent.Requests || c != sent.Calls {
		t.Errorf("counted %v requests and %v calls, want %v and %v", r, c, sent.Requests, sent.Calls)
	}
}

// spanTotal is how many requests of a service, or calls of it, were counted.
func (s *sandbox) spanTotal(t *testing.T, service, remote string) float64 {
	t.Helper()
	from, to := hour()
	m := &cwtypes.Metric{
		Namespace: aws.String("Sidelight/Traces"), MetricName: aws.String("Requests"),
		Dimensions: []cwtypes.Dimension{{Name: aws.String("Service"), Value: &service}},
	}
	if remote != "" {
		m.Dimensions = append(m.Dimensions, cwtypes.Dimension{Name: aws.String("RemoteService"), Value: &remote})
	}
	out, err := s.cloudwatch().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: &from, EndTime: &to,
		MetricDataQueries: []cwtypes.MetricDataQuery{{
			Id: aws.String("m"), MetricStat: &cwtypes.MetricStat{Metric: m, Period: aws.Int32(60), Stat: aws.String("Sum")},
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
