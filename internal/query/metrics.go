package query

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// MetricsAPI is what Metrics needs of the CloudWatch client.
type MetricsAPI interface {
	ListMetrics(context.Context, *cloudwatch.ListMetricsInput, ...func(*cloudwatch.Options)) (*cloudwatch.ListMetricsOutput, error)
	GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

var _ interface {
	MetricsAPI
	AlarmsAPI
} = (*cloudwatch.Client)(nil)

// Metrics asks CloudWatch for metrics. It is safe for concurrent use if its API
// is.
type Metrics struct{ API MetricsAPI }

// maxQueries is how many series one GetMetricData returns.
const maxQueries = 500

// Metric names one series.
type Metric struct {
	Namespace, Name string
	Dimensions      []Dimension
}

// Dimension is one dimension of a metric.
type Dimension struct{ Name, Value string }

// String writes the metric as an operand has it: Namespace:Name{Dim=value}.
func (m Metric) String() string {
	s := m.Namespace + ":" + m.Name
	if len(m.Dimensions) == 0 {
		return s
	}
	parts := make([]string, len(m.Dimensions))
	for i, d := range m.Dimensions {
		parts[i] = d.Name + "=" + quoteValue(d.Value)
	}
	return s + "{" + strings.Join(parts, ",") + "}"
}

// quoteValue quotes a value that has a meaning in an operand, or is empty.
func quoteValue(v string) string {
	if v != "" && !strings.ContainsAny(v, ",{}()\"\\ \t") {
		return v
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}

// MetricsQuery says which metrics to list. Empty fields match all.
type MetricsQuery struct {
	Namespace, Name string
	// Dimensions must all be there; one without a value matches any.
	Dimensions []Dimension
	// Recent leaves out what got no data for three hours. Else CloudWatch lists
	// what got data in the last two weeks.
	Recent bool
	// Limit is the greatest number of metrics; zero means no limit.
	Limit int
}

// MetricList is a list of metrics.
type MetricList struct {
	Metrics []Metric
	// More says that the limit cut the list short.
	More bool
}

// List returns metrics, sorted by namespace, name and dimensions.
func (m *Metrics) List(ctx context.Context, q MetricsQuery) (*MetricList, error) {
	in := &cloudwatch.ListMetricsInput{}
	if q.Namespace != "" {
		in.Namespace = &q.Namespace
	}
	if q.Name != "" {
		in.MetricName = &q.Name
	}
	if q.Recent {
		in.RecentlyActive = types.RecentlyActivePt3h
	}
	for _, d := range q.Dimensions {
		f := types.DimensionFilter{Name: aws.String(d.Name)}
		if d.Value != "" {
			f.Value = aws.String(d.Value)
		}
		in.Dimensions = append(in.Dimensions, f)
	}
	out := new(MetricList)
	for {
		page, err := m.API.ListMetrics(ctx, in)
		if err != nil {
			return out, fmt.Errorf("list metrics: %w", err)
		}
		for _, f := range page.Metrics {
			out.Metrics = append(out.Metrics, metric(f))
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" || q.Limit > 0 && len(out.Metrics) > q.Limit {
			break
		}
	}
	order.By(out.Metrics, func(a, b Metric) int { return strings.Compare(a.String(), b.String()) })
	if q.Limit > 0 && len(out.Metrics) > q.Limit {
		out.Metrics, out.More = out.Metrics[:q.Limit], true
	}
	return out, nil
}

func metric(m types.Metric) Metric {
	out := Metric{Namespace: aws.ToString(m.Namespace), Name: aws.ToString(m.MetricName)}
	for _, d := range m.Dimensions {
		out.Dimensions = append(out.Dimensions, Dimension{aws.ToString(d.Name), aws.ToString(d.Value)})
	}
	return out
}

// DataQuery says which data to get.
type DataQuery struct {
	Operands []Operand
	From, To time.Time
	// Period is the length of one point; see AutoPeriod. Zero chooses it so.
	Period time.Duration
}

// Series is what one operand has in the range.
type Series struct {
	Operand Operand
	// Points come in order of time. Periods without data are not there.
	Points []Point
	// Notes are what the service had to say beside.
	Notes []string
}

// Point is a value for the period that begins at Time.
type Point struct {
	Time  time.Time
	Value float64
}

// Grid returns the value of every period of the range in order, NaN where there
// is none: what a sparkline wants.
func (s Series) Grid(from, to time.Time, period time.Duration) []float64 {
	from = from.Truncate(period)
	n := int(to.Sub(from) / period)
	if to.Sub(from)%period > 0 {
		n++
	}
	out := make([]float64, max(0, n))
	for i := range out {
		out[i] = math.NaN()
	}
	for _, p := range s.Points {
		if i := int(p.Time.Sub(from) / period); i >= 0 && i < len(out) {
			out[i] = p.Value
		}
	}
	return out
}

// AutoPeriod returns the shortest period that gives at most 120 points for the
// range and that CloudWatch still keeps for its beginning: minutes for 15 days,
// 5 minutes for 63 days, hours for 455 days (CloudWatch user guide, "Metrics
// retention").
func AutoPeriod(from, to, now time.Time) time.Duration {
	const day = 24 * time.Hour
	for _, p := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, day} {
		age := now.Sub(from)
		if age > 63*day && p < time.Hour || age > 15*day && p < 5*time.Minute {
			continue
		}
		if to.Sub(from) <= 120*p {
			return p
		}
	}
	return 7 * day
}

// Data returns one series for each operand, in their order.
func (m *Metrics) Data(ctx context.Context, q DataQuery) ([]Series, error) {
	if q.Period == 0 {
		q.Period = AutoPeriod(q.From, q.To, time.Now())
	}
	out := make([]Series, len(q.Operands))
	for i, o := range q.Operands {
		out[i].Operand = o
	}
	for first := 0; first < len(out); first += maxQueries {
		part := out[first:min(first+maxQueries, len(out))]
		if err := m.data(ctx, q, part); err != nil {
			return out, fmt.Errorf("get metric data: %w", err)
		}
	}
	return out, nil
}

func (m *Metrics) data(ctx context.Context, q DataQuery, part []Series) error {
	in := &cloudwatch.GetMetricDataInput{StartTime: &q.From, EndTime: &q.To, ScanBy: types.ScanByTimestampAscending}
	index := map[string]int{}
	for i, s := range part {
		id := fmt.Sprintf("m%d", i)
		index[id] = i
		in.MetricDataQueries = append(in.MetricDataQueries, s.Operand.query(id, q.Period))
	}
	for {
		page, err := m.API.GetMetricData(ctx, in)
		if err != nil {
			return err
		}
		for _, r := range page.MetricDataResults {
			if i, ok := index[aws.ToString(r.Id)]; ok {
				part[i].take(r)
			}
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return nil
		}
	}
}

func (s *Series) take(r types.MetricDataResult) {
	for i, at := range r.Timestamps[:min(len(r.Timestamps), len(r.Values))] {
		s.Points = append(s.Points, Point{at, r.Values[i]})
	}
	for _, n := range r.Messages {
		s.Notes = append(s.Notes, aws.ToString(n.Value))
	}
}

func (o Operand) query(id string, period time.Duration) types.MetricDataQuery {
	m := types.Metric{Namespace: &o.Metric.Namespace, MetricName: &o.Metric.Name}
	for _, d := range o.Metric.Dimensions {
		m.Dimensions = append(m.Dimensions, types.Dimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
	}
	return types.MetricDataQuery{
		Id: &id, MetricStat: &types.MetricStat{Metric: &m, Stat: &o.Stat, Period: aws.Int32(int32(period / time.Second))},
	}
}
