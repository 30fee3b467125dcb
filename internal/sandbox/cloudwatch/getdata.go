package cloudwatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/metricmath"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of GetMetricData.
const (
	maxQueries    = 500
	maxDatapoints = 100_800
)

// GetMetricData reads metrics and computes expressions.
func (s *Service) GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	set, limit, err := checkGetMetricData(in)
	if err != nil {
		return nil, err
	}
	from, err := decodePage(in.NextToken)
	if err != nil {
		return nil, err
	}
	r := newReading(s, api.CallerOf(ctx), *in.StartTime, *in.EndTime)
	labels, err := newLabeller(api.CallerOf(ctx), in.LabelOptions)
	if err != nil {
		return nil, invalidValue("%v", err)
	}
	results, err := r.results(set, labels)
	if err != nil {
		return nil, err
	}
	if in.ScanBy != types.ScanByTimestampAscending {
		for i := range results {
			slices.Reverse(results[i].Timestamps)
			slices.Reverse(results[i].Values)
		}
	}
	return paged(results, from, limit)
}

func checkGetMetricData(in *cloudwatch.GetMetricDataInput) (*querySet, int, error) {
	switch {
	case len(in.MetricDataQueries) == 0:
		return nil, 0, missing("The parameter MetricDataQueries is required.")
	case len(in.MetricDataQueries) > maxQueries:
		return nil, 0, invalidValue("The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	case in.ScanBy != "" && !slices.Contains(in.ScanBy.Values(), in.ScanBy):
		return nil, 0, invalidValue("The value %s for parameter ScanBy is invalid.", in.ScanBy)
	}
	if err := checkTimes(in.StartTime, in.EndTime); err != nil {
		return nil, 0, err
	}
	limit := maxDatapoints
	if in.MaxDatapoints != nil {
		limit = int(*in.MaxDatapoints)
		if limit < 1 || limit > maxDatapoints {
			return nil, 0, invalidValue("The parameter MaxDatapoints must be between 1 and %d.", maxDatapoints)
		}
	}
	set, err := compile("MetricDataQueries", in.MetricDataQueries)
	return set, limit, asInvalidValue(err)
}

// asInvalidValue turns plain errors into refusals.
func asInvalidValue(err error) error {
	if _, ok := errors.AsType[*api.Error](err); ok || err == nil {
		return err
	}
	return invalidValue("%v.", err)
}

func checkTimes(start, end *time.Time) error {
	switch {
	case start == nil:
		return missing("The parameter StartTime is required.")
	case end == nil:
		return missing("The parameter EndTime is required.")
	case !start.Before(*end):
		return invalidValue("The parameter StartTime must be less than the parameter EndTime.")
	}
	return nil
}

// reading reads metrics between two times.
type reading struct {
	s          *Service
	sc         scope
	start, end time.Time
	now        time.Time
	spans      map[time.Duration]span
	// trained puts the training span of anomaly bands before the start.
	trained bool
}

func newReading(s *Service, c api.Caller, start, end time.Time) *reading {
	return &reading{s: s, sc: scopeOf(c), start: start, end: end, now: s.opts.Clock.Now(), spans: make(map[time.Duration]span)}
}

// span returns the windows of a period: they begin at the start time, rounded
// down as documented, and end before the end time.
func (r *reading) span(period time.Duration) span {
	if sp, ok := r.spans[period]; ok {
		return sp
	}
	start := roundStart(r.start, r.now, period)
	if r.trained {
		start = start.Add(-time.Duration(training(period)) * period)
	}
	// Nothing older than the retention of the period's level exists, nor newer
	// than what PutMetricData takes: this bounds the number of windows.
	if oldest := r.now.Add(-retention(period)); start.Before(oldest) {
		step := int64(period / time.Second)
		start = time.Unix(start.Unix()+(oldest.Unix()-start.Unix())/step*step, 0)
	}
	end := r.end
	if newest := r.now.Add(maxAhead + time.Minute); end.After(newest) {
		end = newest
	}
	sp := span{period: period}
	for ; start.Before(end); start = start.Add(period) {
		w := alarm.Window{Start: start, End: start.Add(period)}
		if w.End.After(end) {
			w.End = end
		}
		sp.windows = append(sp.windows, w)
	}
	r.spans[period] = sp
	return sp
}

// roundStart rounds down to what the API reference says for StartTime: whole
// minutes up to 15 days back, five minutes up to 63, hours beyond, and for
// periods below a minute multiples of the period.
func roundStart(start, now time.Time, period time.Duration) time.Time {
	age := now.Sub(start)
	switch {
	case period < time.Minute:
		return start.Truncate(period)
	case age < levels[1].retention:
		return start.Truncate(time.Minute)
	case age < levels[2].retention:
		return start.Truncate(5 * time.Minute)
	}
	return start.Truncate(time.Hour)
}

// retention is how long data exists that a period can show.
func retention(period time.Duration) time.Duration {
	longest := levels[0].retention
	for _, l := range levels {
		if l.period <= period {
			longest = l.retention
		}
	}
	return longest + period
}

// series reads the metric of q.
func (r *reading) series(q *query) metricmath.Series {
	sp := r.span(q.period)
	out := metricmath.Series{ID: q.id, Period: q.period}
	for i, d := range r.s.store.read(r.owner(q), *q.metric, q.unit, r.now, sp) {
		if v, ok := q.stat.eval(&d); ok {
			out.Points = append(out.Points, metricmath.Point{Time: sp.windows[i].Start.Unix(), Value: v})
		}
	}
	return out
}

// owner is the scope of q's metrics.
func (r *reading) owner(q *query) scope { return scope{cmp.Or(q.account, r.sc.account), r.sc.region} }

func (r *reading) insights(q *query) metricmath.Value {
	return r.s.store.insights(r.owner(q), q, r.now, r.span(q.period))
}

func (r *reading) times(period time.Duration) []int64 {
	sp := r.span(period)
	ts := make([]int64, len(sp.windows))
	for i, w := range sp.windows {
		ts[i] = w.Start.Unix()
	}
	return ts
}

// results computes what the request returns, in ascending order of time.
func (r *reading) results(set *querySet, labels *labeller) ([]types.MetricDataResult, error) {
	ev := set.evaluator(r.series, r.times)
	ev.search, ev.insights = r.search, r.insights
	ev.wide = sync.OnceValue(func() *evaluator {
		past := &reading{s: r.s, sc: r.sc, start: r.start, end: r.end, now: r.now, spans: make(map[time.Duration]span), trained: true}
		wide := set.evaluator(past.series, past.times)
		wide.search, wide.insights = past.search, past.insights
		return wide
	})
	var out []types.MetricDataResult
	for _, q := range set.queries {
		if !q.returns {
			continue
		}
		v, err := ev.value(q)
		if err != nil {
			return nil, asInvalidValue(err)
		}
		for _, series := range v.Series {
			res := types.MetricDataResult{
				Id: aws.String(q.id), Label: aws.String(labels.label(set, q, series)), StatusCode: types.StatusCodeComplete,
				Timestamps: []time.Time{}, Values: []float64{}, Messages: []types.MessageData{},
			}
			for _, p := range series.Points {
				res.Timestamps = append(res.Timestamps, time.Unix(p.Time, 0).UTC())
				res.Values = append(res.Values, p.Value)
			}
			out = append(out, res)
		}
	}
	return out, nil
}

// page is where a page of results begins.
type page struct{ result, point int }

func decodePage(token *string) (page, error) {
	text, err := decodeToken(token)
	if err != nil || text == "" {
		return page{}, err
	}
	a, b, ok := strings.Cut(text, "/")
	result, err1 := strconv.Atoi(a)
	point, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || result < 0 || point < 0 {
		return page{}, invalidToken()
	}
	return page{result, point}, nil
}

// paged returns at most limit points of results, from a page on. A result that
// goes on in the next page is PartialData.
func paged(results []types.MetricDataResult, from page, limit int) (*cloudwatch.GetMetricDataOutput, error) {
	out := &cloudwatch.GetMetricDataOutput{Messages: []types.MessageData{}, MetricDataResults: []types.MetricDataResult{}}
	if from.result > len(results) {
		return nil, invalidToken()
	}
	for i, r := range results[from.result:] {
		first := 0
		if i == 0 {
			first = min(from.point, len(r.Values))
		}
		rest := len(r.Values) - first
		if limit == 0 && rest > 0 {
			out.NextToken = encodeToken(fmt.Sprintf("%d/%d", from.result+i, first))
			return out, nil
		}
		n := min(rest, limit)
		limit -= n
		r.Timestamps, r.Values = r.Timestamps[first:first+n], r.Values[first:first+n]
		if n < rest {
			r.StatusCode = types.StatusCodePartialData
			out.NextToken = encodeToken(fmt.Sprintf("%d/%d", from.result+i, first+n))
			out.MetricDataResults = append(out.MetricDataResults, r)
			return out, nil
		}
		out.MetricDataResults = append(out.MetricDataResults, r)
	}
	return out, nil
}
