package ecstask

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/agent/scraper"
)

// EndpointVariable is the environment variable in which ECS names the endpoint:
// agent 1.39.0 and later, Fargate 1.4.0 and later.
const EndpointVariable = "ECS_CONTAINER_METADATA_URI_V4"

// MinInterval is the least time between two requests of the same kind.
// scraper.Insights asks once a minute.
const MinInterval = 10 * time.Second

const (
	insightsInterval = time.Minute
	// early is how much too early a scrape may come and is then held back; one
	// that comes earlier is left out. On a busy machine a timer that is to fire every
	// 10 s fires late, and the next time less than 10 s after that.
	early = time.Second
	// timeout bounds one request: the endpoint is on the same machine.
	timeout = 2 * time.Second
	// maxAnswer bounds an answer, in bytes. A container's statistics have some
	// 3 kB and a task at most 10 containers.
	maxAnswer = 4 << 20
)

// Config shapes a Scraper.
type Config struct {
	// Endpoint is what EndpointVariable holds. Required.
	Endpoint string
	// Names is the family. Default scraper.Sidelight, also for the CloudWatch
	// agent's, which has none of a task.
	Names scraper.Family
	// HTTP replaces the client. The default one uses no proxy: the address is
	// link-local.
	HTTP *http.Client
}

// Scraper implements scraper.Scraper.
type Scraper struct {
	base  string
	http  *http.Client
	every time.Duration
	exact bool // series with fewer dimensions than their set are left out

	tables Tables
	thing  scraper.Thing
	w      scraper.Writer

	asked  time.Time // when the endpoint was asked last
	before map[string]sample
}

// New returns a scraper of the task that cfg.Endpoint describes. It asks
// nothing yet.
func New(cfg Config) (*Scraper, error) {
	u, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("parse the task metadata endpoint: %w", err)
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("task metadata endpoint %q is not a URL; ECS sets %s", cfg.Endpoint, EndpointVariable)
	}
	family, err := cfg.Names.Or()
	if err != nil {
		return nil, err
	}
	s := &Scraper{
		base: strings.TrimSuffix(cfg.Endpoint, "/"), http: cfg.HTTP, every: MinInterval,
		tables: FamilyTables(family), thing: *scraper.NewThing(numNumbers, make([]string, numIDs)...),
	}
	if family == scraper.Insights {
		s.every, s.exact = insightsInterval, true
	}
	if s.http == nil {
		s.http = client()
	}
	return s, nil
}

func client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: 2 * insightsInterval},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Name returns "ecs task".
func (s *Scraper) Name() string { return "ecs task" }

// Scrape asks the endpoint and records levels, and what counters did since the
// scrape before. It asks nothing and records nothing if the last scrape was less
// than the family's interval ago, and takes at most some 4 s. With an error,
// what could be measured was recorded all the same.
func (s *Scraper) Scrape(ctx context.Context, to sidelight.Recorder) error {
	if due, err := s.due(ctx); !due {
		return err
	}
	s.asked = time.Now()
	b, err := s.get(ctx, "/task")
	if err != nil {
		return err
	}
	t, err := decodeTask(b)
	if err != nil {
		return err
	}
	if b, err = s.get(ctx, "/task/stats"); err != nil {
		return err
	}
	all, err := decodeStats(b)
	if all == nil {
		return err
	}
	m, now := measure(t, all, s.before)
	s.before = now
	s.write(m, to)
	return err
}

// due reports whether the endpoint may be asked, if need be after a wait that is
// no longer than early.
func (s *Scraper) due(ctx context.Context) (bool, error) {
	wait := s.every - time.Since(s.asked)
	switch {
	case s.asked.IsZero() || wait <= 0:
		return true, nil
	case wait > early:
		return false, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

func (s *Scraper) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the task metadata endpoint: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the task metadata endpoint for %s: HTTP status %s", path, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", path, err)
	}
	if len(b) > maxAnswer {
		return nil, errors.New("read the answer of " + path + ": it is over 4 MiB")
	}
	return b, nil
}
