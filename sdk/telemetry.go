package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
	"github.com/sidelight-dev/sidelight/sdk/internal/ship"
	"github.com/sidelight-dev/sidelight/sdk/internal/tap"
	"github.com/sidelight-dev/sidelight/sdk/sampler"
)

const (
	// scopeName is the instrumentation scope of the package's own spans and
	// metrics.
	scopeName = "github.com/sidelight-dev/sidelight/sdk"
	// detectTimeout bounds what Start asks of its surroundings.
	detectTimeout = time.Second
	// sendDelay is how long spans and records wait for company.
	sendDelay = time.Second
)

// Telemetry is one service's telemetry. All methods may be called from any
// goroutine, before, during and after Shutdown, and on a nil Telemetry: then
// they do nothing, and Handler returns its argument.
type Telemetry struct {
	set    settings
	logger *slog.Logger
	// live is nil when the sdk is disabled or misconfigured.
	live *live

	ended  sync.Once
	result error
}

// live is what a working Telemetry has beside its logger.
type live struct {
	traces  *sdktrace.TracerProvider
	metrics *sdkmetric.MeterProvider
	tracer  trace.Tracer // of scopeName
	server  trace.SpanStartOption
	prop    propagation.TextMapPropagator
	root    sdktrace.Sampler
	red     *redTable // nil without RED metrics

	client  *ship.Client
	health  *ship.Health
	spans   *ship.Pipe
	points  *ship.Pipe
	records *ship.Pipe // nil unless logs go to the agent
	collect *collector
	tap     tap.Tap // nil outside tests

	stop context.CancelFunc
	wg   sync.WaitGroup
}

// Start validates cfg, fills what is empty from the environment, and begins
// to collect. It does not wait for the agent, and an absent agent is not an
// error.
//
// The returned Telemetry is never nil and always safe to use. If err is not
// nil, cfg was invalid: the Telemetry then does nothing but log to its output,
// so that a program may choose to run on. The same holds, without an error,
// when OTEL_SDK_DISABLED is true.
//
// ctx bounds only Start itself (host and container detection, at most 1 s);
// cancelling it later has no effect. Call Shutdown to stop.
func Start(ctx context.Context, cfg Config) (*Telemetry, error) {
	detect, cancel := context.WithTimeout(ctx, detectTimeout)
	defer cancel()
	set, err := resolve(cfg, os.Getenv, ecsMetadata(detect, os.Getenv("ECS_CONTAINER_METADATA_URI_V4")))
	t := &Telemetry{set: set}
	if err == nil && !set.disabled {
		t.live, err = newLive(&t.set)
	}
	var records recordSink
	if t.live != nil && t.live.records != nil {
		records = t.live.records
	}
	t.logger = slog.New(newLogHandler(&t.set, records))
	if t.live != nil {
		t.live.run()
	}
	if !set.KeepGlobals {
		t.setGlobals()
	}
	if err != nil {
		return t, fmt.Errorf("configure telemetry: %w", err)
	}
	return t, nil
}

func (t *Telemetry) setGlobals() {
	slog.SetDefault(t.logger)
	if t.live == nil {
		return
	}
	otel.SetTracerProvider(t.live.traces)
	otel.SetMeterProvider(t.live.metrics)
	otel.SetTextMapPropagator(t.live.prop)
}

func newLive(set *settings) (*live, error) {
	client, err := ship.NewClient(set.Endpoint, set.Transport)
	if err != nil {
		return nil, fmt.Errorf("use endpoint: %w", err)
	}
	l := &live{
		client: client, prop: set.Propagator, root: set.Sampler,
		server: trace.WithSpanKind(trace.SpanKindServer), // kept, as making one allocates
	}
	if l.prop == nil {
		l.prop = defaultPropagator()
	}
	if l.root == nil {
		if l.root, err = newRemoteSampler(set); err != nil {
			return nil, err
		}
	}
	l.tap, _ = set.Transport.(tap.Tap)
	res := set.resource()
	l.makePipes(set, otlp.NewResource(res))
	l.traces = sdktrace.NewTracerProvider(
		sdktrace.WithResource(res),
		sdktrace.WithSampler(gate{l.root}),
		sdktrace.WithIDGenerator(idGenerator{}),
		sdktrace.WithRawSpanLimits(set.spanLimits()),
		sdktrace.WithSpanProcessor(&spanProcessor{pipe: l.spans, tap: l.tap}),
	)
	l.tracer = l.traces.Tracer(scopeName)
	if !set.Metrics.NoHTTP {
		l.red = newRedTable(set.Metrics.SeriesLimit)
	}
	reader := sdkmetric.NewManualReader(l.readerOptions(set)...)
	l.metrics = sdkmetric.NewMeterProvider(
		sdkmetric.WithResource(res),
		sdkmetric.WithReader(reader),
		sdkmetric.WithCardinalityLimit(set.Metrics.SeriesLimit),
		sdkmetric.WithExemplarFilter(exemplar.AlwaysOffFilter),
	)
	l.collect = newCollector(reader, l, set.Metrics.Interval)
	return l, nil
}

