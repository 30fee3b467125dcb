package cloudwatch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/metricmath"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// insightsAge is how far back a query reads: two weeks.
const insightsAge = 14 * 24 * time.Hour

// other stands for a label that a metric does not have.
const other = "Other"

func (q *query) compileInsights(at string, period *int32) error {
	var err error
	if q.insights, err = parseInsights(q.text); err != nil {
		return expressionError(q, err)
	}
	// Finer periods are taken and answered by the minute.
	q.period = time.Minute
	if period != nil {
		q.period = max(q.period, time.Duration(*period)*time.Second)
	}
	return checkQueryPeriod(at+".Period", q.period)
}

// match reports whether the query reads a metric of an account.
func (q *insightsQuery) match(account string, id identity) bool {
	if id.namespace != q.namespace || id.name != q.metric {
		return false
	}
	if q.schema && !slices.EqualFunc(id.dims, q.keys, func(d dimension, name string) bool { return d.name == name }) {
		return false
	}
	for _, c := range q.where {
		value, ok := labelOf(account, id, c.key)
		if c.equal != (ok && value == c.value) {
			return false
		}
	}
	return true
}

func labelOf(account string, id identity, key string) (string, bool) {
	if key == accountKey {
		return account, true
	}
	for _, d := range id.dims {
		if d.name == key {
			return d.value, true
		}
	}
	return "", false
}

// group has the labels of the series that a metric is part of.
func (q *insightsQuery) group(account string, id identity) []string {
	values := make([]string, len(q.groups))
	for i, key := range q.groups {
		values[i] = other
		if v, ok := labelOf(account, id, key); ok {
			values[i] = v
		}
	}
	return values
}

// blank is the query's value without any data.
func (q *insightsQuery) blank(id string, period time.Duration) metricmath.Value {
	if len(q.groups) > 0 {
		return metricmath.ArrayOf()
	}
	return metricmath.Of(metricmath.Series{ID: id, Period: period})
}

// insights computes a query over the windows of sp: what the metrics of a group
// observed in a window is put together and the function applied to all of it.
// Without GROUP BY the result is one time series, with it one for each group
// that has data.
func (st *store) insights(sc scope, q *query, now time.Time, sp span) metricmath.Value {
	found := st.insightsSeries(sc, q, now, sp)
	switch {
	case len(q.insights.groups) > 0:
		out := make([]metricmath.Series, len(found))
		for i := range found {
			out[i] = found[i].Series
		}
		return metricmath.ArrayOf(out...)
	case len(found) == 0:
		return q.insights.blank(q.id, q.period)
	}
	return metricmath.Of(found[0].Series)
}

// groupSeries is the series of a group, whose attributes are the labels of GROUP BY.
type groupSeries struct {
	metricmath.Series
	attributes map[string]string
}

// groupSum puts together what the metrics of a group observed.
type groupSum struct {
	values  []string
	windows []distribution
}

// insightsSeries are the series of a query that have data, in the order asked for.
func (st *store) insightsSeries(sc scope, q *query, now time.Time, sp span) []groupSeries {
	in := q.insights
	sp.windows = slices.DeleteFunc(slices.Clone(sp.windows), func(w alarm.Window) bool { return w.Start.Before(now.Add(-insightsAge)) })
	found := st.list(sc, func(id identity) bool { return in.match(sc.account, id) })
	groups := make(map[string]*groupSum)
	for _, l := range found[:min(len(found), maxInsightsMetrics)] {
		values := in.group(sc.account, l.identity)
		key := strings.Join(values, "\x00")
		sum := groups[key]
		if sum == nil {
			sum = &groupSum{values, make([]distribution, len(sp.windows))}
			groups[key] = sum
		}
		for i, d := range st.read(sc, l.identity, "", now, sp) {
			if d.count > 0 {
				sum.windows[i].widen(d.count, d.sum, d.min, d.max)
			}
		}
	}
	var out []groupSeries
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		sum := groups[key]
		s := groupSeries{metricmath.Series{ID: q.id, Label: strings.Join(sum.values, " "), Period: q.period}, make(map[string]string)}
		for i, name := range in.groups {
			s.attributes[name] = sum.values[i]
		}
		for i, d := range sum.windows {
			if v, ok := in.stat.eval(&d); ok {
				s.Points = append(s.Points, metricmath.Point{Time: sp.windows[i].Start.Unix(), Value: v})
			}
		}
		if len(s.Points) > 0 {
			out = append(out, s)
		}
	}
	return in.first(out)
}

// first puts series in the order asked for and cuts them to the limit. ORDER BY
// compares one number that its function makes of each series' points.
func (q *insightsQuery) first(all []groupSeries) []groupSeries {
	if !q.ordered {
		return all[:min(len(all), q.limit)]
	}
	stat, _ := insightsStatistic(q.scalar)
	rank := func(s *groupSeries) float64 {
		var d distribution
		for _, p := range s.Points {
			d.widen(1, p.Value, p.Value, p.Value)
		}
		v, _ := stat.eval(&d)
		return v
	}
	order.Stable(all, func(a, b groupSeries) int {
		if q.falling {
			a, b = b, a
		}
		return cmp.Compare(rank(&a), rank(&b))
	})
	return all[:min(len(all), q.limit)]
}

// oneInsights refuses a second query, as GetMetricData does.
func (set *querySet) oneInsights() error {
	var first *query
	for _, q := range set.queries {
		switch {
		case q.insights == nil:
		case first != nil:
			return fmt.Errorf("there can be only one Metrics Insights query, and %s and %s are ones", first.id, q.id)
		default:
			first = q
		}
	}
	return nil
}
