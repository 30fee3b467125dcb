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

	"github.com/sidelight-dev/sidelight/internal/order"
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
	s.store.addLinks(g, g.links)
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
	s.store.addLinks(g, g.links)
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
	links    []linkUse // met in the digests; not edges yet
}

type node struct {
	key      nodeKey
	account  string
	root     bool
	active   bool  // it sent segments of its own
	own      tally // of its segments
	inferred tally // of its callers' subsegments
	edges    map[edgeKey]*edge
}

// edgeKey tells the edges of a node apart.
type edgeKey struct {
	to   nodeKey
	link bool // an asynchronous connection
}

type edge struct {
	tally
	ages map[int64]int32 // of a link's messages: count by milliseconds
}

func newGraph(from, to float64) *graph {
	return &graph{from: from, to: to, nodes: map[nodeKey]*node{}}
}

func (g *graph) in(i item) bool { return i.start >= g.from && i.start < g.to }

func (g *graph) node(k nodeKey) *node {
	n := g.nodes[k]
	if n == nil {
		n = &node{key: k, edges: map[edgeKey]*edge{}}
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
			g.node(c.from).edge(edgeKey{to: c.to}).add(c.item)
		}
	}
	g.links = append(g.links, d.links...)
}

// addLink counts a message from one node to another.
func (g *graph) addLink(from nodeKey, l linkUse, age float64) {
	g.node(l.to)
	n := g.node(from)
	n.active = true // it sent the segment, be it before the range
	e := n.edge(edgeKey{to: l.to, link: true})
	e.add(l.item)
	e.ages[millis(age)]++
}

func (n *node) edge(k edgeKey) *edge {
	if n.edges[k] == nil {
		n.edges[k] = &edge{ages: map[int64]int32{}}
	}
	return n.edges[k]
}

// services lists the nodes, numbered from 0 in order of name and type.
func (g *graph) services() []types.Service {
	keys := order.Sorted(maps.Keys(g.nodes), compareNodes)
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

// edgeList lists the node's edges in order of the callees' numbers, calls before
// links.
func (n *node) edgeList(number map[nodeKey]int32) []types.Edge {
	keys := order.Sorted(maps.Keys(n.edges), func(a, b edgeKey) int {
		if a.to != b.to {
			return compareNodes(a.to, b.to)
		}
		if a.link {
			return 1
		}
		return -1
	})
	out := make([]types.Edge, 0, len(keys))
	for _, k := range keys {
		e := n.edges[k]
		x := types.Edge{
			ReferenceId: aws.Int32(number[k.to]), SummaryStatistics: e.tally.edge(), Aliases: []types.Alias{},
			ResponseTimeHistogram: histogram(e.response),
			StartTime:             aws.Time(segment.Time(e.first)), EndTime: aws.Time(segment.Time(e.last)),
		}
		if k.link {
			x.EdgeType, x.ReceivedEventAgeHistogram = aws.String("link"), histogram(e.ages)
		}
		out = append(out, x)
	}
	return out
}
