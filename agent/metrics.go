package agent

import (
	"fmt"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/aggregate"
	"github.com/sidelight-dev/sidelight/agent/config"
	"github.com/sidelight-dev/sidelight/agent/processor/spanmetrics"
	"github.com/sidelight-dev/sidelight/agent/scraper"
	"github.com/sidelight-dev/sidelight/agent/status"
	"github.com/sidelight-dev/sidelight/internal/expr"
	"github.com/sidelight-dev/sidelight/internal/meter"
)

// buildAggregate makes what sums measurements.
func (a *Agent) buildAggregate() error {
	c := a.cfg.Metrics
	rules, err := a.metricRules()
	if err != nil {
		return err
	}
	derived, err := a.derivedMetrics()
	if err != nil {
		return err
	}
	series, overflow := a.maxSeries()
	a.aggregate = aggregate.New(aggregate.Config{
		Interval: c.Interval, Namespace: c.Namespace, MaxSeries: series, MaxOverflow: overflow, MaxPerMetric: c.MaxSeriesPerMetric, Hourly: c.MaxMonthly > 0,
		Dimensions: a.dimensions(), Exact: []string{scraper.InsightsNamespace, scraper.CWAgentNamespace, spanmetrics.Namespace, spanmetrics.SignalsNamespace},
		Rules: rules, Derived: derived, Collect: a.collect,
		Lose: func(cause string, n int) { a.books.Lose(sidelight.Metrics, cause, n) },
	}, a.counted(a.sendPoints()), a.log)
	return nil
}

// metricRules compiles the configured rules.
func (a *Agent) metricRules() ([]aggregate.Rule, error) {
	out := make([]aggregate.Rule, 0, len(a.cfg.Metrics.Rules))
	for i, r := range a.cfg.Metrics.Rules {
		rule := aggregate.Rule{
			Drop: r.Drop, Namespace: r.Namespace, Rename: r.Rename, Unit: string(r.Unit), Resolution: int(r.Resolution), MaxSeries: r.MaxSeries,
			Keep: r.Dimensions.Keep, KeepOnly: r.Dimensions.Keep != nil, Remove: r.Dimensions.Drop, Rollup: r.Rollup, Via: string(r.Via),
		}
		if r.Match != "" {
			x, err := expr.Parse(string(r.Match))
			if err != nil {
				return nil, fmt.Errorf("metrics.rules[%d].match: %w", i, err)
			}
			rule.Match = x
		}
		for _, p := range r.Dimensions.Add {
			if v := a.names.expand(config.Template(p.Value), "", ""); v != "" {
				rule.Add = append(rule.Add, sidelight.Dimension{Name: p.Name, Value: v})
			}
		}
		out = append(out, rule)
	}
	return out, nil
}

func (a *Agent) derivedMetrics() ([]aggregate.Derived, error) {
	out := make([]aggregate.Derived, 0, len(a.cfg.Metrics.Derived))
	for i, m := range a.cfg.Metrics.Derived {
		f, err := expr.ParseFormula(string(m.Value))
		if err != nil {
			return nil, fmt.Errorf("metrics.derived[%d].value: %w", i, err)
		}
		out = append(out, aggregate.Derived{Name: m.Name, Namespace: m.Namespace, From: m.From, Unit: string(m.Unit), Value: f})
	}
	return out, nil
}

// metricReport tells how many series there are, and who has too many.
func (a *Agent) metricReport(r *status.Report) {
	st := a.aggregate.Stats()
	r.Series, r.Overflow, r.Offenders, r.LeftOut = st.Series, st.Overflow, st.Offenders, a.leftOut(st.Cut)
	for _, cause := range aggregate.DerivedCauses() {
		if n := st.Lost[cause]; n > 0 {
			if r.Underived == nil {
				r.Underived = map[string]uint64{}
			}
			r.Underived[cause] = n
		}
	}
}

// leftOut tells what the scrapers do not measure, and of how many series some
// dimensions were left out.
func (a *Agent) leftOut(cut uint64) []status.LeftOut {
	var out []status.LeftOut
	if r := a.scraping.Load(); r != nil {
		for _, x := range r.LeftOut() {
			out = append(out, status.LeftOut{By: x.Scraper, What: x.Kind, Count: x.Count, Bound: x.Bound})
		}
	}
	if cut > 0 {
		out = append(out, status.LeftOut{By: "metrics", What: "series' dimensions beyond the bound", Count: int(cut), Bound: aggregate.MaxDimensions})
	}
	return out
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
	m.Collect("sidelight_left_out", "things that are there and not measured, since there are more than the bound; see /status", "gauge", func(emit func(float64, ...string)) {
		for _, x := range a.leftOut(a.aggregate.Stats().Cut) {
			emit(float64(x.Count), "by", x.By, "what", x.What)
		}
	})
	m.Collect("sidelight_metric_lost_total", "measurements that could not be summed, and derived metrics that could not be computed", "counter", func(emit func(float64, ...string)) {
		for cause, n := range a.aggregate.Stats().Lost {
			emit(float64(n), "cause", cause)
		}
	})
}
