package cloudwatch

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// compositeAlarm is an alarm on the states of others. Like a metric alarm's, its
// desc may leave the lock as a shallow copy.
type compositeAlarm struct {
	desc     types.CompositeAlarm
	rule     *alarm.CompositeRule
	children []string // names, each once
	// resolve turns a name or ARN of the rule into a name.
	resolve    func(ref string) string
	suppressor string // name, empty for none
	tags       map[string]string

	created bool      // evaluated after its creation
	current bool      // evaluated since it was put
	until   time.Time // end of the wait or extension period that suppresses actions
}

func (set *alarmSet) sortedComposites() []*compositeAlarm {
	return order.Sorted(maps.Values(set.composites), func(a, b *compositeAlarm) int {
		return cmp.Compare(*a.desc.AlarmName, *b.desc.AlarmName)
	})
}

// has reports whether there is an alarm of any kind with the name.
func (set *alarmSet) has(name string) bool {
	return set.alarms[name] != nil || set.composites[name] != nil
}

// parents are the composite alarms whose rule or suppressor is the named alarm.
func (set *alarmSet) parents(name string) []string {
	var out []string
	for _, c := range set.sortedComposites() {
		if slices.Contains(c.children, name) || c.suppressor == name {
			out = append(out, *c.desc.AlarmName)
		}
	}
	return out
}

// childState is what a composite alarm sees of another.
type childState struct {
	arn   string
	value types.StateValue
	since time.Time
}

func (set *alarmSet) state(name string) childState {
	if a := set.alarms[name]; a != nil {
		return childState{*a.desc.AlarmArn, a.desc.StateValue, *a.desc.StateUpdatedTimestamp}
	}
	if c := set.composites[name]; c != nil {
		return childState{*c.desc.AlarmArn, c.desc.StateValue, *c.desc.StateUpdatedTimestamp}
	}
	return childState{}
}

// cyclic reports whether c depends on itself.
func (set *alarmSet) cyclic(c *compositeAlarm) bool {
	seen := make(map[string]bool)
	next := slices.Clone(c.children)
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if name == *c.desc.AlarmName {
			return true
		}
		if child := set.composites[name]; child != nil && !seen[name] {
			seen[name] = true
			next = append(next, child.children...)
		}
	}
	return false
}

// propagateLocked evaluates new composite alarms and those whose children
// changed, and theirs in turn, and lets periods of suppression end. An alarm in
// a cycle is not evaluated.
func (s *Service) propagateLocked(sc scope, set *alarmSet, changed []string, now time.Time) []transition {
	var out []transition
	evaluate := func(c *compositeAlarm, trigger string) {
		before := c.desc.StateValue
		t, ok := s.evaluateCompositeLocked(sc, set, c, trigger, now)
		if ok {
			out = append(out, t)
		}
		if c.desc.StateValue != before {
			changed = append(changed, *c.desc.AlarmName)
		}
	}
	for _, c := range set.sortedComposites() {
		if !c.current && !set.cyclic(c) {
			evaluate(c, "")
		}
	}
	for len(changed) > 0 {
		name := changed[0]
		changed = changed[1:]
		for _, c := range set.sortedComposites() {
			if slices.Contains(c.children, name) && !set.cyclic(c) {
				evaluate(c, name)
			}
		}
	}
	for _, c := range set.sortedComposites() {
		if t, ok := s.suppressionLocked(sc, set, c, now); ok {
			out = append(out, t)
		}
	}
	return out
}

// evaluateCompositeLocked evaluates c because of a child, or because it was put
// if trigger is empty.
func (s *Service) evaluateCompositeLocked(sc scope, set *alarmSet, c *compositeAlarm, trigger string, now time.Time) (transition, bool) {
	created := !c.created
	c.created, c.current = true, true
	value := types.StateValueOk
	if c.rule.Eval(func(ref string) alarm.State { return alarm.State(set.state(c.resolve(ref)).value) }) {
		value = types.StateValueAlarm
	}
	if value == c.desc.StateValue {
		return transition{}, false
	}
	triggers := c.children
	var reason string
	switch {
	case trigger != "":
		child := set.state(trigger)
		triggers = []string{trigger}
		reason = child.arn + " transitioned to " + string(child.value) + " at " + child.since.UTC().Format("Monday 02 January, 2006 15:04:05 UTC")
	case created:
		reason = *c.desc.AlarmArn + " was created and its alarm rule evaluates to " + string(value)
	default:
		reason = *c.desc.AlarmArn + " was updated and its alarm rule evaluates to " + string(value)
	}
	if len(reason) > maxStateReason {
		reason = reason[:maxStateReason]
	}
	return s.changeCompositeLocked(sc, set, c, verdict{value, reason, set.reasonData(triggers), triggers}, now)
}

// reasonData lists the children that decided, as many as fit.
func (set *alarmSet) reasonData(names []string) string {
	type state struct {
		Value     types.StateValue `json:"value"`
		Timestamp string           `json:"timestamp"`
	}
	type child struct {
		ARN   string `json:"arn"`
		State state  `json:"state"`
	}
	children := []child{}
	for _, name := range names {
		st := set.state(name)
		children = append(children, child{st.arn, state{st.value, stamp(st.since)}})
	}
	for {
		data := mustMarshal(map[string]any{"triggeringAlarms": children})
		if len(data) <= maxStateReasonData || len(children) == 0 {
			return string(data)
		}
		children = children[:len(children)-1]
	}
}

