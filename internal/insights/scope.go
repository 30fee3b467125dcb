package insights

import (
	"maps"
	"slices"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// scope is what names mean between two stats commands: before the first, the
// fields of events; after one, its columns.
type scope struct {
	events bool
	names  map[string]expr
	paths  []string // JSON paths that expressions ask for
	memos  int
	cols   int
	index  map[string]int // columns by name
	// left and right are what a join calls its sides.
	left, right string
}

func newScope(events bool) *scope {
	return &scope{events: events, names: map[string]expr{}, index: map[string]int{}}
}

// column reserves a column and returns an expression for it.
func (s *scope) column() (int, expr) {
	i := s.cols
	s.cols++
	return i, func(e *env) value { return e.cols[i] }
}

// resolve returns the meaning of a name, or nil.
func (s *scope) resolve(name string) expr {
	if x, ok := s.names[name]; ok {
		return x
	}
	for i := strings.LastIndexByte(name, '.'); i > 0; i = strings.LastIndexByte(name[:i], '.') {
		if x, ok := s.names[name[:i]]; ok {
			return member(x, name[i+1:])
		}
	}
	if s.left != "" {
		if own, ok := strings.CutPrefix(name, s.left+"."); ok {
			return s.resolve(own)
		}
		if strings.HasPrefix(name, s.right+".") {
			return nil
		}
	}
	if !s.events {
		return nil
	}
	if x := systemField(name); x != nil {
		return x
	}
	return s.discovered(name)
}

// member returns what lies at path in the structure that x yields.
func member(x expr, path string) expr {
	return func(e *env) value {
		v := x(e)
		if v.kind != structure {
			return value{}
		}
		return e.jsonValue(valueAt(jsonscan.Document(v.b), path))
	}
}

// discovered returns an expression for a field found in messages, or nil if
// the name begins with @ and is none of those known.
func (s *scope) discovered(name string) expr {
	if strings.HasPrefix(name, "@") {
		if x := lambdaField(name); x != nil {
			return x
		}
		// A member that begins with @ is shown with a second one.
		if !strings.HasPrefix(name, "@@") {
			return nil
		}
		name = name[1:]
	}
	i := s.path(name)
	fallback := vendedField(name)
	return func(e *env) value {
		if v := e.field(i); v.Kind != jsonscan.Missing {
			return e.jsonValue(v)
		}
		if fallback != nil {
			return fallback(e)
		}
		return value{}
	}
}

func (s *scope) path(name string) int {
	if i := slices.Index(s.paths, name); i >= 0 {
		return i
	}
	s.paths = append(s.paths, name)
	return len(s.paths) - 1
}

// known lists names for suggestions.
func (s *scope) known() []string {
	names := slices.Collect(maps.Keys(s.names))
	if s.events {
		names = append(names, systemNames...)
		names = append(names, lambdaNames...)
	}
	return names
}

var systemNames = []string{"@message", "@timestamp", "@ingestionTime", "@logStream", "@log", "@ptr"}

// systemField returns an expression for a field that every event has, or for
// one of entities and catalogued sources, which no event has here.
func systemField(name string) expr {
	switch name {
	case "@message":
		return func(e *env) value { return textValue(e.row.Message) }
	case "@timestamp":
		return func(e *env) value { return instantValue(float64(e.row.Time)) }
	case "@ingestionTime":
		return func(e *env) value { return instantValue(float64(e.row.Ingested)) }
	case "@logStream":
		return func(e *env) value { return textValue(e.bytes(e.row.Stream)) }
	case "@log":
		return func(e *env) value { return textValue(e.bytes(e.row.Log)) }
	case "@ptr":
		return func(e *env) value { return textValue(e.bytes(e.opt.Ptr(e.row))) }
	}
	if strings.HasPrefix(name, "@entity.") || strings.HasPrefix(name, "@data_source_") {
		return func(*env) value { return value{} }
	}
	return nil
}
