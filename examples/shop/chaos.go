package shop

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Chaos is a switch for faults.
type Chaos struct {
	// Errors and Slow are the shares of requests, 0 to 1, that fail or are
	// slow.
	Errors float64 `json:"errors"`
	Slow   float64 `json:"slow"`
	// Delay is how slow; zero means 800 ms.
	Delay time.Duration `json:"delay_ns"`
}

const defaultDelay = 800 * time.Millisecond

// Change returns c with new values from three texts, of which empty ones change
// nothing: two numbers from 0 to 1 and a duration of up to a minute.
func (c Chaos) Change(errors, slow, delay string) (Chaos, error) {
	for _, f := range []struct {
		name, text string
		to         *float64
	}{{"errors", errors, &c.Errors}, {"slow", slow, &c.Slow}} {
		if f.text == "" {
			continue
		}
		v, err := strconv.ParseFloat(f.text, 64)
		if err != nil || !(v >= 0 && v <= 1) {
			return c, fmt.Errorf("%s is %q, want a number from 0 to 1", f.name, f.text)
		}
		*f.to = v
	}
	if delay != "" {
		d, err := time.ParseDuration(delay)
		if err != nil || d < 0 || d > time.Minute {
			return c, fmt.Errorf("delay is %q, want a duration up to 1m", delay)
		}
		c.Delay = d
	}
	return c, nil
}

// chaosSwitch is a Chaos that may be changed while it is used.
type chaosSwitch struct {
	mu sync.Mutex
	c  Chaos
}

func (s *chaosSwitch) get() Chaos {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.c
}

// fails and stalls throw the dice for one request.
func (s *chaosSwitch) fails() bool { return rand.Float64() < s.get().Errors }

func (s *chaosSwitch) stalls() (time.Duration, bool) {
	c := s.get()
	return cmp.Or(c.Delay, defaultDelay), rand.Float64() < c.Slow
}

// ServeHTTP shows the switch, and on POST changes it by the parameters errors,
// slow and delay.
func (s *chaosSwitch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPost {
		c, err := s.c.Change(r.FormValue("errors"), r.FormValue("slow"), r.FormValue("delay"))
		if err != nil {
			reply(w, http.StatusBadRequest, problem{Error: err.Error()})
			return
		}
		s.c = c
	}
	reply(w, http.StatusOK, s.c)
}
