package agent_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/identity"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/internal/sandbox"
	"github.com/sidelight-dev/sidelight/internal/sandbox/sandboxtest"
)

// service is one that samples nothing itself and sends by OTLP.
type service struct {
	*sdktrace.TracerProvider
}

func newService(t *testing.T, addr, name string) service {
	t.Helper()
	exp, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpoint(addr), otlptracehttp.WithInsecure())
	if err != nil {
		t.Fatal(err)
	}
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exp), sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", name))))
	t.Cleanup(func() { _ = tp.Shutdown(context.WithoutCancel(t.Context())) })
	return service{tp}
}

// request makes a trace of three spans and returns its id.
func (s service) request(t *testing.T, route string, failed bool) string {
	t.Helper()
	ctx, root := s.Tracer("test").Start(t.Context(), "GET "+route, oteltrace.WithSpanKind(oteltrace.SpanKindServer), oteltrace.WithAttributes(
		attribute.String("http.request.method", "GET"), attribute.String("http.route", route), attribute.String("url.path", route),
		attribute.String("server.address", "shop.test"),
	))
	for range 2 {
		_, call := s.Tracer("test").Start(ctx, "query", oteltrace.WithSpanKind(oteltrace.SpanKindClient))
		call.End()
	}
	if failed {
		root.SetStatus(codes.Error, "broken")
	}
	root.End()
	return root.SpanContext().TraceID().String()
}

