package scraper_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// stuck is a scraper that answers only until gone is closed.
type stuck struct {
	gone chan struct{}
	n    *int
}

func (stuck) Name() string { return "stuck" }

func (s stuck) Scrape(ctx context.Context, _ sidelight.Recorder) error {
	*s.n++
	select {
	case <-s.gone:
		<-ctx.Done()
		return context.Cause(ctx)
	default:
		return nil
	}
}

// It scrapes at once, at each interval and at the end, which it does not wait for
// longer than 2 s.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := stuck{make(chan struct{}), new(int)}
		r := scraper.Runner{Interval: 10 * time.Second, Scrapers: []scraper.Scraper{s}, Log: slog.New(slog.DiscardHandler)}
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		<-time.After(25 * time.Second)
		close(s.gone)
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 2*time.Second || *s.n != 4 {
			t.Errorf("%d scrapes, the last took %s", *s.n, took)
		}
	})
}
