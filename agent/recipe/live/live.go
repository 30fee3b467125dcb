// Package live reads and writes the resources of recipes in AWS: a store for each
// kind. It knows the API of each kind and nothing of plans.
package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
)

// Resource is a resource as AWS holds it.
type Resource struct {
	Key ir.Key
	ARN string
	// Body is nil if Other is set.
	Body ir.Body
	Tags map[string]string
	// Other says what has the name if it is of another kind.
	Other string
	// Overruled are fields that AWS does not follow, with the reason, such as the
	// retention of a log group under a policy of the account.
	Overruled map[string]string
}

// Hash stands for everything that a write or a deletion depends on; "" for no
// resource.
func (r *Resource) Hash() string {
	if r == nil {
		return ""
	}
	tags := maps.Clone(r.Tags)
	maps.DeleteFunc(tags, func(k, _ string) bool { return strings.HasPrefix(k, "aws:") })
	return norm.Of(r.Body, tags, "").Hash(ir.Kind(r.Other + string(r.Key.Kind)))
}

// Store reads and writes the resources of one kind. Its calls are paced, retried,
// and block until they are answered or ctx ends.
type Store interface {
	// Find returns the resources of these names, by name, with their tags.
	Find(ctx context.Context, names []string) (map[string]*Resource, error)
	// Owned returns names of resources that may be the stack's, beside those that
	// the tags of resources lead to; what is not, is found out by its mark.
	Owned(ctx context.Context, s *ir.Stack) ([]string, error)
	// Put makes the resource, or gives it its fields. The tags are put on what is
	// new only; old is what is there, or nil.
	Put(ctx context.Context, r *ir.Resource, tags map[string]string, old *Resource) error
	// Delete deletes up to Batch resources.
	Delete(ctx context.Context, rs []*Resource) error
}

// Tagger is a Store whose resources have tags. What has none is marked by Put.
type Tagger interface {
	// Tag removes tags and then sets tags.
	Tag(ctx context.Context, old *Resource, set map[string]string, gone []string) error
}

// Batch is how many resources of a kind one Delete takes. CloudWatch takes a
// hundred alarms; with ten, the tags of each are looked at seconds before, not
// minutes.
func Batch(k ir.Kind) int {
	if k == ir.MetricAlarmKind {
		return 10
	}
	return 1
}

// Stores are the stores of all kinds.
type Stores struct {
	kinds   map[ir.Kind]Store
	tagging *pace.TaggingClient
}

// APIs are what the stores call. Of one that is nil, nothing can be declared, and
// nothing is looked for.
type APIs struct {
	CloudWatch pace.CloudWatch
	Dashboards pace.Dashboards
	Logs       pace.Logs
	XRay       pace.XRay
	Tagging    pace.Tagging
}

// New returns the stores over these APIs.
func New(api APIs) *Stores {
	s := &Stores{kinds: map[ir.Kind]Store{}}
	if api.CloudWatch != nil {
		s.kinds[ir.MetricAlarmKind] = &alarms{pace.New(api.CloudWatch)}
	}
	if api.Dashboards != nil {
		s.kinds[ir.DashboardKind] = &dashboards{pace.NewDashboards(api.Dashboards)}
	}
	if api.Logs != nil {
		logs := pace.NewLogs(api.Logs)
		s.kinds[ir.LogGroupKind] = &logGroups{logs}
		s.kinds[ir.MetricFilterKind] = &metricFilters{logs}
		s.kinds[ir.QueryKind] = &queries{logs}
	}
	if api.XRay != nil {
		tagged := xrayTagged{pace.NewXRay(api.XRay)}
		s.kinds[ir.XRayGroupKind] = &xrayGroups{tagged}
		s.kinds[ir.SamplingRuleKind] = &samplingRules{tagged}
	}
	if api.Tagging != nil {
		s.tagging = pace.NewTagging(api.Tagging)
	}
	return s
}

// Of returns the store of a kind, nil if there is no API for it.
func (s *Stores) Of(k ir.Kind) Store { return s.kinds[k] }

// Find returns the resources of the keys that exist.
func (s *Stores) Find(ctx context.Context, keys []ir.Key) (map[ir.Key]*Resource, error) {
	found := map[ir.Key]*Resource{}
	names := map[ir.Kind][]string{}
	for _, k := range keys {
		names[k.Kind] = append(names[k.Kind], k.Name)
	}
	for _, kind := range ir.Kinds() {
		if len(names[kind]) == 0 {
			continue
		}
		if s.kinds[kind] == nil {
			return nil, fmt.Errorf("find %s %q: there is no client for it", kind.Words(), names[kind][0])
		}
		list := slices.Compact(slices.Sorted(slices.Values(names[kind])))
		byName, err := s.kinds[kind].Find(ctx, list)
		if err != nil {
			return nil, err
		}
		for name, r := range byName {
			found[ir.Key{Kind: kind, Name: name}] = r
		}
	}
	return found, nil
}

// FindStack returns what exists of the stack's resources, and whatever else may
// be the stack's. The notes say of which kinds, that the stack declares nothing
// of, nothing could be read.
func (s *Stores) FindStack(ctx context.Context, st *ir.Stack) (found map[ir.Key]*Resource, notes []string, err error) {
	declared := map[ir.Kind]bool{}
	var keys []ir.Key
	for i := range st.Resources {
		keys = append(keys, st.Resources[i].Key())
		declared[st.Resources[i].Kind()] = true
	}
	tagged, err := s.tagged(ctx, st)
	if denied(err) {
		notes = append(notes, "what has left the recipe is found by name only: "+reason(err))
	} else if err != nil {
		return nil, nil, err
	}
	keys = append(keys, tagged...)
	for _, kind := range ir.Kinds() {
		if s.kinds[kind] == nil {
			continue
		}
		names, err := s.kinds[kind].Owned(ctx, st)
		if denied(err) && !declared[kind] {
			notes = append(notes, "no "+kind.Words()+" was looked for: "+reason(err))
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, name := range names {
			keys = append(keys, ir.Key{Kind: kind, Name: name})
		}
	}
	found, err = s.Find(ctx, keys)
	return found, notes, err
}

// denied reports whether AWS does not let the caller do what it tried.
func denied(err error) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	return ok && (strings.HasPrefix(e.ErrorCode(), "AccessDenied") || e.ErrorCode() == "UnauthorizedOperation")
}

func reason(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode() + ": " + e.ErrorMessage()
	}
	return err.Error()
}

// notFound reports whether AWS says that there is no such resource.
func notFound(err error) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	return ok && strings.HasPrefix(e.ErrorCode(), "ResourceNotFound")
}

// noDashboard reports whether CloudWatch says that there is no such dashboard.
func noDashboard(err error) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	return ok && (notFound(err) || strings.HasPrefix(e.ErrorCode(), "DashboardNotFound"))
}
