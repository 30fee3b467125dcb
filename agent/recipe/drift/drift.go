// Package drift tells what of a stack was changed outside its recipe, and how bad
// that is. It reads a plan, and writes nothing.
package drift

import (
	"slices"
	"time"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/plan"
	"github.com/sidelight-dev/sidelight/internal/exit"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// Format names the JSON form of a report.
const Format = "sidelight.drift/1"

// Risk says what a difference does.
type Risk string

// The risks, the worst first.
const (
	// Blind: the alarm may no longer fire, or tell anybody; the data may go.
	Blind Risk = "blind"
	// Noisy: it may fire when it need not.
	Noisy Risk = "noisy"
	// Changed: it does something else.
	Changed Risk = "changed"
	// Cosmetic: it does the same.
	Cosmetic Risk = "cosmetic"
)

// Report is what a check found.
type Report struct {
	Format    string    `json:"format"`
	Recipe    string    `json:"recipe"`
	Env       string    `json:"env"`
	Account   string    `json:"account"`
	Region    string    `json:"region"`
	Rev       int64     `json:"rev"`
	CheckedAt time.Time `json:"checked_at"`
	// Owned is how many resources are the stack's. If there are none the recipe is
	// not applied, and nothing is reported as missing.
	Owned  int    `json:"owned"`
	Counts Counts `json:"counts"`
	// Resources are those that are not in sync.
	Resources []Resource `json:"resources"`
	// Notes say what could not be looked at.
	Notes []string `json:"notes,omitempty"`
}

// Counts are numbers of resources.
type Counts struct {
	InSync  int `json:"in_sync"`
	Drifted int `json:"drifted"`
	Missing int `json:"missing"`
	// Orphan are the stack's and no longer declared.
	Orphan int `json:"orphan"`
	// Behind are as an older revision of the recipe wants them, Superseded as a
	// newer one does.
	Behind     int `json:"behind"`
	Superseded int `json:"superseded"`
	Conflict   int `json:"conflict"`
}

// Resource is one that is not in sync.
type Resource struct {
	ID    string     `json:"id"`
	Kind  ir.Kind    `json:"kind"`
	Name  string     `json:"name"`
	Class plan.Class `json:"class"`
	// Risk is the worst of the fields; a missing alarm is blind.
	Risk   Risk    `json:"risk,omitempty"`
	Fields []Field `json:"fields,omitempty"`
	Note   string  `json:"note,omitempty"`
}

// Field is one that differs from the recipe.
type Field struct {
	Path    string `json:"path"`
	Desired any    `json:"desired"`
	Live    any    `json:"live"`
	Risk    Risk   `json:"risk"`
	// Origin is the place in the recipe, file:line:column.
	Origin string `json:"origin,omitempty"`
}

// Of reports on a plan that was made at a time.
func Of(p *plan.Plan, at time.Time) *Report {
	r := &Report{
		Format: Format, Recipe: p.Stack.Recipe, Env: p.Stack.Env, Account: p.Stack.Account, Region: p.Stack.Region, Rev: p.Stack.Rev,
		CheckedAt: at.UTC(), Owned: p.Owned(), Resources: []Resource{}, Notes: p.Notes,
	}
	for _, c := range p.Changes {
		r.add(c)
	}
	order.Stable(r.Resources, func(a, b Resource) int { return rank(a.Risk) - rank(b.Risk) })
	return r
}

func (r *Report) add(c plan.Change) {
	out := Resource{ID: c.ID, Kind: c.Kind, Name: c.Name, Class: c.Class, Note: c.Note}
	switch c.Class {
	case plan.InSync:
		r.Counts.InSync++
		return
	case plan.Drift, plan.DriftSkew:
		r.Counts.Drifted++
		out.Fields, out.Risk = fields(c)
	case plan.Missing:
		if r.Owned == 0 {
			return
		}
		r.Counts.Missing++
		out.Risk = gone(c.Kind)
	case plan.Orphan:
		r.Counts.Orphan++
	case plan.Superseded:
		r.Counts.Superseded++
	case plan.Conflict, plan.Unmanaged:
		r.Counts.Conflict++
	default:
		r.Counts.Behind++
	}
	r.Resources = append(r.Resources, out)
}

func fields(c plan.Change) (out []Field, worst Risk) {
	worst = Cosmetic
	for _, f := range c.Fields {
		if c.Class == plan.DriftSkew && !f.Drift {
			continue // the recipe has changed here, and nobody else
		}
		risk := riskOf(c, f)
		if rank(risk) < rank(worst) {
			worst = risk
		}
		out = append(out, Field{Path: f.Path, Desired: f.After, Live: f.Before, Risk: risk, Origin: f.Origin})
	}
	return out, worst
}

func rank(r Risk) int { return slices.Index([]Risk{Blind, Noisy, Changed, Cosmetic, ""}, r) }

// Drifted reports whether anything is not as the recipe was applied: changed by
// hand, gone, left over, or not applied at all.
func (r *Report) Drifted() bool {
	return r.Owned == 0 || r.Counts.Drifted+r.Counts.Missing+r.Counts.Orphan+r.Counts.Conflict > 0
}

// ExitCode returns the exit code of the drift command.
func (r *Report) ExitCode() int {
	if r.Drifted() {
		return exit.No
	}
	return exit.Done
}
