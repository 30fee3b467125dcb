package segment

import (
	"encoding/json"
	"fmt"
)

// JSON returns the tree as one document: the text of its top with the
// subsegments that were sent on their own embedded in it. Text that nothing was
// added to is returned as it came. Embedded subsegments lose type, trace_id and
// parent_id, which their place tells.
func (t *Tree) JSON() ([]byte, error) {
	if len(t.Attached) == 0 && len(t.Replaced) == 0 {
		return t.Top.Raw, nil
	}
	out, err := t.embed(t.Top, t.Top.Raw)
	if err != nil {
		return nil, fmt.Errorf("embed subsegments in %s: %w", t.Top.ID, err)
	}
	return out, nil
}

func (t *Tree) embed(d *Document, raw json.RawMessage) (json.RawMessage, error) {
	if !t.changed(d) {
		return raw, nil
	}
	members, subs, err := split(raw)
	if err != nil {
		return nil, err
	}
	if len(subs) != len(d.Subsegments) {
		return nil, fmt.Errorf("document %s has ambiguous subsegments", d.ID)
	}
	for i, s := range d.Subsegments {
		if r := t.Replaced[s]; r != nil {
			subs[i], err = t.inner(r)
		} else {
			subs[i], err = t.embed(s, subs[i])
		}
		if err != nil {
			return nil, err
		}
	}
	for _, c := range t.Attached[d] {
		text, err := t.inner(c)
		if err != nil {
			return nil, err
		}
		subs = append(subs, text)
	}
	if members["subsegments"], err = json.Marshal(subs); err != nil {
		return nil, err
	}
	return json.Marshal(members)
}

// changed reports whether anything is embedded anywhere in d.
func (t *Tree) changed(d *Document) bool {
	if len(t.Attached[d]) > 0 {
		return true
	}
	for _, s := range d.Subsegments {
		if t.Replaced[s] != nil || t.changed(s) {
			return true
		}
	}
	return false
}

// inner is the text of a subsegment that was sent on its own, as it reads inside
// another document.
func (t *Tree) inner(d *Document) (json.RawMessage, error) {
	text, err := t.embed(d, d.Raw)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	for _, key := range []string{"type", "trace_id", "parent_id"} {
		delete(members, key)
	}
	return json.Marshal(members)
}

// split takes a document's text apart, and leaves out the subsegments that
// dropExtra does.
func split(raw json.RawMessage) (members map[string]json.RawMessage, subs []json.RawMessage, err error) {
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, nil, err
	}
	var all []json.RawMessage
	if text, ok := members["subsegments"]; ok {
		if err := json.Unmarshal(text, &all); err != nil {
			return nil, nil, err
		}
	}
	seen := make(map[string]bool, len(all))
	for _, s := range all {
		var d struct {
			ID string `json:"id"`
		}
		ignoreType(json.Unmarshal(s, &d))
		if string(s) == "null" || d.ID != "" && seen[d.ID] {
			continue
		}
		seen[d.ID] = true
		subs = append(subs, s)
	}
	return members, subs, nil
}
