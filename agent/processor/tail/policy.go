package tail

import (
	"encoding/binary"
	"hash/maphash"
	"time"

	"github.com/sidelight-dev/sidelight/internal/spanfact"
	"github.com/sidelight-dev/sidelight/internal/xraysample"
)

// Policy says which traces are kept. A trace is kept if any of its parts says
// so; the zero Policy keeps nothing.
type Policy struct {
	// Senders keeps what a sender has chosen from more, and leaves out what it
	// says it did not choose.
	Senders bool
	// Errors keeps traces in which something failed: errors, throttles, faults.
	Errors bool
	// Slower keeps traces that take at least as long, from their first start to
	// their last end. Zero: none.
	Slower time.Duration
	// Rare is how many traces of each operation are kept in a minute, whatever
	// else. Zero: none.
	Rare int
	// Rate is the part of all other traces that is kept, 0 to 1.
	Rate float64
	// Services are the parts of the traces of certain services, instead of Rate.
	Services map[string]float64
	// Rules decide instead of Rate for services that Services does not name. Nil:
	// there are none.
	Rules *xraysample.Rules
	// PerSecond bounds the traces that Rate, Services and Rules keep. Zero: no
	// bound.
	PerSecond int
}

// ready reports whether nothing that is still to come can change the decision:
// nobody looks for failures, and the request is there that tells what to do.
func (p *Policy) ready(t *trace) bool {
	switch {
	case p.Errors || p.Slower > 0:
		return false
	case p.Rare > 0 || p.Rules != nil || len(p.Services) > 0:
		return t.rooted || t.entry && !p.waits()
	}
	return true
}

// waits reports whether a root is worth waiting for: where rules look at what was
// asked of the first service.
func (p *Policy) waits() bool { return p.Rules != nil }

// The reasons of decisions.
const (
	keptSender = "sender"
	keptError  = "error"
	keptSlow   = "slow"
	keptRare   = "rare"
	keptRate   = "rate"
	keptRule   = "rule"

	leftSender = "unsampled"
	leftRate   = "rate"
	leftRule   = "rule"
	leftBound  = "per_second"
)

// judge is a Policy at work. One goroutine uses it.
type judge struct {
	Policy
	seed   maphash.Seed
	minute int64
	rare   map[uint64]int
	second int64
	kept   int
}

func newJudge(p Policy) *judge {
	return &judge{Policy: p, seed: maphash.MakeSeed(), rare: map[uint64]int{}}
}

// certain reports whether t is kept whatever else comes.
func (j *judge) certain(t *trace) (why string, ok bool) {
	switch {
	case j.Senders && t.chosen:
		return keptSender, true
	case j.Errors && t.failed:
		return keptError, true
	case j.Slower > 0 && t.last > t.first && t.last-t.first >= uint64(j.Slower):
		return keptSlow, true
	}
	return "", false
}

// decide decides for good.
func (j *judge) decide(t *trace, now time.Time) (keep bool, why string) {
	if why, ok := j.certain(t); ok {
		return true, why
	}
	if j.Rare > 0 && t.entry && j.isRare(t.operation, now) {
		return true, keptRare
	}
	keep, why = j.share(t, now)
	if keep && !j.within(now) {
		return false, leftBound
	}
	return keep, why
}

// share decides by what the trace has in common with most others.
func (j *judge) share(t *trace, now time.Time) (bool, string) {
	lot := lotOf(t.id)
	switch {
	case t.part >= 0:
		return lot < t.part, leftRate
	case j.Rules == nil:
		return lot < j.Rate, leftRate
	case t.rule != nil:
		return t.rule.SampleAt(now, lot), leftRule
	}
	// No rule, or no request to match with one: what the SDKs do then.
	return j.Rules.Fallback(now), leftRule
}

// lotOf draws a number in [0, 1) from a trace id, the same for everybody. The id
// is mixed first: a sender may have chosen by the very bits.
func lotOf(id [16]byte) float64 {
	x := binary.BigEndian.Uint64(id[8:])
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}

// maxRare bounds the operations that are told apart within a minute.
const maxRare = 4096

// isRare reports whether the operation has not had its due this minute, and
// counts it.
func (j *judge) isRare(operation uint64, now time.Time) bool {
	if m := now.Unix() / 60; m != j.minute {
		j.minute = m
		clear(j.rare)
	}
	n, known := j.rare[operation]
	if n >= j.Rare || !known && len(j.rare) >= maxRare {
		return false
	}
	j.rare[operation] = n + 1
	return true
}

// within counts a kept trace against PerSecond.
func (j *judge) within(now time.Time) bool {
	if j.PerSecond == 0 {
		return true
	}
	if s := now.Unix(); s != j.second {
		j.second, j.kept = s, 0
	}
	j.kept++
	return j.kept <= j.PerSecond
}

// meet notes what the entry of a trace says: the first, or the root once it is
// there.
func (j *judge) meet(t *trace, f *spanfact.Fact, doc []byte, now time.Time) {
	if t.entry && (t.rooted || !f.Root) {
		return
	}
	t.entry, t.rooted = true, f.Root
	t.part, t.rule = -1, nil
	if part, ok := j.Services[string(f.Service)]; ok {
		t.part = part
	} else if j.Rules != nil {
		t.rule = match(j.Rules.Current(now), f, doc)
	}
	if j.Rare > 0 {
		var buf [128]byte
		key := append(append(buf[:0], f.Service...), 0)
		t.operation = maphash.Bytes(j.seed, f.AppendOperation(key))
	}
}

// match returns the first rule that is about the request, nil if none is.
func match(rules []*xraysample.Rule, f *spanfact.Fact, doc []byte) *xraysample.Rule {
	if len(rules) == 0 {
		return nil
	}
	q := xraysample.Request{
		Service: string(f.Service), ServiceType: string(f.Origin), ResourceARN: string(f.ResourceARN),
		Host: string(f.Host), Method: string(f.Method), Path: path(f.Path),
	}
	for _, r := range rules {
		if r.Matches(&q) && hasAll(doc, r.Attributes) {
			return r
		}
	}
	return nil
}

// path is what rules mean by it: without the query.
func path(p []byte) string {
	for i, c := range p {
		if c == '?' || c == '#' {
			return string(p[:i])
		}
	}
	return string(p)
}

func hasAll(doc []byte, patterns map[string]string) bool {
	for key, pattern := range patterns {
		v := spanfact.Attribute(doc, key)
		if v == nil || !xraysample.Glob(pattern, string(v)) {
			return false
		}
	}
	return true
}
