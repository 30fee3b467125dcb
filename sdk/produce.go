package sdk

import (
	"context"
	"runtime/metrics"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/sidelight-dev/sidelight/sdk/internal/ship"
)

// The runtime metrics that are read, by their place in runtimeProducer's
// samples.
const (
	goroutines = iota
	memoryTotal
	memoryReleased
	memoryStacks
	gcGoal
	allocated
	gcCycles
	maxProcs
	runtimeSamples
)

var runtimeNames = [runtimeSamples]string{
	goroutines:     "/sched/goroutines:goroutines",
	memoryTotal:    "/memory/classes/total:bytes",
	memoryReleased: "/memory/classes/heap/released:bytes",
	memoryStacks:   "/memory/classes/heap/stacks:bytes",
	gcGoal:         "/gc/heap/goal:bytes",
	allocated:      "/gc/heap/allocs:bytes",
	gcCycles:       "/gc/cycles/total:gc-cycles",
	maxProcs:       "/sched/gomaxprocs:threads",
}

// runtimeProducer reads the Go runtime's metrics. Their names are those of
// OpenTelemetry's Go conventions, and go.memory.gc.cycles, which these lack.
type runtimeProducer struct {
	mu      sync.Mutex
	samples [runtimeSamples]metrics.Sample
	last    [runtimeSamples]uint64
	start   time.Time
}

var _ sdkmetric.Producer = (*runtimeProducer)(nil)

func newRuntimeProducer(now time.Time) *runtimeProducer {
	p := &runtimeProducer{start: now}
	for i, name := range runtimeNames {
		p.samples[i].Name = name
	}
	return p
}

// Produce implements [sdkmetric.Producer].
func (p *runtimeProducer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	metrics.Read(p.samples[:])
	var v [runtimeSamples]uint64
	for i := range p.samples {
		if p.samples[i].Value.Kind() == metrics.KindUint64 {
			v[i] = p.samples[i].Value.Uint64()
		}
	}
	now := time.Now()
	stacks := attribute.NewSet(attribute.String("go.memory.type", "stack"))
	other := attribute.NewSet(attribute.String("go.memory.type", "other"))
	used := gauge("go.memory.used", "By", now, v[memoryTotal]-v[memoryReleased]-v[memoryStacks], other)
	used.Data = metricdata.Gauge[int64]{DataPoints: append(
		used.Data.(metricdata.Gauge[int64]).DataPoints,
		metricdata.DataPoint[int64]{Attributes: stacks, Time: now, Value: int64(v[memoryStacks])})}
	out := scoped([]metricdata.Metrics{
		gauge("go.goroutine.count", "{goroutine}", now, v[goroutines], attribute.Set{}),
		gauge("go.memory.gc.goal", "By", now, v[gcGoal], attribute.Set{}),
		gauge("go.processor.limit", "{thread}", now, v[maxProcs], attribute.Set{}),
		used,
		p.growth("go.memory.allocated", "By", now, v[:], allocated),
		p.growth("go.memory.gc.cycles", "{cycle}", now, v[:], gcCycles),
	})
	p.last, p.start = v, now
	return out, nil
}

func gauge(name, unit string, now time.Time, v uint64, attrs attribute.Set) metricdata.Metrics {
	return metricdata.Metrics{Name: name, Unit: unit, Data: metricdata.Gauge[int64]{
		DataPoints: []metricdata.DataPoint[int64]{{Attributes: attrs, Time: now, Value: int64(v)}},
	}}
}

func (p *runtimeProducer) growth(name, unit string, now time.Time, v []uint64, i int) metricdata.Metrics {
	return metricdata.Metrics{Name: name, Unit: unit, Data: metricdata.Sum[int64]{
		Temporality: metricdata.DeltaTemporality, IsMonotonic: true,
		DataPoints: []metricdata.DataPoint[int64]{{StartTime: p.start, Time: now, Value: int64(v[i] - p.last[i])}},
	}}
}

// lossProducer reports what was dropped since the last collection, as the
// counter sidelight.sdk.dropped by signal and cause.
type lossProducer struct {
	live *live

	mu    sync.Mutex
	start time.Time
	last  [3]ship.Counts
}

var _ sdkmetric.Producer = (*lossProducer)(nil)

// Produce implements [sdkmetric.Producer]. Without losses there is no point,
// so a healthy service pays for no metric.
func (p *lossProducer) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	var points []metricdata.DataPoint[int64]
	for i, pipe := range p.live.pipes() {
		counts := pipe.Counts()
		for cause, n := range counts.Dropped {
			if grown := n - p.last[i].Dropped[cause]; grown > 0 {
				points = append(points, metricdata.DataPoint[int64]{
					Attributes: attribute.NewSet(
						attribute.String("signal", pipe.Signal()), attribute.String("cause", ship.Cause(cause).String())),
					StartTime: p.start, Time: now, Value: int64(grown),
				})
			}
		}
		p.last[i] = counts
	}
	p.start = now
	if len(points) == 0 {
		return nil, nil
	}
	return scoped([]metricdata.Metrics{{
		Name: "sidelight.sdk.dropped", Unit: "{item}", Description: "Spans, log records and metric points that were lost.",
		Data: metricdata.Sum[int64]{Temporality: metricdata.DeltaTemporality, IsMonotonic: true, DataPoints: points},
	}}), nil
}
