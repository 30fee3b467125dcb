package sampler

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	rulesEvery   = 5 * time.Minute
	targetsEvery = 10 * time.Second
	// trustRules is how long rules hold that cannot be fetched anew.
	trustRules = time.Hour
	// requestTimeout bounds one call of the endpoint.
	requestTimeout = 5 * time.Second

	fallbackRate      = 0.05
	fallbackPerSecond = 1
)

// Config describes a Remote.
type Config struct {
	// Endpoint is the base URL, such as http://127.0.0.1:2000. Required.
	Endpoint string
	// ServiceName, ServiceType (such as AWS::ECS::Container) and ResourceARN
	// are what rules are selected by. Empty ones match only the pattern "*".
	ServiceName, ServiceType, ResourceARN string
	// Client makes the calls. Nil: one of its own, that uses no proxy.
	Client *http.Client
	// OnError is told of every failed call, on Run's goroutine; it must not
	// block. Nil: nobody is.
	OnError func(error)
}

// Remote is a sampler that is told its rules. It implements
// [sdktrace.Sampler]; use it for root spans, below [sdktrace.ParentBased] or
// the like. All methods are safe for concurrent use.
type Remote struct {
	cfg      Config
	clientID string
	rules    atomic.Pointer[ruleset]
	fallback reservoir
}

// ruleset is the rules that concern one service, by priority.
type ruleset struct {
	rules   []*rule
	fetched time.Time
}

var _ sdktrace.Sampler = (*Remote)(nil)

// New returns a sampler that applies the fallback until Run has fetched rules.
func New(cfg Config) (*Remote, error) {
	if !strings.HasPrefix(cfg.Endpoint, "http://") && !strings.HasPrefix(cfg.Endpoint, "https://") {
		return nil, fmt.Errorf("endpoint %q is not http://host:port or https://host:port", cfg.Endpoint)
	}
	cfg.Endpoint = strings.TrimSuffix(cfg.Endpoint, "/")
	if cfg.Client == nil {
		cfg.Client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute}}
	}
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	id := make([]byte, 12) // GetSamplingTargets: a ClientID is 24 hex digits
	_, _ = rand.Read(id)   // never fails
	return &Remote{cfg: cfg, clientID: hex.EncodeToString(id)}, nil
}

// Description implements [sdktrace.Sampler].
func (r *Remote) Description() string { return "XRayRemote{" + r.cfg.Endpoint + "}" }

// ShouldSample implements [sdktrace.Sampler]. It takes no lock and allocates
// nothing. Host, method and path are read from the attributes server.address,
// http.request.method and url.path that the span starts with.
func (r *Remote) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	result := sdktrace.SamplingResult{
		Decision:   sdktrace.Drop,
		Tracestate: trace.SpanContextFromContext(p.ParentContext).TraceState(),
	}
	if r.sample(&p) {
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

func (r *Remote) sample(p *sdktrace.SamplingParameters) bool {
	now := time.Now()
	set := r.rules.Load()
	if set != nil && now.Sub(set.fetched) < trustRules {
		q := requestOf(p.Attributes)
		for i := range set.rules {
			if set.rules[i].matches(&q) {
				return set.rules[i].sample(now)
			}
		}
	}
	return r.fallback.take(now.Unix(), fallbackPerSecond) || mathrand.Float64() < fallbackRate
}

// Run fetches rules and targets until ctx ends, whose cause it returns.
func (r *Remote) Run(ctx context.Context) error {
	defer r.cfg.Client.CloseIdleConnections()
	nextRules, wait := time.Time{}, time.Duration(0)
	failures := 0
	for {
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-t.C:
		}
		if time.Now().Before(nextRules) {
			stale, err := r.report(ctx)
			r.tell(ctx, "report to X-Ray sampling", err)
			if stale {
				nextRules = time.Time{}
			}
		}
		if !time.Now().Before(nextRules) {
			err := r.fetch(ctx)
			r.tell(ctx, "fetch X-Ray sampling rules", err)
			if err != nil {
				failures++
			} else {
				failures = 0
			}
			nextRules = time.Now().Add(jitter(refetch(failures)))
		}
		wait = jitter(targetsEvery)
	}
}

// refetch is when to fetch rules again: after a failure sooner, but ever later.
func refetch(failures int) time.Duration {
	if failures == 0 {
		return rulesEvery
	}
	return min(targetsEvery<<min(failures-1, 10), rulesEvery)
}

// jitter shortens d by up to a tenth, so that a fleet does not ask in step.
func jitter(d time.Duration) time.Duration { return d - mathrand.N(d/10) }

func (r *Remote) tell(ctx context.Context, what string, err error) {
	if err != nil && !errors.Is(err, context.Cause(ctx)) {
		r.cfg.OnError(fmt.Errorf("%s: %w", what, err))
	}
}
