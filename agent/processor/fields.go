package processor

import (
	"bytes"
	"context"
	"slices"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// editor edits the members of documents.
type editor struct {
	fields Fields
	source string
	added  []member // for source
	known  bool

	arena []byte
}

// member is a member to add: its name, and `"name":"value"` as it stands in a
// document.
type member struct {
	name string
	text []byte
}

func newEditor(f Fields) *editor { return &editor{fields: f} }

// Process edits the documents of b. It never fails.
func (d *editor) Process(_ context.Context, b *sidelight.Batch) error {
	d.arena = d.arena[:0]
	d.prepare(b.Source)
	for i := range b.Events {
		e := &b.Events[i]
		doc := jsonscan.Document(e.Body)
		if doc.Kind != jsonscan.Object {
			continue
		}
		start := len(d.arena)
		if !d.edit(doc) {
			d.arena = d.arena[:start]
			continue
		}
		e.Body = d.arena[start:len(d.arena):len(d.arena)]
	}
	return nil
}

// prepare writes the members that events of source get.
func (d *editor) prepare(source string) {
	if d.known && d.source == source {
		return
	}
	d.known, d.source, d.added = true, source, d.added[:0]
	for _, f := range d.fields.Add {
		v := f.Value(source)
		if v == "" {
			continue
		}
		text := append(wire.AppendString(nil, []byte(f.Name)), ':')
		d.added = append(d.added, member{f.Name, wire.AppendString(text, []byte(v))})
	}
}

// edit appends doc as it should be. It reports false if doc is not JSON to its
// end, and must stay as it is.
func (d *editor) edit(doc jsonscan.Value) bool {
	var there [64]bool // whether a member to add is there
	d.arena = append(d.arena, '{')
	empty := len(d.arena)
	end := 1
	for sc := doc.Scan(); sc.Next(); {
		_, end = sc.Span()
		if slices.ContainsFunc(d.fields.Remove, func(name string) bool { return jsonscan.KeyIs(sc.Key, name) }) {
			continue
		}
		if len(d.arena) > empty {
			d.arena = append(d.arena, ',')
		}
		d.arena = d.appendName(d.arena, sc.Key)
		d.arena = append(d.arena, sc.Value.Raw...)
		for i := range min(len(d.added), len(there)) {
			there[i] = there[i] || jsonscan.KeyIs(sc.Key, d.added[i].name)
		}
	}
	if len(bytes.Trim(doc.Raw[end:], " \t\r\n")) != 1 {
		return false
	}
	for i, m := range d.added {
		if i < len(there) && there[i] {
			continue
		}
		if len(d.arena) > empty {
			d.arena = append(d.arena, ',')
		}
		d.arena = append(d.arena, m.text...)
	}
	d.arena = append(d.arena, '}')
	return true
}

// appendName appends key, or what it is renamed to, and the colon.
func (d *editor) appendName(dst, key []byte) []byte {
	for _, r := range d.fields.Rename {
		if jsonscan.KeyIs(key, r[0]) {
			return append(wire.AppendString(dst, []byte(r[1])), ':')
		}
	}
	dst = append(append(dst, '"'), key...)
	return append(dst, '"', ':')
}

// tracer gives trace ids the form of X-Ray: 1-581cf771-a006649127e371903a2de979
// for 581cf771a006649127e371903a2de979.
type tracer struct {
	keys []string

	arena []byte
}

// Process rewrites trace ids. It never fails.
func (t *tracer) Process(_ context.Context, b *sidelight.Batch) error {
	t.arena = t.arena[:0]
	for i := range b.Events {
		e := &b.Events[i]
		doc := jsonscan.Document(e.Body)
		if doc.Kind != jsonscan.Object {
			continue
		}
		for sc := doc.Scan(); sc.Next(); {
			if !isTraceID(sc.Value) || !slices.ContainsFunc(t.keys, func(k string) bool { return jsonscan.KeyIs(sc.Key, k) }) {
				continue
			}
			n := len(t.arena)
			start, end := sc.Span()
			id := sc.Value.Raw[1:33]
			t.arena = append(append(t.arena, doc.Raw[:start]...), `"1-`...)
			t.arena = append(append(append(t.arena, id[:8]...), '-'), id[8:]...)
			t.arena = append(append(t.arena, '"'), doc.Raw[end:]...)
			e.Body = t.arena[n:len(t.arena):len(t.arena)]
			break
		}
	}
	return nil
}

// isTraceID reports whether v is a trace id of W3C (Trace Context, section
// 3.2.2.3): 32 hexadecimal digits in lower case, not all zero.
func isTraceID(v jsonscan.Value) bool {
	if v.Kind != jsonscan.String || len(v.Raw) != 34 {
		return false
	}
	zero := true
	for _, c := range v.Raw[1:33] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
		zero = zero && c == '0'
	}
	return !zero
}
