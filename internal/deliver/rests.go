package deliver

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
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

	// parked are those that are denied on their own account.
	parked atomic.Pointer[[]sidelight.DestHandle]

	mu sync.Mutex
	m  map[sidelight.DestHandle]*failing
}

type failing struct {
	since    time.Time
	attempts int
	denied   bool
	deniedAt time.Time // when the denials in a row began
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
	if f.Kind == sidelight.Denied && !x.denied {
		x.deniedAt = now
	}
	if x.denied = f.Kind == sidelight.Denied; !x.denied {
		r.parkLocked(d, false)
		return 0
	}
	r.parkLocked(d, !f.Everyone)
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
	r.parkLocked(d, false)
}

// hurry ends d's rest, so that the next of its blocks is tried at once.
func (r *rests) hurry(d sidelight.DestHandle) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.m[d]; x != nil {
		x.until = time.Now()
	}
}

// deniedFor is how long d has been denied without a break.
func (r *rests) deniedFor(d sidelight.DestHandle) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if x := r.m[d]; x != nil && x.denied {
		return time.Since(x.deniedAt)
	}
	return 0
}

// parkLocked remembers whether d is denied on its own account. The list is made
// anew: others read it without the lock.
func (r *rests) parkLocked(d sidelight.DestHandle, denied bool) {
	var old []sidelight.DestHandle
	if p := r.parked.Load(); p != nil {
		old = *p
	}
	i := slices.Index(old, d)
	switch {
	case denied && i < 0:
		list := append(slices.Clone(old), d)
		r.parked.Store(&list)
	case !denied && i >= 0:
		list := slices.Delete(slices.Clone(old), i, i+1)
		r.parked.Store(&list)
	}
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
