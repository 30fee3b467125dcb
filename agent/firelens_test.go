package agent_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
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
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// generated is what ECS writes for a task of three containers that log to a
// router on Fargate. The third has no options.
const generated = `
[INPUT]
    Name tcp
    Listen 127.0.0.1
    Port 0
    Tag firelens-healthcheck

[INPUT]
    Name forward
    unix_path SOCKET

[INPUT]
    Name forward
    Listen 127.0.0.1
    Port 0

[FILTER]
    Name   grep
    Match  web-firelens*
    Exclude log ^GET /health

[FILTER]
    Name record_modifier
    Match *
    Record ecs_cluster shop
    Record ecs_task_arn arn:aws:ecs:us-east-1:111122223333:task/shop/0f9a1d
    Record ecs_task_definition checkout:7

[OUTPUT]
    Name null
    Match firelens-healthcheck

[OUTPUT]
    Name cloudwatch_logs
    Match web-firelens*
    auto_create_group true
    log_group_name /shop/web
    log_key log
    log_retention_days 14
    log_stream_prefix web/
    region us-east-1

[OUTPUT]
    Name cloudwatch
    Match worker-firelens*
    auto_create_group true
    log_group_name /shop/$(ecs_cluster)-worker
    log_stream_name $(ecs_task_id)
    region us-east-1
`

// driver sends as Docker's fluentd driver does: each line is a record of its
// own, long ones are cut.
type driver struct {
	t      *testing.T
	client *fluent.Fluent
	at     time.Time
}

func newDriver(t *testing.T, socket string) *driver {
	t.Helper()
	c, err := fluent.New(fluent.Config{FluentNetwork: "unix", FluentSocketPath: socket, SubSecondPrecision: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &driver{t: t, client: c, at: time.Now().Add(-time.Minute)}
}

// log sends one record of a container, with more members if there are some.
func (d *driver) log(container, source, text string, more map[string]string) {
	d.t.Helper()
	record := map[string]string{
		"container_id": "c-" + container, "container_name": "/ecs-checkout-7-" + container, "source": source, "log": text,
	}
	maps.Copy(record, more)
	d.at = d.at.Add(time.Millisecond)
	if err := d.client.PostWithTime(container+"-firelens-0f9a1d", d.at, record); err != nil {
		d.t.Fatal(err)
	}
}

// cut sends text in pieces of 16 KiB, marked or not.
func (d *driver) cut(container, text string, marked bool) {
	d.t.Helper()
	pieces := slices.Collect(slices.Chunk([]byte(text), 16<<10))
	for i, p := range pieces {
		var more map[string]string
		if marked {
			more = map[string]string{
				"partial_message": "true", "partial_id": "7f", "partial_ordinal": fmt.Sprint(i + 1), "partial_last": fmt.Sprint(i == len(pieces)-1),
			}
		}
		d.log(container, "stdout", string(p), more)
	}
}

// stream returns the messages of a stream in their order.
func stream(t *testing.T, s *sandbox.Server, group, stream string) []string {
	t.Helper()
	out, err := cloudwatchlogs.NewFromConfig(sandboxtest.Config(s)).GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: aws.String(group), LogStreamName: aws.String(stream), StartFromHead: aws.Bool(true),
	})
	if err != nil {
		return nil
	}
	var all []string
	for _, e := range out.Events {
		all = append(all, *e.Message)
	}
	return all
}

