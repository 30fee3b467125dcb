package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/sidelight-dev/sidelight/internal/alarm"
	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// maxParents is how many composite alarms may name one alarm.
const maxParents = 150

// PutCompositeAlarm creates a composite alarm, in the state INSUFFICIENT_DATA
// until its first evaluation, or replaces the configuration of one. The alarms
// that its rule names must exist.
func (s *Service) PutCompositeAlarm(ctx context.Context, in *cloudwatch.PutCompositeAlarmInput) (*cloudwatch.PutCompositeAlarmOutput, error) {
	c, err := buildComposite(in)
	if err != nil {
		return nil, err
	}
	caller, now := api.CallerOf(ctx), s.opts.Clock.Now().UTC()
	c.desc.AlarmArn = aws.String(alarmARN(caller, *in.AlarmName))
	c.desc.AlarmConfigurationUpdatedTimestamp = aws.Time(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	set := s.alarmSetLocked(scopeOf(caller))
	if err := set.admit(c, caller); err != nil {
		return nil, asInvalidAlarm(err)
	}
	old := set.composites[*in.AlarmName]
	if old != nil && c.sameAs(old) {
		return &cloudwatch.PutCompositeAlarmOutput{}, nil
	}
	set.composites[*in.AlarmName] = c
	if old == nil {
		c.tags = tagMap(in.Tags)
		c.desc.StateValue = types.StateValueInsufficientData
		c.setState(types.StateValueInsufficientData, "Unchecked: Initial alarm creation", "", now)
		c.desc.StateTransitionedTimestamp = aws.Time(now)
	} else {
		c.inherit(old)
	}
	item := changeItem(types.AlarmTypeCompositeAlarm, in.AlarmName, putKind(old == nil), historyComposite(&c.desc), now)
	s.addHistoryLocked(set, item)
	return &cloudwatch.PutCompositeAlarmOutput{}, nil
}

// sameAs says whether c is configured as old is: see metricAlarm.sameAs.
func (c *compositeAlarm) sameAs(old *compositeAlarm) bool {
	next := *c
	next.inherit(old)
	next.desc.AlarmConfigurationUpdatedTimestamp = old.desc.AlarmConfigurationUpdatedTimestamp
	return reflect.DeepEqual(next.desc, old.desc)
}

// inherit takes over what an update keeps.
func (c *compositeAlarm) inherit(old *compositeAlarm) {
	c.tags, c.created = old.tags, old.created
	c.desc.StateValue = old.desc.StateValue
	c.desc.StateReason = old.desc.StateReason
	c.desc.StateReasonData = old.desc.StateReasonData
	c.desc.StateUpdatedTimestamp = old.desc.StateUpdatedTimestamp
	c.desc.StateTransitionedTimestamp = old.desc.StateTransitionedTimestamp
	if c.suppressor == old.suppressor {
		c.until = old.until
		c.desc.ActionsSuppressedBy = old.desc.ActionsSuppressedBy
		c.desc.ActionsSuppressedReason = old.desc.ActionsSuppressedReason
	}
}

func buildComposite(in *cloudwatch.PutCompositeAlarmInput) (*compositeAlarm, error) {
	if err := checkComposite(in); err != nil {
		return nil, asInvalidAlarm(err)
	}
	rule, err := alarm.ParseComposite(aws.ToString(in.AlarmRule))
	if err != nil {
		return nil, invalidAlarm("AlarmRule: %v", err)
	}
	enabled := in.ActionsEnabled
	if enabled == nil {
		enabled = aws.Bool(true)
	}
	c := &compositeAlarm{rule: rule, desc: types.CompositeAlarm{
		ActionConfiguration: in.ActionConfiguration, ActionsEnabled: enabled,
		ActionsSuppressor:                in.ActionsSuppressor,
		ActionsSuppressorExtensionPeriod: in.ActionsSuppressorExtensionPeriod,
		ActionsSuppressorWaitPeriod:      in.ActionsSuppressorWaitPeriod,
		AlarmActions:                     orEmpty(in.AlarmActions), OKActions: orEmpty(in.OKActions),
		InsufficientDataActions: orEmpty(in.InsufficientDataActions),
		AlarmDescription:        in.AlarmDescription, AlarmName: in.AlarmName, AlarmRule: in.AlarmRule,
	}}
	return c, checkCompositeActions(&c.desc)
}

func checkComposite(in *cloudwatch.PutCompositeAlarmInput) error {
	if err := checkAlarmName(in.AlarmName); err != nil {
		return err
	}
	if utf8.RuneCountInString(aws.ToString(in.AlarmDescription)) > maxDescription {
		return fmt.Errorf("AlarmDescription must be at most %d characters long", maxDescription)
	}
	if err := checkPropagation(in.ActionConfiguration); err != nil {
		return err
	}
	wait, extend := in.ActionsSuppressorWaitPeriod, in.ActionsSuppressorExtensionPeriod
	switch {
	case in.ActionsSuppressor == nil && (wait != nil || extend != nil):
		return errors.New("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod need ActionsSuppressor")
	case in.ActionsSuppressor == nil:
	case wait == nil || extend == nil:
		return errors.New("ActionsSuppressor needs ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod")
	case *wait < 0 || *extend < 0:
		return errors.New("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod must not be negative")
	}
	return checkTags(in.Tags)
}

// link resolves the alarms that c names.
func (c *compositeAlarm) link(caller api.Caller) {
	c.resolve = func(ref string) string { return strings.TrimPrefix(ref, alarmARN(caller, "")) }
	for _, ref := range c.rule.Children() {
		if child := c.resolve(ref); !slices.Contains(c.children, child) {
			c.children = append(c.children, child)
		}
	}
	if c.desc.ActionsSuppressor != nil {
		c.suppressor = c.resolve(*c.desc.ActionsSuppressor)
	}
}

// admit resolves the alarms that c names and checks that c may be put.
func (set *alarmSet) admit(c *compositeAlarm, caller api.Caller) error {
	name := *c.desc.AlarmName
	if set.alarms[name] != nil {
		return invalidAlarm("A metric alarm with the name %s exists", name)
	}
	c.link(caller)
	var unknown []string
	for _, ref := range c.rule.Children() {
		child := c.resolve(ref)
		if child != name && !set.has(child) {
			unknown = append(unknown, ref)
		}
		if parents := set.parents(child); len(parents) >= maxParents && !slices.Contains(parents, name) {
			return invalidAlarm("The alarm %s is named by %d composite alarms already", child, maxParents)
		}
	}
	if len(unknown) > 0 {
		return invalidAlarm("Could not save the composite alarm %q: the alarms %q in the alarm rule do not exist", name, unknown)
	}
	if c.desc.ActionsSuppressor == nil {
		return nil
	}
	if !set.has(c.suppressor) {
		return invalidAlarm("The actions suppressor %q does not exist", *c.desc.ActionsSuppressor)
	}
	return nil
}

func (c *compositeAlarm) setState(state types.StateValue, reason, data string, at time.Time) {
	if c.desc.StateValue != state {
		c.desc.StateTransitionedTimestamp = aws.Time(at)
	}
	c.desc.StateValue, c.desc.StateReason, c.desc.StateReasonData = state, aws.String(reason), nil
	if data != "" {
		c.desc.StateReasonData = aws.String(data)
	}
	c.desc.StateUpdatedTimestamp = aws.Time(at)
}

func historyComposite(d *types.CompositeAlarm) map[string]any {
	return map[string]any{
		"alarmName": d.AlarmName, "alarmArn": d.AlarmArn, "alarmDescription": d.AlarmDescription, "alarmRule": d.AlarmRule,
		"actionsEnabled": d.ActionsEnabled, "alarmActions": d.AlarmActions, "okactions": d.OKActions,
		"insufficientDataActions": d.InsufficientDataActions, "actionsSuppressor": d.ActionsSuppressor, "stateValue": d.StateValue,
	}
}
