package deliver

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// Failing is a destination whose last attempt failed.
type Failing struct {
	Dest sidelight.Dest
	// Since is when the first of the failures in a row was.
	Since time.Time
	// Attempts counts the failures in a row.
	Attempts int
	// Denied says that the destination rests, and Until how long.
	Denied bool
	Until  time.Time
	Err    string
}

// rests remembers destinations that fail, and has those rest that were denied, so
// that their blocks do not cost an attempt each.
type rests struct {
	max time.Duration

	mu sync.Mutex
	m  map[sidelight.DestHandle]*failing
}

type failing struct {
	since    time.Time
	attempts int
	denied   bool
	err      *sidelight.Fault
	until    time.Time
	backoff  time.Duration
}

func newRests(longest time.Duration) *rests {
	return &rests{max: longest, m: map[sidelight.DestHandle]*failing{}}
}

// left is how long d must still rest.
func (r *rests) left(d sidelight.DestHandle) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.m[d]; x != nil && x.denied {
		return time.Until(x.until)
	}
	return 0
}

// note remembers a failed attempt and returns how long d rests: zero unless it
// was denied.
func (r *rests) note(d sidelight.DestHandle, f *sidelight.Fault) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	x := r.m[d]
	if x == nil {
		x = &failing{since: now}
		r.m[d] = x
	}
	x.attempts++
	x.err = f
	if x.denied = f.Kind == sidelight.Denied; !x.denied {
		return 0
	}
	if x.backoff == 0 {
		x.backoff = time.Second
	} else {
		x.backoff = min(x.backoff*2, r.max)
	}
	rest := jitter(x.backoff)
	x.until = now.Add(rest)
	return rest
}

func (r *rests) clear(d sidelight.DestHandle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.m, d)
}

// Failing lists the destinations whose last attempt failed, by name.
func (d *Delivery) Failing() []Failing {
	r := d.rests
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Failing, 0, len(r.m))
	for dest, x := range r.m {
		f := Failing{Dest: dest.Value(), Since: x.since, Attempts: x.attempts, Denied: x.denied, Err: x.err.Error()}
		if x.denied {
			f.Until = x.until
		}
		out = append(out, f)
	}
	order.By(out, func(a, b Failing) int {
		return cmp.Or(cmp.Compare(a.Dest.Group, b.Dest.Group), cmp.Compare(a.Dest.Stream, b.Dest.Stream))
	})
	return out
}

// take leases the next block whose destination need not rest. A queue that
// cannot tell before the lease gives it back after it.
func (d *Delivery) take(ctx context.Context) (sidelight.Lease, error) {
	if p, ok := d.queue.(sidelight.Parker); ok {
		return p.TakeUnless(ctx, d.rests.left)
	}
	return d.queue.Take(ctx)
}
