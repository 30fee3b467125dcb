package insights

import (
	"maps"
	"slices"
)

// FunctionNames are the functions and aggregates that the engine knows, in
// lower case.
func FunctionNames() []string {
	return slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, bool) bool) {
		for name := range functionTable() {
			if !yield(name, true) {
				return
			}
		}
		for name := range aggregateTable() {
			if !yield(name, true) {
				return
			}
		}
	})))
}

// CommandNames are the commands that the engine knows, in lower case.
func CommandNames() (names []string) {
	for _, c := range commandList() {
		names = append(names, c.name)
	}
	return names
}