func newRemoteSampler(set *settings) (*sampler.Remote, error) {
	kind := ""
	if set.task != nil {
		kind = "AWS::ECS::Container" // X-Ray: a rule's ServiceType is the segment's origin
	}
	return sampler.New(sampler.Config{Endpoint: set.sampling, ServiceName: set.Service, ServiceType: kind})
}

func (l *live) makePipes(set *settings, res otlp.Resource) {
	report := set.OnProblem
	if report == nil {
		report = printProblem(os.Stderr)
	}
	l.health = ship.NewHealth(func(p ship.Problem) { report(Problem(p)) })
	pipe := func(signal string, limit, classes int) *ship.Pipe {
		return ship.NewPipe(ship.Config{
			Signal: signal, Resource: res, Limit: limit, Classes: classes, Delay: sendDelay,
		}, l.client, l.health)
	}
	l.spans = pipe("traces", set.Limits.SpanBytes, 1)
	l.points = pipe("metrics", set.Limits.MetricBytes, 1)
	if set.Log.ToAgent {
		l.records = pipe("logs", set.Limits.LogBytes, logClasses)
	}
}

func (s *settings) spanLimits() sdktrace.SpanLimits {
	n := s.Limits.AttributesPerSpan
	return sdktrace.SpanLimits{
		AttributeValueLengthLimit:   s.Limits.ValueBytes,
		AttributeCountLimit:         n,
		AttributePerEventCountLimit: n,
		AttributePerLinkCountLimit:  n,
		EventCountLimit:             128,
		LinkCountLimit:              128,
	}
}

func (l *live) readerOptions(set *settings) []sdkmetric.ManualReaderOption {
	opts := []sdkmetric.ManualReaderOption{
		// CloudWatch adds up what it is given, so it is given differences.
		sdkmetric.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector),
		sdkmetric.WithProducer(&lossProducer{live: l}),
	}
	if l.red != nil {
		opts = append(opts, sdkmetric.WithProducer(l.red))
	}
	if !set.Metrics.NoRuntime {
		opts = append(opts, sdkmetric.WithProducer(newRuntimeProducer(time.Now())))
	}
	return opts
}

func (l *live) pipes() []*ship.Pipe {
	if l.records == nil {
		return []*ship.Pipe{l.spans, l.points}
	}
	return []*ship.Pipe{l.spans, l.points, l.records}
}

// run starts every goroutine there is.
func (l *live) run() {
	ctx, cancel := context.WithCancelCause(context.Background())
	l.stop = func() { cancel(errStopped) }
	for _, p := range l.pipes() {
		l.wg.Go(func() { p.Run(ctx) })
	}
	if r, ok := l.root.(*sampler.Remote); ok {
		l.wg.Go(func() { _ = r.Run(ctx) }) // its error is that ctx ended
	}
	l.collect.start()
}

var errStopped = errors.New("telemetry was shut down")

// Logger writes JSON lines that carry the trace and span of the context given
// to the …Context methods. It never blocks on the agent.
func (t *Telemetry) Logger() *slog.Logger {
	if t == nil {
		return slog.New(slog.DiscardHandler)
	}
	return t.logger
}

// Tracer is otel's, with scope as the instrumentation name.
func (t *Telemetry) Tracer(scope string) trace.Tracer {
	if t == nil || t.live == nil {
		return tracenoop.NewTracerProvider().Tracer(scope)
	}
	return t.live.traces.Tracer(scope)
}

// Meter is otel's, with scope as the instrumentation name.
func (t *Telemetry) Meter(scope string) metric.Meter {
	if t == nil || t.live == nil {
		return metricnoop.NewMeterProvider().Meter(scope)
	}
	return t.live.metrics.Meter(scope)
}

// Sampler decides about new traces: Config.Sampler or the account's rules. Use
// it where other instrumentation starts traces, so that both keep to the same
// share.
func (t *Telemetry) Sampler() sdktrace.Sampler {
	if t == nil || t.live == nil {
		return sdktrace.NeverSample()
	}
	return t.live.root
}
