package scraper_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

// many is a scraper that leaves out as many things as its answers say.
type many struct {
	left []int
}

func (*many) Name() string { return "many" }

func (s *many) Scrape(context.Context, sidelight.Recorder) error {
	s.left = s.left[1:]
	return nil
}

func (s *many) Excess() []scraper.Excess {
	return []scraper.Excess{{Kind: "disks", Count: s.left[0], Bound: 7}, {Kind: "pods", Bound: 9}}
}

// What was left out is told as of the last scrape, and logged once.
func TestLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		r := scraper.Runner{
			Interval: 10 * time.Second, Scrapers: []scraper.Scraper{&many{left: []int{-1, 0, 3, 4, 0, 5, 0, 0}}},
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		}
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		for i, want := range []int{0, 3, 4, 0, 5} {
			synctest.Wait()
			var exp []scraper.LeftOut
			if want > 0 {
				exp = []scraper.LeftOut{{Scraper: "many", Excess: scraper.Excess{Kind: "disks", Count: want, Bound: 7}}}
			}
			if d := cmp.Diff(exp, r.LeftOut()); d != "" {
				t.Errorf("scrape %d: left out (-want +got):\n%s", i, d)
			}
			<-time.After(10 * time.Second)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(log.String(), "not everything is measured"); n != 1 || !strings.Contains(log.String(), "what=disks left_out=3 bound=7") {
			t.Errorf("%d lines:\n%s", n, log.String())
		}
	})
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
