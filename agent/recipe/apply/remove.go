package apply

import (
	"context"
	"fmt"

	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
)

// remove deletes resources, or lets them go, after it has seen for each that it is
// still the stack's and as the plan saw it. Nothing is deleted, for the reason skip, once
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
	var found []*live.Resource
	var todo []plan.Change
	for _, ch := range changes {
		l, now, err := r.look(ctx, ch)
		switch {
		case err != nil:
			r.step(ch, err)
		case now.Action == plan.None:
			r.step(ch, nil) // gone already
		case !r.owned(l):
			r.step(ch, fmt.Errorf("the %s %q is not provably the stack's", ch.Kind.Words(), ch.Name))
		default:
			found, todo = append(found, l), append(todo, ch)
		}
	}
	if len(todo) == 0 {
		return
	}
	err := r.part(ctx, todo[0].Action, found)
	for _, ch := range todo {
		r.step(ch, err)
	}
}

// part deletes resources of one kind, or lets them go.
func (r *runner) part(ctx context.Context, action plan.Action, found []*live.Resource) error {
	store := r.stores.Of(found[0].Key.Kind)
	if action == plan.Delete {
		return store.Delete(ctx, found)
	}
	tagger, ok := store.(live.Tagger)
	if !ok {
		return fmt.Errorf("let go of %s: it has no tags", found[0].Key.Kind.Words())
	}
	for _, l := range found {
		if err := tagger.Tag(ctx, l, nil, norm.OwnTags(l.Tags)); err != nil {
			return err
		}
	}
	return nil
}

// owned is the last check before a resource is deleted or let go.
func (r *runner) owned(l *live.Resource) bool {
	if l == nil || l.Other != "" || norm.Foreign(l.Tags) != "" {
		return false
	}
	m, ok := norm.ReadMark(l.Tags)
	return ok && m.Recipe == r.p.Stack.Recipe && m.Env == r.p.Stack.Env
}
