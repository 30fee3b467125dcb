package awsproto

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
)

// maxDepth bounds the nesting of a document, so that hostile input cannot
// exhaust the stack. The deepest structure of the models is below 20.
const maxDepth = 64

// kind is what a Go type is on the wire.
type kind uint8

const (
	kindString kind = iota
	kindBool
	kindInt
	kindFloat
	kindTime
	kindBlob
	kindList
	kindMap
	kindStruct
	kindUnion
	kindAny
)

// plan is how values of one Go type are read and written. Pointers share the
// plan of their element; the walkers handle the indirection.
type plan struct {
	kind   kind
	typ    reflect.Type
	bits   int               // of an integer or float
	elem   *plan             // of a list or map
	ptr    bool              // elements of the list or map are pointers
	fields []field           // of a structure, in order of declaration
	byName map[string]*field // wire name to field
	union  map[string]reflect.Type
	enum   []string // the values of an enumeration
}

// field is one member of a structure.
type field struct {
	name  string // on the wire
	index int
	ptr   bool
	plan  *plan
	key   string // "Type.member", by which limits are named
	limit *limit
	// ptrless: a number or a boolean whose zero may have been sent.
	ptrless bool
}

// plans makes and caches the plans of a service's types. It is safe for
// concurrent use.
type plans struct {
	lowerFirst bool
	rename     map[string]string
	unions     map[reflect.Type]map[string]reflect.Type
	limits     limits

	mu    sync.Mutex
	cache sync.Map // reflect.Type to *plan
}

func newPlans(s *Spec) *plans {
	p := &plans{lowerFirst: s.LowerFirst, rename: s.Rename, unions: make(map[reflect.Type]map[string]reflect.Type)}
	for _, u := range s.Unions {
		members := make(map[string]reflect.Type, len(u.Members))
		for _, m := range u.Members {
			t := reflect.TypeOf(m).Elem()
			members[p.wireName("", memberOf(t))] = t
		}
		p.unions[reflect.TypeOf(u.Interface).Elem()] = members
	}
	return p
}

// memberOf is the member's name of a union's concrete type, which the SDK
// calls <Union>Member<Name>.
func memberOf(t reflect.Type) string {
	_, name, _ := strings.Cut(t.Name(), "Member")
	return name
}

func (p *plans) wireName(typ, name string) string {
	if w, ok := p.rename[typ+"."+name]; ok {
		return w
	}
	if !p.lowerFirst {
		return name
	}
	return lowerFirst(name)
}

// of returns the plan of t, or an error for a type that no protocol carries.
func (p *plans) of(t reflect.Type) (*plan, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if pl, ok := p.cache.Load(t); ok {
		return pl.(*plan), nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	building := make(map[reflect.Type]*plan)
	pl, err := p.build(t, building)
	if err != nil {
		return nil, err
	}
	for t, pl := range building {
		p.cache.LoadOrStore(t, pl)
	}
	return pl, nil
}

// build makes the plan of t. Plans under construction are in building, so that
// recursive types end.
func (p *plans) build(t reflect.Type, building map[reflect.Type]*plan) (*plan, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if pl, ok := p.cache.Load(t); ok {
		return pl.(*plan), nil
	}
	if pl, ok := building[t]; ok {
		return pl, nil
	}
	pl := &plan{typ: t}
	building[t] = pl
	return pl, p.fill(pl, t, building)
}

func (p *plans) fill(pl *plan, t reflect.Type, building map[reflect.Type]*plan) (err error) {
	if t == reflect.TypeFor[time.Time]() {
		pl.kind = kindTime
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		pl.kind, pl.enum = kindString, valuesOf(t)
	case reflect.Bool:
		pl.kind = kindBool
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Int16, reflect.Int8:
		pl.kind, pl.bits = kindInt, t.Bits()
	case reflect.Float32, reflect.Float64:
		pl.kind, pl.bits = kindFloat, t.Bits()
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			pl.kind = kindBlob
			return nil
		}
		pl.kind, pl.ptr = kindList, t.Elem().Kind() == reflect.Pointer
		pl.elem, err = p.build(t.Elem(), building)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return fmt.Errorf("plan %v: map key is not a string", t)
		}
		pl.kind, pl.ptr = kindMap, t.Elem().Kind() == reflect.Pointer
		pl.elem, err = p.build(t.Elem(), building)
	case reflect.Struct:
		pl.kind = kindStruct
		err = p.fillStruct(pl, t, building)
	case reflect.Interface:
		err = p.fillInterface(pl, t, building)
	default:
		return fmt.Errorf("plan %v: no protocol carries this type", t)
	}
	return err
}

func (p *plans) fillStruct(pl *plan, t reflect.Type, building map[reflect.Type]*plan) error {
	for i := range t.NumField() {
		f := t.Field(i)
		// ResultMetadata is the client's own; unexported fields mark types.
		if !f.IsExported() || f.Name == "ResultMetadata" {
			continue
		}
		fp, err := p.build(f.Type, building)
		if err != nil {
			return fmt.Errorf("member %s: %w", f.Name, err)
		}
		name := p.wireName(t.Name(), f.Name)
		key := t.Name() + "." + name
		pl.fields = append(pl.fields, field{
			name: name, index: i, ptr: f.Type.Kind() == reflect.Pointer, plan: fp, key: key, limit: p.limits[key],
			ptrless: fp.kind <= kindFloat && fp.kind != kindString && f.Type.Kind() != reflect.Pointer,
		})
	}
	pl.byName = make(map[string]*field, len(pl.fields))
	for i := range pl.fields {
		pl.byName[pl.fields[i].name] = &pl.fields[i]
	}
	return nil
}

func (p *plans) fillInterface(pl *plan, t reflect.Type, building map[reflect.Type]*plan) error {
	if t.NumMethod() == 0 {
		pl.kind = kindAny
		return nil
	}
	// A union that the spec does not list can still be written, as the concrete
	// type says its member; reading it is refused member by member.
	pl.kind, pl.union = kindUnion, p.unions[t]
	for _, m := range pl.union {
		if _, err := p.build(m, building); err != nil {
			return err
		}
	}
	return nil
}
