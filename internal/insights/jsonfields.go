package insights

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// maxFields is how many fields of one JSON event are discovered (user guide,
// "Supported logs and discovered fields").
const maxFields = 200

// leastManyFields is the shortest message that can hold more than maxFields
// members: {"":0,"":0,…}. Shorter ones need not be counted.
const leastManyFields = maxFields * 5

// lambdaGroups begins the names of the groups in which a JSON fragment inside
// a line of text is discovered.
const lambdaGroups = "/aws/lambda/"

// jsonState is how far the message has been scanned for the scope's paths. A
// path that an expression asks for is looked for from there on; the values of
// the other paths are noted in passing.
type jsonState struct {
	started bool
	scan    jsonscan.Scanner
	found   []jsonscan.Value // of each path of the scope
	budget  int              // fields that may still be discovered; negative: any
}

// field returns the scalar at path i of the scope, or a Missing value.
func (e *env) field(i int) jsonscan.Value {
	s := &e.json
	if !s.started {
		s.start(e.row)
	}
	for s.found[i].Kind == jsonscan.Missing && s.budget != 0 && s.scan.Next() {
		s.note(e.scope.paths)
	}
	return s.found[i]
}

func (s *jsonState) start(row *Row) {
	s.started = true
	clear(s.found)
	s.budget = -1
	if len(row.Message) >= leastManyFields {
		s.budget = maxFields
	}
	s.scan = eventObject(row).Scan()
}

// eventObject returns the JSON object that the row's message consists of or,
// in Lambda's groups, contains.
func eventObject(row *Row) jsonscan.Value {
	if doc := jsonscan.Document(row.Message); doc.Kind == jsonscan.Object {
		return doc
	}
	if !isLambda(row) {
		return jsonscan.Value{}
	}
	if n := bytes.IndexByte(row.Message, '{'); n >= 0 {
		return jsonscan.First(row.Message[n:])
	}
	return jsonscan.Value{}
}

func isLambda(row *Row) bool {
	_, group, _ := strings.Cut(row.Log, ":")
	return strings.HasPrefix(group, lambdaGroups)
}

// note looks at the member the scan stands at.
func (s *jsonState) note(paths []string) {
	for i, path := range paths {
		if s.found[i].Kind != jsonscan.Missing {
			continue
		}
		if rest, ok := cutKey(s.scan.Key, path); ok {
			s.found[i] = scalarAt(s.scan.Value, rest)
		}
	}
	if s.budget > 0 {
		s.budget = max(0, s.budget-leaves(s.scan.Value, s.budget))
	}
}

// cutKey takes key off the front of path. A key may itself contain dots.
func cutKey(key []byte, path string) (rest string, ok bool) {
	if bytes.IndexByte(key, '\\') >= 0 {
		key = jsonscan.Unescape(nil, key)
	}
	n := len(key)
	if n > len(path) || string(key) != path[:n] {
		return "", false
	}
	if n == len(path) {
		return "", true
	}
	return path[n+1:], path[n] == '.' && n+1 < len(path)
}

// scalarAt returns the scalar at path below v; an empty path is v itself. A
// null is no scalar here.
func scalarAt(v jsonscan.Value, path string) jsonscan.Value {
	v = valueAt(v, path)
	if !v.IsScalar() || v.Kind == jsonscan.Null {
		return jsonscan.Value{}
	}
	return v
}

func valueAt(v jsonscan.Value, path string) jsonscan.Value {
	if path == "" {
		return v
	}
	switch v.Kind {
	case jsonscan.Object:
		scan := v.Scan()
		for scan.Next() {
			if rest, ok := cutKey(scan.Key, path); ok {
				if found := valueAt(scan.Value, rest); found.Kind != jsonscan.Missing {
					return found
				}
			}
		}
	case jsonscan.Array:
		index, rest, _ := strings.Cut(path, ".")
		if i, err := strconv.Atoi(index); err == nil {
			return valueAt(v.Element(i), rest)
		}
	}
	return jsonscan.Value{}
}

// leaves counts the fields that v flattens to, up to limit.
func leaves(v jsonscan.Value, limit int) int {
	if v.IsScalar() {
		return 1
	}
	n := 0
	scan := v.Scan()
	for n < limit && scan.Next() {
		n += leaves(scan.Value, limit-n)
	}
	return n
}
