package insights

import (
	"bytes"
	"iter"
	"strconv"
	"strings"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// Fields yields the names and values of what a query sees in row, @ptr aside:
// the system fields, then the discovered ones in the order of the message. It
// is what GetLogRecord answers, and its names are those GetLogGroupFields
// counts.
func Fields(row *Row) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		s := newScope(true)
		e := newEnv(s, &Options{})
		e.reset(row, 0)
		for _, name := range systemNames {
			if name == "@ptr" {
				continue
			}
			if !yield(name, shown(systemField(name)(e))) {
				return
			}
		}
		e.discovered(yield)
	}
}

// discoveredFields yields the fields of row but for the system's.
func discoveredFields(row *Row) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		e := newEnv(newScope(true), &Options{})
		e.reset(row, 0)
		e.discovered(yield)
	}
}

// discovered yields the fields of the row that its message spells.
func (e *env) discovered(yield func(name, value string) bool) {
	for _, name := range lambdaNames {
		if v := lambdaField(name)(e); v.kind != missing && !yield(name, shown(v)) {
			return
		}
	}
	if doc := eventObject(e.row); doc.Kind == jsonscan.Object {
		left := maxFields
		e.flatten(doc, nil, &left, yield)
		return
	}
	vended(e.row.Message, yield)
}

func shown(v value) string { return string(v.appendTo(nil)) }

// flatten yields the scalars below v; path are the names that lead there.
func (e *env) flatten(v jsonscan.Value, path []string, left *int, yield func(name, value string) bool) bool {
	if v.IsScalar() {
		*left--
		return v.Kind == jsonscan.Null || yield(strings.Join(path, "."), shown(e.jsonValue(v)))
	}
	scan := v.Scan()
	for i := 0; *left > 0 && scan.Next(); i++ {
		name := strconv.Itoa(i)
		if v.Kind == jsonscan.Object {
			name = string(jsonscan.Unescape(nil, scan.Key))
		}
		if len(path) == 0 && strings.HasPrefix(name, "@") {
			name = "@" + name
		}
		if !e.flatten(scan.Value, append(path, name), left, yield) {
			return false
		}
	}
	return true
}

// vended yields the columns of a line of VPC flow or Route 53 query logs.
func vended(message []byte, yield func(name, value string) bool) {
	message = bytes.TrimSpace(message)
	var names []string
	switch {
	case isFlow(message):
		names = flowNames
	case isRoute53(message):
		names = route53Names
	}
	for i, name := range names {
		if !yield(name, string(word(message, i))) {
			return
		}
	}
}