func (s service) flush(t *testing.T) {
	t.Helper()
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// spansOf returns how many documents X-Ray has of a W3C trace id.
func spansOf(t *testing.T, s *sandbox.Server, id string) int {
	t.Helper()
	out, err := xray.NewFromConfig(sandboxtest.Config(s)).BatchGetTraces(t.Context(), &xray.BatchGetTracesInput{TraceIds: []string{"1-" + id[:8] + "-" + id[8:]}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Traces) == 0 {
		return 0
	}
	return len(out.Traces[0].Segments)
}

func sampled(t *testing.T, s *sandbox.Server, sample config.TraceSample) config.Config {
	t.Helper()
	cfg := settings(t, s)
	cfg.Traces.Sample = sample
	return cfg
}

// Of many traces the failed ones go on, whole; the metrics count them all.
func TestTailSampling(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := sampled(t, s, config.TraceSample{KeepErrors: true, Wait: 200 * time.Millisecond, Memory: 4 << 20})
	a := start(t, cfg)
	svc := newService(t, a.address(t, "otlp http"), "orders")
	var failed []string
	for i := range 50 {
		if id := svc.request(t, "/orders", i%10 == 0); i%10 == 0 {
			failed = append(failed, id)
		}
	}
	daemon, err := net.Dial("udp", a.address(t, "xray udp"))
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	for i := range 20 {
		fmt.Fprint(daemon, segment(i, "cart", fmt.Sprintf(`,"fault":%t`, i == 7)))
	}
	svc.flush(t)
	eventually(t, "the decisions", func() bool {
		b := a.Books(sidelight.Traces)
		return b.Accepted == 170 && b.Delivered == 16 && b.Dropped["sampled"] == 154
	})
	for _, id := range failed {
		if spansOf(t, s, id) == 0 {
			t.Errorf("trace %s failed and was left out", id)
		}
	}
	eventually(t, "the metrics", func() bool {
		return metricSum(t, s, spanmetrics.Namespace, "Requests", dim("Environment", "test"), dim("Operation", "GET /orders"), dim("Service", "orders")) == 50 &&
			metricSum(t, s, spanmetrics.Namespace, "Requests", dim("Environment", "test"), dim("Service", "cart")) == 20
	})
	a.finish(t)
	if b := a.Books(sidelight.Traces); b.Queued() != 0 || b.Lost() != 154 {
		t.Errorf("books %+v", b)
	}
}

// A rule that is changed at X-Ray changes what is kept of a sender that does not
// sample; the statistics of rules are reported.
func TestRulesOfXRay(t *testing.T) {
	s := sandboxtest.New(t)
	client := xray.NewFromConfig(sandboxtest.Config(s))
	rule := func(rate float64) {
		t.Helper()
		_, err := client.UpdateSamplingRule(t.Context(), &xray.UpdateSamplingRuleInput{SamplingRuleUpdate: &types.SamplingRuleUpdate{
			RuleName: aws.String("checkout"), FixedRate: aws.Float64(rate),
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := client.CreateSamplingRule(t.Context(), &xray.CreateSamplingRuleInput{SamplingRule: &types.SamplingRule{
		RuleName: aws.String("checkout"), Priority: aws.Int32(1), FixedRate: 0, ReservoirSize: 0, ServiceName: aws.String("shop"), ServiceType: aws.String("*"),
		Host: aws.String("*"), HTTPMethod: aws.String("GET"), URLPath: aws.String("/checkout*"), ResourceARN: aws.String("*"), Version: aws.Int32(1),
	}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := sampled(t, s, config.TraceSample{Rate: 100, Rules: true, Senders: "respect", Wait: 5 * time.Second, Memory: 4 << 20})
	a, err := agent.New(t.Context(), cfg, agent.Deps{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), RulesEvery: 20 * time.Millisecond,
		Identity: &identity.Identity{Platform: identity.Plain, Service: "shop", Host: "h1", Environ: "test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, a)
	svc := newService(t, r.address(t, "otlp http"), "shop")
	// Until the rules are there, one trace a second is kept, and 5 %.
	round := func(n int) (kept uint64) {
		t.Helper()
		before := r.Books(sidelight.Traces)
		for range n {
			svc.request(t, "/checkout/cart", false)
		}
		svc.flush(t)
		eventually(t, "the decisions", func() bool {
			b := r.Books(sidelight.Traces)
			return b.Accepted == before.Accepted+uint64(3*n) && b.Queued() == 0
		})
		return r.Books(sidelight.Traces).Delivered - before.Delivered
	}
	eventually(t, "the rule that keeps nothing", func() bool { return round(20) == 0 })
	rule(1)
	eventually(t, "the rule that keeps everything", func() bool { return round(20) == 60 })
	eventually(t, "the statistics", func() bool {
		out, err := client.GetSamplingStatisticSummaries(t.Context(), &xray.GetSamplingStatisticSummariesInput{})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range out.SamplingStatisticSummaries {
			if *x.RuleName == "checkout" && x.RequestCount > 0 && x.SampledCount <= x.RequestCount {
				return true
			}
		}
		return false
	})
	r.finish(t)
	if b := r.Books(sidelight.Traces); b.Queued() != 0 || b.Dropped["sampled"] != b.Lost() {
		t.Errorf("books %+v", b)
	}
}

// Spans that were acknowledged and not decided survive the end of the process,
// and a configuration without sampling.
func TestUndecidedSurviveARestart(t *testing.T) {
	s := sandboxtest.New(t)
	cfg := sampled(t, s, config.TraceSample{Rate: 50, KeepErrors: true, Wait: 200 * time.Millisecond, Memory: 4 << 20})
	const killed = 60
	dir := cfg.Queue.Dir
	addr, kill := startProcess(t, s.URL(), dir, "segments")
	svc := newService(t, addr, "orders")
	for range 20 {
		svc.request(t, "/orders", false)
	}
	svc.flush(t) // until the agent has acknowledged
	kill()
	for name, sample := range map[string]config.TraceSample{"sampling": cfg.Traces.Sample, "without sampling": {Rate: 100, Wait: time.Second, Memory: 4 << 20}} {
		t.Run(name, func(t *testing.T) {
			again := settings(t, s)
			if err := os.CopyFS(filepath.Join(again.Queue.Dir, "traces-undecided"), os.DirFS(filepath.Join(dir, "traces-undecided"))); err != nil {
				t.Fatal(err)
			}
			again.Traces.Sample = sample
			a := start(t, again)
			eventually(t, "the decisions", func() bool {
				b := a.Books(sidelight.Traces)
				return b.Recovered == killed && b.Queued() == 0
			})
			a.finish(t)
			b := a.Books(sidelight.Traces)
			if b.Delivered+b.Dropped["sampled"] != killed || b.Delivered == 0 || name == "without sampling" && b.Delivered != killed {
				t.Errorf("books %+v", b)
			}
		})
	}
}

// The variables that make this program an agent, for a test to kill.
const (
	processEndpoint = "AGENT_UNDER_TEST_ENDPOINT"
	processDir      = "AGENT_UNDER_TEST_DIR"
	processVia      = "AGENT_UNDER_TEST_VIA"
)

func TestMain(m *testing.M) {
	if os.Getenv(processEndpoint) == "" {
		os.Exit(m.Run())
	}
	if err := beAnAgent(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// beAnAgent runs an agent that decides about no trace for long, and prints where
// it listens.
func beAnAgent() error {
	cfg := config.Default()
	cfg.AWS = config.AWS{Region: "us-east-1", Endpoint: os.Getenv(processEndpoint)}
	cfg.Receivers = config.Receivers{OTLP: config.OTLP{HTTP: "127.0.0.1:0"}}
	cfg.Status.Listen = config.Off
	cfg.Scrape = config.Scrape{Interval: time.Minute, Host: "off", Cgroup: "off", Task: "off", Names: "sidelight"}
	cfg.Queue.Dir = os.Getenv(processDir)
	cfg.Traces.Sample.Rate, cfg.Traces.Sample.Wait = 50, 10*time.Minute
	cfg.Traces.Via, cfg.OTLP.Endpoint = config.TracesVia(os.Getenv(processVia)), config.EndpointURL(os.Getenv(processEndpoint))
	a, err := agent.New(context.Background(), cfg, agent.Deps{
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Identity: &identity.Identity{Service: "orders", Host: "h1"},
	})
	if err != nil {
		return err
	}
	for _, l := range a.Report().Listeners {
		fmt.Println(l.Address)
	}
	return a.Run(context.Background())
}

// startProcess starts an agent in a process of its own and returns its address
// for OTLP over HTTP, and what kills it at once.
func startProcess(t *testing.T, endpoint, dir string, via config.TracesVia) (addr string, kill func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), processEndpoint+"="+endpoint, processDir+"="+dir, processVia+"="+string(via))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("the agent said nothing: %v", lines.Err())
	}
	return lines.Text(), kill
}
