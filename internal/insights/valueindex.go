package insights

import (
	"slices"
	"strconv"
)

// valueIndex finds rows by a value as = compares it.
type valueIndex struct {
	values []value
	rows   map[string][]int
}

func newValueIndex() *valueIndex { return &valueIndex{rows: map[string][]int{}} }

// add puts in the next row's value, which the index keeps.
func (x *valueIndex) add(v value) {
	row := len(x.values)
	x.values = append(x.values, v)
	for _, key := range indexKeys(v) {
		x.rows[key] = append(x.rows[key], row)
	}
}

// find returns the rows whose value equals v, in their order.
func (x *valueIndex) find(v value) []int {
	keys := indexKeys(v)
	var found []int
	for _, key := range keys {
		for _, row := range x.rows[key] {
			if equal(v, x.values[row]) {
				found = append(found, row)
			}
		}
	}
	if len(keys) > 1 {
		slices.Sort(found)
		found = slices.Compact(found)
	}
	return found
}

// has reports whether a row's value equals v.
func (x *valueIndex) has(v value) bool {
	for _, key := range indexKeys(v) {
		for _, row := range x.rows[key] {
			if equal(v, x.values[row]) {
				return true
			}
		}
	}
	return false
}

// indexKeys are what equal values have in common: the number that they are or
// look like, the words that booleans are equal to, or else the text.
func indexKeys(v value) []string {
	if !v.isPlain() {
		return nil
	}
	if v.kind == text {
		switch string(v.b) {
		case "true":
			return []string{numberKey(1), "ttrue"}
		case "false":
			return []string{numberKey(0), "tfalse"}
		}
	}
	if n, ok := v.number(); ok {
		if v.kind == instant {
			return []string{numberKey(n), "t" + string(v.appendTo(nil))}
		}
		return []string{numberKey(n)}
	}
	return []string{"t" + string(v.b)}
}

func numberKey(n float64) string {
	if n == 0 {
		n = 0 // not minus 0
	}
	return "n" + strconv.FormatFloat(n, 'g', -1, 64)
}
