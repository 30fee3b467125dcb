package sdk

import (
	"fmt"
	"io"
	"time"

	"github.com/sidelight-dev/sidelight/sdk/internal/ship"
)

// Status describes delivery since Start. Counts are of spans, log records and
// metric points.
type Status struct {
	// Agent is "idle" before the first exchange, "connected", "unreachable",
	// or "off" if the sdk is disabled or misconfigured.
	Agent string
	// Since is when Agent last changed.
	Since    time.Time
	Endpoint string
	// LastErr is the latest failure, also after a recovery; "" if none.
	LastErr             string
	Spans, Logs, Points Counts
}

// Counts tells what became of one kind of data. Accepted is always the sum of
// Delivered, Queued and everything in Dropped.
type Counts struct {
	Accepted, Delivered uint64
	Queued              int
	// Dropped is by cause: "full" (no room, the oldest went), "rejected" (the
	// agent refused it), "oversize" (larger than a quarter of the buffer),
	// "shutdown" (undelivered at the end). It has only causes that occurred.
	Dropped map[string]uint64
}

// Problem is a change in delivery.
type Problem struct {
	// Signal is "traces", "metrics" or "logs".
	Signal string
	// Cause is nil on recovery.
	Cause error
	// Lost counts the items of all signals that were dropped since delivery
	// began to fail.
	Lost int
	At   time.Time
}

// printProblem is the default of Config.OnProblem.
func printProblem(w io.Writer) func(Problem) {
	return func(p Problem) {
		at := p.At.UTC().Format(time.RFC3339)
		if p.Cause != nil {
			fmt.Fprintf(w, "sidelight: %s cannot deliver %s: %v\n", at, p.Signal, p.Cause)
			return
		}
		fmt.Fprintf(w, "sidelight: %s delivery recovered, %d items were lost\n", at, p.Lost)
	}
}

// Status is a cheap copy of the counters, fit for a health page.
func (t *Telemetry) Status() Status {
	if t == nil || t.live == nil {
		return Status{Agent: "off"}
	}
	l := t.live
	state := l.health.State()
	s := Status{
		Agent: state.Agent, Since: state.Since, Endpoint: t.set.Endpoint,
		Spans: countsOf(l.spans), Points: countsOf(l.points),
	}
	if state.Last != nil {
		s.LastErr = state.Last.Error()
	}
	if l.records != nil {
		s.Logs = countsOf(l.records)
	}
	return s
}

func countsOf(p *ship.Pipe) Counts {
	c := p.Counts()
	out := Counts{Accepted: c.Accepted, Delivered: c.Delivered, Queued: c.Queued}
	for cause, n := range c.Dropped {
		if n == 0 {
			continue
		}
		if out.Dropped == nil {
			out.Dropped = make(map[string]uint64)
		}
		out.Dropped[ship.Cause(cause).String()] = n
	}
	return out
}
