package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/processor"
	"github.com/sidelight-dev/sidelight/agent/spend"
	"github.com/sidelight-dev/sidelight/internal/price"
)

// counted books the series of points on their way to next.
func (a *Agent) counted(next func(context.Context, []sidelight.Point) error) func(context.Context, []sidelight.Point) error {
	return func(ctx context.Context, points []sidelight.Point) error {
		a.spent.Points(time.Now(), points)
		return next(ctx, points)
	}
}

// loadPrices reads what AWS charges, and refuses a bound on money for what has no
// price.
func (a *Agent) loadPrices() error {
	a.prices = price.List()
	if file := a.cfg.AWS.Prices; file != "" {
		t, err := price.Load(file)
		if err != nil {
			return wrap("aws.prices", err)
		}
		a.prices = t
	}
	if a.cfg.Metrics.MaxMonthly > 0 && a.prices.Metric <= 0 {
		return wrap("metrics.max_monthly", errors.New("aws.prices has no price of a metric"))
	}
	if class := string(a.cfg.Logs.Class); a.cfg.Logs.MaxMonthly > 0 && a.prices.Logs[class] <= 0 {
		return wrap("logs.max_monthly", fmt.Errorf("aws.prices has no price of logs of the class %s", class))
	}
	return nil
}

// maxSeries is how many series there may be, and how many that take what is too
// much: as configured, or what the money is for, of which the latter get a tenth.
func (a *Agent) maxSeries() (series, overflow int) {
	c := a.cfg.Metrics
	if c.MaxMonthly == 0 {
		return c.MaxSeries, c.MaxSeries
	}
	n := max(2, int(float64(c.MaxMonthly)/a.prices.Metric))
	if n >= 2*c.MaxSeries {
		return c.MaxSeries, c.MaxSeries
	}
	overflow = max(1, n/10)
	series = min(n-overflow, c.MaxSeries)
	a.log.Info("series are bounded by metrics.max_monthly", "usd", float64(c.MaxMonthly), "series", series, "overflow_series", n-series)
	return series, n - series
}

// logBudget is what log events may cost, shared by all receivers; nil for no
// limit. It is made at the first call.
func (a *Agent) logBudget() *processor.Budget {
	usd := float64(a.cfg.Logs.MaxMonthly)
	if usd > 0 && a.budget == nil {
		month := usd / a.prices.Logs[string(a.cfg.Logs.Class)] * (1 << 30)
		a.budget = processor.NewBudget(month*24/price.HoursPerMonth, time.Now(), a.log)
	}
	return a.budget
}

// Spend is what the agent sent so far, in the units in which AWS charges for it.
func (a *Agent) Spend() spend.Report {
	now := time.Now()
	r := spend.Report{
		Format: spend.Format, Prices: a.prices, Region: a.id.Region, Began: a.began,
		Seconds: now.Sub(a.began).Seconds(), Hour: a.spent.Hour(now),
	}
	for _, l := range a.lanes {
		if l.name == metricsLane {
			r.MetricRequests += l.delivery.Stats().Succeeded
		}
	}
	for _, t := range a.routes.Totals() {
		switch {
		case t.Exporter == logsLane && a.cfg.Logs.Via == "cloudwatch" || t.Exporter == filesLane && a.cfg.Logs.Via == "cloudwatch":
			r.Logs = append(r.Logs, spend.Log{Group: t.Group, Class: string(a.cfg.Logs.Class), Events: t.Delivered, Bytes: t.Weight})
		case t.Exporter == metricsLane+"-otlp":
			r.OTLP = append(r.OTLP, spend.OTLP{Signal: "metrics", Items: t.Delivered, Bytes: t.Bytes})
		case t.Exporter == tracesLane && a.cfg.Traces.Via != "otlp":
			r.Segments += t.Delivered
		}
	}
	r.Traces = a.tracesBegun()
	return r
}

// tracesBegun is how many traces began here that were sent. Without span metrics
// nobody looks at spans, and none are known.
func (a *Agent) tracesBegun() uint64 {
	switch {
	case a.cfg.Traces.Via == "otlp":
		return 0
	case a.sampling != nil:
		return total(a.sampling.sampler.Stats().Kept)
	case a.spans != nil:
		return a.spans.Stats().Roots
	}
	return 0
}
