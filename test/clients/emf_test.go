//go:build clients

package clients_test

import (
	"regexp"
	"testing"
)

// AWS's own library for embedded metrics finds the agent by its defaults or by a
// variable, and what it measures can be read as metrics.
func TestEmbeddedMetricsNode(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := startSandbox(t)
			a := startAgent(t, s)
			run(t, []string{
				"AWS_EMF_ENVIRONMENT=Agent", "AWS_EMF_AGENT_ENDPOINT=" + network + "://" + a.address(t, "emf "+network),
				"AWS_EMF_NAMESPACE=Sidelight", "AWS_EMF_SERVICE_NAME=shop",
			}, "node", "send.js", "emf")
			checkEMF(t, s, "shop-metrics")
		})
	}
}

// A command that the agent runs is told where to send them.
func TestEmbeddedMetricsOfTheChild(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	environ := append(credentials(),
		"SIDELIGHT_SERVICE_NAME=shop", "SIDELIGHT_AWS_ENDPOINT="+s.url, "SIDELIGHT_QUEUE_DIR="+t.TempDir(),
		"SIDELIGHT_RECEIVERS_OTLP_GRPC=off", "SIDELIGHT_RECEIVERS_OTLP_HTTP=off", "SIDELIGHT_RECEIVERS_XRAY_UDP=off",
		"SIDELIGHT_RECEIVERS_XRAY_TCP=off", "SIDELIGHT_RECEIVERS_FORWARD_TCP=off", "SIDELIGHT_RECEIVERS_STATSD_UDP=off",
		"SIDELIGHT_RECEIVERS_EMF_TCP=127.0.0.1:0", "SIDELIGHT_RECEIVERS_EMF_UDP=off", "SIDELIGHT_STATUS_LISTEN=off",
		"AWS_EMF_ENVIRONMENT=Agent", "AWS_EMF_NAMESPACE=Sidelight", "AWS_EMF_LOG_GROUP_NAME=/shop/metrics",
	)
	p := launch(t, "agent", environ, binary(t), "exec", "--", "node", "send.js", "emf")
	p.line(t, regexp.MustCompile(`msg=account signal=logs`))
	checkEMF(t, s, "/shop/metrics")
}

func checkEMF(t *testing.T, s *sandbox, group string) {
	t.Helper()
	dims := []string{"route", "/pay"}
	eventually(t, "the count", func() bool { return s.total(t, "Sum", "payments", dims...) == 60 })
	if n := s.total(t, "SampleCount", "took", dims...); n != 20 {
		t.Errorf("%v samples of took", n)
	}
	if sum := s.total(t, "Sum", "took", dims...); sum != 105 {
		t.Errorf("took sums up to %v, want 105", sum)
	}
	if got := s.messages(t, group, `{ $.cart = "c7" }`); len(got) != 1 {
		t.Errorf("the document of c7: %q; all: %d", got, len(s.messages(t, group, "")))
	}
}
