package cloudwatch

import (
	"context"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Limits of SetAlarmState.
const (
	maxStateReason     = 1023
	maxStateReasonData = 4000
)

// SetAlarmState sets an alarm's state until its next evaluation, and carries out
// the actions of the state if it differs from the one before.
func (s *Service) SetAlarmState(ctx context.Context, in *cloudwatch.SetAlarmStateInput) (*cloudwatch.SetAlarmStateOutput, error) {
	if err := checkSetAlarmState(in); err != nil {
		return nil, err
	}
	s.evaluation.Lock()
	defer s.evaluation.Unlock()
	transitions, err := s.setState(scopeOf(api.CallerOf(ctx)), in)
	if err != nil {
		return nil, err
	}
	for _, t := range transitions {
		s.act(ctx, t)
	}
	return &cloudwatch.SetAlarmStateOutput{}, nil
}

func checkSetAlarmState(in *cloudwatch.SetAlarmStateInput) error {
	if err := checkAlarmName(in.AlarmName); err != nil {
		return asInvalidAlarm(err)
	}
	switch {
	case !slices.Contains(in.StateValue.Values(), in.StateValue):
		return invalidAlarm("StateValue must be OK, ALARM or INSUFFICIENT_DATA, not %q", in.StateValue)
	case in.StateReason == nil:
		return invalidAlarm("StateReason is required")
	case utf8.RuneCountInString(*in.StateReason) > maxStateReason:
		return invalidAlarm("StateReason must be at most %d characters long", maxStateReason)
	case in.StateReasonData == nil:
		return nil
	case utf8.RuneCountInString(*in.StateReasonData) > maxStateReasonData:
		return invalidAlarm("StateReasonData must be at most %d characters long", maxStateReasonData)
	case !json.Valid([]byte(*in.StateReasonData)):
		return invalidFormat("StateReasonData must be valid JSON")
	}
	return nil
}

func (s *Service) setState(sc scope, in *cloudwatch.SetAlarmStateInput) ([]transition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	set, now := s.alarmSetLocked(sc), s.opts.Clock.Now().UTC()
	reason, data := *in.StateReason, aws.ToString(in.StateReasonData)
	var out []transition
	if a := set.alarms[*in.AlarmName]; a != nil {
		if a.desc.StateValue == in.StateValue {
			a.setState(in.StateValue, reason, data, now)
			return nil, nil
		}
		out = append(out, s.changeLocked(sc, a, in.StateValue, reason, data, now))
	} else if c := set.composites[*in.AlarmName]; c != nil {
		if c.desc.StateValue == in.StateValue {
			c.setState(in.StateValue, reason, data, now)
			return nil, nil
		}
		if t, ok := s.changeCompositeLocked(sc, set, c, verdict{state: in.StateValue, reason: reason, data: data}, now); ok {
			out = append(out, t)
		}
	} else {
		return nil, notFound("Alarm %s does not exist", *in.AlarmName)
	}
	return append(out, s.propagateLocked(sc, set, []string{*in.AlarmName}, now)...), nil
}

// DeleteAlarms deletes alarms. Those that do not exist do not keep the others
// from being deleted, but are reported.
func (s *Service) DeleteAlarms(ctx context.Context, in *cloudwatch.DeleteAlarmsInput) (*cloudwatch.DeleteAlarmsOutput, error) {
	if err := checkAlarmNames(in.AlarmNames); err != nil {
		return nil, err
	}
	now := s.opts.Clock.Now().UTC()
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(api.CallerOf(ctx)))
	if err := set.checkDeletion(in.AlarmNames); err != nil {
		return nil, err
	}
	var unknown []string
	for _, name := range in.AlarmNames {
		if a := set.alarms[name]; a != nil {
			delete(set.alarms, name)
			s.addHistoryLocked(set, changeItem(a.kind(), a.desc.AlarmName, "Delete", a.history(), now))
			continue
		}
		if c := set.composites[name]; c != nil {
			delete(set.composites, name)
			s.addHistoryLocked(set, changeItem(types.AlarmTypeCompositeAlarm, c.desc.AlarmName, "Delete", historyComposite(&c.desc), now))
			continue
		}
		unknown = append(unknown, name)
	}
	if len(unknown) > 0 {
		return nil, notFound("Alarms do not exist: %q", unknown)
	}
	return &cloudwatch.DeleteAlarmsOutput{}, nil
}

// checkDeletion refuses more than one composite alarm, log alarms with others, and alarms that a
// composite alarm which is to stay depends on.
func (set *alarmSet) checkDeletion(names []string) error {
	composites := 0
	for _, name := range names {
		if set.composites[name] != nil {
			composites++
		}
		if a := set.alarms[name]; a != nil && a.logs != nil && len(names) > 1 {
			return invalidAlarm("A log alarm can only be deleted alone, and %s is one", name)
		}
		for _, parent := range set.parents(name) {
			if !slices.Contains(names, parent) {
				return invalidAlarm("Cannot delete %s as there are composite alarm(s) depending on it: %s", name, parent)
			}
		}
	}
	if composites > 1 {
		return invalidAlarm("At most one composite alarm can be deleted at a time")
	}
	return nil
}

func checkAlarmNames(names []string) error {
	if len(names) == 0 {
		return invalidAlarm("AlarmNames is required")
	}
	if len(names) > maxAlarmNames {
		return invalidAlarm("AlarmNames must have at most %d members", maxAlarmNames)
	}
	return nil
}

// EnableAlarmActions enables the actions of alarms. Names that do not exist are
// ignored: the action declares no error for them.
func (s *Service) EnableAlarmActions(ctx context.Context, in *cloudwatch.EnableAlarmActionsInput) (*cloudwatch.EnableAlarmActionsOutput, error) {
	return &cloudwatch.EnableAlarmActionsOutput{}, s.switchActions(ctx, in.AlarmNames, true)
}

// DisableAlarmActions is the reverse of EnableAlarmActions.
func (s *Service) DisableAlarmActions(ctx context.Context, in *cloudwatch.DisableAlarmActionsInput) (*cloudwatch.DisableAlarmActionsOutput, error) {
	return &cloudwatch.DisableAlarmActionsOutput{}, s.switchActions(ctx, in.AlarmNames, false)
}

func (s *Service) switchActions(ctx context.Context, names []string, on bool) error {
	if err := checkAlarmNames(names); err != nil {
		return err
	}
	now := s.opts.Clock.Now().UTC()
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(api.CallerOf(ctx)))
	for _, name := range names {
		if a := set.alarms[name]; a != nil && *a.desc.ActionsEnabled != on {
			a.desc.ActionsEnabled, a.desc.AlarmConfigurationUpdatedTimestamp = &on, &now
			s.addHistoryLocked(set, changeItem(a.kind(), a.desc.AlarmName, "Update", a.history(), now))
		}
		if c := set.composites[name]; c != nil && *c.desc.ActionsEnabled != on {
			c.desc.ActionsEnabled, c.desc.AlarmConfigurationUpdatedTimestamp = &on, &now
			s.addHistoryLocked(set, changeItem(types.AlarmTypeCompositeAlarm, c.desc.AlarmName, "Update", historyComposite(&c.desc), now))
		}
	}
	return nil
}