// verdict is a composite alarm's new state and the children that decided it.
type verdict struct {
	state        types.StateValue
	reason, data string
	triggers     []string
}

// changeCompositeLocked moves c to another state, writes the history, and
// returns the actions unless they are suppressed.
func (s *Service) changeCompositeLocked(sc scope, set *alarmSet, c *compositeAlarm, v verdict, now time.Time) (transition, bool) {
	before := c.desc
	c.setState(v.state, v.reason, v.data, now)
	s.addHistoryLocked(set, stateItem(types.AlarmTypeCompositeAlarm, c.desc.AlarmName,
		stateOf(before.StateValue, before.StateReason, before.StateReasonData), stateOf(v.state, &v.reason, &v.data), now))
	s.opts.Logger.Info("alarm state changed", "source", *c.desc.AlarmName, "from", before.StateValue, "to", v.state, "reason", v.reason)
	if !*c.desc.ActionsEnabled || c.hold(set, now) {
		return transition{}, false
	}
	return c.transition(sc, set, before.StateValue, v.triggers, now), true
}

// transition describes c's present state and its actions.
func (c *compositeAlarm) transition(sc scope, set *alarmSet, previous types.StateValue, triggers []string, now time.Time) transition {
	d := &c.desc
	actions := d.InsufficientDataActions
	switch d.StateValue {
	case types.StateValueAlarm:
		actions = d.AlarmActions
	case types.StateValueOk:
		actions = d.OKActions
	}
	message := snsAlarm{
		AlarmName: d.AlarmName, AlarmDescription: d.AlarmDescription, AWSAccountId: sc.account,
		AlarmConfigurationUpdatedTimestamp: stamp(*d.AlarmConfigurationUpdatedTimestamp),
		NewStateValue:                      d.StateValue, NewStateReason: d.StateReason, StateChangeTime: stamp(*d.StateUpdatedTimestamp),
		Region: regionName(sc.region), AlarmArn: d.AlarmArn, OldStateValue: previous,
		OKActions: d.OKActions, AlarmActions: d.AlarmActions, InsufficientDataActions: d.InsufficientDataActions,
		snsComposite: &snsComposite{AlarmRule: d.AlarmRule, TriggeringChildren: []triggeringChild{}},
		Tags:         propagated(d.ActionConfiguration, c.tags),
	}
	for _, name := range triggers {
		st := set.state(name)
		child := triggeringChild{Arn: st.arn}
		child.State.Value, child.State.Timestamp = string(st.value), stamp(st.since)
		message.TriggeringChildren = append(message.TriggeringChildren, child)
	}
	return transition{
		sc: sc, name: *d.AlarmName, arn: *d.AlarmArn, kind: types.AlarmTypeCompositeAlarm,
		previous: previous, state: d.StateValue, actions: actions, at: now, message: message,
	}
}

// suppress says by what c's actions are held, until when, and why.
func (c *compositeAlarm) suppress(by types.ActionsSuppressedBy, until time.Time, reason string) {
	c.desc.ActionsSuppressedBy, c.until = by, until
	c.desc.ActionsSuppressedReason = nil
	if reason != "" {
		c.desc.ActionsSuppressedReason = aws.String(reason)
	}
}

// hold reports whether the actions of a transition at now wait: while the
// suppressor is in ALARM, and for the wait period in which it may yet go there.
func (c *compositeAlarm) hold(set *alarmSet, now time.Time) bool {
	if c.suppressor == "" {
		return false
	}
	st := set.state(c.suppressor)
	if st.value == types.StateValueAlarm {
		c.suppress(types.ActionsSuppressedByAlarm, time.Time{}, "Actions are suppressed by "+st.arn+", which is in ALARM")
		return true
	}
	wait := time.Duration(*c.desc.ActionsSuppressorWaitPeriod) * time.Second
	if wait == 0 {
		c.suppress("", time.Time{}, "")
		return false
	}
	c.suppress(types.ActionsSuppressedByWaitPeriod, now.Add(wait), "Actions wait for "+st.arn+" to go into ALARM")
	return true
}

// suppressionLocked moves c's suppression on. When it ends, c's actions run for
// the state that c is in by then.
func (s *Service) suppressionLocked(sc scope, set *alarmSet, c *compositeAlarm, now time.Time) (transition, bool) {
	by := c.desc.ActionsSuppressedBy
	if by == "" {
		return transition{}, false
	}
	s.Changed()
	st := set.state(c.suppressor)
	switch {
	case st.value == types.StateValueAlarm:
		c.suppress(types.ActionsSuppressedByAlarm, time.Time{}, "Actions are suppressed by "+st.arn+", which is in ALARM")
		return transition{}, false
	case by == types.ActionsSuppressedByAlarm:
		extension := time.Duration(*c.desc.ActionsSuppressorExtensionPeriod) * time.Second
		c.suppress(types.ActionsSuppressedByExtensionPeriod, now.Add(extension), "Actions wait after "+st.arn+" left ALARM")
	}
	if now.Before(c.until) {
		return transition{}, false
	}
	c.suppress("", time.Time{}, "")
	if !*c.desc.ActionsEnabled {
		return transition{}, false
	}
	return c.transition(sc, set, c.desc.StateValue, nil, now), true
}
