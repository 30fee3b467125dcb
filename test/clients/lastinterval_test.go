//go:build clients

package clients_test

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// What was sent right before SIGTERM, in an interval that has the better part of an
// hour to go, is in CloudWatch when the agent has ended, and so is what it measures
// itself.
func TestLastIntervalIsSent(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1h", "SIDELIGHT_SCRAPE_INTERVAL=1h")
	a.count(t)
	a.signal(t, syscall.SIGTERM, patience)
	checkLastInterval(t, s)
	if b := a.account(t, "metrics"); b["queued"]+b["dropped"]+b["refused"] != 0 || b["delivered"] == 0 {
		t.Errorf("account %v", b)
	}
}

// checkLastInterval looks for what agent.count sends.
func checkLastInterval(t *testing.T, s *sandbox) {
	t.Helper()
	expect(t, s, "Sum", "orders", "route=/a", "shop", 100, 0)
	expect(t, s, "Sum", "took", "route=/a", "shop", 1275, 0)
	expect(t, s, "SampleCount", "took", "route=/a", "shop", 50, 0)
	expect(t, s, "Maximum", "took", "route=/a", "shop", 50, 0)
}

// While AWS throttles, the agent ends within its grace all the same. What it could
// not deliver is on disk, and delivered by the next start.
func TestLastIntervalWhileThrottled(t *testing.T) {
	t.Parallel()
	const grace = 2 * time.Second
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1h", "SIDELIGHT_SCRAPE_INTERVAL=1h", "SIDELIGHT_SHUTDOWN_GRACE="+grace.String())
	s.control(t, http.MethodPost, "faults", `{"kind":"throttle","operation":"PutMetricData"}`, nil)
	a.count(t)
	a.signal(t, syscall.SIGTERM, grace+overdue)
	first := a.account(t, "metrics")
	if first["delivered"] != 0 || first["dropped"] != 0 || first["queued"] != first["accepted"] || first["queued"] < 2 {
		t.Errorf("account %v, want all of it queued", first)
	}
	if got := s.total(t, "Sum", "orders", "service", "shop", "route", "/a"); got != 0 {
		t.Fatalf("%v orders arrived in spite of the fault", got)
	}
	s.restore(t)
	b := a.again(t, s)
	b.drained(t)
	b.signal(t, syscall.SIGTERM, patience)
	if second := b.account(t, "metrics"); second["recovered"] != first["queued"] {
		t.Errorf("%d datums were left, %d found: %v", first["queued"], second["recovered"], second)
	}
	checkLastInterval(t, s)
}

// Without a directory they are lost with the process, and counted.
func TestLastIntervalInMemory(t *testing.T) {
	t.Parallel()
	const grace = 2 * time.Second
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_METRICS_INTERVAL=1h", "SIDELIGHT_QUEUE_DURABLE=memory", "SIDELIGHT_SHUTDOWN_GRACE="+grace.String())
	s.control(t, http.MethodPost, "faults", `{"kind":"throttle","operation":"PutMetricData"}`, nil)
	a.count(t)
	a.signal(t, syscall.SIGTERM, grace+overdue)
	if b := a.account(t, "metrics"); b["dropped"] < 2 || b["dropped"] != b["accepted"] || b["queued"]+b["delivered"] != 0 {
		t.Errorf("account %v, want all of it dropped", b)
	}
}
