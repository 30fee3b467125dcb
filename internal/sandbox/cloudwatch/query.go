package cloudwatch

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/metricmath"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// Limits of a metric data query.
const (
	maxExpression = 2048
	maxQueryID    = 255
)

var queryID = lazyregexp.New(`^[a-z][A-Za-z0-9_]*$`)

// bandFunction is the function whose result depends on data before the request.
const bandFunction = "ANOMALY_DETECTION_BAND"

// query is one compiled MetricDataQuery: a metric or an expression.
type query struct {
	id, label string
	returns   bool
	period    time.Duration

	metric  *identity // nil for an expression
	account string    // empty for the caller's
	unit    string
	stat    statistic

	insights *insightsQuery // nil for metrics and other expressions

	expr     *metricmath.Expr
	text     string
	resolved bool
}

// querySet is a request's queries in order. It is not changed after compiling.
type querySet struct {
	queries []*query
	byID    map[string]*query
}

// compile validates queries and resolves their references and periods. Its
// errors speak of members of the list called path; those that refuse what the
// sandbox cannot do are *api.Error.
func compile(path string, in []types.MetricDataQuery) (*querySet, error) {
	set := &querySet{byID: make(map[string]*query)}
	for i := range in {
		at := fmt.Sprintf("%s.member.%d", path, i+1)
		q, err := compileQuery(at, &in[i])
		if err != nil {
			return nil, err
		}
		if set.byID[q.id] != nil {
			return nil, fmt.Errorf("%s.Id repeats the ID %s", at, q.id)
		}
		set.byID[q.id] = q
		set.queries = append(set.queries, q)
	}
	for _, q := range set.queries {
		if err := set.resolve(q, nil); err != nil {
			return nil, err
		}
	}
	if err := set.oneInsights(); err != nil {
		return nil, err
	}
	return set, set.typecheck()
}

func compileQuery(at string, in *types.MetricDataQuery) (*query, error) {
	q := &query{
		id: aws.ToString(in.Id), label: aws.ToString(in.Label),
		returns: in.ReturnData == nil || *in.ReturnData, account: aws.ToString(in.AccountId),
	}
	if len(q.id) > maxQueryID || !queryID.MatchString(q.id) {
		return nil, fmt.Errorf("%s.Id %q is invalid: it must start with a lower-case letter and hold only letters, digits and underscores", at, q.id)
	}
	hasExpression := in.Expression != nil && *in.Expression != ""
	switch {
	case hasExpression && in.MetricStat != nil:
		return nil, fmt.Errorf("%s must have either MetricStat or Expression, not both", at)
	case hasExpression:
		return q, q.compileExpression(at, in)
	case in.MetricStat != nil:
		return q, q.compileStat(at, in)
	}
	return nil, fmt.Errorf("%s must have MetricStat or Expression", at)
}

func (q *query) compileExpression(at string, in *types.MetricDataQuery) error {
	q.text = *in.Expression
	if len(q.text) > maxExpression {
		return fmt.Errorf("%s.Expression must be at most %d characters long", at, maxExpression)
	}
	if isInsights(q.text) {
		return q.compileInsights(at, in.Period)
	}
	var err error
	if q.expr, err = metricmath.Parse(q.text); err != nil {
		return expressionError(q, err)
	}
	for _, f := range []string{"INSIGHT_RULE_METRIC", "SERVICE_QUOTA", "LAMBDA", "DB_PERF_INSIGHTS"} {
		if q.expr.Calls(f) {
			return unsupported("the function %s (%s.Expression)", f, at)
		}
	}
	if in.Period == nil {
		return nil
	}
	q.period = time.Duration(*in.Period) * time.Second
	return checkQueryPeriod(at+".Period", q.period)
}

func (q *query) compileStat(at string, in *types.MetricDataQuery) error {
	at += ".MetricStat"
	stat, m := in.MetricStat, in.MetricStat.Metric
	switch {
	case m == nil:
		return fmt.Errorf("%s.Metric is required", at)
	case aws.ToString(m.MetricName) == "":
		return fmt.Errorf("%s.Metric.MetricName is required", at)
	case aws.ToString(m.Namespace) == "":
		return fmt.Errorf("%s.Metric.Namespace is required", at)
	case stat.Period == nil && in.Period == nil:
		return fmt.Errorf("%s.Period is required", at)
	}
	dims, err := checkDimensions(at+".Metric.", m.Dimensions)
	if err != nil {
		return err
	}
	id := newIdentity(*m.Namespace, *m.MetricName, dims)
	q.metric, q.unit = &id, string(stat.Unit)
	q.period = time.Duration(aws.ToInt32(stat.Period)) * time.Second
	if stat.Period == nil {
		q.period = time.Duration(*in.Period) * time.Second
	}
	if err := checkQueryPeriod(at+".Period", q.period); err != nil {
		return err
	}
	if q.stat, err = parseStatistic(aws.ToString(stat.Stat)); err != nil {
		return fmt.Errorf("%s.Stat: %w", at, err)
	}
	return nil
}

