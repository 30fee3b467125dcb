//go:build race

package aggregate_test

// manyValues is how many values a tag has that has too many: the race detector
// makes each take ten times as long.
const manyValues = 100_000
