// Package apply carries out a plan. It writes only what the plan names, checks
// each resource right before it writes or deletes it, and leaves behind at every
// moment what a second run can go on from.
package apply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/exit"
)

// Options of an apply.
type Options struct {
	// AllowDelete is how many deletions are allowed beyond the plan's brake.
	AllowDelete int
	// Confirm must be the stack's ID, recipe/env, for a plan that destroys.
	Confirm string
	// Progress, if not nil, is called after each resource, in order.
	Progress func(Step)
}

// Outcome of one resource.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped"
)

// Step is what became of one change.
type Step struct {
	ID      string      `json:"id"`
	Kind    ir.Kind     `json:"kind"`
	Name    string      `json:"name"`
	Action  plan.Action `json:"action"`
	Outcome Outcome     `json:"outcome"`
	Reason  string      `json:"reason,omitempty"`
}

// Report is what an apply did.
type Report struct {
	Format string     `json:"format"`
	Stack  plan.Stack `json:"stack"`
	Steps  []Step     `json:"steps"`
}

// Count returns how many steps had an outcome.
func (r *Report) Count(o Outcome) int {
	n := 0
	for _, s := range r.Steps {
		if s.Outcome == o {
			n++
		}
	}
	return n
}

// ExitCode returns the exit code of the apply: 4 if some changes were made and
// some were not.
func (r *Report) ExitCode() int {
	switch bad := r.Count(Failed) + r.Count(Skipped); {
	case bad == 0:
		return exit.Done
	case r.Count(Done) > 0:
		return exit.Partial
	}
	return exit.Failed
}

// WriteText prints what was done, or a table if not everything was.
func (r *Report) WriteText(w io.Writer) error {
	if r.ExitCode() == exit.Done {
		what := "changes"
		if len(r.Steps) == 1 {
			what = "change"
		}
		_, err := fmt.Fprintf(w, "Applied: %d %s to %s.\n", len(r.Steps), what, r.Stack.ID())
		return err
	}
	for _, s := range r.Steps {
		if _, err := fmt.Fprintf(w, "  %-8s %-7s %-28s %s\n", s.Outcome, s.Action, s.ID, s.Reason); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\nPartly applied: %d done, %d failed, %d skipped. Run apply again to go on.\n", r.Count(Done), r.Count(Failed), r.Count(Skipped))
	return err
}

// visible bounds how long a write may take to show, poll how often is looked.
const (
	visible = 10 * time.Second
	poll    = 250 * time.Millisecond
)

// Run carries out the plan. It returns a *plan.Refused, and has written nothing,
// if a guard forbids it or a resource has changed since the plan was made. Any
// other failure is in the report, unless it came before the first write. Run
// returns early, with what it did, when ctx ends.
func Run(ctx context.Context, c plan.Clients, p *plan.Plan, opts Options) (*Report, error) {
	r := &runner{stores: c.Stores(), p: p, failed: map[ir.Key]bool{}, opts: opts, report: &Report{Format: "sidelight.apply/1", Stack: p.Stack, Steps: []Step{}}}
	if err := p.Refusal(opts.AllowDelete); err != nil {
		return nil, err
	}
	if p.Destroy && opts.Confirm != p.Stack.ID() {
		return nil, &plan.Refused{Reasons: []string{fmt.Sprintf("a destroy is confirmed with the stack's name, %s", p.Stack.ID())}}
	}
	if _, err := c.Guard(ctx, p.Stack.Account, p.Stack.Region); err != nil {
		return nil, err
	}
	writes, leaves := split(p)
	if err := r.fresh(ctx, append(writes[:len(writes):len(writes)], leaves...)); err != nil {
		return nil, err
	}
	for _, ch := range writes {
		r.step(ch, r.write(ctx, ch))
	}
	skip := context.Cause(ctx)
	if r.report.Count(Failed) > 0 {
		skip = errors.New("an earlier change failed")
	}
	for _, part := range batches(leaves) {
		r.remove(ctx, part, skip)
	}
	return r.report, nil
}

type runner struct {
	stores *live.Stores
	p      *plan.Plan
	opts   Options
	report *Report
	// failed are the resources that are not there as they shall be.
	failed map[ir.Key]bool
}

// errSkipped is the outcome of what was not tried.
var errSkipped = errors.New("not tried")

func (r *runner) step(ch plan.Change, err error) {
	s := Step{ID: ch.ID, Kind: ch.Kind, Name: ch.Name, Action: ch.Action, Outcome: Done}
	if err != nil {
		s.Outcome, s.Reason = Failed, err.Error()
		if errors.Is(err, errSkipped) {
			s.Outcome = Skipped
		}
		r.failed[ch.Key()] = true
	}
	r.report.Steps = append(r.report.Steps, s)
	if r.opts.Progress != nil {
		r.opts.Progress(s)
	}
}

// fresh refuses the plan if a resource it names is not as it was. It gives the
// write of somebody who applies the same the time to show.
func (r *runner) fresh(ctx context.Context, changes []plan.Change) error {
	for end := time.Now().Add(visible); ; {
		waiting, reasons, err := r.stale(ctx, changes)
		if err != nil {
			return err
		}
		if len(reasons) > 0 {
			return &plan.Refused{Reasons: reasons}
		}
		if len(waiting) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return &plan.Refused{Reasons: waiting}
		}
		if err := wait(ctx, poll); err != nil {
			return err
		}
	}
}

