package render

import (
	"cmp"
	"slices"

	"github.com/sidelight-dev/sidelight/internal/order"
)

// markCritical finds the critical path below s: going back from the end, always
// into the child that ended last. It adds to each span on the path the seconds
// that no child of it explains. The path ends at until, in epoch seconds.
func (s *span) markCritical(until float64) {
	cursor := min(until, s.doc.EndTime)
	children := slices.Clone(s.children)
	order.Stable(children, func(a, b *span) int { return cmp.Compare(b.doc.EndTime, a.doc.EndTime) })
	for _, c := range children {
		start := max(c.doc.StartTime, s.doc.StartTime)
		end := min(c.doc.EndTime, cursor)
		if !c.doc.Done() || end <= start || c.doc.EndTime > cursor+overlap || s.waits(c) {
			continue
		}
		s.critical += cursor - end
		c.markCritical(end)
		cursor = start
	}
	s.critical += max(0, cursor-s.doc.StartTime)
}

// waits reports whether c is how a call looks from the caller while the callee
// works: AWS's SDK for Go divides calls into phases, and that of the response
// lasts from the request to the answer's end. The callee knows better what the
// time went to. What a call does before and after, such as to connect, counts.
func (s *span) waits(c *span) bool {
	if c.segment || !s.doc.Calls() {
		return false
	}
	for _, callee := range s.children {
		if callee.segment && callee.doc.StartTime < c.doc.EndTime && callee.doc.EndTime > c.doc.StartTime {
			return true
		}
	}
	return false
}

// overlap is by how many seconds a child may end after what followed it on the
// critical path: clocks of hosts differ, and times are rounded.
const overlap = 0.001

// criticalPath names the services from the root to the span that takes most of
// the critical path, and that span's share of the trace.
func criticalPath(root *span, seconds float64) (services []string, share float64) {
	if !root.doc.Done() || seconds <= 0 {
		return nil, 0
	}
	root.markCritical(root.doc.EndTime)
	var most *span
	root.walk(func(s *span) {
		if most == nil || s.critical > most.critical {
			most = s
		}
	})
	for s := most; s != nil; s = s.parent {
		if len(services) == 0 || services[len(services)-1] != s.service {
			services = append(services, s.service)
		}
	}
	slices.Reverse(services)
	return services, most.critical / seconds
}
