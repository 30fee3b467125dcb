//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// row is one fault.
type row struct {
	name  string
	may   allowed
	tune  func(*settings)
	loads [sources]load
	// before runs before the agent starts, script beside the senders. The faults
	// that they leave in force end when both are done, or, if lasting, when all
	// is delivered.
	before  func(ctx context.Context, w *world) error
	script  func(ctx context.Context, w *world) error
	lasting bool
	// limit is how long the row may take.
	limit   time.Duration
	cleanup func(*world) error
}

// play runs a row.
func (r *row) play(ctx context.Context, o options) (out outcome) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limit, fmt.Errorf("not done after %v", r.limit))
	defer cancel()
	w, err := newWorld(r, o.agent)
	if err != nil {
		out.err = err
		return out
	}
	out.err = r.work(ctx, w)
	if w.agent != nil {
		out.err = errors.Join(out.err, w.stopAgent())
	}
	out.tallies, out.strange, out.runs, out.peak, out.hits = w.ledger.tallies(), w.ledger.strange, w.runs, w.peak, w.hits
	for _, x := range w.runs {
		taken := map[sidelight.Signal]int{}
		for _, s := range signals() {
			taken[s] = w.ledger.takenFrom(x.key, s)
		}
		out.taken = append(out.taken, taken)
	}
	keep := o.keep && len(judge(&out, r.may)) > 0
	if keep {
		fmt.Fprintln(os.Stderr, r.name+":", w.dir)
	}
	out.err = errors.Join(out.err, w.close(keep))
	return out
}

func (r *row) work(ctx context.Context, w *world) error {
	if r.before != nil {
		if err := r.before(ctx, w); err != nil {
			return fmt.Errorf("before the start: %w", err)
		}
	}
	if err := w.start(ctx); err != nil {
		return err
	}
	scripted := make(chan error, 1)
	go func() {
		if r.script == nil {
			scripted <- nil
			return
		}
		scripted <- r.script(ctx, w)
	}()
	err := errors.Join(w.send(ctx), <-scripted)
	if !r.lasting {
		w.heal()
	}
	if err == nil {
		err = w.settle(ctx)
	}
	w.heal()
	return err
}

// scale is the size of a run.
type scale struct {
	span  time.Duration // of the load
	rate  int           // records a second and source
	limit time.Duration // of a row, beside its own waiting
	// The extent of single faults.
	outage, slow time.Duration
	kills        int
}

// The scales of the two forms of the run.
func full() scale {
	return scale{span: 20 * time.Second, rate: 1000, limit: 5 * time.Minute, outage: 5 * time.Minute, slow: 10 * time.Second, kills: 20}
}

func short() scale {
	return scale{span: 3 * time.Second, rate: 400, limit: 90 * time.Second, outage: 5 * time.Second, slow: 3 * time.Second, kills: 4}
}

func (s scale) loads() (all [sources]load) {
	n := int(s.span.Seconds() * float64(s.rate))
	for i := range all {
		all[i] = load{records: n, rate: s.rate, chunk: max(1, s.rate/20), padding: 150}
	}
	return all
}
