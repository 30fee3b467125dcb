package xraysample

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync/atomic"
	"time"
)

const (
	targetsEvery = 10 * time.Second
	// rulesPace is how much more seldom rules are fetched: every 5 min.
	rulesPace = 30
	// trustRules is how long rules hold that cannot be fetched anew.
	trustRules = time.Hour

	fallbackRate      = 0.05
	fallbackPerSecond = 1
)

// The paths of the two calls.
const (
	RulesPath   = "/GetSamplingRules"
	TargetsPath = "/SamplingTargets"
)

// Config shapes Rules.
type Config struct {
	// Call posts body, which is JSON, to one of the paths and returns the answer.
	// Required.
	Call func(ctx context.Context, path string, body []byte) ([]byte, error)
	// Concerns tells which rules can match at all; others are forgotten. Nil: all
	// of them.
	Concerns func(*Document) bool
	// Every is how often targets are asked for; rules are fetched at a thirtieth
	// of that. Default 10 s, which is what X-Ray expects.
	Every time.Duration
	// OnError is told of every failed call, on Run's goroutine; it must not
	// block. Nil: nobody is.
	OnError func(error)
}

// Rules are an account's sampling rules and what was done by them. All methods
// are safe for concurrent use.
type Rules struct {
	cfg      Config
	clientID string
	rules    atomic.Pointer[ruleset]
	fallback reservoir
}

// ruleset is the rules that concern a client, by priority.
type ruleset struct {
	rules   []*Rule
	fetched time.Time
}

// New returns Rules that know none until Run has fetched them.
func New(cfg Config) *Rules {
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	if cfg.Every <= 0 {
		cfg.Every = targetsEvery
	}
	id := make([]byte, 12) // GetSamplingTargets: a ClientID is 24 hex digits
	_, _ = rand.Read(id)   // never fails
	return &Rules{cfg: cfg, clientID: hex.EncodeToString(id)}
}

// Current returns the rules by priority; the first that matches decides. It
// returns nil if none are known, or none that can be trusted: then Fallback
// decides. The slice must not be changed.
func (r *Rules) Current(now time.Time) []*Rule {
	set := r.rules.Load()
	if set == nil || now.Sub(set.fetched) >= trustRules {
		return nil
	}
	return set.rules
}

// Fallback decides without rules: one trace a second and 5 % of the rest.
func (r *Rules) Fallback(now time.Time) bool {
	return r.fallback.take(now.Unix(), fallbackPerSecond) || mathrand.Float64() < fallbackRate
}

// Run fetches rules and targets until ctx ends, whose cause it returns.
func (r *Rules) Run(ctx context.Context) error {
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
			nextRules = time.Now().Add(jitter(r.refetch(failures)))
		}
		wait = jitter(r.cfg.Every)
	}
}

// refetch is when to fetch rules again: after a failure sooner, but ever later.
func (r *Rules) refetch(failures int) time.Duration {
	if failures == 0 {
		return rulesPace * r.cfg.Every
	}
	return min(r.cfg.Every<<min(failures-1, 10), rulesPace*r.cfg.Every)
}

// jitter shortens d by up to a tenth, so that a fleet does not ask in step.
func jitter(d time.Duration) time.Duration { return d - mathrand.N(d/10) }

func (r *Rules) tell(ctx context.Context, what string, err error) {
	if err != nil && !errors.Is(err, context.Cause(ctx)) {
		r.cfg.OnError(fmt.Errorf("%s: %w", what, err))
	}
}
