//go:build linux

package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/sidelight-dev/sidelight"
)

// source is a way into the agent.
type source uint8

// The sources. All but datagrams can wait: they keep what is not acknowledged,
// or, like a file, are there to be read again.
const (
	fromForward source = iota
	fromFile
	fromOTLPLogs
	fromOTLPTraces
	fromXRay
	sources
)

func (s source) String() string {
	return [...]string{"forward", "file", "otlp logs", "otlp traces", "x-ray udp"}[s]
}

func (s source) signal() sidelight.Signal {
	if s >= fromOTLPTraces {
		return sidelight.Traces
	}
	return sidelight.Logs
}

// waits reports whether the sender keeps what was not taken.
func (s source) waits() bool { return s != fromXRay }

// answers reports whether the agent tells the sender what it has.
func (s source) answers() bool { return s != fromXRay && s != fromFile }

// idLength is that of a record's name, which is also a valid span ID.
const idLength = 16

// id names the nth record of a source.
func id(s source, n int) string { return fmt.Sprintf("%02x%014x", uint8(s)+1, n) }

// parseID is the inverse of id.
func parseID(text string) (source, int, bool) {
	if len(text) != idLength {
		return 0, 0, false
	}
	v, err := strconv.ParseUint(text, 16, 64)
	s, n := v>>56, v&(1<<56-1)
	if err != nil || s == 0 || s > uint64(sources) || n >= 1<<31 {
		return 0, 0, false
	}
	return source(s - 1), int(n), true
}

// record is the truth about one record.
type record struct {
	acked, refused bool
	copies         uint32 // that the service has taken
}

// ledger is the truth about a run: what the senders gave, and what arrived. It
// is safe for concurrent use.
type ledger struct {
	mu      sync.Mutex
	records [sources][]record
	strange []string
	taken   map[party]int // copies
}

// party is one run of the agent, by the access key that it signs with.
type party struct {
	key    string
	signal sidelight.Signal
}

func newLedger() *ledger { return &ledger{taken: map[party]int{}} }

// give notes that the sender of s is about to hand over its next n records, and
// returns the number of the first.
func (l *ledger) give(s source, n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := len(l.records[s])
	l.records[s] = append(l.records[s], make([]record, n)...)
	return first
}

// acknowledge notes that the agent has said it has n records from first on.
func (l *ledger) acknowledge(s source, first, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range n {
		l.records[s][first+i].acked = true
	}
}

// arrive notes that the service took a record from the holder of key, or
// refused it for good.
func (l *ledger) arrive(text, key string, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, n, ok := parseID(text)
	if !ok || n >= len(l.records[s]) {
		if len(l.strange) < 5 {
			l.strange = append(l.strange, text)
		}
		return
	}
	r := &l.records[s][n]
	if refused {
		r.refused = true
		return
	}
	r.copies++
	l.taken[party{key, s.signal()}]++
}

// tally is the sum of a source's records. Each of those that were sent is
// delivered, refused or missing.
type tally struct {
	sent, acked, delivered, duplicates, refused, missing int
	// ackedMissing were acknowledged and did not arrive.
	ackedMissing int
	// examples are names of records that are missing.
	examples []string
}

func (l *ledger) tally(s source) tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := tally{sent: len(l.records[s])}
	for n, r := range l.records[s] {
		if r.acked {
			t.acked++
		}
		switch {
		case r.copies > 0:
			t.delivered++
			t.duplicates += int(r.copies) - 1
		case r.refused:
			t.refused++
		default:
			t.missing++
			if r.acked {
				t.ackedMissing++
			}
			if len(t.examples) < 3 {
				t.examples = append(t.examples, id(s, n))
			}
		}
	}
	return t
}

// tallies returns the tally of each source.
func (l *ledger) tallies() (all [sources]tally) {
	for s := range sources {
		all[s] = l.tally(s)
	}
	return all
}

// takenFrom is how many copies the service took from one run of the agent, whose
// keys begin with key.
func (l *ledger) takenFrom(key string, s sidelight.Signal) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, copies := range l.taken {
		if p.signal == s && (p.key == key || strings.HasPrefix(p.key, key+"-")) {
			n += copies
		}
	}
	return n
}
