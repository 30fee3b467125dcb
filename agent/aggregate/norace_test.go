//go:build !race

package aggregate_test

// manyValues is how many values a tag has that has too many.
const manyValues = 1_000_000
