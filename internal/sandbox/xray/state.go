package xray

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/sidelight-dev/sidelight/internal/sandbox/disk"
	"github.com/sidelight-dev/sidelight/internal/segment"
)

// OpenData keeps traces in a file of the folder too. What is in it is read.
func (s *Service) OpenData(dir string) error {
	var err error
	s.journal, err = disk.OpenJournal(filepath.Join(dir, "traces.log"), s.replay, s.DumpData)
	return err
}

// LoadRecord takes a record of DumpData into a service that is running.
func (s *Service) LoadRecord(record []byte) error {
	var err error
	if e := s.journal.Do(func() { err = s.replay(record) }, func() ([]byte, error) { return record, nil }); e != nil {
		return e
	}
	return err
}

// CloseData closes the file of OpenData.
func (s *Service) CloseData() error { return s.journal.Close() }

// batch is a record of the journal: documents that came at one time.
type batch struct {
	Time    time.Time `json:"t"`
	Account string    `json:"a"`
	Docs    []string  `json:"d"`
	Limited bool      `json:"l,omitempty"`
}

// replay takes a record of DumpData, or of the journal.
func (s *Service) replay(record []byte) error {
	var b batch
	if err := json.Unmarshal(record, &b); err != nil {
		return fmt.Errorf("read traces: %w", err)
	}
	docs := make([]*segment.Document, 0, len(b.Docs))
	for _, text := range b.Docs {
		d, err := segment.Read([]byte(text))
		if err != nil {
			return fmt.Errorf("read trace document: %w", err)
		}
		docs = append(docs, d)
	}
	s.store.put(b.Time, b.Account, docs, 0)
	if b.Limited && len(docs) > 0 {
		s.store.limit(docs[0].TraceID)
	}
	return nil
}

// DumpData calls add with records that hold all traces.
func (s *Service) DumpData(add func([]byte) error) error {
	for _, t := range s.store.where(func(*trace) bool { return true }) {
		v := s.store.version(t)
		b := batch{Time: t.created, Account: t.account, Limited: v.limited}
		for _, d := range v.docs {
			b.Docs = append(b.Docs, string(d.raw))
		}
		record, err := json.Marshal(&b)
		if err != nil {
			return fmt.Errorf("write trace: %w", err)
		}
		if err := add(record); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) limit(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.traces[id]; t != nil {
		t.limited = true
	}
}

// The values of the state.
type (
	groupState struct {
		Name, ARN, Filter string
		Insights          types.InsightsConfiguration
		Tags              map[string]string
	}
	ruleState struct {
		Rule              types.SamplingRule
		Created, Modified time.Time
		Tags              map[string]string
		Clients           map[string]time.Time `json:",omitempty"`
		Usage             []usageState         `json:",omitempty"`
	}
	usageState struct {
		Minute                     time.Time
		Requests, Sampled, Borrows int32
	}
	retrievalState struct {
		Token      string
		IDs        []string
		Start, End float64
		Began      time.Time
		Cancelled  bool
	}
	settingsState struct {
		KeyID    *string
		Indexed  float64
		Modified time.Time
		Insights types.InsightsConfiguration
		Rules    time.Time // when a rule was last modified
	}
)

// ExportState returns the groups, rules, policies and settings by key.
func (s *Service) ExportState() (map[string]any, error) {
	out := make(map[string]any)
	s.groups.mu.RLock()
	for name, g := range s.groups.all {
		out["group/"+name] = groupState{g.name, g.arn, g.filter, g.insights, g.tags.m}
	}
	st := settingsState{Insights: s.groups.insights}
	s.groups.mu.RUnlock()
	s.rules.mu.Lock()
	for name, r := range s.rules.all {
		out["rule/"+name] = r.state()
	}
	st.Rules = s.rules.modified
	s.rules.mu.Unlock()
	s.settings.mu.Lock()
	st.KeyID, st.Indexed, st.Modified = s.settings.keyID, s.settings.indexed, s.settings.modified
	s.settings.mu.Unlock()
	out["settings"] = st
	s.retrievals.mu.Lock()
	for i, x := range s.retrievals.all {
		out[fmt.Sprintf("retrieval/%03d", i)] = retrievalState{x.token, x.ids, x.start, x.end, x.began, x.cancelled}
	}
	s.retrievals.mu.Unlock()
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	for name, p := range s.policies.all {
		out["policy/"+name] = p
	}
	return out, nil
}

// state is the rule with what clients have reported of it.
func (r *rule) state() ruleState {
	st := ruleState{Rule: r.rule, Created: r.created, Modified: r.modified, Tags: r.tags.m, Clients: maps.Clone(r.clients)}
	for _, u := range r.recent {
		st.Usage = append(st.Usage, usageState{u.minute, u.requests, u.sampled, u.borrows})
	}
	return st
}

// ImportState makes the groups, rules, policies and settings those of values.
func (s *Service) ImportState(values map[string]json.RawMessage) error {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		v := values[key]
		kind, _, _ := strings.Cut(key, "/")
		var err error
		switch kind {
		case "group":
			err = s.importGroup(v)
		case "rule":
			err = s.importRule(v)
		case "settings":
			err = s.importSettings(v)
		case "policy":
			err = s.importPolicy(v)
		case "retrieval":
			err = s.importRetrieval(v)
		}
		if err != nil {
			return fmt.Errorf("read state of X-Ray, %s: %w", key, err)
		}
	}
	return nil
}

func (s *Service) importGroup(v json.RawMessage) error {
	var st groupState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	g := &group{name: st.Name, arn: st.ARN, insights: st.Insights, tags: tags{st.Tags}}
	if err := g.setFilter(&st.Filter); err != nil {
		return err
	}
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	s.groups.all[g.name] = g
	return nil
}

func (s *Service) importRule(v json.RawMessage) error {
	var st ruleState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	r := newRule(st.Rule, st.Created)
	r.modified, r.tags = st.Modified, tags{st.Tags}
	maps.Copy(r.clients, st.Clients)
	for _, u := range st.Usage {
		r.recent = append(r.recent, usage{u.Minute, u.Requests, u.Sampled, u.Borrows})
	}
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	s.rules.all[*st.Rule.RuleName] = r
	return nil
}

func (s *Service) importSettings(v json.RawMessage) error {
	var st settingsState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	s.settings.mu.Lock()
	s.settings.keyID, s.settings.indexed, s.settings.modified = st.KeyID, st.Indexed, st.Modified
	s.settings.mu.Unlock()
	s.rules.mu.Lock()
	s.rules.modified = st.Rules
	s.rules.mu.Unlock()
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	s.groups.insights = st.Insights
	return nil
}

func (s *Service) importPolicy(v json.RawMessage) error {
	var p types.ResourcePolicy
	if err := json.Unmarshal(v, &p); err != nil {
		return err
	}
	s.policies.mu.Lock()
	defer s.policies.mu.Unlock()
	if s.policies.all == nil {
		s.policies.all = make(map[string]types.ResourcePolicy)
	}
	s.policies.all[*p.PolicyName] = p
	return nil
}

func (s *Service) importRetrieval(v json.RawMessage) error {
	var st retrievalState
	if err := json.Unmarshal(v, &st); err != nil {
		return err
	}
	s.retrievals.add(&retrieval{st.Token, st.IDs, st.Start, st.End, st.Began, st.Cancelled})
	return nil
}
