package firelens

import (
	"context"
	"log/slog"
	"sync"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/receiver"
)

// Books is where a Router counts what it throws away.
type Books interface {
	// Lose counts n events that arrived and go no further.
	Lose(s sidelight.Signal, cause string, n int)
}

// maxTags bounds what a Router remembers, as tags are made by senders.
const maxTags = 4096

// Router applies a Plan to batches, whose Source is the tag. It changes the
// records as the filters say and pushes them to each place that an output names.
//
// If there are several places and a push to a later one fails, the earlier ones
// have the batch already: the sender, who offers it again, makes them have it
// twice. That is only so when the agent stops with a full queue.
type Router struct {
	plan  *Plan
	next  sidelight.Sink
	dest  func(tag string, r Route) sidelight.DestHandle
	books Books
	warn  *receiver.Warner
	works sync.Pool // of *work

	mu   sync.Mutex
	ways map[string]*way
}

// way is what becomes of the records of a tag.
type way struct {
	edits  []edit
	routes []Route
	dests  []sidelight.DestHandle
}

type work struct {
	editor
	events, final []sidelight.Event
	out           sidelight.Batch
}

var _ sidelight.Sink = (*Router)(nil)

// NewRouter returns a Router in front of next. dest names the place of a route;
// it is called once for each route of a tag. What filters and the output null
// drop is counted as lost with the cause "excluded", once for each place that it
// would have gone to.
func NewRouter(p *Plan, next sidelight.Sink, dest func(tag string, r Route) sidelight.DestHandle, books Books, log *slog.Logger) *Router {
	r := &Router{plan: p, next: next, dest: dest, books: books, warn: receiver.NewWarner(log), ways: map[string]*way{}}
	r.works.New = func() any { return new(work) }
	return r
}

// Push implements sidelight.Sink.
func (r *Router) Push(ctx context.Context, b *sidelight.Batch) error {
	way := r.way(b.Source)
	w := r.works.Get().(*work)
	defer r.works.Put(w)
	defer w.clear()
	for _, e := range b.Events {
		if body, ok := w.apply(way.edits, e.Body); ok {
			w.events = append(w.events, sidelight.Event{Time: e.Time, Body: body})
		}
	}
	out := (len(b.Events) - len(w.events)) * len(way.routes)
	for i := range way.routes {
		n, err := r.push(ctx, w, b, &way.routes[i], way.dests[i])
		if err != nil {
			return err
		}
		out += n
	}
	if out > 0 {
		r.books.Lose(sidelight.Logs, "excluded", out)
	}
	return nil
}

func (w *work) clear() {
	clear(w.events)
	clear(w.final)
	w.events, w.final = w.events[:0], w.final[:0]
	w.out = sidelight.Batch{}
	w.reset()
}

// push pushes the records of w to one place and returns how many were not sent.
func (r *Router) push(ctx context.Context, w *work, b *sidelight.Batch, to *Route, dest sidelight.DestHandle) (int, error) {
	if to.Drop {
		return len(w.events), nil
	}
	w.final = w.final[:0]
	for _, e := range w.events {
		if to.LogKey != "" {
			text, ok := w.value(e.Body, to.LogKey)
			if ok {
				e.Body = text
			} else {
				r.warn.Warn("a record lacks the member that log_key names and is sent whole", slog.String("source", b.Source), slog.String("log_key", to.LogKey))
			}
		}
		if len(e.Body) > 0 { // CloudWatch Logs takes no empty events
			w.final = append(w.final, e)
		}
	}
	out := len(w.events) - len(w.final)
	if len(w.final) == 0 {
		return out, nil
	}
	w.out = sidelight.Batch{Signal: b.Signal, Dest: dest, Source: b.Source, Events: w.final, Ticket: b.Ticket}
	return out, r.next.Push(ctx, &w.out)
}

func (r *Router) way(tag string) *way {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.ways[tag]; w != nil {
		return w
	}
	w := &way{routes: r.plan.Routes(tag), edits: r.plan.edits(tag)}
	for _, route := range w.routes {
		w.dests = append(w.dests, r.dest(tag, route))
	}
	if len(r.ways) >= maxTags {
		clear(r.ways)
	}
	r.ways[tag] = w
	return w
}

// Retention returns for how many days an output wants the group to keep its
// events, zero for ever. It reports false if no output names the group.
func (r *Router) Retention(group string) (days int32, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.ways {
		for i, route := range w.routes {
			if route.Group != "" && w.dests[i].Value().Group == group {
				return route.Retention, true
			}
		}
	}
	return r.plan.retention(group)
}
