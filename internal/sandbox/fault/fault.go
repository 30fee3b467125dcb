// Package fault holds the failures that a sandbox shall play: a set of rules,
// each for some operations, for a share of the calls, a number of calls, or a
// time.
package fault

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Kind is what a rule does to a call.
type Kind string

// The kinds of faults.
const (
	// Throttle answers with the service's throttling error.
	Throttle Kind = "throttle"
	// Error answers with Status and, if set, the error named Shape.
	Error Kind = "error"
	// Delay waits before the call takes its course.
	Delay Kind = "delay"
	// DropBefore breaks the connection off before the call is applied.
	DropBefore Kind = "drop-before"
	// DropAfter applies the call and breaks the connection off instead of
	// answering: the client cannot know.
	DropAfter Kind = "drop-after"
	// Partial takes part of a batch: PutLogEvents rejects the newer half of the
	// events, PutTraceSegments every second document.
	Partial Kind = "partial"
	// BadSignature answers as if the signature did not match.
	BadSignature Kind = "bad-signature"
	// Refuse is an outage: the connection is reset before the request is read.
	Refuse Kind = "refuse"
	// ClockSkew plays a service whose clock is Wait ahead of ours, or behind if
	// that is negative: it says so in the header Date of every answer, and
	// refuses signatures whose time is not within 5 minutes of it.
	ClockSkew Kind = "clock-skew"
)

// Rule is one fault. A call is met if Service and Operation match (empty
// matches all), the rule is neither used up nor expired, and Rate says so.
type Rule struct {
	// ID is given by the set.
	ID        string `json:"id"`
	Kind      Kind   `json:"kind"`
	Service   string `json:"service,omitempty"`
	Operation string `json:"operation,omitempty"`
	// AccessKey, if set, narrows the rule to calls signed with it: credentials
	// that have expired are an error for the calls that use them.
	AccessKey string `json:"accessKey,omitempty"`
	// Rate is the share of calls, in (0,1]. 0 means all.
	Rate float64 `json:"rate,omitempty"`
	// Count is how many calls the rule meets before it is gone. 0: no limit.
	Count int `json:"count,omitempty"`
	// Duration is how long the rule lives, by the machine's clock. 0: no limit.
	Duration Duration `json:"duration,omitzero"`
	// Wait is how long Delay waits, and how far ClockSkew is off.
	Wait Duration `json:"wait,omitzero"`
	// Status, Shape and Message are those of Error. Status 0 means 500.
	Status  int    `json:"status,omitempty"`
	Shape   string `json:"shape,omitempty"`
	Message string `json:"message,omitempty"`
	// Hits is how many calls the rule has met.
	Hits int `json:"hits"`
}

// Duration is a time.Duration that JSON writes as "1m30s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// validate joins all that is wrong with a rule.
func (r *Rule) validate() error {
	var errs []error
	switch r.Kind {
	case Throttle, Error, DropBefore, DropAfter, BadSignature:
	case Refuse:
		if r.AccessKey != "" {
			errs = append(errs, errors.New("accessKey: an outage comes before the call is read"))
		}
	case ClockSkew:
		if r.Wait == 0 {
			errs = append(errs, errors.New("wait: a clock needs a time by which it is off"))
		}
	case Partial:
		if r.Operation != "PutLogEvents" && r.Operation != "PutTraceSegments" {
			errs = append(errs, errors.New("operation: partial success is for PutLogEvents and PutTraceSegments"))
		}
	case Delay:
		if r.Wait <= 0 {
			errs = append(errs, errors.New("wait: a delay needs a positive time"))
		}
	default:
		errs = append(errs, fmt.Errorf("kind: %q is none of throttle, error, delay, drop-before, drop-after, partial, bad-signature, refuse, clock-skew", r.Kind))
	}
	if r.Rate < 0 || r.Rate > 1 {
		errs = append(errs, fmt.Errorf("rate: %v is not within 0 and 1", r.Rate))
	}
	if r.Count < 0 {
		errs = append(errs, fmt.Errorf("count: %d is negative", r.Count))
	}
	if r.Duration < 0 {
		errs = append(errs, errors.New("duration: is negative"))
	}
	if r.Status != 0 && (r.Status < 400 || r.Status > 599) {
		errs = append(errs, fmt.Errorf("status: %d is not that of an error", r.Status))
	}
	return errors.Join(errs...)
}

type rule struct {
	Rule
	until time.Time // zero: no end
}

// Set is the rules in force. It is safe for concurrent use.
type Set struct {
	mu    sync.Mutex
	rules []*rule
	next  int
	rnd   *rand.Rand
}

// NewSet returns an empty set. The same seed makes the same choices.
func NewSet(seed uint64) *Set {
	return &Set{rnd: rand.New(rand.NewPCG(seed, seed))}
}

// Add puts a rule into force and returns it with its ID.
func (s *Set) Add(r Rule) (Rule, error) {
	if err := r.validate(); err != nil {
		return r, fmt.Errorf("add fault: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	r.ID, r.Hits = strconv.Itoa(s.next), 0
	e := &rule{Rule: r}
	if r.Duration > 0 {
		e.until = time.Now().Add(time.Duration(r.Duration))
	}
	s.rules = append(s.rules, e)
	return r, nil
}

// Remove ends a rule, and says whether it was there.
func (s *Set) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.rules)
	s.rules = slices.DeleteFunc(s.rules, func(r *rule) bool { return r.ID == id })
	return len(s.rules) < n
}

// Clear ends all rules.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// List returns the rules in force, with their hits.
func (s *Set) List() []Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	out := make([]Rule, 0, len(s.rules))
	for _, r := range s.rules {
		out = append(out, r.Rule)
	}
	return out
}

func (s *Set) expireLocked() {
	if len(s.rules) == 0 {
		return
	}
	now := time.Now()
	s.rules = slices.DeleteFunc(s.rules, func(r *rule) bool {
		return !r.until.IsZero() && now.After(r.until) || r.Count > 0 && r.Hits >= r.Count
	})
}

// Outage says whether a rule refuses the call of a service's operation, either
// of which may be unknown yet and empty. Only rules for everything, or for
// what is known, can say so.
func (s *Set) Outage(service, operation string) bool {
	_, ok := s.pick(service, operation, "", true)
	return ok
}

// Match returns the rules that meet a call and counts them as hit: all delays
// and skewed clocks, and at most one other.
func (s *Set) Match(service, operation, accessKey string) []Rule {
	out, _ := s.pick(service, operation, accessKey, false)
	return out
}

func (s *Set) pick(service, operation, accessKey string, outage bool) (out []Rule, decided bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expireLocked()
	for _, r := range s.rules {
		if (r.Kind == Refuse) != outage || decided && r.decides() || !r.meets(service, operation, accessKey) {
			continue
		}
		if r.Rate > 0 && s.rnd.Float64() >= r.Rate {
			continue
		}
		r.Hits++
		out = append(out, r.Rule)
		decided = decided || r.decides()
	}
	return out, decided
}

// decides reports whether the rule says how a call ends.
func (r *rule) decides() bool { return r.Kind != Delay && r.Kind != ClockSkew }

func (r *rule) meets(service, operation, accessKey string) bool {
	return (r.Service == "" || r.Service == service) && (r.Operation == "" || r.Operation == operation) &&
		(r.AccessKey == "" || r.AccessKey == accessKey)
}
