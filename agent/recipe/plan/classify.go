package plan

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/agent/recipe/pace"
)

// Make reads what the stack owns and returns what an apply would change. It
// fails with *Refused if the credentials are not of the stack's account.
func Make(ctx context.Context, c Clients, s *ir.Stack) (*Plan, error) {
	p, s, live, err := begin(ctx, c, s)
	if err != nil {
		return nil, err
	}
	for i := range s.Resources {
		r := &s.Resources[i]
		p.Changes = append(p.Changes, Classify(s, r, live[r.Name]))
		delete(live, r.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(live)) {
		if c, ok := orphan(s, live[name]); ok {
			p.Changes = append(p.Changes, c)
		}
	}
	p.finish(s)
	return p, nil
}

// MakeDestroy returns a plan that deletes everything that is provably the
// stack's, and nothing else.
func MakeDestroy(ctx context.Context, c Clients, s *ir.Stack) (*Plan, error) {
	p, s, live, err := begin(ctx, c, s)
	if err != nil {
		return nil, err
	}
	p.Destroy = true
	protected := map[string]bool{}
	for _, r := range s.Resources {
		protected[r.Name] = r.Protect
	}
	for _, name := range slices.Sorted(maps.Keys(live)) {
		l := live[name]
		m, ok := norm.ReadMark(l.Tags)
		if !ok || !m.Owned(s) {
			continue
		}
		ch := Change{
			ID: m.ID, Kind: ir.MetricAlarmKind, Name: name, Action: Delete, Class: Orphan, LiveHash: l.Hash(), LiveRev: m.Rev,
			Protected: protected[name] || slices.Contains(s.Protect, ir.MetricAlarmKind),
		}
		if tool := norm.Foreign(l.Tags); tool != "" {
			ch.Action, ch.Note = None, "managed by "+tool
		}
		p.Changes = append(p.Changes, ch)
	}
	p.finish(s)
	return p, nil
}

func begin(ctx context.Context, c Clients, s *ir.Stack) (*Plan, *ir.Stack, map[string]*Live, error) {
	account, err := c.Guard(ctx, s.Account, s.Region)
	if err != nil {
		return nil, nil, nil, err
	}
	known := *s
	known.Account = account
	known.Region = cmp.Or(s.Region, c.region())
	var names []string
	for _, r := range s.Resources {
		names = append(names, r.Name)
	}
	live, err := Look(ctx, pace.New(c.CloudWatch), names, s.Prefix())
	if err != nil {
		return nil, nil, nil, err
	}
	p := &Plan{Format: Format, Stack: Stack{Recipe: s.Recipe, Env: s.Env, Account: account, Region: known.Region, Rev: s.Rev}, Changes: []Change{}}
	return p, &known, live, nil
}

// Classify compares one desired resource with the live one, which may be nil.
// D is the hash that is wanted, T the one in the tags, L that of what is there.
func Classify(s *ir.Stack, r *ir.Resource, l *Live) Change {
	c := Change{ID: r.ID, Kind: r.Kind, Name: r.Name, Action: None, Class: InSync, Protected: r.Protect, LiveHash: l.Hash(), Desired: r}
	if l == nil {
		c.Action, c.Class = Create, Missing
		return c
	}
	m, marked := norm.ReadMark(l.Tags)
	if reason := stranger(s, l, m, marked); reason != "" {
		c.Class, c.Note = Conflict, reason
		if l.Other == "" && norm.Of(r.Alarm, nil, s.Account).Equal(norm.Of(l.Alarm, nil, s.Account)) {
			c.Note += " (its fields are the same)"
		}
		return c
	}
	c.LiveRev = m.Rev
	applied, ours := m.UserTags(l.Tags, r.Tags)
	want := norm.Of(r.Alarm, r.Tags, s.Account)
	have, last := norm.Of(l.Alarm, ours, s.Account), norm.Of(l.Alarm, applied, s.Account)
	desired := norm.MarkOf(s, r, want)
	inPlace := want.Equal(have)                             // L = D
	stale := m.Hash != desired.Hash                         // T ≠ D
	untouched := m.Known() && m.Hash == last.Hash(r.Kind)   // L = T
	wins := s.Rev >= m.Rev                                  // our revision may write
	unstamped := m.Fields != desired.Fields || m.ID != r.ID // tags of a lost or older write
	switch {
	case inPlace && !stale && !unstamped:
		return c
	case inPlace && wins:
		c.Action, c.Note = Retag, "the alarm is as it should be; its ownership tags are not"
		return c
	case inPlace && !stale:
		return c
	case inPlace:
		c.Class = Superseded
		return c
	case !stale:
		c.Class = Drift
	case untouched || !m.Known():
		c.Class = Skew
	default:
		c.Class = DriftSkew
	}
	c.Fields = fields(s, r, want, have, func(field string) bool { return m.Changed(last, field) })
	if !wins && c.Class != Drift {
		c.Class = Superseded
		return c
	}
	c.Action = Update
	return c
}

// stranger says why a live alarm is not the stack's to write, or "".
func stranger(s *ir.Stack, l *Live, m norm.Mark, marked bool) string {
	switch tool := norm.Foreign(l.Tags); {
	case l.Other != "":
		return "a " + l.Other + " of this name exists"
	case tool != "":
		return "an alarm of this name exists and is managed by " + tool
	case !marked:
		return "an alarm of this name exists and no recipe made it"
	case !m.Owned(s):
		return fmt.Sprintf("an alarm of this name exists and belongs to the stack %s/%s", m.Recipe, m.Env)
	}
	return ""
}

// orphan returns what to do with an alarm that is the stack's and not declared.
func orphan(s *ir.Stack, l *Live) (Change, bool) {
	m, marked := norm.ReadMark(l.Tags)
	if l.Other != "" || !marked || !m.Owned(s) {
		return Change{}, false
	}
	c := Change{
		ID: m.ID, Kind: ir.MetricAlarmKind, Name: l.Name, Action: Delete, Class: Orphan, LiveHash: l.Hash(), LiveRev: m.Rev,
		Protected: slices.Contains(s.Protect, ir.MetricAlarmKind), Note: "no longer declared",
	}
	if slices.ContainsFunc(s.Disabled, func(d ir.Disabled) bool { return d.ID == m.ID || strings.HasPrefix(m.ID, d.ID+"/") }) {
		c.Note = "disabled"
	}
	switch tool := norm.Foreign(l.Tags); {
	case tool != "":
		c.Action, c.Note = None, "no longer declared, and managed by "+tool
	case s.Rev < m.Rev:
		c.Action, c.Class, c.Note = None, Superseded, "declared by a later revision"
	case slices.ContainsFunc(s.Keep, func(prefix string) bool { return strings.HasPrefix(m.ID, prefix) }):
		c.Action, c.Note = None, "kept: the discovered list that it came from is empty"
	}
	return c, true
}

func fields(s *ir.Stack, r *ir.Resource, want, have norm.Form, drifted func(string) bool) []FieldChange {
	var out []FieldChange
	for _, name := range have.Diff(want) {
		if name == "Tags" {
			out = append(out, tagFields(r, want, have, drifted(name))...)
			continue
		}
		f := FieldChange{Path: name, Before: have[name], After: want[name], Drift: drifted(name)}
		if p, ok := r.Origins[name]; ok {
			f.Origin = p.String()
		}
		out = append(out, f)
	}
	return out
}

func tagFields(r *ir.Resource, want, have norm.Form, drift bool) []FieldChange {
	before, _ := have["Tags"].(map[string]string)
	after, _ := want["Tags"].(map[string]string)
	keys := map[string]bool{}
	for _, m := range []map[string]string{before, after} {
		for k := range m {
			keys[k] = true
		}
	}
	var out []FieldChange
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		b, was := before[k]
		a, is := after[k]
		if was == is && a == b {
			continue
		}
		f := FieldChange{Path: "Tags." + k, Drift: drift}
		if was {
			f.Before = b
		}
		if is {
			f.After = a
		}
		if p, ok := r.Origins["Tags"]; ok {
			f.Origin = p.String()
		}
		out = append(out, f)
	}
	return out
}

// Again classifies a change anew against what is live now.
func (p *Plan) Again(c Change, l *Live) Change {
	s := p.Stack.ir()
	if c.Desired != nil {
		return Classify(s, c.Desired, l)
	}
	if l == nil {
		return Change{ID: c.ID, Kind: c.Kind, Name: c.Name, Action: None, Class: InSync}
	}
	now, ok := orphan(s, l)
	if !ok {
		now = Change{ID: c.ID, Kind: c.Kind, Name: c.Name, Action: None, Class: Conflict, Note: "the alarm is no longer the stack's"}
	}
	return now
}

// Mark returns the ownership tags that applying a change leaves. The revision
// never goes back.
func (p *Plan) Mark(c Change) norm.Mark {
	s := p.Stack.ir()
	s.Rev = max(s.Rev, c.LiveRev)
	return norm.MarkOf(s, c.Desired, norm.Of(c.Desired.Alarm, c.Desired.Tags, s.Account))
}