// checkQueryPeriod allows 1, 5, 10, 20 and 30 seconds and multiples of 60.
func checkQueryPeriod(at string, p time.Duration) error {
	switch p {
	case time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second:
		return nil
	}
	if p <= 0 || p%time.Minute != 0 {
		return fmt.Errorf("%s must be 1, 5, 10, 20, 30 or a multiple of 60", at)
	}
	return nil
}

func expressionError(q *query, err error) error {
	return fmt.Errorf("error in expression '%s': %w", q.id, err)
}

// resolve checks what q refers to and gives an expression without a period the
// longest of what it uses. above are the queries that lead to q.
func (set *querySet) resolve(q *query, above []*query) error {
	for _, a := range above {
		if a == q {
			return fmt.Errorf("error in expression '%s': it refers to itself", q.id)
		}
	}
	if q.expr == nil || q.resolved {
		return nil
	}
	above = append(above, q)
	var longest time.Duration
	for _, ref := range q.expr.Refs() {
		used := set.byID[ref.ID]
		if used == nil {
			return expressionError(q, &metricmath.Error{Offset: ref.Offset, Msg: fmt.Sprintf("there is no metric or expression with the ID %q", ref.ID)})
		}
		if err := set.resolve(used, above); err != nil {
			return err
		}
		longest = max(longest, used.period)
	}
	q.resolved = true
	if q.period != 0 {
		return nil
	}
	if q.expr.Calls("METRICS") || longest == 0 {
		for _, m := range set.queries {
			if m.metric != nil {
				longest = max(longest, m.period)
			}
		}
	}
	q.period = max(longest, time.Second)
	if longest == 0 {
		q.period = time.Minute
	}
	return nil
}

// typecheck evaluates everything over no data, which finds arguments of the
// wrong kind before there is any.
func (set *querySet) typecheck() error {
	ev := set.blank()
	for _, q := range set.queries {
		v, err := ev.value(q)
		if err != nil {
			return err
		}
		if q.returns && v.Kind != metricmath.TimeSeries && v.Kind != metricmath.Array {
			return fmt.Errorf("error in expression '%s': it yields %s and not a time series", q.id, v.Kind)
		}
	}
	return nil
}

// blank is an evaluator without any data.
func (set *querySet) blank() *evaluator {
	ev := set.evaluator(func(q *query) metricmath.Series { return metricmath.Series{ID: q.id, Period: q.period} },
		func(time.Duration) []int64 { return nil })
	ev.search = func(_ *query, text, stat string, period time.Duration) ([]metricmath.Series, error) {
		_, err := newSearch(text, stat, period)
		return nil, err
	}
	ev.insights = func(q *query) metricmath.Value { return q.insights.blank(q.id, q.period) }
	return ev
}

// evaluator computes queries, each at most once.
type evaluator struct {
	set    *querySet
	series func(*query) metricmath.Series
	times  func(period time.Duration) []int64
	values map[*query]metricmath.Value
	// search finds the series of a SEARCH in an expression; nil refuses it.
	search func(q *query, text, stat string, period time.Duration) ([]metricmath.Series, error)
	// insights computes a Metrics Insights query.
	insights func(q *query) metricmath.Value
	// wide, if set, returns an evaluator that also reaches back over the training
	// span of anomaly bands.
	wide func() *evaluator
}

// evaluator returns one that gets the data of metrics from series and the
// starts of all periods from times.
func (set *querySet) evaluator(series func(*query) metricmath.Series, times func(time.Duration) []int64) *evaluator {
	return &evaluator{set: set, series: series, times: times, values: make(map[*query]metricmath.Value)}
}

func (ev *evaluator) value(q *query) (metricmath.Value, error) {
	if v, ok := ev.values[q]; ok {
		return v, nil
	}
	v, err := ev.compute(q)
	if err != nil {
		return metricmath.Value{}, err
	}
	ev.values[q] = v
	return v, nil
}

func (ev *evaluator) compute(q *query) (metricmath.Value, error) {
	if q.metric != nil {
		return metricmath.Of(ev.series(q)), nil
	}
	if q.insights != nil {
		return ev.insights(q), nil
	}
	if ev.wide != nil && q.expr.Calls(bandFunction) {
		v, err := ev.wide().value(q)
		return within(v, ev.times(q.period)), err
	}
	var failed error
	env := &metricmath.Env{Period: q.period, Times: ev.times(q.period), Band: anomalyBand}
	if ev.search != nil {
		env.Search = func(text, stat string, period time.Duration) ([]metricmath.Series, error) {
			return ev.search(q, text, stat, period)
		}
	}
	env.Lookup = func(id string) (metricmath.Value, bool) {
		v, err := ev.value(ev.set.byID[id])
		failed = errors.Join(failed, err)
		return v, err == nil
	}
	if q.expr.Calls("METRICS") {
		for _, m := range ev.set.queries {
			if m.metric == nil {
				continue
			}
			v, err := ev.value(m)
			if err != nil {
				return metricmath.Value{}, err
			}
			env.Metrics = append(env.Metrics, v.Series[0])
		}
	}
	v, err := q.expr.Eval(env)
	if failed != nil {
		return metricmath.Value{}, failed
	}
	if err != nil {
		return metricmath.Value{}, expressionError(q, err)
	}
	return v, nil
}
