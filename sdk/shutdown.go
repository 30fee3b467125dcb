package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight/sdk/internal/ship"
)

// maxReserve is what Shutdown keeps of its time for goroutines to end after a
// delivery that does not.
const maxReserve = 50 * time.Millisecond

// LossError tells what a Flush left undelivered, or a Shutdown lost.
type LossError struct {
	Spans, Logs, Points int
	// Cause is the last failure.
	Cause error
}

// Error implements error.
func (e *LossError) Error() string {
	return fmt.Sprintf("%d spans, %d log records and %d metric points are undelivered: %v", e.Spans, e.Logs, e.Points, e.Cause)
}

// Unwrap returns the cause.
func (e *LossError) Unwrap() error { return e.Cause }

// Flush hands everything collected so far to the agent and waits for its
// answer or for ctx. Use it at the end of a job or an invocation. If something
// is left, it stays queued and the error is a *LossError.
func (t *Telemetry) Flush(ctx context.Context) error {
	if t == nil || t.live == nil {
		return nil
	}
	collected := t.live.collect.now(ctx)
	err := t.live.each(func(p *ship.Pipe) error { return p.Flush(ctx) })
	return t.loss(errors.Join(collected, err), func(p *ship.Pipe) int { return p.Counts().Queued })
}

// Shutdown flushes all signals at the same time and stops. It returns within
// the nearer of ctx's deadline and Config.ShutdownTimeout, even if the agent
// accepts connections and never answers. If something could not be delivered
// the error is a *LossError that says how much of what. Later calls return
// the first call's result.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if t == nil || t.live == nil {
		return nil
	}
	t.ended.Do(func() { t.result = t.shutdown(ctx) })
	return t.result
}

func (t *Telemetry) shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.set.ShutdownTimeout)
	defer cancel()
	end, _ := ctx.Deadline()
	flush, cancelFlush := context.WithDeadline(ctx, end.Add(-min(maxReserve, time.Until(end)/10)))
	defer cancelFlush()
	l := t.live
	// Spans that end from here on have nowhere to go, so the provider stops
	// first; it only calls back into this package and so cannot hang.
	stopped := l.traces.Shutdown(flush)
	collected := l.endMetrics(flush)
	drained := l.each(func(p *ship.Pipe) error { return p.Drain(flush) })
	l.stop()
	l.wait(ctx)
	l.health.Close()
	l.client.Close()
	return t.loss(errors.Join(stopped, collected, drained), (*ship.Pipe).Abandon)
}

// endMetrics collects for the last time, in at most half of what ctx leaves,
// so that everything else can still be sent if a callback hangs.
func (l *live) endMetrics(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, time.Now().Add(time.Until(end)/2))
		defer cancel()
	}
	return l.collect.end(ctx)
}

// each calls f for every pipe at the same time.
func (l *live) each(f func(*ship.Pipe) error) error {
	pipes := l.pipes()
	errs := make([]error, len(pipes))
	var wg sync.WaitGroup
	for i, p := range pipes {
		wg.Go(func() { errs[i] = f(p) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// wait waits for the goroutines to end. They do at once, unless a foreign
// Transport ignores the end of its request's context; it may have what is left
// of ctx.
func (l *live) wait(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.wg.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// loss makes the error of a Flush or Shutdown that failed with cause.
func (t *Telemetry) loss(cause error, left func(*ship.Pipe) int) error {
	l := t.live
	e := &LossError{Spans: left(l.spans), Points: left(l.points), Cause: cause}
	if l.records != nil {
		e.Logs = left(l.records)
	}
	switch {
	case e.Spans+e.Logs+e.Points == 0:
		return cause
	case cause == nil:
		e.Cause = errNew
	}
	return e
}

// errNew explains a loss without a failure: data that came while the rest was
// sent.
var errNew = errors.New("it came too late")
