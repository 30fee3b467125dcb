package render

import (
	"cmp"
	"slices"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// slot is a place in a layer of the map: a node's box, or a line that passes on
// its way to a later layer.
type slot struct {
	node     *mapNode // nil for a passing line
	layer    int
	in, out  []*hop
	lines    []boxLine // text of the box
	x, y     int       // of the top left corner
	width    int
	height   int
	exitRow  int
	position float64 // while ordering a layer
}

// hop is a part of an edge from one layer to the next.
type hop struct {
	edge     *mapEdge
	from, to *slot
	last     bool // it ends at the edge's target
	entryRow int
}

// layering is the map's nodes in layers, each edge between neighbours.
type layering struct {
	layers [][]*slot
	entry  map[*slot]*mapEdge // the client's edge to a node
	back   []*mapEdge         // edges that lead backwards, to a node's own layer or to itself
}

// layer puts every node one layer after the last of its callers. Clients have no
// place of their own.
func layer(nodes []*mapNode) *layering {
	l := &layering{entry: map[*slot]*mapEdge{}}
	order := l.order(nodes)
	depth := map[*mapNode]int{}
	back := map[*mapEdge]bool{}
	for _, e := range l.back {
		back[e] = true
	}
	for _, n := range order {
		for _, e := range n.out {
			if !n.client && !back[e] {
				depth[e.to] = max(depth[e.to], depth[n]+1)
			}
		}
	}
	slots := map[*mapNode]*slot{}
	for _, n := range order {
		if !n.client {
			slots[n] = l.add(&slot{node: n, layer: depth[n]})
		}
	}
	for _, n := range order {
		for _, e := range byTarget(n.out) {
			switch {
			case e.to.client: // only the table tells of a client that is called
			case n.client:
				l.entry[slots[e.to]] = e
			case !back[e]:
				l.connect(e, slots[n], slots[e.to])
			}
		}
	}
	l.untangle()
	return l
}

func (l *layering) add(s *slot) *slot {
	for len(l.layers) <= s.layer {
		l.layers = append(l.layers, nil)
	}
	l.layers[s.layer] = append(l.layers[s.layer], s)
	return s
}

// connect leads an edge through the layers between its ends.
func (l *layering) connect(e *mapEdge, from, to *slot) {
	for from.layer < to.layer-1 {
		pass := l.add(&slot{layer: from.layer + 1})
		l.hop(e, from, pass)
		from = pass
	}
	l.hop(e, from, to).last = true
}

func (l *layering) hop(e *mapEdge, from, to *slot) *hop {
	h := &hop{edge: e, from: from, to: to}
	from.out, to.in = append(from.out, h), append(to.in, h)
	return h
}

// order sorts the nodes so that callers come before callees, and sets aside the
// edges that stand against that.
func (l *layering) order(nodes []*mapNode) []*mapNode {
	const (
		open = iota + 1
		done
	)
	state := map[*mapNode]int{}
	var out []*mapNode
	var visit func(n *mapNode)
	visit = func(n *mapNode) {
		state[n] = open
		for _, e := range byTarget(n.out) {
			switch state[e.to] {
			case open:
				l.back = append(l.back, e)
			case 0:
				visit(e.to)
			}
		}
		state[n] = done
		out = append(out, n)
	}
	for _, n := range outward(nodes) {
		if state[n] == 0 {
			visit(n)
		}
	}
	slices.Reverse(out)
	return out
}

// untangle orders each layer by the mean position of its neighbours, forwards
// and backwards a few times.
func (l *layering) untangle() {
	for _, layer := range l.layers {
		order.Stable(layer, func(a, b *slot) int { return cmp.Compare(a.name(), b.name()) })
		for j, s := range layer {
			s.position = float64(j)
		}
	}
	for range 4 {
		for _, layer := range l.layers {
			settle(layer, func(s *slot) (ends []*slot) {
				for _, h := range s.in {
					ends = append(ends, h.from)
				}
				return ends
			})
		}
		for _, layer := range slices.Backward(l.layers) {
			settle(layer, func(s *slot) (ends []*slot) {
				for _, h := range s.out {
					ends = append(ends, h.to)
				}
				return ends
			})
		}
	}
}

func settle(layer []*slot, neighbours func(*slot) []*slot) {
	wish := map[*slot]float64{}
	for _, s := range layer {
		wish[s] = s.position
		if ends := neighbours(s); len(ends) > 0 {
			sum := 0.0
			for _, e := range ends {
				sum += e.position
			}
			wish[s] = sum / float64(len(ends))
		}
	}
	order.Stable(layer, func(a, b *slot) int { return cmp.Compare(wish[a], wish[b]) })
	for i, s := range layer {
		s.position = float64(i)
	}
}

func (s *slot) name() string {
	if s.node == nil {
		return s.in[0].edge.to.name
	}
	return s.node.name
}