// stale says of which changes the resource is not as it was: for good, or
// perhaps only not yet as it shall be.
func (r *runner) stale(ctx context.Context, changes []plan.Change) (waiting, reasons []string, err error) {
	var keys []ir.Key
	for _, ch := range changes {
		keys = append(keys, ch.Key())
	}
	found, err := r.stores.Find(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	for _, ch := range changes {
		now, err := r.check(ch, found[ch.Key()])
		switch {
		case err != nil:
			reasons = append(reasons, err.Error())
		case now.Action == await:
			waiting = append(waiting, changed(ch).Error())
		}
	}
	return waiting, reasons, nil
}

func changed(ch plan.Change) error {
	return fmt.Errorf("the %s %q has changed since the plan was made", ch.Kind.Words(), ch.Name)
}

// await is what is to be done with a resource whose tags say that somebody else has
// just applied the same, while its fields do not show it yet.
const await plan.Action = "await"

// check returns what is still to be done of a change, and an error if the
// resource is neither as the plan saw it nor as it shall be. Somebody else may
// have applied the same, all of it or all but the tags.
func (r *runner) check(ch plan.Change, l *live.Resource) (plan.Change, error) {
	if l.Hash() == ch.LiveHash {
		return ch, nil
	}
	if now := r.p.Again(ch, l); now.Class == plan.InSync {
		return now, nil
	}
	if l == nil || ch.Desired == nil {
		return ch, changed(ch)
	}
	// What has no tags is written at once with its mark: there is nothing to await.
	if hash := r.p.Mark(ch).Hash; hash != "" && l.Tags[norm.TagHash] == hash {
		ch.Action = await
		return ch, nil
	}
	return ch, changed(ch)
}

// look reads one resource again and checks the change against it.
func (r *runner) look(ctx context.Context, ch plan.Change) (*live.Resource, plan.Change, error) {
	l, err := r.find(ctx, ch)
	if err != nil {
		return nil, ch, err
	}
	ch, err = r.check(ch, l)
	return l, ch, err
}

func (r *runner) find(ctx context.Context, ch plan.Change) (*live.Resource, error) {
	found, err := r.stores.Find(ctx, []ir.Key{ch.Key()})
	return found[ch.Key()], err
}

func (r *runner) write(ctx context.Context, ch plan.Change) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("%w: %w", errSkipped, err)
	}
	for _, need := range ch.Desired.Needs {
		if r.failed[need] {
			return fmt.Errorf("%w: the %s %q, which it needs, failed", errSkipped, need.Kind.Words(), need.Name)
		}
	}
	l, ch, err := r.look(ctx, ch)
	if err != nil || ch.Action == plan.None {
		return err
	}
	tags := maps.Clone(ch.Desired.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, r.p.Mark(ch).Tags())
	if ch.Action == await {
		return r.settle(ctx, ch, tags)
	}
	store := r.stores.Of(ch.Kind)
	tagger, tagged := store.(live.Tagger)
	if ch.Action == plan.Create || ch.NeedsPut() || !tagged {
		if err := store.Put(ctx, ch.Desired, tags, l); err != nil {
			return err
		}
	}
	if ch.Action != plan.Create && tagged {
		// Tags in a Put count only for what is new. What is to go goes first: the
		// fields tag, which proves whose it is, is replaced by the last call.
		if err := tagger.Tag(ctx, l, tags, surplus(ch, l, tags)); err != nil {
			return err
		}
	}
	return r.settle(ctx, ch, tags)
}

// surplus are the tags that the stack has set and no longer wants.
func surplus(ch plan.Change, l *live.Resource, tags map[string]string) []string {
	m, _ := norm.ReadMark(l.Tags)
	_, ours := m.UserTags(l.Tags, ch.Desired.Tags)
	var gone []string
	for _, k := range append(slices.Sorted(maps.Keys(ours)), norm.OwnTags(l.Tags)...) {
		if _, keep := tags[k]; !keep {
			gone = append(gone, k)
		}
	}
	return gone
}

// settle waits until AWS returns what was written.
func (r *runner) settle(ctx context.Context, ch plan.Change, tags map[string]string) error {
	want := norm.Of(ch.Desired.Body, nil, r.p.Stack.Account)
	for end := time.Now().Add(visible); ; {
		l, err := r.find(ctx, ch)
		if err != nil {
			return fmt.Errorf("read back: %w", err)
		}
		reason := differs(ch, l, want, r.p.Stack.Account, tags)
		if reason == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("written, but after %s %s", visible, reason)
		}
		if err := wait(ctx, poll); err != nil {
			return fmt.Errorf("read back: %w", err)
		}
	}
}

// differs says in what a live resource is not what was written, or "".
func differs(ch plan.Change, l *live.Resource, want norm.Form, account string, tags map[string]string) string {
	if l == nil {
		return "the " + ch.Kind.Words() + " is not there"
	}
	diff := slices.DeleteFunc(want.Diff(norm.Of(l.Body, nil, account)), func(field string) bool { return l.Overruled[field] != "" })
	if len(diff) > 0 {
		return fmt.Sprintf("the %s differs in %v", ch.Kind.Words(), diff)
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if l.Tags[k] != tags[k] {
			return fmt.Sprintf("the tag %s is not there", k)
		}
	}
	return ""
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
