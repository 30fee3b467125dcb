// Package xraysample decides by X-Ray's sampling rules: it fetches them, matches
// requests, fills reservoirs, and reports what it did, through whoever can make
// the two calls. The sdk uses it within a service, the agent on behalf of senders
// that do not sample.
//
// The protocol is that of the X-Ray developer guide, "Using sampling rules with
// the X-Ray API". Before a target arrives, and when it has expired, a rule with a
// reservoir may borrow one trace a second.
package xraysample

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Document is a SamplingRule of GetSamplingRules.
type Document struct {
	RuleName      string
	Priority      int
	FixedRate     float64
	ReservoirSize int
	ServiceName   string
	ServiceType   string
	Host          string
	HTTPMethod    string
	URLPath       string
	ResourceARN   string
	Version       int
	Attributes    map[string]string
}

// Rule is one rule, ready to match. It never changes; its state outlives it
// when the rules are fetched anew.
type Rule struct {
	Document
	state *state
}

// state is what a rule has counted and what the service has assigned to it.
type state struct {
	requests, sampled, borrowed atomic.Int64
	// reservoir counts what was taken in the present second.
	reservoir reservoir
	target    atomic.Pointer[target]
	// due is when the next report is, in Unix nanoseconds. Only Run uses it.
	due int64
}

// target is the service's answer to a report.
type target struct {
	rate float64
	// quota is how many traces a second this client may take from the
	// reservoir until expires (Unix seconds); negative means none was given.
	quota   int64
	expires int64
}

// reservoir counts takings in one second: the second in the upper half of the
// word, the count in the lower.
type reservoir struct{ word atomic.Uint64 }

// take takes one if fewer than limit were taken in second.
func (r *reservoir) take(second, limit int64) bool {
	for limit > 0 {
		old := r.word.Load()
		taken := int64(uint32(old))
		if int64(old>>32) != second&0xffffffff {
			taken = 0
		}
		if taken >= limit {
			return false
		}
		if r.word.CompareAndSwap(old, uint64(second)<<32|uint64(taken+1)) {
			return true
		}
	}
	return false
}

// Sample decides by the rule for a request at now, and counts it. It takes no
// lock and allocates nothing.
func (r *Rule) Sample(now time.Time) bool { return r.SampleAt(now, rand.Float64()) }

// SampleAt is Sample with a lot, in [0, 1), that was drawn before: from the id of
// a trace, so that others who decide about the same trace decide alike.
func (r *Rule) SampleAt(now time.Time, lot float64) bool {
	r.state.requests.Add(1)
	second, rate := now.Unix(), r.FixedRate
	t := r.state.target.Load()
	if t != nil {
		rate = t.rate
	}
	if t != nil && t.quota >= 0 && second < t.expires {
		if r.state.reservoir.take(second, t.quota) {
			r.state.sampled.Add(1)
			return true
		}
	} else if r.ReservoirSize > 0 && r.state.reservoir.take(second, 1) {
		r.state.borrowed.Add(1)
		r.state.sampled.Add(1)
		return true
	}
	if lot >= rate {
		return false
	}
	r.state.sampled.Add(1)
	return true
}

// Request is what rules match against, but for attributes, which are looked up
// by whoever has them.
type Request struct {
	Service, ServiceType, ResourceARN string
	Host, Method, Path                string
}

// Matches reports whether q is a request that the rule is about. The rule's
// Attributes are not looked at.
func (r *Rule) Matches(q *Request) bool {
	return Glob(r.ServiceName, q.Service) && Glob(r.ServiceType, q.ServiceType) && Glob(r.ResourceARN, q.ResourceARN) &&
		Glob(r.Host, q.Host) && Glob(r.HTTPMethod, q.Method) && Glob(r.URLPath, q.Path)
}

// Glob matches s against a pattern in which * stands for any text and ? for any
// one byte, without regard to the case of ASCII letters.
func Glob(pattern, s string) bool {
	if pattern == "*" {
		return true
	}
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || lower(pattern[p]) == lower(s[i])):
			p++
			i++
		case star >= 0: // let the last star take one more byte
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
