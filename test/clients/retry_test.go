//go:build clients

package clients_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"
)

const (
	retryPython = `
import boto3, sys
client = lambda name: boto3.client(name, endpoint_url=sys.argv[1])
client("logs").describe_log_groups()
client("cloudwatch").list_metrics()
client("xray").get_groups()
`
	retryNode = `
const [url] = process.argv.slice(1);
const client = (name, c) => new (require("@aws-sdk/client-" + name)[c])({ endpoint: url, region: "us-east-1" });
const command = (name, c) => new (require("@aws-sdk/client-" + name)[c])({});
(async () => {
  await client("cloudwatch-logs", "CloudWatchLogsClient").send(command("cloudwatch-logs", "DescribeLogGroupsCommand"));
  await client("cloudwatch", "CloudWatchClient").send(command("cloudwatch", "ListMetricsCommand"));
  await client("xray", "XRayClient").send(command("xray", "GetGroupsCommand"));
})();
`
)

// Every client takes the sandbox's throttling for what it is, in each protocol,
// and tries again.
func TestThrottled(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(t *testing.T, s *sandbox){
		"aws-cli": func(t *testing.T, s *sandbox) {
			c := cli{t, s.url}
			c.call(nil, "logs", "describe-log-groups")
			c.call(nil, "cloudwatch", "list-metrics")
			c.call(nil, "xray", "get-groups")
		},
		"boto3": func(t *testing.T, s *sandbox) {
			run(t, credentials(), "/usr/bin/python3", "-c", retryPython, s.url)
		},
		"sdk-go-v2": func(t *testing.T, s *sandbox) {
			_, err := s.logs().DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
			if err == nil {
				_, err = s.cloudwatch().ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{})
			}
			if err == nil {
				_, err = s.xray().GetGroups(t.Context(), &xray.GetGroupsInput{})
			}
			if err != nil {
				t.Error(err)
			}
		},
		"sdk-js-v3": func(t *testing.T, s *sandbox) {
			run(t, credentials(), "node", "-e", retryNode, s.url)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSandbox(t)
			operations := []string{"DescribeLogGroups", "ListMetrics", "GetGroups"}
			for _, op := range operations {
				s.control(t, http.MethodPost, "faults", fmt.Sprintf(`{"kind":"throttle","operation":%q,"count":2}`, op), nil)
			}
			call(t, s)
			for _, op := range operations {
				if n := s.calls(t, op); n != 3 {
					t.Errorf("%d calls of %s, want two throttled ones and one more", n, op)
				}
			}
		})
	}
}

// calls returns how many of the latest calls were to an operation.
func (s *sandbox) calls(t *testing.T, operation string) int {
	t.Helper()
	var out struct {
		Calls []struct{ Operation string }
	}
	s.control(t, http.MethodGet, "calls?operation="+operation, "", &out)
	return len(out.Calls)
}
