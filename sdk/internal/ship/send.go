package ship

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/sidelight-dev/sidelight/sdk/internal/otlp"
)

const (
	// requestBytes is about how much one request holds.
	requestBytes = 512 << 10

	backoffMin = time.Second
	backoffMax = 30 * time.Second
)

// begin takes those who wait for this round, and the error that forbids it.
func (p *Pipe) begin() (waiters []chan error, blocked error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	waiters, p.waiters = p.waiters, nil
	if time.Now().Before(p.told) {
		return waiters, p.lastErr
	}
	return waiters, nil
}

// round sends until the buffer is empty or an attempt fails.
func (p *Pipe) round(ctx context.Context) error {
	for {
		p.mu.Lock()
		refs := p.buf.take(requestBytes)
		p.due = time.Time{}
		p.mu.Unlock()
		if len(refs) == 0 {
			return nil
		}
		if err := p.send(ctx, refs, true); err != nil {
			return err
		}
	}
}

// send posts refs. What is refused for good it drops; an error means that refs
// were put back. If divide is set, a request that the agent cannot take is
// tried once more in halves.
func (p *Pipe) send(ctx context.Context, refs []ref, divide bool) error {
	p.mu.Lock()
	groups := p.buf.groups(refs)
	p.mu.Unlock()
	body := otlp.AppendRequest(nil, p.cfg.Resource, groups)
	rejected, reason, err := p.client.post(ctx, "/v1/"+p.cfg.Signal, body)
	status, answered := errors.AsType[*StatusError](err)
	switch {
	case err == nil:
		p.answered(refs, rejected, reason)
		return nil
	case !answered || status.retryable():
		p.failed(ctx, refs, err)
		return err
	case divide && status.dividable() && len(refs) > 1:
		half := len(refs) / 2
		if err := p.send(ctx, refs[:half], false); err != nil {
			p.putBack(refs[half:])
			return err
		}
		return p.send(ctx, refs[half:], false)
	}
	p.settle(refs, countOf(refs), err)
	return nil
}

// answered handles success, which may be partial.
func (p *Pipe) answered(refs []ref, rejected int64, reason string) {
	total := countOf(refs)
	if rejected == 0 {
		p.settle(refs, 0, nil)
		return
	}
	n := int(min(rejected, int64(total)))
	p.settle(refs, n, fmt.Errorf("agent refused %d of %d: %s", n, total, reason))
}

// settle accounts for refs, of which the agent refused some.
func (p *Pipe) settle(refs []ref, rejected int, err error) {
	p.mu.Lock()
	if !p.gone {
		p.buf.settle(refs)
		p.counts.Delivered += uint64(countOf(refs) - rejected)
		p.counts.Dropped[Rejected] += uint64(rejected)
	}
	p.fails, p.rest, p.told, p.appear = 0, time.Time{}, time.Time{}, nil
	p.mu.Unlock()
	p.health.result(p.cfg.Signal, err, true, rejected)
}

func (p *Pipe) putBack(refs []ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		p.buf.restore(refs)
	}
}

// failed puts refs back and arranges the next attempt.
func (p *Pipe) failed(ctx context.Context, refs []ref, err error) {
	status, answered := errors.AsType[*StatusError](err)
	p.putBack(refs)
	now := time.Now()
	p.mu.Lock()
	p.lastErr = err
	p.rest = now.Add(backoff(p.fails))
	p.fails++
	p.due = now
	if answered && status.After > 0 {
		p.told = now.Add(status.After)
	}
	if !answered {
		p.appear = p.client.watch()
	}
	p.mu.Unlock()
	if ctx.Err() == nil { // else it was us who gave up
		p.health.result(p.cfg.Signal, err, answered, 0)
	}
}

// backoff doubles from backoffMin to backoffMax, with a fifth of jitter either
// way so that a fleet does not return in step.
func backoff(fails int) time.Duration {
	d := min(backoffMin<<min(fails, 10), backoffMax)
	return d*4/5 + rand.N(d*2/5)
}
