package filterpattern

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight/internal/jsonscan"
)

// MaxLength is the longest pattern, in characters, that the service accepts
// (SDK: filterPattern of PutMetricFilter and FilterLogEvents, 0 to 1,024).
const MaxLength = 1024

// Limits on one pattern, from the user guide's page on filter pattern syntax.
const (
	maxRegexes   = 2
	maxWildcards = 3
)

// SyntaxError tells what is wrong with a pattern.
type SyntaxError struct {
	// Offset is where, in bytes from the pattern's beginning.
	Offset int
	// Msg says what was expected there and what was found.
	Msg string
}

// Error names the offset and the expectation.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("filter pattern at offset %d: %s", e.Offset, e.Msg)
}

// Pattern is a compiled filter pattern. It is safe for concurrent use.
type Pattern struct {
	family family
	match  func(message []byte) bool
	paths  []path  // JSON family: the selectors, in order of appearance
	fields []field // field family: the columns
}

type family uint8

const (
	termFamily family = iota
	jsonFamily
	fieldFamily
)

// Compile parses pattern. Its error is a *SyntaxError.
func Compile(pattern string) (*Pattern, error) {
	if n := utf8.RuneCountInString(pattern); n > MaxLength {
		return nil, &SyntaxError{Offset: 0, Msg: fmt.Sprintf("expected at most %d characters, found %d", MaxLength, n)}
	}
	p := &parser{text: pattern}
	p.space()
	switch {
	case p.peek('{'):
		return p.jsonPattern()
	case p.peek('['):
		return p.fieldPattern()
	}
	return p.termPattern()
}

// Match reports whether message satisfies the pattern. It does not keep
// message.
func (p *Pattern) Match(message []byte) bool {
	return p.match(message)
}

// Extract reports whether message matches and, if so, what the pattern's own
// selectors see in it, as TestMetricFilter answers: "$.path" for each selector
// of a JSON pattern that selects a value, "$name" for each column of a field
// pattern, "$3" for the third column if it has no name. Term patterns extract
// nothing; the map is then empty.
func (p *Pattern) Extract(message []byte) (map[string]string, bool) {
	if !p.match(message) {
		return nil, false
	}
	values := map[string]string{}
	switch p.family {
	case jsonFamily:
		doc := jsonscan.Document(message)
		for _, path := range p.paths {
			if v, ok := path.text(doc); ok {
				values[path.spelling] = v
			}
		}
	case fieldFamily:
		p.columns(message, func(name string, text []byte) {
			values["$"+name] = string(text)
		})
	}
	return values, true
}

// Selector picks one value out of messages: a metric filter's value or
// dimension. It is safe for concurrent use.
type Selector struct {
	pattern *Pattern
	path    path
	column  string
}

// Selector compiles selector, "$.path" for a JSON pattern or "$name" for a
// field pattern that has a column of that name. The path of a JSON selector
// need not occur in the pattern. The error is a *SyntaxError with offsets in
// selector.
func (p *Pattern) Selector(selector string) (*Selector, error) {
	switch p.family {
	case jsonFamily:
		q := &parser{text: selector}
		path, err := q.selector()
		if err == nil && !q.end() {
			err = q.expected("the end of the selector")
		}
		if err != nil {
			return nil, err
		}
		return &Selector{pattern: p, path: path}, nil
	case fieldFamily:
		name, ok := strings.CutPrefix(selector, "$")
		if !ok || !p.hasColumn(name) {
			return nil, &SyntaxError{Msg: fmt.Sprintf("expected $ and the name of a column of the pattern, found %q", selector)}
		}
		return &Selector{pattern: p, column: name}, nil
	}
	return nil, &SyntaxError{Msg: fmt.Sprintf("a pattern of terms has no values to select, found %q", selector)}
}

// Value returns what the selector picks from message, and false if that is
// nothing, null, an object or an array. It does not ask whether the message
// matches the pattern.
func (s *Selector) Value(message []byte) (string, bool) {
	if s.pattern.family == jsonFamily {
		return s.path.text(jsonscan.Document(message))
	}
	var value string
	var found bool
	s.pattern.columns(message, func(name string, text []byte) {
		if name == s.column {
			value, found = string(text), true
		}
	})
	return value, found
}
