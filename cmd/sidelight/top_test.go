package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// topAgent answers like an agent that takes 100 log events and delivers 90 in
// each second of its life, and is asked once a second. From the restart'th answer
// on it is another one.
func topAgent(t *testing.T, restart int64) string {
	var asked atomic.Int64
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, pid := asked.Add(1), 1
		if n >= restart {
			n, pid = n-restart+1, 2
		}
		failing := began
		report := status.Report{
			PID: pid, Began: began, UptimeMS: 1000 * n,
			Signals: map[string]status.Signal{
				"logs": {Totals: meter.Totals{Accepted: uint64(100 * n), Delivered: uint64(90 * n), Dropped: map[string]uint64{"full": 5}}, Queued: 10 * n},
			},
			Queues:  []status.Queue{{Name: "logs", LastError: "throttled", Failing: &failing, Bytes: 5, LimitBytes: 10}},
			Process: status.Process{RSSBytes: 25e6, CPUSeconds: float64(n) / 10},
		}
		if err := json.NewEncoder(w).Encode(report); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func runTop(t *testing.T, addr, output string, count int) []byte {
	var out bytes.Buffer
	tp := &top{
		app:  &app{out: &out, talk: &out, output: output, color: "never"},
		addr: addr, interval: time.Millisecond, count: count, curves: map[string][]float64{},
	}
	if err := tp.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTopRates(t *testing.T) {
	dec := json.NewDecoder(bytes.NewReader(runTop(t, topAgent(t, 3), "json", 2)))
	var before, after topRates
	for _, r := range []*topRates{&before, &after} {
		if err := dec.Decode(r); err != nil {
			t.Fatal(err)
		}
	}
	want := topRates{
		Format: "sidelight.top/1", Time: time.Date(2026, 3, 1, 12, 0, 2, 0, time.UTC), CPU: 0.1, RSS: 25e6,
		Signals: map[string]topRate{"logs": {Accepted: 100, Delivered: 90, Queued: 20}},
	}
	if d := cmp.Diff(want, before); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	// The new agent's first second.
	want.Time = want.Time.Add(-time.Second)
	want.Signals["logs"] = topRate{Accepted: 100, Delivered: 90, Dropped: 5, Queued: 10}
	if d := cmp.Diff(want, after); d != "" {
		t.Errorf("after a restart (-want +got):\n%s", d)
	}
}

func TestTopLines(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(string(runTop(t, topAgent(t, 99), "table", headEvery+1))), "\n")
	if len(lines) != headEvery+3 || lines[0] != lines[headEvery+1] || !strings.HasPrefix(lines[0], "time ") {
		t.Fatalf("%d lines:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	if f := strings.Fields(lines[1]); f[1] != "100" || f[2] != "90" || f[7] != "20" || f[10] != "10.0" {
		t.Errorf("line %q", lines[1])
	}
}

func TestTopDraws(t *testing.T) {
	var out bytes.Buffer
	tp := &top{app: &app{out: &out, color: "never"}, addr: topAgent(t, 99), interval: time.Second, curves: map[string][]float64{}}
	r, err := agentStatus(t.Context(), tp.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := tp.draw(r, tp.rates(r)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"up 1s", "5 full", "failing for", "throttled", "logs"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
