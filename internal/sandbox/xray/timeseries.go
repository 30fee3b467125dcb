package xray

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
)

// GetTimeSeriesServiceStatistics sums, by period, the edges or nodes that the
// selector names, or all edges without one. Periods in which nothing happened
// are left out. The Period is 60 (default) or 300 seconds.
func (s *Service) GetTimeSeriesServiceStatistics(_ context.Context, in *xray.GetTimeSeriesServiceStatisticsInput) (*xray.GetTimeSeriesServiceStatisticsOutput, error) {
	from, to, err := timeRange(in.StartTime, in.EndTime)
	if err != nil {
		return nil, err
	}
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	if aws.ToBool(in.ForecastStatistics) {
		return nil, invalid("ForecastStatistics is not supported: forecasts are not computed here")
	}
	period := int64(60)
	if in.Period != nil {
		period = int64(*in.Period)
	}
	if period != 60 && period != 300 {
		return nil, invalid("Period must be 60 or 300 seconds")
	}
	expr, err := s.groups.filter(in.GroupName, in.GroupARN)
	if err != nil {
		return nil, err
	}
	sr := &series{period: period, from: epoch(from), to: epoch(to), nodes: map[int64]*tally{}, edges: map[int64]*tally{}}
	if text := strings.TrimSpace(aws.ToString(in.EntitySelectorExpression)); text != "" {
		if sr.selector, err = filterexpr.ParseSelector(text); err != nil {
			return nil, invalid("EntitySelectorExpression: %v", err)
		}
	}
	s.store.expire(s.opts.Clock.Now())
	s.eachDigest(sr.from, sr.to, expr, sr.add)
	return &xray.GetTimeSeriesServiceStatisticsOutput{TimeSeriesServiceStatistics: sr.points()}, nil
}

// series gathers statistics by period, whose starts are multiples of it.
type series struct {
	period   int64
	from, to float64
	selector *filterexpr.Selector // nil: all edges
	nodes    map[int64]*tally     // by the period's start in epoch seconds
	edges    map[int64]*tally
}

func (r *series) add(d *digest) {
	for _, h := range d.hits {
		id := filterexpr.ID{Name: h.node.name, Type: h.node.typ, Account: h.account}
		if r.selector != nil && r.selector.Node(id) {
			r.count(r.nodes, h.item)
		}
	}
	for _, c := range d.calls {
		from := filterexpr.ID{Name: c.from.name, Type: c.from.typ, Account: c.account}
		to := filterexpr.ID{Name: c.to.name, Type: c.to.typ, Account: c.account}
		if r.selector == nil || r.selector.Edge(from, to) {
			r.count(r.edges, c.item)
		}
	}
}

func (r *series) count(to map[int64]*tally, i item) {
	if i.start < r.from || i.start >= r.to || !i.done() {
		return
	}
	at := int64(i.start) / r.period * r.period
	if to[at] == nil {
		to[at] = new(tally)
	}
	to[at].add(i)
}

func (r *series) points() []types.TimeSeriesServiceStatistics {
	times := slices.AppendSeq(slices.Collect(maps.Keys(r.nodes)), maps.Keys(r.edges))
	slices.Sort(times)
	times = slices.Compact(times)
	out := make([]types.TimeSeriesServiceStatistics, 0, len(times))
	for _, at := range times {
		p := types.TimeSeriesServiceStatistics{Timestamp: aws.Time(time.Unix(at, 0).UTC())}
		if y := r.edges[at]; y != nil {
			p.EdgeSummaryStatistics, p.ResponseTimeHistogram = y.edge(), histogram(y.response)
		}
		if y := r.nodes[at]; y != nil {
			p.ServiceSummaryStatistics, p.ResponseTimeHistogram = y.service(), histogram(y.response)
		}
		out = append(out, p)
	}
	return out
}
