//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sidelight-dev/sidelight/internal/sandbox/fault"
)

// killRow kills the agent at random moments and starts it again each time. Part
// of the time the service is out, so that there is something on disk.
func killRow(s scale) *row {
	s.span = time.Duration(s.kills) * 1300 * time.Millisecond
	return &row{
		name: fmt.Sprintf("kill -9, %d times", s.kills), loads: withoutDatagrams(s.loads()), limit: s.limit + 2*s.span,
		may:    allowed{copies: true, again: true},
		before: faults(fault.Rule{Kind: fault.Refuse, Rate: 0.5}),
		script: func(ctx context.Context, w *world) error {
			for range s.kills {
				err := pause(ctx, 200*time.Millisecond+rand.N(2*s.span/time.Duration(s.kills)-400*time.Millisecond))
				if err == nil {
					err = errors.Join(w.killAgent(), w.start(ctx))
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// withoutDatagrams leaves out what cannot wait: datagrams in the socket of a
// process that is killed are gone, and so is the count of those that found no
// room.
func withoutDatagrams(l [sources]load) [sources]load {
	l[fromXRay] = load{}
	return l
}

// termRow stops the agent while everybody sends, twice: with a service that
// answers, and in an outage. durable is that of the queue.
func termRow(s scale, durable string) *row {
	const grace = 4 * time.Second
	before, span := s.span/2, s.span
	s.span = before + 3*time.Second + 2*grace
	r := &row{
		name: "SIGTERM under load, twice, queue " + durable, loads: s.loads(), may: allowed{again: true},
		tune: func(x *settings) { x.grace, x.durable = grace, durable },
		script: func(ctx context.Context, w *world) error {
			// What is delivered before the outage must not be found on disk after it.
			err := errors.Join(pause(ctx, before), w.restart(ctx), pause(ctx, 2*time.Second),
				w.play(fault.Rule{Kind: fault.Refuse}), pause(ctx, time.Second), w.restart(ctx))
			w.heal()
			return err
		},
	}
	// Who sends datagrams does not see that nobody listens: they end before.
	r.loads[fromXRay].records = r.loads[fromXRay].records * int(span.Milliseconds()) / int(s.span.Milliseconds()) / 3
	return r
}

// restart stops the agent and starts it again.
func (w *world) restart(ctx context.Context) error {
	if err := w.stopAgent(); err != nil {
		return err
	}
	return w.start(ctx)
}
