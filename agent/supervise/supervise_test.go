package supervise_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight/agent/supervise"
)

// trace records what happened, in order.
type trace struct {
	mu    sync.Mutex
	lines []string
}

func (t *trace) add(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, s)
}

func (t *trace) String() string { return strings.Join(t.lines, " ") }

func actor(tr *trace, name string, drain time.Duration) supervise.Actor {
	stop := make(chan struct{})
	return supervise.Actor{
		Name: name,
		Run: func(ctx context.Context) error {
			select {
			case <-stop:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			select {
			case <-time.After(drain):
			case <-ctx.Done():
				tr.add(name + ":cut")
				return context.Cause(ctx)
			}
			tr.add(name + ":done")
			return nil
		},
		Stop: func(context.Context) error {
			tr.add(name + ":stop")
			close(stop)
			return nil
		},
	}
}

func TestStopsInTheDirectionOfTheData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		s := supervise.Supervisor{Log: slog.New(slog.DiscardHandler)}
		s.Add(3, actor(&tr, "deliver", time.Second))
		s.Add(1, actor(&tr, "receive", 2*time.Second))
		s.Add(2, actor(&tr, "pack", 0))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if want := "receive:stop receive:done pack:stop pack:done deliver:stop deliver:done"; tr.String() != want {
			t.Errorf("stopped as %s, want %s", &tr, want)
		}
	})
}

func TestGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		s := supervise.Supervisor{Log: slog.New(slog.DiscardHandler), Grace: 10 * time.Second}
		s.Add(1, actor(&tr, "stuck", time.Hour))
		s.Add(2, actor(&tr, "later", 0))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		err := s.Run(ctx)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("stopped after %v, want the grace period", took)
		}
		if !errors.Is(err, supervise.ErrGrace) || !strings.Contains(err.Error(), "stuck: ") {
			t.Errorf("Run = %v, want the stuck actor's name and ErrGrace", err)
		}
	})
}

func TestPanicRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		restarts := 0
		s := supervise.Supervisor{Log: slog.New(slog.DiscardHandler), Restarted: func(string, error) { restarts++ }}
		s.Add(1, supervise.Actor{Name: "flaky", Restart: true, Run: func(ctx context.Context) error {
			if runs++; runs < 4 {
				panic("boom")
			}
			<-ctx.Done()
			return nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if runs != 4 || restarts != 3 {
			t.Errorf("%d runs, %d restarts; want 4 and 3", runs, restarts)
		}
	})
}

func TestFailureOfAnEssentialActorEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tr trace
		s := supervise.Supervisor{Log: slog.New(slog.DiscardHandler)}
		s.Add(1, actor(&tr, "other", 0))
		s.Add(1, supervise.Actor{Name: "main", Run: func(context.Context) error { return errors.New("no port") }})
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "main: no port") {
			t.Errorf("Run = %v, want main's error", err)
		}
		if tr.String() != "other:stop other:done" {
			t.Errorf("the other actor: %s", &tr)
		}
	})
}
