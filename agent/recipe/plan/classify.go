package plan

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/agent/recipe/ir"
	"github.com/sidelight-dev/sidelight/agent/recipe/live"
	"github.com/sidelight-dev/sidelight/agent/recipe/norm"
	"github.com/sidelight-dev/sidelight/internal/order"
)

// Make reads what the stack owns and returns what an apply would change. It
// fails with *Refused if the credentials are not of the stack's account.
func Make(ctx context.Context, c Clients, s *ir.Stack) (*Plan, error) {
	p, s, found, err := begin(ctx, c, s)
	if err != nil {
		return nil, err
	}
	for i := range s.Resources {
		r := &s.Resources[i]
		p.Changes = append(p.Changes, Classify(s, r, found[r.Key()]))
		delete(found, r.Key())
	}
	for _, k := range sorted(found) {
		if c, ok := orphan(s, found[k]); ok {
			p.Changes = append(p.Changes, c)
		}
	}
	p.finish(s)
	return p, nil
}

// MakeDestroy returns a plan that deletes everything that is provably the
// stack's, and nothing else. What holds data, and may not go, only loses the tags
// that mark its owner.
func MakeDestroy(ctx context.Context, c Clients, s *ir.Stack) (*Plan, error) {
	p, s, found, err := begin(ctx, c, s)
	if err != nil {
		return nil, err
	}
	p.Destroy = true
	protected := map[ir.Key]bool{}
	for i := range s.Resources {
		protected[s.Resources[i].Key()] = s.Resources[i].Protect
	}
	for _, k := range sorted(found) {
		l := found[k]
		m, ok := norm.ReadMark(l.Tags)
		if !ok || !m.Owned(s) {
			continue
		}
		ch := farewell(s, l, m)
		ch.Note = strings.TrimPrefix(strings.TrimPrefix(ch.Note, undeclared), "; ")
		ch.Protected = ch.Protected || protected[k]
		if tool := norm.Foreign(l.Tags); tool != "" {
			ch.Action, ch.Note = None, "managed by "+tool
		}
		p.Changes = append(p.Changes, ch)
	}
	p.finish(s)
	return p, nil
}

