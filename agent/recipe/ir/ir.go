// Package ir is the intermediate representation of a recipe: the list of fully
// resolved resources of one stack. Everything that works on recipes reads it;
// nothing but the lowering interprets a recipe's text.
package ir

import (
	"github.com/sidelight-dev/sidelight/internal/problem"
)

// Pos is a place in a recipe file. Lines and columns start at 1; columns count
// characters, not bytes. The zero Pos means "no place".
type Pos = problem.Pos

// Kind names a kind of resource as it stands in plans.
type Kind string

// MetricAlarmKind is an alarm made with PutMetricAlarm.
const MetricAlarmKind Kind = "metric-alarm"

// Words returns the kind as it is printed for people.
func (k Kind) Words() string {
	if k == MetricAlarmKind {
		return "metric alarm"
	}
	return string(k)
}

// Stack is a recipe resolved for one environment, account and region: the unit
// that is planned, applied and destroyed.
type Stack struct {
	// Recipe and Env identify the stack within an account and region.
	Recipe string
	Env    string
	// Account and Region are where the stack lives. The account is a guard as
	// well: nothing is read or written with credentials of another one. It is
	// "" only if neither the recipe nor the context names it.
	Account   string
	Region    string
	Partition string
	// Rev orders two versions of the same recipe: the higher wins.
	Rev   int64
	Owner string
	// File is the recipe as it was named by the caller.
	File string
	// Resources are sorted by kind, then id.
	Resources []Resource
	Disabled  []Disabled
	// Keep are prefixes of ids that must not be deleted as orphans, because the
	// list that they came from was discovered and is empty now.
	Keep []string
	// MaxDelete is the most resources that an apply may delete without being
	// told to; 0 means the default.
	MaxDelete int
	// Protect lists kinds of which nothing may be deleted in this environment.
	Protect []Kind
}

// ID returns recipe/env, the name that a person types to confirm a destroy.
func (s *Stack) ID() string { return s.Recipe + "/" + s.Env }

// Prefix returns what the names of the stack's alarms begin with.
func (s *Stack) Prefix() string { return s.Recipe + "-" + s.Env + "-" }

// Disabled is a resource that the recipe declares and switches off.
type Disabled struct {
	ID     string
	Kind   Kind
	Reason string
	Pos    Pos
}

// Resource is one resolved resource.
type Resource struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
	// Alarm holds the fields of a metric alarm.
	Alarm MetricAlarm `json:"alarm"`
	// Tags are the user's tags. The ownership tags are computed from the
	// resource's normal form and are not part of it.
	Tags    map[string]string `json:"tags,omitempty"`
	Protect bool              `json:"protect,omitempty"`
	// Pos is where the resource is declared.
	Pos Pos `json:"pos"`
	// Origins says for a field (by its name in the API) where its value was
	// written. A field without an entry has its value from a default.
	Origins map[string]Pos `json:"origins,omitempty"`
	// Words describes the resource in a plan.
	Words Words `json:"words"`
}

// Origin returns where a field was written, or where the resource was declared.
func (r *Resource) Origin(field string) Pos {
	if p, ok := r.Origins[field]; ok {
		return p
	}
	return r.Pos
}

// Words are short texts about a resource.
type Words struct {
	// Condition is "p99(TargetResponseTime) > 0.5 s".
	Condition string `json:"condition,omitempty"`
	// Cadence is "2 of 3 × 5m".
	Cadence string `json:"cadence,omitempty"`
	// Route is the severity or route that is notified, or "".
	Route string `json:"route,omitempty"`
}
