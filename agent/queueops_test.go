package agent_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/fluent/fluent-logger-golang/fluent"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/refused"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

func setAside(t *testing.T, a *running) map[string]int {
	t.Helper()
	q, err := a.Queues(refused.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, g := range q.SetAside {
		out[g.Queue+" "+g.Destination+" "+g.Reason] += g.Events
	}
	return out
}

// What AWS refuses inside a success is kept, can be read, and arrives when it is
// sent again; every event is in one book.
func TestRefusedEventsAreSetAsideAndSentAgain(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	control(t, s, http.MethodPost, "/_sidelight/faults", `{"service":"logs","operation":"PutLogEvents","kind":"partial"}`)
	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 100)
	settled := func() bool { b := a.Books(sidelight.Logs); return b.Accepted == 100 && b.Queued() == 0 }
	eventually(t, "every event to be delivered or refused", settled)
	was := a.Books(sidelight.Logs)
	kept := 0
	for _, n := range setAside(t, a) {
		kept += n
	}
	if n := was.Refused["too_new"]; n == 0 || kept != int(n) || a.Report().SetAside.Events != kept {
		t.Fatalf("refused %v, set aside %v", was.Refused, setAside(t, a))
	}
	var texts []string
	if err := a.Refused(refused.Filter{Reason: "too_new"}, func(r *refused.Record) bool {
		texts = append(texts, r.Event)
		return true
	}); err != nil || len(texts) != kept || !strings.Contains(texts[0], `"seq":"<`) {
		t.Errorf("%d events such as %q, %v", len(texts), texts[:1], err)
	}
	control(t, s, http.MethodDelete, "/_sidelight/faults", "")
	n, err := a.Requeue(t.Context(), refused.Filter{Destination: "/sidelight/orders"})
	if err != nil || n != kept {
		t.Fatalf("put back %d, %v, want %d", n, err, kept)
	}
	eventually(t, "all to arrive", func() bool { return len(messages(t, s, "/sidelight/orders")) == 100 })
	if left := setAside(t, a); len(left) != 0 {
		t.Errorf("still set aside: %v", left)
	}
	a.finish(t)
	b := a.Books(sidelight.Logs)
	if b.Accepted != 100+uint64(kept) || b.Delivered != 100 || b.Refused["too_new"] != uint64(kept) || b.Queued() != 0 {
		t.Errorf("books %+v, put back %d", b, kept)
	}
	all := strings.Join(messages(t, s, "/sidelight/orders"), "")
	for i := range 100 {
		if n := strings.Count(all, fmt.Sprintf("<%d>", i)); n != 1 {
			t.Fatalf("event %d arrived %d times", i, n)
		}
	}
}

// A request that is refused whole is kept whole, across a restart; of an agent
// that does not run it can be put back, and is sent at the next start.
func TestRequeueWithoutAnAgent(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	control(t, s, http.MethodPost, "/_sidelight/faults", `{"service":"logs","operation":"PutLogEvents","kind":"error","status":400,"shape":"InvalidParameterException","message":"no such thing"}`)
	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 20)
	eventually(t, "the refusal", func() bool { return a.Books(sidelight.Logs).Refused["rejected"] == 20 })
	if _, err := agent.DropStopped(cfg.Queue.Dir, refused.Filter{}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a directory in use was changed")
	}
	a.finish(t)
	control(t, s, http.MethodDelete, "/_sidelight/faults", "")

	q, err := agent.LookQueues(cfg.Queue.Dir, refused.Filter{})
	if err != nil || q.Live || len(q.Waiting) != 0 || len(q.SetAside) == 0 || !strings.Contains(q.SetAside[0].Error, "InvalidParameterException") {
		t.Fatalf("found %+v, %v", q, err)
	}
	n, err := agent.RequeueStopped(t.Context(), cfg.Queue.Dir, refused.Filter{}, slog.New(slog.DiscardHandler))
	if err != nil || n != 20 {
		t.Fatalf("put back %d, %v", n, err)
	}
	q, err = agent.LookQueues(cfg.Queue.Dir, refused.Filter{})
	if err != nil || len(q.SetAside) != 0 || len(q.Waiting) != 1 || q.Waiting[0].Events != 20 || q.Waiting[0].Queue != "logs" {
		t.Fatalf("after putting back: %+v, %v", q, err)
	}
	again := start(t, cfg)
	eventually(t, "the events", func() bool { return again.Books(sidelight.Logs).Delivered == 20 })
	again.finish(t)
	if b := again.Books(sidelight.Logs); b.Recovered != 20 || b.Queued() != 0 {
		t.Errorf("books %+v", b)
	}
	modes(t, cfg.Queue.Dir)
}