// sorted returns the keys in the order of kinds, then of names.
func sorted(found map[ir.Key]*live.Resource) []ir.Key {
	keys := slices.Collect(maps.Keys(found))
	order.By(keys, func(a, b ir.Key) int {
		if d := a.Kind.Rank() - b.Kind.Rank(); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return keys
}

func begin(ctx context.Context, c Clients, s *ir.Stack) (*Plan, *ir.Stack, map[ir.Key]*live.Resource, error) {
	account, err := c.Guard(ctx, s.Account, s.Region)
	if err != nil {
		return nil, nil, nil, err
	}
	known := *s
	known.Account = account
	known.Region = cmp.Or(s.Region, c.region())
	found, notes, err := c.Stores().FindStack(ctx, s)
	if err != nil {
		return nil, nil, nil, err
	}
	p := &Plan{
		Format: Format, Stack: Stack{Recipe: s.Recipe, Env: s.Env, Account: account, Region: known.Region, Rev: s.Rev},
		Changes: []Change{}, Notes: notes,
	}
	return p, &known, found, nil
}

// Classify compares one desired resource with the live one, which may be nil.
// D is the hash that is wanted, T the one in the tags, L that of what is there.
func Classify(s *ir.Stack, r *ir.Resource, l *live.Resource) Change {
	c := Change{ID: r.ID, Kind: r.Kind(), Name: r.Name, Action: None, Class: InSync, Protected: r.Protect, LiveHash: l.Hash(), Desired: r}
	if l == nil {
		c.Action, c.Class = Create, Missing
		return c
	}
	m, marked := norm.ReadMark(l.Tags)
	if reason := stranger(s, l, m, marked); reason != "" {
		return adopted(s, r, l, c, reason)
	}
	c.LiveRev = m.Rev
	applied, ours := m.UserTags(l.Tags, r.Tags)
	want := obeyed(norm.Of(r.Body, r.Tags, s.Account), l)
	have, last := obeyed(norm.Of(l.Body, ours, s.Account), l), norm.Of(l.Body, applied, s.Account)
	desired := norm.MarkOf(s, r, norm.Of(r.Body, r.Tags, s.Account))
	inPlace := want.Equal(have)                                                           // L = D
	stale := m.Hash != desired.Hash                                                       // T ≠ D
	untouched := m.Known() && m.Hash == last.Hash(c.Kind)                                 // L = T
	wins := s.Rev >= m.Rev                                                                // our revision may write
	unstamped := m.Fields != desired.Fields || m.ID != r.ID || m.Delete != desired.Delete // tags of a lost or older write
	switch {
	case inPlace && !stale && !unstamped:
		return c
	case inPlace && wins:
		c.Action, c.Note = Retag, "it is as it should be; its ownership tags are not"
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
	c.Fields = fields(s, r, want, have, func(field string) bool { return m.Changed(c.Kind, last, field) })
	if !wins && c.Class != Drift {
		c.Class = Superseded
		return c
	}
	c.Action = Update
	return c
}

// obeyed returns a form without the fields that AWS does not follow.
func obeyed(f norm.Form, l *live.Resource) norm.Form {
	maps.DeleteFunc(f, func(field string, _ any) bool { return l.Overruled[field] != "" })
	return f
}

// adopted decides on a resource that is not the stack's: it is taken over if the
// recipe says so and nobody manages it, or else it is a conflict.
func adopted(s *ir.Stack, r *ir.Resource, l *live.Resource, c Change, reason string) Change {
	want := obeyed(norm.Of(r.Body, r.Tags, s.Account), l)
	_, ours := norm.Mark{}.UserTags(l.Tags, r.Tags)
	have := obeyed(norm.Of(l.Body, ours, s.Account), l)
	_, marked := norm.ReadMark(l.Tags)
	if r.Adopt && !marked && l.Other == "" && norm.Foreign(l.Tags) == "" {
		c.Action, c.Class = Adopt, Unmanaged
		c.Fields = fields(s, r, want, have, func(string) bool { return false })
		return c
	}
	c.Class, c.Note = Conflict, reason
	delete(want, "Tags")
	delete(have, "Tags")
	if l.Other == "" && want.Equal(have) {
		c.Note += " (its fields are the same)"
	}
	return c
}

// stranger says why a live resource is not the stack's to write, or "".
func stranger(s *ir.Stack, l *live.Resource, m norm.Mark, marked bool) string {
	what := l.Key.Kind.Short()
	switch tool := norm.Foreign(l.Tags); {
	case l.Other != "":
		return "a " + l.Other + " of this name exists"
	case tool != "":
		return what + " of this name exists and is managed by " + tool
	case !marked:
		return what + " of this name exists and no recipe made it"
	case !m.Owned(s):
		return fmt.Sprintf("%s of this name exists and belongs to the stack %s/%s", what, m.Recipe, m.Env)
	}
	return ""
}

// orphan returns what to do with a resource that is the stack's and not declared.
func orphan(s *ir.Stack, l *live.Resource) (Change, bool) {
	m, marked := norm.ReadMark(l.Tags)
	if l.Other != "" || !marked || !m.Owned(s) {
		return Change{}, false
	}
	c := farewell(s, l, m)
	if slices.ContainsFunc(s.Disabled, func(d ir.Disabled) bool {
		return d.Kind == c.Kind && (d.ID == m.ID || strings.HasPrefix(m.ID, d.ID+"/"))
	}) {
		c.Note = strings.Replace(c.Note, undeclared, "disabled", 1)
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

const undeclared = "no longer declared"

// farewell is the change by which a resource leaves the stack.
func farewell(s *ir.Stack, l *live.Resource, m norm.Mark) Change {
	c := Change{
		ID: m.ID, Kind: l.Key.Kind, Name: l.Key.Name, Action: Delete, Class: Orphan, LiveHash: l.Hash(), LiveRev: m.Rev,
		Protected: slices.Contains(s.Protect, l.Key.Kind), Note: undeclared,
	}
	if c.Kind.HoldsData() && !m.Delete {
		c.Action, c.Note = Release, undeclared+"; it stays, as it holds data"
	}
	return c
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
func (p *Plan) Again(c Change, l *live.Resource) Change {
	s := p.Stack.ir()
	if c.Desired != nil {
		return Classify(s, c.Desired, l)
	}
	if l == nil {
		return Change{ID: c.ID, Kind: c.Kind, Name: c.Name, Action: None, Class: InSync}
	}
	now, ok := orphan(s, l)
	if !ok {
		now = Change{ID: c.ID, Kind: c.Kind, Name: c.Name, Action: None, Class: Conflict, Note: "it is no longer the stack's"}
	}
	return now
}

// Mark returns the ownership tags that applying a change leaves. The revision
// never goes back.
func (p *Plan) Mark(c Change) norm.Mark {
	s := p.Stack.ir()
	s.Rev = max(s.Rev, c.LiveRev)
	return norm.MarkOf(s, c.Desired, norm.Of(c.Desired.Body, c.Desired.Tags, s.Account))
}
