// Package ir is the intermediate representation of a recipe: the list of fully
// resolved resources of one stack. Everything that works on recipes reads it;
// nothing but the lowering interprets a recipe's text.
package ir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/problem"
)

// Pos is a place in a recipe file. Lines and columns start at 1; columns count
// characters, not bytes. The zero Pos means "no place".
type Pos = problem.Pos

// Kind names a kind of resource as it stands in plans.
type Kind string

// The kinds, in the order in which they are made; they are deleted in the
// opposite one.
const (
	// LogGroupKind is a log group of CloudWatch Logs.
	LogGroupKind Kind = "log-group"
	// MetricFilterKind makes a metric of the events of a log group. Its name in a
	// plan is that of the group, a colon, and its own.
	MetricFilterKind Kind = "metric-filter"
	// MetricAlarmKind is an alarm made with PutMetricAlarm.
	MetricAlarmKind Kind = "metric-alarm"
	// DashboardKind is a dashboard of CloudWatch, which is global to an account.
	DashboardKind Kind = "dashboard"
	// QueryKind is a saved query of Logs Insights.
	QueryKind Kind = "query"
	// XRayGroupKind is a group of traces by a filter expression.
	XRayGroupKind Kind = "xray-group"
	// SamplingRuleKind is a sampling rule of X-Ray.
	SamplingRuleKind Kind = "sampling-rule"
)

// Kinds returns all kinds in the order in which they are made.
func Kinds() []Kind {
	return []Kind{
		LogGroupKind,
		MetricFilterKind,
		MetricAlarmKind,
		DashboardKind,
		QueryKind,
		XRayGroupKind,
		SamplingRuleKind,
	}
}

// Words returns the kind as it is printed for people.
func (k Kind) Words() string {
	return strings.Replace(strings.ReplaceAll(string(k), "-", " "), "xray", "X-Ray", 1)
}

// Short returns the kind with its article, as short as people say it.
func (k Kind) Short() string {
	switch k {
	case MetricAlarmKind:
		return "an alarm"
	case XRayGroupKind:
		return "an " + k.Words()
	}
	return "a " + k.Words()
}

// Rank is the place of the kind among Kinds.
func (k Kind) Rank() int { return slices.Index(Kinds(), k) }

// HoldsData reports whether what is deleted with a resource of the kind cannot be
// made again.
func (k Kind) HoldsData() bool { return k == LogGroupKind }

// Marking is where a resource says which stack it is of.
type Marking int

// The markings.
const (
	// Tagged resources have tags.
	Tagged Marking = iota
	// Commented resources have no tags; the mark is a comment in their text.
	Commented
	// Named resources have their name alone, so that nothing tells what was
	// applied last.
	Named
)

// Marking returns where resources of the kind have their mark.
func (k Kind) Marking() Marking {
	switch k {
	case MetricFilterKind:
		return Named
	case QueryKind:
		return Commented
	}
	return Tagged
}

// Immutable reports whether a field is fixed once a resource of the kind exists, or
// cannot be taken away from one.
func (k Kind) Immutable(field string, removed bool) bool {
	return k == LogGroupKind && field == "LogGroupClass" ||
		k == SamplingRuleKind && field == "SamplingRateBoost" && removed
}

// Body holds the fields of a resource under the names and with the meaning that
// the API of its kind gives them.
type Body interface {
	Kind() Kind
}

// NewBody returns an empty body of a kind, or nil if there is no such kind.
func NewBody(k Kind) Body {
	switch k {
	case LogGroupKind:
		return &LogGroup{}
	case MetricFilterKind:
		return &MetricFilter{}
	case MetricAlarmKind:
		return &MetricAlarm{}
	case DashboardKind:
		return &Dashboard{}
	case QueryKind:
		return &Query{}
	case XRayGroupKind:
		return &XRayGroup{}
	case SamplingRuleKind:
		return &SamplingRule{}
	}
	return nil
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
	// Resources are sorted by id.
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

// Prefix returns what the names of most of the stack's resources begin with.
func (s *Stack) Prefix() string { return s.Recipe + "-" + s.Env + "-" }

// Disabled is a resource that the recipe declares and switches off.
type Disabled struct {
	ID     string
	Kind   Kind
	Reason string
	Pos    Pos
}

// Key identifies a resource within an account and region.
type Key struct {
	Kind Kind
	Name string
}

// Resource is one resolved resource.
type Resource struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Body is what the resource shall be.
	Body Body `json:"body"`
	// Tags are the user's tags. The ownership tags are computed from the
	// resource's normal form and are not part of it.
	Tags    map[string]string `json:"tags,omitempty"`
	Protect bool              `json:"protect,omitempty"`
	// Adopt allows to take over a resource of the name that nobody manages.
	Adopt bool `json:"adopt,omitempty"`
	// Retain keeps the resource when the stack no longer wants it: it loses its
	// ownership tags, and what it holds stays.
	Retain bool `json:"retain,omitempty"`
	// Needs are resources of the stack that must be there first.
	Needs []Key `json:"needs,omitempty"`
	// Pos is where the resource is declared.
	Pos Pos `json:"pos"`
	// Origins says for a field (by its name in the API) where its value was
	// written. A field without an entry has its value from a default.
	Origins map[string]Pos `json:"origins,omitempty"`
	// Words describes the resource in a plan.
	Words Words `json:"words"`
}

// Kind returns the kind of the resource.
func (r *Resource) Kind() Kind { return r.Body.Kind() }

// Key returns what identifies the resource.
func (r *Resource) Key() Key { return Key{r.Kind(), r.Name} }

// plain is Resource without its methods.
type plain Resource

// MarshalJSON writes the kind beside the body.
func (r Resource) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // people read saved plans
	err := enc.Encode(struct {
		Kind Kind `json:"kind"`
		*plain
	}{r.Kind(), (*plain)(&r)})
	return b.Bytes(), err
}

// UnmarshalJSON is the inverse of MarshalJSON. A field that the kind does not
// have is an error.
func (r *Resource) UnmarshalJSON(text []byte) error {
	in := struct {
		Kind Kind `json:"kind"`
		*plain
		Body json.RawMessage `json:"body"`
	}{plain: (*plain)(r)}
	if err := strictly(text, &in); err != nil {
		return err
	}
	if r.Body = NewBody(in.Kind); r.Body == nil {
		return fmt.Errorf("there is no kind %q of resources", in.Kind)
	}
	return strictly(in.Body, r.Body)
}

func strictly(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
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
