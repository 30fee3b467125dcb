//go:build !agentonly

package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidelight-dev/sidelight/internal/problem"
	"github.com/sidelight-dev/sidelight/internal/query"
	"github.com/sidelight-dev/sidelight/internal/render"
)

func (a *app) metricsCommand() *cobra.Command {
	return parent(&cobra.Command{
		Use:   "metrics",
		Short: "List metrics and read their values",
		Example: `  sidelight metrics list Sidelight/Host
  sidelight metrics get 'avg(Sidelight/Host:cpu_usage_active{service=orders})' --since 3h`,
	}, a.metricsListCommand(), a.metricsGetCommand())
}

func (a *app) metricsListCommand() *cobra.Command {
	var q query.MetricsQuery
	var dims []string
	cmd := &cobra.Command{
		Use:   "list [NAMESPACE[:METRIC]]",
		Short: "List metrics",
		Long: `Lists metrics that got data in the last two weeks, written as "metrics get" and
the alarms of recipes take them.`,
		Example: `  sidelight metrics list
  sidelight metrics list AWS/ECS:CPUUtilization --dim ServiceName=orders`,
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.StringArrayVarP(&dims, "dim", "d", nil, "only with this dimension, `NAME=VALUE` or NAME; may be repeated")
	f.BoolVar(&q.Recent, "recent", false, "only what got data in the last three hours")
	f.IntVarP(&q.Limit, "limit", "n", 500, "at most `N` metrics; 0 means all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			q.Namespace, q.Name, _ = strings.Cut(args[0], ":")
		}
		for _, d := range dims {
			name, value, _ := strings.Cut(d, "=")
			if name == "" {
				return usage("--dim %q: expected Name=value or Name", d)
			}
			q.Dimensions = append(q.Dimensions, query.Dimension{Name: name, Value: value})
		}
		return a.metricsList(cmd.Context(), q)
	}
	return cmd
}

func (a *app) metricsList(ctx context.Context, q query.MetricsQuery) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	l, err := c.Metrics.List(ctx, q)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(metricsJSON(l))
	}
	t := table("namespace", "metric", "dimensions")
	for _, m := range l.Metrics {
		_, dims, _ := strings.Cut(strings.TrimSuffix(m.String(), "}"), m.Name+"{")
		t.Row(render.Cells(m.Namespace, m.Name, dims)...)
	}
	if t.Len() > 0 {
		fmt.Fprint(a.out, t.Draw(a.style()))
	}
	more := ""
	if l.More {
		more = ", and there are more: --limit 0"
	}
	a.note("%s%s", render.Plural(len(l.Metrics), "metric"), more)
	return nil
}

type metricJSON struct {
	Namespace  string            `json:"namespace"`
	Metric     string            `json:"metric"`
	Dimensions map[string]string `json:"dimensions"`
}

func asMetricJSON(m query.Metric) metricJSON {
	dims := map[string]string{}
	for _, d := range m.Dimensions {
		dims[d.Name] = d.Value
	}
	return metricJSON{m.Namespace, m.Name, dims}
}

func metricsJSON(l *query.MetricList) any {
	list := make([]metricJSON, 0, len(l.Metrics))
	for _, m := range l.Metrics {
		list = append(list, asMetricJSON(m))
	}
	return struct {
		Format  string       `json:"format"`
		More    bool         `json:"more"`
		Metrics []metricJSON `json:"metrics"`
	}{"sidelight.metrics/1", l.More, list}
}

func (a *app) metricsGetCommand() *cobra.Command {
	var stat, period string
	cmd := &cobra.Command{
		Use:   "get EXPR…",
		Short: "Read values of metrics",
		Long: `Reads series, each written as stat(Namespace:Metric{Dimension=value,…}) with the
statistics avg sum min max count, p0 to p100, tm, tc, ts, wm, iqm and pr(a:b).
Without a statistic it is that of --stat.`,
		Example: `  sidelight metrics get 'avg(Sidelight/Host:cpu_usage_active{service=orders})'
  sidelight metrics get 'p50(Shop:ms{route=/pay})' 'p99(Shop:ms{route=/pay})' --since 1d --period 15m`,
		Args: cobra.MinimumNArgs(1),
	}
	times := a.timeFlags(cmd, "1h")
	cmd.Flags().StringVarP(&period, "period", "p", "auto", "`LENGTH` of one value, as 1m or 1h; auto gives at most 120")
	cmd.Flags().StringVar(&stat, "stat", "avg", "`STATISTIC` of metrics without one")
	fail := addFailFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var q query.DataQuery
		var err error
		now := time.Now()
		if q.From, q.To, err = times.resolve(now, a.zone()); err != nil {
			return err
		}
		if q.Operands, err = operands(args, stat); err != nil {
			return err
		}
		if q.Period, err = parsePeriod(period); err != nil {
			return err
		}
		if q.Period == 0 {
			q.Period = query.AutoPeriod(q.From, q.To, now)
		}
		return a.metricsGet(cmd.Context(), q, fail)
	}
	return cmd
}

func operands(args []string, stat string) ([]query.Operand, error) {
	if _, ok := query.Statistic(stat); !ok {
		return nil, statHint(stat, usage("--stat %q is not a statistic", stat))
	}
	var out []query.Operand
	for _, text := range args {
		o, err := query.ParseOperand(text, stat)
		if err != nil {
			word, _, _ := strings.Cut(text, "(")
			return nil, statHint(word, usage("%v", err))
		}
		out = append(out, o)
	}
	return out, nil
}

