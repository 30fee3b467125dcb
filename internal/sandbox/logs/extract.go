package logs

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// validValue says whether a datapoint may have the value v: -2^360 to 2^360
// (SDK: MetricDatum).
func validValue(v float64) bool {
	return !math.IsNaN(v) && math.Abs(v) <= math.Exp2(360)
}

// extract takes metrics out of events that have just been kept: those of the
// embedded metric format and those of the group's filters. CloudWatch Logs does
// the filters' once a minute; here they are there at once, but for default
// values, which need the whole minute to be known.
func (s *Service) extract(ctx context.Context, g *group, events []store.Input, now int64) {
	if s.metrics == nil || g.class == types.LogGroupClassInfrequentAccess {
		return
	}
	points := newPointSet()
	for i := range events {
		extractEMF(g, &events[i], now, points)
	}
	for _, f := range g.filterList() {
		s.applyFilter(g, f, events, points)
	}
	if len(points.list) > 0 {
		s.metrics.Record(ctx, points.list)
	}
}

// applyFilter adds what a filter sees in the events.
func (s *Service) applyFilter(g *group, f *metricFilter, events []store.Input, points *pointSet) {
	var message []byte
	seen := make(map[time.Time]bool)
	for i := range events {
		e := &events[i]
		at := time.UnixMilli(e.Time).Truncate(time.Minute).UTC()
		message = append(message[:0], e.Message...)
		matched := f.match.Match(message)
		seen[at] = seen[at] || matched
		if !matched {
			continue
		}
		v, ok := f.value(message)
		if !ok {
			continue
		}
		dims, ok := f.dimensions(g, message)
		if !ok {
			continue
		}
		points.add(&api.Datapoint{
			Namespace: *f.transform.MetricNamespace, Name: *f.transform.MetricName, Dimensions: dims,
			Time: at, Unit: string(f.transform.Unit), Resolution: 60,
		}, v, 1)
	}
	if f.transform.DefaultValue != nil {
		s.noteMinutes(g, f, seen)
	}
}

// value is what the filter counts for a message. Text that is no number is
// passed over.
func (f *metricFilter) value(message []byte) (float64, bool) {
	if f.selector == nil {
		return f.constant, true
	}
	t, ok := f.selector.Value(message)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(t), 64)
	return v, err == nil && validValue(v)
}

// dimensions picks the dimensions' values. A message that lacks one of them
// yields no datapoint.
func (f *metricFilter) dimensions(g *group, message []byte) ([][2]string, bool) {
	var dims [][2]string
	for _, d := range f.dims {
		v, ok := d.selector.Value(message)
		if !ok || v == "" {
			return nil, false
		}
		dims = append(dims, [2]string{d.name, v})
	}
	return append(dims, f.systemDimensions(g)...), true
}

func (f *metricFilter) systemDimensions(g *group) [][2]string {
	var dims [][2]string
	for _, name := range f.system {
		v := g.region
		if name == "@aws.account" {
			v = g.account
		}
		dims = append(dims, [2]string{name, v})
	}
	return dims
}

// maxPointValues is how many different values a datapoint may have (SDK:
// MetricDatum).
const maxPointValues = 150

// pointSet gathers datapoints of the same metric, time and unit, so that ten
// thousand events make a handful of datapoints.
type pointSet struct {
	list  []api.Datapoint
	index map[string]int
}

func newPointSet() *pointSet { return &pointSet{index: make(map[string]int)} }

// add adds a value, seen n times, to the datapoint described by p.
func (ps *pointSet) add(p *api.Datapoint, v, n float64) {
	var b strings.Builder
	for _, s := range []string{p.Namespace, p.Name, p.Unit, strconv.FormatInt(p.Time.UnixMilli(), 36), strconv.Itoa(p.Resolution)} {
		b.WriteString(s)
		b.WriteByte(0)
	}
	for _, d := range p.Dimensions {
		b.WriteString(d[0] + "\x00" + d[1] + "\x00")
	}
	key := b.String()
	i, ok := ps.index[key]
	if !ok || len(ps.list[i].Values) >= maxPointValues {
		i = len(ps.list)
		ps.index[key] = i
		ps.list = append(ps.list, *p)
	}
	q := &ps.list[i]
	for j := range q.Values {
		if q.Values[j] == v {
			q.Counts[j] += n
			return
		}
	}
	q.Values = append(q.Values, v)
	q.Counts = append(q.Counts, n)
}
