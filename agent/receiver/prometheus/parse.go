package prometheus

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sidelight-dev/sidelight"
	"github.com/sidelight-dev/sidelight/internal/promtext"
)

// parseLabels reads a="b",c="d" into labels sorted by name. Labels without a
// value are as good as not there. It copies what it returns.
func parseLabels(b []byte) ([]sidelight.Dimension, error) {
	var out []sidelight.Dimension
	for {
		name, raw, rest, err := promtext.NextLabel(b)
		if err != nil {
			return nil, err
		}
		if len(name) == 0 {
			break
		}
		value := promtext.Unescape(raw)
		at, twice := slices.BinarySearchFunc(out, string(name), func(d sidelight.Dimension, name string) int { return strings.Compare(d.Name, name) })
		if twice || !utf8.ValidString(value) {
			return nil, promtext.ErrLine
		}
		out = slices.Insert(out, at, sidelight.Dimension{Name: string(name), Value: value})
		b = rest
	}
	return slices.DeleteFunc(out, func(d sidelight.Dimension) bool { return d.Value == "" }), nil
}
