package firelens

import (
	"bytes"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
	"github.com/sidelight-dev/sidelight/internal/wire"
)

// edit is a filter made ready for records.
type edit struct {
	*filter
	// added is what add comes to: ,"key":"value"}.
	added []byte
}

func newEdit(f *filter) edit {
	e := edit{filter: f}
	for _, m := range f.add {
		e.added = append(e.added, ',')
		e.added = wire.AppendString(e.added, []byte(m.key))
		e.added = append(e.added, ':')
		e.added = wire.AppendString(e.added, []byte(m.value))
	}
	if e.added != nil {
		e.added = append(e.added, '}')
	}
	return e
}

// edits returns the filters for tag, in the file's order.
func (p *Plan) edits(tag string) []edit {
	var out []edit
	for i := range p.filters {
		if f := &p.filters[i]; f.match.matches(tag) {
			out = append(out, newEdit(f))
		}
	}
	return out
}

// editor is the memory that changing the records of a batch takes. What apply
// returns is valid until reset.
type editor struct {
	arena, text []byte
}

// maxArena bounds what an editor keeps for the next batch.
const maxArena = 1 << 20

func (x *editor) reset() {
	if cap(x.arena) > maxArena {
		x.arena = nil
	}
	if cap(x.text) > maxArena {
		x.text = nil
	}
	x.arena = x.arena[:0]
}

// since returns what was appended from start on.
func (x *editor) since(start int) []byte { return x.arena[start:len(x.arena):len(x.arena)] }

// apply returns body as the edits leave it. It reports false if one of them
// drops the record. What is no JSON object is left alone.
func (x *editor) apply(edits []edit, body []byte) ([]byte, bool) {
	doc := jsonscan.Document(body)
	if doc.Kind != jsonscan.Object {
		return body, true
	}
	body = doc.Raw
	if bytes.Contains(body, []byte(`"partial_`)) {
		body = x.without(body, isMark)
	}
	for i := range edits {
		e := &edits[i]
		if !x.passes(e.rules, body) {
			return nil, false
		}
		if e.lift != "" {
			body = x.lifted(body, e.lift)
		}
		if len(e.remove) > 0 {
			body = x.without(body, e.removes)
		}
		if e.added != nil {
			body = x.with(body, e.added)
		}
	}
	return body, true
}

// isMark reports whether key is one of Docker's marks of pieces, which say
// nothing of a line that was put together.
func isMark(key []byte) bool {
	switch string(key) {
	case "partial_message", "partial_id", "partial_ordinal", "partial_last":
		return true
	}
	return false
}

func (f *filter) removes(key []byte) bool {
	for _, name := range f.remove {
		if jsonscan.KeyIs(key, name) {
			return true
		}
	}
	return false
}

// passes reports whether every rule lets body through. A member that is not
// there has no text that could match.
func (x *editor) passes(rules []rule, body []byte) bool {
	for i := range rules {
		r := &rules[i]
		v := jsonscan.Document(body).Member(r.key)
		found := false
		if v.IsScalar() {
			found = r.re.Match(x.textOf(v))
		}
		if found == r.drop {
			return false
		}
	}
	return true
}

// textOf returns the text of v, valid until the next call.
func (x *editor) textOf(v jsonscan.Value) []byte {
	if v.Kind != jsonscan.String {
		return v.Raw
	}
	inner := v.Raw[1 : len(v.Raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	x.text = jsonscan.Unescape(x.text[:0], inner)
	return x.text
}

// with returns body with more members at its end.
func (x *editor) with(body, added []byte) []byte {
	start := len(x.arena)
	x.arena = append(x.arena, bytes.TrimRight(body[:len(body)-1], " \t\r\n")...)
	if len(x.arena)-start == 1 {
		added = added[1:] // the first member needs no comma
	}
	x.arena = append(x.arena, added...)
	return x.since(start)
}

// without returns body less the members whose keys drop is true for.
func (x *editor) without(body []byte, drop func(key []byte) bool) []byte {
	start := len(x.arena)
	x.arena = append(x.arena, '{')
	for sc := jsonscan.Document(body).Scan(); sc.Next(); {
		if !drop(sc.Key) {
			x.member(start, sc.Key, sc.Value.Raw)
		}
	}
	x.arena = append(x.arena, '}')
	return x.since(start)
}

// member appends a member to the object that began at start.
func (x *editor) member(start int, key, raw []byte) {
	if len(x.arena)-start > 1 {
		x.arena = append(x.arena, ',')
	}
	x.arena = append(x.arena, '"')
	x.arena = append(x.arena, key...)
	x.arena = append(x.arena, '"', ':')
	x.arena = append(x.arena, raw...)
}

// lifted returns body with the members of the JSON object that the text of
// member key spells in that member's place.
func (x *editor) lifted(body []byte, key string) []byte {
	doc := jsonscan.Document(body)
	v := doc.Member(key)
	if v.Kind != jsonscan.String {
		return body
	}
	inner := jsonscan.Document(x.textOf(v))
	if inner.Kind != jsonscan.Object || !jsonscan.Valid(inner.Raw) {
		return body
	}
	start := len(x.arena)
	x.arena = append(x.arena, '{')
	done := false
	for sc := doc.Scan(); sc.Next(); {
		if done || !jsonscan.KeyIs(sc.Key, key) {
			x.member(start, sc.Key, sc.Value.Raw)
			continue
		}
		done = true
		for in := inner.Scan(); in.Next(); {
			x.member(start, in.Key, in.Value.Raw)
		}
	}
	x.arena = append(x.arena, '}')
	return x.since(start)
}

// value returns the text of the member key of body. It reports false if there
// is none.
func (x *editor) value(body []byte, key string) ([]byte, bool) {
	v := jsonscan.Document(body).Member(key)
	if v.Kind == jsonscan.Missing {
		return nil, false
	}
	if v.Kind != jsonscan.String {
		return v.Raw, true
	}
	inner := v.Raw[1 : len(v.Raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	start := len(x.arena)
	x.arena = jsonscan.Unescape(x.arena, inner)
	return x.since(start), true
}
