// Package scraper measures on a timer. What is measured lies in the packages
// below it.
package scraper

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sidelight-dev/sidelight"
)

// Scraper measures once. It is called from one goroutine.
type Scraper interface {
	// Name names it in log lines.
	Name() string
	Scrape(ctx context.Context, to sidelight.Recorder) error
}

// Runner scrapes at an interval.
type Runner struct {
	Interval time.Duration
	Scrapers []Scraper
	To       sidelight.Recorder
	Log      *slog.Logger

	mu   sync.Mutex
	left []LeftOut
}

// LeftOut are things that a scraper did not measure, since there were too many.
type LeftOut struct {
	Scraper string
	Excess
}

// LeftOut returns what the last scrapes did not measure.
func (r *Runner) LeftOut() []LeftOut {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.left)
}

// lastScrape bounds that at the end, by which whatever is asked may be gone.
const lastScrape = 2 * time.Second

// Run scrapes once at the start, which gives counters something to differ from,
// then each interval, and once more when ctx ends, so that the last part of an
// interval is not lost. That takes at most some 2 s.
func (r *Runner) Run(ctx context.Context) error {
	failing, said := map[string]bool{}, map[string]bool{}
	scrape := func(ctx context.Context) {
		r.scrape(ctx, failing)
		r.leave(said)
	}
	scrape(ctx)
	t := time.NewTicker(r.Interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastScrape)
			defer cancel()
			scrape(last)
			return nil
		case <-t.C:
			scrape(ctx)
		}
	}
}

func (r *Runner) scrape(ctx context.Context, failing map[string]bool) {
	for _, s := range r.Scrapers {
		err := s.Scrape(ctx, r.To)
		if err != nil && !failing[s.Name()] {
			r.Log.Warn("cannot measure", "scraper", s.Name(), "err", err)
		}
		failing[s.Name()] = err != nil
	}
}

// leave asks what was not measured, and says so once of each kind.
func (r *Runner) leave(said map[string]bool) {
	var left []LeftOut
	for _, s := range r.Scrapers {
		b, ok := s.(Bounded)
		if !ok {
			continue
		}
		for _, x := range b.Excess() {
			if x.Count == 0 {
				continue
			}
			left = append(left, LeftOut{s.Name(), x})
			if key := s.Name() + " " + x.Kind; !said[key] {
				said[key] = true
				r.Log.Warn("not everything is measured: there are too many", "scraper", s.Name(), "what", x.Kind, "left_out", x.Count, "bound", x.Bound)
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = left
}