// statHint adds what was meant to an error about a word that is no statistic.
func statHint(word string, err error) error {
	if _, ok := query.Statistic(word); ok {
		return err
	}
	if near, ok := problem.Nearest(word, query.StatNames()); ok {
		return &hintError{err: err, hint: near}
	}
	return err
}

// parsePeriod reads a period that CloudWatch has, zero for auto (API reference,
// MetricStat: 1, 5, 10, 20, 30 or a multiple of 60 seconds).
func parsePeriod(text string) (time.Duration, error) {
	if text == "auto" {
		return 0, nil
	}
	d, err := parseSpan(text)
	if err != nil {
		return 0, usage("--period %v, or auto", err)
	}
	switch d {
	case time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second:
		return d, nil
	}
	if d <= 0 || d%time.Minute != 0 || d > 24*time.Hour {
		return 0, usage("--period %s: expected 1s, 5s, 10s, 20s, 30s, or whole minutes to 24h", text)
	}
	return d, nil
}

func (a *app) metricsGet(ctx context.Context, q query.DataQuery, fail *failFlags) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	c, err := a.client(ctx)
	if err != nil {
		return err
	}
	series, err := c.Metrics.Data(ctx, q)
	if err != nil {
		return err
	}
	points := 0
	for _, s := range series {
		points += len(s.Points)
		for _, n := range s.Notes {
			a.note("%s: %s", s.Operand.Text, n)
		}
	}
	if asJSON {
		if err := a.printJSON(seriesJSON(q, series)); err != nil {
			return err
		}
		return fail.held(points)
	}
	a.printSeries(q, series)
	return fail.held(points)
}

func (a *app) printSeries(q query.DataQuery, series []query.Series) {
	st := a.style()
	labels := 0
	for _, s := range series {
		labels = max(labels, render.Width(statLabel(s.Operand)))
	}
	// The five numbers and the gaps take about 45 cells.
	room := min(60, max(12, a.width()-labels-45))
	t := table("metric", "", ">last", ">min", ">max", ">mean", ">values")
	for _, s := range series {
		last, low, high, mean := summarize(s.Points)
		spark := st.Sparkline(shrink(s.Grid(q.From, q.To, q.Period), room))
		t.Row(render.Cells(statLabel(s.Operand), spark, render.Number(last), render.Number(low), render.Number(high), render.Number(mean), render.Count(int64(len(s.Points))))...)
		if len(s.Points) == 0 {
			a.note("no data: %s; sidelight metrics list %s shows what there is", s.Operand.Text, s.Operand.Metric.Namespace)
		}
	}
	fmt.Fprint(a.out, t.Draw(st))
	a.note("%s to %s, a value each %s", q.From.In(a.zone()).Format(time.DateTime), q.To.In(a.zone()).Format(time.DateTime), render.Duration(q.Period))
}

func statLabel(o query.Operand) string {
	if strings.HasSuffix(o.Text, ")") {
		return o.Text
	}
	return o.Stat + " " + o.Text
}

// shrink takes means of neighbours until there are no more values than width.
// Where none has a value, none is shown.
func shrink(values []float64, width int) []float64 {
	if len(values) <= width {
		return values
	}
	out := make([]float64, width)
	for i := range out {
		sum, n := 0.0, 0
		for _, v := range values[i*len(values)/width : (i+1)*len(values)/width] {
			if !math.IsNaN(v) {
				sum, n = sum+v, n+1
			}
		}
		out[i] = sum / float64(n) // not a number if n is 0
	}
	return out
}

// summarize returns numbers of a series, NaN if it is empty.
func summarize(points []query.Point) (last, low, high, mean float64) {
	if len(points) == 0 {
		return math.NaN(), math.NaN(), math.NaN(), math.NaN()
	}
	low, high = math.Inf(1), math.Inf(-1)
	for _, p := range points {
		last, low, high = p.Value, min(low, p.Value), max(high, p.Value)
		mean += p.Value / float64(len(points))
	}
	return last, low, high, mean
}

type pointJSON struct {
	Time  string  `json:"time"`
	Value float64 `json:"value"`
}

func seriesJSON(q query.DataQuery, series []query.Series) any {
	type oneJSON struct {
		Expression string `json:"expression"`
		Stat       string `json:"stat"`
		metricJSON
		Points []pointJSON `json:"points"`
	}
	list := make([]oneJSON, 0, len(series))
	for _, s := range series {
		j := oneJSON{s.Operand.Text, s.Operand.Stat, asMetricJSON(s.Operand.Metric), make([]pointJSON, 0, len(s.Points))}
		for _, p := range s.Points {
			j.Points = append(j.Points, pointJSON{rfc(p.Time), p.Value})
		}
		list = append(list, j)
	}
	return struct {
		Format        string    `json:"format"`
		From          string    `json:"from"`
		To            string    `json:"to"`
		PeriodSeconds int       `json:"period_seconds"`
		Series        []oneJSON `json:"series"`
	}{"sidelight.series/1", rfc(q.From), rfc(q.To), int(q.Period / time.Second), list}
}
