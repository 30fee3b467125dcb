package ship

import (
	"sync"
	"time"
)

// reportEvery is the least time between two reports of one Health.
const reportEvery = time.Second

// Problem is a change in delivery. Cause is nil when it recovered.
type Problem struct {
	Signal string
	Cause  error
	// Lost counts the items dropped since delivery began to fail.
	Lost int
	At   time.Time
}

// State is a copy of a Health.
type State struct {
	// Agent is "idle" before the first exchange, then "connected" or
	// "unreachable".
	Agent string
	Since time.Time
	Last  error
}

// Health combines the results of several pipes. It calls report when all is
// no longer well and when it is again: not concurrently, at most once in
// reportEvery, on a goroutine of its own. A change that reverts before it could
// be reported is not reported.
type Health struct {
	report func(Problem)
	// calling serializes report.
	calling sync.Mutex

	mu       sync.Mutex
	state    State
	failing  map[string]error // by signal
	signal   string           // the signal that failed first, or recovered last
	lost     int
	reported bool // report last said: failing
	last     time.Time
	timer    *time.Timer
	closed   bool
	wake     []func()
}

// NewHealth returns a Health that knows nothing yet.
func NewHealth(report func(Problem)) *Health {
	return &Health{
		report:  report,
		failing: make(map[string]error),
		state:   State{Agent: "idle", Since: time.Now()},
	}
}

// State returns the present state.
func (h *Health) State() State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state
}

// Close ends reporting.
func (h *Health) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
}

// onReach adds what to do when the agent can be reached again.
func (h *Health) onReach(wake func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wake = append(h.wake, wake)
}

// lose notes that items were dropped.
func (h *Health) lose(items int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.failing) > 0 || h.reported {
		h.lost += items
	}
}

// Fail notes that a signal has trouble which is not the agent's. Its next
// delivery ends it.
func (h *Health) Fail(signal string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failLocked(signal, err)
	h.scheduleLocked()
}

func (h *Health) failLocked(signal string, err error) {
	if len(h.failing) == 0 {
		h.signal = signal
	}
	h.failing[signal], h.state.Last = err, err
}

// result notes how an attempt of a signal ended, whether the agent answered at
// all, and how many items it cost.
func (h *Health) result(signal string, err error, answered bool, lost int) {
	for _, wake := range h.note(signal, err, answered, lost) {
		wake()
	}
}

func (h *Health) note(signal string, err error, answered bool, lost int) (wake []func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	agent := "unreachable"
	if answered {
		agent = "connected"
	}
	if agent != h.state.Agent {
		if agent == "connected" && h.state.Agent == "unreachable" {
			wake = h.wake
		}
		h.state.Agent, h.state.Since = agent, time.Now()
	}
	if err == nil {
		if h.failing[signal] != nil {
			h.signal = signal
		}
		delete(h.failing, signal)
	} else {
		h.failLocked(signal, err)
		h.lost += lost // before a report can be made of it
	}
	h.scheduleLocked()
	return wake
}

// scheduleLocked arranges a report if there is something to say.
func (h *Health) scheduleLocked() {
	if h.closed || h.timer != nil || h.reported == (len(h.failing) > 0) {
		return
	}
	wait := time.Duration(0)
	if !h.last.IsZero() {
		wait = max(0, reportEvery-time.Since(h.last))
	}
	h.timer = time.AfterFunc(wait, h.fire)
}

func (h *Health) fire() {
	h.calling.Lock()
	defer h.calling.Unlock()
	if p, ok := h.next(); ok {
		h.report(p)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.scheduleLocked() // it may have changed while report ran
}

func (h *Health) next() (Problem, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer = nil
	bad := len(h.failing) > 0
	if h.closed || bad == h.reported {
		return Problem{}, false
	}
	now := time.Now()
	h.reported, h.last = bad, now
	p := Problem{Signal: h.signal, Cause: h.failing[h.signal], Lost: h.lost, At: now}
	if bad && p.Cause == nil { // the first to fail has recovered, another has not
		for signal, err := range h.failing {
			p.Signal, p.Cause = signal, err
		}
	}
	if !bad {
		h.lost = 0
	}
	return p, true
}
