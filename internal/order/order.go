// Package order sorts slices at a person's pace, or once an interval. The
// functions of package slices that take a comparison are compiled anew for each
// element type of its own shape, 14 to 25 KB of code each; these add some
// hundred bytes for each and share the sorting itself, by reflection. That
// costs up to twice the time and three small allocations a call, so what runs
// for every event keeps to slices.
package order

import (
	"iter"
	"slices"
	"sort"
)

// By sorts s as compare says, which is that of [slices.SortFunc]. Elements that
// compare equal may end in any order.
func By[E any](s []E, compare func(a, b E) int) {
	if len(s) > 1 {
		sort.Slice(s, func(i, j int) bool { return compare(s[i], s[j]) < 0 })
	}
}

// Stable is By but keeps elements that compare equal in the order they had.
func Stable[E any](s []E, compare func(a, b E) int) {
	if len(s) > 1 {
		sort.SliceStable(s, func(i, j int) bool { return compare(s[i], s[j]) < 0 })
	}
}

// Sorted returns the elements of seq, sorted as by Stable.
func Sorted[E any](seq iter.Seq[E], compare func(a, b E) int) []E {
	s := slices.Collect(seq)
	Stable(s, compare)
	return s
}
