package meter

import (
	"cmp"
	"maps"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// MaxRoutes bounds the routes that are told apart; what goes elsewhere is counted
// together, as Others.
const MaxRoutes = 200

// Others is the group of what is beyond MaxRoutes.
const Others = "(others)"

// Route is where items go: a log group, a namespace, or the one place of an
// exporter that has no more.
type Route struct {
	Exporter string `json:"exporter"`
	Group    string `json:"group"`
}

// RouteTotals is what became of the items of one route since the agent began.
type RouteTotals struct {
	Route
	Delivered uint64 `json:"delivered"`
	Bytes     uint64 `json:"bytes"`
	// Weight is in the bytes that the service charges for, where these are known.
	Weight  uint64            `json:"weight"`
	Refused map[string]uint64 `json:"refused,omitempty"`
	// Last is when a request succeeded last.
	Last time.Time `json:"last_delivered,omitzero"`
}

// Routes counts what was delivered and refused, by route. The zero Routes is
// empty. Its methods are safe for concurrent use; call them per request.
type Routes struct {
	mu sync.Mutex
	m  map[Route]*RouteTotals
}

// Deliver books events that the service has, in a body of so many bytes, and
// their weight.
func (r *Routes) Deliver(d sidelight.Dest, events, bytes, weight int) {
	r.post(d, func(t *RouteTotals) {
		t.Delivered += uint64(events)
		t.Bytes += uint64(bytes)
		t.Weight += uint64(weight)
		t.Last = time.Now()
	})
}

// Refuse books events that the service will never take.
func (r *Routes) Refuse(d sidelight.Dest, reason string, events int) {
	r.post(d, func(t *RouteTotals) { add(&t.Refused, reason, events) })
}

func (r *Routes) post(d sidelight.Dest, f func(*RouteTotals)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := Route{d.Exporter, d.Group}
	t := r.m[key]
	if t == nil {
		if r.m == nil {
			r.m = map[Route]*RouteTotals{}
		}
		if len(r.m) >= MaxRoutes {
			key.Group = Others
		}
		if t = r.m[key]; t == nil {
			t = &RouteTotals{Route: key}
			r.m[key] = t
		}
	}
	f(t)
}

// Totals returns a copy of all routes, sorted.
func (r *Routes) Totals() []RouteTotals {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]RouteTotals, 0, len(r.m))
	for _, t := range r.m {
		c := *t
		c.Refused = maps.Clone(t.Refused)
		out = append(out, c)
	}
	order.By(out, func(a, b RouteTotals) int {
		return cmp.Or(cmp.Compare(a.Exporter, b.Exporter), cmp.Compare(a.Group, b.Group))
	})
	return out
}
