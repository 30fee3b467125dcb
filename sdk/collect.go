package sdk

import (
	"context"
	"fmt"
	"sync"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
)

// collectTimeout is how long a periodic collection is waited for before it
// counts as trouble.
const collectTimeout = 30 * time.Second

// collector turns measurements into points at every interval. Between two
// collections it is a timer and no goroutine.
type collector struct {
	reader   *sdkmetric.ManualReader
	live     *live
	interval time.Duration

	// turn holds a token while nobody collects. Unlike a lock it can be waited
	// for with a deadline.
	turn  chan struct{}
	data  metricdata.ResourceMetrics
	buf   []byte
	ended bool

	timerMu sync.Mutex
	timer   *time.Timer
}

func newCollector(reader *sdkmetric.ManualReader, l *live, interval time.Duration) *collector {
	c := &collector{reader: reader, live: l, interval: interval, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

func (c *collector) start() {
	c.timerMu.Lock()
	defer c.timerMu.Unlock()
	c.timer = time.AfterFunc(c.interval, c.tick)
}

func (c *collector) tick() {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	if err := c.now(ctx); err != nil {
		c.live.health.Fail("metrics", err)
	}
	c.timerMu.Lock()
	defer c.timerMu.Unlock()
	if c.timer != nil {
		c.timer.Reset(c.interval)
	}
}

// now collects and queues the points, if that can be done before ctx ends: an
// application's callback may hang, and Flush and Shutdown must not. After end
// it does nothing.
func (c *collector) now(ctx context.Context) error { return c.bounded(ctx, false) }

// end collects for the last time, as now does.
func (c *collector) end(ctx context.Context) error {
	c.timerMu.Lock()
	c.timer.Stop()
	c.timer = nil
	c.timerMu.Unlock()
	return c.bounded(ctx, true)
}

func (c *collector) bounded(ctx context.Context, last bool) error {
	select {
	case <-c.turn:
	case <-ctx.Done():
		return hangs(ctx)
	}
	done := make(chan error, 1)
	go func() {
		defer func() { c.turn <- struct{}{} }()
		if c.ended {
			done <- nil
			return
		}
		c.ended = last
		done <- c.collect(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return hangs(ctx)
	}
}

func hangs(ctx context.Context) error {
	return fmt.Errorf("collect metrics: a callback hangs: %w", context.Cause(ctx))
}

// collect survives a panic of an application's callback, which must not
// end the process from a goroutine that the application does not know.
func (c *collector) collect(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("collect metrics: a callback panicked: %v", v)
		}
	}()
	err = c.reader.Collect(ctx, &c.data)
	if c.live.tap != nil {
		c.live.tap.Metrics(&c.data)
	}
	for i := range c.data.ScopeMetrics {
		scope := &c.data.ScopeMetrics[i]
		for j := range scope.Metrics {
			var points int
			c.buf, points = otlp.AppendMetric(c.buf[:0], &scope.Metrics[j])
			if points > 0 {
				c.live.points.Add(scope.Scope, 0, points, c.buf)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("collect metrics: %w", err)
	}
	return nil
}
