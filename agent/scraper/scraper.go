// Package scraper measures on a timer. What is measured lies in the packages
// below it.
package scraper

import (
	"context"
	"log/slog"
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
}

// lastScrape bounds that at the end, by which whatever is asked may be gone.
const lastScrape = 2 * time.Second

// Run scrapes once at the start, which gives counters something to differ from,
// then each interval, and once more when ctx ends, so that the last part of an
// interval is not lost. That takes at most some 2 s.
func (r *Runner) Run(ctx context.Context) error {
	failing := map[string]bool{}
	r.scrape(ctx, failing)
	t := time.NewTicker(r.Interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastScrape)
			defer cancel()
			r.scrape(last, failing)
			return nil
		case <-t.C:
			r.scrape(ctx, failing)
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
