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

// collector turns measurements into points at every interval. Between two
// collections it is a timer and no goroutine.
type collector struct {
	reader   *sdkmetric.ManualReader
	live     *live
	interval time.Duration

	mu    sync.Mutex // held for a collection
	data  metricdata.ResourceMetrics
	buf   []byte
	ended bool

	timerMu sync.Mutex
	timer   *time.Timer
}

func (c *collector) start() {
	c.timerMu.Lock()
	defer c.timerMu.Unlock()
	c.timer = time.AfterFunc(c.interval, c.tick)
}

func (c *collector) tick() {
	if err := c.now(context.Background()); err != nil {
		c.live.health.Fail("metrics", err)
	}
	c.timerMu.Lock()
	defer c.timerMu.Unlock()
	if c.timer != nil {
		c.timer.Reset(c.interval)
	}
}

// now collects and queues the points. After end it does nothing.
func (c *collector) now(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	return c.collectLocked(ctx)
}

// end collects for the last time.
func (c *collector) end(ctx context.Context) error {
	c.timerMu.Lock()
	c.timer.Stop()
	c.timer = nil
	c.timerMu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	return c.collectLocked(ctx)
}

// collectLocked survives a panic of an application's callback, which must not
// end the process from a goroutine that the application does not know.
func (c *collector) collectLocked(ctx context.Context) (err error) {
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
