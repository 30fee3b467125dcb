package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/fluent/fluent-logger-golang/fluent"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/meter"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// settings returns a configuration that delivers to s, listening on free ports.
func settings(t *testing.T, s *sandbox.Server) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.AWS = config.AWS{Region: "us-east-1", Endpoint: s.URL()}
	cfg.Receivers.OTLP = config.OTLP{GRPC: "127.0.0.1:0", HTTP: "127.0.0.1:0", Unix: config.Off}
	cfg.Receivers.XRay = config.XRay{UDP: "127.0.0.1:0", TCP: "127.0.0.1:0"}
	cfg.Receivers.Forward = config.Forward{TCP: "127.0.0.1:0", Unix: config.Off}
	cfg.Receivers.EMF = config.EMF{TCP: "127.0.0.1:0", UDP: "127.0.0.1:0"}
	cfg.Receivers.StatsD.UDP = "127.0.0.1:0"
	cfg.Status.Listen = "127.0.0.1:0"
	cfg.Queue.Dir = t.TempDir()
	cfg.Metrics.Interval = time.Second
	cfg.Shutdown.Quiet = 50 * time.Millisecond
	return cfg
}

// running is an agent under test.
type running struct {
	*agent.Agent
	stop  context.CancelFunc
	ended chan error
}

func start(t *testing.T, cfg config.Config) *running {
	t.Helper()
	a, err := agent.New(t.Context(), cfg, agent.Deps{
		Log:      slog.New(slog.NewTextHandler(t.Output(), nil)),
		Identity: &identity.Identity{Platform: identity.Plain, Service: "orders", Host: "h1", Environ: "test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return run(t, a)
}

// run runs an agent until the test ends, or finish.
func run(t *testing.T, a *agent.Agent) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{Agent: a, stop: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-r.ended
	})
	return r
}

// finish stops the agent and returns how it ended.
func (r *running) finish(t *testing.T) {
	t.Helper()
	r.stop()
	err := <-r.ended
	r.ended <- nil
	if err != nil {
		t.Errorf("agent ended with %v", err)
	}
}

func (r *running) address(t *testing.T, name string) string {
	t.Helper()
	for _, l := range r.Report().Listeners {
		if l.Name == name {
			return l.Address
		}
	}
	t.Fatalf("no listener %q among %v", name, r.Report().Listeners)
	return ""
}

// eventually waits until check holds.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !check() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func sendForward(t *testing.T, addr string, from, to int) {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	var n int
	fmt.Sscan(port, &n)
	c, err := fluent.New(fluent.Config{FluentHost: host, FluentPort: n, RequestAck: true, MaxRetry: 50, RetryWait: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := from; i < to; i++ {
		if err := c.Post("app", map[string]any{"seq": fmt.Sprintf("<%d>", i), "level": "info"}); err != nil {
			t.Fatal(err)
		}
	}
}

// sendOTLP sends a span by each of OpenTelemetry's own exporters.
func sendOTLP(t *testing.T, http, grpc string) {
	t.Helper()
	overHTTP, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpoint(http), otlptracehttp.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	overGRPC, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpoint(grpc), otlptracegrpc.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	for name, exp := range map[string]sdktrace.SpanExporter{"over-http": overHTTP, "over-grpc": overGRPC} {
		res := resource.NewSchemaless(attribute.String("service.name", name))
		tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exp), sdktrace.WithResource(res))
		_, span := tp.Tracer("test").Start(t.Context(), "GET /", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
		span.End()
		if err := tp.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// messages returns every message of the group.
func messages(t *testing.T, s *sandbox.Server, group string) []string {
	t.Helper()
	client := cloudwatchlogs.NewFromConfig(sandboxtest.Config(s))
	var out []string
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(group)}
	for {
		page, err := client.FilterLogEvents(t.Context(), in)
		if err != nil {
			return out
		}
		for _, e := range page.Events {
			out = append(out, *e.Message)
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			return out
		}
	}
}

func TestEveryLane(t *testing.T) {
	s := sandboxtest.New(t)
	a := start(t, settings(t, s))
	sendForward(t, a.address(t, "forward"), 0, 100)

	statsd, err := net.Dial("udp", a.address(t, "statsd"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(statsd, "checkouts:3|c|#route:/pay\nlatency:12:14|ms")
	daemon, err := net.Dial("udp", a.address(t, "xray udp"))
	if err != nil {
		t.Fatal(err)
	}
	now := float64(time.Now().UnixMilli()) / 1000
	fmt.Fprintf(daemon, "{\"format\":\"json\",\"version\":1}\n{\"name\":\"orders\",\"id\":\"70de5b6f19ff9a0a\",\"trace_id\":\"1-%08x-a006649127e371903a2de979\",\"start_time\":%f,\"end_time\":%f}", int64(now), now-1, now)

	sendOTLP(t, a.address(t, "otlp http"), a.address(t, "otlp grpc"))
	eventually(t, "the logs", func() bool { return len(messages(t, s, "/sidelight/orders")) == 100 })
	first := messages(t, s, "/sidelight/orders")[0]
	var record map[string]any
	if err := json.Unmarshal([]byte(first), &record); err != nil || record["level"] != "info" {
		t.Errorf("first message %s: %v", first, err)
	}
	metrics := cloudwatch.NewFromConfig(sandboxtest.Config(s))
	eventually(t, "the metrics", func() bool {
		out, err := metrics.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: aws.String("Sidelight")})
		return err == nil && len(out.Metrics) == 2
	})
	eventually(t, "the host's metrics", func() bool {
		out, err := metrics.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: aws.String("Sidelight/Host"), MetricName: aws.String("mem_used_percent")})
		return err == nil && len(out.Metrics) == 1 && len(out.Metrics[0].Dimensions) == 2
	})
	traces := xray.NewFromConfig(sandboxtest.Config(s))
	eventually(t, "the trace", func() bool {
		out, err := traces.BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{fmt.Sprintf("1-%08x-a006649127e371903a2de979", int64(now))}})
		return err == nil && len(out.Traces) == 1
	})
	eventually(t, "the spans", func() bool {
		out, err := traces.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: aws.Time(time.Now().Add(-time.Hour)), EndTime: aws.Time(time.Now().Add(time.Minute))})
		names := map[string]bool{}
		for _, svc := range out.Services {
			names[*svc.Name] = true
		}
		return err == nil && names["over-http"] && names["over-grpc"]
	})
	a.finish(t)
	for _, sig := range []sidelight.Signal{sidelight.Logs, sidelight.Traces, sidelight.Metrics} {
		if b := a.Books(sig); b.Queued() != 0 || b.Lost() != 0 || b.Delivered == 0 {
			t.Errorf("%s: books %+v", sig, b)
		}
	}
}

