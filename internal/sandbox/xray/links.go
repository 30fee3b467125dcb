package xray

import (
	"unique"

	"github.com/sidelight-dev/sidelight/internal/segment"
)

// linkUse is a link of a span to an earlier one, mostly of another trace: the
// receipt of a message to its sending.
type linkUse struct {
	to nodeKey // where the link is told: the receiver
	item
	traceID, id string // of the sender
}

// links lists the links of the trace's spans.
func (a *anatomy) links() []linkUse {
	var out []linkUse
	for _, p := range a.places {
		to, owned := a.owner[p.ID]
		if !owned {
			continue
		}
		for _, l := range p.Links {
			if segment.ValidTraceID(l.TraceID) && segment.ValidID(l.ID) {
				out = append(out, linkUse{
					to: to.intern(), item: itemOf(p.Document),
					traceID: unique.Make(l.TraceID).Value(), id: unique.Make(l.ID).Value(),
				})
			}
		}
	}
	return out
}

// sender is the other end of a link.
type sender struct {
	node  nodeKey
	start float64
}

// addLinks draws an edge from sender to receiver for the links of a graph whose
// sender is known. A message's age is the time from the start of its sending to
// the start of its receipt.
func (s *store) addLinks(g *graph, links []linkUse) {
	senders := map[string]map[string]sender{}
	for _, l := range links {
		if !g.in(l.item) {
			continue
		}
		spans, known := senders[l.traceID]
		if !known {
			spans = s.senders(l.traceID)
			senders[l.traceID] = spans
		}
		if from, ok := spans[l.id]; ok {
			g.addLink(from.node, l, max(0, segment.Between(from.start, l.start)))
		}
	}
}

// senders lists the spans of a trace that belong to a service, by ID.
func (s *store) senders(traceID string) map[string]sender {
	t := s.get(traceID)
	if t == nil {
		return nil
	}
	a := newAnatomy(t.id, t.account, s.documents(s.version(t)))
	out := make(map[string]sender, len(a.places))
	for _, p := range a.places {
		if node, owned := a.owner[p.ID]; owned {
			out[p.ID] = sender{node: node, start: p.StartTime}
		}
	}
	return out
}
