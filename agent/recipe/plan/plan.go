// Package plan compares a stack with what CloudWatch holds and says what would
// have to change. It never writes. There is no state file: what was applied last
// is read from the ownership tags of the resources.
package plan

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// Action is what is to be done with a resource.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	// Retag writes the ownership tags only: the resource is as it should be, and
	// an earlier apply ended before it could say so.
	Retag Action = "retag"
	// Adopt takes over a resource that nobody manages, and updates it in place.
	Adopt  Action = "adopt"
	Delete Action = "delete"
	// Release removes the ownership tags and keeps the resource.
	Release Action = "release"
	None    Action = "none"
)

// Class says how a resource stands to the recipe.
type Class string

// The classes.
const (
	InSync Class = "in-sync"
	// Drift: somebody changed the resource outside the recipe.
	Drift Class = "drift"
	// Skew: another version of the recipe was applied.
	Skew      Class = "skew"
	DriftSkew Class = "drift+skew"
	Missing   Class = "missing"
	Orphan    Class = "orphan"
	// Superseded: a later revision of the recipe was applied; hands off.
	Superseded Class = "superseded"
	// Conflict: a resource of this name exists and is not the stack's.
	Conflict Class = "conflict"
	// Unmanaged: a resource of this name exists, nobody manages it, and the recipe
	// may take it over.
	Unmanaged Class = "unmanaged"
)

// Format names the JSON form of a plan.
const Format = "sidelight.plan/1"

// Plan is what an apply, or a destroy, would do.
type Plan struct {
	Format   string   `json:"format"`
	Stack    Stack    `json:"stack"`
	Destroy  bool     `json:"destroy,omitempty"`
	Changes  []Change `json:"changes"`
	Disabled []Off    `json:"disabled,omitempty"`
	Summary  Summary  `json:"summary"`
	Writes   Writes   `json:"writes"`
	// Notes say what could not be looked at.
	Notes []string `json:"notes,omitempty"`
	// MaxDelete is how many resources may be deleted without being allowed to.
	MaxDelete int `json:"max_delete"`
}

// Stack is the stack that a plan is for.
type Stack struct {
	Recipe  string `json:"recipe"`
	Env     string `json:"env"`
	Account string `json:"account"`
	Region  string `json:"region"`
	Rev     int64  `json:"rev"`
	// LiveRev is the highest revision that is found on the stack's resources.
	LiveRev int64 `json:"live_rev,omitempty"`
}

// ID returns recipe/env.
func (s Stack) ID() string { return s.Recipe + "/" + s.Env }

func (s Stack) ir() *ir.Stack {
	return &ir.Stack{Recipe: s.Recipe, Env: s.Env, Account: s.Account, Region: s.Region, Rev: s.Rev}
}

// Change is what a plan says of one resource.
type Change struct {
	ID        string        `json:"id"`
	Kind      ir.Kind       `json:"kind"`
	Name      string        `json:"name"`
	Action    Action        `json:"action"`
	Class     Class         `json:"class"`
	Protected bool          `json:"protected"`
	Fields    []FieldChange `json:"fields,omitempty"`
	Note      string        `json:"note,omitempty"`
	// LiveHash stands for the live resource with its tags; "" if there is none.
	// Apply writes nothing if it has changed.
	LiveHash string `json:"live_hash,omitempty"`
	// Desired is the resource as it shall be; nil for a deletion.
	Desired *ir.Resource `json:"desired,omitempty"`
	// LiveRev is the revision on the live resource.
	LiveRev int64 `json:"live_rev,omitempty"`
}

// Key returns what identifies the resource.
func (c *Change) Key() ir.Key { return ir.Key{Kind: c.Kind, Name: c.Name} }

// FieldChange is one field that is to change.
type FieldChange struct {
	Path   string `json:"path"`
	Before any    `json:"before"`
	After  any    `json:"after"`
	// Drift is set if the field was changed outside the recipe.
	Drift bool `json:"drift"`
	// Origin is the place in the recipe, file:line:column.
	Origin string `json:"origin,omitempty"`
}

// Off is a resource that the recipe switches off.
type Off struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
	Origin string `json:"origin"`
}

// Summary counts the changes by action.
type Summary struct {
	Create     int `json:"create"`
	Update     int `json:"update"`
	Adopt      int `json:"adopt"`
	Retag      int `json:"retag"`
	Delete     int `json:"delete"`
	Release    int `json:"release"`
	None       int `json:"none"`
	Disabled   int `json:"disabled"`
	Conflict   int `json:"conflict"`
	Superseded int `json:"superseded"`
}

// Writes estimates what an apply costs in calls and seconds.
type Writes struct {
	Calls   int `json:"calls"`
	Seconds int `json:"seconds"`
}

// Changed reports whether an apply would write anything.
func (p *Plan) Changed() bool {
	return slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Action != None })
}

// ExitCode returns the exit code of the plan command: refused if an apply would
// be, and with detailed exit codes "no" if there are changes.
func (p *Plan) ExitCode(detailed bool) int {
	switch {
	case p.Refusal(0) != nil:
		return exit.Refused
	case detailed && p.Changed():
		return exit.No
	}
	return exit.Done
}

