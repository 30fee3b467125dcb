// Package supervise runs actors that stand along the way of the data and stops
// them in its direction, so that nothing upstream writes to what is already
// gone. A panic ends one actor, not the process, and actors that may restart do
// so with a growing pause.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Stage is a place along the data's way. Lower stages are stopped first.
type Stage int

// Actor is something that runs and can be asked to finish.
type Actor struct {
	Name string
	// Run works until Stop is called or its work is done. ctx ends only when
	// the grace period is spent: it is the hard stop.
	Run func(ctx context.Context) error
	// Stop makes Run finish what it has and return. Nil: Run's context is
	// cancelled instead.
	Stop func(ctx context.Context) error
	// Restart runs the actor again, after a pause, when it failed or panicked.
	// Without it a failure ends everything.
	Restart bool
}

// ErrGrace is the cause of the context that ends when the grace period is
// spent.
var ErrGrace = errors.New("the grace period is spent")

// Supervisor runs actors. Fill it, Add actors, Run it once.
type Supervisor struct {
	Log *slog.Logger
	// Grace bounds the whole stop. It should be shorter than the platform's
	// kill delay. Default 25 s.
	Grace time.Duration
	// Restarted, if not nil, is told of each restart.
	Restarted func(actor string, err error)

	stages map[Stage][]*running
}

type running struct {
	Actor
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

// Add puts an actor on a stage.
func (s *Supervisor) Add(st Stage, a Actor) {
	if s.stages == nil {
		s.stages = map[Stage][]*running{}
	}
	s.stages[st] = append(s.stages[st], &running{Actor: a, done: make(chan struct{})})
}

// Run blocks until ctx ends or an actor fails for good. Then it stops the
// stages in order, each only after every actor of the one before has returned.
// It returns every actor's error, named; nil if all ended well.
func (s *Supervisor) Run(ctx context.Context) error {
	hard, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	failed := make(chan error, 1)
	var wg sync.WaitGroup
	for _, st := range s.sorted() {
		for _, r := range s.stages[st] {
			actx, cancel := context.WithCancel(hard)
			r.cancel = cancel
			wg.Go(func() { s.supervise(actx, ctx, r, failed) })
		}
	}
	var first error
	select {
	case <-ctx.Done():
	case first = <-failed:
		s.Log.Error("stopping because a part failed", "err", first)
	}
	grace := s.Grace
	if grace <= 0 {
		grace = 25 * time.Second
	}
	timer := time.AfterFunc(grace, func() { end(ErrGrace) })
	defer timer.Stop()
	s.stop(hard)
	wg.Wait()
	return s.errors()
}

// stop ends stage after stage.
func (s *Supervisor) stop(hard context.Context) {
	for _, st := range s.sorted() {
		var wg sync.WaitGroup
		for _, r := range s.stages[st] {
			wg.Go(func() {
				if r.Stop == nil {
					r.cancel()
				} else if err := r.Stop(hard); err != nil {
					s.Log.Warn("a part did not stop cleanly", "actor", r.Name, "err", err)
				}
				<-r.done
			})
		}
		wg.Wait()
	}
}

func (s *Supervisor) sorted() []Stage {
	return slices.Sorted(maps.Keys(s.stages))
}

func (s *Supervisor) errors() error {
	var errs []error
	for _, st := range s.sorted() {
		for _, r := range s.stages[st] {
			if r.err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", r.Name, r.err))
			}
		}
	}
	return errors.Join(errs...)
}

// supervise runs one actor until it ends for good.
func (s *Supervisor) supervise(hard, soft context.Context, r *running, failed chan<- error) {
	defer close(r.done)
	pause := 100 * time.Millisecond
	for {
		began := time.Now()
		err := protect(hard, r.Run)
		if err == nil || hard.Err() != nil {
			r.err = s.final(hard, err)
			return
		}
		if !r.Restart || soft.Err() != nil {
			r.err = err
			select {
			case failed <- fmt.Errorf("%s: %w", r.Name, err):
			default:
			}
			return
		}
		if time.Since(began) > time.Minute {
			pause = 100 * time.Millisecond
		}
		s.Log.Error("a part failed and starts again", "actor", r.Name, "pause", pause, "err", err)
		if s.Restarted != nil {
			s.Restarted(r.Name, err)
		}
		if !sleep(soft, pause) {
			return
		}
		pause = min(2*pause, 30*time.Second)
	}
}

// final drops errors that only say that the actor was told to end.
func (s *Supervisor) final(hard context.Context, err error) error {
	if err == nil || errors.Is(err, context.Canceled) && context.Cause(hard) != ErrGrace {
		return nil
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// PanicError is a panic of an actor with its stack.
type PanicError struct {
	Value any
	Stack []byte
}

// Error implements error.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// protect turns a panic into an error.
func protect(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return run(ctx)
}
