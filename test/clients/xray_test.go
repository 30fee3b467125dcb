//go:build clients

package clients_test

import (
	"encoding/json"
	"os"
	"path/filepath"
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
	testXRaySDKs(t, func(t *testing.T, s *sandbox) *agent { return startAgent(t, s) })
}

// The same with the agent in the daemon's place: by the name, the entry point and the
// configuration file of the daemon's image, but for the port, and with nothing that
// is our own.
func TestXRaySDKsInTheDaemonsPlace(t *testing.T) {
	t.Parallel()
	testXRaySDKs(t, func(t *testing.T, s *sandbox) *agent {
		dir := t.TempDir()
		xrayName, file := filepath.Join(dir, "xray"), filepath.Join(dir, "cfg.yaml")
		if err := os.Symlink(binary(t), xrayName); err != nil {
			t.Fatal(err)
		}
		text := "Version: 2\nEndpoint: " + s.url + "\nSocket: {UDPAddress: 127.0.0.1:2000, TCPAddress: 127.0.0.1:2000}\nLogging: {LogLevel: dev}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := launch(t, "xray", append(credentials(), "SIDELIGHT_QUEUE_DIR="+t.TempDir()),
			xrayName, "-t", "127.0.0.1:0", "-b", "127.0.0.1:0", "--config", file, "-o", "-n", "us-east-1")
		p.line(t, regexp.MustCompile(`msg=ready`))
		return &agent{process: p}
	})
}

func testXRaySDKs(t *testing.T, start func(*testing.T, *sandbox) *agent) {
	for name, argv := range map[string][]string{
		"go":   {os.Getenv("SIDELIGHT_TEST_XRAYGO")},
		"node": {"node", "send.js", "xray"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startSandbox(t)
			a := start(t, s)
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
