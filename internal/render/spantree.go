package render

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/order"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

// span is a segment or subsegment of a trace, in its place. A call to a service
// that sent no segment of its own stands for that service.
type span struct {
	doc      *segment.Document
	service  string // whose work it is
	callee   bool   // service is a callee without a segment of its own
	segment  bool
	parent   *span
	children []*span // by start
	depth    int
	critical float64 // seconds of the critical path spent in it alone
}

// forest makes the trees of a trace from its segments as BatchGetTraces returns
// them. Inferred segments only tell which calls have no segment at the other
// end, so they are not spans.
func forest(docs []*segment.Document) []*span {
	f := grower{known: map[string]*span{}}
	called := map[string]bool{}
	for _, d := range docs {
		if d.Inferred {
			continue
		}
		called[d.ParentID] = true
	}
	var tops []*span
	for _, d := range docs {
		if !d.Inferred {
			tops = append(tops, f.grow(d, nil, d.Name, !d.Subsegment(), called))
		}
	}
	var roots []*span
	for _, s := range tops {
		p := f.known[s.doc.ParentID]
		if s.doc.ParentID == "" || p == nil || p.within(s) {
			roots = append(roots, s)
			continue
		}
		s.parent = p
		p.children = append(p.children, s)
	}
	for _, r := range roots {
		r.settle(0)
	}
	order.Stable(roots, byStart)
	return roots
}

type grower struct{ known map[string]*span }

func (f *grower) grow(d *segment.Document, parent *span, service string, isSegment bool, called map[string]bool) *span {
	s := &span{doc: d, service: service, parent: parent, segment: isSegment}
	if !isSegment && d.Calls() && !called[d.ID] {
		s.service, s.callee = calleeName(d), true
	}
	if f.known[d.ID] == nil {
		f.known[d.ID] = s
	}
	for _, c := range d.Subsegments {
		s.children = append(s.children, f.grow(c, s, service, false, called))
	}
	return s
}

// calleeName is how the waterfall calls a service without a segment: an AWS
// service by the service, as the resource stands beside it.
func calleeName(d *segment.Document) string {
	name, typ := segment.Callee(d)
	if parts := strings.Split(typ, "::"); parts[0] == "AWS" && len(parts) > 1 {
		return parts[1]
	}
	return name
}

// within reports whether s is other or below it.
func (s *span) within(other *span) bool {
	for p := s; p != nil; p = p.parent {
		if p == other {
			return true
		}
	}
	return false
}

func (s *span) settle(depth int) {
	s.depth = depth
	order.Stable(s.children, byStart)
	for _, c := range s.children {
		c.settle(depth + 1)
	}
}

func byStart(a, b *span) int { return cmp.Compare(a.doc.StartTime, b.doc.StartTime) }

// walk calls visit for s and what is below it, parents first.
func (s *span) walk(visit func(*span)) {
	visit(s)
	for _, c := range s.children {
		c.walk(visit)
	}
}

// what says in a few words what the span does: the request of a segment, the
// operation and resource of an AWS call, the method and host of another call,
// else its name.
func (s *span) what() string {
	d := s.doc
	if d.Namespace == "aws" && d.AWS != nil && d.AWS.Operation != "" {
		if name, typ := segment.Callee(d); name != d.Name && strings.Count(typ, "::") > 1 {
			return d.AWS.Operation + " " + lastPart(name)
		}
		return d.AWS.Operation
	}
	if d.HTTP != nil && d.HTTP.Request.Method != "" {
		place := d.Name
		if u, err := url.Parse(d.HTTP.Request.URL); err == nil && s.segment && u.Path != "" {
			place = u.Path
		}
		return d.HTTP.Request.Method + " " + place
	}
	if s.segment && s.parent == nil || s.callee {
		return ""
	}
	if s.segment && d.Name == s.service {
		return ""
	}
	return d.Name
}

// lastPart shortens an ARN or URL to the resource's name.
func lastPart(name string) string {
	if i := strings.LastIndexAny(name, "/:"); i >= 0 && i < len(name)-1 {
		return name[i+1:]
	}
	return name
}

// outcome is what went wrong, if anything: a mark with the HTTP status or the
// first exception's message.
func (s *span) outcome(st Style) Cell {
	d := s.doc
	mark, kind, tone := "", "", Plain
	switch {
	case d.Fault:
		mark, kind, tone = st.FaultMark(), "fault", Bad
	case d.Throttle:
		mark, kind, tone = st.ErrorMark(), "throttled", Warn
	case d.Error:
		mark, kind, tone = st.ErrorMark(), "error", Warn
	case !d.Done():
		return Cell{Text: st.ellipsis() + " in progress", Tone: Dim}
	default:
		return Cell{}
	}
	text := mark
	if d.HTTP != nil && d.HTTP.Response.Status != 0 {
		text += " " + strconv.FormatInt(d.HTTP.Response.Status, 10)
	}
	switch {
	case d.Cause != nil && len(d.Cause.Exceptions) > 0:
		text += " " + kind + ": " + reason(d.Cause.Exceptions[0])
	case d.Throttle || text == mark:
		text += " " + kind
	}
	return Cell{Text: text, Tone: tone}
}

func reason(e segment.Exception) string {
	if e.Message == "" {
		return e.Type
	}
	return e.Message
}

// failedFirst reports whether the span is where a fault began: none below it failed.
func (s *span) failedFirst() bool {
	if !s.doc.Fault {
		return false
	}
	for _, c := range s.children {
		if c.doc.Fault {
			return false
		}
	}
	return true
}
