package cloudwatch

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// held is what a mute rule has kept from an alarm, or from one of its contributors:
// the actions of its state. When the rule ends and the alarm is still in that state,
// they run (user guide, "How alarm mute rules work"). An alarm that is back in the
// state it had before owes nothing.
type held struct {
	Alarm, Contributor string
	Before, State      types.StateValue
}

func heldKey(alarm, contributor string) string { return alarm + "\x00" + contributor }

// hold keeps the actions of a transition for the end of the mute rule.
func (s *Service) hold(t *transition) {
	if t.previous == t.state {
		return // the repetition of an action that scales
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	set, key := s.alarmSetLocked(t.sc), heldKey(t.name, t.contributor)
	h := held{Alarm: t.name, Contributor: t.contributor, Before: t.previous, State: t.state}
	if old, ok := set.held[key]; ok {
		h.Before = old.Before
	}
	set.held[key] = h
	s.Changed()
}

// releaseLocked returns the transitions whose actions are no longer muted.
func (s *Service) releaseLocked(sc scope, set *alarmSet, now time.Time) []transition {
	var out []transition
	for _, key := range slices.Sorted(maps.Keys(set.held)) {
		h := set.held[key]
		if _, muted := set.muted(h.Alarm, now); muted {
			continue
		}
		delete(set.held, key)
		s.Changed()
		if h.State == h.Before {
			continue
		}
		if t, ok := set.released(sc, h, now); ok {
			out = append(out, t)
		}
	}
	return out
}

// released describes what was held, if it still holds.
func (set *alarmSet) released(sc scope, h held, now time.Time) (transition, bool) {
	if c := set.composites[h.Alarm]; c != nil {
		if c.desc.StateValue != h.State || !*c.desc.ActionsEnabled || c.desc.ActionsSuppressedBy != "" {
			return transition{}, false
		}
		return c.transition(sc, set, h.Before, nil, now), true
	}
	a := set.alarms[h.Alarm]
	if a == nil || !*a.desc.ActionsEnabled {
		return transition{}, false
	}
	if h.Contributor != "" {
		c := a.contributors[h.Contributor]
		if c == nil || c.State != h.State {
			return transition{}, false
		}
		return a.contributorTransition(sc, h.Contributor, h.Before, c, now), true
	}
	if a.desc.StateValue != h.State {
		return transition{}, false
	}
	t := a.transition(sc, h.Before, now)
	t.actions = a.actions(h.State)
	return t, true
}

type heldState struct {
	Account, Region string
	Held            held
}

func (s *Service) importHeldLocked(v json.RawMessage) error {
	var st heldState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	s.alarmSetLocked(scope{st.Account, st.Region}).held[heldKey(st.Held.Alarm, st.Held.Contributor)] = st.Held
	return nil
}
