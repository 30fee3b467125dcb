package xray

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/segment"
)

// maxCauses bounds the root causes of one kind in a summary.
const maxCauses = 10

// causeStep is one service on the way to a root cause, with what failed in it,
// from its segment to the innermost subsegment.
type causeStep struct {
	top  *segment.Document
	path []*segment.Document
}

// causes follows failures from where they stopped, a segment or subsegment that
// is not part of another failure, to the subsegments and callees in which no
// other part failed. Each way is a root cause.
func (a *anatomy) causes(failed func(*segment.Document) bool) [][]causeStep {
	parts := map[string][]*segment.Document{} // failed subsegments, by parent ID
	bad := map[string]bool{}
	for _, p := range a.places {
		if !failed(p.Document) {
			continue
		}
		bad[p.ID] = true
		if p.parent != nil {
			parts[p.parent.ID] = append(parts[p.parent.ID], p.Document)
		}
	}
	var out [][]causeStep
	seen := map[*segment.Document]bool{}
	var follow func(d *segment.Document, way []causeStep)
	follow = func(d *segment.Document, way []causeStep) {
		if seen[d] || len(out) >= maxCauses {
			return
		}
		seen[d] = true
		last := &way[len(way)-1]
		last.path = append(slices.Clone(last.path), d)
		end := true
		for _, s := range parts[d.ID] {
			end = false
			follow(s, slices.Clone(way))
		}
		for _, callee := range a.callees[d.ID] {
			if failed(callee) {
				end = false
				follow(callee, append(slices.Clone(way), causeStep{top: callee}))
			}
		}
		if end && len(out) < maxCauses {
			out = append(out, way)
		}
	}
	for _, p := range a.places {
		caller := p.ParentID
		if p.parent != nil {
			caller = p.parent.ID
		}
		if bad[p.ID] && !bad[caller] && !p.tree.Top.Subsegment() {
			follow(p.Document, []causeStep{{top: p.tree.Top}})
		}
	}
	return out
}

// clientImpacting reports whether a root cause made the trace's entry fail.
func (a *anatomy) clientImpacting(way []causeStep) *bool {
	return aws.Bool(a.entry != nil && way[0].path[0] == a.entry.Top)
}

func (a *anatomy) faultCauses() []types.FaultRootCause {
	var out []types.FaultRootCause
	for _, way := range a.causes(func(d *segment.Document) bool { return d.Fault }) {
		c := types.FaultRootCause{ClientImpacting: a.clientImpacting(way)}
		for _, step := range way {
			id := a.serviceID(step.top)
			s := types.FaultRootCauseService{
				Name: id.Name, Names: id.Names, Type: id.Type, AccountId: id.AccountId, Inferred: aws.Bool(step.top.Inferred),
			}
			for _, d := range step.path {
				s.EntityPath = append(s.EntityPath, types.FaultRootCauseEntity{
					Name: aws.String(d.Name), Remote: aws.Bool(d.Calls()), Exceptions: exceptions(d),
				})
			}
			c.Services = append(c.Services, s)
		}
		out = append(out, c)
	}
	return out
}

func (a *anatomy) errorCauses() []types.ErrorRootCause {
	var out []types.ErrorRootCause
	for _, way := range a.causes(func(d *segment.Document) bool { return d.Error && !d.Fault }) {
		c := types.ErrorRootCause{ClientImpacting: a.clientImpacting(way)}
		for _, step := range way {
			id := a.serviceID(step.top)
			s := types.ErrorRootCauseService{
				Name: id.Name, Names: id.Names, Type: id.Type, AccountId: id.AccountId, Inferred: aws.Bool(step.top.Inferred),
			}
			for _, d := range step.path {
				s.EntityPath = append(s.EntityPath, types.ErrorRootCauseEntity{
					Name: aws.String(d.Name), Remote: aws.Bool(d.Calls()), Exceptions: exceptions(d),
				})
			}
			c.Services = append(c.Services, s)
		}
		out = append(out, c)
	}
	return out
}

// leastShare is how much of what it is part of a part must have taken to be the
// reason why that took long.
const leastShare = 0.5

// delayCauses follows the time of the trace's entry: into the longest part of
// each segment and subsegment, and the longest callee of each call, as long as it
// took at least half. X-Ray does not publish its own rule.
func (a *anatomy) delayCauses() []types.ResponseTimeRootCause {
	if a.entry == nil || !a.entry.Top.Done() || a.entry.Top.Seconds() == 0 {
		return nil
	}
	whole := a.entry.Top.Seconds()
	parts := map[string][]*segment.Document{}
	for _, p := range a.places {
		if p.parent != nil {
			parts[p.parent.ID] = append(parts[p.parent.ID], p.Document)
		}
	}
	c := types.ResponseTimeRootCause{ClientImpacting: aws.Bool(true)}
	seen := map[*segment.Document]bool{}
	top := true
	for d := a.entry.Top; d != nil && !seen[d]; {
		seen[d] = true
		if top {
			id := a.serviceID(d)
			c.Services = append(c.Services, types.ResponseTimeRootCauseService{
				Name: id.Name, Names: id.Names, Type: id.Type, AccountId: id.AccountId, Inferred: aws.Bool(d.Inferred),
			})
		}
		s := &c.Services[len(c.Services)-1]
		s.EntityPath = append(s.EntityPath, types.ResponseTimeRootCauseEntity{
			Name: aws.String(d.Name), Coverage: aws.Float64(min(1, d.Seconds()/whole)), Remote: aws.Bool(d.Calls()),
		})
		next := longest(d, parts[d.ID])
		if top = next == nil; top {
			next = longest(d, a.callees[d.ID])
		}
		d = next
	}
	return []types.ResponseTimeRootCause{c}
}

// longest returns the part that took longest, if that is enough of the whole.
func longest(of *segment.Document, parts []*segment.Document) *segment.Document {
	var most *segment.Document
	for _, d := range parts {
		if d.Seconds() >= leastShare*of.Seconds() && (most == nil || d.Seconds() > most.Seconds()) {
			most = d
		}
	}
	return most
}

func exceptions(d *segment.Document) []types.RootCauseException {
	if d.Cause == nil {
		return nil
	}
	var out []types.RootCauseException
	for _, e := range d.Cause.Exceptions {
		out = append(out, types.RootCauseException{Name: optional(e.Type), Message: optional(e.Message)})
	}
	return out
}
