package render

import (
	"math"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// boxLine is a line of text in a node's box.
type boxLine struct {
	text string
	tone Tone
}

const (
	maxBoxText = 22
	minBoxText = 14
	rowGap     = 1
	maxRows    = 60 // of a drawing; more belong in the table
)

// drawMap draws the graph, or returns "" if it does not fit. Labels get shorter
// before it gives up.
func drawMap(nodes []*mapNode, s Style) string {
	l := layer(nodes)
	if len(l.layers) == 0 {
		return ""
	}
	for _, try := range []struct {
		box    int
		labels labelSize
	}{{maxBoxText, labelFull}, {maxBoxText, labelShort}, {minBoxText, labelFull}, {minBoxText, labelShort}, {minBoxText, labelNone}} {
		d := &mapDrawing{layering: l, style: s, box: try.box, labels: try.labels}
		if width, height := d.place(); width <= s.width() && height <= maxRows {
			return d.draw(width, height)
		}
	}
	return ""
}

type labelSize uint8

const (
	labelFull  labelSize = iota // rate and worst outcome
	labelShort                  // worst outcome, else rate
	labelNone
)

type mapDrawing struct {
	*layering
	style  Style
	box    int // limit of text in boxes
	labels labelSize
	trunks map[*slot]int // column in which a slot's edges turn
}

// label is the text on an edge's last part.
func (d *mapDrawing) label(e *mapEdge) (string, Tone) {
	bad, tone := e.shares.worst(d.style)
	switch {
	case d.labels == labelNone:
		return "", Plain
	case bad == "":
		return d.volume(e), Plain
	case d.labels == labelShort:
		return bad, tone
	}
	return d.volume(e) + " " + bad, tone
}

// place gives every slot its place and size, and returns those of the drawing.
func (d *mapDrawing) place() (width, height int) {
	d.trunks = map[*slot]int{}
	x := d.entryWidth()
	for i, layer := range d.layers {
		w := 0
		for _, s := range layer {
			d.fill(s)
			w = max(w, s.width)
		}
		for _, s := range layer {
			s.x, s.width = x, w
		}
		height = max(height, d.stack(layer))
		x += w
		if i < len(d.layers)-1 {
			x = d.channel(layer, x)
		}
	}
	for _, layer := range slices.Backward(d.layers) {
		sink(layer, height)
	}
	for _, layer := range d.layers {
		d.enter(layer)
	}
	return x, height
}

// sink moves the slots of a layer down, where there is room, towards the middle
// of their callees.
func sink(layer []*slot, height int) {
	limit := height
	for _, s := range slices.Backward(layer) {
		if len(s.out) > 0 {
			sum := 0
			for _, h := range s.out {
				sum += h.to.exitRow
			}
			s.y = max(s.y, min(sum/len(s.out)-s.height/2, limit-s.height))
			s.exitRow = s.y + s.height/2
		}
		limit = s.y - rowGap
	}
}

// entryWidth is the room for the clients' arrows at the left.
func (d *mapDrawing) entryWidth() int {
	w := 0
	for s, e := range d.entry {
		if s.layer > 0 {
			continue
		}
		w = max(w, Width(d.volume(e))+len(" -> ")-1)
	}
	return w
}

// volume is the rate of an edge, or the number of calls.
func (d *mapDrawing) volume(e *mapEdge) string {
	switch {
	case d.labels == labelNone:
		return ""
	case math.IsNaN(e.shares.rate):
		return Count(e.shares.total)
	}
	return Rate(e.shares.rate)
}

// fill makes a box's text and size.
func (d *mapDrawing) fill(s *slot) {
	if s.node == nil {
		s.width, s.height = 0, 1
		return
	}
	n := s.node
	s.width = 0
	s.lines = []boxLine{{d.style.Fit(n.name, d.box), Strong}}
	if n.kind != "" {
		s.lines = append(s.lines, boxLine{d.style.Fit(n.kind, d.box), Dim})
	}
	bad, tone := n.shares.worst(d.style)
	if bad == "" && n.shares.total > 0 {
		bad, tone = "ok", Good
	}
	p99 := ""
	if !math.IsNaN(n.shares.p99) {
		p99 = "p99 " + Seconds(n.shares.p99)
	}
	if both := strings.TrimSpace(bad + "  " + p99); Width(both) <= d.box {
		bad, p99 = both, ""
	}
	for _, text := range []string{bad, p99} {
		if text != "" {
			s.lines = append(s.lines, boxLine{d.style.Fit(text, d.box), tone})
		}
	}
	if e := d.entry[s]; e != nil && s.layer > 0 {
		text, tone := d.label(e)
		s.lines = append(s.lines, boxLine{strings.TrimSpace("client " + text), tone})
	}
	for _, l := range s.lines {
		s.width = max(s.width, Width(l.text)+4)
	}
	rows := max(len(s.lines), len(s.in))
	s.height = rows + 2
}

// stack sets the rows of a layer's slots, each as near as can be to the middle
// of its callers, and returns the rows used.
func (d *mapDrawing) stack(layer []*slot) int {
	y := 0
	for _, s := range layer {
		s.y = y
		if len(s.in) > 0 {
			sum := 0
			for _, h := range s.in {
				sum += h.from.exitRow
			}
			s.y = max(y, sum/len(s.in)-s.height/2)
		}
		s.exitRow = s.y + s.height/2
		y = s.y + s.height + rowGap
	}
	return y - rowGap
}

// channel gives each caller of a layer that ends at column x a column for its
// edges to turn in, and returns where the next layer starts.
func (d *mapDrawing) channel(layer []*slot, x int) int {
	label := 0
	column := x + 1
	for _, s := range layer {
		if len(s.out) == 0 {
			continue
		}
		d.trunks[s] = column
		column += 2
		for _, h := range s.out {
			if h.last {
				text, _ := d.label(h.edge)
				label = max(label, Width(text))
			}
		}
	}
	if label > 0 {
		label += 3 // spaces around it and a piece of line
	}
	return column + label + len("-> ") - 1
}

// enter chooses the rows at which edges reach each slot: straight from a lone
// caller if that is possible, else in the order of the callers, and not in a row
// in which another caller's line leaves.
func (d *mapDrawing) enter(layer []*slot) {
	for _, s := range layer {
		if s.node == nil {
			for _, h := range s.in {
				h.entryRow = s.y
			}
			continue
		}
		order.Stable(s.in, func(a, b *hop) int { return a.from.exitRow - b.from.exitRow })
		free := []int{}
		for row := s.y + 1; row < s.y+s.height-1; row++ {
			free = append(free, row)
		}
		for i, h := range s.in {
			last := len(free) - (len(s.in) - i) // leave a row for each that follows
			best := 0
			for j := 0; j <= last; j++ {
				if d.cost(h, free[j]) < d.cost(h, free[best]) {
					best = j
				}
			}
			h.entryRow = free[best]
			free = free[best+1:]
		}
	}
}

// cost says how bad a row is for a hop to enter at.
func (d *mapDrawing) cost(h *hop, row int) int {
	if row == h.from.exitRow {
		return -1
	}
	cost := abs(row - (h.to.y + h.to.height/2))
	for _, other := range d.layers[h.from.layer] {
		if other != h.from && len(other.out) > 0 && other.exitRow == row {
			cost += 100
		}
	}
	return cost
}

func abs(n int) int { return max(n, -n) }

func (d *mapDrawing) draw(width, height int) string {
	c := newCanvas(d.style, width, height)
	for _, layer := range d.layers {
		for _, s := range layer {
			d.drawSlot(c, s)
		}
	}
	for _, layer := range d.layers {
		for _, s := range layer {
			for _, h := range s.out {
				d.drawHop(c, h)
			}
		}
	}
	return c.String() + d.rest()
}

func (d *mapDrawing) drawHop(c *canvas, h *hop) {
	from, to := h.from.x+h.from.width-1, h.to.x-1
	trunk := d.trunks[h.from]
	c.across(from, trunk, h.from.exitRow)
	c.down(trunk, h.from.exitRow, h.entryRow)
	c.across(trunk, to, h.entryRow)
	if !h.last {
		return
	}
	text, tone := d.label(h.edge)
	if text != "" {
		c.text(to-3-Width(text), h.entryRow, " "+text+" ", tone)
	}
	d.arrow(c, to, h.entryRow)
}

func (d *mapDrawing) arrow(c *canvas, x, y int) {
	c.text(x, y, d.style.pick("▶", ">"), Plain)
}

func (d *mapDrawing) drawSlot(c *canvas, s *slot) {
	if s.node == nil {
		c.across(s.x-1, s.x+s.width, s.y)
		return
	}
	_, tone := s.node.shares.worst(d.style)
	c.box(s.x, s.y, s.width, s.height, tone, !s.node.observed)
	top := s.y + 1 + (s.height-2-len(s.lines))/2
	for i, l := range s.lines {
		c.text(s.x+2, top+i, l.text, l.tone)
	}
	if e := d.entry[s]; e != nil && s.layer == 0 {
		text := d.volume(e)
		c.text(s.x-len(" ->")-Width(text), s.exitRow, text, Plain)
		c.text(s.x-2, s.exitRow, d.style.pick("─", "-"), Plain)
		d.arrow(c, s.x-1, s.exitRow)
	}
}

// rest tells of the edges that are not drawn.
func (d *mapDrawing) rest() string {
	var b strings.Builder
	for _, e := range d.back {
		text, _ := (&mapDrawing{style: d.style}).label(e)
		b.WriteString(d.style.pick("↩ ", "also ") + e.from.label() + " " + d.style.Arrow() + " " + e.to.label() + "  " + text + "\n")
	}
	return b.String()
}
