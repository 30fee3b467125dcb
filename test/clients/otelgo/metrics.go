package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// metrics uses every instrument in two rounds, and exports after each: to agent,
// by OTLP over gRPC, in the temporality that is named.
func metrics(ctx context.Context, agent, temporality string) error {
	exporter, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpoint(agent), otlpmetricgrpc.WithInsecure(),
		otlpmetricgrpc.WithTemporalitySelector(func(k sdk.InstrumentKind) metricdata.Temporality {
			if temporality == "delta" {
				return sdk.DeltaTemporalitySelector(k)
			}
			return metricdata.CumulativeTemporality
		}))
	if err != nil {
		return fmt.Errorf("make exporter: %w", err)
	}
	// The start of what is measured must be later than that of the agent, in
	// whole milliseconds too.
	time.Sleep(10 * time.Millisecond)
	provider := sdk.NewMeterProvider(
		sdk.WithReader(sdk.NewPeriodicReader(exporter, sdk.WithInterval(time.Hour))),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "metrics"), attribute.String("host.name", "h1"))),
		sdk.WithView(sdk.NewView(sdk.Instrument{Name: "size"}, sdk.Stream{Aggregation: sdk.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})),
	)
	round, err := instruments(provider.Meter("test"))
	if err != nil {
		return err
	}
	for range 2 {
		round(ctx)
		if err := provider.ForceFlush(ctx); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	return provider.Shutdown(ctx)
}

// instruments returns what uses each of them once.
func instruments(m metric.Meter) (round func(context.Context), err error) {
	counter, err1 := m.Int64Counter("orders", metric.WithUnit("{order}"))
	cart, err2 := m.Int64UpDownCounter("cart")
	latency, err3 := m.Float64Histogram("latency", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(0.1, 0.25, 0.5, 1, 2.5))
	size, err4 := m.Float64Histogram("size", metric.WithUnit("By"))
	level, err5 := m.Float64Gauge("level", metric.WithUnit("%"))
	total := int64(0)
	_, err6 := m.Int64ObservableCounter("observed", metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(total)
		return nil
	}))
	_, err7 := m.Float64ObservableGauge("watched", metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
		o.Observe(42)
		return nil
	}))
	return func(ctx context.Context) {
		route := metric.WithAttributes(attribute.String("route", "/pay"))
		counter.Add(ctx, 30, route)
		cart.Add(ctx, 5)
		cart.Add(ctx, -2)
		level.Record(ctx, 12.5)
		total += 7
		for i := 1; i <= 100; i++ {
			latency.Record(ctx, float64(i)/50) // evenly up to 2
			size.Record(ctx, float64(i*i))
		}
	}, errors.Join(err1, err2, err3, err4, err5, err6, err7)
}
