package statsd

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// cause is why a line was not taken.
type cause uint8

const (
	fine cause = iota
	noName
	noType
	unknownType
	badRate
	badTime
	badValue
	badEvent
	badCheck
	tooManyGauges
	tooManySets
	badFrame
	numCauses
)

func (c cause) String() string {
	return [numCauses]string{
		"", "no_name", "no_type", "unknown_type", "bad_rate", "bad_time", "bad_value", "bad_event", "bad_check",
		"too_many_gauges", "too_many_sets", "bad_frame",
	}[c]
}

// Stats counts what was read.
type Stats struct {
	// Datagrams counts those of a stream too. Samples are values.
	Datagrams, Lines, Samples uint64
	// Events and Checks count events and service checks.
	Events, Checks uint64
	// Overflow counts datagrams that the kernel threw away, as its buffer was
	// full.
	Overflow uint64
	// Invalid counts lines that were not taken, by cause.
	Invalid map[string]uint64
}

// counts are what readers add to.
type counts struct {
	datagrams, lines, samples, events, checks, overflow atomic.Uint64
	invalid                                             [numCauses]atomic.Uint64
}

func (c *counts) read() Stats {
	s := Stats{
		Datagrams: c.datagrams.Load(), Lines: c.lines.Load(), Samples: c.samples.Load(),
		Events: c.events.Load(), Checks: c.checks.Load(), Overflow: c.overflow.Load(), Invalid: map[string]uint64{},
	}
	for i := range c.invalid {
		if n := c.invalid[i].Load(); n > 0 {
			s.Invalid[cause(i).String()] = n
		}
	}
	return s
}

// complaints logs a line of each cause, the first and then one a minute.
type complaints struct {
	log *slog.Logger

	mu   sync.Mutex
	last [numCauses]time.Time
}

func (c *complaints) about(why cause, l []byte, soFar uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !c.last[why].IsZero() && now.Sub(c.last[why]) < time.Minute {
		return
	}
	c.last[why] = now
	shown := strings.ToValidUTF8(string(l[:min(len(l), 80)]), "?")
	c.log.Warn("a StatsD line is not taken", "cause", why.String(), "line", shown, "so_far", soFar)
}
