// Package jsonscan finds values in JSON text without decoding it. A [Value] is
// a kind and the bytes where the value lies; a [Scanner] walks the members of
// an object or the elements of an array from front to back. Nothing is copied
// and nothing is allocated until the text of a string with escapes is asked
// for.
//
// The package is for reading log messages, so it is lenient where strictness
// would cost a second pass: what lies behind a syntax error is not seen, what
// lies before it is, and the insides of a value that is skipped are only
// checked for balanced quotes and brackets. It never panics, whatever the
// bytes. Of members with the same name the caller meets the first one first.
package jsonscan

import "bytes"

// Kind tells what a Value is.
type Kind uint8

// The kinds. The zero Kind is that of a value which is not there or which
// begins with a byte no JSON value begins with.
const (
	Missing Kind = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

// Value is one JSON value where it lies in a document. Raw borrows the
// document's memory and includes the quotes or brackets.
type Value struct {
	Kind Kind
	Raw  []byte
}

// Document returns the value that b consists of, white space around it aside.
// It looks at both ends of b only: an object must end in a brace, an array in
// a bracket. Anything that cannot be a document has the kind Missing.
func Document(b []byte) Value {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return Value{}
	}
	switch b[0] {
	case '{':
		return container(b, Object, '}')
	case '[':
		return container(b, Array, ']')
	}
	v, end := valueAt(b, 0)
	if end != len(b) {
		return Value{}
	}
	return v
}

// First returns the value that b begins with, whatever follows it.
func First(b []byte) Value {
	v, _ := valueAt(b, skipSpace(b, 0))
	return v
}

func container(b []byte, k Kind, last byte) Value {
	if len(b) < 2 || b[len(b)-1] != last {
		return Value{}
	}
	return Value{Kind: k, Raw: b}
}

// IsScalar reports whether v is there and neither an object nor an array.
func (v Value) IsScalar() bool {
	return v.Kind != Missing && v.Kind != Array && v.Kind != Object
}

// Member returns the first member of the object v called name, or a Missing
// value.
func (v Value) Member(name string) Value {
	if v.Kind != Object {
		return Value{}
	}
	s := v.Scan()
	for s.Next() {
		if KeyIs(s.Key, name) {
			return s.Value
		}
	}
	return Value{}
}

// Element returns element i, counted from 0, of the array v, or a Missing
// value.
func (v Value) Element(i int) Value {
	if v.Kind != Array || i < 0 {
		return Value{}
	}
	s := v.Scan()
	for s.Next() {
		if i == 0 {
			return s.Value
		}
		i--
	}
	return Value{}
}

// Scan returns a scanner over what the object or array v contains. Over any
// other value it finds nothing.
func (v Value) Scan() Scanner {
	if v.Kind != Object && v.Kind != Array {
		return Scanner{}
	}
	return Scanner{b: v.Raw, i: 1, object: v.Kind == Object}
}

// Scanner walks an object or array. Next moves on; Key and Value are then the
// member it stands at.
type Scanner struct {
	// Key is the name between its quotes, with escapes as written; see KeyIs.
	// It is nil in an array.
	Key   []byte
	Value Value

	b      []byte
	i      int
	object bool
}

// Next moves to the next member and reports whether there is one. It stops for
// good at the end and at the first syntax error.
func (s *Scanner) Next() bool {
	i := skipSpace(s.b, s.i)
	if i >= len(s.b) {
		return false
	}
	if s.b[i] == ',' {
		i = skipSpace(s.b, i+1)
	}
	if s.object {
		if i = s.key(i); i < 0 {
			return s.stop()
		}
	}
	v, end := valueAt(s.b, i)
	if end < 0 {
		return s.stop()
	}
	s.Value = v
	s.i = end
	return true
}

// Span returns where the value that s stands at lies in the Raw of what is
// scanned: its first byte and the one after its last.
func (s *Scanner) Span() (start, end int) { return s.i - len(s.Value.Raw), s.i }

func (s *Scanner) stop() bool {
	s.i = len(s.b)
	return false
}

// key reads `"name" :` at i and returns where the value begins, or -1.
func (s *Scanner) key(i int) int {
	if i >= len(s.b) || s.b[i] != '"' {
		return -1
	}
	end := stringEnd(s.b, i)
	if end < 0 {
		return -1
	}
	s.Key = s.b[i+1 : end-1]
	i = skipSpace(s.b, end)
	if i >= len(s.b) || s.b[i] != ':' {
		return -1
	}
	return skipSpace(s.b, i+1)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// valueAt returns the value that begins at i and the index after it, or -1.
func valueAt(b []byte, i int) (Value, int) {
	if i < 0 || i >= len(b) {
		return Value{}, -1
	}
	kind, end := Missing, -1
	switch c := b[i]; c {
	case '"':
		kind, end = String, stringEnd(b, i)
	case '{':
		kind, end = Object, containerEnd(b, i)
	case '[':
		kind, end = Array, containerEnd(b, i)
	case 't':
		kind, end = True, wordEnd(b, i, "true")
	case 'f':
		kind, end = False, wordEnd(b, i, "false")
	case 'n':
		kind, end = Null, wordEnd(b, i, "null")
	default:
		if c == '-' || c >= '0' && c <= '9' {
			kind, end = Number, numberEnd(b, i)
		}
	}
	if end < 0 {
		return Value{}, -1
	}
	return Value{Kind: kind, Raw: b[i:end:end]}, end
}

func wordEnd(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

func numberEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		c := b[i]
		if (c < '0' || c > '9') && c != '.' && c != 'e' && c != 'E' && c != '+' && c != '-' {
			break
		}
	}
	return i
}

// shortString is how many bytes of a string are looked at one by one before
// the vectorised search pays for its call.
const shortString = 12

// stringEnd returns the index after the quote that closes the string whose
// opening quote is at i, or -1.
func stringEnd(b []byte, i int) int {
	i++
	for n := min(len(b), i+shortString); i < n; i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	from := i
	for i < len(b) {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		if !escaped(b[from:i]) {
			return i + 1
		}
		i++
	}
	return -1
}

// escaped reports whether the byte after b is escaped by the backslashes that
// b ends in.
func escaped(b []byte) bool {
	n := 0
	for i := len(b) - 1; i >= 0 && b[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// containerEnd returns the index after the bracket that closes the object or
// array which opens at i, or -1. It keeps count instead of calling itself, so
// depth costs no stack.
func containerEnd(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			end := stringEnd(b, i)
			if end < 0 {
				return -1
			}
			i = end
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return -1
}
