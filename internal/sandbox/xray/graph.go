package xray

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

// maxGraphTraces is how many traces one GetTraceGraph may name; the service
// documents none, and this keeps a request's cost in bounds.
const maxGraphTraces = 500

// GetServiceGraph returns the services that worked in a time range, of the
// traces of a group if one is given. What began in the range counts.
func (s *Service) GetServiceGraph(_ context.Context, in *xray.GetServiceGraphInput) (*xray.GetServiceGraphOutput, error) {
	from, to, err := timeRange(in.StartTime, in.EndTime)
	if err != nil {
		return nil, err
	}
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	expr, err := s.groups.filter(in.GroupName, in.GroupARN)
	if err != nil {
		return nil, err
	}
	s.store.expire(s.opts.Clock.Now())
	g := newGraph(epoch(from), epoch(to))
	s.eachDigest(epoch(from), epoch(to), expr, g.add)
	return &xray.GetServiceGraphOutput{StartTime: in.StartTime, EndTime: in.EndTime, Services: g.services()}, nil
}

// GetTraceGraph returns the services of the given traces. Unknown ones are left
// out.
func (s *Service) GetTraceGraph(_ context.Context, in *xray.GetTraceGraphInput) (*xray.GetTraceGraphOutput, error) {
	if in.TraceIds == nil {
		return nil, invalid("TraceIds is missing")
	}
	if n := len(in.TraceIds); n > maxGraphTraces {
		return nil, invalid("%d trace IDs exceed %d a call", n, maxGraphTraces)
	}
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	s.store.expire(s.opts.Clock.Now())
	g := newGraph(0, math.Inf(1))
	seen := map[string]bool{}
	for _, id := range in.TraceIds {
		if !segment.ValidTraceID(id) {
			return nil, invalid("trace ID %q is malformed", id)
		}
		if t := s.store.get(id); t != nil && !seen[id] {
			seen[id] = true
			g.add(s.store.digestOf(t))
		}
	}
	return &xray.GetTraceGraphOutput{Services: g.services()}, nil
}

// eachDigest calls add for the traces that may have worked between two epoch
// times and satisfy expr, if there is one.
func (s *Service) eachDigest(from, to float64, expr *filterexpr.Expr, add func(*digest)) {
	traces := s.store.where(func(t *trace) bool {
		return t.start < to && (t.end == 0 || t.end >= from)
	})
	for chunk := range slices.Chunk(traces, atOnce) {
		digests := parallel(chunk, func(t *trace) *digest {
			if expr != nil && !expr.Match(&s.store.detailOf(t).view) {
				return nil
			}
			return s.store.digestOf(t)
		})
		for _, d := range digests {
			if d != nil {
				add(d)
			}
		}
	}
}

// graph gathers statistics by node and edge, of items that begin in [from, to).
type graph struct {
	from, to float64
	nodes    map[nodeKey]*node
}

type node struct {
	key      nodeKey
	account  string
	root     bool
	active   bool               // it sent segments of its own
	own      tally              // of its segments
	inferred tally              // of its callers' subsegments
	edges    map[nodeKey]*tally // of its own calls, by callee
}

func newGraph(from, to float64) *graph {
	return &graph{from: from, to: to, nodes: map[nodeKey]*node{}}
}

func (g *graph) in(i item) bool { return i.start >= g.from && i.start < g.to }

func (g *graph) node(k nodeKey) *node {
	n := g.nodes[k]
	if n == nil {
		n = &node{key: k, edges: map[nodeKey]*tally{}}
		g.nodes[k] = n
	}
	return n
}

func (g *graph) add(d *digest) {
	for _, h := range d.hits {
		if !g.in(h.item) {
			continue
		}
		n := g.node(h.node)
		n.account = h.account
		n.root = n.root || h.root
		if h.inferred {
			n.inferred.add(h.item)
			continue
		}
		n.active = true
		n.own.add(h.item)
	}
	for _, c := range d.calls {
		if g.in(c.item) {
			g.node(c.to)
			g.node(c.from).edge(c.to).add(c.item)
		}
	}
}

func (n *node) edge(to nodeKey) *tally {
	if n.edges[to] == nil {
		n.edges[to] = new(tally)
	}
	return n.edges[to]
}

// services lists the nodes, numbered from 0 in order of name and type.
func (g *graph) services() []types.Service {
	keys := slices.SortedFunc(maps.Keys(g.nodes), compareNodes)
	number := make(map[nodeKey]int32, len(keys))
	for i, k := range keys {
		number[k] = int32(i)
	}
	out := make([]types.Service, 0, len(keys))
	for _, k := range keys {
		out = append(out, g.nodes[k].service(number))
	}
	return out
}

func compareNodes(a, b nodeKey) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.typ, b.typ))
}

func (n *node) service(number map[nodeKey]int32) types.Service {
	s := types.Service{
		ReferenceId: aws.Int32(number[n.key]), Name: aws.String(n.key.name), Names: []string{n.key.name},
		Type: optional(n.key.typ), AccountId: optional(n.account), State: aws.String("unknown"),
		Edges: n.edgeList(number),
	}
	if n.active {
		s.State = aws.String("active")
	}
	if n.root {
		s.Root = aws.Bool(true)
	}
	y := &n.own
	if !n.active {
		y = &n.inferred
	}
	first, last := y.first, y.last
	if n.key.typ == segment.TypeClient {
		first, last = n.edgeSpan()
	} else {
		s.SummaryStatistics = y.service()
		s.ResponseTimeHistogram, s.DurationHistogram = histogram(y.response), histogram(y.lasting)
	}
	if first != 0 {
		s.StartTime, s.EndTime = aws.Time(segment.Time(first)), aws.Time(segment.Time(last))
	}
	return s
}

// edgeSpan is the time a node's calls took, for nodes that have none themselves.
func (n *node) edgeSpan() (first, last float64) {
	for _, e := range n.edges {
		if first == 0 || e.first < first {
			first = e.first
		}
		last = max(last, e.last)
	}
	return first, last
}

// edgeList lists the node's calls in order of the callees' numbers.
func (n *node) edgeList(number map[nodeKey]int32) []types.Edge {
	keys := slices.SortedFunc(maps.Keys(n.edges), compareNodes)
	out := make([]types.Edge, 0, len(keys))
	for _, k := range keys {
		y := n.edges[k]
		out = append(out, types.Edge{
			ReferenceId: aws.Int32(number[k]), SummaryStatistics: y.edge(), Aliases: []types.Alias{},
			ResponseTimeHistogram: histogram(y.response),
			StartTime:             aws.Time(segment.Time(y.first)), EndTime: aws.Time(segment.Time(y.last)),
		})
	}
	return out
}
