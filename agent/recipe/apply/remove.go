package apply

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
)

// remove deletes alarms after it has seen, for each, that it is still the
// stack's and as the plan saw it. Nothing is deleted, for the reason skip, once
// a write has failed: it may have been meant to take the place of what goes.
func (r *runner) remove(ctx context.Context, changes []plan.Change, skip error) {
	if skip == nil {
		skip = context.Cause(ctx)
	}
	if skip != nil {
		for _, ch := range changes {
			r.step(ch, fmt.Errorf("%w: %w", errSkipped, skip))
		}
		return
	}
	var names []string
	var todo []plan.Change
	for _, ch := range changes {
		l, now, err := r.look(ctx, ch)
		switch {
		case err != nil:
			r.step(ch, err)
		case now.Action == plan.None:
			r.step(ch, nil) // gone already
		case !r.owned(l):
			r.step(ch, fmt.Errorf("the alarm %q is not provably the stack's", ch.Name))
		default:
			names, todo = append(names, ch.Name), append(todo, ch)
		}
	}
	if len(names) == 0 {
		return
	}
	_, err := r.cw.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: names})
	if err != nil {
		err = fmt.Errorf("delete alarms: %w", err)
	}
	for _, ch := range todo {
		r.step(ch, err)
	}
}

// owned is the last check before a deletion.
func (r *runner) owned(l *plan.Live) bool {
	if l == nil || l.Other != "" || norm.Foreign(l.Tags) != "" {
		return false
	}
	m, ok := norm.ReadMark(l.Tags)
	return ok && m.Recipe == r.p.Stack.Recipe && m.Env == r.p.Stack.Env
}
