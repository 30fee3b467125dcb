//go:build clients

package clients_test

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// What was acknowledged survives a kill -9 of the agent.
func TestKill(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s)
	l := startLoad(t, a.address(t, "forward"), 0)
	l.await(t, 5000)
	a.signal(t, syscall.SIGKILL, patience)
	again := a.again(t, s)
	l.await(t, l.count()+5000)
	l.finish()
	again.drained(t)
	l.check(t, s)
	t.Logf("found on disk: %d", again.report(t).Signals["logs"].Recovered)
}

// It also does in the middle of an outage, when all of it is only on disk.
func TestKillInOutage(t *testing.T) {
	t.Parallel()
	s := startSandbox(t)
	a := startAgent(t, s)
	l := startLoad(t, a.address(t, "forward"), 0)
	l.await(t, 2000)
	s.refuse(t, 0)
	l.await(t, l.count()+5000)
	a.signal(t, syscall.SIGKILL, patience)
	again := a.again(t, s)
	if r := again.report(t).Signals["logs"]; r.Recovered < 5000 {
		t.Errorf("the agent found %d events on disk, want the 5000 of the outage at least", r.Recovered)
	}
	l.await(t, l.count()+5000)
	s.restore(t)
	l.finish()
	again.drained(t)
	l.check(t, s)
}

// A stop under load ends within the grace period, delivers what was
// acknowledged, and the account is exact.
func TestTerminate(t *testing.T) {
	t.Parallel()
	const grace = 8 * time.Second
	s := startSandbox(t)
	a := startAgent(t, s, "SIDELIGHT_SHUTDOWN_GRACE="+grace.String())
	l := startLoad(t, a.address(t, "forward"), 0)
	l.await(t, 3000)
	a.signal(t, syscall.SIGTERM, grace+overdue)
	l.cancel()
	l.senders.Wait()
	if a.err != nil {
		t.Errorf("the agent ended with %v", a.err)
	}
	duplicates, arrived := l.check(t, s)
	b := a.account(t, "logs")
	t.Logf("account: %v", b)
	if in, out := b["accepted"]+b["recovered"], b["delivered"]+b["refused"]+b["dropped"]+b["queued"]; in != out || in < l.count() {
		t.Errorf("the account does not add up: %d in, %d out, %d acknowledged: %v", in, out, l.count(), b)
	}
	if b["delivered"] != arrived || b["refused"]+b["dropped"]+b["queued"] != 0 {
		t.Errorf("%d events arrived, but the account is %v", arrived, b)
	}
	// A sender whose acknowledgement was cut off by the stop has not sent again.
	if duplicates != 0 {
		t.Errorf("%d duplicates", duplicates)
	}
}

// Half a minute without AWS costs nothing but disk.
func TestOutage(t *testing.T) {
	t.Parallel()
	const most = 100 << 20
	s := startSandbox(t)
	a := startAgent(t, s)
	l := startLoad(t, a.address(t, "forward"), 2*time.Millisecond)
	l.await(t, 1000)
	s.refuse(t, 30*time.Second)
	began := l.count()
	eventually(t, "the outage's end", func() bool {
		var out struct{ Faults []any }
		s.control(t, http.MethodGet, "faults", "", &out)
		return len(out.Faults) == 0
	})
	during := l.count() - began
	l.await(t, l.count()+1000)
	l.finish()
	a.drained(t)
	for _, q := range a.report(t).Queues {
		if q.Name == "logs" && q.Failed == 0 {
			t.Error("no attempt failed: there was no outage")
		}
	}
	duplicates, _ := l.check(t, s)
	if duplicates != 0 {
		t.Errorf("%d duplicates without a crash", duplicates)
	}
	peak := a.peak(t)
	t.Logf("%d events were acknowledged in the outage; the agent's peak is %d MiB", during, peak>>20)
	if during < 10000 || peak > most {
		t.Errorf("want at least 10000 events in the outage and at most %d MiB", most>>20)
	}
}
