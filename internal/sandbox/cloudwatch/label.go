package cloudwatch

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/metricmath"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"

	"github.com/sidelight-dev/sidelight/internal/lazyregexp"
)

// labeller writes the labels of results, which may hold ${...} parts.
type labeller struct {
	caller api.Caller
	zone   *time.Location
}

func newLabeller(c api.Caller, o *types.LabelOptions) (*labeller, error) {
	l := &labeller{c, time.UTC}
	if o == nil || o.Timezone == nil {
		return l, nil
	}
	zone, err := alarm.Location(*o.Timezone)
	if err != nil {
		return nil, fmt.Errorf("parameter LabelOptions.Timezone: %w", err)
	}
	l.zone = zone
	return l, nil
}

var dynamic = lazyregexp.New(`\$\{([A-Z_]+|PROP\('[^']*'\))\}`)

// label is q's label, or the metric's name or the query's ID without one.
func (l *labeller) label(set *querySet, q *query, s metricmath.Series) string {
	source := q
	if from := set.byID[s.ID]; from != nil {
		source = from
	}
	plain := cmp.Or(s.Label, q.id)
	if source.metric != nil {
		plain = source.metric.name
	}
	text := cmp.Or(q.label, source.label, plain)
	return dynamic.ReplaceAllStringFunc(text, func(part string) string {
		name := part[2 : len(part)-1]
		if property, ok := strings.CutPrefix(name, "PROP('"); ok {
			return l.property(source, strings.TrimSuffix(property, "')"))
		}
		if name == "LABEL" {
			return plain
		}
		return l.summary(name, s, part)
	})
}

func (l *labeller) property(q *query, name string) string {
	switch name {
	case "AccountId":
		return cmp.Or(q.account, l.caller.Account)
	case "Region":
		return l.caller.Region
	case "Period":
		return strconv.Itoa(int(q.period / time.Second))
	}
	if q.metric == nil {
		return ""
	}
	switch name {
	case "MetricName":
		return q.metric.name
	case "Namespace":
		return q.metric.namespace
	case "Stat":
		return q.stat.name
	}
	if dim, ok := strings.CutPrefix(name, "Dim."); ok {
		for _, d := range q.metric.dims {
			if d.name == dim {
				return d.value
			}
		}
	}
	return ""
}

// summary computes ${MAX}, ${MAX_TIME}, ${LAST_RELATIVE} and the like; other
// names stay as they are.
func (l *labeller) summary(name string, s metricmath.Series, part string) string {
	if name == "DATAPOINT_COUNT" {
		return strconv.Itoa(len(s.Points))
	}
	if len(s.Points) == 0 {
		return "-"
	}
	order := func(a, b metricmath.Point) int { return cmp.Compare(a.Value, b.Value) }
	base, suffix, _ := strings.Cut(name, "_")
	var p metricmath.Point
	switch base {
	case "MIN":
		p = slices.MinFunc(s.Points, order)
	case "MAX":
		p = slices.MaxFunc(s.Points, order)
	case "FIRST":
		p = s.Points[0]
	case "LAST":
		p = s.Points[len(s.Points)-1]
	case "AVG", "SUM":
		for _, q := range s.Points {
			p.Value += q.Value
		}
		if base == "AVG" {
			p.Value /= float64(len(s.Points))
		}
		if suffix != "" {
			return part
		}
	default:
		return part
	}
	switch suffix {
	case "":
		return strconv.FormatFloat(p.Value, 'f', -1, 64)
	case "TIME":
		return time.Unix(p.Time, 0).In(l.zone).Format("2006-01-02 15:04:05 MST")
	}
	return part
}

// dimensionsOf is the reverse of checkDimensions.
func dimensionsOf(in []types.Dimension) []dimension {
	out := make([]dimension, len(in))
	for i, d := range in {
		out[i] = dimension{aws.ToString(d.Name), aws.ToString(d.Value)}
	}
	return out
}
