package segment

import (
	"encoding/json"
	"strings"
)

// Limits of annotations (X-Ray developer guide, "Segment documents").
const (
	// MaxAnnotations is how many annotations of a trace are indexed.
	MaxAnnotations = 50
	// MaxAnnotationKey and MaxAnnotationText bound a key and a string value, in
	// Unicode characters.
	MaxAnnotationKey  = 500
	MaxAnnotationText = 1000
)

// Value is an annotation's value: a string, a float64 or a bool, or nil for any
// other JSON type, which is not indexed.
type Value struct{ V any }

// UnmarshalJSON implements json.Unmarshaler.
func (v *Value) UnmarshalJSON(b []byte) error {
	v.V = nil
	var x any
	if err := json.Unmarshal(b, &x); err != nil {
		// A number beyond float64 is valid JSON all the same; it is not indexed.
		return nil
	}
	switch x := x.(type) {
	case string, float64, bool:
		v.V = x
	}
	return nil
}

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.V) }

// IndexableKey reports whether an annotation of this key is indexed: letters,
// digits, underscores and dots.
func IndexableKey(key string) bool {
	if key == "" || len(key) > MaxAnnotationKey {
		return false
	}
	return strings.IndexFunc(key, func(r rune) bool {
		return !(r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0
}
