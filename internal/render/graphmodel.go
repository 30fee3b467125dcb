package render

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// shares is what statistics tell of calls.
type shares struct {
	total, ok, errs, throttled, faults int64
	rate                               float64 // per second; NaN if the window is not known
	p99                                float64 // seconds; NaN if not known
}

func sharesOf(s *types.EdgeStatistics, h []types.HistogramEntry, window time.Duration) shares {
	v := shares{rate: math.NaN(), p99: quantile(h, 0.99)}
	if s == nil {
		return v
	}
	v.total, v.ok = aws.ToInt64(s.TotalCount), aws.ToInt64(s.OkCount)
	if s.ErrorStatistics != nil {
		v.errs, v.throttled = aws.ToInt64(s.ErrorStatistics.TotalCount), aws.ToInt64(s.ErrorStatistics.ThrottleCount)
	}
	if s.FaultStatistics != nil {
		v.faults = aws.ToInt64(s.FaultStatistics.TotalCount)
	}
	if window > 0 {
		v.rate = float64(v.total) / window.Seconds()
	}
	return v
}

// share is n's part of all calls; NaN without calls.
func (v shares) share(n int64) float64 {
	if v.total == 0 {
		return math.NaN()
	}
	return float64(n) / float64(v.total)
}

// quantile is the least value of a histogram that at least a share q of its
// entries do not exceed; NaN for an empty one.
func quantile(h []types.HistogramEntry, q float64) float64 {
	h = slices.Clone(h)
	order.By(h, func(a, b types.HistogramEntry) int { return cmp.Compare(a.Value, b.Value) })
	var total int64
	for _, e := range h {
		total += int64(e.Count)
	}
	rank, seen := int64(math.Ceil(q*float64(total))), int64(0)
	for _, e := range h {
		if seen += int64(e.Count); seen >= rank && seen > 0 {
			return e.Value
		}
	}
	return math.NaN()
}

// worst is the mark and share of what goes wrong most severely, if anything.
func (v shares) worst(s Style) (text string, t Tone) {
	switch {
	case v.total == 0:
		return "", Plain
	case v.faults > 0:
		return s.FaultMark() + " " + Percent(v.share(v.faults)), Bad
	case v.errs > 0:
		return s.ErrorMark() + " " + Percent(v.share(v.errs)), Warn
	}
	return "", Plain
}

// mapNode is a service on the map.
type mapNode struct {
	name, kind string // kind is the type in short
	client     bool
	observed   bool // it sent segments of its own
	shares     shares
	out        []*mapEdge
}

// mapEdge is a connection between two services.
type mapEdge struct {
	from, to *mapNode
	shares   shares
	link     bool
}

// model reads the services of a graph. Edges to numbers of no service are left
// out.
func model(services []types.Service, window time.Duration) []*mapNode {
	byID := map[int32]*mapNode{}
	nodes := make([]*mapNode, len(services))
	for i, s := range services {
		n := &mapNode{
			name: Clean(aws.ToString(s.Name)), kind: shortType(aws.ToString(s.Type)),
			client: aws.ToString(s.Type) == "client", observed: aws.ToString(s.State) == "active",
		}
		var st *types.EdgeStatistics
		if s.SummaryStatistics != nil {
			st = (*types.EdgeStatistics)(s.SummaryStatistics)
		}
		n.shares = sharesOf(st, s.ResponseTimeHistogram, window)
		nodes[i] = n
		byID[aws.ToInt32(s.ReferenceId)] = n
	}
	for i, s := range services {
		for _, e := range s.Edges {
			if to := byID[aws.ToInt32(e.ReferenceId)]; to != nil && e.ReferenceId != nil {
				nodes[i].out = append(nodes[i].out, &mapEdge{
					from: nodes[i], to: to, link: aws.ToString(e.EdgeType) == "link",
					shares: sharesOf(e.SummaryStatistics, e.ResponseTimeHistogram, window),
				})
			}
		}
	}
	return nodes
}

// shortType writes "AWS::DynamoDB::Table" as "DynamoDB Table".
func shortType(t string) string {
	return Clean(strings.ReplaceAll(strings.TrimPrefix(t, "AWS::"), "::", " "))
}

// label names a node in a list.
func (n *mapNode) label() string {
	if n.client {
		return "client"
	}
	return n.name
}
