package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/api"
)

// Kinds of resources that belong to no log group.
const (
	kindTable    = "lookup-table"
	kindSchedule = "scheduled-query"

	kindProtection    = "data-protection-policy" // by the name of its group
	kindTransformer   = "transformer"            // by the name of its group
	kindDetector      = "anomaly-detector"
	kindExport        = "export-task"
	kindAccountPolicy = "account-policy"
	kindSource        = "delivery-source"
	kindDestination   = "delivery-destination"
	kindDelivery      = "delivery"
)

// shelfKey names a resource of one kind in a region.
type shelfKey struct{ region, kind, name string }

// resource is a resource with tags. Its value is replaced, never changed; the
// service's lock guards it.
type resource struct {
	account string
	tags    map[string]string
	value   any
}

// shelfValues are the types of the values, by kind.
func shelfValues() map[string]reflect.Type {
	return map[string]reflect.Type{
		kindTable: reflect.TypeFor[lookupTable](), kindSchedule: reflect.TypeFor[scheduledQuery](),
		kindProtection: reflect.TypeFor[protection](), kindTransformer: reflect.TypeFor[transformer](),
		kindDetector: reflect.TypeFor[types.AnomalyDetector](), kindExport: reflect.TypeFor[exportTask](),
		kindAccountPolicy: reflect.TypeFor[types.AccountPolicy](), kindSource: reflect.TypeFor[types.DeliverySource](),
		kindDestination: reflect.TypeFor[deliveryDestination](), kindDelivery: reflect.TypeFor[types.Delivery](),
	}
}

// resourceARN is the ARN of a resource of the caller's.
func resourceARN(ctx context.Context, kind, name string) string {
	c := api.CallerOf(ctx)
	return "arn:aws:logs:" + c.Region + ":" + c.Account + ":" + kind + ":" + name
}

// nameIn is the name in the ARN of a kind, or the name itself.
func nameIn(kind, identifier string) string {
	if _, name, ok := strings.Cut(identifier, ":"+kind+":"); ok && strings.HasPrefix(identifier, "arn:") {
		return name
	}
	return identifier
}

// shelved finds a resource by its name or ARN.
func (s *Service) shelved(ctx context.Context, kind, member string, identifier *string) (*resource, string, error) {
	if identifier == nil {
		return nil, "", missing(member)
	}
	name := nameIn(kind, *identifier)
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.shelf[shelfKey{api.CallerOf(ctx).Region, kind, name}]
	if r == nil {
		return nil, "", notFound(strings.ReplaceAll(kind, "-", " "))
	}
	return r, name, nil
}

// shelve puts a value in. Tags that are nil leave those there are.
func (s *Service) shelve(ctx context.Context, kind, name string, value any, tags map[string]string) error {
	if e := checkTags(tags); e != nil {
		return e
	}
	c := api.CallerOf(ctx)
	key := shelfKey{c.Region, kind, name}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.shelf[key]; old != nil && tags == nil {
		tags = old.tags
	}
	s.shelf[key] = &resource{c.Account, maps.Clone(tags), value}
	s.Changed()
	return nil
}

// unshelve takes a resource away.
func (s *Service) unshelve(ctx context.Context, kind, member string, identifier *string) error {
	_, name, err := s.shelved(ctx, kind, member, identifier)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shelf, shelfKey{api.CallerOf(ctx).Region, kind, name})
	return nil
}

// shelfNames are the names of the resources of a kind in the caller's region
// from the token on, at most limit of them.
func (s *Service) shelfNames(ctx context.Context, kind string, token *string, limit int, want func(*resource) bool) ([]*resource, *string, error) {
	region := api.CallerOf(ctx).Region
	var names []string
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k, r := range s.shelf {
		if k.region == region && k.kind == kind && want(r) {
			names = append(names, k.name)
		}
	}
	slices.Sort(names)
	names, next, err := page(names, token, limit, func(name string) string { return name })
	out := make([]*resource, len(names))
	for i, name := range names {
		out[i] = s.shelf[shelfKey{region, kind, name}]
	}
	return out, next, err
}

// taggedResource finds what an ARN names if it is no log group, or nil.
func (s *Service) taggedResource(ctx context.Context, arn *string) (shelfKey, *resource) {
	parts := strings.SplitN(text(arn), ":", 7)
	if len(parts) != 7 || parts[2] != "logs" {
		return shelfKey{}, nil
	}
	key := shelfKey{api.CallerOf(ctx).Region, parts[5], parts[6]}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return key, s.shelf[key]
}

// retag changes the tags of a resource that is no log group; false if the ARN
// names none.
func (s *Service) retag(ctx context.Context, arn *string, change func(map[string]string)) (bool, error) {
	key, r := s.taggedResource(ctx, arn)
	if r == nil {
		return false, nil
	}
	tags := maps.Clone(r.tags)
	if tags == nil {
		tags = make(map[string]string)
	}
	change(tags)
	return true, s.shelve(ctx, key.kind, key.name, r.value, tags)
}

// shelfState is a resource in the state.
type shelfState struct {
	Region, Account, Kind, Name string
	Tags                        map[string]string `json:",omitempty"`
	Value                       json.RawMessage
}

func (s *Service) exportShelfLocked(out map[string]any) error {
	for k, r := range s.shelf {
		b, err := json.Marshal(r.value)
		if err != nil {
			return fmt.Errorf("write %s %s: %w", k.kind, k.name, err)
		}
		out["shelf/"+k.region+"/"+k.kind+"/"+k.name] = shelfState{k.region, r.account, k.kind, k.name, r.tags, b}
	}
	return nil
}

func (s *Service) importShelfLocked(v json.RawMessage) error {
	var st shelfState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	typ := shelfValues()[st.Kind]
	if typ == nil {
		return fmt.Errorf("unknown kind %q", st.Kind)
	}
	value := reflect.New(typ)
	if err := json.Unmarshal(st.Value, value.Interface()); err != nil {
		return err
	}
	s.shelf[shelfKey{st.Region, st.Kind, st.Name}] = &resource{st.Account, st.Tags, value.Interface()}
	return nil
}
