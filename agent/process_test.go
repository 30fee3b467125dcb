package agent_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/fluent/fluent-logger-golang/fluent"
	"github.com/google/go-cmp/cmp"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/receiver/child"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// A pod's file goes through everything: the envelope, pieces of a line, a stack
// trace, a filter, redaction, a route.
func TestProcessing(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	dir := t.TempDir()
	path := filepath.Join(dir, "0.log")
	cfg.Receivers.Files = []config.Files{{
		Include: []string{dir + "/*.log"}, Format: "cri", Multiline: config.Multiline{Stacks: []config.Stack{"java"}, Wait: 200 * time.Millisecond},
	}}
	cfg.Logs.Group, cfg.Logs.Stream = "/pods", "{source}"
	cfg.Logs.Keep = `level >= info and not contains(message, "/healthz")`
	cfg.Logs.Redact.What = []config.Finder{"email", `password=(\S+)`}
	cfg.Logs.Routes = []config.Route{{When: `level >= error`, Group: "/errors/{service}"}}
	began := time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	line := func(i int, stream, tag, text string) string {
		return fmt.Sprintf("%s %s %s %s\n", began.Add(time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), stream, tag, text)
	}
	text := line(0, "stdout", "F", "INFO started by ann@example.com") +
		line(1, "stdout", "F", "DEBUG x") +
		line(2, "stderr", "F", "ERROR cannot pay password=hunter2") +
		line(3, "stdout", "P", "INFO a long ") +
		line(4, "stderr", "F", "java.lang.IllegalStateException: no card") +
		line(5, "stdout", "F", "line") +
		line(6, "stderr", "F", "\tat com.acme.Orders.pay(Orders.java:12)") +
		line(7, "stdout", "F", "INFO GET /healthz")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := start(t, cfg)
	// The last event of each stream comes when nothing follows it.
	eventually(t, "delivery", func() bool {
		return a.Books(sidelight.Logs).Delivered == 3 && a.Books(sidelight.Logs).Dropped["filtered"] == 2
	})
	want := []string{"INFO a long line", "INFO started by [email]"}
	if d := cmp.Diff(want, slices.Sorted(slices.Values(messages(t, s, "/pods")))); d != "" {
		t.Errorf("/pods (-want +got):\n%s", d)
	}
	out, err := cloudwatchlogs.NewFromConfig(sandboxtest.Config(s)).FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/errors/orders")})
	if err != nil || len(out.Events) != 1 {
		t.Fatalf("/errors/orders: %v, %v", out, err)
	}
	trace := "ERROR cannot pay password=[redacted]\njava.lang.IllegalStateException: no card\n\tat com.acme.Orders.pay(Orders.java:12)"
	if e := out.Events[0]; *e.Message != trace || *e.Timestamp != began.Add(2*time.Millisecond).UnixMilli() {
		t.Errorf("error event %q at %d, want %d", *e.Message, *e.Timestamp, began.UnixMilli()+2)
	}
	// What is held back at the stop is delivered, and nothing is read twice after it.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, line(8, "stdout", "F", "INFO last"))
	a.finish(t)
	if b := a.Books(sidelight.Logs); b.Queued() != 0 || b.Delivered != 4 {
		t.Errorf("books %+v", b)
	}
	again := start(t, cfg)
	fmt.Fprint(f, line(9, "stdout", "F", "INFO after"))
	eventually(t, "the line after the restart", func() bool { return again.Books(sidelight.Logs).Delivered == 1 })
	again.finish(t)
	if all := strings.Join(messages(t, s, "/pods"), "|"); strings.Count(all, "last") != 1 || strings.Count(all, "after") != 1 {
		t.Errorf("messages %s", all)
	}
}

// Records of containers lose their coat, are limited, and get members.
func TestProcessingForward(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Receivers.Forward.Format = "json"
	cfg.Logs.RateLimit = config.RateLimit{PerSecond: 1, Burst: 2}
	cfg.Logs.Fields = config.Fields{Add: config.Templates{{Name: "env", Value: "{environment}"}, {Name: "tag", Value: "{source}"}}, Remove: []string{"container_id"}}
	cfg.Logs.TraceIDs = []string{"trace_id"}
	a := start(t, cfg)
	addr := a.address(t, "forward")
	var port int
	fmt.Sscan(addr[strings.LastIndexByte(addr, ':')+1:], &port)
	c, err := fluent.New(fluent.Config{FluentHost: "127.0.0.1", FluentPort: port, RequestAck: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 4 {
		record := map[string]string{"container_id": "c", "log": `{"level":"info","trace_id":"581cf771a006649127e371903a2de979"}`}
		if err := c.Post("web", record); err != nil {
			t.Fatal(err)
		}
	}
	a.finish(t)
	got := messages(t, s, "/sidelight/orders")
	event := `{"level":"info","trace_id":"1-581cf771-a006649127e371903a2de979","env":"test","tag":"web"}`
	limited := a.Books(sidelight.Logs).Dropped["rate_limited"]
	report := fmt.Sprintf(`"held_back":%d`, limited)
	if len(got) != 5-int(limited) || got[0] != event || limited == 0 || !strings.Contains(strings.Join(got, ""), report) {
		t.Errorf("%d limited, messages %q", limited, got)
	}
}

func TestBadProcessing(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Logs.Keep = "level >="
	_, err := agent.New(t.Context(), cfg, agent.Deps{Log: slog.New(slog.DiscardHandler), Identity: &identity.Identity{}})
	if err == nil || !strings.Contains(err.Error(), "keep: at 9") {
		t.Errorf("error %v", err)
	}
}

// A stack trace on the standard error of a command is one event.
func TestProcessingExec(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Receivers.Exec.Multiline.Stacks = []config.Stack{"auto"}
	a, err := agent.New(t.Context(), cfg, agent.Deps{
		Log: slog.New(slog.DiscardHandler), Identity: &identity.Identity{Service: "orders"},
		Child: &child.Config{
			Command: []string{"/bin/sh", "-c", `echo started; printf 'panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:9\n' >&2`},
			Stdout:  io.Discard, Stderr: io.Discard,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	eventually(t, "delivery", func() bool { return a.Books(sidelight.Logs).Delivered == 2 })
	cancel()
	<-ended
	want := []string{"panic: boom\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:9", "started"}
	if d := cmp.Diff(want, slices.Sorted(slices.Values(messages(t, s, "/sidelight/orders")))); d != "" {
		t.Errorf("messages (-want +got):\n%s", d)
	}
}
