package xray

import (
	"sync"
	"unique"

	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/xray/filterexpr"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

// digest is what service graphs need of one version of a trace. It is small and
// kept with the trace. It is not changed once made.
type digest struct {
	revision int32
	hits     []hit
	calls    []call
	links    []linkUse
}

// detail is what summaries and filter expressions need of one version of a
// trace. It is several times the size of the documents, so few are kept. It is
// not changed once made.
type detail struct {
	revision int32
	view     filterexpr.Trace
	summary  types.TraceSummary
}

// nodeKey tells the nodes of the service graph apart.
type nodeKey struct{ name, typ string }

// intern returns a key that shares its text with all equal ones, as digests stay
// for long and the same names come in every trace.
func (k nodeKey) intern() nodeKey {
	return nodeKey{unique.Make(k.name).Value(), unique.Make(k.typ).Value()}
}

// item is one thing that statistics count.
type item struct {
	start, end float64 // epoch seconds; end is zero while in progress
	// lasting is the seconds from the start to the end of the last asynchronous
	// part.
	lasting                float64
	fault, error, throttle bool
}

func (i item) done() bool       { return i.end != 0 }
func (i item) seconds() float64 { return segment.Between(i.start, i.end) }

// hit is a segment at a node: one the service sent, or an inferred one.
type hit struct {
	node    nodeKey
	account string
	item
	inferred, root bool
}

// call is a use of an edge.
type call struct {
	from, to nodeKey
	account  string // the trace's
	item
}

// digestOf returns the digest of t, computing it if t has changed.
func (s *store) digestOf(t *trace) *digest {
	if d := t.digest.Load(); d != nil && d.revision == t.revision.Load() {
		return d
	}
	v := s.version(t)
	a := newAnatomy(t.id, t.account, s.documents(v))
	d := &digest{revision: v.revision, hits: a.hits(), calls: a.calls(), links: a.links()}
	for i := range d.hits {
		h := &d.hits[i]
		h.node, h.account = h.node.intern(), unique.Make(h.account).Value()
	}
	for i := range d.calls {
		c := &d.calls[i]
		c.from, c.to = c.from.intern(), c.to.intern()
	}
	t.digest.Store(d)
	return d
}

// detailOf returns the detail of t, computing it if t has changed or its detail
// has made room for others.
func (s *store) detailOf(t *trace) *detail {
	if d := t.detail.Load(); d != nil && d.revision == t.revision.Load() {
		return d
	}
	v := s.version(t)
	a := newAnatomy(t.id, t.account, s.documents(v))
	d := &detail{revision: v.revision, view: a.view(), summary: a.summary()}
	d.view.Causes = viewCauses(&d.summary)
	d.summary.Revision = v.revision
	t.detail.Store(d)
	s.details.keep(t)
	return d
}

// ring remembers the last traces whose detail was made, and takes it from those
// that fall out.
type ring struct {
	mu    sync.Mutex
	slots []*trace
	next  int
}

func (r *ring) keep(t *trace) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.slots[r.next]; old != nil && old != t {
		old.detail.Store(nil)
	}
	r.slots[r.next] = t
	r.next = (r.next + 1) % len(r.slots)
}

// anatomy is a trace taken apart.
type anatomy struct {
	id, account string
	trees       []*segment.Tree
	inferred    []*segment.Document
	entry       *segment.Tree // nil if no segment arrived
	// callees are the segments and inferred segments, by parent ID.
	callees map[string][]*segment.Document
	places  []place
	owner   map[string]nodeKey // node of a document, by ID
}

// place is a document with where it stands.
type place struct {
	*segment.Document
	parent *segment.Document // nil for the top of a tree
	tree   *segment.Tree
}

func (p place) segment() bool { return p.parent == nil && !p.Document.Subsegment() }

func newAnatomy(id, account string, docs []*segment.Document) *anatomy {
	a := &anatomy{id: id, account: account, callees: map[string][]*segment.Document{}, owner: map[string]nodeKey{}}
	a.trees = segment.Assemble(docs)
	a.inferred = segment.Infer(a.trees)
	for _, t := range a.trees {
		if top := t.Top; !top.Subsegment() && top.ParentID != "" {
			a.callees[top.ParentID] = append(a.callees[top.ParentID], top)
		}
		t.Walk(func(d, parent *segment.Document) {
			a.places = append(a.places, place{Document: d, parent: parent, tree: t})
			if !t.Top.Subsegment() {
				a.owner[d.ID] = keyOf(t.Top)
			}
		})
	}
	for _, d := range a.inferred {
		a.callees[d.ParentID] = append(a.callees[d.ParentID], d)
	}
	a.entry = a.findEntry()
	return a
}

// findEntry returns the segment that the trace began with: the first without a
// parent, else the first whose parent is not known, else the first.
func (a *anatomy) findEntry() *segment.Tree {
	var orphan, first *segment.Tree
	for _, t := range a.trees {
		if t.Top.Subsegment() {
			continue
		}
		if t.Top.ParentID == "" {
			return t
		}
		if _, known := a.owner[t.Top.ParentID]; !known && orphan == nil {
			orphan = t
		}
		if first == nil {
			first = t
		}
	}
	if orphan != nil {
		return orphan
	}
	return first
}

// keyOf returns the node of a segment.
func keyOf(d *segment.Document) nodeKey {
	if d.Inferred && d.Origin == "" {
		return nodeKey{d.Name, segment.TypeRemote}
	}
	return nodeKey{d.Name, d.Origin}
}

func itemOf(d *segment.Document) item {
	return item{
		start: d.StartTime, end: d.EndTime, lasting: d.Seconds(),
		fault: d.Fault, error: d.Error, throttle: d.Throttle,
	}
}

// hits lists the segments and inferred segments.
func (a *anatomy) hits() []hit {
	var out []hit
	for _, t := range a.trees {
		if t.Top.Subsegment() {
			continue
		}
		h := hit{node: keyOf(t.Top), account: a.accountOf(t.Top), item: itemOf(t.Top), root: t.Top.ParentID == ""}
		if h.done() {
			t.Walk(func(d, _ *segment.Document) { h.lasting = max(h.lasting, segment.Between(h.start, d.EndTime)) })
		}
		out = append(out, h)
	}
	for _, d := range a.inferred {
		out = append(out, hit{node: keyOf(d), account: a.accountOf(d), item: itemOf(d), inferred: true})
	}
	return out
}

func (a *anatomy) accountOf(d *segment.Document) string {
	if d.AWS != nil && d.AWS.AccountID != "" {
		return d.AWS.AccountID
	}
	return a.account
}

// calls lists the uses of edges. A subsegment that calls, or that a segment
// names as its parent, is one call to each node on the other side. A segment
// whose parent is itself a segment has no subsegment to take the statistics
// from, so they are its own.
func (a *anatomy) calls() []call {
	var out []call
	for _, p := range a.places {
		if p.segment() && p.ParentID == "" {
			client := nodeKey{p.Name, segment.TypeClient}
			out = append(out, call{from: client, to: keyOf(p.Document), account: a.account, item: itemOf(p.Document)})
		}
		from, owned := a.owner[p.ID]
		if !owned {
			continue
		}
		seen := map[nodeKey]bool{}
		for _, callee := range a.callees[p.ID] {
			to, made := keyOf(callee), itemOf(p.Document)
			if p.segment() {
				made = itemOf(callee)
			} else if seen[to] {
				continue
			}
			seen[to] = true
			out = append(out, call{from: from, to: to, account: a.account, item: made})
		}
	}
	return out
}
