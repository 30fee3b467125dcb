package agent

import (
	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/aggregate"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// buildAggregate makes what sums measurements.
func (a *Agent) buildAggregate() error {
	c := a.cfg.Metrics
	a.aggregate = aggregate.New(aggregate.Config{
		Interval: c.Interval, Namespace: c.Namespace, MaxSeries: a.maxSeries(), MaxPerMetric: c.MaxSeriesPerMetric,
		Dimensions: a.dimensions(), Exact: []string{scraper.InsightsNamespace, scraper.CWAgentNamespace, spanmetrics.Namespace, spanmetrics.SignalsNamespace},
		Collect: a.collect,
		Lose:    func(cause string, n int) { a.books.Lose(sidelight.Metrics, cause, n) },
	}, a.counted(a.sendPoints()), a.log)
	return nil
}

// metricReport tells how many series there are, and who has too many.
func (a *Agent) metricReport(r *status.Report) {
	st := a.aggregate.Stats()
	r.Series, r.Overflow, r.Offenders = st.Series, st.Overflow, st.Offenders
	for _, cause := range aggregate.DerivedCauses() {
		if n := st.Lost[cause]; n > 0 {
			if r.Underived == nil {
				r.Underived = map[string]uint64{}
			}
			r.Underived[cause] = n
		}
	}
}

// registerSeries makes the same readable for Prometheus.
func (a *Agent) registerSeries(m *meter.Set) {
	m.Func("sidelight_metric_series", "series that are summed, also idle ones", func() float64 { return float64(a.aggregate.Stats().Series) })
	m.Collect("sidelight_metric_overflow_total", "measurements of metrics with too many series, which were summed into one", "counter", func(emit func(float64, ...string)) {
		for name, n := range a.aggregate.Stats().Overflow {
			emit(float64(n), "metric", name)
		}
	})
	m.Collect("sidelight_metric_offender_values", "values of the dimension that gives a metric too many series, in the last interval", "gauge", func(emit func(float64, ...string)) {
		for _, o := range a.aggregate.Stats().Offenders {
			emit(float64(o.Values), "namespace", o.Namespace, "metric", o.Metric, "dimension", o.Dimension)
		}
	})
	m.Collect("sidelight_metric_lost_total", "measurements that could not be summed, and derived metrics that could not be computed", "counter", func(emit func(float64, ...string)) {
		for cause, n := range a.aggregate.Stats().Lost {
			emit(float64(n), "cause", cause)
		}
	})
}