// modes checks that nobody else reads what lies in the queue's directory.
func modes(t *testing.T, dir string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Traces that X-Ray leaves unprocessed for good are kept like log events.
func TestRefusedTracesAreSetAside(t *testing.T) {
	s := sandboxtest.New(t)
	a := start(t, settings(t, s))
	daemon, err := net.Dial("udp", a.address(t, "xray udp"))
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	fmt.Fprint(daemon, "{\"format\":\"json\",\"version\":1}\n{\"name\":\"orders\",\"id\":\"70de5b6f19ff9a0a\",\"trace_id\":\"nonsense\",\"start_time\":1,\"end_time\":2}")
	eventually(t, "the refusal", func() bool { return a.Books(sidelight.Traces).Lost() == 1 })
	for where := range setAside(t, a) {
		if !strings.HasPrefix(where, "traces ") {
			t.Errorf("set aside %s", where)
		}
	}
	if n, err := a.Drop(refused.Filter{Queue: "traces"}); err != nil || n != 1 {
		t.Errorf("dropped %d, %v", n, err)
	}
}

// sendLevel sends events of a level by Forward, acknowledged.
func sendLevel(t *testing.T, addr, level string, n int) {
	t.Helper()
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := fluent.New(fluent.Config{FluentHost: host, FluentPort: port, RequestAck: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range n {
		if err := c.Post("app", map[string]any{"seq": fmt.Sprintf("<%s %d>", level, i), "level": level}); err != nil {
			t.Fatal(err)
		}
	}
}

// A group that is missing and may not be made parks its blocks, and is named;
// another one flows; when the permission is there the parked ones arrive.
func TestDeniedGroupIsParked(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Logs.Routes = []config.Route{{When: "level >= error", Group: "/parked"}}
	client := cloudwatchlogs.NewFromConfig(sandboxtest.Config(s))
	if _, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/sidelight/orders")}); err != nil {
		t.Fatal(err)
	}
	control(t, s, http.MethodPost, "/_sidelight/faults", `{"service":"logs","operation":"CreateLogGroup","kind":"error","status":400,"shape":"AccessDeniedException","message":"not allowed"}`)
	a := start(t, cfg)
	addr := a.address(t, "forward")
	sendLevel(t, addr, "error", 20)
	denied := func() []status.Denied {
		for _, q := range a.Report().Queues {
			if q.Name == "logs" {
				return q.Denied
			}
		}
		return nil
	}
	eventually(t, "the denial", func() bool { return len(denied()) == 1 })
	if d := denied()[0]; !strings.HasPrefix(d.Destination, "/parked:") || !strings.Contains(d.Error, "not allowed") || d.Since.IsZero() {
		t.Errorf("denied %+v", d)
	}
	sendLevel(t, addr, "info", 100)
	eventually(t, "what is not denied", func() bool { return len(messages(t, s, "/sidelight/orders")) == 100 })
	q, err := a.Queues(refused.Filter{Destination: "/parked"})
	if err != nil || len(q.Waiting) != 1 || q.Waiting[0].Events != 20 || !q.Waiting[0].Denied || q.Waiting[0].Attempts == 0 {
		t.Errorf("waiting %+v, %v", q.Waiting, err)
	}
	control(t, s, http.MethodDelete, "/_sidelight/faults", "")
	eventually(t, "what was denied", func() bool { return len(messages(t, s, "/parked")) == 20 })
	eventually(t, "the books", func() bool { return a.Books(sidelight.Logs).Queued() == 0 && len(denied()) == 0 })
	a.finish(t)
	if b := a.Books(sidelight.Logs); b.Delivered != 120 || b.Lost() != 0 {
		t.Errorf("books %+v", b)
	}
}

// Spilling, what was accepted in an outage is on disk after a stop.
func TestSpillAcrossARestart(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Queue.Durable = "spill"
	cfg.Shutdown.Grace = time.Second
	control(t, s, http.MethodPost, "/_sidelight/faults", `{"service":"logs","kind":"refuse"}`)
	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 200)
	a.finish(t)
	if b := a.Books(sidelight.Logs); b.Accepted != 200 || b.Queued() != 200 || a.LeftOnDisk() != 200 {
		t.Fatalf("after a stop in an outage: %+v, %d left on disk", b, a.LeftOnDisk())
	}
	control(t, s, http.MethodDelete, "/_sidelight/faults", "")
	again := start(t, cfg)
	eventually(t, "everything", func() bool { return again.Books(sidelight.Logs).Delivered == 200 })
	again.finish(t)
	all := strings.Join(messages(t, s, "/sidelight/orders"), "")
	for i := range 200 {
		if n := strings.Count(all, fmt.Sprintf("<%d>", i)); n != 1 {
			t.Fatalf("event %d arrived %d times", i, n)
		}
	}
}
