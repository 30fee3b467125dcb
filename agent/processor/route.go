package processor

import (
	"context"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/expr"
)

// router pushes each event to where its route says. The parts of a batch have
// its ticket in common, so that the receiver hears of the batch as a whole; if
// a later part is refused, the earlier ones arrive twice.
type router struct {
	routes []Route
	when   []*expr.Expr // nil means every event
	next   sidelight.Sink

	source  string
	known   bool
	from    sidelight.DestHandle
	dests   []sidelight.DestHandle // of routes, for source and from
	subject expr.Subject
	choice  []int16 // of each event, -1 for none
	events  []sidelight.Event
	out     sidelight.Batch
}

func newRouter(routes []Route, when []*expr.Expr, next sidelight.Sink) *router {
	return &router{routes: routes, when: when, next: next, dests: make([]sidelight.DestHandle, len(routes))}
}

// Push divides b among the routes.
func (r *router) Push(ctx context.Context, b *sidelight.Batch) error {
	if !r.known || r.source != b.Source || r.from != b.Dest {
		r.known, r.source, r.from = true, b.Source, b.Dest
		for i := range r.routes {
			r.dests[i] = r.routes[i].Dest(b.Source, b.Dest)
		}
	}
	r.choose(b)
	for left := len(b.Events); left > 0; {
		n, err := r.pushNext(ctx, b)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

const (
	unrouted = -1
	done     = -2
)

func (r *router) choose(b *sidelight.Batch) {
	r.choice = r.choice[:0]
	r.subject.Reset(b.Source, nil)
	for i := range b.Events {
		r.subject.Next(b.Events[i].Body)
		c := int16(unrouted)
		for j, x := range r.when {
			if x == nil || x.Match(&r.subject) {
				c = int16(j)
				break
			}
		}
		r.choice = append(r.choice, c)
	}
}

// pushNext pushes the events that go the way of the first that is left.
func (r *router) pushNext(ctx context.Context, b *sidelight.Batch) (int, error) {
	first := 0
	for r.choice[first] == done {
		first++
	}
	way := r.choice[first]
	r.events = r.events[:0]
	for i, c := range r.choice {
		if c == way {
			r.events = append(r.events, b.Events[i])
			r.choice[i] = done
		}
	}
	r.out = *b
	r.out.Events = r.events
	// Once a batch is divided its parts must not be refused one by one.
	r.out.Waits = b.Waits && len(r.events) == len(b.Events)
	if way >= 0 {
		r.out.Dest = r.dests[way]
	}
	err := r.next.Push(ctx, &r.out)
	n := len(r.events)
	clear(r.events)
	r.out = sidelight.Batch{}
	return n, err
}