// What was accepted in an outage arrives after it, and a stop in the middle of
// one leaves it on disk for the next start.
func TestOutageAndRestart(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Shutdown.Grace = time.Second
	outage := control(t, s, http.MethodPost, "/_sidelight/faults", `{"service":"logs","kind":"refuse"}`)
	a := start(t, cfg)
	sendForward(t, a.address(t, "forward"), 0, 500)
	a.finish(t)
	if b := a.Books(sidelight.Logs); b.Accepted != 500 || b.Delivered != 0 || b.Queued() != 500 || a.LeftOnDisk() != 500 {
		t.Fatalf("after a stop in an outage: %+v, %d left on disk", b, a.LeftOnDisk())
	}
	again := start(t, cfg)
	sendForward(t, again.address(t, "forward"), 500, 600)
	control(t, s, http.MethodDelete, "/_sidelight/faults", "")
	eventually(t, "everything", func() bool { return again.Books(sidelight.Logs).Delivered == 600 })
	again.finish(t)
	if b := again.Books(sidelight.Logs); b.Recovered != 500 || b.Accepted != 100 || b.Queued() != 0 {
		t.Errorf("books after the restart: %+v", b)
	}
	all := strings.Join(messages(t, s, "/sidelight/orders"), "")
	for i := range 600 {
		if n := strings.Count(all, fmt.Sprintf("<%d>", i)); n != 1 {
			t.Fatalf("event %d arrived %d times (fault was %s)", i, n, outage)
		}
	}
}

func control(t *testing.T, s *sandbox.Server, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %s", method, path, resp.Status, text)
	}
	return string(text)
}

