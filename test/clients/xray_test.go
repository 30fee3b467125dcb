//go:build clients

package clients_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"
)

// The X-Ray SDKs ask the daemon's TCP port for sampling rules and targets and
// send segments to its UDP port. Both are the agent's here.
func TestXRaySDKs(t *testing.T) {
	t.Parallel()
	for name, argv := range map[string][]string{
		"go":   {os.Getenv("SIDELIGHT_TEST_XRAYGO")},
		"node": {"node", "send.js", "xray"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSandbox(t)
			a := startAgent(t, s)
			createRule(t, s)
			daemon := "tcp:" + a.address(t, "xray tcp") + " udp:" + a.address(t, "xray udp")
			// The client ends with a line when its requests are done, but lives on,
			// since it asks for targets every ten seconds.
			p := launch(t, name, []string{"AWS_XRAY_DAEMON_ADDRESS=" + daemon, "AWS_XRAY_CONTEXT_MISSING=LOG_ERROR"}, argv...)
			var sent struct {
				Rule  string
				Trace string
			}
			if err := json.Unmarshal([]byte(p.line(t, regexp.MustCompile(`(?m)^(\{"rule".*\})$`))[1]), &sent); err != nil {
				t.Fatal(err)
			}
			if sent.Rule != "shop-all" {
				t.Errorf("the client sampled by rule %q, not by the sandbox's", sent.Rule)
			}
			var docs map[string]string
			eventually(t, "the segment", func() bool { docs = s.segments(t, sent.Trace); return docs["checkout"] != "" })
			doc := docs["checkout"]
			for path, want := range map[string]string{
				"fault": "true", "http/response/status": "500", "http/request/method": "GET",
				"aws/xray/sampling_rule_name": "shop-all", "annotations/tier": "gold",
			} {
				// The SDK for Go calls the rule by another name than that for Node.
				if got := field(t, doc, path); got != want && field(t, doc, strings.Replace(path, "sampling_rule_name", "rule_name", 1)) != want {
					t.Errorf("%s is %q, want %q: %s", path, got, want, doc)
				}
			}
			if !strings.Contains(doc, `"reserve"`) {
				t.Errorf("no subsegment: %s", doc)
			}
			eventually(t, "statistics of sampling", func() bool { return borrowed(t, s) > 0 })
		})
	}
}

// createRule makes a rule that samples everything of the service checkout.
func createRule(t *testing.T, s *sandbox) {
	t.Helper()
	_, err := s.xray().CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: &xraytypes.SamplingRule{
		RuleName: aws.String("shop-all"), Priority: aws.Int32(10), FixedRate: 1, ReservoirSize: 5, Version: aws.Int32(1),
		ServiceName: aws.String("checkout"), ServiceType: aws.String("*"), Host: aws.String("*"), HTTPMethod: aws.String("*"),
		URLPath: aws.String("*"), ResourceARN: aws.String("*"),
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// borrowed returns how many requests the clients have reported for the rule.
func borrowed(t *testing.T, s *sandbox) int32 {
	t.Helper()
	out, err := s.xray().GetSamplingStatisticSummaries(t.Context(), &xray.GetSamplingStatisticSummariesInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, sum := range out.SamplingStatisticSummaries {
		if *sum.RuleName == "shop-all" {
			return sum.RequestCount
		}
	}
	return 0
}
