//go:build clients

package clients_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"
)

// The SDK for JavaScript asks Application Signals about the metrics that an agent
// has sent.
func TestApplicationSignalsJS(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	for _, dims := range []string{
		"Environment=prod Service=web", "Environment=prod Operation=GET_/ Service=web", "Environment=prod Service=pay", "Environment=prod Operation=POST_/ Service=pay",
		"Environment=prod Operation=GET_/ RemoteOperation=POST_/ RemoteService=pay Service=web",
	} {
		for _, name := range []string{"Error", "Fault", "Latency"} {
			d := types.MetricDatum{MetricName: &name, Value: aws.Float64(0), Timestamp: aws.Time(time.Now())}
			for _, pair := range strings.Fields(dims) {
				k, v, _ := strings.Cut(pair, "=")
				d.Dimensions = append(d.Dimensions, types.Dimension{Name: &k, Value: aws.String(strings.ReplaceAll(v, "_", " "))})
			}
			if _, err := s.cloudwatch().PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("ApplicationSignals"), MetricData: []types.MetricDatum{d}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := `service pay prod ERROR,FAULT,LATENCY
operation pay POST / 3
called pay POST_/ web GET_/
service web prod ERROR,FAULT,LATENCY
operation web GET / 3
calls web GET_/ Service pay POST_/
objectives 0
refused ValidationException 400
`
	if d := cmp.Diff(want, string(run(t, credentials(), "node", "signals.js", s.url))); d != "" {
		t.Errorf("what the client reads (-want +got):\n%s", d)
	}
}
