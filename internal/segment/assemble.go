package segment

import (
	"cmp"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// Tree is one segment with everything that belongs in it.
type Tree struct {
	// Top is the segment, or a subsegment whose parent is not known.
	Top *Document
	// Attached holds subsegments that were sent on their own, by the
	// document they belong in, in order of time.
	Attached map[*Document][]*Document
	// Replaced holds finished subsegments that were sent on their own, by the
	// embedded ones, still in progress, whose place they take.
	Replaced map[*Document]*Document
}

// Walk calls visit for the top and everything in it, parents first, each with
// its parent, which is nil for the top.
func (t *Tree) Walk(visit func(d, parent *Document)) { t.walk(t.Top, nil, visit) }

func (t *Tree) walk(d, parent *Document, visit func(d, parent *Document)) {
	visit(d, parent)
	for _, s := range d.Subsegments {
		if r := t.Replaced[s]; r != nil {
			s = r
		}
		t.walk(s, d, visit)
	}
	for _, s := range t.Attached[d] {
		t.walk(s, d, visit)
	}
}

// Assemble puts the subsegments that were sent on their own into the segments
// they name as parents, directly or through other subsegments. The order of docs
// does not matter, and no two of them have the same ID. Subsegments without a
// known parent become trees of their own. A subsegment that is also embedded is
// taken from where it is finished. Trees come in order of start time. The
// documents are not changed.
func Assemble(docs []*Document) []*Tree {
	a := assembler{
		known: map[string]bool{}, embedded: map[string]*Document{},
		replaced: map[string]*Document{}, children: map[string][]*Document{}, used: map[*Document]bool{},
	}
	for _, d := range docs {
		a.register(d)
	}
	loose := a.sort(docs)
	var trees []*Tree
	for _, d := range docs {
		if !d.Subsegment() {
			trees = append(trees, a.tree(d))
		}
	}
	for _, d := range loose {
		if !a.known[d.ParentID] {
			trees = append(trees, a.tree(d))
		}
	}
	// What is left hangs in a ring of parents; each ring is cut where it is met.
	for _, d := range loose {
		if !a.used[d] {
			trees = append(trees, a.tree(d))
		}
	}
	order.Stable(trees, func(x, y *Tree) int { return cmp.Compare(x.Top.StartTime, y.Top.StartTime) })
	return trees
}

type assembler struct {
	known    map[string]bool        // every ID
	embedded map[string]*Document   // embedded subsegments, by ID
	replaced map[string]*Document   // independent ones that count instead, by ID
	children map[string][]*Document // independent ones that are attached, by parent ID
	used     map[*Document]bool
}

func (a *assembler) register(top *Document) {
	top.Walk(func(d *Document) {
		a.known[d.ID] = true
		if d != top {
			a.embedded[d.ID] = d
		}
	})
}

// sort decides what becomes of each independent subsegment and returns those
// that are not embedded elsewhere.
func (a *assembler) sort(docs []*Document) []*Document {
	var loose []*Document
	for _, d := range docs {
		if !d.Subsegment() {
			continue
		}
		switch e := a.embedded[d.ID]; {
		case e == nil:
			loose = append(loose, d)
			a.children[d.ParentID] = append(a.children[d.ParentID], d)
		case d.Done() && !e.Done():
			a.replaced[d.ID] = d
		}
	}
	return loose
}

func (a *assembler) tree(top *Document) *Tree {
	t := &Tree{Top: top, Attached: map[*Document][]*Document{}, Replaced: map[*Document]*Document{}}
	a.used[top] = true
	a.fill(t, top)
	return t
}

// fill completes t below d, which is already marked as used.
func (a *assembler) fill(t *Tree, d *Document) {
	for _, s := range d.Subsegments {
		if r := a.replaced[s.ID]; r != nil && !a.used[r] {
			t.Replaced[s], s = r, r
		}
		a.used[s] = true
		a.fill(t, s)
	}
	var mine []*Document
	for _, c := range a.children[d.ID] {
		if !a.used[c] {
			a.used[c] = true
			mine = append(mine, c)
		}
	}
	if len(mine) == 0 {
		return
	}
	order.Stable(mine, func(x, y *Document) int { return cmp.Compare(x.StartTime, y.StartTime) })
	t.Attached[d] = mine
	for _, c := range mine {
		a.fill(t, c)
	}
}