// Refused is the error of a guard. Nothing was written.
type Refused struct {
	Reasons []string
}

// Error implements error.
func (r *Refused) Error() string { return "refused: " + strings.Join(r.Reasons, "; ") }

// ExitCode returns the exit code for an error of planning or applying.
func ExitCode(err error) int {
	switch _, refused := errors.AsType[*Refused](err); {
	case err == nil:
		return exit.Done
	case refused:
		return exit.Refused
	}
	return exit.Failed
}

// Refusal returns why the plan must not be applied, or nil. Deletions up to
// allowDelete are allowed whatever the brake says.
func (p *Plan) Refusal(allowDelete int) error {
	var reasons []string
	for _, c := range p.Changes {
		switch {
		case c.Class == Conflict:
			reasons = append(reasons, fmt.Sprintf("%s: %s", c.Name, c.Note))
		case c.Class == Superseded:
			reasons = append(reasons, fmt.Sprintf("%s is superseded: revision %d is newer than %d", c.Name, c.LiveRev, p.Stack.Rev))
		case c.Action == Delete && c.Protected:
			reasons = append(reasons, fmt.Sprintf("%s is protected and would be deleted", c.Name))
		case c.replaces() != "":
			reasons = append(reasons, fmt.Sprintf("%s: AWS cannot change its %s like this; delete it, or declare another", c.Name, c.replaces()))
		}
	}
	if n := p.Summary.Delete; !p.Destroy && n > p.MaxDelete && n > allowDelete {
		reasons = append(reasons, fmt.Sprintf("%d resources would be deleted and %d may be; allow it with --allow-delete %d", n, p.MaxDelete, n))
	}
	if len(reasons) == 0 {
		return nil
	}
	return &Refused{Reasons: reasons}
}

// Owned is how many resources that exist are the stack's.
func (p *Plan) Owned() int {
	n := 0
	for _, c := range p.Changes {
		if c.owned() {
			n++
		}
	}
	return n
}

func (c *Change) owned() bool {
	return c.LiveHash != "" && c.Class != Conflict && c.Class != Unmanaged
}

// finish sorts and counts.
func (p *Plan) finish(s *ir.Stack) {
	rank := map[Action]int{Create: 0, Update: 1, Adopt: 2, Retag: 3, Release: 4, Delete: 5, None: 6}
	order.Stable(p.Changes, func(a, b Change) int {
		return cmp.Or(rank[a.Action]-rank[b.Action], a.Kind.Rank()-b.Kind.Rank(), strings.Compare(a.ID, b.ID), strings.Compare(a.Name, b.Name))
	})
	for _, d := range s.Disabled {
		p.Disabled = append(p.Disabled, Off{ID: d.ID, Reason: d.Reason, Origin: d.Pos.String()})
	}
	owned := p.count()
	p.MaxDelete = s.MaxDelete
	if p.MaxDelete == 0 {
		// Ten, or a fifth of the stack; a small stack may lose one.
		p.MaxDelete = max(1, min(10, int(math.Ceil(float64(owned)/5))))
	}
	p.estimate()
}

// count fills in the summary and returns how many live resources are the
// stack's.
func (p *Plan) count() (owned int) {
	p.Summary = Summary{Disabled: len(p.Disabled)}
	for _, c := range p.Changes {
		switch {
		case c.Class == Conflict:
			p.Summary.Conflict++
		case c.Class == Superseded:
			p.Summary.Superseded++
		case c.Action == Create:
			p.Summary.Create++
		case c.Action == Update:
			p.Summary.Update++
		case c.Action == Adopt:
			p.Summary.Adopt++
		case c.Action == Retag:
			p.Summary.Retag++
		case c.Action == Release:
			p.Summary.Release++
		case c.Action == Delete:
			p.Summary.Delete++
		default:
			p.Summary.None++
		}
		if c.owned() {
			owned++
		}
		p.Stack.LiveRev = max(p.Stack.LiveRev, c.LiveRev)
	}
	return owned
}

func (p *Plan) estimate() {
	put, tag := p.Summary.Create, p.Summary.Retag+p.Summary.Release+p.Summary.Adopt
	gone := map[ir.Kind]int{}
	for _, c := range p.Changes {
		switch {
		case c.Action == Delete:
			gone[c.Kind]++
		case c.Action == Update:
			tag++
			fallthrough
		case c.Action == Adopt:
			if c.NeedsPut() {
				put++
			}
		}
	}
	del := 0
	for kind, n := range gone {
		batch := live.Batch(kind)
		del += (n + batch - 1) / batch
	}
	p.Writes.Calls = put + tag + del
	p.Writes.Seconds = int(math.Ceil(float64(max(put, tag, del)) / pace.WriteRate))
}

// NeedsPut reports whether an update writes more than tags.
func (c *Change) NeedsPut() bool {
	return slices.ContainsFunc(c.Fields, func(f FieldChange) bool { return !strings.HasPrefix(f.Path, "Tags") })
}

// replaces names a field that is to change and cannot, or "".
func (c *Change) replaces() string {
	for _, f := range c.Fields {
		if c.Action != None && c.Kind.Immutable(f.Path, f.After == nil) {
			return f.Path
		}
	}
	return ""
}