// Throttling, failures and lost answers: nothing is lost, and only lost answers
// duplicate.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault      string
		duplicates bool
	}{
		"throttled":    {`{"service":"logs","operation":"PutLogEvents","kind":"throttle","rate":0.5}`, false},
		"failing":      {`{"service":"logs","kind":"error","status":500,"rate":0.3}`, false},
		"lost answers": {`{"service":"logs","operation":"PutLogEvents","kind":"drop-after","count":2}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := sandboxtest.New(t)
			control(t, s, http.MethodPost, "/_sidelight/faults", c.fault)
			a := start(t, settings(t, s))
			sendForward(t, a.address(t, "forward"), 0, 300)
			eventually(t, "delivery", func() bool { return a.Books(sidelight.Logs).Delivered == 300 })
			a.finish(t)
			all := strings.Join(messages(t, s, "/sidelight/orders"), "")
			for i := range 300 {
				if n := strings.Count(all, fmt.Sprintf("<%d>", i)); n < 1 || n > 1 && !c.duplicates {
					t.Fatalf("event %d arrived %d times", i, n)
				}
			}
		})
	}
}

// Files are read on from where delivery came to, across a restart in an outage,
// without loss and without duplicates.
func TestFiles(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := settings(t, s)
	cfg.Shutdown.Grace = time.Second
	dir := t.TempDir()
	cfg.Receivers.Files = []config.Files{{Include: []string{dir + "/*.log"}}}
	cfg.Logs.Group, cfg.Logs.Stream = "/files", "{source}"
	f, err := os.Create(dir + "/app.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := func(from, to int) {
		for i := from; i < to; i++ {
			fmt.Fprintf(f, "line <%d>\n", i)
		}
	}
	lines(0, 200)
	a := start(t, cfg)
	eventually(t, "the first lines", func() bool { return a.Books(sidelight.Logs).Delivered == 200 })
	control(t, s, http.MethodPost, "/_sidelight/faults", `{"service":"logs","kind":"refuse"}`)
	lines(200, 300)
	eventually(t, "reading on", func() bool { return a.Books(sidelight.Logs).Accepted == 300 })
	a.finish(t)
	if b := a.Books(sidelight.Logs); b.Accepted != 200 || b.Lost() != 0 || b.Queued() != 0 || a.LeftInFiles() != 100 {
		t.Errorf("books %+v, %d left in files: what memory held is neither taken in nor lost, as it is still in the file", b, a.LeftInFiles())
	}
	lines(300, 400)
	control(t, s, http.MethodDelete, "/_sidelight/faults", "")
	again := start(t, cfg)
	eventually(t, "the rest", func() bool { return again.Books(sidelight.Logs).Delivered == 200 })
	again.finish(t)
	if r := again.Report().Routes; !slices.ContainsFunc(r, func(x meter.RouteTotals) bool {
		return x.Group == "/files" && x.Delivered == 200 && x.Bytes > 0
	}) {
		t.Errorf("routes %+v", r)
	}
	all := strings.Join(messages(t, s, "/files"), "")
	for i := range 400 {
		if n := strings.Count(all, fmt.Sprintf("<%d>", i)); n != 1 {
			t.Fatalf("line %d arrived %d times", i, n)
		}
	}
}

func TestStatusPages(t *testing.T) {
	s := sandboxtest.New(t)
	a := start(t, settings(t, s))
	base := "http://" + a.address(t, "status")
	for path, want := range map[string]string{"/health": "ok", "/ready": "ok", "/metrics": `sidelight_accepted_total{signal="logs"} 0`, "/status": status.Format} {
		resp, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("GET %s: %s, %v:\n%s", path, resp.Status, err, body)
		}
	}
}

func TestPortInUseIsAStartError(t *testing.T) {
	s := sandboxtest.New(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := settings(t, s)
	cfg.Receivers.Forward.TCP = config.Address(l.Addr().String())
	_, err = agent.New(t.Context(), cfg, agent.Deps{Log: slog.New(slog.DiscardHandler), Identity: &identity.Identity{Service: "x"}})
	if err == nil || !strings.Contains(err.Error(), "forward") || errors.Is(err, context.Canceled) {
		t.Errorf("New = %v, want an error that names the receiver", err)
	}
}
