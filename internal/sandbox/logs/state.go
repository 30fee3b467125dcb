package logs

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	cwl "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/store"
)

// The values of the state. Streams and events are in the store.
type (
	groupState struct {
		Name, Region, Account string
		Class                 types.LogGroupClass
		Created               int64
		KMS                   string `json:",omitempty"`
		Events                uint32 // the store's ID
		Retention             int32
		Protected             bool
		Tags                  map[string]string
		Filters               []filterState
		Index                 *indexPolicy        `json:",omitempty"`
		Subscriptions         []subscriptionState `json:",omitempty"`
	}
	subscriptionState struct {
		Put     cwl.PutSubscriptionFilterInput
		Created int64
	}
	policyState struct {
		Region string
		Policy types.ResourcePolicy
	}
	filterState struct {
		Put     cwl.PutMetricFilterInput
		Created int64
	}
	definitionState struct {
		Region, Token string
		Definition    types.QueryDefinition
	}
)

// ExportState returns groups and saved queries by key.
func (s *Service) ExportState() (map[string]any, error) {
	out := make(map[string]any)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for k, g := range s.groups {
		out["group/"+k.region+"/"+k.name] = g.state()
	}
	for region, defs := range s.defs {
		for id, d := range defs {
			out["query/"+region+"/"+id] = definitionState{region, d.token, d.QueryDefinition}
		}
	}
	for k, p := range s.policies {
		out["policy/"+k.region+"/"+k.name+"/"+k.resource] = policyState{k.region, p}
	}
	for i, q := range s.queries {
		out[fmt.Sprintf("run/%08d/%s", i, q.id)] = q.state()
	}
	return out, s.exportShelfLocked(out)
}

func (g *group) state() groupState {
	g.mu.Lock()
	defer g.mu.Unlock()
	st := groupState{
		Name: g.name, Region: g.region, Account: g.account, Class: g.class, Created: g.created, KMS: g.kms, Events: g.events.ID(),
		Retention: g.retention, Protected: g.protected, Tags: maps.Clone(g.tags), Index: g.index,
	}
	for _, f := range g.sortedFiltersLocked() {
		st.Filters = append(st.Filters, filterState{Created: f.created, Put: cwl.PutMetricFilterInput{
			LogGroupName: &g.name, FilterName: &f.name, FilterPattern: &f.pattern, MetricTransformations: []types.MetricTransformation{f.transform},
			ApplyOnTransformedLogs: f.applyOn, FieldSelectionCriteria: f.criteria, EmitSystemFieldDimensions: f.system,
		}})
	}
	for _, f := range g.sortedSubscriptionsLocked() {
		st.Subscriptions = append(st.Subscriptions, subscriptionState{f.put, f.created})
	}
	return st
}

// ImportState makes groups and saved queries those of values. Groups whose
// events the store does not have are left out, and events without a group go.
func (s *Service) ImportState(values map[string]json.RawMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, v := range values {
		kind, _, _ := strings.Cut(key, "/")
		var err error
		switch kind {
		case "group":
			err = s.importGroupLocked(v)
		case "query":
			err = s.importDefinitionLocked(v)
		case "policy":
			err = s.importPolicyLocked(v)
		case "shelf":
			err = s.importShelfLocked(v)
		}
		if err != nil {
			return fmt.Errorf("read state of Logs, %s: %w", key, err)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) { // in their order, once their groups are there
		if strings.HasPrefix(key, "run/") {
			if err := s.importQueryLocked(values[key]); err != nil {
				return fmt.Errorf("read state of Logs, %s: %w", key, err)
			}
		}
	}
	s.wakeSchedules()
	return s.store.Sweep()
}

func (s *Service) importGroupLocked(v json.RawMessage) error {
	var st groupState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	events := s.store.Claim(st.Events)
	if events == nil {
		s.log.Warn("log group has no events any more and is left out", "name", st.Name)
		return nil
	}
	g := &group{
		name: st.Name, region: st.Region, account: st.Account, class: st.Class, created: st.Created, kms: st.KMS, events: events,
		streams: make(map[string]*stream), retention: st.Retention, protected: st.Protected, tags: st.Tags, filters: make(map[string]*metricFilter),
		index: st.Index, subscriptions: make(map[string]*subscription),
	}
	if g.tags == nil {
		g.tags = make(map[string]string)
	}
	for _, e := range events.Streams() {
		g.streams[e.Name()] = readStream(e)
	}
	for i := range st.Filters {
		f, err := compileMetricFilter(&st.Filters[i].Put)
		if err != nil {
			return err
		}
		f.created = st.Filters[i].Created
		g.filters[f.name] = f
	}
	for i := range st.Subscriptions {
		f, err := newSubscription(&st.Subscriptions[i].Put)
		if err != nil {
			return err
		}
		f.created = st.Subscriptions[i].Created
		g.subscriptions[*f.put.FilterName] = f
	}
	s.groups[groupKey{st.Region, st.Name}] = g
	return nil
}

func readStream(e *store.Stream) *stream {
	st := &stream{name: e.Name(), created: e.Created(), events: e}
	st.first, st.last, st.ingested = e.Read()
	return st
}

func (s *Service) importDefinitionLocked(v json.RawMessage) error {
	var st definitionState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	if s.defs[st.Region] == nil {
		s.defs[st.Region] = make(map[string]*definition)
	}
	s.defs[st.Region][*st.Definition.QueryDefinitionId] = &definition{st.Definition, st.Token}
	return nil
}

func (s *Service) importPolicyLocked(v json.RawMessage) error {
	var st policyState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	s.policies[resourcePolicyKey{st.Region, text(st.Policy.PolicyName), text(st.Policy.ResourceArn)}] = st.Policy
	return nil
}

// DumpData calls add with records that hold all streams and events.
func (s *Service) DumpData(add func([]byte) error) error {
	s.mu.RLock()
	st := s.store
	s.mu.RUnlock()
	return st.Dump(add)
}

// LoadData returns what takes the records of DumpData. The service must be
// empty, and gets its groups by ImportState after the last record.
func (s *Service) LoadData() func([]byte) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.store.Load().Add
}

// CloseData closes the files of the store.
func (s *Service) CloseData() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.store.Close()
}
