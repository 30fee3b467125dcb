package render

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// MapOptions is what a service map needs beside the graph.
type MapOptions struct {
	// Window is the length of time that the statistics cover, for rates. Without
	// it counts are shown.
	Window time.Duration
	// NoTable leaves out the table of edges below a drawing.
	NoTable bool
}

// ServiceMap draws a service graph as GetServiceGraph returns it: services from
// left to right with the rate and the worst outcome of the calls between them,
// then a table of all edges with the shares of outcomes and the 99th percentile.
// Services that sent nothing themselves have a dashed frame. A graph that does
// not fit the style's width is the table alone. Without services the result is
// empty.
func ServiceMap(services []types.Service, o MapOptions, s Style) string {
	nodes := model(services, o.Window)
	if len(nodes) == 0 {
		return ""
	}
	drawing := drawMap(nodes, s)
	switch {
	case drawing == "":
		return edgeTable(nodes, o, s)
	case o.NoTable:
		return drawing
	}
	return drawing + "\n" + edgeTable(nodes, o, s)
}

// edgeTable lists the edges, callers in order of their distance from a client,
// and then the services without edges.
func edgeTable(nodes []*mapNode, o MapOptions, s Style) string {
	volume := "rate"
	if o.Window <= 0 {
		volume = "calls"
	}
	t := &Table{Columns: []Column{
		{Title: "caller", Max: 30},
		{},
		{Title: "service", Max: 30},
		{Title: "type", Max: 22},
		{Title: volume, Align: AlignRight},
		{Title: "ok", Align: AlignRight},
		{Title: s.ErrorMark() + " error", Align: AlignRight},
		{Title: s.FaultMark() + " fault", Align: AlignRight},
		{Title: "p99", Align: AlignRight},
	}}
	listed := map[*mapNode]bool{}
	for _, n := range outward(nodes) {
		for _, e := range byTarget(n.out) {
			arrow := s.Arrow()
			if e.link {
				arrow = s.pick("⇢", "~>")
			}
			t.Row(append([]Cell{{Text: n.label()}, {Text: arrow, Tone: Dim}}, factCells(e.to, e.shares, o)...)...)
			listed[n], listed[e.to] = true, true
		}
	}
	for _, n := range nodes {
		if !listed[n] {
			t.Row(append([]Cell{{Text: "-", Tone: Dim}, {}}, factCells(n, n.shares, o)...)...)
		}
	}
	return t.Draw(s)
}

func factCells(n *mapNode, v shares, o MapOptions) []Cell {
	cells := []Cell{
		{Text: n.label()},
		{Text: n.kind, Tone: Dim},
		{Text: volumeText(v, o.Window)},
		{Text: Percent(v.share(v.ok))},
		{Text: Percent(v.share(v.errs))},
		{Text: Percent(v.share(v.faults))},
		{Text: Seconds(v.p99)},
	}
	if v.errs > 0 {
		cells[4].Tone = Warn
	}
	if v.faults > 0 {
		cells[5].Tone = Bad
	}
	return cells
}

func volumeText(v shares, window time.Duration) string {
	if window <= 0 {
		return Count(v.total)
	}
	return Rate(v.rate)
}

func byTarget(edges []*mapEdge) []*mapEdge {
	return order.Sorted(slices.Values(edges), func(a, b *mapEdge) int { return strings.Compare(a.to.name, b.to.name) })
}

// outward orders nodes by their distance from clients and nodes without
// callers, then by name.
func outward(nodes []*mapNode) []*mapNode {
	called := map[*mapNode]bool{}
	for _, n := range nodes {
		for _, e := range n.out {
			called[e.to] = called[e.to] || e.from != n || e.to != n
		}
	}
	distance := map[*mapNode]int{}
	var queue []*mapNode
	visit := func(n *mapNode, d int) {
		if _, seen := distance[n]; !seen {
			distance[n] = d
			queue = append(queue, n)
		}
	}
	for _, n := range nodes {
		if !called[n] {
			visit(n, 0)
		}
	}
	for rest := nodes; ; rest = rest[1:] {
		for len(queue) > 0 {
			n := queue[0]
			queue = queue[1:]
			for _, e := range byTarget(n.out) {
				visit(e.to, distance[n]+1)
			}
		}
		if len(rest) == 0 {
			break
		}
		visit(rest[0], len(nodes)) // only rings lead here
	}
	return order.Sorted(slices.Values(nodes), func(a, b *mapNode) int {
		return cmp.Or(cmp.Compare(distance[a], distance[b]), strings.Compare(a.name, b.name))
	})
}