// fireLens makes cfg that of a router and returns the path of its socket.
func fireLens(t *testing.T, cfg *config.Config) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fl") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket, conf := filepath.Join(dir, "fluent.sock"), filepath.Join(dir, "fluent-bit.conf")
	if err := os.WriteFile(conf, []byte(strings.Replace(generated, "SOCKET", socket, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	// What the file says holds where the agent was told nothing.
	cfg.Receivers.Forward.TCP = config.Default().Receivers.Forward.TCP
	cfg.Receivers.Forward.Unix, cfg.Receivers.Forward.FireLens = "auto", config.Address(conf)
	return socket
}

func TestFireLens(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	socket := fireLens(t, &cfg)
	a := start(t, cfg)

	if addr := a.address(t, "forward"); strings.HasSuffix(addr, ":24224") {
		t.Errorf("listening on %s, not where the file says", addr)
	}
	// The socket is there as soon as the agent is built: containers start then.
	d := newDriver(t, socket)
	long := strings.Repeat("0123456789", 4000)
	d.log("web", "stdout", "hello \"web\"", nil)
	d.log("web", "stdout", "GET /health 200", nil)
	d.log("web", "stderr", "{\"level\":\"error\"}", nil)
	d.cut("web", long, true)
	d.log("worker", "stdout", "hello worker", nil)
	d.cut("worker", long, false) // as on Fargate
	d.cut("worker", long, true)  // as on EC2
	d.log("cron", "stdout", "hello cron", nil)
	checkHealth(t, a.address(t, "firelens health check"))

	const meta = `"ecs_cluster":"shop","ecs_task_arn":"arn:aws:ecs:us-east-1:111122223333:task/shop/0f9a1d","ecs_task_definition":"checkout:7"`
	eventually(t, "every event", func() bool { return a.Books(sidelight.Logs).Delivered == 7 })
	want := []string{`hello "web"`, `{"level":"error"}`, long}
	if diff := cmp.Diff(want, stream(t, s, "/shop/web", "web/web-firelens-0f9a1d")); diff != "" {
		t.Errorf("web (-want +got):\n%s", diff)
	}
	worker := stream(t, s, "/shop/shop-worker", "0f9a1d")
	if len(worker) != 3 {
		t.Fatalf("worker: %d events, want 3", len(worker))
	}
	for i, text := range []string{"hello worker", long, long} {
		got := worker[i]
		for _, part := range []string{`"log":"` + text + `"`, `"source":"stdout"`, `"container_name":"/ecs-checkout-7-worker"`, `"container_id":"c-worker"`, meta} {
			if !strings.Contains(got, part) {
				t.Errorf("worker: no %.40s in %.200s", part, got)
			}
		}
	}
	if got := stream(t, s, "/sidelight/orders", "cron-firelens-0f9a1d/h1"); len(got) != 1 || !strings.Contains(got[0], meta) {
		t.Errorf("cron: %q", got)
	}
	checkRetention(t, s, map[string]int32{"/shop/web": 14, "/shop/shop-worker": 0, "/sidelight/orders": 30})
	a.finish(t)
	books := a.Books(sidelight.Logs)
	if books.Accepted != 8 || books.Dropped["excluded"] != 1 || books.Queued() != 0 {
		t.Errorf("books %+v, want 7 delivered and 1 excluded", books)
	}
	if _, err := os.Stat(socket); err == nil {
		t.Error("the socket was left behind")
	}
}

// What is held back for a piece that does not come is delivered at a stop.
func TestFireLensStopsInsideALine(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	socket := fireLens(t, &cfg)
	a := start(t, cfg)
	d := newDriver(t, socket)
	d.log("web", "stdout", "begun", map[string]string{"partial_message": "true", "partial_id": "7f", "partial_ordinal": "1", "partial_last": "false"})
	d.log("web", "stderr", "other", nil) // of another stream: no end of the line
	eventually(t, "the whole line", func() bool { return a.Books(sidelight.Logs).Accepted == 1 })
	a.finish(t)
	got := stream(t, s, "/shop/web", "web/web-firelens-0f9a1d")
	slices.Sort(got)
	if diff := cmp.Diff([]string{"begun", "other"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A router that cannot make its socket does not start, and says why.
func TestFireLensSocketInTheWay(t *testing.T) {
	cfg := settings(t, sandboxtest.New(t))
	socket := fireLens(t, &cfg)
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := agent.New(t.Context(), cfg, agent.Deps{Log: slog.New(slog.DiscardHandler), Identity: &identity.Identity{Service: "orders"}})
	if err == nil || !strings.Contains(err.Error(), socket) {
		t.Errorf("error %v", err)
	}
}

// What is not carried over is named, and its records are delivered all the
// same.
func TestFireLensRefusals(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	socket := fireLens(t, &cfg)
	path := string(cfg.Receivers.Forward.FireLens)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := strings.Replace(string(text), "region us-east-1", "region ap-south-1", 1) +
		"\n[OUTPUT]\n    Name firehose\n    Match api-firelens*\n    delivery_stream d\n"
	if err := os.WriteFile(path, []byte(elsewhere), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	a, err := agent.New(t.Context(), cfg, agent.Deps{
		Log: slog.New(slog.NewTextHandler(&log, nil)), Identity: &identity.Identity{Service: "orders", Host: "h1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"region ap-south-1 for web-firelens*", "firehose"} {
		if strings.Count(log.String(), part) != 1 {
			t.Errorf("%q stands not once in the log:\n%s", part, log.String())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	d := newDriver(t, socket)
	d.log("web", "stdout", "to web", nil)
	d.log("api", "stdout", "to firehose", nil)
	eventually(t, "both events", func() bool { return a.Books(sidelight.Logs).Delivered == 2 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := stream(t, s, "/shop/web", "web/web-firelens-0f9a1d"); len(got) != 1 {
		t.Errorf("web: %q", got)
	}
	if got := stream(t, s, "/sidelight/orders", "api-firelens-0f9a1d/h1"); len(got) != 1 {
		t.Errorf("api: %q", got)
	}
}

// checkHealth sends what the health check of a task definition does.
func checkHealth(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprintln(c, `{"health":"check"}`); err != nil {
		t.Error(err)
	}
}

func checkRetention(t *testing.T, s *sandbox.Server, want map[string]int32) {
	t.Helper()
	out, err := cloudwatchlogs.NewFromConfig(sandboxtest.Config(s)).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int32{}
	for _, g := range out.LogGroups {
		got[*g.LogGroupName] = aws.ToInt32(g.RetentionInDays)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("retention (-want +got):\n%s", d)
	}
}
